//! Cross-entropy of two classes from one logit: for output z, class y ∈ {0, 1} and weight w
//!
//! ```text
//! loss = ln(1 + eᶻ) − y z        d w loss / d z = w · (sigmoid(z) − y)
//! ```
//!
//! ln(1 + eᶻ) = max(z, 0) + ln(1 + e^−|z|) never overflows. (PyTorch: `binary_cross_entropy_with_logits`.)

use super::Outcome;
use crate::kernels::Loop;
use crate::math;

pub(super) struct Loss<'a> {
    pub(super) outcome: Outcome<'a>,
    pub(super) gradient: &'a mut [f32],
    pub(super) losses: &'a mut [f64],
}

/// Rows whose loss is computed side by side.
const LANES: usize = 32;

impl Loop for Loss<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let o = self.outcome;
        for first in (0..o.targets.len()).step_by(LANES) {
            let n = LANES.min(o.targets.len() - first);
            let (mut z, mut y, mut w) = ([0.0f32; LANES], [0.0f32; LANES], [0.0f32; LANES]);
            y[..n].copy_from_slice(&o.targets[first..first + n]);
            w[..n].copy_from_slice(&o.weights[first..first + n]);
            for (i, z) in z[..n].iter_mut().enumerate() {
                *z = o.outputs[(first + i) * o.row];
            }
            let (mut losses, mut slopes) = ([0.0f32; LANES], [0.0f32; LANES]);
            for i in 0..LANES {
                let (p, tail) = math::logistic(z[i]);
                let positive = if z[i] > 0.0 { z[i] } else { 0.0 };
                // In this order nothing large is left where the class is the right one.
                losses[i] = (positive - z[i] * y[i]) + tail;
                slopes[i] = w[i] * (p - y[i]);
            }
            for i in 0..n {
                self.gradient[(first + i) * o.row] = slopes[i];
                self.losses[first + i] = f64::from(losses[i]);
            }
        }
    }
}

/// Of the first and the second class; each from its own side, so that a small one keeps its digits.
pub(super) fn probabilities(z: f32) -> [f32; 2] {
    [math::sigmoid(-z), math::sigmoid(z)]
}
