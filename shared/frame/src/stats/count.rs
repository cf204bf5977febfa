//! Statistics of one shard's column, from its gathered values.

use arrow_buffer::NullBuffer;

use super::{ColumnStats, Level, Moments, MomentsNode, Tally};
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
    let mut levels = Levels::new(rows.sampled.levels.numbers);
    let mut extremes: Option<(f64, f64, Value, Value)> = None;
    let mut fold = Fold::default();
    let mut finite = [const { Vec::new() }; 4];
    for (group, four) in values.chunks(4 * BLOCK_ROWS as usize).enumerate() {
        finite.iter_mut().for_each(Vec::clear);
        for (at, (block, finite)) in four.chunks(BLOCK_ROWS as usize).zip(&mut finite).enumerate() {
            let first_row = (group * 4 + at) * BLOCK_ROWS as usize;
            let is_finite = |item: &T| number(*item).is_finite();
            let of_all = |finite: &mut Vec<f64>| {
                finite.extend(block.iter().map(|item| number(*item)));
                span(finite)
            };
            let valid =
                || block.iter().enumerate().filter(|(row, _)| !rows.is_null(first_row + row)).map(|(_, item)| *item);
            // Most blocks have all their values: those are loops without a branch.
            let mut ends = if rows.nulls.is_none() { of_all(finite) } else { None };
            if ends.is_none() {
                finite.clear();
                for x in valid().map(&number) {
                    tally.nan += u64::from(x.is_nan());
                    tally.infinite += u64::from(x.is_infinite());
                    finite.extend(x.is_finite().then_some(x));
                }
                ends = span(finite);
            }
            if !levels.too_many {
                valid().filter(is_finite).for_each(|item| levels.count(item, bits(item)));
            }
            let reaches = |(least, most, ..): &(f64, f64, _, _)| {
                ends.is_some_and(|(low, high)| is_beyond(-low, -least) || is_beyond(high, *most))
            };
            if extremes.as_ref().map_or(ends.is_some(), reaches) {
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

/// By value. Sorted as integers of the same order, and many of them digit by digit: that takes a quarter of the time.
fn sorted(values: impl Iterator<Item = f64>) -> Vec<f64> {
    const SIGN: u64 = 1 << 63;
    let key = |x: f64| if x.is_sign_negative() { !x.to_bits() } else { x.to_bits() | SIGN };
    let mut keys: Vec<u64> = values.map(key).collect();
    if keys.len() < 2 * DIGITS {
        keys.sort_unstable();
    } else {
        keys = sorted_by_digits(keys);
    }
    let value = |key: u64| f64::from_bits(if key & SIGN == 0 { !key } else { key & !SIGN });
    keys.into_iter().map(value).collect()
}

/// Values of a digit of 11 bits.
const DIGITS: usize = 1 << 11;

/// From the lowest digit to the highest; one that all keys share, as the low ones of 32-bit floats, is passed over.
fn sorted_by_digits(mut keys: Vec<u64>) -> Vec<u64> {
    let digit = |key: u64, place: usize| (key >> (11 * place)) as usize % DIGITS;
    let mut counts = vec![[0; DIGITS]; 6];
    for &key in &keys {
        counts.iter_mut().enumerate().for_each(|(place, counts)| counts[digit(key, place)] += 1);
    }
    let mut moved = vec![0; keys.len()];
    for (place, mut next) in counts.into_iter().enumerate() {
        if keys.first().is_none_or(|&key| next[digit(key, place)] == keys.len()) {
            continue;
        }
        next.iter_mut().fold(0, |before, next| before + std::mem::replace(next, before));
        for &key in &keys {
            let next = &mut next[digit(key, place)];
            moved[*next] = key;
            *next += 1;
        }
        std::mem::swap(&mut keys, &mut moved);
    }
    keys
}

/// The least and the largest of a block, told in eight lanes; none if it is empty or one of them is not finite.
fn span(block: &[f64]) -> Option<(f64, f64)> {
    let first = *block.first()?;
    let (mut low, mut high, mut zero) = ([first; 8], [first; 8], [0.0; 8]);
    let (eights, rest) = block.as_chunks::<8>();
    let mut look = |lane: usize, x: f64| {
        low[lane] = if x < low[lane] { x } else { low[lane] };
        high[lane] = if x > high[lane] { x } else { high[lane] };
        zero[lane] += x * 0.0; // NaN of what is not finite
    };
    eights.iter().for_each(|eight| (0..8).for_each(|lane| look(lane, eight[lane])));
    rest.iter().for_each(|&x| look(0, x));
    let ends = (low.into_iter().fold(first, f64::min), high.into_iter().fold(first, f64::max));
    zero.iter().all(|zero| *zero == 0.0).then_some(ends)
}

/// Whether a value may be larger than the largest so far: one of the same f64 only where different values round to one.
fn is_beyond(x: f64, most: f64) -> bool {
    const EXACT_MAX: f64 = (1u64 << 53) as f64;
    x > most || x == most && x.abs() >= EXACT_MAX
}

/// Extremes are found by f64 first, and by value among what rounds to the same f64.
fn widen(extremes: &mut Option<(f64, f64, Value, Value)>, x: f64, value: impl Fn() -> Value) {
    match extremes {
        None => *extremes = Some((x, x, value(), value())),
        Some((low, high, min, max)) => {
            if is_beyond(-x, -*low) && value() < *min {
                (*low, *min) = (x, value());
            }
            if is_beyond(x, *high) && value() > *max {
                (*high, *max) = (x, value());
            }
        }
    }
}

/// Counts distinct values until there are too many: a small open-addressed table, as this is done for every value.
struct Levels<T> {
    most: usize,
    /// Each distinct value, its bits, and its rows, in order of the first row.
    found: Vec<(T, u64, u64)>,
    /// 1 + a place in `found`; 0 is free. Always less than half full.
    table: Vec<u16>,
    too_many: bool,
}

impl<T: Copy> Levels<T> {
    const SLOTS: usize = 4096;

    fn new(most: usize) -> Self {
        Self { most, found: Vec::new(), table: vec![0; Self::SLOTS], too_many: false }
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
        self.too_many = self.found.len() > self.most;
    }

    fn finish(self, value: impl Fn(T) -> Value) -> Option<Vec<Level>> {
        let mut levels: Vec<Level> =
            self.found.into_iter().map(|(of, _, rows)| Level { value: value(of), rows }).collect();
        levels.sort_unstable_by(|a, b| a.value.cmp(&b.value));
        (!self.too_many).then_some(levels)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_values_are_sorted_as_few_are() {
        let philox = crate::Philox::new(1, "test");
        let noise = |i: u64| {
            let [a, b, ..] = philox.draw(0, 0, i);
            f64::from_bits(u64::from(a) << 32 | u64::from(b))
        };
        let ends = [f64::MIN, f64::MAX, f64::MIN_POSITIVE, -1.0, 0.0, 5e-324, -5e-324];
        let wide: Vec<f64> = (0..20_000).map(noise).filter(|x| x.is_finite()).chain(ends).collect();
        let single: Vec<f64> = wide.iter().map(|x| f64::from(*x as f32) + 0.0).filter(|x| x.is_finite()).collect();
        let whole: Vec<f64> = (0..5000).map(|i| ((i * 7919) % 5003) as f64).collect();
        for values in [wide, single, whole, vec![3.5; 5000]] {
            assert!(values.len() >= 2 * DIGITS);
            let mut expected = values.clone();
            expected.sort_by(f64::total_cmp);
            assert_eq!(sorted(values.into_iter()), expected);
        }
    }

    #[test]
    fn a_span_is_that_of_finite_values() {
        let mut block: Vec<f64> = (0..1021).map(|i| f64::from(i * 37 % 1021) - 500.0).collect();
        assert_eq!(span(&block), Some((-500.0, 520.0)));
        assert_eq!(span(&[f64::MAX, -f64::MAX]), Some((-f64::MAX, f64::MAX)));
        assert_eq!(span(&[]), None);
        for at in [0, 7, 500, 1020] {
            for x in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
                let value = std::mem::replace(&mut block[at], x);
                assert_eq!(span(&block), None, "{x} at {at}");
                block[at] = value;
            }
        }
    }
}
