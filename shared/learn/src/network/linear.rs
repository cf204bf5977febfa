//! A net without hidden layers, straight from columns: `shuffle = "blocks"`.
//!
//! Contract: a row's sum is the bias, then the inputs in ascending order, as everywhere. The gradient of a numeric input
//! is made in 16 lanes, lane l the chain over rows l, l + 16, … of the batch, and the lanes are added in halves: 8 and
//! 8, 4 and 4, …; the bias is an input of ones. One-hot inputs are chains over the rows, as everywhere.

use aquifer_frame::Columns;

use super::Network;
use crate::kernels::{Loop, transpose};
use crate::objective::Outcome;

/// Lanes of a sum over rows.
const LANES: usize = 16;
/// Columns whose sums are made side by side.
const TOGETHER: usize = 4;
/// Rows whose sums over inputs are made side by side; columns are padded to whole runs of them.
const RUN: usize = aquifer_frame::COLUMN_LANES;

/// Memory of a pass: every one (outputs, stride) or (rows, outputs).
#[derive(Debug, Default)]
pub(crate) struct LinearBuffers {
    sums: Vec<f32>,
    deltas: Vec<f32>,
    by_row: Vec<f32>,
    deltas_by_row: Vec<f32>,
    losses: Vec<f64>,
    weights: Vec<f32>,
}

impl Network {
    /// Whether gradients can be made from columns.
    pub(crate) fn is_linear(&self) -> bool {
        self.layout.layers().len() == 1 && self.input_dropout.is_none()
    }

    /// As [`Network::gradient`], from columns.
    pub(crate) fn columns_gradient(
        &self,
        weights: &[f32],
        columns: &Columns,
        buffers: &mut LinearBuffers,
        gradient: &mut [f32],
    ) -> f64 {
        let (outputs, stride, rows) = (self.outputs(), columns.stride, columns.rows);
        assert_eq!((columns.width, columns.categorical), (self.numeric, self.categorical), "columns of the encoding");
        let LinearBuffers { sums, deltas, by_row, deltas_by_row, losses, weights: own } = buffers;
        for values in [&mut *sums, deltas] {
            values.resize(outputs * stride, 0.0);
        }
        losses.resize(rows, 0.0);
        for (unit, sums) in sums.chunks_exact_mut(stride.max(1)).enumerate().take(outputs) {
            self.unit_weights(weights, unit, own);
            self.isa.run(Forward { columns, weights: own, sums });
        }
        let loss_of = |outputs: &[f32], gradient: &mut [f32], row: usize, losses: &mut [f64]| {
            let outcome = Outcome { outputs, row, targets: &columns.targets, weights: &columns.weights };
            self.objective.loss(self.isa, outcome, gradient, losses);
        };
        if outputs == 1 {
            loss_of(sums, deltas, 1, losses);
        } else {
            for values in [&mut *by_row, deltas_by_row] {
                values.resize(rows * outputs, 0.0);
            }
            transpose(self.isa, (outputs, rows), sums, stride, by_row, outputs);
            loss_of(by_row, deltas_by_row, outputs, losses);
            transpose(self.isa, (rows, outputs), deltas_by_row, outputs, deltas, stride);
        }
        // What is left out has no part in sums over rows, whatever its own sum came to; nor has what pads them.
        for (row, _) in columns.weights.iter().enumerate().filter(|(_, weight)| **weight == 0.0) {
            losses[row] = 0.0;
            deltas.chunks_exact_mut(stride.max(1)).for_each(|deltas| deltas[row] = 0.0);
        }
        deltas.chunks_exact_mut(stride.max(1)).for_each(|deltas| deltas[rows..].fill(0.0));
        gradient.fill(0.0);
        for (unit, deltas) in deltas.chunks_exact(stride.max(1)).enumerate().take(outputs) {
            own.clear();
            own.resize(self.layout.layers()[0].inputs + 1, 0.0);
            self.isa.run(Backward { columns, deltas, gradient: own });
            for (input, g) in own.iter().enumerate() {
                gradient[self.layout.at(0, input.checked_sub(1), unit)] = *g;
            }
        }
        columns.weights.iter().zip(&*losses).fold(0.0, |sum, (weight, loss)| sum + f64::from(*weight) * loss)
    }

