//! From a summed gradient to new weights, one file a rule. Flat passes over the panel layout, whatever it means.

mod adadelta;
mod adam;
mod clip;
mod max_w2;
mod rate;
mod rmsprop;
mod sgd;

use std::ops::Range;

use aquifer_model::params::{DeepLearning, Optimizer};

use crate::Isa;
use crate::network::Layout;
pub(crate) use max_w2::cap;
pub(crate) use rate::{is_constant, rate};

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
        Optimizer::Rmsprop { .. } => &["v"],
        Optimizer::Adadelta { .. } => &["v", "d"],
    }
}

/// Whether a moment is a mean of squares, which rounding must not take below zero.
pub(crate) fn is_mean_square(name: &str) -> bool {
    matches!(name, "v" | "d")
}

/// Which step it is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct StepAt {
    /// From 1.
    pub(crate) number: u64,
    pub(crate) rate: f64,
    /// What the gradient's sum over rows is multiplied with: 1 / their weight.
    pub(crate) scale: f32,
}

/// An optimizer and what it needs to know of a step.
#[derive(Clone, Copy)]
enum Rule {
    Adam(adam::Scalars),
    Sgd(sgd::Scalars),
    Rmsprop(rmsprop::Scalars),
    Adadelta(adadelta::Scalars),
}

impl Rule {
    fn at(optimizer: Optimizer, StepAt { number, rate, .. }: StepAt) -> Self {
        match optimizer {
            Optimizer::Adam { beta1, beta2, epsilon } => {
                Rule::Adam(adam::Scalars::at(number, rate, beta1, beta2, epsilon))
            }
            Optimizer::Sgd { momentum, nesterov } => Rule::Sgd(sgd::Scalars::at(rate, momentum, nesterov)),
            Optimizer::Rmsprop { rho, epsilon } => Rule::Rmsprop(rmsprop::Scalars::at(rate, rho, epsilon)),
            Optimizer::Adadelta { rho, epsilon } => Rule::Adadelta(adadelta::Scalars::at(rate, rho, epsilon)),
        }
    }
}

/// One step from the gradient's sum over rows. Clipping comes first, then the rule with its penalties, which are on
/// weights and not on biases, and the cap on what came out.
pub(crate) fn step<M: AsMut<[f32]>>(
    isa: Isa,
    params: &DeepLearning,
    layout: &Layout,
    at: StepAt,
    weights: &mut [f32],
    moments: &mut [M],
    gradient: &[f32],
) {
    let scale = match params.gradient_clip_norm {
        Some(limit) => clip::clipped(isa, at.scale, limit, gradient),
        None => at.scale,
    };
    let rule = Rule::at(params.optimizer, at);
    let mut pass = |range: Range<usize>, penalty: Penalty| {
        let (w, g) = (&mut weights[range.clone()], &gradient[range.clone()]);
        match (rule, &mut *moments) {
            (Rule::Adam(scalars), [m, v]) => {
                let (m, v) = (&mut m.as_mut()[range.clone()], &mut v.as_mut()[range]);
                isa.run(adam::Pass { scalars, penalty, scale, w, m, v, g });
            }
            (Rule::Sgd(scalars), [u]) => {
                isa.run(sgd::Pass { scalars, penalty, scale, w, u: &mut u.as_mut()[range], g });
            }
            (Rule::Rmsprop(scalars), [v]) => {
                isa.run(rmsprop::Pass { scalars, penalty, scale, w, v: &mut v.as_mut()[range], g });
            }
            (Rule::Adadelta(scalars), [v, d]) => {
                let (v, d) = (&mut v.as_mut()[range.clone()], &mut d.as_mut()[range]);
                isa.run(adadelta::Pass { scalars, penalty, scale, w, v, d, g });
            }
            _ => unreachable!("a state carries the moments of its optimizer"),
        }
    };
    if params.l1 == 0.0 && params.l2 == 0.0 {
        pass(0..layout.len(), Penalty::NONE);
    } else {
        let penalty = Penalty { l1: params.l1 as f32, l2: params.l2 as f32 };
        for panel in layout.layers().iter().flat_map(|layer| layer.panels()) {
            pass(panel.bias(), Penalty::NONE);
            pass(panel.weights(), penalty);
        }
    }
    if let Some(limit) = params.max_w2 {
        max_w2::cap(isa, layout, limit, weights);
    }
}

#[cfg(test)]
mod tests;
