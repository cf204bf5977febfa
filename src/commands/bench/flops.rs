//! What a row costs in a network.

use super::network::Layers;

impl Layers {
    fn pairs(&self) -> impl Iterator<Item = u64> {
        self.0.windows(2).map(|pair| pair[0] as u64 * pair[1] as u64)
    }

    /// Floating-point operations of a row in training: 6·Σ n_i n_{i+1} − 2·n_0·n_1, as forward, the gradient by weights and
    /// that by inputs are 2 each, and the inputs of the first layer need none.
    pub(super) fn train_flops(&self) -> f64 {
        (6 * self.pairs().sum::<u64>() - 2 * self.pairs().next().unwrap_or(0)) as f64
    }

    /// Of a row that is scored: 2·Σ n_i n_{i+1}.
    pub(super) fn score_flops(&self) -> f64 {
        (2 * self.pairs().sum::<u64>()) as f64
    }
}
