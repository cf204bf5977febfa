//! Reading ahead of the reader and letting go behind it, so that data beyond memory streams at the disk's rate.
//!
//! The order of an epoch is known before it begins: what is read next is asked for while this is computed on. Hints
//! only: no value depends on them.

use std::ops::Range;

use arrow_array::{Array, ArrayRef};

use crate::block::block_rows;
use crate::encode::{EncodedFrame, ShardTable, TargetColumn};
use crate::map::{Expect, Map};
use crate::order::{PIECE_BLOCKS, WINDOW_BLOCKS};
use crate::shard::Shard;

/// How far ahead a reader asks for its rows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ahead {
    /// A piece of 64 blocks, which lies in one place, ahead of the one that is read; else a window of 4 blocks.
    pub pieces: bool,
    /// In every epoch, and what was read is let go; else in the first one only, as all of it stays in memory.
    pub streams: bool,
}

impl Ahead {
    /// For `ranks` readers of `data_bytes` in `blocks` blocks, where `memory_bytes` may hold them; 0 is unknown.
    pub fn of(data_bytes: u64, blocks: u64, ranks: u64, memory_bytes: u64) -> Self {
        let streams = memory_bytes > 0 && data_bytes > memory_bytes / 2;
        // Each reader has a piece that it reads and one that it waits for, and half of the memory is for others.
        let pieces = ranks.saturating_mul(2 * PIECE_BLOCKS).saturating_mul(data_bytes / blocks.max(1));
        Self { pieces: !streams || pieces <= memory_bytes / 2, streams }
    }
}

/// What was asked for last.
#[derive(Debug, Default)]
pub(crate) struct Lookout {
    pub(crate) ahead: Ahead,
    /// Epoch, window.
    at: Option<(u64, usize)>,
    piece: Option<u64>,
}

impl Lookout {
    /// The reader is about to read a window of an epoch, whose blocks, counted from `first`, come in this sequence.
    pub(crate) fn look(
        &mut self,
        data: &EncodedFrame,
        (epoch, window): (u64, usize),
        blocks: &Range<u64>,
        sequence: &[u32],
    ) {
        if self.at == Some((epoch, window)) || (epoch > 0 && !self.ahead.streams) {
            return;
        }
        self.at = Some((epoch, window));
        let block = |at: usize| sequence.get(at).map(|block| blocks.start + u64::from(*block));
        let start = window * WINDOW_BLOCKS;
        if !self.ahead.pieces {
            for block in (start + WINDOW_BLOCKS..start + 2 * WINDOW_BLOCKS).filter_map(block) {
                data.expect(block..block + 1, Expect::Soon);
            }
            for block in (start.saturating_sub(WINDOW_BLOCKS)..start).filter_map(block) {
                data.expect(block..block + 1, Expect::Done);
            }
            return;
        }
        let piece = |at: usize| block(at).map(|block| block / PIECE_BLOCKS);
        let Some(this) = piece(start) else { return };
        let before = self.piece.replace(this);
        if before == Some(this) && window > 0 {
            return;
        }
        let of = |piece: u64| blocks.start.max(piece * PIECE_BLOCKS)..blocks.end.min((piece + 1) * PIECE_BLOCKS);
        if window == 0 {
            data.expect(of(this), Expect::Soon);
        }
        let next = (start..sequence.len()).map(piece).find(|other| *other != Some(this)).flatten();
        next.into_iter().for_each(|next| data.expect(of(next), Expect::Soon));
        if let Some(before) = before.filter(|before| self.ahead.streams && *before != this) {
            data.expect(of(before), Expect::Done);
        }
    }
}

