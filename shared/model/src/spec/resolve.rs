//! From what was asked for to what is trained: every default in place, as a function of the data and the spec alone.

use std::collections::BTreeSet;

use aquifer_frame::{EncodingOptions, Mixing, Roles, Scaling, SourceOptions, Transform, block_count};

use super::check::out_of_range;
use super::fit::{FitSpec, SplitChoice};
use super::raw::{RawEncoding, RawInitialWeights, RawLoss, RawOptimizer, RawParams};
use super::{Spec, SpecError};
use crate::params::{
    Activation, AveragingMode, DeepLearning, InitialWeights, LearningRateSchedule, Loss, Optimizer, range,
};

pub(super) const HIDDEN: [usize; 2] = [200, 200];
const MINI_BATCH_SIZE: usize = 32;
/// Steps of each rank in a round of `average` mode.
const INTERVAL_STEPS: u64 = 32;

impl Spec {
    /// Checks all ranges and fills in all defaults for a training frame of `rows` rows whose content hash is `content`.
    pub fn resolve(&self, rows: u64, content: &str) -> Result<FitSpec, SpecError> {
        self.check()?;
        let roles = self.roles()?;
        Ok(FitSpec {
            data: content.into(),
            rows,
            target: roles.target,
            task: roles.task,
            features: roles.features,
            ignored_columns: roles.ignored_columns,
            weights_column: roles.weights_column,
            types: roles.types,
            split: self.split.map(|share| SplitChoice { share, by: self.split_by.clone() }),
            encoding: roles.options,
            algorithm: self.algorithm.unwrap_or_default(),
            params: self.params.resolve(rows)?,
            stopping: self.stopping.resolve(),
            stop_at: self.stopping.stop_at,
            validation: None,
        })
    }
}

impl Spec {
    /// What each column is for: what an encoding is fitted to. A column that says the fold is no feature.
    pub fn roles(&self) -> Result<Roles, SpecError> {
        let mut ignored_columns = self.ignored_columns.clone();
        ignored_columns.extend(self.value_fold_column().map(str::to_owned));
        Ok(Roles {
            target: self.target.clone().ok_or(SpecError::Missing { key: "target" })?,
            features: self.features.as_deref().map(as_set),
            ignored_columns: as_set(&ignored_columns),
            weights_column: self.weights_column.clone(),
            task: self.task.unwrap_or_default(),
            types: self.types.clone(),
            options: self.encoding.options(),
        })
    }

    /// How the files of the data are read.
    pub fn source_options(&self) -> SourceOptions {
        SourceOptions {
            schema: self.schema.unwrap_or_default(),
            partitions: self.partitions.unwrap_or(true),
            rename: self.rename.unwrap_or(false),
            ..SourceOptions::default()
        }
    }
}

impl RawEncoding {
    fn options(&self) -> EncodingOptions {
        let default = EncodingOptions::default();
        let scaling = match (self.scaling, self.standardize) {
            (Some(scaling), _) => scaling,
            (None, Some(false)) => Scaling::None,
            (None, _) => default.scaling,
        };
        let log = self.log.iter().map(|column| (column.clone(), Transform::Log));
        let signed_log = self.signed_log.iter().map(|column| (column.clone(), Transform::SignedLog));
        EncodingOptions {
            scaling,
            missing_values_handling: self.missing_values_handling.unwrap_or(default.missing_values_handling),
            missing_value: self.missing_value.unwrap_or(default.missing_value),
            missing_indicators: self.missing_indicators.unwrap_or(default.missing_indicators),
            max_categorical_levels: self.max_categorical_levels.map_or(default.max_categorical_levels, |n| n as u32),
            time_features: self.time_features.unwrap_or(default.time_features),
            transforms: log.chain(signed_log).collect(),
        }
    }
}

/// Lists of columns are sets: one form for one meaning.
fn as_set(columns: &[String]) -> Vec<String> {
    let set: BTreeSet<_> = columns.iter().cloned().collect();
    set.into_iter().collect()
}

