//! The spec as it was written: what is absent takes its default when the spec is resolved.

use aquifer_frame::TaskChoice;
use serde::{Serialize, Serializer};

use super::fit::{Algorithm, FitSpec, MissingValues};
use crate::params::{Activation, AveragingMode, Optimizer};

/// What a user asked for. Units, ranges and defaults of the keys: docs/defaults.md.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Spec {
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "whole")]
    pub version: Option<u64>,
    /// Paths, globs or folders; or else `frame`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub data: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub frame: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub valid: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub test: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub features: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub ignored_columns: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub weights_column: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub task: Option<TaskChoice>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub algorithm: Option<Algorithm>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub device: Option<Device>,
    #[serde(skip_serializing_if = "RawEncoding::is_empty")]
    pub encoding: RawEncoding,
    #[serde(skip_serializing_if = "RawParams::is_empty")]
    pub params: RawParams,
}

/// Where ranks are computed; no bit depends on it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Device {
    #[default]
    Auto,
    Cpu,
}

/// Table `[encoding]`.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct RawEncoding {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub standardize: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub missing_values_handling: Option<MissingValues>,
}

/// Table `[params]` of deep learning.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct RawParams {
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "wholes")]
    pub hidden: Option<Vec<u64>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub activation: Option<Activation>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub optimizer: Option<RawOptimizer>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub learning_rate: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub momentum: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub beta1: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub beta2: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub epsilon: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "whole")]
    pub mini_batch_size: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub epochs: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub l1: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub l2: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub input_dropout_ratio: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hidden_dropout_ratios: Option<Vec<f64>>,
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "whole")]
    pub seed: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "whole")]
    pub ranks: Option<u64>,
    #[serde(skip_serializing_if = "RawAveraging::is_empty")]
    pub averaging: RawAveraging,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum RawOptimizer {
    Adam,
    Sgd,
}

/// `averaging = { … }` of `[params]`.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct RawAveraging {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mode: Option<AveragingMode>,
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "whole")]
    pub interval: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub outer_rate: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub outer_momentum: Option<f64>,
}

impl RawEncoding {
    fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

impl RawParams {
    fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

impl RawAveraging {
    fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

impl Spec {
    /// As TOML that [`Spec::parse`] takes back.
    pub fn to_toml(&self) -> String {
        // Texts, lists, tables and numbers: TOML has a form for each (`whole` sees to the largest).
        toml::to_string(self).expect("a spec has a TOML form")
    }

    /// This spec with every default in place, as it was resolved: accepted back, with the same fit.
    pub fn resolved(&self, fit: &FitSpec) -> Spec {
        let p = &fit.params;
        let (momentum, beta1, beta2, epsilon) = match p.optimizer {
            Optimizer::Sgd { momentum } => (Some(momentum), None, None, None),
            Optimizer::Adam { beta1, beta2, epsilon } => (None, Some(beta1), Some(beta2), Some(epsilon)),
        };
        let average = p.averaging_mode == AveragingMode::Average;
        Spec {
            version: Some(SPEC_VERSION),
            target: Some(fit.target.clone()),
            features: fit.features.clone(),
            ignored_columns: fit.ignored_columns.clone(),
            weights_column: fit.weights_column.clone(),
            task: Some(fit.task),
            algorithm: Some(fit.algorithm),
            device: Some(self.device.unwrap_or_default()),
            encoding: RawEncoding {
                standardize: Some(fit.encoding.standardize),
                missing_values_handling: Some(fit.encoding.missing_values_handling),
            },
            params: RawParams {
                hidden: Some(p.hidden.iter().map(|units| *units as u64).collect()),
                activation: Some(p.activation),
                optimizer: Some(p.optimizer.into()),
                learning_rate: Some(p.learning_rate),
                momentum,
                beta1,
                beta2,
                epsilon,
                mini_batch_size: Some(p.mini_batch_size as u64),
                epochs: Some(p.epochs),
                l1: Some(p.l1),
                l2: Some(p.l2),
                input_dropout_ratio: Some(p.input_dropout_ratio),
                hidden_dropout_ratios: Some(p.hidden_dropout_ratios.clone()),
                seed: Some(p.seed),
                ranks: Some(u64::from(p.ranks)),
                averaging: RawAveraging {
                    mode: Some(p.averaging_mode),
                    interval: average.then_some(p.averaging_interval),
                    outer_rate: average.then_some(p.outer_rate),
                    outer_momentum: average.then_some(p.outer_momentum),
                },
            },
            ..self.clone()
        }
    }

    /// [`Spec::resolved`] as TOML.
    pub fn resolved_toml(&self, fit: &FitSpec) -> String {
        self.resolved(fit).to_toml()
    }
}

/// The only version of a spec so far.
pub(super) const SPEC_VERSION: u64 = 1;

impl From<Optimizer> for RawOptimizer {
    fn from(optimizer: Optimizer) -> Self {
        match optimizer {
            Optimizer::Adam { .. } => RawOptimizer::Adam,
            Optimizer::Sgd { .. } => RawOptimizer::Sgd,
        }
    }
}

/// TOML's whole numbers end at 2⁶³ − 1. A larger one is out of every range; written as a text it stays readable for the
/// message that refuses it.
fn whole<S: Serializer>(number: &Option<u64>, serializer: S) -> Result<S::Ok, S::Error> {
    match number.map(|number| (i64::try_from(number), number)) {
        None => serializer.serialize_none(),
        Some((Ok(number), _)) => serializer.serialize_i64(number),
        Some((Err(_), number)) => serializer.serialize_str(&number.to_string()),
    }
}

fn wholes<S: Serializer>(numbers: &Option<Vec<u64>>, serializer: S) -> Result<S::Ok, S::Error> {
    // The largest is out of range as well.
    let numbers = numbers.iter().flatten().map(|number| i64::try_from(*number).unwrap_or(i64::MAX));
    serializer.collect_seq(numbers)
}
