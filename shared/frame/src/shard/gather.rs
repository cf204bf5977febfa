//! One column of a shard in memory, as wide as its source, with 0 where it is null: a shard's bytes depend on values alone.
//!
//! A file's values may be narrower than the column: they are widened as they are added, and what the wider type does not
//! hold exactly is refused.

use std::collections::HashMap;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{
    ArrowPrimitiveType, Decimal128Type, Decimal256Type, Float16Type, Float32Type, Float64Type, Int8Type, Int16Type,
    Int32Type, Int64Type, UInt8Type, UInt16Type, UInt32Type, UInt64Type,
};
use arrow_array::{Array, PrimitiveArray, downcast_integer_array};
use arrow_buffer::{NullBuffer, NullBufferBuilder, i256};
use arrow_schema::DataType;

use super::decimal::{nearest, nearest_text};
use crate::schema::{ColumnKind, SourceType};
use crate::time::TimeType;

/// Values of one kind; 64-bit unsigned integers apart, every integer fits `i64`.
pub(super) enum Values {
    Bool(Vec<bool>),
    Signed(Vec<i64>),
    Unsigned(Vec<u64>),
    Single(Vec<f32>),
    Double(Vec<f64>),
    Text(Texts),
}

/// Text as codes into the distinct texts, in order of their first row.
#[derive(Default)]
pub(super) struct Texts {
    pub(super) codes: Vec<u32>,
    pub(super) distinct: Vec<Arc<str>>,
    pub(super) bytes: usize,
    code_of: HashMap<Arc<[u8]>, u32>,
}

/// Why values cannot be added.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Misfit {
    /// They are of another type than the file says.
    OtherType,
    NotText,
    /// A list has another length than all are said to have.
    ListLength {
        length: usize,
        expected: usize,
    },
    /// The column's type does not hold it exactly.
    Lossy {
        value: String,
    },
}

pub(super) struct Gathered {
    of: SourceType,
    values: Values,
    nulls: NullBufferBuilder,
    rounded: u64,
}

impl Gathered {
    /// Room for `rows` values.
    pub(super) fn new(of: SourceType, rows: usize) -> Self {
        let values = match of {
            SourceType::Bool => Values::Bool(Vec::with_capacity(rows)),
            SourceType::Float { bits: 16 | 32 } => Values::Single(Vec::with_capacity(rows)),
            SourceType::Text | SourceType::Uuid => Values::Text(Texts::default()),
            SourceType::Int { signed: false, bits: 64 } => Values::Unsigned(Vec::with_capacity(rows)),
            _ => match of.kind() {
                ColumnKind::Int | ColumnKind::Time => Values::Signed(Vec::with_capacity(rows)),
                _ => Values::Double(Vec::with_capacity(rows)),
            },
        };
        Self { of, values, nulls: NullBufferBuilder::new(rows), rounded: 0 }
    }

    /// Values so far, nulls too.
    pub(super) fn rows(&self) -> usize {
        self.nulls.len()
    }

    /// Bytes of the distinct texts.
    pub(super) fn text_bytes(&self) -> usize {
        match &self.values {
            Values::Text(texts) => texts.bytes,
            _ => 0,
        }
    }

    /// The values, and how many are rounded decimals.
    pub(super) fn finish(mut self) -> (Values, Option<NullBuffer>, u64) {
        let nulls = self.nulls.finish().filter(|nulls| nulls.null_count() > 0);
        (self.values, nulls, self.rounded)
    }

    /// Adds rows without a value.
    pub(super) fn append_missing(&mut self, rows: usize) {
        match &mut self.values {
            Values::Bool(values) => values.resize(values.len() + rows, false),
            Values::Signed(values) => values.resize(values.len() + rows, 0),
            Values::Unsigned(values) => values.resize(values.len() + rows, 0),
            Values::Single(values) => values.resize(values.len() + rows, 0.0),
            Values::Double(values) => values.resize(values.len() + rows, 0.0),
            Values::Text(texts) => texts.codes.resize(texts.codes.len() + rows, 0),
        }
        self.nulls.append_n_nulls(rows);
    }

