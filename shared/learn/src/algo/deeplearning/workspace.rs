//! A thread's memory for rounds.

use aquifer_frame::{Batch, Columns};

use crate::Network;
use crate::network::{Aligned, Buffers, LinearBuffers};

/// Reusable buffers, so that a round allocates next to nothing. Holds no value from one round to the next: any
/// workspace serves any trial, at the cost of new memory where the network is another.
#[derive(Debug, Default)]
pub struct Workspace {
    /// Sizes that the buffers are made for.
    shape: Vec<usize>,
    pub(super) batch: Batch,
    pub(super) columns: Columns,
    /// The local copy of the weights, and their transposed copies.
    pub(crate) weights: Aligned,
    pub(crate) transposed: Aligned,
    /// The local copies of the moments.
    pub(super) moments: Vec<Aligned>,
    pub(crate) gradient: Aligned,
    pub(crate) buffers: Buffers,
    pub(super) linear: LinearBuffers,
    /// Of `lazy_adam`: the one-hot inputs of a batch, in order.
    pub(super) touched: Vec<u32>,
    /// Of a block that is scored: (rows, outputs), the objective's derivatives by them, (rows).
    pub(super) outputs: Vec<f32>,
    pub(super) derivatives: Vec<f32>,
    pub(super) losses: Vec<f64>,
}

impl Workspace {
    /// Makes the buffers for a network, unless they are. `lazy` steps rely on what they left zero.
    pub(crate) fn fit(&mut self, network: &Network, moments: usize, lazy: bool) {
        let mut shape = network.shape(moments);
        shape.push(usize::from(lazy)); // whose gradient of one-hot inputs is zero between steps
        if self.shape == shape {
            return;
        }
        let layout = network.layout();
        *self = Self {
            shape,
            weights: Aligned::zeroed(layout.len()),
            transposed: Aligned::zeroed(layout.transposed_len()),
            moments: (0..moments).map(|_| Aligned::zeroed(layout.len())).collect(),
            gradient: Aligned::zeroed(layout.len()),
            buffers: Buffers::of(network, network.row_block()),
            ..Self::default()
        };
    }
}
