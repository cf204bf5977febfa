//! What training holds in memory, counted before it begins. Page cache and rows of mapped files are none of it.

use aquifer_frame::{BLOCK_ROWS, Reader};
use aquifer_model::params::AveragingMode;

use super::Trial;
use crate::network::{Buffers, Dense};
use crate::optimizer::moment_names;

/// Bytes of a trial on one worker.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Memory {
    /// Weights, moments and outer momentum, and copies that a round's ranks share.
    pub state: u64,
    /// What the threads work in.
    pub workspaces: u64,
    /// Rows that are assembled for the ranks of this worker.
    pub windows: u64,
    /// Partials on their way to the sum.
    pub partials: u64,
}

impl Memory {
    pub fn total(&self) -> u64 {
        self.state + self.workspaces + self.windows + self.partials
    }
}

impl Trial {
    /// For a worker of so many threads that has so many of the ranks.
    pub fn memory(&self, threads: u64, own_ranks: u64) -> Memory {
        let vector = self.network.len() as u64 * 4;
        let transposed = self.network.layout().transposed_len() as u64 * 4;
        let moments = moment_names(self.params.optimizer).len() as u64;
        let outer = u64::from(self.has_outer_step());
        let best = u64::from(self.watch.as_ref().is_some_and(|watch| watch.keeps_best));
        // A worker has no more workspaces than it has ranks.
        let at_once = threads.clamp(1, own_ranks.max(1));
        let rows = self.params.mini_batch_size.max(BLOCK_ROWS as usize);
        let batch = Reader::row_bytes(&self.encoding) * rows as u64;
        let linear = if self.reads_columns() { 20 * (rows * self.network.outputs()) as u64 } else { 0 };
        // With fewer ranks than threads more rows are on their way at a time.
        let together = self.network.rows_together(if own_ranks < threads { threads as usize } else { 1 }, rows);
        let workspace = vector * (2 + moments) + transposed + batch + linear + Buffers::bytes(&self.network, together);
        let vectors = match self.params.averaging_mode {
            AveragingMode::Average => 1 + moments,
            AveragingMode::Gradient => 1,
        };
        let partial = vectors * vector + self.score_bytes();
        // Each thread makes one, a node of each height of the tree waits for its sibling, and memory of some is kept; what
        // other workers send and are sent is as much again a few times.
        let height = u64::from(u64::BITS - own_ranks.max(1).leading_zeros());
        let exchanged = if own_ranks < u64::from(self.params.ranks) { 4 } else { 0 };
        let windows = if self.reads_columns() { 0 } else { own_ranks * Reader::window_bytes(&self.encoding) };
        Memory {
            state: vector * (1 + moments + outer + best) + vector + transposed,
            workspaces: at_once * workspace,
            windows,
            partials: (2 * at_once + height + 1 + exchanged) * partial,
        }
    }

    /// Trials of equal shape may use each other's workspaces.
    pub fn workspace_shape(&self) -> Vec<usize> {
        let mut shape = self.network.shape(moment_names(self.params.optimizer).len());
        shape.push(usize::from(self.params.lazy_adam));
        shape
    }

    /// Floating-point operations of a row in training: forward, the gradient by the weights and that by the inputs are two for
    /// each weight; a one-hot input has one row of weights, and the first layer's inputs need no gradient.
    pub fn flops_of_row(&self) -> u64 {
        let layers = self.weights_of_row();
        6 * layers.iter().sum::<u64>() - 2 * layers.first().copied().unwrap_or(0)
    }

    /// Of a row that is scored.
    pub fn flops_of_scored_row(&self) -> u64 {
        2 * self.weights_of_row().iter().sum::<u64>()
    }

    /// Weights of each layer that a row meets.
    fn weights_of_row(&self) -> Vec<u64> {
        let met = |(i, layer): (usize, &Dense)| {
            let inputs =
                if i == 0 { self.encoding.numeric.len() + self.encoding.categorical.len() } else { layer.inputs };
            (inputs * layer.outputs) as u64
        };
        self.network.layout().layers().iter().enumerate().map(met).collect()
    }

    fn score_bytes(&self) -> u64 {
        self.score_vectors().iter().map(|vector| (vector.len * vector.value_type.bytes()) as u64).sum()
    }
}
