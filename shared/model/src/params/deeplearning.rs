//! Parameters of `algorithm = "deeplearning"`, resolved and checked. [`crate::Spec`] is what a user writes.

use aquifer_frame::{Mixing, Target, TaskChoice};
use serde::{Deserialize, Serialize};

/// A feed-forward network. Defaults are part of the bits: they stand in docs/defaults.md.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeepLearning {
    /// Units of each hidden layer; none makes a linear model.
    pub hidden: Vec<usize>,
    pub activation: Activation,
    #[serde(default, skip_serializing_if = "is_default")]
    pub loss: Loss,
    pub optimizer: Optimizer,
    pub learning_rate: f64,
    #[serde(default, skip_serializing_if = "is_default")]
    pub learning_rate_schedule: LearningRateSchedule,
    /// Of the constant schedule: the rate is divided by 1 + rate_annealing · rows passed (H2O).
    #[serde(default, skip_serializing_if = "is_default")]
    pub rate_annealing: f64,
    /// Rows over which the rate rises from 0, whatever the schedule.
    #[serde(default, skip_serializing_if = "is_default")]
    pub warmup: u64,
    /// Of Adam: a one-hot input whose weights have no gradient in a step keeps them and their moments as they are.
    #[serde(default, skip_serializing_if = "is_default")]
    pub lazy_adam: bool,
    /// Rows of a rank that make one step.
    pub mini_batch_size: usize,
    /// What is shuffled in each epoch.
    #[serde(default, skip_serializing_if = "is_default")]
    pub shuffle: Mixing,
    /// Passes over the rows; fractions allowed.
    pub epochs: f64,
    pub l1: f64,
    pub l2: f64,
    /// Most that the squares of a unit's incoming weights may add up to; none is no limit.
    #[serde(default, skip_serializing_if = "is_default")]
    pub max_w2: Option<f64>,
    /// Largest norm of a step's mean gradient; none is no limit.
    #[serde(default, skip_serializing_if = "is_default")]
    pub gradient_clip_norm: Option<f64>,
    /// Share of the numeric and categorical inputs dropped for each row.
    pub input_dropout_ratio: f64,
    /// Share of a hidden layer's outputs dropped for each row: empty, or one value a hidden layer.
    pub hidden_dropout_ratios: Vec<f64>,
    #[serde(default, skip_serializing_if = "is_default")]
    pub initial_weights: InitialWeights,
    pub seed: u64,
    /// Logical trainers. The model depends on this number, never on who computes them.
    pub ranks: u32,
    pub averaging_mode: AveragingMode,
    /// Rows that all ranks together pass in a round of `average` mode; a multiple of `mini_batch_size · ranks`.
    pub averaging_interval: u64,
    /// Rate and momentum of the outer Nesterov step (DiLoCo, Douillard et al. 2023).
    pub outer_rate: f64,
    pub outer_momentum: f64,
}

impl DeepLearning {
    /// Whether a step of a network of so many weights is large enough for threads to share it out: where a rank is mapped by
    /// several. It changes no bit.
    pub fn shares_steps(&self, weights: u64) -> bool {
        /// Floating-point operations that take some ten times as long as to share them out.
        const WORTH: u64 = 1 << 22;
        let columns = self.hidden.is_empty() && self.shuffle == Mixing::Blocks;
        !columns && weights.saturating_mul(6 * self.mini_batch_size as u64) >= WORTH
    }

    /// Whether trainings with these and `other` parameters pass the same rows in the same rounds, where they encode them alike.
    pub fn shares_rounds(&self, other: &Self) -> bool {
        let rounds = |p: &Self| (p.ranks, p.seed, p.mini_batch_size, p.averaging_mode, p.averaging_interval, p.shuffle);
        rounds(self) == rounds(other)
    }

