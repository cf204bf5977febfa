//! Clipping by the global norm (Pascanu et al. 2013; PyTorch: `clip_grad_norm_`; Keras: `global_clipnorm`): a mean gradient
//! longer than a limit is scaled down to it,
//!
//! ```text
//! g = g · min(1, limit / |g|)
//! ```
//!
//! over all weights and biases together, before penalties.

use crate::Isa;
use crate::kernels::Loop;

/// What a gradient's sum over rows is multiplied with: `scale`, which makes the mean of it, or less.
pub(super) fn clipped(isa: Isa, scale: f32, limit: f64, gradient: &[f32]) -> f32 {
    let norm = f64::from(scale) * isa.run(SquaredNorm(gradient)).sqrt();
    // A norm that is no number stays one: the round ends as a divergence.
    if norm > limit { (f64::from(scale) * (limit / norm)) as f32 } else { scale }
}

/// Σ g² in f64, where the squares are exact: sixteen lanes, each the sum of every sixteenth element in ascending order;
/// then the lanes in ascending order. What pads a layout is zero and adds nothing.
struct SquaredNorm<'a>(&'a [f32]);

const LANES: usize = 16;

impl Loop for SquaredNorm<'_> {
    type Output = f64;

    #[inline(always)]
    fn run(self) -> f64 {
        let mut lanes = [0.0f64; LANES];
        let (whole, rest) = self.0.as_chunks::<LANES>();
        for chunk in whole {
            for (lane, g) in lanes.iter_mut().zip(chunk) {
                *lane += f64::from(*g) * f64::from(*g);
            }
        }
        for (lane, g) in lanes.iter_mut().zip(rest) {
            *lane += f64::from(*g) * f64::from(*g);
        }
        lanes.iter().sum()
    }
}
