//! The spec as it was written: what is absent takes its default when the spec is resolved.

use std::collections::BTreeMap;

use aquifer_frame::{
    EncodingOptions, Meaning, MissingValues, Mixing, Scaling, SchemaMode, TaskChoice, TimeFeatures, Transform,
};
use serde::{Serialize, Serializer};

use super::fit::{Algorithm, FitSpec};
use super::folds::RawCrossValidation;
use super::search::RawSearch;
use super::stopping::RawStopping;
use crate::params::{Activation, AveragingMode, InitialWeights, LearningRateSchedule, Loss, Optimizer};

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
    pub schema: Option<SchemaMode>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub partitions: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rename: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub split: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub split_by: Option<String>,
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
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub types: BTreeMap<String, Meaning>,
    #[serde(skip_serializing_if = "RawEncoding::is_empty")]
    pub encoding: RawEncoding,
    #[serde(skip_serializing_if = "RawParams::is_empty")]
    pub params: RawParams,
    #[serde(skip_serializing_if = "RawCrossValidation::is_empty")]
    pub cross_validation: RawCrossValidation,
    #[serde(skip_serializing_if = "RawStopping::is_empty")]
    pub stopping: RawStopping,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub search: Option<RawSearch>,
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
    /// H2O's word: false is `scaling` none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub standardize: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scaling: Option<Scaling>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub missing_values_handling: Option<MissingValues>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub missing_value: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub missing_indicators: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "whole")]
    pub max_categorical_levels: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub time_features: Option<TimeFeatures>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub log: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub signed_log: Vec<String>,
}

/// Table `[params]` of deep learning.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct RawParams {
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "wholes")]
    pub hidden: Option<Vec<u64>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub activation: Option<Activation>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub loss: Option<RawLoss>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub huber_delta: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub optimizer: Option<RawOptimizer>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub learning_rate: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub learning_rate_schedule: Option<LearningRateSchedule>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rate_annealing: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "whole")]
    pub warmup: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub momentum: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nesterov: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub beta1: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub beta2: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rho: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub epsilon: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lazy_adam: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "whole")]
    pub mini_batch_size: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shuffle: Option<Mixing>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub epochs: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub l1: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub l2: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_w2: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gradient_clip_norm: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub input_dropout_ratio: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hidden_dropout_ratios: Option<Vec<f64>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub initial_weight_distribution: Option<RawInitialWeights>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub initial_weight_scale: Option<f64>,
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
    Rmsprop,
    Adadelta,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum RawLoss {
    Auto,
    CrossEntropy,
    Quadratic,
    Absolute,
    Huber,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum RawInitialWeights {
    UniformAdaptive,
    Uniform,
    Normal,
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

    /// With every default in place.
    fn resolved(options: &EncodingOptions) -> Self {
        let constant = options.missing_values_handling == MissingValues::Constant;
        let columns = |wanted: Transform| {
            let taken = options.transforms.iter().filter(|(_, transform)| **transform == wanted);
            taken.map(|(column, _)| column.clone()).collect()
        };
        Self {
            standardize: None,
            scaling: Some(options.scaling),
            missing_values_handling: Some(options.missing_values_handling),
            missing_value: constant.then_some(options.missing_value),
            missing_indicators: Some(options.missing_indicators),
            max_categorical_levels: Some(options.max_categorical_levels.into()),
            time_features: Some(options.time_features),
            log: columns(Transform::Log),
            signed_log: columns(Transform::SignedLog),
        }
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

    /// This spec with every default in place, as it was resolved: accepted back, with the same fit. A search is left out:
    /// nothing is both fixed and searched.
    pub fn resolved(&self, fit: &FitSpec) -> Spec {
        let p = &fit.params;
        let of_optimizer = match p.optimizer {
            Optimizer::Adam { beta1, beta2, epsilon } => {
                RawParams { beta1: Some(beta1), beta2: Some(beta2), epsilon: Some(epsilon), ..RawParams::default() }
            }
            Optimizer::Sgd { momentum, nesterov } => {
                RawParams { momentum: Some(momentum), nesterov: Some(nesterov), ..RawParams::default() }
            }
            Optimizer::Rmsprop { rho, epsilon } | Optimizer::Adadelta { rho, epsilon } => {
                RawParams { rho: Some(rho), epsilon: Some(epsilon), ..RawParams::default() }
            }
        };
        let (loss, huber_delta) = match p.loss {
            Loss::Auto => (RawLoss::Auto, None),
            Loss::CrossEntropy => (RawLoss::CrossEntropy, None),
            Loss::Quadratic => (RawLoss::Quadratic, None),
            Loss::Absolute => (RawLoss::Absolute, None),
            Loss::Huber { delta } => (RawLoss::Huber, Some(delta)),
        };
        let (initial_weights, initial_weight_scale) = match p.initial_weights {
            InitialWeights::UniformAdaptive => (RawInitialWeights::UniformAdaptive, None),
            InitialWeights::Uniform { scale } => (RawInitialWeights::Uniform, Some(scale)),
            InitialWeights::Normal { scale } => (RawInitialWeights::Normal, Some(scale)),
        };
        let anneals = p.learning_rate_schedule == LearningRateSchedule::Constant;
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
            split: fit.split.as_ref().map(|split| split.share),
            split_by: fit.split.as_ref().and_then(|split| split.by.clone()),
            types: fit.types.clone(),
            encoding: RawEncoding::resolved(&fit.encoding),
            params: RawParams {
                hidden: Some(p.hidden.iter().map(|units| *units as u64).collect()),
                activation: Some(p.activation),
                loss: Some(loss),
                huber_delta,
                optimizer: Some(p.optimizer.into()),
                learning_rate: Some(p.learning_rate),
                learning_rate_schedule: Some(p.learning_rate_schedule),
                rate_annealing: anneals.then_some(p.rate_annealing),
                warmup: Some(p.warmup),
                lazy_adam: matches!(p.optimizer, Optimizer::Adam { .. }).then_some(p.lazy_adam),
                mini_batch_size: Some(p.mini_batch_size as u64),
                shuffle: Some(p.shuffle),
                epochs: Some(p.epochs),
                l1: Some(p.l1),
                l2: Some(p.l2),
                max_w2: p.max_w2,
                gradient_clip_norm: p.gradient_clip_norm,
                input_dropout_ratio: Some(p.input_dropout_ratio),
                hidden_dropout_ratios: Some(p.hidden_dropout_ratios.clone()),
                initial_weight_distribution: Some(initial_weights),
                initial_weight_scale,
                seed: Some(p.seed),
                ranks: Some(u64::from(p.ranks)),
                averaging: RawAveraging {
                    mode: Some(p.averaging_mode),
                    interval: average.then_some(p.averaging_interval),
                    outer_rate: average.then_some(p.outer_rate),
                    outer_momentum: average.then_some(p.outer_momentum),
                },
                ..of_optimizer
            },
            stopping: RawStopping::resolved(fit),
            search: None,
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
            Optimizer::Rmsprop { .. } => RawOptimizer::Rmsprop,
            Optimizer::Adadelta { .. } => RawOptimizer::Adadelta,
        }
    }
}

/// TOML's whole numbers end at 2⁶³ − 1. A larger one is out of every range; written as a text it stays readable for the
/// message that refuses it.
pub(super) fn whole<S: Serializer>(number: &Option<u64>, serializer: S) -> Result<S::Ok, S::Error> {
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
