//! Stochastic gradient descent with momentum (as PyTorch's `SGD` and scikit-learn's, without dampening):
//!
//! ```text
//! u = momentum · u + g        w = w − rate · u, or with Nesterov's look ahead w − rate · (g + momentum · u)
//! ```
//!
//! (Sutskever et al. 2013; PyTorch: `nesterov`; H2O: `nesterov_accelerated_gradient`.)

use super::{Penalty, flush};
use crate::kernels::Loop;

#[derive(Clone, Copy)]
pub(super) struct Scalars {
    rate: f32,
    momentum: f32,
    nesterov: bool,
}

impl Scalars {
    pub(super) fn at(rate: f64, momentum: f64, nesterov: bool) -> Self {
        Self { rate: rate as f32, momentum: momentum as f32, nesterov }
    }
}

pub(super) struct Pass<'a> {
    pub(super) scalars: Scalars,
    pub(super) penalty: Penalty,
    pub(super) scale: f32,
    pub(super) w: &'a mut [f32],
    pub(super) u: &'a mut [f32],
    pub(super) g: &'a [f32],
}

impl Loop for Pass<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let s = self.scalars;
        for ((w, u), g) in self.w.iter_mut().zip(self.u).zip(self.g) {
            let g = self.penalty.gradient(*g, self.scale, *w);
            *u = flush(s.momentum.mul_add(*u, g));
            let direction = if s.nesterov { s.momentum.mul_add(*u, g) } else { *u };
            *w = (-s.rate).mul_add(direction, *w);
        }
    }
}
