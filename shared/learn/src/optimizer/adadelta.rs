//! ADADELTA (Zeiler 2012, algorithm 1), for a gradient g of the mean loss, its mean square v and the steps' mean square d:
//!
//! ```text
//! v = ρ v + (1 − ρ) g²        x = √(d + ε) / √(v + ε) · g
//! d = ρ d + (1 − ρ) x²        w = w − rate · x
//! ```
//!
//! The rate is 1 in the paper and in H2O (`adaptive_rate`, with `rho` and `epsilon`); PyTorch's `Adadelta` has one.

use super::{Penalty, flush};
use crate::kernels::Loop;

#[derive(Clone, Copy)]
pub(super) struct Scalars {
    rate: f32,
    rho: f32,
    one_minus_rho: f32,
    epsilon: f32,
}

impl Scalars {
    pub(super) fn at(rate: f64, rho: f64, epsilon: f64) -> Self {
        Self { rate: rate as f32, rho: rho as f32, one_minus_rho: (1.0 - rho) as f32, epsilon: epsilon as f32 }
    }
}

pub(super) struct Pass<'a> {
    pub(super) scalars: Scalars,
    pub(super) penalty: Penalty,
    pub(super) scale: f32,
    pub(super) w: &'a mut [f32],
    pub(super) v: &'a mut [f32],
    pub(super) d: &'a mut [f32],
    pub(super) g: &'a [f32],
}

impl Loop for Pass<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let s = self.scalars;
        for (((w, v), d), g) in self.w.iter_mut().zip(self.v).zip(self.d).zip(self.g) {
            let g = self.penalty.gradient(*g, self.scale, *w);
            *v = flush((s.one_minus_rho * g).mul_add(g, s.rho * *v));
            let x = (*d + s.epsilon).sqrt() / (*v + s.epsilon).sqrt() * g;
            *d = flush((s.one_minus_rho * x).mul_add(x, s.rho * *d));
            *w = (-s.rate).mul_add(x, *w);
        }
    }
}
