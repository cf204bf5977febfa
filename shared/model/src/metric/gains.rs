//! The gains and lift table: rows sorted by their score, highest first, cut into groups.
//!
//! Groups end at H2O's 16 shares of the rows: 1 to 5 % one by one, 10, 15, 20 %, then every tenth. A group takes whole bins
//! of the logit until its share is reached, as H2O's takes all rows at its quantile; so it may hold somewhat more, and where rows of
//! equal score pass several shares at once, there are fewer groups.

use serde::{Deserialize, Serialize};

use super::logit::threshold;

/// Per cent of the rows' weight at which groups end.
const PERCENT: [f64; 16] = [1., 2., 3., 4., 5., 10., 15., 20., 30., 40., 50., 60., 70., 80., 90., 100.];

/// A group of rows with neighbouring scores. Rates are of class 1; *cumulative* means with all groups above.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct GainsGroup {
    pub cumulative_data_fraction: f64,
    /// The probability of class 1 from which rows are in this group or above.
    pub lower_threshold: f64,
    /// The share of class 1 in the group.
    pub response_rate: f64,
    pub cumulative_response_rate: f64,
    /// The response rate over that of all rows.
    pub lift: f64,
    pub cumulative_lift: f64,
    /// The share of all of class 1 that is in the group.
    pub capture_rate: f64,
    pub cumulative_capture_rate: f64,
    /// Captured share of class 1 less that of class 0, so far.
    pub kolmogorov_smirnov: f64,
}

/// Highest scores first; none where a class weighs nothing.
pub(super) fn table(negatives: &[f64], positives: &[f64]) -> Option<Vec<GainsGroup>> {
    let bins = || negatives.iter().zip(positives).enumerate().rev().filter(|(_, (n, p))| **n + **p > 0.0);
    let (all_n, all_p) = bins().fold((0.0, 0.0), |(n, p), (_, bin)| (n + bin.0, p + bin.1));
    let all = all_n + all_p;
    if !(all_n > 0.0 && all_p > 0.0 && all.is_finite()) {
        return None;
    }
    let (mut groups, mut shares) = (Vec::new(), PERCENT.into_iter().peekable());
    let (mut n, mut p) = (0.0, 0.0);
    let mut before = (0.0, 0.0);
    for (bin, (bin_n, bin_p)) in bins() {
        (n, p) = (n + bin_n, p + bin_p);
        let mut ends = false;
        while shares.next_if(|percent| (n + p) * 100.0 >= percent * all).is_some() {
            ends = true;
        }
        if ends {
            let rate = (p - before.1) / ((n - before.0) + (p - before.1));
            let rate_so_far = p / (n + p);
            groups.push(GainsGroup {
                cumulative_data_fraction: (n + p) / all,
                lower_threshold: threshold(bin),
                response_rate: rate,
                cumulative_response_rate: rate_so_far,
                lift: rate / (all_p / all),
                cumulative_lift: rate_so_far / (all_p / all),
                capture_rate: (p - before.1) / all_p,
                cumulative_capture_rate: p / all_p,
                kolmogorov_smirnov: p / all_p - n / all_n,
            });
            before = (n, p);
        }
    }
    Some(groups)
}
