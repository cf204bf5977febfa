//! From a summed gradient to new weights, one file a rule. Flat passes over the panel layout, whatever it means.

mod adam;
mod sgd;

use aquifer_model::params::{DeepLearning, Optimizer};

use crate::Isa;
use crate::network::Layout;

/// Penalties on a range of weights: `l1 · |w| + ½ l2 · w²`.
#[derive(Clone, Copy)]
struct Penalty {
    l1: f32,
    l2: f32,
}

impl Penalty {
    const NONE: Penalty = Penalty { l1: 0.0, l2: 0.0 };

    /// The gradient of the mean loss with the penalties: `g · scale + l2 · w + l1 · sign(w)`.
    #[inline(always)]
    fn gradient(self, g: f32, scale: f32, w: f32) -> f32 {
        let sign = if w > 0.0 {
            self.l1
        } else if w < 0.0 {
            -self.l1
        } else {
            0.0
        };
        self.l2.mul_add(w, g * scale) + sign
    }
}

/// A subnormal moment is zero: a dead unit's would stay subnormal for ever and slow every step. NaN stays.
#[inline(always)]
pub(crate) fn flush(x: f32) -> f32 {
    if x.abs() < f32::MIN_POSITIVE { 0.0 } else { x }
}

/// Names of the moments that an optimizer carries in the state, in order.
pub(crate) fn moment_names(optimizer: Optimizer) -> &'static [&'static str] {
    match optimizer {
        Optimizer::Adam { .. } => &["m", "v"],
        Optimizer::Sgd { .. } => &["momentum"],
    }
}

/// One step from the gradient's sum over rows; `scale` divides it by their weight, `t` ≥ 1 is the step's number.
/// Penalties are on weights, not on biases.
pub(crate) fn step<M: AsMut<[f32]>>(
    isa: Isa,
    params: &DeepLearning,
    layout: &Layout,
    (t, scale): (u64, f32),
    weights: &mut [f32],
    moments: &mut [M],
    gradient: &[f32],
) {
    let adam = match params.optimizer {
        Optimizer::Adam { beta1, beta2, epsilon } => {
            Some(adam::Scalars::at(t, params.learning_rate, beta1, beta2, epsilon))
        }
        Optimizer::Sgd { .. } => None,
    };
    let mut pass = |range: std::ops::Range<usize>, penalty: Penalty| {
        let (w, g) = (&mut weights[range.clone()], &gradient[range.clone()]);
        match (params.optimizer, adam, &mut *moments) {
            (_, Some(scalars), [m, v]) => {
                let (m, v) = (&mut m.as_mut()[range.clone()], &mut v.as_mut()[range]);
                isa.run(adam::Pass { scalars, penalty, scale, w, m, v, g });
            }
            (Optimizer::Sgd { momentum }, None, [u]) => {
                let u = &mut u.as_mut()[range];
                let (rate, momentum) = (params.learning_rate as f32, momentum as f32);
                isa.run(sgd::Pass { rate, momentum, penalty, scale, w, u, g });
            }
            _ => unreachable!("a state carries the moments of its optimizer"),
        }
    };
    if params.l1 == 0.0 && params.l2 == 0.0 {
        pass(0..layout.len(), Penalty::NONE);
        return;
    }
    let penalty = Penalty { l1: params.l1 as f32, l2: params.l2 as f32 };
    for panel in layout.layers().iter().flat_map(|layer| layer.panels()) {
        pass(panel.bias(), Penalty::NONE);
        pass(panel.weights(), penalty);
    }
}

#[cfg(test)]
mod tests;
