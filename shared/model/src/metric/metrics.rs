//! What is reported.

use serde::{Deserialize, Serialize};

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
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub accuracy: Option<f64>,
    /// In the target's own unit.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub rmse: Option<f64>,
    /// In the target's own unit.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub mae: Option<f64>,
    /// (actual, predicted) row-major counts in the order of the target's levels.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub confusion: Option<Vec<u64>>,
}