    /// The bias of an output, then the weights of its inputs.
    fn unit_weights(&self, weights: &[f32], unit: usize, to: &mut Vec<f32>) {
        to.clear();
        let inputs = (0..self.layout.layers()[0].inputs).map(Some);
        to.extend([None].into_iter().chain(inputs).map(|input| weights[self.layout.at(0, input, unit)]));
    }
}

/// Sums of the rows before the loss.
struct Forward<'a> {
    columns: &'a Columns,
    /// (1 + inputs): bias first.
    weights: &'a [f32],
    /// (stride)
    sums: &'a mut [f32],
}

impl Loop for Forward<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Columns { width, stride, dense, categorical, indices, rows, .. } = self.columns;
        let numeric = &self.weights[1..][..*width];
        for (at, sums) in self.sums.as_chunks_mut::<RUN>().0.iter_mut().enumerate() {
            // Each of the four is a register, or a few.
            let [mut a, mut b, mut c, mut d] = [[self.weights[0]; LANES]; RUN / LANES];
            for (column, weight) in dense.chunks_exact((*stride).max(1)).zip(numeric) {
                let (x, _) = column[at * RUN..][..RUN].as_chunks::<LANES>();
                let weight = [*weight; LANES];
                a = multiply_add(&x[0], &weight, a);
                b = multiply_add(&x[1], &weight, b);
                c = multiply_add(&x[2], &weight, c);
                d = multiply_add(&x[3], &weight, d);
            }
            sums.as_chunks_mut::<LANES>().0.copy_from_slice(&[a, b, c, d]);
        }
        if *categorical > 0 {
            for (sum, indices) in self.sums[..*rows].iter_mut().zip(indices.chunks_exact(*categorical)) {
                for index in indices {
                    *sum += self.weights[*index as usize + 1];
                }
            }
        }
    }
}

/// Sums over rows of delta · input.
struct Backward<'a> {
    columns: &'a Columns,
    /// (stride), zero where there is no row.
    deltas: &'a [f32],
    /// (1 + inputs): bias first; zero.
    gradient: &'a mut [f32],
}

impl Loop for Backward<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Columns { width, stride, dense, categorical, indices, .. } = self.columns;
        let (deltas, _) = self.deltas.as_chunks::<LANES>();
        let mut ones = [0.0; LANES];
        for d in deltas {
            for l in 0..LANES {
                ones[l] += d[l];
            }
        }
        self.gradient[0] = halves(ones);
        for first in (0..*width).step_by(TOGETHER) {
            let count = TOGETHER.min(width - first);
            // The last columns may come twice: the sums of the others are not looked at.
            let column = |k: usize| dense[(first + k.min(count - 1)) * stride..][..*stride].as_chunks::<LANES>().0;
            let columns: [&[[f32; LANES]]; TOGETHER] = [column(0), column(1), column(2), column(3)];
            let [mut a, mut b, mut c, mut d] = [[0.0f32; LANES]; TOGETHER];
            let rows = deltas.iter().zip(columns[0]).zip(columns[1]).zip(columns[2]).zip(columns[3]);
            for ((((delta, x), y), z), w) in rows {
                a = multiply_add(delta, x, a);
                b = multiply_add(delta, y, b);
                c = multiply_add(delta, z, c);
                d = multiply_add(delta, w, d);
            }
            let sums = [a, b, c, d];
            for (k, sum) in sums.into_iter().enumerate().take(count) {
                self.gradient[1 + first + k] = halves(sum);
            }
        }
        if *categorical > 0 {
            for (d, indices) in self.deltas.iter().zip(indices.chunks_exact(*categorical)) {
                for index in indices {
                    self.gradient[*index as usize + 1] += d;
                }
            }
        }
    }
}

/// Lane by lane, x · y + sum.
#[inline(always)]
fn multiply_add(x: &[f32; LANES], y: &[f32; LANES], mut sum: [f32; LANES]) -> [f32; LANES] {
    for l in 0..LANES {
        sum[l] = x[l].mul_add(y[l], sum[l]);
    }
    sum
}

#[inline(always)]
fn halves(mut lanes: [f32; LANES]) -> f32 {
    let mut half = LANES / 2;
    while half > 0 {
        for l in 0..half {
            lanes[l] += lanes[l + half];
        }
        half /= 2;
    }
    lanes[0]
}
