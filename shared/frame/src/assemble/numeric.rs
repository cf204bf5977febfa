//! Numeric inputs: decoded 16 columns by 256 rows into lanes that stay in cache, then transposed in registers, each row
//! straight to its place, as whole lines of 16 floats.

use super::Run;
use super::read::{TakeNumbers, codes, for_nulls, integers, numbers, take_numbers};
use crate::batch::Batch;
use crate::encode::{NumericColumn, ShardTable, Source, Transform};
use crate::simd::{Isa, Loop, scatter_columns};

const TILE_COLUMNS: usize = 16;
pub(super) const TILE_ROWS: usize = 256;
/// Floats of a lane. Not a power of two: 16 lanes of one would share cache sets.
const LANE: usize = TILE_ROWS + 16;

pub(super) fn numerics(isa: Isa, table: &ShardTable, run: &Run<'_>, into: &mut Batch) {
    let mut tile = [0.0f32; LANE * TILE_COLUMNS];
    for (group, columns) in table.numeric.chunks(TILE_COLUMNS).enumerate() {
        tile[columns.len() * LANE..].fill(0.0);
        for (at, places) in run.places.chunks(TILE_ROWS).enumerate() {
            let first = run.first + at * TILE_ROWS;
            for (column, lane) in columns.iter().zip(tile.chunks_exact_mut(LANE)) {
                decode(isa, column, run.piece, first, &mut lane[..places.len()]);
            }
            let to = (places, into.stride, group * TILE_COLUMNS);
            scatter_columns(isa, TILE_COLUMNS, (&tile, LANE), &mut into.dense, to);
        }
    }
}

/// The inputs of a run of a column: f32((transform(x) − shift) × scale) in f64; the fill where that is not finite or there
/// is no x.
pub(super) fn decode(isa: Isa, column: &NumericColumn, piece: usize, first: usize, out: &mut [f32]) {
    let (shift, scale, fill) = (column.shift, column.scale, column.fill);
    // The most common by far: numbers as they are.
    if let (Source::Value, Transform::None) = (&column.source, column.transform) {
        let array = &column.pieces[piece];
        take_numbers(array, first, out.len(), Scale { isa, shift, scale, fill, out });
        return for_nulls(array.nulls(), first, out.len(), |row| out[row] = fill);
    }
    let mut values = [0.0; TILE_ROWS];
    for (at, out) in out.chunks_mut(TILE_ROWS).enumerate() {
        let values = &mut values[..out.len()];
        quantities(column, piece, first + at * TILE_ROWS, values);
        if column.transform != Transform::None {
            values.iter_mut().for_each(|x| *x = column.transform.apply(*x));
        }
        isa.run(ScaleLoop { values, number: |x| x, shift, scale, fill, out });
    }
}

struct Scale<'a> {
    isa: Isa,
    shift: f64,
    scale: f64,
    fill: f32,
    out: &'a mut [f32],
}

impl TakeNumbers for Scale<'_> {
    fn take<T: Copy>(self, values: &[T], number: impl Fn(T) -> f64) {
        let Self { isa, shift, scale, fill, out } = self;
        isa.run(ScaleLoop { values, number, shift, scale, fill, out });
    }
}

struct ScaleLoop<'a, T, N> {
    values: &'a [T],
    number: N,
    shift: f64,
    scale: f64,
    fill: f32,
    out: &'a mut [f32],
}

impl<T: Copy, N: Fn(T) -> f64> Loop for ScaleLoop<'_, T, N> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        for (out, x) in self.out.iter_mut().zip(self.values) {
            let input = (((self.number)(*x) - self.shift) * self.scale) as f32;
            *out = if input.is_finite() { input } else { self.fill };
        }
    }
}

/// The quantity of each row, before transform and scale; NaN where there is none.
pub(super) fn quantities(column: &NumericColumn, piece: usize, first: usize, out: &mut [f64]) {
    let rows = out.len();
    let array = match column.pieces.get(piece) {
        Some(array) => array,
        None => return out.fill(f64::NAN),
    };
    match &column.source {
        Source::Absent => return out.fill(f64::NAN),
        Source::Value => numbers(array, first, rows, |row, x| out[row] = x),
        Source::Times(factor) => numbers(array, first, rows, |row, x| out[row] = x * factor),
        Source::Part(calendar, part) => {
            integers(array, first, rows, |row, x| out[row] = calendar.part(x, *part).unwrap_or(f64::NAN));
        }
        Source::Codes(of_code) => {
            codes(array, first, rows, |row, code| out[row] = of_code.get(code).copied().unwrap_or(f64::NAN));
        }
        Source::Missing => {
            numbers(array, first, rows, |row, x| out[row] = f64::from(u8::from(!x.is_finite())));
            return for_nulls(array.nulls(), first, rows, |row| out[row] = 1.0);
        }
    }
    for_nulls(array.nulls(), first, rows, |row| out[row] = f64::NAN);
}
