//! Values of mapped columns, a run of rows at a time: the type of a column is looked at once for a run.

use arrow_array::cast::AsArray;
use arrow_array::types::{
    Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type, UInt8Type, UInt16Type, UInt32Type, UInt64Type,
};
use arrow_array::{Array, ArrayRef};
use arrow_buffer::{ArrowNativeType, NullBuffer};
use arrow_schema::DataType;

use crate::encode::ByValue;
use crate::simd::prefetch;
use crate::value::Value;

/// Something that is done with the numbers of a run, whatever type they have.
pub(super) trait TakeNumbers {
    /// `number` is exact, but for whole numbers beyond 2⁵³.
    fn take<T: Copy>(self, values: &[T], number: impl Fn(T) -> f64);
}

/// Gives the numbers of the rows `first .. first + rows`, those of null rows too.
pub(super) fn take_numbers(array: &ArrayRef, first: usize, rows: usize, take: impl TakeNumbers) {
    // The rows after these are mostly the next ones that are asked for, once the other columns had their turn.
    macro_rules! values {
        ($of:ty) => {{
            let all = array.as_primitive::<$of>().values();
            prefetch(&all[first + rows..all.len().min(first + 2 * rows)]);
            &all[first..first + rows]
        }};
    }
    match array.data_type() {
        DataType::Boolean => {
            let bits = array.as_boolean().values();
            let values: Vec<bool> = (first..first + rows).map(|row| bits.value(row)).collect();
            take.take(&values, |x| f64::from(u8::from(x)));
        }
        DataType::Int8 => take.take(values!(Int8Type), f64::from),
        DataType::Int16 => take.take(values!(Int16Type), f64::from),
        DataType::Int32 => take.take(values!(Int32Type), f64::from),
        DataType::Int64 => take.take(values!(Int64Type), |x| x as f64),
        DataType::UInt8 => take.take(values!(UInt8Type), f64::from),
        DataType::UInt16 => take.take(values!(UInt16Type), f64::from),
        DataType::UInt32 => take.take(values!(UInt32Type), f64::from),
        DataType::UInt64 => take.take(values!(UInt64Type), |x| x as f64),
        DataType::Float32 => take.take(values!(Float32Type), f64::from),
        DataType::Float64 => take.take(values!(Float64Type), |x| x),
        // A shard has no other numeric types, and the table was made of numeric columns; this is what missing looks like.
        _ => take.take(&vec![f64::NAN; rows], |x| x),
    }
}

/// Gives each value as f64, those of null rows too.
pub(super) fn numbers(array: &ArrayRef, first: usize, rows: usize, take: impl FnMut(usize, f64)) {
    struct Each<F>(F);

    impl<F: FnMut(usize, f64)> TakeNumbers for Each<F> {
        fn take<T: Copy>(mut self, values: &[T], number: impl Fn(T) -> f64) {
            values.iter().enumerate().for_each(|(row, value)| (self.0)(row, number(*value)));
        }
    }
    take_numbers(array, first, rows, Each(take));
}

/// Gives each whole number, those of null rows too.
pub(super) fn integers(array: &ArrayRef, first: usize, rows: usize, mut take: impl FnMut(usize, i64)) {
    match array.data_type() {
        DataType::Int64 => {
            let values = &array.as_primitive::<Int64Type>().values()[first..first + rows];
            values.iter().enumerate().for_each(|(row, &value)| take(row, value));
        }
        // Narrower ones are exact in f64.
        _ => numbers(array, first, rows, |row, x| take(row, x as i64)),
    }
}

/// Gives each dictionary code, 0 for null rows.
pub(super) fn codes(array: &ArrayRef, first: usize, rows: usize, mut take: impl FnMut(usize, usize)) {
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

/// One number or boolean, exactly; none if it is not finite.
pub(super) fn value(array: &ArrayRef, row: usize) -> Option<Value> {
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

/// What a value of a column is called by.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Found<T> {
    Is(T),
    /// A value that has no name.
    Unknown,
    /// No finite number.
    None,
}

/// Looks each value up among some.
pub(super) fn look_up<T: Copy>(
    array: &ArrayRef,
    first: usize,
    rows: usize,
    among: &ByValue<T>,
    mut take: impl FnMut(usize, Found<T>),
) {
    let found = |found: Option<T>| found.map_or(Found::Unknown, Found::Is);
    let wide = matches!(array.data_type(), DataType::Int64 | DataType::UInt64);
    if wide || !among.has_numbers() {
        for row in 0..rows {
            take(row, value(array, first + row).map_or(Found::None, |value| found(among.find(&value))));
        }
        return;
    }
    numbers(array, first, rows, |row, x| {
        take(row, if x.is_finite() { found(among.find_number(x)) } else { Found::None });
    });
}

pub(super) fn for_nulls(nulls: Option<&NullBuffer>, first: usize, rows: usize, mut take: impl FnMut(usize)) {
    if let Some(nulls) = nulls.filter(|nulls| nulls.null_count() > 0) {
        (0..rows).filter(|row| nulls.is_null(first + row)).for_each(&mut take);
    }
}
