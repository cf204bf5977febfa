//! Cross-entropy of several classes: for outputs z (classes), class y and weight w, with m = max z
//!
//! ```text
//! S = Σⱼ exp(zⱼ − m), j ascending        p = exp(z − m) / S
//! loss = ln S − (z_y − m)          d w loss / d zⱼ = w · (pⱼ − [j = y])
//! ```
//!
//! (PyTorch: `cross_entropy`.)

use super::Outcome;
use crate::kernels::Loop;
use crate::math;

pub(super) struct Loss<'a> {
    pub(super) classes: usize,
    pub(super) outcome: Outcome<'a>,
    pub(super) gradient: &'a mut [f32],
    pub(super) losses: &'a mut [f64],
}

impl Loop for Loss<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let o = self.outcome;
        for (r, (y, w)) in o.targets.iter().zip(o.weights).enumerate() {
            let z = &o.outputs[r * o.row..][..self.classes];
            let p = &mut self.gradient[r * o.row..][..self.classes];
            let (y, max) = (*y as usize, largest(z));
            let total = exponentials(z, max, p);
            for p in p.iter_mut() {
                *p = w * (*p / total);
            }
            p[y] -= w;
            self.losses[r] = f64::from(math::ln(total) - (z[y] - max));
        }
    }
}

/// Appends the probabilities of a row.
pub(super) fn softmax(z: &[f32], probabilities: &mut Vec<f32>) {
    let first = probabilities.len();
    probabilities.resize(first + z.len(), 0.0);
    let p = &mut probabilities[first..];
    let total = exponentials(z, largest(z), p);
    p.iter_mut().for_each(|p| *p /= total);
}

#[inline(always)]
fn largest(z: &[f32]) -> f32 {
    z.iter().fold(f32::NEG_INFINITY, |max, z| if *z > max { *z } else { max })
}

/// e = exp(z − max), and their sum in order.
#[inline(always)]
fn exponentials(z: &[f32], max: f32, e: &mut [f32]) -> f32 {
    for (e, z) in e.iter_mut().zip(z) {
        *e = math::exp(z - max);
    }
    let mut total = 0.0;
    for e in e {
        total += *e;
    }
    total
}
