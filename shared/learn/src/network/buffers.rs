//! Memory that a pass through a network writes to, made once.

use std::ops::{Deref, DerefMut};

use super::Network;

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

/// A row block's way through a network.
#[derive(Debug, Default)]
pub(crate) struct Buffers {
    /// (row block, batch stride): numeric inputs after dropout.
    pub(super) input: Aligned,
    /// (row block, categorical): indices after dropout.
    pub(super) hot: Vec<u32>,
    /// By layer, (row block, layer row): outputs after activation and dropout.
    pub(super) outputs: Vec<Aligned>,
    /// By layer, (row block, layer row): derivative of the loss by the sums before activation.
    pub(super) deltas: Vec<Aligned>,
    /// By hidden layer, (row block, layer row): derivative of activation and dropout, where the outputs don't tell it.
    pub(super) slopes: Vec<Aligned>,
    /// (row block)
    pub(super) losses: Vec<f64>,
    /// (row block): the input of the biases.
    pub(super) ones: Vec<f32>,
}

impl Buffers {
    pub(crate) fn of(network: &Network) -> Self {
        let rows = network.row_block;
        let layers = network.layout.layers();
        let one_each = || layers.iter().map(|layer| Aligned::zeroed(rows * layer.row())).collect();
        let slopes = (0..layers.len() - 1)
            .map(|i| Aligned::zeroed(if network.has_slopes(i) { rows * layers[i].row() } else { 0 }))
            .collect();
        let dropped = if network.input_dropout.is_some() { rows } else { 0 };
        Self {
            input: Aligned::zeroed(dropped * network.numeric.next_multiple_of(16)),
            hot: vec![0; dropped * network.categorical],
            outputs: one_each(),
            deltas: one_each(),
            slopes,
            losses: vec![0.0; rows],
            ones: vec![1.0; rows],
        }
    }
}
