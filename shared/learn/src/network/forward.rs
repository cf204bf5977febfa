//! From rows to outputs.
//!
//! A unit's sum is one chain: the bias, the inputs in ascending order (numerics by the tile product, one-hot inputs by
//! gathering), then the activation.

use std::ops::Range;

use aquifer_frame::{Batch, Target};
use aquifer_model::params::Activation;

use super::activation;
use super::buffers::RowBuffers;
use super::layout::Panel;
use super::{Buffers, Network};
use crate::crew::{Crew, each};
use crate::kernels::{DROPPED, End, Left, Loop, Product, Right, Shape, Start, Table, add_rows, product};
use crate::{Alone, Workspace};

/// Rows whose outputs are all kept at a time by one thread: with a net of 200-200, 0.8 MB.
const ROWS_TOGETHER_ALONE: usize = 256;
/// The same, where several threads share them.
const ROWS_TOGETHER_MAX: usize = 1024;

/// Some rows of a batch as the first layer reads them.
#[derive(Clone, Copy)]
pub(super) struct Inputs<'a> {
    pub(super) rows: usize,
    pub(super) dense: &'a [f32],
    pub(super) stride: usize,
    pub(super) indices: &'a [u32],
    pub(super) categorical: usize,
    /// What stands for the 1 of a one-hot input.
    pub(super) one: f32,
}

impl Inputs<'_> {
    /// The one-hot inputs, for a table of `width` columns whose first row is that of the input `first`.
    pub(super) fn table(&self, width: usize, first: usize) -> Table<'_> {
        let Inputs { rows, indices, categorical, one, .. } = *self;
        Table { indices, categorical, first, scale: one, width, rows }
    }
}

impl Network {
    /// Outputs (rows × outputs) of a batch: the logits of a classification, standardised values of a regression.
    pub fn predict(&self, weights: &[f32], batch: &Batch, workspace: &mut Workspace, out: &mut Vec<f32>) {
        workspace.fit(self, 0, false);
        self.predict_into(&Alone, weights, batch, &mut workspace.buffers, out);
    }

    /// Outputs as probabilities, (rows × classes); two classes have one output and two probabilities. A regression's
    /// outputs stay what they are: see [`Network::value`].
    pub fn probabilities(&self, outputs: &[f32], probabilities: &mut Vec<f32>) {
        self.objective.probabilities(outputs, probabilities);
    }

    /// A regression's output in the target's own unit.
    pub fn value(&self, output: f32) -> f64 {
        match &self.target {
            Target::Regression { mean, deviation, .. } => f64::from(output) * deviation + mean,
            Target::Classes { .. } => f64::from(output),
        }
    }

    /// Outputs (rows × outputs) of a batch, without dropout, appended to `out`: logits, or standardised values.
    pub(crate) fn predict_into(
        &self,
        crew: &dyn Crew,
        weights: &[f32],
        batch: &Batch,
        buffers: &mut Buffers,
        out: &mut Vec<f32>,
    ) {
        self.check(batch);
        let together = self.rows_together(crew.threads(), batch.rows);
        buffers.make_room(self, together);
        let (last, row) = (self.layout.layers().len() - 1, self.layout.layers()[self.layout.layers().len() - 1].row());
        for first in (0..batch.rows).step_by(together) {
            let rows = together.min(batch.rows - first);
            each(crew, buffers.parts(self, rows, self.rows_of_part(crew, rows)), |mut part| {
                let start = first + part.first;
                let RowBuffers { rows, input, hot, .. } = &mut part;
                let inputs = self.inputs(batch, start..start + *rows, None, std::mem::take(input), std::mem::take(hot));
                self.forward(weights, inputs, None, &mut part);
            });
            for r in 0..rows {
                out.extend_from_slice(&buffers.outputs[last][r * row..][..self.outputs()]);
            }
        }
    }

    /// Rows whose outputs are kept until the weights' gradients are made: for one thread as many as its cache holds beside
    /// the weights, as long sums over rows cost less; several threads share out more.
    pub(crate) fn rows_together(&self, threads: usize, rows: usize) -> usize {
        let most = match threads {
            1 => ROWS_TOGETHER_ALONE,
            _ => ROWS_TOGETHER_MAX,
        };
        rows.clamp(self.row_block, most.max(self.row_block))
    }

    /// Rows that a thread takes at once.
    pub(super) fn rows_of_part(&self, crew: &dyn Crew, rows: usize) -> usize {
        // Whole tiles.
        rows.div_ceil(crew.threads()).next_multiple_of(8).clamp(1, self.row_block)
    }

    /// Floats of a row of the numeric inputs after dropout.
    pub(super) fn input_row(&self) -> usize {
        self.numeric.next_multiple_of(16)
    }

