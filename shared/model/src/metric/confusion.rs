//! Two classes at a threshold of the user's choice.

use serde::Serialize;

use super::logit::{nearest_edge, threshold};
use super::threshold::Above;

/// How many rows, or what they weigh where rows have weights.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Counts {
    Rows(Vec<u64>),
    Weights(Vec<f64>),
}

/// What follows from predicting class 1 from `threshold` on. What has no value is absent.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct AtThreshold {
    /// The edge of a bin that is nearest to what was asked: at most 1/16,384 away. All else is exact there.
    pub threshold: f64,
    /// (actual, predicted), row-major.
    pub confusion: Counts,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub accuracy: Option<f64>,
    /// The share of class 1 among the rows that are predicted so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub precision: Option<f64>,
    /// The share of class 1 that is predicted so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recall: Option<f64>,
    /// The share of class 0 that is predicted so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub specificity: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub f1: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mcc: Option<f64>,
    /// Of the classes that occur.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mean_per_class_error: Option<f64>,
}

impl AtThreshold {
    pub(super) fn of_counts(negatives: &[u64], positives: &[u64], probability: f64) -> Self {
        let bin = nearest_edge(probability);
        let cells =
            [negatives, positives].map(|bins| [&bins[..bin], &bins[bin..]].map(|bins| bins.iter().sum::<u64>()));
        Self::new(bin, Counts::Rows(cells.concat()), cells.map(|row| row.map(|cell| cell as f64)))
    }

    pub(super) fn of_weights(negatives: &[f64], positives: &[f64], probability: f64) -> Self {
        let bin = nearest_edge(probability);
        let cells =
            [negatives, positives].map(|bins| [&bins[..bin], &bins[bin..]].map(|bins| bins.iter().sum::<f64>()));
        Self::new(bin, Counts::Weights(cells.concat()), cells)
    }

    fn new(bin: usize, confusion: Counts, [[tn, fp], [fneg, tp]]: [[f64; 2]; 2]) -> Self {
        let share = |part: f64, all: f64| Some(part / all).filter(|share| share.is_finite());
        let (recall, specificity) = (share(tp, tp + fneg), share(tn, tn + fp));
        let above = Above { tp, fp, positives: tp + fneg, negatives: tn + fp };
        let both = recall.is_some() && specificity.is_some();
        let errors: Vec<f64> = [specificity, recall].into_iter().flatten().map(|right| 1.0 - right).collect();
        Self {
            threshold: threshold(bin),
            confusion,
            accuracy: share(tp + tn, tp + tn + fp + fneg),
            precision: share(tp, tp + fp),
            recall,
            specificity,
            f1: both.then(|| above.f_beta(1.0)),
            mcc: both.then(|| above.mcc()),
            mean_per_class_error: share(errors.iter().sum(), errors.len() as f64),
        }
    }
}
