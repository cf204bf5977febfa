//! From the loss back to the gradient of every weight.
//!
//! A weight's gradient is one chain over the rows of the batch, ascending; a unit's delta is one chain over the units
//! of the next layer, ascending, read from a transposed copy of that layer's weights.

use aquifer_frame::Batch;
use aquifer_model::params::Activation;

use super::forward::Inputs;
use super::{Buffers, Network};
use crate::kernels::{Left, Loop, Right, Shape, Use, add_to_rows, product, transpose};
use crate::objective::Outcome;

impl Network {
    /// The gradient of Σ rows wᵢ lossᵢ (not divided by anything) over the whole batch, written to `gradient`, and the
    /// sum itself. `transposed` holds the copies of these weights.
    pub(crate) fn gradient(
        &self,
        (weights, transposed): (&[f32], &[f32]),
        batch: &Batch,
        epoch: u64,
        buffers: &mut Buffers,
        gradient: &mut [f32],
    ) -> f64 {
        self.check_targets(batch);
        if batch.rows == 0 {
            gradient.fill(0.0);
        }
        let mut loss = 0.0;
        for first in (0..batch.rows).step_by(self.row_block) {
            let rows = first..batch.rows.min(first + self.row_block);
            // Taken out for the length of the block, as the inputs borrow them.
            let (mut input, mut hot) = (std::mem::take(&mut buffers.input), std::mem::take(&mut buffers.hot));
            let inputs = self.inputs(batch, rows.clone(), Some(epoch), &mut input, &mut hot);
            self.forward(weights, inputs, Some((epoch, &batch.ids[rows.clone()])), buffers);
            let last = self.layout.layers().len() - 1;
            let outcome = Outcome {
                outputs: &buffers.outputs[last],
                row: self.layout.layers()[last].row(),
                targets: &batch.targets[rows.clone()],
                weights: &batch.weights[rows],
            };
            self.objective.loss(self.isa, outcome, &mut buffers.deltas[last], &mut buffers.losses);
            for (weight, row_loss) in outcome.weights.iter().zip(&buffers.losses) {
                loss += f64::from(*weight) * row_loss;
            }
            self.backward(transposed, inputs, first == 0, buffers, gradient);
            (buffers.input, buffers.hot) = (input, hot);
        }
        loss
    }

    /// Remakes the transposed copies of all layers but the first.
    pub(crate) fn transpose(&self, weights: &[f32], transposed: &mut [f32]) {
        for layer in &self.layout.layers()[1..] {
            for to in layer.transposed_panels() {
                let inputs = to.column..layer.inputs.min(to.column + to.width);
                for from in layer.panels() {
                    let shape = (inputs.len(), from.width.min(layer.outputs - from.column));
                    let copy = &mut transposed[to.offset + from.column * to.width..];
                    transpose(self.isa, shape, &weights[from.rows(inputs.clone())], from.width, copy, to.width);
                }
            }
        }
    }

    fn backward(
        &self,
        transposed: &[f32],
        inputs: Inputs<'_>,
        fresh: bool,
        buffers: &mut Buffers,
        gradient: &mut [f32],
    ) {
        for i in (0..self.layout.layers().len()).rev() {
            if i > 0 {
                self.delta(i, transposed, inputs.rows, buffers);
            }
            self.weight_gradient(i, inputs, fresh, buffers, gradient);
        }
    }

    /// The deltas of layer i − 1 from those of layer i.
    fn delta(&self, i: usize, transposed: &[f32], rows: usize, buffers: &mut Buffers) {
        let (layer, before) = (&self.layout.layers()[i], &self.layout.layers()[i - 1]);
        let (lower, upper) = buffers.deltas.split_at_mut(i);
        let (to, from) = (&mut lower[i - 1], &upper[0]);
        let (slopes, row) = (&buffers.slopes[i - 1], before.row());
        for panel in layer.transposed_panels() {
            let how = if slopes.is_empty() && self.activation == Activation::Rectifier {
                Use::KeptWherePositive { values: &buffers.outputs[i - 1][panel.column..], row }
            } else {
                Use::Plain
            };
            let shape = Shape { rows, width: panel.width, depth: layer.outputs };
            let left = Left { values: from, row: layer.row(), step: 1 };
            let right = Right { values: &transposed[panel.offset..], step: panel.width };
            product(self.isa, shape, left, right, how, &mut to[panel.column..], row);
        }
        if !slopes.is_empty() {
            self.isa.run(Scale { values: &mut to[..rows * row], factors: &slopes[..rows * row] });
        }
    }

    fn weight_gradient(&self, i: usize, inputs: Inputs<'_>, fresh: bool, buffers: &Buffers, gradient: &mut [f32]) {
        let layer = &self.layout.layers()[i];
        let (left, depth) = match i {
            0 => (Left { values: inputs.dense, row: 1, step: inputs.stride }, self.numeric),
            _ => (
                Left { values: &buffers.outputs[i - 1], row: 1, step: self.layout.layers()[i - 1].row() },
                layer.inputs,
            ),
        };
        let ones = Left { values: &buffers.ones, row: 1, step: 1 };
        let how = if fresh { Use::Plain } else { Use::Accumulated };
        for panel in layer.panels() {
            let right = Right { values: &buffers.deltas[i][panel.column..], step: layer.row() };
            let shape = |rows| Shape { rows, width: panel.width, depth: inputs.rows };
            product(self.isa, shape(1), ones, right, how, &mut gradient[panel.bias()], panel.width);
            product(self.isa, shape(depth), left, right, how, &mut gradient[panel.rows(0..depth)], panel.width);
            if i == 0 && self.categorical > 0 {
                if fresh {
                    gradient[panel.rows(depth..layer.inputs)].fill(0.0);
                }
                let (table, deltas) = (inputs.table(panel.width), &buffers.deltas[0][panel.column..]);
                add_to_rows(self.isa, table, deltas, layer.row(), &mut gradient[panel.weights()]);
            }
        }
    }
}

struct Scale<'a> {
    values: &'a mut [f32],
    factors: &'a [f32],
}

impl Loop for Scale<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        self.values.iter_mut().zip(self.factors).for_each(|(x, factor)| *x *= factor);
    }
}
