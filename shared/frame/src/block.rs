//! Blocks: the unit of order, of ranks and of scoring.

use std::ops::Range;

/// Rows of a block; the last block of a frame may be shorter.
pub const BLOCK_ROWS: u64 = 1024;

/// How many blocks `rows` rows make.
pub fn block_count(rows: u64) -> u64 {
    rows.div_ceil(BLOCK_ROWS)
}

/// The global rows of a block in a frame of `rows` rows.
pub fn block_rows(block: u64, rows: u64) -> Range<u64> {
    (block * BLOCK_ROWS).min(rows)..((block + 1) * BLOCK_ROWS).min(rows)
}

/// The blocks that `rank` of `ranks` owns: `[k·B/ranks, (k+1)·B/ranks)`.
pub fn rank_blocks(rank: u32, ranks: u32, blocks: u64) -> Range<u64> {
    let cut = |k: u32| (u128::from(k) * u128::from(blocks) / u128::from(ranks)) as u64;
    cut(rank)..cut(rank + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranks_share_out_every_block_once() {
        for (blocks, ranks) in [(1, 1), (32, 8), (33, 8), (7, 7), (1000, 256)] {
            let mut next = 0;
            for rank in 0..ranks {
                let own = rank_blocks(rank, ranks, blocks);
                assert_eq!(own.start, next);
                assert!(!own.is_empty());
                next = own.end;
            }
            assert_eq!(next, blocks);
        }
    }

    #[test]
    fn the_last_block_is_shorter() {
        assert_eq!(block_count(2049), 3);
        assert_eq!(block_rows(2, 2049), 2048..2049);
    }
}
