//! Absolute loss of regression: for output z, target y and weight w
//!
//! ```text
//! loss = |z − y|        d w loss / d z = w · sign(z − y), 0 where they are equal
//! ```
//!
//! (H2O: Distribution `laplace`; PyTorch: `l1_loss`.)

use super::Outcome;

pub(super) fn loss(o: Outcome<'_>, gradient: &mut [f32], losses: &mut [f64]) {
    for (r, (y, w)) in o.targets.iter().zip(o.weights).enumerate() {
        let error = o.outputs[r * o.row] - y;
        let sign = if error == 0.0 { 0.0 } else { 1f32.copysign(error) };
        gradient[r * o.row] = w * sign;
        losses[r] = f64::from(error.abs());
    }
}
