//! From a summed gradient to new weights, one file a rule. Flat passes over the panel layout, whatever it means.

mod adadelta;
mod adam;
mod clip;
mod max_w2;
mod rate;
mod rmsprop;
mod sgd;

use std::ops::Range;
use std::sync::atomic::{AtomicBool, Ordering};

use aquifer_model::params::{DeepLearning, Optimizer};

use crate::Isa;
use crate::crew::{Crew, cut_out, each};
use crate::kernels::Loop;
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

/// Set where a step led to a value that is no number, or infinite.
pub(crate) type Diverged = AtomicBool;

/// A step to make, of a network whose weights stand as `layout` says.
#[derive(Clone, Copy)]
pub(crate) struct Step<'a> {
    pub(crate) isa: Isa,
    pub(crate) params: &'a DeepLearning,
    pub(crate) layout: &'a Layout,
    pub(crate) at: StepAt,
    /// The gradient's sum over rows.
    pub(crate) gradient: &'a [f32],
    /// Of `lazy_adam`: the inputs whose weights may stay as they are.
    pub(crate) lazy: Option<Lazy<'a>>,
    /// Who looks at what came out, while it is in cache.
    pub(crate) diverged: Option<&'a Diverged>,
}

/// One-hot inputs whose weights and moments a step leaves alone where their gradient is zero.
#[derive(Clone, Copy)]
pub(crate) struct Lazy<'a> {
    /// The first of them: all inputs from it on are one-hot.
    pub(crate) first: usize,
    /// Those whose gradient may be another, in ascending order.
    pub(crate) touched: &'a [u32],
}

/// A run of a vector, and what is the same of it.
struct Piece<'a> {
    penalty: Penalty,
    w: &'a mut [f32],
    /// An optimizer with one moment has an empty second one.
    moments: [&'a mut [f32]; 2],
    g: &'a [f32],
}

/// Floats of a vector that one thread steps at once.
const PIECE: usize = 1 << 13;

/// One step. Clipping comes first, then the rule with its penalties, which are on weights and not on biases, and the cap on
/// what came out.
pub(crate) fn step<M: AsMut<[f32]>>(crew: &dyn Crew, of: Step<'_>, weights: &mut [f32], moments: &mut [M]) {
    let Step { isa, params, layout, at, gradient, lazy, diverged } = of;
    let scale = match params.gradient_clip_norm {
        Some(limit) => clip::clipped(isa, at.scale, limit, gradient),
        None => at.scale,
    };
    let rule = Rule::at(params.optimizer, at);
    let penalty = match params.l1 == 0.0 && params.l2 == 0.0 {
        true => Penalty::NONE,
        false => Penalty { l1: params.l1 as f32, l2: params.l2 as f32 },
    };
    let [first, second] = two(moments);
    let runs = runs(crew, layout, penalty, lazy);
    each(crew, pieces(&runs, weights, [&mut *first, &mut *second], gradient), |piece| {
        pass(isa, rule, scale, piece, diverged)
    });
    if let (Some(lazy), Rule::Adam(scalars)) = (lazy, rule) {
        let awake = awake(layout, lazy, gradient);
        let runs: Vec<_> = layout.layers()[0].panels().map(|panel| (panel.weights(), penalty)).collect();
        let pieces = pieces(&runs, weights, [first, second], gradient);
        let widths = layout.layers()[0].panels().map(|panel| panel.width);
        each(crew, pieces.into_iter().zip(widths).collect(), |(Piece { penalty, w, moments: [m, v], g }, width)| {
            let pass = adam::Pass { scalars, penalty, scale, w, m, v, g };
            isa.run(adam::RowsPass { pass, rows: &awake, width });
        });
    }
    if let Some(limit) = params.max_w2 {
        max_w2::cap(isa, layout, limit, weights);
    }
}

fn two<M: AsMut<[f32]>>(moments: &mut [M]) -> [&mut [f32]; 2] {
    let mut moments = moments.iter_mut().map(|moment| moment.as_mut());
    [moments.next().unwrap_or_default(), moments.next().unwrap_or_default()]
}