    /// Weights and biases of the network, for an encoding of so many inputs and a target of so many outputs; at most
    /// `u64::MAX` is said.
    pub fn parameter_count(&self, inputs: usize, outputs: usize) -> u64 {
        let sizes = std::iter::once(&inputs).chain(&self.hidden).chain([&outputs]).map(|size| *size as u64);
        let layers = sizes.clone().zip(sizes.skip(1));
        layers.fold(0u64, |sum, (inputs, outputs)| sum.saturating_add(inputs.saturating_add(1).saturating_mul(outputs)))
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Activation {
    Rectifier,
    Tanh,
    Linear,
    LeakyRectifier,
    Sigmoid,
    Swish,
    Elu,
}

/// What is minimised. Regression's are of the standardised target.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Loss {
    /// Cross-entropy for classes, quadratic for numbers.
    #[default]
    Auto,
    CrossEntropy,
    Quadratic,
    Absolute,
    Huber {
        delta: f64,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Optimizer {
    /// Kingma and Ba 2015.
    Adam { beta1: f64, beta2: f64, epsilon: f64 },
    /// `u = momentum · u + g; w −= learning_rate · u` (as PyTorch's and scikit-learn's).
    Sgd {
        momentum: f64,
        /// The step looks ahead along the momentum: `w −= learning_rate · (g + momentum · u)`.
        #[serde(default, skip_serializing_if = "is_default")]
        nesterov: bool,
    },
    /// Tieleman and Hinton 2012.
    Rmsprop { rho: f64, epsilon: f64 },
    /// Zeiler 2012.
    Adadelta { rho: f64, epsilon: f64 },
}

/// How the rate falls.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LearningRateSchedule {
    #[default]
    Constant,
    /// Half a cosine, to 0 at the last position (SGDR without restarts, Loshchilov and Hutter 2017).
    Cosine,
}

/// The distribution of the weights before the first round; biases are zero.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum InitialWeights {
    /// Uniform in ±√(6 / (inputs + outputs)) of a layer.
    #[default]
    UniformAdaptive,
    /// Uniform in ± this.
    Uniform { scale: f64 },
    /// Mean 0 and this deviation.
    Normal { scale: f64 },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AveragingMode {
    Average,
    Gradient,
}

impl Loss {
    /// As a spec has it.
    pub fn name(self) -> &'static str {
        match self {
            Loss::Auto => "auto",
            Loss::CrossEntropy => "cross_entropy",
            Loss::Quadratic => "quadratic",
            Loss::Absolute => "absolute",
            Loss::Huber { .. } => "huber",
        }
    }

    /// The task that it is a loss of; either for auto.
    pub fn task(self) -> TaskChoice {
        match self {
            Loss::Auto => TaskChoice::Auto,
            Loss::CrossEntropy => TaskChoice::Classification,
            Loss::Quadratic | Loss::Absolute | Loss::Huber { .. } => TaskChoice::Regression,
        }
    }

    /// Whether it is a loss of this target.
    pub fn is_for(self, target: &Target) -> bool {
        match self.task() {
            TaskChoice::Auto => true,
            TaskChoice::Classification => matches!(target, Target::Classes { .. }),
            TaskChoice::Regression => matches!(target, Target::Regression { .. }),
        }
    }
}

/// What is at its default is not written: parameters that came later leave the older ones' text as it was.
fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn later_parameters_are_written_only_where_they_are_not_at_their_default() {
        let text = serde_json::to_string(&DeepLearning::default()).unwrap();
        for later in
            ["loss", "nesterov", "schedule", "annealing", "warmup", "max_w2", "clip", "initial", "lazy", "shuffle"]
        {
            assert!(!text.contains(later), "{later}: {text}");
        }
        assert_eq!(serde_json::from_str::<DeepLearning>(&text).unwrap(), DeepLearning::default());
        let other = DeepLearning {
            activation: Activation::LeakyRectifier,
            loss: Loss::Huber { delta: 0.5 },
            optimizer: Optimizer::Sgd { momentum: 0.9, nesterov: true },
            learning_rate_schedule: LearningRateSchedule::Cosine,
            warmup: 7,
            max_w2: Some(2.0),
            gradient_clip_norm: Some(1.0),
            initial_weights: InitialWeights::Normal { scale: 0.1 },
            ..DeepLearning::default()
        };
        let text = serde_json::to_string(&other).unwrap();
        assert_eq!(serde_json::from_str::<DeepLearning>(&text).unwrap(), other);
    }

    #[test]
    fn counts_weights_and_biases() {
        let count = |hidden: &[usize], inputs, outputs| {
            DeepLearning { hidden: hidden.into(), ..DeepLearning::default() }.parameter_count(inputs, outputs)
        };
        assert_eq!(count(&[], 28, 1), 29);
        assert_eq!(count(&[200, 200], 28, 1), 29 * 200 + 201 * 200 + 201);
        assert_eq!(count(&[3], 2, 4), 3 * 3 + 4 * 4);
        assert_eq!(count(&[usize::MAX, usize::MAX], 2, 4), u64::MAX);
    }
}
