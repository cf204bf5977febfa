//! The narrowest type that holds a shard's values, and no value changed by it.

use std::sync::Arc;

use arrow_array::builder::StringBuilder;
use arrow_array::types::{ArrowDictionaryKeyType, UInt8Type, UInt16Type, UInt32Type};
use arrow_array::{
    ArrayRef, BooleanArray, DictionaryArray, Float32Array, Float64Array, Int8Array, Int16Array, Int32Array, Int64Array,
    PrimitiveArray, StringArray, UInt8Array, UInt16Array, UInt32Array, UInt64Array,
};
use arrow_buffer::{ArrowNativeType, NullBuffer};
use arrow_schema::ArrowError;

use super::gather::{Texts, Values};
use crate::guard::has_room;
use crate::sample::Sampled;
use crate::stats::{ColumnStats, ShardRows, TextColumn, number_stats, text_stats};
use crate::value::Value;

/// A column as it is stored.
pub(super) struct Narrowed {
    pub(super) array: ArrayRef,
    pub(super) stored_type: &'static str,
    pub(super) stats: ColumnStats,
}

/// Narrows a gathered column whose first row begins `first_block`, and takes its statistics.
pub(super) fn narrow(
    values: Values,
    nulls: Option<NullBuffer>,
    first_block: u64,
    sampled: &Sampled,
) -> Result<Narrowed, ArrowError> {
    let stats = match values {
        Values::Text(texts) => return narrow_text(texts, nulls, first_block, sampled),
        ref numbers => stats(numbers, ShardRows { nulls: nulls.as_ref(), first_block, sampled }),
    };
    let (array, stored_type) = match values {
        Values::Bool(values) => (Arc::new(BooleanArray::new(values.into(), nulls)) as ArrayRef, "bool"),
        Values::Signed(values) => narrow_signed(values, nulls),
        Values::Unsigned(values) => match values.iter().copied().max() {
            Some(most) if i64::try_from(most).is_err() => {
                (Arc::new(UInt64Array::new(values.into(), nulls)) as ArrayRef, "uint64")
            }
            _ => narrow_signed(values.into_iter().map(|value| value as i64).collect(), nulls),
        },
        Values::Double(values) if !values.iter().all(|&value| fits_single(value)) => {
            (Arc::new(Float64Array::new(values.into(), nulls)) as ArrayRef, "float64")
        }
        Values::Double(values) => {
            // One NaN: which one a conversion gives is the processor's choice.
            let single = |value: f64| if value.is_nan() { f32::NAN } else { value as f32 };
            let values: Vec<f32> = values.into_iter().map(single).collect();
            (Arc::new(Float32Array::new(values.into(), nulls)) as ArrayRef, "float32")
        }
        Values::Single(values) => (Arc::new(Float32Array::new(values.into(), nulls)) as ArrayRef, "float32"),
        Values::Text(texts) => return narrow_text(texts, nulls, first_block, sampled),
    };
    Ok(Narrowed { array, stored_type, stats })
}

fn stats(values: &Values, rows: ShardRows<'_>) -> ColumnStats {
    // −0 is 0, as a level.
    let bits = |x: f64| (x + 0.0).to_bits();
    let mut stats = match values {
        Values::Bool(values) => number_stats(values, rows, |x| f64::from(u8::from(x)), Value::Bool, u64::from),
        Values::Signed(values) => number_stats(values, rows, |x| x as f64, Value::Int, |x| x as u64),
        Values::Unsigned(values) => number_stats(values, rows, |x| x as f64, Value::unsigned, |x| x),
        Values::Single(values) => {
            number_stats(values, rows, f64::from, |x| Value::float(f64::from(x)), |x| bits(f64::from(x)))
        }
        Values::Double(values) => number_stats(values, rows, |x| x, Value::float, bits),
        Values::Text(_) => ColumnStats::default(),
    };
    stats.tally.rounded = rounded(values);
    stats
}

/// Whole numbers that 64-bit floats hold rounded only. Nulls are 0.
fn rounded(values: &Values) -> u64 {
    const EXACT_MAX: u64 = 1 << 53;
    let count = match values {
        Values::Signed(values) => {
            let rounded = |x: &i64| x.unsigned_abs() > EXACT_MAX && (*x as f64) as i128 != i128::from(*x);
            values.iter().filter(|x| rounded(x)).count()
        }
        Values::Unsigned(values) => {
            let rounded = |x: &u64| *x > EXACT_MAX && (*x as f64) as u128 != u128::from(*x);
            values.iter().filter(|x| rounded(x)).count()
        }
        _ => 0,
    };
    count as u64
}

