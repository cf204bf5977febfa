//! Statistics of one shard's column, from its gathered values.

use arrow_buffer::NullBuffer;

use super::tally::bounded;
use super::{ColumnStats, LEVELS_MAX_NUMBER, Level, Moments, MomentsNode, Tally};
use crate::block::BLOCK_ROWS;
use crate::tree::{Fold, Node};
use crate::value::Value;

/// Statistics of numbers and booleans. `first_block` is the frame's block of the first value; `bits` are equal for equal
/// values, and for those alone.
pub(crate) fn number_stats<T: Copy>(
    values: &[T],
    nulls: Option<&NullBuffer>,
    first_block: u64,
    number: impl Fn(T) -> f64,
    value: impl Fn(T) -> Value,
    bits: impl Fn(T) -> u64,
) -> ColumnStats {
    let mut tally = Tally { missing: nulls.map_or(0, |nulls| nulls.null_count() as u64), ..Tally::default() };
    let mut levels = Levels::new();
    let mut extremes: Option<(f64, f64, Value, Value)> = None;
    let mut fold = Fold::default();
    let mut finite = Vec::with_capacity(BLOCK_ROWS as usize);
    for (at, block) in values.chunks(BLOCK_ROWS as usize).enumerate() {
        finite.clear();
        for (row, &item) in block.iter().enumerate() {
            if nulls.is_some_and(|nulls| nulls.is_null(at * BLOCK_ROWS as usize + row)) {
                continue;
            }
            let x = number(item);
            if !x.is_finite() {
                tally.nan += u64::from(x.is_nan());
                tally.infinite += u64::from(x.is_infinite());
                continue;
            }
            finite.push(x);
            levels.count(item, bits(item));
            widen(&mut extremes, x, || value(item));
        }
        fold.push(Node { lo: first_block + at as u64, n: 1 }, Moments::of(&finite), Moments::merge);
    }
    (tally.min, tally.max) = extremes.map(|(_, _, min, max)| (min, max)).unzip();
    tally.levels = levels.finish(value);
    let node = |(node, moments): (Node, _)| MomentsNode { first_block: node.lo, blocks: node.n, moments };
    ColumnStats { tally, moments: fold.into_nodes().into_iter().map(node).collect() }
}

/// Statistics of text: `dictionary` in byte order, and the rows of each entry.
pub(crate) fn count_levels(dictionary: &[&str], rows: &[u64], missing: u64) -> ColumnStats {
    // The length is looked at first: a dictionary of a million texts is not copied to find that out.
    let levels = (dictionary.len() <= super::LEVELS_MAX_TEXT).then(|| {
        let level = |(text, rows): (&&str, &u64)| Level { value: Value::Text((*text).to_owned()), rows: *rows };
        bounded(dictionary.iter().zip(rows).map(level).collect())
    });
    ColumnStats { tally: Tally { missing, levels: levels.flatten(), ..Tally::default() }, moments: Vec::new() }
}

/// Extremes are found by f64 first, and by value among what rounds to the same f64.
fn widen(extremes: &mut Option<(f64, f64, Value, Value)>, x: f64, value: impl Fn() -> Value) {
    match extremes {
        None => *extremes = Some((x, x, value(), value())),
        Some((low, high, min, max)) => {
            if x <= *low && value() < *min {
                (*low, *min) = (x, value());
            }
            if x >= *high && value() > *max {
                (*high, *max) = (x, value());
            }
        }
    }
}

/// Counts distinct values until there are too many: a small open-addressed table, as this is done for every value.
struct Levels<T> {
    /// Each distinct value, its bits, and its rows, in order of the first row.
    found: Vec<(T, u64, u64)>,
    /// 1 + a place in `found`; 0 is free. Always less than half full.
    table: Vec<u16>,
    too_many: bool,
}

impl<T: Copy> Levels<T> {
    const SLOTS: usize = 4096;

    fn new() -> Self {
        Self { found: Vec::new(), table: vec![0; Self::SLOTS], too_many: false }
    }

    /// `bits` are equal for equal values, and for those alone.
    fn count(&mut self, value: T, bits: u64) {
        if self.too_many {
            return;
        }
        // Fibonacci hashing: the high bits of a product with 2^64 / the golden ratio.
        let mut slot = (bits.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 52) as usize;
        loop {
            match self.table[slot] {
                0 => break,
                at if self.found[at as usize - 1].1 == bits => {
                    self.found[at as usize - 1].2 += 1;
                    return;
                }
                _ => slot = (slot + 1) % Self::SLOTS,
            }
        }
        self.found.push((value, bits, 1));
        self.table[slot] = self.found.len() as u16;
        self.too_many = self.found.len() > LEVELS_MAX_NUMBER;
    }

    fn finish(self, value: impl Fn(T) -> Value) -> Option<Vec<Level>> {
        let mut levels: Vec<Level> =
            self.found.into_iter().map(|(of, _, rows)| Level { value: value(of), rows }).collect();
        levels.sort_unstable_by(|a, b| a.value.cmp(&b.value));
        (!self.too_many).then_some(levels)
    }
}
