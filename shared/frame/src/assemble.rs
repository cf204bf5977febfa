//! From mapped columns to rows of a batch, a column at a time: the type of a column is looked at once for a tile of rows.
//!
//! Numerics are decoded 16 columns by 256 rows into a tile that stays in cache, and leave it as whole lines of 16 floats,
//! each to its row's place.

use arrow_array::cast::AsArray;
use arrow_array::types::{
    Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type, UInt8Type, UInt16Type, UInt32Type, UInt64Type,
};
use arrow_array::{Array, ArrayRef, ArrowPrimitiveType};
use arrow_buffer::{ArrowNativeType, NullBuffer};
use arrow_schema::DataType;

use crate::batch::Batch;
use crate::encode::{
    EncodedFrame, Inputs, NumericColumn, ShardTable, Source, Target, TargetColumn, Transform, unseen_class,
};
use crate::error::{EncodingError, Error};
use crate::filter::Side;
use crate::shard::Shard;
use crate::value::Value;

const TILE_COLUMNS: usize = 16;
const TILE_ROWS: usize = 256;

/// Rows of a shard that lie in one piece of its columns, and where they go.
struct Run<'a> {
    piece: usize,
    /// In the piece.
    first: usize,
    places: &'a [u32],
}

/// Writes a block's rows to `places` of a batch that has the shape and the room; the number of rows is that of the places.
pub(crate) fn assemble_block(data: &EncodedFrame, block: u64, places: &[u32], into: &mut Batch) -> Result<(), Error> {
    let (table, first, rows) = data.locate(block)?;
    let mut done = 0;
    while done < rows {
        let at = first + done;
        let first_in_piece = at % Shard::piece_rows();
        let length = (rows - done).min(Shard::piece_rows() - first_in_piece);
        let run = Run { piece: at / Shard::piece_rows(), first: first_in_piece, places: &places[done..done + length] };
        numerics(table, &run, into);
        categoricals(table, &run, into);
        targets(table, &data.encoding().target, &run, into)?;
        weights(table, &run, into);
        if data.encoding().skip_missing {
            skip_missing(table, &run, into);
        }
        for (row, &place) in run.places.iter().enumerate() {
            into.ids[place as usize] = table.first_row() + (at + row) as u64;
        }
        done += length;
    }
    if let Some(side) = data.side() {
        take_side(side, table, (block, first), places, into);
    }
    Ok(())
}

/// Takes the targets of rows with a missing feature away: without one a row is left out.
fn skip_missing(table: &ShardTable, run: &Run<'_>, into: &mut Batch) {
    let rows = run.places.len();
    let mut values = vec![0.0; rows];
    for column in table.numeric.iter().filter(|column| !matches!(column.source, Source::Missing | Source::Absent)) {
        quantities(column, run.piece, run.first, &mut values);
        let input = |x: f64| ((column.transform.apply(x) - column.shift) * column.scale) as f32;
        for (&place, _) in run.places.iter().zip(&values).filter(|(_, value)| !input(**value).is_finite()) {
            into.targets[place as usize] = f32::NAN;
        }
    }
    for column in &table.categorical {
        let nulls = column.pieces.get(run.piece).and_then(|piece| piece.nulls());
        for_nulls(nulls, run.first, rows, |row| into.targets[run.places[row] as usize] = f32::NAN);
    }
}

/// Takes the targets of the block's rows on the other side away.
fn take_side(side: &Side, table: &ShardTable, (block, first): (u64, usize), places: &[u32], into: &mut Batch) {
    let mut instants = vec![f64::NAN; places.len()];
    if let Some(column) = &table.instant {
        let mut done = 0;
        while done < places.len() {
            let (piece, at) = ((first + done) / Shard::piece_rows(), (first + done) % Shard::piece_rows());
            let until = places.len().min(done + Shard::piece_rows() - at);
            quantities(column, piece, at, &mut instants[done..until]);
            done = until;
        }
    }
    let target = |place: &u32| into.targets[*place as usize];
    let row = |((at, place), instant): ((usize, &u32), &f64)| {
        (table.first_row() + (first + at) as u64, target(place), *instant)
    };
    let rows: Vec<_> = places.iter().enumerate().zip(&instants).map(row).collect();
    for (&place, taken) in places.iter().zip(side.takes(block, &rows)) {
        if !taken {
            into.targets[place as usize] = f32::NAN;
        }
    }
}

