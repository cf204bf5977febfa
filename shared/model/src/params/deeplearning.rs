//! Parameters of `algorithm = "deeplearning"`, resolved and checked. [`crate::Spec`] is what a user writes.

use serde::{Deserialize, Serialize};

/// A feed-forward network. Defaults are part of the bits: they stand in docs/defaults.md.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeepLearning {
    /// Units of each hidden layer; none makes a linear model.
    pub hidden: Vec<usize>,
    pub activation: Activation,
    pub optimizer: Optimizer,
    pub learning_rate: f64,
    /// Rows of a rank that make one step.
    pub mini_batch_size: usize,
    /// Passes over the rows; fractions allowed.
    pub epochs: f64,
    pub l1: f64,
    pub l2: f64,
    /// Share of the numeric and categorical inputs dropped for each row.
    pub input_dropout_ratio: f64,
    /// Share of a hidden layer's outputs dropped for each row: empty, or one value a hidden layer.
    pub hidden_dropout_ratios: Vec<f64>,
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
    /// Weights and biases of the network, for an encoding of so many inputs and a target of so many outputs; at most
    /// `u64::MAX` is said.
    pub fn parameter_count(&self, inputs: usize, outputs: usize) -> u64 {
        let sizes = std::iter::once(&inputs).chain(&self.hidden).chain([&outputs]).map(|size| *size as u64);
        let layers = sizes.clone().zip(sizes.skip(1));
        layers.fold(0u64, |sum, (inputs, outputs)| sum.saturating_add(inputs.saturating_add(1).saturating_mul(outputs)))
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Activation {
    Rectifier,
    Tanh,
    Linear,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Optimizer {
    /// Kingma and Ba 2015.
    Adam { beta1: f64, beta2: f64, epsilon: f64 },
    /// `u = momentum · u + g; w −= learning_rate · u` (as PyTorch's and scikit-learn's).
    Sgd { momentum: f64 },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AveragingMode {
    Average,
    Gradient,
}

#[cfg(test)]
mod tests {
    use super::*;

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
