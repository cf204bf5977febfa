//! Quadratic loss of regression: for output z, target y and weight w
//!
//! ```text
//! loss = ½ (z − y)²        d w loss / d z = w · (z − y)
//! ```
//!
//! (H2O: Distribution `gaussian`, which leaves the ½ out.)

use super::Outcome;

pub(super) fn loss(o: Outcome<'_>, gradient: &mut [f32], losses: &mut [f64]) {
    for (r, (y, w)) in o.targets.iter().zip(o.weights).enumerate() {
        let error = o.outputs[r * o.row] - y;
        gradient[r * o.row] = w * error;
        losses[r] = 0.5 * f64::from(error) * f64::from(error);
    }
}