fn numerics(table: &ShardTable, run: &Run<'_>, into: &mut Batch) {
    let mut tile = [[0.0f32; TILE_ROWS]; TILE_COLUMNS];
    for (group, columns) in table.numeric.chunks(TILE_COLUMNS).enumerate() {
        for unused in tile.iter_mut().skip(columns.len()) {
            unused.fill(0.0);
        }
        for (at, places) in run.places.chunks(TILE_ROWS).enumerate() {
            let first = run.first + at * TILE_ROWS;
            for (column, lane) in columns.iter().zip(&mut tile) {
                decode(column, run.piece, first, &mut lane[..places.len()]);
            }
            for (row, &place) in places.iter().enumerate() {
                let start = place as usize * into.stride + group * TILE_COLUMNS;
                for (to, lane) in into.dense[start..start + TILE_COLUMNS].iter_mut().zip(&tile) {
                    *to = lane[row];
                }
            }
        }
    }
}

/// f32((transform(x) − shift) × scale) in f64; the fill where that is not finite or there is no x.
fn decode(column: &NumericColumn, piece: usize, first: usize, out: &mut [f32]) {
    let (shift, scale, fill) = (column.shift, column.scale, column.fill);
    let scaled = |x: f64| {
        let input = ((x - shift) * scale) as f32;
        if input.is_finite() { input } else { fill }
    };
    // The most common by far: numbers as they are.
    if let (Source::Value, Transform::None) = (&column.source, column.transform) {
        let array = &column.pieces[piece];
        numbers(array, first, out.len(), |row, x| out[row] = scaled(x));
        return for_nulls(array.nulls(), first, out.len(), |row| out[row] = fill);
    }
    let mut values = [0.0; TILE_ROWS];
    for (at, out) in out.chunks_mut(TILE_ROWS).enumerate() {
        let values = &mut values[..out.len()];
        quantities(column, piece, first + at * TILE_ROWS, values);
        out.iter_mut().zip(values).for_each(|(out, x)| *out = scaled(column.transform.apply(*x)));
    }
}

