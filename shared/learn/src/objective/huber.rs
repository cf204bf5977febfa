//! Huber's loss of regression, quadratic up to δ and absolute beyond (Huber 1964): for output z, target y and weight w
//!
//! ```text
//! e = z − y        loss = ½ e² where |e| ≤ δ, else δ (|e| − ½ δ)        d w loss / d z = w · (e cut to ±δ)
//! ```
//!
//! δ is fixed, as in PyTorch's `huber_loss`; H2O's `huber_alpha` is a quantile of |e| that it takes anew at each scoring.

use super::Outcome;

pub(super) fn loss(delta: f32, o: Outcome<'_>, gradient: &mut [f32], losses: &mut [f64]) {
    for (r, (y, w)) in o.targets.iter().zip(o.weights).enumerate() {
        let error = o.outputs[r * o.row] - y;
        let (size, limit) = (f64::from(error.abs()), f64::from(delta));
        let far = size > limit;
        gradient[r * o.row] = w * if far { delta.copysign(error) } else { error };
        losses[r] = if far { limit * (size - 0.5 * limit) } else { 0.5 * size * size };
    }
}
