//! Categorical inputs: the one-hot index of each value.

use arrow_array::Array;

use super::Run;
use super::read::{Found, codes, for_nulls, look_up};
use crate::encode::{Inputs, ShardTable};

/// `indices` are (rows, categorical features), a row at its place.
pub(super) fn categoricals(table: &ShardTable, run: &Run<'_>, indices: &mut [u32]) {
    let width = table.categorical.len();
    for (at, column) in table.categorical.iter().enumerate() {
        let rows = run.places.len();
        let mut put = |row: usize, input: u32| indices[run.places[row] as usize * width + at] = input;
        let Some(array) = column.pieces.get(run.piece) else {
            (0..rows).for_each(|row| put(row, column.missing));
            continue;
        };
        match &column.inputs {
            Inputs::Absent => (0..rows).for_each(|row| put(row, column.missing)),
            Inputs::Codes(inputs) => codes(array, run.first, rows, |row, code| {
                put(row, inputs.get(code).copied().unwrap_or(column.missing));
            }),
            Inputs::Values(values) => look_up(array, run.first, rows, values, |row, found| {
                put(
                    row,
                    match found {
                        Found::Is(input) => input,
                        Found::Unknown => column.unseen,
                        Found::None => column.missing,
                    },
                );
            }),
        }
        for_nulls(array.nulls(), run.first, rows, |row| put(row, column.missing));
    }
}