/// The runs of a vector that have one penalty, in order; a vector without penalties is one, or some for each thread.
fn runs(crew: &dyn Crew, layout: &Layout, penalty: Penalty, lazy: Option<Lazy<'_>>) -> Vec<(Range<usize>, Penalty)> {
    let none = penalty.l1 == 0.0 && penalty.l2 == 0.0;
    if none && lazy.is_none() {
        let length = if crew.threads() == 1 { layout.len() } else { PIECE };
        let end = |start: usize| layout.len().min(start + length);
        return (0..layout.len()).step_by(length).map(|start| (start..end(start), Penalty::NONE)).collect();
    }
    let mut runs = Vec::new();
    for (i, layer) in layout.layers().iter().enumerate() {
        for panel in layer.panels() {
            runs.push((panel.bias(), Penalty::NONE));
            runs.push(match lazy.filter(|_| i == 0) {
                Some(lazy) => (panel.rows(0..lazy.first), penalty),
                None => (panel.weights(), penalty),
            });
        }
    }
    runs
}

fn pieces<'a>(
    runs: &[(Range<usize>, Penalty)],
    w: &'a mut [f32],
    [first, second]: [&'a mut [f32]; 2],
    g: &'a [f32],
) -> Vec<Piece<'a>> {
    let ranges = || runs.iter().map(|(range, _)| range.clone());
    let of = |moment: &'a mut [f32]| match moment.is_empty() {
        true => runs.iter().map(|_| Default::default()).collect(),
        false => cut_out(moment, ranges()),
    };
    let moments = of(first).into_iter().zip(of(second));
    let slices = cut_out(w, ranges()).into_iter().zip(moments);
    let piece = |((range, penalty), (w, (first, second))): (&(Range<usize>, Penalty), (_, (_, _)))| Piece {
        penalty: *penalty,
        w,
        moments: [first, second],
        g: &g[range.clone()],
    };
    runs.iter().zip(slices).map(piece).collect()
}

fn pass(isa: Isa, rule: Rule, scale: f32, mut piece: Piece<'_>, diverged: Option<&Diverged>) {
    apply(isa, rule, scale, &mut piece);
    if let Some(diverged) = diverged {
        let [first, second] = &piece.moments;
        if ![&*piece.w, first, second].into_iter().all(|values| isa.run(AllFinite(values))) {
            diverged.store(true, Ordering::Relaxed);
        }
    }
}

fn apply(isa: Isa, rule: Rule, scale: f32, piece: &mut Piece<'_>) {
    let Piece { penalty, w, moments: [first, second], g } = piece;
    let penalty = *penalty;
    match rule {
        Rule::Adam(scalars) => isa.run(adam::Pass { scalars, penalty, scale, w, m: first, v: second, g }),
        Rule::Sgd(scalars) => isa.run(sgd::Pass { scalars, penalty, scale, w, u: first, g }),
        Rule::Rmsprop(scalars) => isa.run(rmsprop::Pass { scalars, penalty, scale, w, v: first, g }),
        Rule::Adadelta(scalars) => isa.run(adadelta::Pass { scalars, penalty, scale, w, v: first, d: second, g }),
    }
}

/// Whether no value is NaN or infinite: neither has an exponent below the largest.
pub(crate) struct AllFinite<'a>(pub(crate) &'a [f32]);

impl Loop for AllFinite<'_> {
    type Output = bool;

    #[inline(always)]
    fn run(self) -> bool {
        const EXPONENT: u32 = 0x7F80_0000;
        !self.0.iter().fold(false, |found, x| found | (x.to_bits() & EXPONENT == EXPONENT))
    }
}

/// The touched inputs that have a gradient in some unit: those whose gradient is zero everywhere are left as they are,
/// whether a row of the batch had them or not.
fn awake(layout: &Layout, lazy: Lazy<'_>, gradient: &[f32]) -> Vec<u32> {
    let has = |input: &u32| {
        let row = *input as usize..*input as usize + 1;
        layout.layers()[0].panels().any(|panel| gradient[panel.rows(row.clone())].iter().any(|g| *g != 0.0))
    };
    lazy.touched.iter().copied().filter(has).collect()
}

#[cfg(test)]
mod tests;