    /// Adds a value of a path to many rows.
    pub(super) fn append_partition(&mut self, value: &str, rows: usize) -> Result<(), Misfit> {
        match &mut self.values {
            Values::Signed(to) => to.resize(to.len() + rows, value.parse().map_err(|_| Misfit::OtherType)?),
            Values::Text(texts) => {
                let code = texts.code(value.as_bytes())?;
                texts.codes.resize(texts.codes.len() + rows, code);
            }
            _ => return Err(Misfit::OtherType),
        }
        self.nulls.append_n_non_nulls(rows);
        Ok(())
    }

    /// Adds a slice of a file where the column is of the type `from`.
    pub(super) fn append(&mut self, slice: &dyn Array, from: &SourceType) -> Result<(), Misfit> {
        use SourceType::{Bool, Decimal, Duration, Float, Int, Text, Time, Uuid};
        match (&mut self.values, from) {
            (Values::Bool(to), Bool) => {
                let slice = slice.as_boolean_opt().ok_or(Misfit::OtherType)?;
                to.extend(slice.iter().map(|value| value.unwrap_or_default()));
            }
            (Values::Signed(to), Int { .. }) => append_signed(to, slice)?,
            (Values::Signed(to), Duration(unit) | Time(TimeType { unit, .. })) => {
                let finer = self.of.unit().ok_or(Misfit::OtherType)?.per_day() / unit.per_day();
                append_times(to, slice, finer)?;
            }
            (Values::Signed(to), Decimal { scale, .. }) => append_whole_decimals(to, slice, *scale)?,
            (Values::Unsigned(to), Int { signed: false, .. }) => append_unsigned(to, slice)?,
            (Values::Single(to), Float { bits: 16 }) => extend::<Float16Type, _>(to, slice, |x| one_nan(x.to_f32()))?,
            (Values::Single(to), Float { bits: 32 }) => extend::<Float32Type, _>(to, slice, |x| x)?,
            (Values::Double(to), Float { bits: 16 }) => {
                extend::<Float16Type, _>(to, slice, |x| f64::from(one_nan(x.to_f32())))?;
            }
            (Values::Double(to), Float { bits: 32 }) => extend::<Float32Type, _>(to, slice, |x| f64::from(one_nan(x)))?,
            (Values::Double(to), Float { .. }) => extend::<Float64Type, _>(to, slice, |x| x)?,
            (Values::Double(to), Int { .. }) => append_exact(to, slice)?,
            (Values::Double(to), Decimal { scale, .. }) => self.rounded += append_decimals(to, slice, *scale)?,
            (Values::Text(to), Text) => to.append(slice)?,
            (Values::Text(to), Uuid) => to.append_uuids(slice)?,
            _ => return Err(Misfit::OtherType),
        }
        match slice.nulls() {
            Some(nulls) => self.nulls.append_buffer(nulls),
            None => self.nulls.append_n_non_nulls(slice.len()),
        }
        Ok(())
    }

    /// Moves value `i` to row `rows[i]`: each row is there once.
    pub(super) fn place(self, rows: &[u32]) -> Self {
        fn placed<T: Copy + Default>(values: Vec<T>, rows: &[u32]) -> Vec<T> {
            let mut placed = vec![T::default(); values.len()];
            rows.iter().zip(values).for_each(|(&row, value)| placed[row as usize] = value);
            placed
        }
        let Self { of, values, mut nulls, rounded } = self;
        let values = match values {
            Values::Bool(values) => Values::Bool(placed(values, rows)),
            Values::Signed(values) => Values::Signed(placed(values, rows)),
            Values::Unsigned(values) => Values::Unsigned(placed(values, rows)),
            Values::Single(values) => Values::Single(placed(values, rows)),
            Values::Double(values) => Values::Double(placed(values, rows)),
            Values::Text(texts) => Values::Text(Texts { codes: placed(texts.codes, rows), ..texts }),
        };
        let mut placed_nulls = NullBufferBuilder::new(rows.len());
        match nulls.finish() {
            None => placed_nulls.append_n_non_nulls(rows.len()),
            Some(nulls) => placed_nulls.append_slice(&placed(nulls.iter().collect(), rows)),
        }
        Self { of, values, nulls: placed_nulls, rounded }
    }
}