impl RawParams {
    fn resolve(&self, rows: u64) -> Result<DeepLearning, SpecError> {
        let default = DeepLearning::default();
        let optimizer = self.resolve_optimizer();
        let ranks = self.resolve_ranks(rows)?;
        let mini_batch_size = self.mini_batch_size.map_or(default.mini_batch_size, |size| size as usize);
        let step_rows = mini_batch_size as u64 * u64::from(ranks);
        let epochs = self.epochs.unwrap_or(default.epochs);
        if !range::epochs(epochs, rows, ranks) {
            return Err(out_of_range("epochs", format!("{epochs:?} with {rows} rows and `ranks` {ranks}")));
        }
        let ratios = self.hidden_dropout_ratios.clone().unwrap_or_default();
        let outer_rate = self.averaging.outer_rate.unwrap_or(default.outer_rate);
        Ok(DeepLearning {
            hidden: self.hidden.as_ref().map_or(default.hidden, |h| h.iter().map(|units| *units as usize).collect()),
            activation: self.activation.unwrap_or(default.activation),
            loss: self.resolve_loss(),
            optimizer,
            learning_rate: self.learning_rate.unwrap_or(match optimizer {
                Optimizer::Adam { .. } | Optimizer::Rmsprop { .. } => 0.001,
                Optimizer::Sgd { .. } => 0.01,
                Optimizer::Adadelta { .. } => 1.0, // it finds its own rate: H2O has no other, PyTorch this one
            }),
            learning_rate_schedule: self.learning_rate_schedule.unwrap_or(default.learning_rate_schedule),
            rate_annealing: self.rate_annealing.unwrap_or(default.rate_annealing),
            warmup: self.warmup.unwrap_or(default.warmup),
            lazy_adam: self.lazy_adam.unwrap_or(default.lazy_adam),
            mini_batch_size,
            shuffle: self.shuffle.unwrap_or(default.shuffle),
            epochs,
            l1: self.l1.unwrap_or(default.l1),
            l2: self.l2.unwrap_or(default.l2),
            max_w2: self.max_w2,
            gradient_clip_norm: self.gradient_clip_norm,
            input_dropout_ratio: self.input_dropout_ratio.unwrap_or(default.input_dropout_ratio),
            // Nothing dropped anywhere is no dropout: one form for one meaning.
            hidden_dropout_ratios: if ratios.iter().all(|ratio| *ratio == 0.0) { Vec::new() } else { ratios },
            initial_weights: self.resolve_initial_weights(),
            seed: self.seed.unwrap_or(default.seed),
            ranks,
            averaging_mode: self.averaging.mode.unwrap_or(default.averaging_mode),
            averaging_interval: match self.averaging.interval {
                Some(interval) => interval.next_multiple_of(step_rows),
                None => DeepLearning::default_interval(mini_batch_size, ranks),
            },
            outer_rate,
            outer_momentum: self
                .averaging
                .outer_momentum
                .unwrap_or_else(|| DeepLearning::default_outer_momentum(outer_rate, ranks)),
        })
    }

    fn resolve_optimizer(&self) -> Optimizer {
        match self.optimizer.unwrap_or(RawOptimizer::Adam) {
            RawOptimizer::Adam => Optimizer::Adam {
                beta1: self.beta1.unwrap_or(0.9),
                beta2: self.beta2.unwrap_or(0.999),
                epsilon: self.epsilon.unwrap_or(1e-8),
            },
            RawOptimizer::Sgd => {
                Optimizer::Sgd { momentum: self.momentum.unwrap_or(0.9), nesterov: self.nesterov.unwrap_or(false) }
            }
            RawOptimizer::Rmsprop => {
                Optimizer::Rmsprop { rho: self.rho.unwrap_or(0.99), epsilon: self.epsilon.unwrap_or(1e-8) }
            }
            RawOptimizer::Adadelta => {
                Optimizer::Adadelta { rho: self.rho.unwrap_or(0.99), epsilon: self.epsilon.unwrap_or(1e-8) }
            }
        }
    }

