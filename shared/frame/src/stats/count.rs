//! Statistics of one shard's column, from its gathered values.

use arrow_buffer::NullBuffer;

use super::{ColumnStats, LEVELS_MAX_NUMBER, Level, Moments, MomentsNode, Tally};
use crate::block::BLOCK_ROWS;
use crate::sample::Sampled;
use crate::tree::{Fold, Node};
use crate::value::Value;

/// Where the values of a shard's column are, and which of them are sampled.
#[derive(Clone, Copy)]
pub(crate) struct ShardRows<'a> {
    pub(crate) nulls: Option<&'a NullBuffer>,
    /// The frame's block of the first row.
    pub(crate) first_block: u64,
    pub(crate) sampled: &'a Sampled,
}

impl ShardRows<'_> {
    pub(super) fn is_null(&self, row: usize) -> bool {
        self.nulls.is_some_and(|nulls| nulls.is_null(row))
    }

    pub(super) fn missing(&self) -> u64 {
        self.nulls.map_or(0, |nulls| nulls.null_count() as u64)
    }

    /// The sampled rows to be looked at.
    pub(super) fn shown(&self, value: impl Fn(usize) -> Option<Value>) -> Vec<Option<Value>> {
        let shown = self.sampled.shown_rows.iter().map(|&row| row as usize);
        shown.map(|row| if self.is_null(row) { None } else { value(row) }).collect()
    }
}

/// Statistics of numbers and booleans. `bits` are equal for equal values, and for those alone.
pub(crate) fn number_stats<T: Copy>(
    values: &[T],
    rows: ShardRows<'_>,
    number: impl Fn(T) -> f64,
    value: impl Fn(T) -> Value,
    bits: impl Fn(T) -> u64,
) -> ColumnStats {
    let mut tally = Tally { missing: rows.missing(), ..Tally::default() };
    let mut levels = Levels::new();
    let mut extremes: Option<(f64, f64, Value, Value)> = None;
    let mut fold = Fold::default();
    let mut finite = [const { Vec::new() }; 4];
    for (group, four) in values.chunks(4 * BLOCK_ROWS as usize).enumerate() {
        finite.iter_mut().for_each(Vec::clear);
        for (at, (block, finite)) in four.chunks(BLOCK_ROWS as usize).zip(&mut finite).enumerate() {
            let first_row = (group * 4 + at) * BLOCK_ROWS as usize;
            let is_finite = |item: &T| number(*item).is_finite();
            let valid =
                || block.iter().enumerate().filter(|(row, _)| !rows.is_null(first_row + row)).map(|(_, item)| *item);
            // Most blocks have all their values: that is a loop without a branch.
            if rows.nulls.is_none() && block.iter().all(is_finite) {
                finite.extend(block.iter().map(|item| number(*item)));
            } else {
                for x in valid().map(&number) {
                    tally.nan += u64::from(x.is_nan());
                    tally.infinite += u64::from(x.is_infinite());
                    finite.extend(x.is_finite().then_some(x));
                }
            }
            if !levels.too_many {
                valid().filter(is_finite).for_each(|item| levels.count(item, bits(item)));
            }
            if reaches_out(finite, extremes.as_ref()) {
                valid().filter(is_finite).for_each(|item| widen(&mut extremes, number(item), || value(item)));
            }
        }
        let first_block = rows.first_block + group as u64 * 4;
        let blocks = (first_block..).take(four.len().div_ceil(BLOCK_ROWS as usize));
        for (block, moments) in blocks.zip(Moments::of_each(finite.each_ref().map(Vec::as_slice))) {
            fold.push(Node { lo: block, n: 1 }, moments, Moments::merge);
        }
    }
    (tally.min, tally.max) = extremes.map(|(_, _, min, max)| (min, max)).unzip();
    tally.levels = levels.finish(&value);
    let finite = |row: usize| Some(values[row]).filter(|&item| !rows.is_null(row) && number(item).is_finite());
    let sampled = rows.sampled.quantile_rows.iter().filter_map(|&row| finite(row as usize));
    // −0 is 0, as a level.
    let quantile_sample = sorted(sampled.map(|item| number(item) + 0.0));
    let node = |(node, moments): (Node, _)| MomentsNode { first_block: node.lo, blocks: node.n, moments };
    ColumnStats {
        tally,
        moments: fold.into_nodes().into_iter().map(node).collect(),
        quantile_sample,
        row_sample: rows.shown(|row| finite(row).map(&value)),
        readings: Vec::new(),
    }
}

/// By value. Sorted as integers of the same order, which takes half the time.
fn sorted(values: impl Iterator<Item = f64>) -> Vec<f64> {
    const SIGN: u64 = 1 << 63;
    let key = |x: f64| if x.is_sign_negative() { !x.to_bits() } else { x.to_bits() | SIGN };
    let mut keys: Vec<u64> = values.map(key).collect();
    keys.sort_unstable();
    let value = |key: u64| f64::from_bits(if key & SIGN == 0 { !key } else { key & !SIGN });
    keys.into_iter().map(value).collect()
}

/// Whether a block may have a new extreme, told in eight lanes.
fn reaches_out(finite: &[f64], extremes: Option<&(f64, f64, Value, Value)>) -> bool {
    let Some((low, high, ..)) = extremes else { return !finite.is_empty() };
    let (eights, rest) = finite.as_chunks::<8>();
    let mut out = [false; 8];
    for eight in eights {
        for (out, x) in out.iter_mut().zip(eight) {
            *out |= *x <= *low || *x >= *high;
        }
    }
    out.contains(&true) || rest.iter().any(|x| x <= low || x >= high)
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
