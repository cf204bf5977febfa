//! The order of a rank's rows in an epoch: a pure function of (seed, epoch, rank, its blocks).
//!
//! Pieces of 64 blocks, cut from the frame's first block, are permuted; then the blocks in each; then the rows in windows of
//! 4 consecutive blocks of that sequence. So reading stays nearly sequential, and a window fits a cache. A piece at the end
//! of a rank may be a part of one. [`Mixing::Blocks`] leaves the last step out.
//!
//! Philox purposes and counters: `order.pieces` (epoch, rank), `order.blocks` (epoch, piece of the frame), `order.rows`
//! (epoch, first block of the window: it begins no other window of that epoch).

use std::ops::Range;

use serde::{Deserialize, Serialize};

use crate::philox::Philox;

/// Blocks of a piece.
pub(crate) const PIECE_BLOCKS: u64 = 64;
/// Blocks whose rows are mixed.
pub(crate) const WINDOW_BLOCKS: usize = 4;

/// What is shuffled in an epoch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mixing {
    /// Blocks, and the rows in windows of them.
    #[default]
    Rows,
    /// Blocks alone: their rows come as they lie.
    Blocks,
}

pub(crate) struct Order {
    blocks: Range<u64>,
    rank: u32,
    mixing: Mixing,
    pieces: Philox,
    in_piece: Philox,
    rows: Philox,
}

impl Order {
    pub(crate) fn new(blocks: Range<u64>, rank: u32, seed: u64, mixing: Mixing) -> Self {
        let philox = |purpose| Philox::new(seed, purpose);
        let (pieces, in_piece, rows) = (philox("order.pieces"), philox("order.blocks"), philox("order.rows"));
        Self { blocks, rank, mixing, pieces, in_piece, rows }
    }

    pub(crate) fn mixing(&self) -> Mixing {
        self.mixing
    }

    /// The blocks of an epoch in order, counted from the rank's first block.
    pub(crate) fn sequence(&self, epoch: u64) -> Vec<u32> {
        let first_piece = self.blocks.start / PIECE_BLOCKS;
        let pieces = self.blocks.end.div_ceil(PIECE_BLOCKS) - first_piece;
        let mut sequence = Vec::with_capacity((self.blocks.end - self.blocks.start) as usize);
        for piece in self.pieces.permutation(pieces as usize, epoch, u64::from(self.rank)) {
            let piece = first_piece + u64::from(piece);
            let start = self.blocks.start.max(piece * PIECE_BLOCKS);
            let end = self.blocks.end.min((piece + 1) * PIECE_BLOCKS);
            let offset = (start - self.blocks.start) as u32;
            let order = self.in_piece.permutation((end - start) as usize, epoch, piece);
            sequence.extend(order.into_iter().map(|block| offset + block));
        }
        sequence
    }

    /// Which row of the window's blocks, laid end to end, comes at each place.
    pub(crate) fn window(&self, epoch: u64, first_block: u64, rows: usize) -> Vec<u32> {
        match self.mixing {
            Mixing::Rows => self.rows.permutation(rows, epoch, first_block),
            Mixing::Blocks => (0..rows as u32).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_epoch_holds_every_block_once_and_pieces_stay_together() {
        for blocks in [0..1, 0..64, 10..200, 64..65, 100..130] {
            let order = Order::new(blocks.clone(), 3, 7, Mixing::Rows);
            let sequence = order.sequence(5);
            let mut sorted = sequence.clone();
            sorted.sort_unstable();
            assert_eq!(sorted, (0..(blocks.end - blocks.start) as u32).collect::<Vec<_>>());
            let piece = |block: &u32| (blocks.start + u64::from(*block)) / PIECE_BLOCKS;
            let runs = sequence.chunk_by(|a, b| piece(a) == piece(b)).count() as u64;
            assert_eq!(runs, blocks.end.div_ceil(PIECE_BLOCKS) - blocks.start / PIECE_BLOCKS);
        }
        let order = Order::new(10..200, 3, 7, Mixing::Rows);
        assert_ne!(order.sequence(0), order.sequence(1));
        assert_ne!(order.sequence(0), Order::new(10..200, 3, 8, Mixing::Rows).sequence(0));
    }
}
