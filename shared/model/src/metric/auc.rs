//! The area under the ROC curve from histograms over the logit (Fawcett 2006, with ties counted half).
//!
//! With n and p the negatives and positives in a bin: `AUC = Σ_b p_b · (N_below_b + n_b / 2) / (P · N)`. Rows of one
//! bin count as ties. In truth each such pair counts 0, ½ or 1, so the true area lies within
//! `± ½ · Σ_b p_b · n_b / (P · N)`: the resolution.

/// An area and how far the true one may be from it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Area {
    pub(super) auc: f64,
    pub(super) resolution: f64,
}

/// From counts: integers up to the last division. None where a class has no rows.
pub(super) fn of_counts(negatives: &[u64], positives: &[u64]) -> Option<Area> {
    let (mut below, mut all, mut doubled, mut ties) = (0u128, 0u128, 0u128, 0u128);
    for (n, p) in negatives.iter().zip(positives) {
        let (n, p) = (u128::from(*n), u128::from(*p));
        doubled += p * (2 * below + n);
        ties += p * n;
        below += n;
        all += p;
    }
    let pairs = 2 * below * all;
    (pairs > 0).then(|| Area { auc: doubled as f64 / pairs as f64, resolution: ties as f64 / pairs as f64 })
}

/// From sums of row weights, in the order of the bins. None where a class weighs nothing.
pub(super) fn of_weights(negatives: &[f64], positives: &[f64]) -> Option<Area> {
    let (mut below, mut all, mut doubled, mut ties) = (0.0, 0.0, 0.0, 0.0);
    for (n, p) in negatives.iter().zip(positives) {
        doubled += p * (2.0 * below + n);
        ties += p * n;
        below += n;
        all += p;
    }
    let pairs = 2.0 * below * all;
    let area = Area { auc: doubled / pairs, resolution: ties / pairs };
    (pairs > 0.0 && area.auc.is_finite() && area.resolution.is_finite()).then_some(area)
}