/// The quantity of each row, before transform and scale; NaN where there is none.
fn quantities(column: &NumericColumn, piece: usize, first: usize, out: &mut [f64]) {
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

/// Gives each whole number, those of null rows too.
fn integers(array: &ArrayRef, first: usize, rows: usize, mut take: impl FnMut(usize, i64)) {
    match array.data_type() {
        DataType::Int64 => {
            let values = &array.as_primitive::<Int64Type>().values()[first..first + rows];
            values.iter().enumerate().for_each(|(row, &value)| take(row, value));
        }
        // Narrower ones are exact in f64.
        _ => numbers(array, first, rows, |row, x| take(row, x as i64)),
    }
}

/// Gives each value as f64, those of null rows too.
fn numbers(array: &ArrayRef, first: usize, rows: usize, mut take: impl FnMut(usize, f64)) {
    fn each<T: ArrowPrimitiveType>(
        array: &ArrayRef,
        first: usize,
        rows: usize,
        number: impl Fn(T::Native) -> f64,
        mut take: impl FnMut(usize, f64),
    ) {
        let values = &array.as_primitive::<T>().values()[first..first + rows];
        values.iter().enumerate().for_each(|(row, &value)| take(row, number(value)));
    }
    match array.data_type() {
        DataType::Boolean => {
            let values = array.as_boolean().values();
            (0..rows).for_each(|row| take(row, f64::from(u8::from(values.value(first + row)))));
        }
        DataType::Int8 => each::<Int8Type>(array, first, rows, f64::from, take),
        DataType::Int16 => each::<Int16Type>(array, first, rows, f64::from, take),
        DataType::Int32 => each::<Int32Type>(array, first, rows, f64::from, take),
        DataType::Int64 => each::<Int64Type>(array, first, rows, |x| x as f64, take),
        DataType::UInt8 => each::<UInt8Type>(array, first, rows, f64::from, take),
        DataType::UInt16 => each::<UInt16Type>(array, first, rows, f64::from, take),
        DataType::UInt32 => each::<UInt32Type>(array, first, rows, f64::from, take),
        DataType::UInt64 => each::<UInt64Type>(array, first, rows, |x| x as f64, take),
        DataType::Float32 => each::<Float32Type>(array, first, rows, f64::from, take),
        DataType::Float64 => each::<Float64Type>(array, first, rows, |x| x, take),
        // A shard has no other numeric types, and the table was made of numeric columns; this is what missing looks like.
        _ => (0..rows).for_each(|row| take(row, f64::NAN)),
    }
}

fn for_nulls(nulls: Option<&NullBuffer>, first: usize, rows: usize, mut take: impl FnMut(usize)) {
    if let Some(nulls) = nulls.filter(|nulls| nulls.null_count() > 0) {
        (0..rows).filter(|row| nulls.is_null(first + row)).for_each(&mut take);
    }
}

/// Gives each dictionary code, 0 for null rows.
fn codes(array: &ArrayRef, first: usize, rows: usize, mut take: impl FnMut(usize, usize)) {
    macro_rules! each {
        ($key:ty) => {
            if let Some(array) = array.as_dictionary_opt::<$key>() {
                let keys = &array.keys().values()[first..first + rows];
                keys.iter().enumerate().for_each(|(row, key)| take(row, key.as_usize()));
            }
        };
    }
    each!(UInt8Type);
    each!(UInt16Type);
    each!(UInt32Type);
}

fn categoricals(table: &ShardTable, run: &Run<'_>, into: &mut Batch) {
    let width = table.categorical.len();
    for (at, column) in table.categorical.iter().enumerate() {
        let rows = run.places.len();
        let mut put = |row: usize, input: u32| into.indices[run.places[row] as usize * width + at] = input;
        let Some(array) = column.pieces.get(run.piece) else {
            (0..rows).for_each(|row| put(row, column.missing));
            continue;
        };
        match &column.inputs {
            Inputs::Absent => (0..rows).for_each(|row| put(row, column.missing)),
            Inputs::Codes(inputs) => codes(array, run.first, rows, |row, code| {
                put(row, inputs.get(code).copied().unwrap_or(column.missing));
            }),
            Inputs::Values(values) => {
                for row in 0..rows {
                    let input = |value: Value| match values.binary_search_by(|(level, _)| level.cmp(&value)) {
                        Ok(at) => values[at].1,
                        Err(_) => column.unseen,
                    };
                    put(row, value(array, run.first + row).map_or(column.missing, input));
                }
            }
        }
        for_nulls(array.nulls(), run.first, rows, |row| put(row, column.missing));
    }
}

fn targets(table: &ShardTable, target: &Target, run: &Run<'_>, into: &mut Batch) -> Result<(), Error> {
    let rows = run.places.len();
    let Some(column) = &table.target else {
        run.places.iter().for_each(|&place| into.targets[place as usize] = f32::NAN);
        return Ok(());
    };
    let mut put = |row: usize, y: f32| into.targets[run.places[row] as usize] = y;
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
            for row in 0..rows {
                let value = value(array, run.first + row);
                let found = value.and_then(|value| classes.binary_search_by(|(class, _)| class.cmp(&value)).ok());
                match found {
                    Some(at) => put(row, classes[at].1),
                    None => refuse(row),
                }
            }
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

/// One number or boolean, exactly; none if it is not finite.
fn value(array: &ArrayRef, row: usize) -> Option<Value> {
    match array.data_type() {
        DataType::Boolean => Some(Value::Bool(array.as_boolean().value(row))),
        DataType::Int64 => Some(Value::Int(array.as_primitive::<Int64Type>().value(row))),
        DataType::UInt64 => Some(Value::unsigned(array.as_primitive::<UInt64Type>().value(row))),
        data_type => {
            let mut number = f64::NAN;
            numbers(array, row, 1, |_, x| number = x);
            // The other integers are exact in f64.
            let is_float = matches!(data_type, DataType::Float32 | DataType::Float64);
            number.is_finite().then(|| if is_float { Value::float(number) } else { Value::Int(number as i64) })
        }
    }
}

fn weights(table: &ShardTable, run: &Run<'_>, into: &mut Batch) {
    match &table.weights {
        None => run.places.iter().for_each(|&place| into.weights[place as usize] = 1.0),
        Some(pieces) => numbers(&pieces[run.piece], run.first, run.places.len(), |row, weight| {
            into.weights[run.places[row] as usize] = weight as f32;
        }),
    }
}
