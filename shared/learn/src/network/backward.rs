//! From the loss back to the gradient of every weight.
//!
//! A weight's gradient is one chain over the rows of the batch, ascending; a unit's delta is one chain over the units
//! of the next layer, ascending, read from a transposed copy of that layer's weights.

use std::ops::Range;

use aquifer_frame::Batch;
use aquifer_model::params::Activation;

use super::buffers::RowBuffers;
use super::forward::Inputs;
use super::layout::Panel;
use super::{Buffers, Network};
use crate::crew::{Crew, cut, cut_out, each};
use crate::kernels::{End, Left, Loop, Product, Right, Shape, Start, add_to_rows, product, transpose};
use crate::objective::Outcome;

/// Inputs whose weights' gradients one thread makes at once, for one panel.
const GRADIENT_INPUTS: usize = 64;

/// A piece of a gradient; pieces follow each other in the vector.
struct Piece {
    panel: Panel,
    /// Inputs whose weights it holds.
    inputs: Range<usize>,
    /// The biases stand before them.
    biases: bool,
    one_hot: bool,
}

impl Network {
    /// The gradient of Σ rows wᵢ lossᵢ (not divided by anything) over the whole batch, written to `gradient`, and the
    /// sum itself. `transposed` holds the copies of these weights. With `sparse` the gradient of one-hot inputs is zero
    /// when it begins, and is not made so.
    pub(crate) fn gradient(
        &self,
        crew: &dyn Crew,
        (weights, transposed): (&[f32], &[f32]),
        (batch, epoch): (&Batch, u64),
        buffers: &mut Buffers,
        (gradient, sparse): (&mut [f32], bool),
    ) -> f64 {
        self.check_targets(batch);
        if batch.rows == 0 {
            gradient.fill(0.0);
        }
        let mut loss = 0.0;
        let together = self.rows_together(crew.threads(), batch.rows);
        buffers.make_room(self, together);
        for first in (0..batch.rows).step_by(together) {
            let rows = first..batch.rows.min(first + together);
            each(crew, buffers.parts(self, rows.len(), self.rows_of_part(crew, rows.len())), |part| {
                self.deltas(weights, transposed, (batch, epoch, first), part);
            });
            for (weight, row_loss) in batch.weights[rows.clone()].iter().zip(&buffers.losses) {
                loss += f64::from(*weight) * row_loss;
            }
            let start = if first == 0 { Start::Zero } else { Start::Accumulated };
            self.weight_gradients(crew, (batch, rows), start, buffers, (gradient, sparse));
        }
        loss
    }

    /// Remakes the transposed copies of all layers but the first.
    pub(crate) fn transpose(&self, crew: &dyn Crew, weights: &[f32], transposed: &mut [f32]) {
        let layers = &self.layout.layers()[1..];
        let panels = || layers.iter().flat_map(|layer| layer.transposed_panels().map(move |to| (layer, to)));
        let ranges = panels().map(|(layer, to)| to.offset..to.offset + to.width * layer.outputs);
        let items = panels().zip(cut_out(transposed, ranges)).collect();
        each(crew, items, |((layer, to), copy)| {
            let inputs = to.column..layer.inputs.min(to.column + to.width);
            for from in layer.panels() {
                let shape = (inputs.len(), from.width.min(layer.outputs - from.column));
                let copy = &mut copy[from.column * to.width..];
                transpose(self.isa, shape, &weights[from.rows(inputs.clone())], from.width, copy, to.width);
            }
        });
    }

    /// Forward, loss, and back to the deltas of every layer. `first` is the batch's row of the buffers' first.
    fn deltas(
        &self,
        weights: &[f32],
        transposed: &[f32],
        (batch, epoch, first): (&Batch, u64, usize),
        mut part: RowBuffers<'_>,
    ) {
        let rows = first + part.first..first + part.first + part.rows;
        let (input, hot) = (std::mem::take(&mut part.input), std::mem::take(&mut part.hot));
        let inputs = self.inputs(batch, rows.clone(), Some(epoch), input, hot);
        self.forward(weights, inputs, Some((epoch, &batch.ids[rows.clone()])), &mut part);
        let last = self.layout.layers().len() - 1;
        let outcome = Outcome {
            outputs: part.outputs[last],
            row: self.layout.layers()[last].row(),
            targets: &batch.targets[rows.clone()],
            weights: &batch.weights[rows],
        };
        self.objective.loss(self.isa, outcome, part.deltas[last], part.losses);
        for i in (1..=last).rev() {
            self.delta(i, transposed, &mut part);
        }
    }