fn fits_single(value: f64) -> bool {
    value.is_nan() || f64::from(value as f32).to_bits() == value.to_bits()
}

/// Integers, whose nulls are 0 and so widen nothing. Of two types of one width the signed one.
fn narrow_signed(values: Vec<i64>, nulls: Option<NullBuffer>) -> (ArrayRef, &'static str) {
    let low = values.iter().copied().min().unwrap_or(0);
    let high = values.iter().copied().max().unwrap_or(0);
    macro_rules! narrowest {
        ($(($native:ty, $array:ty, $name:literal)),*) => {
            $(if <$native>::try_from(low).is_ok() && <$native>::try_from(high).is_ok() {
                let values: Vec<$native> = values.into_iter().map(|value| value as $native).collect();
                return (Arc::new(<$array>::new(values.into(), nulls)), $name);
            })*
        };
    }
    narrowest!(
        (i8, Int8Array, "int8"),
        (u8, UInt8Array, "uint8"),
        (i16, Int16Array, "int16"),
        (u16, UInt16Array, "uint16"),
        (i32, Int32Array, "int32"),
        (u32, UInt32Array, "uint32")
    );
    (Arc::new(Int64Array::new(values.into(), nulls)), "int64")
}

/// Text: the dictionary in byte order, so it does not depend on which row came first.
fn narrow_text(
    texts: Texts,
    nulls: Option<NullBuffer>,
    first_block: u64,
    sampled: &Sampled,
) -> Result<Narrowed, ArrowError> {
    let Texts { mut codes, distinct, .. } = texts;
    let mut order: Vec<u32> = (0..distinct.len() as u32).collect();
    order.sort_unstable_by(|&a, &b| distinct[a as usize].as_bytes().cmp(distinct[b as usize].as_bytes()));
    let mut place = vec![0; distinct.len()];
    for (at, &code) in order.iter().enumerate() {
        place[code as usize] = at as u32;
    }
    let mut rows = vec![0; distinct.len()];
    for (row, code) in codes.iter_mut().enumerate() {
        if nulls.as_ref().is_none_or(|nulls| nulls.is_valid(row)) {
            *code = place[*code as usize];
            rows[*code as usize] += 1;
        } else {
            *code = 0;
        }
    }
    let sorted: Vec<&str> = order.iter().map(|&code| &*distinct[code as usize]).collect();
    let shard_rows = ShardRows { nulls: nulls.as_ref(), first_block, sampled };
    let column = TextColumn { dictionary: &sorted, rows_of: &rows, codes: &codes, rows: shard_rows };
    let stats = text_stats(&column);
    let bytes: usize = sorted.iter().map(|text| text.len()).sum();
    if !has_room(bytes as u64) {
        return Err(ArrowError::MemoryError(format!("{bytes} bytes of text")));
    }
    let mut dictionary = StringBuilder::with_capacity(sorted.len(), bytes);
    sorted.iter().for_each(|text| dictionary.append_value(text));
    let dictionary = Arc::new(dictionary.finish());
    let (array, stored_type) = match sorted.len() {
        0..=0x100 => (coded::<UInt8Type>(&codes, nulls, dictionary)?, "text8"),
        0x101..=0x1_0000 => (coded::<UInt16Type>(&codes, nulls, dictionary)?, "text16"),
        _ => (coded::<UInt32Type>(&codes, nulls, dictionary)?, "text32"),
    };
    Ok(Narrowed { array, stored_type, stats })
}

fn coded<K: ArrowDictionaryKeyType>(
    codes: &[u32],
    nulls: Option<NullBuffer>,
    dictionary: Arc<StringArray>,
) -> Result<ArrayRef, ArrowError> {
    let codes: Vec<K::Native> = codes.iter().map(|&code| K::Native::usize_as(code as usize)).collect();
    Ok(Arc::new(DictionaryArray::<K>::try_new(PrimitiveArray::new(codes.into(), nulls), dictionary)?))
}
