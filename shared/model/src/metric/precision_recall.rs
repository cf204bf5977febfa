//! The area under the precision-recall curve: average precision, as scikit-learn's `average_precision_score`, without
//! interpolation.
//!
//! From the highest bin down, with tp and fp the weights above it, and p and n its own: `AP = Σ p (tp + p) / (tp + p + fp + n) / P`.
//! Rows of one bin count as ties. In truth positives may come first in it, each at a precision of (tp + p) / (tp + p + fp)
//! at most; or last, the i-th of them at g(i) = (tp + i) / (tp + i + fp + n), which is concave: their sum is at least
//! p · (g(first) + g(p)) / 2. What these bounds add up to is the resolution. The first has i = 1; with row weights nobody
//! knows how much the first one weighs, so it is 0, and the resolution is coarser.

/// An area and how far the true one may be from it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Precision {
    pub(super) average: f64,
    pub(super) resolution: f64,
}

/// None where a class weighs nothing.
pub(super) fn average(negatives: &[f64], positives: &[f64], weighted: bool) -> Option<Precision> {
    let first = if weighted { 0.0 } else { 1.0 };
    let (mut tp, mut fp, mut sum, mut most, mut least) = (0.0, 0.0, 0.0, 0.0, 0.0);
    for (n, p) in negatives.iter().zip(positives).rev() {
        if *p > 0.0 {
            // Where no negative is above, the precision is 1, also of the first row.
            let precision = |i: f64, fp: f64| if fp > 0.0 { (tp + i) / (tp + i + fp) } else { 1.0 };
            let tied = precision(*p, fp + n);
            sum += p * tied;
            most += p * precision(*p, fp);
            least += p * 0.5 * (precision(first, fp + n) + tied);
        }
        (tp, fp) = (tp + p, fp + n);
    }
    let resolution = if most - sum > sum - least { most - sum } else { sum - least };
    let area = Precision { average: sum / tp, resolution: resolution / tp };
    (tp > 0.0 && fp > 0.0 && area.average.is_finite() && area.resolution.is_finite()).then_some(area)
}
