//! The target of each row, its weight, and which rows are left out: those have no target.

use arrow_array::{Array, ArrayRef};

use super::numeric::quantities;
use super::read::{Found, codes, for_nulls, look_up, numbers, value};
use super::{Run, runs};
use crate::encode::{NumericColumn, ShardTable, Source, Target, TargetColumn, unseen_class};
use crate::error::{EncodingError, Error};
use crate::filter::Side;
use crate::folds::{FoldColumn, Folds};
use crate::shard::Shard;

pub(super) fn targets(
    column: Option<&TargetColumn>,
    target: &Target,
    run: &Run<'_>,
    targets_out: &mut [f32],
) -> Result<(), Error> {
    let rows = run.places.len();
    let Some(column) = column else {
        run.places.iter().for_each(|&place| targets_out[place as usize] = f32::NAN);
        return Ok(());
    };
    let mut put = |row: usize, y: f32| targets_out[run.places[row] as usize] = y;
    let (TargetColumn::Number { pieces, .. }
    | TargetColumn::Codes { pieces, .. }
    | TargetColumn::Values { pieces, .. }) = column;
    let array = &pieces[run.piece];
    // A row with a target that cannot be one; null rows are not asked.
    let mut bad = None;
    let mut refuse = |row: usize| {
        if array.is_valid(run.first + row) {
            bad = Some(run.first + row);
        }
    };
    match column {
        TargetColumn::Number { mean, inverse, .. } => numbers(array, run.first, rows, |row, y| {
            let y = ((y - mean) * inverse) as f32;
            put(row, y);
            if !y.is_finite() {
                refuse(row);
            }
        }),
        TargetColumn::Codes { targets, .. } => codes(array, run.first, rows, |row, code| match targets.get(code) {
            Some(&target) => put(row, target),
            None => refuse(row),
        }),
        TargetColumn::Values { classes, .. } => {
            look_up(array, run.first, rows, classes, |row, found| match found {
                Found::Is(class) => put(row, class),
                Found::Unknown | Found::None => refuse(row),
            });
        }
    }
    for_nulls(array.nulls(), run.first, rows, |row| put(row, f32::NAN));
    bad.map_or(Ok(()), |row| Err(bad_target(target, array, row).into()))
}

fn bad_target(target: &Target, array: &ArrayRef, row: usize) -> EncodingError {
    match (target, value(array, row)) {
        (Target::Classes { .. }, Some(value)) => unseen_class(target, &value.to_string()),
        (Target::Regression { column, .. }, Some(_)) => EncodingError::ValuesOutOfRange { column: column.clone() },
        (_, None) => EncodingError::TargetNotFinite { column: target.column().to_owned(), nan: 1, infinite: 0 },
    }
}

pub(super) fn weights(table: &ShardTable, run: &Run<'_>, weights_out: &mut [f32]) {
    match &table.weights {
        None => run.places.iter().for_each(|&place| weights_out[place as usize] = 1.0),
        Some(pieces) => numbers(&pieces[run.piece], run.first, run.places.len(), |row, weight| {
            weights_out[run.places[row] as usize] = weight as f32;
        }),
    }
}

/// Takes the targets of rows with a missing feature away: without one a row is left out.
pub(super) fn skip_missing(table: &ShardTable, run: &Run<'_>, targets_out: &mut [f32]) {
    let rows = run.places.len();
    let mut values = vec![0.0; rows];
    for column in table.numeric.iter().filter(|column| !matches!(column.source, Source::Missing | Source::Absent)) {
        quantities(column, run.piece, run.first, &mut values);
        let input = |x: f64| ((column.transform.apply(x) - column.shift) * column.scale) as f32;
        for (&place, _) in run.places.iter().zip(&values).filter(|(_, value)| !input(**value).is_finite()) {
            targets_out[place as usize] = f32::NAN;
        }
    }
    for column in &table.categorical {
        let nulls = column.pieces.get(run.piece).and_then(|piece| piece.nulls());
        for_nulls(nulls, run.first, rows, |row| targets_out[run.places[row] as usize] = f32::NAN);
    }
}

/// Takes the targets of the block's rows on the other side away. `first` is the block's first row in the shard.
pub(super) fn take_side(
    side: &Side,
    table: &ShardTable,
    (block, first): (u64, usize),
    places: &[u32],
    targets_out: &mut [f32],
) {
    let mut instants = vec![f64::NAN; places.len()];
    if let Some(column) = &table.instant {
        values_of(column, first, &mut instants);
    }
    let rows = known(table, first, places, targets_out, &instants);
    for (&place, taken) in places.iter().zip(side.takes(block, &rows)) {
        if !taken {
            targets_out[place as usize] = f32::NAN;
        }
    }
}

/// The folds of the block's rows; those without a target are in none.
pub(super) fn deal_out(
    folds: &Folds,
    table: &ShardTable,
    (block, first): (u64, usize),
    places: &[u32],
    targets_out: &[f32],
    folds_out: &mut [u16],
) -> Result<(), Error> {
    let mut values = vec![f64::NAN; places.len()];
    match (&table.fold, folds.values()) {
        (Some(FoldColumn::Times(column)), _) => values_of(column, first, &mut values),
        (Some(FoldColumn::Values(column)), Some(classes)) => {
            let order: Vec<u32> = (0..places.len() as u32).collect();
            let mut found = vec![f32::NAN; places.len()];
            for (_, run) in runs(first, &order) {
                targets(Some(column), classes, &run, &mut found)?;
            }
            values.iter_mut().zip(found).for_each(|(value, found)| *value = f64::from(found));
        }
        _ => {}
    }
    let rows = known(table, first, places, targets_out, &values);
    for (&place, fold) in places.iter().zip(folds.assign(block, &rows)) {
        folds_out[place as usize] = fold;
    }
    Ok(())
}

/// What decides where rows go: their global numbers, targets and values.
fn known(table: &ShardTable, first: usize, places: &[u32], targets: &[f32], values: &[f64]) -> Vec<(u64, f32, f64)> {
    let row = |((at, place), value): ((usize, &u32), &f64)| {
        (table.first_row() + (first + at) as u64, targets[*place as usize], *value)
    };
    places.iter().enumerate().zip(values).map(row).collect()
}

/// The quantities of the shard's rows `first ..`, as many as there is room for.
fn values_of(column: &NumericColumn, first: usize, values: &mut [f64]) {
    let mut done = 0;
    while done < values.len() {
        let (piece, at) = ((first + done) / Shard::piece_rows(), (first + done) % Shard::piece_rows());
        let until = values.len().min(done + Shard::piece_rows() - at);
        quantities(column, piece, at, &mut values[done..until]);
        done = until;
    }
}