impl Lookout {
    /// The reader is about to read this block of some that it reads one after the other.
    pub(crate) fn pass(&mut self, data: &EncodedFrame, block: u64, blocks: &Range<u64>) {
        let piece = block / PIECE_BLOCKS;
        if !self.ahead.streams || self.piece == Some(piece) {
            return;
        }
        let of = |piece: u64| blocks.start.max(piece * PIECE_BLOCKS)..blocks.end.min((piece + 1) * PIECE_BLOCKS);
        let before = self.piece.replace(piece);
        if before.is_none_or(|before| before + 1 != piece) {
            data.expect(of(piece), Expect::Soon);
        }
        data.expect(of(piece + 1), Expect::Soon);
        if let Some(before) = before {
            data.expect(of(before), Expect::Done);
        }
    }
}

impl EncodedFrame {
    /// All that is read of it is asked for before.
    pub(crate) fn expect_hints(&self) {
        self.tables().iter().filter_map(|table| table.shard().map()).for_each(Map::expect_hints);
    }

    /// Says what will become of the rows of these blocks.
    fn expect(&self, blocks: Range<u64>, expect: Expect) {
        if blocks.start >= blocks.end {
            return;
        }
        let rows = block_rows(blocks.start, self.rows()).start..block_rows(blocks.end - 1, self.rows()).end;
        for table in self.tables() {
            let own = table.rows();
            let (start, end) = (rows.start.max(own.start), rows.end.min(own.end));
            if start < end {
                table.expect((start - own.start) as usize..(end - own.start) as usize, expect);
            }
        }
    }
}

impl ShardTable {
    /// Of rows counted from the shard's first.
    fn expect(&self, rows: Range<usize>, expect: Expect) {
        let Some(map) = self.shard().map() else { return };
        for pieces in self.columns() {
            for piece in rows.start / Shard::piece_rows()..rows.end.div_ceil(Shard::piece_rows()) {
                let Some(array) = pieces.get(piece) else { continue };
                let first = piece * Shard::piece_rows();
                let here = rows.start.max(first) - first..rows.end.min(first + array.len()).saturating_sub(first);
                addresses(array, here).into_iter().for_each(|range| map.expect(range, expect));
            }
        }
    }

    /// All columns that an encoding reads, in pieces.
    fn columns(&self) -> impl Iterator<Item = &[ArrayRef]> {
        let numeric = self.numeric.iter().chain(&self.instant).map(|column| &column.pieces[..]);
        let categorical = self.categorical.iter().map(|column| &column.pieces[..]);
        let target = self.target.iter().map(|target| match target {
            TargetColumn::Number { pieces, .. }
            | TargetColumn::Codes { pieces, .. }
            | TargetColumn::Values { pieces, .. } => &pieces[..],
        });
        numeric.chain(categorical).chain(target).chain(self.weights.as_deref())
    }
}

/// Where the values of some rows lie, and the bits that say which are missing.
fn addresses(array: &ArrayRef, rows: Range<usize>) -> Vec<Range<usize>> {
    let data = array.to_data();
    let buffers = data.buffers().iter().chain(data.nulls().map(|nulls| nulls.buffer()));
    // Values of a fixed width: a share of the rows is a share of the bytes.
    let at = |buffer: &arrow_buffer::Buffer, row: usize| {
        (buffer.len() as u128 * row as u128 / data.len().max(1) as u128) as usize
    };
    buffers
        .map(|buffer| {
            buffer.as_ptr() as usize + at(buffer, rows.start)..buffer.as_ptr() as usize + at(buffer, rows.end)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_fits_is_asked_for_once_and_what_does_not_in_pieces_that_do() {
        const MIB: u64 = 1 << 20;
        let of = |data, ranks, memory| Ahead::of(data * MIB, 1000, ranks, memory * MIB);
        assert_eq!(of(100, 8, 0), Ahead { pieces: true, streams: false });
        assert_eq!(of(100, 8, 1000), Ahead { pieces: true, streams: false });
        assert_eq!(of(1000, 2, 600), Ahead { pieces: true, streams: true });
        assert_eq!(of(1000, 256, 600), Ahead { pieces: false, streams: true });
    }
}
