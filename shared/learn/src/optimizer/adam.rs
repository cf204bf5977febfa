//! Adam (Kingma and Ba 2015, algorithm 1), for a gradient g of the mean loss, moments m and v, step number t:
//!
//! ```text
//! m = β₁ m + (1 − β₁) g        v = β₂ v + (1 − β₂) g²
//! w = w − rate / (1 − β₁ᵗ) · m / (√v / √(1 − β₂ᵗ) + ε)
//! ```
//!
//! Bias corrections are made once a step in f64; square root and division are IEEE's, as `rsqrt` differs by processor.

use super::{Penalty, flush};
use crate::kernels::Loop;
use crate::math::pow_int;

#[derive(Clone, Copy)]
pub(super) struct Scalars {
    beta1: f32,
    one_minus_beta1: f32,
    beta2: f32,
    one_minus_beta2: f32,
    /// rate / (1 − β₁ᵗ)
    rate: f32,
    /// 1 / √(1 − β₂ᵗ)
    root_scale: f32,
    epsilon: f32,
}

impl Scalars {
    pub(super) fn at(t: u64, rate: f64, beta1: f64, beta2: f64, epsilon: f64) -> Self {
        Self {
            beta1: beta1 as f32,
            one_minus_beta1: (1.0 - beta1) as f32,
            beta2: beta2 as f32,
            one_minus_beta2: (1.0 - beta2) as f32,
            rate: (rate / (1.0 - pow_int(beta1, t))) as f32,
            root_scale: (1.0 / (1.0 - pow_int(beta2, t)).sqrt()) as f32,
            epsilon: epsilon as f32,
        }
    }
}

pub(super) struct Pass<'a> {
    pub(super) scalars: Scalars,
    pub(super) penalty: Penalty,
    pub(super) scale: f32,
    pub(super) w: &'a mut [f32],
    pub(super) m: &'a mut [f32],
    pub(super) v: &'a mut [f32],
    pub(super) g: &'a [f32],
}

impl Loop for Pass<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let s = self.scalars;
        for (((w, m), v), g) in self.w.iter_mut().zip(self.m).zip(self.v).zip(self.g) {
            let g = self.penalty.gradient(*g, self.scale, *w);
            *m = flush(s.one_minus_beta1.mul_add(g, s.beta1 * *m));
            *v = flush((s.one_minus_beta2 * g).mul_add(g, s.beta2 * *v));
            *w = (-s.rate).mul_add(*m / v.sqrt().mul_add(s.root_scale, s.epsilon), *w);
        }
    }
}

/// The same, of some rows of `width` floats: lazy Adam's (PyTorch: `SparseAdam`; TensorFlow Addons: `LazyAdam`). The step
/// number is the whole network's, so moments of a row that was left alone are as old as they are.
pub(super) struct RowsPass<'a> {
    pub(super) pass: Pass<'a>,
    pub(super) rows: &'a [u32],
    pub(super) width: usize,
}

impl Loop for RowsPass<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Pass { scalars, penalty, scale, w, m, v, g } = self.pass;
        for row in self.rows {
            let range = *row as usize * self.width..(*row as usize + 1) * self.width;
            let (w, m, v) = (&mut w[range.clone()], &mut m[range.clone()], &mut v[range.clone()]);
            Pass { scalars, penalty, scale, w, m, v, g: &g[range] }.run();
        }
    }
}