    /// The deltas of layer i − 1 from those of layer i.
    fn delta(&self, i: usize, transposed: &[f32], part: &mut RowBuffers<'_>) {
        let (layer, before) = (&self.layout.layers()[i], &self.layout.layers()[i - 1]);
        let (lower, upper) = part.deltas.split_at_mut(i);
        let (to, from) = (&mut *lower[i - 1], &*upper[0]);
        let (slopes, row) = (&*part.slopes[i - 1], before.row());
        for panel in layer.transposed_panels() {
            let end = if slopes.is_empty() && self.activation == Activation::Rectifier {
                End::KeptWherePositive { values: &part.outputs[i - 1][panel.column..], row }
            } else {
                End::Plain
            };
            let shape = Shape { rows: part.rows, width: panel.width, depth: layer.outputs };
            let a = Left { values: from, row: layer.row(), step: 1 };
            let b = Right { values: &transposed[panel.offset..], step: panel.width };
            product(self.isa, Product { shape, a, b, start: Start::Zero, end }, &mut to[panel.column..], row);
        }
        if !slopes.is_empty() {
            let len = part.rows * row;
            self.isa.run(Scale { values: &mut to[..len], factors: &slopes[..len] });
        }
    }

    /// The gradients of all weights from the deltas of all layers.
    fn weight_gradients(
        &self,
        crew: &dyn Crew,
        (batch, rows): (&Batch, Range<usize>),
        start: Start<'_>,
        buffers: &Buffers,
        (gradient, sparse): (&mut [f32], bool),
    ) {
        let inputs = self.inputs_in(batch, rows, buffers);
        let alone = crew.threads() == 1;
        for (i, layer) in self.layout.layers().iter().enumerate() {
            let many = if alone { layer.inputs } else { GRADIENT_INPUTS };
            let pieces: Vec<Piece> = layer.panels().flat_map(|panel| self.pieces(i, panel, many)).collect();
            let lengths: Vec<usize> = pieces.iter().map(Piece::len).collect();
            let items = pieces.into_iter().zip(cut(&mut gradient[layer.range()], lengths)).collect();
            each(crew, items, |(piece, gradient): (Piece, &mut [f32])| match piece.one_hot {
                true => self.one_hot_gradient(piece.panel, inputs, (start, sparse), buffers, gradient),
                false => self.dense_gradient(i, piece, inputs, start, buffers, gradient),
            });
        }
    }

    /// A panel in pieces of so many dense inputs; the one-hot inputs of the first layer are a piece.
    fn pieces(&self, i: usize, panel: Panel, many: usize) -> Vec<Piece> {
        let inputs = self.layout.layers()[i].inputs;
        let dense = if i == 0 { self.numeric } else { inputs };
        // The first is there even if it has but the biases.
        let starts = (0..dense.max(1)).step_by(many.max(1));
        let piece = |from| Piece { panel, inputs: from..dense.min(from + many), biases: from == 0, one_hot: false };
        let mut pieces: Vec<Piece> = starts.map(piece).collect();
        if dense < inputs {
            pieces.push(Piece { panel, inputs: dense..inputs, biases: false, one_hot: true });
        }
        pieces
    }

    fn dense_gradient(
        &self,
        i: usize,
        piece: Piece,
        inputs: Inputs<'_>,
        start: Start<'_>,
        buffers: &Buffers,
        gradient: &mut [f32],
    ) {
        let (layer, panel) = (&self.layout.layers()[i], piece.panel);
        let (values, step) = match i {
            0 => (inputs.dense, inputs.stride),
            _ => (&*buffers.outputs[i - 1], self.layout.layers()[i - 1].row()),
        };
        let b = Right { values: &buffers.deltas[i][panel.column..], step: layer.row() };
        let of = |rows, a| {
            let shape = Shape { rows, width: panel.width, depth: inputs.rows };
            Product { shape, a, b, start, end: End::Plain }
        };
        let (biases, weights) = gradient.split_at_mut(if piece.biases { panel.width } else { 0 });
        if piece.biases {
            let ones = Left { values: &buffers.ones, row: 1, step: 1 };
            product(self.isa, of(1, ones), biases, panel.width);
        }
        if !piece.inputs.is_empty() {
            let a = Left { values: &values[piece.inputs.start..], row: 1, step };
            product(self.isa, of(piece.inputs.len(), a), weights, panel.width);
        }
    }

    fn one_hot_gradient(
        &self,
        panel: Panel,
        inputs: Inputs<'_>,
        (start, sparse): (Start<'_>, bool),
        buffers: &Buffers,
        gradient: &mut [f32],
    ) {
        if !sparse && matches!(start, Start::Zero) {
            gradient.fill(0.0);
        }
        let table = inputs.table(panel.width, self.numeric);
        let deltas = &buffers.deltas[0][panel.column..];
        add_to_rows(self.isa, table, deltas, self.layout.layers()[0].row(), gradient);
    }
}

impl Piece {
    fn len(&self) -> usize {
        (self.inputs.len() + usize::from(self.biases)) * self.panel.width
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
