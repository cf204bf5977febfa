//! Memory that a pass through a network writes to, made once.

use std::ops::{Deref, DerefMut};

use super::Network;
use crate::crew::cut;

/// Zeroed floats that begin at a cache line, so that no vector load straddles two. Where they begin decides no bit.
#[derive(Debug, Default)]
pub(crate) struct Aligned {
    values: Vec<f32>,
    start: usize,
    len: usize,
}

const LINE: usize = 64;

impl Aligned {
    pub(crate) fn zeroed(len: usize) -> Self {
        let values = vec![0.0; len + LINE / 4];
        let start = values.as_ptr().align_offset(LINE).min(LINE / 4);
        Self { values, start, len }
    }
}

impl Deref for Aligned {
    type Target = [f32];

    fn deref(&self) -> &[f32] {
        &self.values[self.start..][..self.len]
    }
}

impl DerefMut for Aligned {
    fn deref_mut(&mut self) -> &mut [f32] {
        &mut self.values[self.start..][..self.len]
    }
}

impl AsMut<[f32]> for Aligned {
    fn as_mut(&mut self) -> &mut [f32] {
        self
    }
}

/// Some rows' way through a network.
#[derive(Debug, Default)]
pub(crate) struct Buffers {
    /// Rows that there is room for.
    rows: usize,
    /// (rows, numeric inputs in whole lines): numeric inputs after dropout.
    pub(super) input: Aligned,
    /// (rows, categorical): indices after dropout.
    pub(super) hot: Vec<u32>,
    /// By layer, (rows, layer row): outputs after activation and dropout.
    pub(super) outputs: Vec<Aligned>,
    /// By layer, (rows, layer row): derivative of the loss by the sums before activation.
    pub(super) deltas: Vec<Aligned>,
    /// By hidden layer, (rows, layer row): derivative of activation and dropout, where the outputs don't tell it.
    slopes: Vec<Aligned>,
    /// (rows)
    pub(super) losses: Vec<f64>,
    /// (rows): the input of the biases.
    pub(super) ones: Vec<f32>,
}

/// The same, of a run of the rows: what one thread works on.
pub(super) struct RowBuffers<'a> {
    /// The first of them.
    pub(super) first: usize,
    pub(super) rows: usize,
    pub(super) input: &'a mut [f32],
    pub(super) hot: &'a mut [u32],
    pub(super) outputs: Vec<&'a mut [f32]>,
    pub(super) deltas: Vec<&'a mut [f32]>,
    pub(super) slopes: Vec<&'a mut [f32]>,
    pub(super) losses: &'a mut [f64],
}

impl Buffers {
    /// Makes room for so many rows of a network.
    pub(crate) fn of(network: &Network, rows: usize) -> Self {
        let layers = network.layout.layers();
        let one_each = || layers.iter().map(|layer| Aligned::zeroed(rows * layer.row())).collect();
        let slopes = (0..layers.len() - 1)
            .map(|i| Aligned::zeroed(if network.has_slopes(i) { rows * layers[i].row() } else { 0 }))
            .collect();
        let dropped = if network.input_dropout.is_some() { rows } else { 0 };
        Self {
            rows,
            input: Aligned::zeroed(dropped * network.input_row()),
            hot: vec![0; dropped * network.categorical],
            outputs: one_each(),
            deltas: one_each(),
            slopes,
            losses: vec![0.0; rows],
            ones: vec![1.0; rows],
        }
    }

    /// Makes room for more rows, if it has less; the network is the one that they are of.
    pub(super) fn make_room(&mut self, network: &Network, rows: usize) {
        if self.rows < rows {
            *self = Self::of(network, rows);
        }
    }

    /// The first `rows` rows, cut into runs of `part`.
    pub(super) fn parts(&mut self, network: &Network, rows: usize, part: usize) -> Vec<RowBuffers<'_>> {
        fn share<'a, T>(
            parts: &mut [RowBuffers<'a>],
            values: &'a mut [T],
            row: usize,
            give: impl Fn(&mut RowBuffers<'a>, &'a mut [T]),
        ) {
            // What a network has no use for has no room.
            let row = if values.is_empty() { 0 } else { row };
            let lengths: Vec<usize> = parts.iter().map(|part| part.rows * row).collect();
            parts.iter_mut().zip(cut(values, lengths)).for_each(|(part, piece)| give(part, piece));
        }
        let layers = network.layout.layers();
        let empty = |at: usize| RowBuffers {
            first: at * part,
            rows: part.min(rows - at * part),
            input: &mut [],
            hot: &mut [],
            outputs: Vec::with_capacity(layers.len()),
            deltas: Vec::with_capacity(layers.len()),
            slopes: Vec::with_capacity(layers.len()),
            losses: &mut [],
        };
        let mut parts: Vec<RowBuffers<'_>> = (0..rows.div_ceil(part)).map(empty).collect();
        share(&mut parts, &mut self.input, network.input_row(), |part, piece| part.input = piece);
        share(&mut parts, &mut self.hot, network.categorical, |part, piece| part.hot = piece);
        share(&mut parts, &mut self.losses, 1, |part, piece| part.losses = piece);
        for (layer, values) in layers.iter().zip(&mut self.outputs) {
            share(&mut parts, values, layer.row(), |part, piece| part.outputs.push(piece));
        }
        for (layer, values) in layers.iter().zip(&mut self.deltas) {
            share(&mut parts, values, layer.row(), |part, piece| part.deltas.push(piece));
        }
        for (layer, values) in layers.iter().zip(&mut self.slopes) {
            share(&mut parts, values, layer.row(), |part, piece| part.slopes.push(piece));
        }
        parts
    }

    /// Bytes for so many rows.
    pub(crate) fn bytes(network: &Network, rows: usize) -> u64 {
        let layers = network.layout.layers();
        let slopes = |i: usize| usize::from(i + 1 < layers.len() && network.has_slopes(i));
        let floats: usize = layers.iter().enumerate().map(|(i, layer)| layer.row() * (2 + slopes(i))).sum();
        let dropped = usize::from(network.input_dropout.is_some()) * (network.input_row() + network.categorical);
        (rows * ((floats + dropped + 1) * 4 + 8)) as u64
    }
}