impl Texts {
    fn append(&mut self, slice: &dyn Array) -> Result<(), Misfit> {
        self.codes.reserve(slice.len());
        match slice.data_type() {
            DataType::Binary => slice.as_binary::<i32>().iter().try_for_each(|text| self.push(text)),
            DataType::FixedSizeBinary(_) => slice.as_fixed_size_binary().iter().try_for_each(|text| self.push(text)),
            _ => Err(Misfit::OtherType),
        }
    }

    fn append_uuids(&mut self, slice: &dyn Array) -> Result<(), Misfit> {
        let slice = slice.as_fixed_size_binary_opt().ok_or(Misfit::OtherType)?;
        slice.iter().try_for_each(|bytes| self.push(bytes.map(uuid_text).as_deref().map(str::as_bytes)))
    }

    fn push(&mut self, text: Option<&[u8]>) -> Result<(), Misfit> {
        let code = text.map_or(Ok(0), |text| self.code(text))?;
        self.codes.push(code);
        Ok(())
    }

    fn code(&mut self, text: &[u8]) -> Result<u32, Misfit> {
        match self.code_of.get(text) {
            Some(&code) => Ok(code),
            None => self.add(text),
        }
    }

    fn add(&mut self, text: &[u8]) -> Result<u32, Misfit> {
        let text: Arc<str> = std::str::from_utf8(text).map_err(|_| Misfit::NotText)?.into();
        // Rows of a shard are far fewer than 2^32.
        let code = self.distinct.len() as u32;
        self.bytes += text.len();
        self.distinct.push(text.clone());
        self.code_of.insert(text.into(), code);
        Ok(code)
    }
}

/// 8-4-4-4-12 hexadecimal digits.
fn uuid_text(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(36);
    for (at, byte) in bytes.iter().enumerate() {
        if matches!(at, 4 | 6 | 8 | 10) {
            text.push('-');
        }
        text.push_str(&format!("{byte:02x}"));
    }
    text
}

/// Which NaN a conversion gives is the processor's choice.
fn one_nan(x: f32) -> f32 {
    if x.is_nan() { f32::NAN } else { x }
}

fn lossy(value: impl ToString) -> Misfit {
    Misfit::Lossy { value: value.to_string() }
}

fn append_signed(to: &mut Vec<i64>, slice: &dyn Array) -> Result<(), Misfit> {
    match slice.data_type() {
        DataType::Int8 => extend::<Int8Type, _>(to, slice, i64::from),
        DataType::Int16 => extend::<Int16Type, _>(to, slice, i64::from),
        DataType::Int32 => extend::<Int32Type, _>(to, slice, i64::from),
        DataType::Int64 => extend::<Int64Type, _>(to, slice, |x| x),
        DataType::UInt8 => extend::<UInt8Type, _>(to, slice, i64::from),
        DataType::UInt16 => extend::<UInt16Type, _>(to, slice, i64::from),
        DataType::UInt32 => extend::<UInt32Type, _>(to, slice, i64::from),
        DataType::UInt64 => {
            try_extend(to, slice.as_primitive::<UInt64Type>(), |x| i64::try_from(x).map_err(|_| lossy(x)))
        }
        _ => Err(Misfit::OtherType),
    }
}

fn append_unsigned(to: &mut Vec<u64>, slice: &dyn Array) -> Result<(), Misfit> {
    match slice.data_type() {
        DataType::UInt8 => extend::<UInt8Type, _>(to, slice, u64::from),
        DataType::UInt16 => extend::<UInt16Type, _>(to, slice, u64::from),
        DataType::UInt32 => extend::<UInt32Type, _>(to, slice, u64::from),
        _ => extend::<UInt64Type, _>(to, slice, |x| x),
    }
}

