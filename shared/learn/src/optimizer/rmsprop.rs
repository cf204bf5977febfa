//! RMSprop (Tieleman and Hinton 2012, lecture 6.5), for a gradient g of the mean loss and its mean square v:
//!
//! ```text
//! v = ρ v + (1 − ρ) g²        w = w − rate · g / (√v + ε)
//! ```
//!
//! (PyTorch: `RMSprop` with `alpha` = ρ, neither centred nor with momentum.)

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
    pub(super) g: &'a [f32],
}

impl Loop for Pass<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let s = self.scalars;
        for ((w, v), g) in self.w.iter_mut().zip(self.v).zip(self.g) {
            let g = self.penalty.gradient(*g, self.scale, *w);
            *v = flush((s.one_minus_rho * g).mul_add(g, s.rho * *v));
            *w = (-s.rate).mul_add(g / (v.sqrt() + s.epsilon), *w);
        }
    }
}