    /// The rows' inputs, after dropout when training in `epoch`.
    pub(super) fn inputs<'a>(
        &self,
        batch: &'a Batch,
        rows: Range<usize>,
        epoch: Option<u64>,
        input: &'a mut [f32],
        hot: &'a mut [u32],
    ) -> Inputs<'a> {
        let (stride, categorical) = (batch.stride, batch.categorical);
        let dense = &batch.dense[rows.start * stride..rows.end * stride];
        let indices = &batch.indices[rows.start * categorical..rows.end * categorical];
        let count = rows.len();
        let (Some(dropout), Some(epoch)) = (&self.input_dropout, epoch) else {
            return Inputs { rows: count, dense, stride, indices, categorical, one: 1.0 };
        };
        let own_stride = self.input_row();
        for (r, &id) in batch.ids[rows].iter().enumerate() {
            let kept = &mut input[r * own_stride..][..self.numeric];
            dropout.fill(epoch, id, kept);
            for (factor, x) in kept.iter_mut().zip(&dense[r * stride..]) {
                *factor *= x;
            }
            for (to, &index) in hot[r * categorical..].iter_mut().zip(&indices[r * categorical..][..categorical]) {
                *to = if dropout.keeps(epoch, id, index) { index } else { DROPPED };
            }
        }
        let indices = &hot[..count * categorical];
        Inputs { rows: count, dense: &*input, stride: own_stride, indices, categorical, one: dropout.scale }
    }

    /// The inputs of rows that [`Network::inputs`] was called for, part by part of the buffers.
    pub(super) fn inputs_in<'a>(&self, batch: &'a Batch, rows: Range<usize>, buffers: &'a Buffers) -> Inputs<'a> {
        let whole = self.inputs(batch, rows, None, &mut [], &mut []);
        match &self.input_dropout {
            None => whole,
            Some(dropout) => Inputs {
                dense: &buffers.input,
                stride: self.input_row(),
                indices: &buffers.hot[..whole.rows * whole.categorical],
                one: dropout.scale,
                ..whole
            },
        }
    }

    /// Fills the outputs of all layers, and the slopes when training: `dropout` is the epoch and the rows' numbers.
    pub(super) fn forward(
        &self,
        weights: &[f32],
        inputs: Inputs<'_>,
        dropout: Option<(u64, &[u64])>,
        buffers: &mut RowBuffers<'_>,
    ) {
        for (i, layer) in self.layout.layers().iter().enumerate() {
            let (before, after) = buffers.outputs.split_at_mut(i);
            let output = &mut *after[0];
            let a = match before.last() {
                None => Left { values: inputs.dense, row: inputs.stride, step: 1 },
                Some(values) => Left { values, row: self.layout.layers()[i - 1].row(), step: 1 },
            };
            let hidden = i + 1 < self.layout.layers().len();
            let gathers = i == 0 && self.categorical > 0;
            let in_tile =
                hidden && self.activation == Activation::Rectifier && !gathers && !self.trains_slopes(i, dropout);
            let depth = if i == 0 { self.numeric } else { layer.inputs };
            for panel in layer.panels() {
                let shape = Shape { rows: inputs.rows, width: panel.width, depth };
                let b = Right { values: &weights[panel.rows(0..depth)], step: panel.width };
                let start = Start::Bias(&weights[panel.bias()]);
                let end = if in_tile { End::Rectified } else { End::Plain };
                product(self.isa, Product { shape, a, b, start, end }, &mut output[panel.column..], layer.row());
                if gathers {
                    self.gather(weights, panel, inputs, &mut output[panel.column..], layer.row());
                }
            }
            if hidden && !in_tile {
                let len = inputs.rows * layer.row();
                let slopes = match dropout {
                    Some((epoch, ids)) if self.has_slopes(i) => {
                        self.masks(i, epoch, ids, buffers.slopes[i]);
                        &mut buffers.slopes[i][..len]
                    }
                    _ => &mut [],
                };
                self.isa.run(Activate { activation: self.activation, outputs: &mut output[..len], slopes });
            }
        }
    }

    fn trains_slopes(&self, hidden: usize, dropout: Option<(u64, &[u64])>) -> bool {
        dropout.is_some() && self.has_slopes(hidden)
    }

    fn gather(&self, weights: &[f32], panel: Panel, inputs: Inputs<'_>, output: &mut [f32], row: usize) {
        add_rows(self.isa, inputs.table(panel.width, 0), &weights[panel.weights()], output, row);
    }

    /// Dropout's factors of a hidden layer's units; 1 without dropout.
    fn masks(&self, hidden: usize, epoch: u64, ids: &[u64], masks: &mut [f32]) {
        let layer = &self.layout.layers()[hidden];
        for (mask, &id) in masks.chunks_exact_mut(layer.row()).zip(ids) {
            match &self.hidden_dropout[hidden] {
                Some(dropout) => dropout.fill(epoch, id, &mut mask[..layer.outputs]),
                None => mask.fill(1.0),
            }
        }
    }
}

/// The activation f over sums x, in place. With slopes, which come as dropout's factors k: y = f(x) k, slope = f′(x) k.
struct Activate<'a> {
    activation: Activation,
    outputs: &'a mut [f32],
    slopes: &'a mut [f32],
}

impl Loop for Activate<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        match self.activation {
            Activation::Linear if self.slopes.is_empty() => (),
            Activation::Linear => self.each(activation::linear),
            Activation::Rectifier => self.each(activation::rectifier),
            Activation::Tanh => self.each(activation::tanh),
            Activation::LeakyRectifier => self.each(activation::leaky_rectifier),
            Activation::Sigmoid => self.each(activation::sigmoid),
            Activation::Swish => self.each(activation::swish),
            Activation::Elu => self.each(activation::elu),
        }
    }
}

impl Activate<'_> {
    /// `f` gives the activation and its derivative; where nobody asks for the latter, it is not computed.
    #[inline(always)]
    fn each(self, f: impl Fn(f32) -> (f32, f32)) {
        if self.slopes.is_empty() {
            self.outputs.iter_mut().for_each(|x| *x = f(*x).0);
            return;
        }
        for (x, k) in self.outputs.iter_mut().zip(self.slopes) {
            let (value, slope) = f(*x);
            *x = value * *k;
            *k *= slope;
        }
    }
}
