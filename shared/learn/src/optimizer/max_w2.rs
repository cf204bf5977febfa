//! A cap on the squares of a unit's incoming weights (max-norm, Srebro and Shraibman 2005; H2O: `max_w2`):
//!
//! ```text
//! r = Σ w², inputs ascending        w = w · √(limit / r) where r > limit
//! ```
//!
//! Every unit, hidden or output, after every step; the bias is no part of it.

use crate::Isa;
use crate::kernels::Loop;
use crate::network::{Layout, PANEL};

pub(crate) fn cap(isa: Isa, layout: &Layout, limit: f64, weights: &mut [f32]) {
    for panel in layout.layers().iter().flat_map(|layer| layer.panels()) {
        isa.run(Cap { limit, width: panel.width, weights: &mut weights[panel.weights()] });
    }
}

/// A panel, its units side by side. The sums are f64, where the squares are exact.
struct Cap<'a> {
    limit: f64,
    width: usize,
    weights: &'a mut [f32],
}

impl Loop for Cap<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let mut sums = [0.0f64; PANEL];
        for row in self.weights.chunks_exact(self.width) {
            for (sum, w) in sums.iter_mut().zip(row) {
                *sum += f64::from(*w) * f64::from(*w);
            }
        }
        if sums.iter().all(|sum| *sum <= self.limit) {
            return;
        }
        let factors = sums.map(|sum| if sum > self.limit { (self.limit / sum).sqrt() as f32 } else { 1.0 });
        for row in self.weights.chunks_exact_mut(self.width) {
            row.iter_mut().zip(&factors).for_each(|(w, factor)| *w *= factor);
        }
    }
}
