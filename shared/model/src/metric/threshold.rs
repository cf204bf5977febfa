//! Metrics of two classes at a threshold, and the threshold that makes the most of each.
//!
//! With P and N the weight of the rows of class 1, the positive one, and of class 0, and of those tp and fp above the threshold:
//!
//! ```text
//! F_β      = (1 + β²) tp / (β² P + tp + fp)
//! accuracy = (tp + N − fp) / (P + N)
//! MCC      = (tp tn − fp fn) / √((tp + fp) (tn + fn) P N), 0 where one class is predicted for all rows
//! K-S      = |tp / P − fp / N|
//! ```
//!
//! Thresholds tried are the edges of the bins, and one above all rows. A threshold inside a bin of p positives and n
//! negatives would leave at most tp + p above it, and at least fp. Each metric rises with tp and falls with fp (MCC where
//! it is above 0), so no threshold gives more than the largest value at such a corner: that is the resolution.

use serde::{Deserialize, Serialize};

use super::logit::{BINS, threshold};

/// The best value of a metric over all thresholds.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Best {
    pub value: f64,
    /// Class 1 is predicted where its probability is this or more; the highest of equally good ones.
    pub threshold: f64,
    /// No threshold makes the value larger than `value + resolution`.
    pub resolution: f64,
}

/// The best value of each metric, and where it is reached.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct BestThresholds {
    pub f1: Best,
    pub f2: Best,
    pub f0_5: Best,
    pub accuracy: Best,
    pub mcc: Best,
    /// Kolmogorov-Smirnov: the largest distance between the two classes' distributions.
    pub ks: Best,
}

/// Weights above a threshold, and in all.
#[derive(Clone, Copy, Debug)]
pub(super) struct Above {
    pub(super) tp: f64,
    pub(super) fp: f64,
    pub(super) positives: f64,
    pub(super) negatives: f64,
}

impl Above {
    pub(super) fn f_beta(self, beta2: f64) -> f64 {
        (1.0 + beta2) * self.tp / (beta2 * self.positives + self.tp + self.fp)
    }

    pub(super) fn accuracy(self) -> f64 {
        (self.tp + (self.negatives - self.fp)) / (self.positives + self.negatives)
    }

    /// By rates, so that no product of four weights overflows.
    pub(super) fn mcc(self) -> f64 {
        let all = self.positives + self.negatives;
        let predicted = (self.tp + self.fp) / all;
        let scale = (self.positives / all) * (self.negatives / all) / (predicted * (1.0 - predicted));
        let mcc = (self.tp / self.positives - self.fp / self.negatives) * scale.sqrt();
        if mcc.is_finite() { mcc } else { 0.0 }
    }

    fn ks(self) -> f64 {
        (self.tp / self.positives - self.fp / self.negatives).abs()
    }

    fn all(self) -> [f64; 6] {
        [self.f_beta(1.0), self.f_beta(4.0), self.f_beta(0.25), self.accuracy(), self.mcc(), self.ks()]
    }
}

/// The place of K-S in [`Above::all`].
const KS: usize = 5;

/// None where a class weighs nothing.
pub(super) fn best(negatives: &[f64], positives: &[f64]) -> Option<BestThresholds> {
    let bins = || negatives.iter().zip(positives).enumerate().rev().filter(|(_, (n, p))| **n + **p > 0.0);
    let (n, p) = bins().fold((0.0, 0.0), |(n, p), (_, bin)| (n + bin.0, p + bin.1));
    if !(n > 0.0 && p > 0.0 && (n + p).is_finite()) {
        return None;
    }
    let mut above = Above { tp: 0.0, fp: 0.0, positives: p, negatives: n };
    // (value, bin of the threshold) and the largest corner, of each metric.
    let end = bins().next().map_or(BINS, |(bin, _)| bin + 1);
    let mut found = above.all().map(|value| (value, end));
    let mut corners = above.all();
    for (bin, (n, p)) in bins() {
        let corner = Above { tp: above.tp + p, ..above }.all();
        let lower = Above { fp: above.fp + n, ..above }.ks(); // a distance has two sides
        (above.tp, above.fp) = (above.tp + p, above.fp + n);
        for (at, value) in above.all().into_iter().enumerate() {
            if value > found[at].0 {
                found[at] = (value, bin);
            }
            if corner[at] > corners[at] {
                corners[at] = corner[at];
            }
        }
        if lower > corners[KS] {
            corners[KS] = lower;
        }
    }
    let best = |at: usize| {
        let (value, bin) = found[at];
        let resolution = corners[at] - value;
        Best { value, threshold: threshold(bin), resolution: if resolution > 0.0 { resolution } else { 0.0 } }
    };
    Some(BestThresholds { f1: best(0), f2: best(1), f0_5: best(2), accuracy: best(3), mcc: best(4), ks: best(KS) })
}
