//! Stochastic gradient descent with momentum (as PyTorch's `SGD` and scikit-learn's, without dampening):
//!
//! ```text
//! u = momentum · u + g        w = w − rate · u
//! ```

use super::{Penalty, flush};
use crate::kernels::Loop;

pub(super) struct Pass<'a> {
    pub(super) rate: f32,
    pub(super) momentum: f32,
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
        for ((w, u), g) in self.w.iter_mut().zip(self.u).zip(self.g) {
            let g = self.penalty.gradient(*g, self.scale, *w);
            *u = flush(self.momentum.mul_add(*u, g));
            *w = (-self.rate).mul_add(*u, *w);
        }
    }
}