/// Integers as floats.
fn append_exact(to: &mut Vec<f64>, slice: &dyn Array) -> Result<(), Misfit> {
    downcast_integer_array!(
        slice => try_extend(to, slice, |x| {
            let float = x as f64;
            if float as i128 == i128::from(x) { Ok(float) } else { Err(lossy(x)) }
        }),
        _ => Err(Misfit::OtherType)
    )
}

/// Counts of a unit that the column's goes `finer` times into.
fn append_times(to: &mut Vec<i64>, slice: &dyn Array, finer: i64) -> Result<(), Misfit> {
    match slice.data_type() {
        DataType::Int32 | DataType::Int64 if finer == 1 => append_signed(to, slice),
        DataType::Int32 => try_extend(to, slice.as_primitive::<Int32Type>(), |x| finer_time(x.into(), finer)),
        DataType::Int64 => try_extend(to, slice.as_primitive::<Int64Type>(), |x| finer_time(x, finer)),
        _ => Err(Misfit::OtherType),
    }
}

fn finer_time(time: i64, finer: i64) -> Result<i64, Misfit> {
    time.checked_mul(finer).ok_or_else(|| lossy(time))
}

/// Decimals without a fraction.
fn append_whole_decimals(to: &mut Vec<i64>, slice: &dyn Array, scale: i32) -> Result<(), Misfit> {
    let power = u32::try_from(-scale).ok().and_then(|zeros| 10i64.checked_pow(zeros));
    let whole = |x: Option<i128>| i64::try_from(x?).ok()?.checked_mul(power?);
    match slice.data_type() {
        DataType::Decimal128(..) => {
            let of = |x: i128| whole(Some(x)).ok_or_else(|| lossy(format!("{x}e{}", -scale)));
            try_extend(to, slice.as_primitive::<Decimal128Type>(), of)
        }
        DataType::Decimal256(..) => {
            let of = |x: i256| whole(x.to_i128()).ok_or_else(|| lossy(format!("{x}e{}", -scale)));
            try_extend(to, slice.as_primitive::<Decimal256Type>(), of)
        }
        _ => Err(Misfit::OtherType),
    }
}

/// Decimals as their nearest floats; how many of them are rounded.
fn append_decimals(to: &mut Vec<f64>, slice: &dyn Array, scale: i32) -> Result<u64, Misfit> {
    let mut count = 0;
    let mut counted = |(nearest, rounded): (f64, bool)| {
        count += u64::from(rounded);
        Ok(nearest)
    };
    match slice.data_type() {
        DataType::Decimal128(..) => {
            try_extend(to, slice.as_primitive::<Decimal128Type>(), |x| counted(nearest(x, scale)))?;
        }
        DataType::Decimal256(..) => {
            let of = |x: i256| x.to_i128().map_or_else(|| nearest_text(x, scale), |x| nearest(x, scale));
            try_extend(to, slice.as_primitive::<Decimal256Type>(), |x| counted(of(x)))?;
        }
        _ => return Err(Misfit::OtherType),
    }
    Ok(count)
}

fn extend<T: ArrowPrimitiveType, W: Default>(
    to: &mut Vec<W>,
    slice: &dyn Array,
    widen: impl Fn(T::Native) -> W,
) -> Result<(), Misfit> {
    extend_with(to, slice.as_primitive_opt::<T>().ok_or(Misfit::OtherType)?, widen);
    Ok(())
}

fn extend_with<T: ArrowPrimitiveType, W: Default>(
    to: &mut Vec<W>,
    slice: &PrimitiveArray<T>,
    widen: impl Fn(T::Native) -> W,
) {
    if slice.null_count() == 0 {
        to.extend(slice.values().iter().map(|&value| widen(value)));
    } else {
        to.extend(slice.iter().map(|value| value.map(&widen).unwrap_or_default()));
    }
}

fn try_extend<T: ArrowPrimitiveType, W: Default>(
    to: &mut Vec<W>,
    slice: &PrimitiveArray<T>,
    mut convert: impl FnMut(T::Native) -> Result<W, Misfit>,
) -> Result<(), Misfit> {
    to.reserve(slice.len());
    for value in slice.iter() {
        to.push(value.map_or(Ok(W::default()), &mut convert)?);
    }
    Ok(())
}
