//! Which rows stand for all: one of each of so many even pieces of the frame. A pure function of the frame's rows and
//! columns, so each shard finds its own, and the sample is the same for any cut.
//!
//! One row a piece, not the rows of the smallest keys: the sample has an exact size, finding it costs nothing for the rows
//! that are not in it, and where rows are sorted its quantiles are the nearer.
//!
//! Philox purposes and counters: `sample.quantiles` and `sample.shown` (seed 0; the piece as the row).

use std::ops::Range;

use crate::philox::Philox;
use crate::stats::LevelLimits;

/// Values that are sampled for quantiles, of all columns together: the statistics of a frame must fit a message.
const QUANTILE_VALUES: u64 = 1 << 22;
/// Rows of them: below the least a frame of very many columns is not told apart, above the most nothing is gained.
pub(crate) const QUANTILE_ROWS_MAX: u64 = 65_536;
const QUANTILE_ROWS: (u64, u64) = (256, QUANTILE_ROWS_MAX);
/// The same of rows to be looked at.
const SHOWN_VALUES: u64 = 1 << 17;
const SHOWN_ROWS: (u64, u64) = (64, 1024);

/// What statistics keep of the values themselves: the sampled rows of a shard, counted from its first, in order, and how
/// many levels.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Sampled {
    pub(crate) quantile_rows: Vec<u32>,
    pub(crate) shown_rows: Vec<u32>,
    pub(crate) levels: LevelLimits,
}

impl Sampled {
    /// Of the global rows of a shard. Frames of up to the least number of sampled rows are sampled whole.
    pub(crate) fn of(frame_rows: u64, columns: usize, rows: &Range<u64>) -> Self {
        let size = |values: u64, (least, most)| (values / (columns as u64).max(1)).clamp(least, most).min(frame_rows);
        Self {
            quantile_rows: sample("sample.quantiles", size(QUANTILE_VALUES, QUANTILE_ROWS), frame_rows, rows),
            shown_rows: sample("sample.shown", size(SHOWN_VALUES, SHOWN_ROWS), frame_rows, rows),
            levels: LevelLimits::of(columns),
        }
    }
}

/// One row of each of `pieces` pieces, if it is in `rows`.
fn sample(purpose: &str, pieces: u64, frame_rows: u64, rows: &Range<u64>) -> Vec<u32> {
    if rows.is_empty() {
        return Vec::new();
    }
    let philox = Philox::new(0, purpose);
    // Rows of a frame are below 2^42, and pieces are 2^16 at most.
    let cut = |piece: u64| piece * frame_rows / pieces;
    let piece_of = |row: u64| ((row + 1) * pieces).div_ceil(frame_rows) - 1;
    let row_of = |piece: u64| {
        let [high, low, ..] = philox.draw(0, 0, piece);
        let key = u64::from(high) << 32 | u64::from(low);
        let (first, length) = (cut(piece), cut(piece + 1) - cut(piece));
        first + ((u128::from(key) * u128::from(length)) >> 64) as u64
    };
    let own = (piece_of(rows.start)..=piece_of(rows.end - 1)).map(row_of).filter(|row| rows.contains(row));
    own.map(|row| (row - rows.start) as u32).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::block::BLOCK_ROWS;

    fn none(columns: usize) -> Sampled {
        Sampled { quantile_rows: Vec::new(), shown_rows: Vec::new(), levels: LevelLimits::of(columns) }
    }

    #[test]
    fn a_small_frame_is_sampled_whole() {
        let all = Sampled::of(1024, 3, &(0..1024));
        assert_eq!((all.quantile_rows, all.shown_rows), ((0..1024).collect(), (0..1024).collect()));
        assert_eq!(Sampled::of(65_536, 1, &(0..65_536)).quantile_rows.len(), 65_536);
        assert_eq!(Sampled::of(5, 0, &(0..0)), none(0));
    }

    #[test]
    fn a_frame_is_sampled_alike_however_it_is_cut() {
        for frame_rows in [1, 1000, 65_537, 1_000_003, 1 << 42] {
            let first = frame_rows / 3;
            let whole = Sampled::of(frame_rows, 28, &(first..frame_rows.min(first + 20 * BLOCK_ROWS)));
            let mut parts = none(28);
            for at in (first..frame_rows.min(first + 20 * BLOCK_ROWS)).step_by(3000) {
                let rows = at..frame_rows.min(at + 3000).min(first + 20 * BLOCK_ROWS);
                let part = Sampled::of(frame_rows, 28, &rows);
                parts.quantile_rows.extend(part.quantile_rows.iter().map(|row| row + (at - first) as u32));
                parts.shown_rows.extend(part.shown_rows.iter().map(|row| row + (at - first) as u32));
            }
            assert_eq!(parts, whole, "{frame_rows}");
        }
    }

    #[test]
    fn samples_have_their_size_and_no_row_twice() {
        let size = |rows, columns| {
            let sampled = Sampled::of(rows, columns, &(0..rows));
            assert!(sampled.quantile_rows.is_sorted_by(|a, b| a < b) && sampled.shown_rows.is_sorted_by(|a, b| a < b));
            (sampled.quantile_rows.len(), sampled.shown_rows.len())
        };
        assert_eq!(size(3_000_000, 1), (65_536, 1024));
        assert_eq!(size(3_000_000, 500), (8388, 262));
        assert_eq!(size(3_000_000, 100_000), (256, 64));
        assert_eq!(size(100, 100_000), (100, 100 - 36));
    }
}