    pub(super) fn resolve_loss(&self) -> Loss {
        match self.loss.unwrap_or(RawLoss::Auto) {
            RawLoss::Auto => Loss::Auto,
            RawLoss::CrossEntropy => Loss::CrossEntropy,
            RawLoss::Quadratic => Loss::Quadratic,
            RawLoss::Absolute => Loss::Absolute,
            RawLoss::Huber => Loss::Huber { delta: self.huber_delta.unwrap_or(1.0) },
        }
    }

    fn resolve_initial_weights(&self) -> InitialWeights {
        let scale = self.initial_weight_scale.unwrap_or(1.0);
        match self.initial_weight_distribution.unwrap_or(RawInitialWeights::UniformAdaptive) {
            RawInitialWeights::UniformAdaptive => InitialWeights::UniformAdaptive,
            RawInitialWeights::Uniform => InitialWeights::Uniform { scale },
            RawInitialWeights::Normal => InitialWeights::Normal { scale },
        }
    }

    fn resolve_ranks(&self, rows: u64) -> Result<u32, SpecError> {
        let blocks = block_count(rows);
        let ranks = self.ranks.unwrap_or_else(|| default_ranks(rows));
        let fits = u32::try_from(ranks).ok().filter(|ranks| u64::from(*ranks) <= blocks);
        fits.ok_or(SpecError::TooManyRanks { ranks, blocks, rows })
    }
}

/// DiLoCo's outer rate, and its momentum as the most that a default takes.
const OUTER_RATE: f64 = 0.7;
const OUTER_MOMENTUM_MAX: f64 = 0.9;

/// Ranks that cost little quality (few rows a rank do) and leave work for many workers.
fn default_ranks(rows: u64) -> u64 {
    let small = (rows / 16_384).clamp(1, 8);
    let large = rows.saturating_sub(1_048_576) / 131_072;
    (small + large).min(256)
}

impl Default for DeepLearning {
    /// What an empty `[params]` gives with one rank.
    fn default() -> Self {
        Self {
            hidden: HIDDEN.into(),
            activation: Activation::Rectifier,
            loss: Loss::Auto,
            optimizer: Optimizer::Adam { beta1: 0.9, beta2: 0.999, epsilon: 1e-8 },
            learning_rate: 0.001,
            learning_rate_schedule: LearningRateSchedule::Constant,
            rate_annealing: 0.0,
            warmup: 0,
            lazy_adam: false,
            mini_batch_size: MINI_BATCH_SIZE,
            shuffle: Mixing::Rows,
            epochs: 10.0,
            l1: 0.0,
            l2: 0.0,
            max_w2: None,
            gradient_clip_norm: None,
            input_dropout_ratio: 0.0,
            hidden_dropout_ratios: Vec::new(),
            initial_weights: InitialWeights::UniformAdaptive,
            seed: 1,
            ranks: 1,
            averaging_mode: AveragingMode::Average,
            averaging_interval: Self::default_interval(MINI_BATCH_SIZE, 1),
            outer_rate: OUTER_RATE,
            outer_momentum: Self::default_outer_momentum(OUTER_RATE, 1),
        }
    }
}

impl DeepLearning {
    /// Rows of a round of `average` mode, if the spec names none.
    pub fn default_interval(mini_batch_size: usize, ranks: u32) -> u64 {
        INTERVAL_STEPS * mini_batch_size as u64 * u64::from(ranks)
    }

    /// Momentum of the outer step, so that its gain `outer_rate / (1 − outer_momentum)` is the number of ranks: each of
    /// them passes that fraction of the rows. At most 0.9, beyond which the outer step oscillates.
    pub fn default_outer_momentum(outer_rate: f64, ranks: u32) -> f64 {
        (1.0 - outer_rate / f64::from(ranks)).clamp(0.0, OUTER_MOMENTUM_MAX)
    }
}
