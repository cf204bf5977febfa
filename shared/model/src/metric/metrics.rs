//! What is reported. Formulas, units, sources and resolutions of all of it: docs/metrics.md.

use serde::{Deserialize, Serialize};

use super::{BestThresholds, GainsGroup};

/// Metrics of one part of the data; those that do not apply to the task, or are not finite, are absent.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Metrics {
    /// Rows scored.
    pub rows: u64,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub logloss: Option<f64>,
    /// Area under the ROC curve; absent where only one class occurs.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub auc: Option<f64>,
    /// The true area lies within `auc ± auc_resolution`.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub auc_resolution: Option<f64>,
    /// 2 · AUC − 1; its resolution is twice that of the area.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub gini: Option<f64>,
    /// Average precision.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub pr_auc: Option<f64>,
    /// The true area lies within `pr_auc ± pr_auc_resolution`.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub pr_auc_resolution: Option<f64>,
    /// Of what `predict` says: the likeliest class, of two classes the second one from ½ on.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub accuracy: Option<f64>,
    /// At ½.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub f1: Option<f64>,
    /// At ½.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub mcc: Option<f64>,
    /// The mean, over the classes that occur, of the share of a class that is predicted as another one.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub mean_per_class_error: Option<f64>,
    /// The best value over all thresholds of metrics of two classes.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub best: Option<BestThresholds>,
    /// Several classes: the share of rows whose class is among the k likeliest, k = 1, 2, … .
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub hit_ratios: Option<Vec<f64>>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub gains_lift: Option<Vec<GainsGroup>>,
    /// In the target's own unit, squared.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub mse: Option<f64>,
    /// In the target's own unit.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub rmse: Option<f64>,
    /// In the target's own unit.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub mae: Option<f64>,
    /// Of logarithms: no unit. Absent where a prediction or a target is −1 or less.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub rmsle: Option<f64>,
    /// Absent where the target is constant.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub r2: Option<f64>,
    /// The loss that was minimised, in the target's own unit (squared, but for the absolute loss).
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub mean_residual_deviance: Option<f64>,
    /// (actual, predicted) row-major counts in the order of the target's levels.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub confusion: Option<Vec<u64>>,
}

impl Metrics {
    /// Those that a model file keeps. They stay these few, so that a metric that is new changes no model's bytes.
    pub fn kept(&self) -> Metrics {
        let Metrics { rows, logloss, auc, auc_resolution, accuracy, rmse, mae, .. } = *self;
        let confusion = self.confusion.clone();
        Metrics { rows, logloss, auc, auc_resolution, accuracy, rmse, mae, confusion, ..Metrics::default() }
    }
}
