//! One column of a shard in memory, as wide as its source, with 0 where it is null: a shard's bytes depend on values alone.

use std::collections::HashMap;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{
    Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type, UInt8Type, UInt16Type, UInt32Type, UInt64Type,
};
use arrow_array::{Array, ArrowPrimitiveType, PrimitiveArray};
use arrow_buffer::{NullBuffer, NullBufferBuilder};
use arrow_schema::DataType;

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
    code_of: HashMap<Arc<str>, u32>,
}

pub(super) struct Gathered {
    pub(super) values: Values,
    nulls: NullBufferBuilder,
}

impl Gathered {
    /// Room for `rows` values of a source type.
    pub(super) fn new(source_type: &str, rows: usize) -> Self {
        let values = match source_type {
            "bool" => Values::Bool(Vec::with_capacity(rows)),
            "float32" => Values::Single(Vec::with_capacity(rows)),
            "float64" => Values::Double(Vec::with_capacity(rows)),
            "text" => Values::Text(Texts::default()),
            "uint64" => Values::Unsigned(Vec::with_capacity(rows)),
            _ => Values::Signed(Vec::with_capacity(rows)),
        };
        Self { values, nulls: NullBufferBuilder::new(rows) }
    }

    /// Values so far, nulls too.
    pub(super) fn rows(&self) -> usize {
        match &self.values {
            Values::Bool(values) => values.len(),
            Values::Signed(values) => values.len(),
            Values::Unsigned(values) => values.len(),
            Values::Single(values) => values.len(),
            Values::Double(values) => values.len(),
            Values::Text(texts) => texts.codes.len(),
        }
    }

    pub(super) fn finish(mut self) -> (Values, Option<NullBuffer>) {
        let nulls = self.nulls.finish().filter(|nulls| nulls.null_count() > 0);
        (self.values, nulls)
    }

    /// Adds a slice; None if it is of another type than the column.
    pub(super) fn append(&mut self, slice: &dyn Array) -> Option<()> {
        match (&mut self.values, slice.data_type()) {
            (Values::Bool(to), DataType::Boolean) => {
                to.extend(slice.as_boolean().iter().map(|value| value.unwrap_or_default()));
            }
            (Values::Signed(to), DataType::Int8) => extend::<Int8Type, _>(to, slice.as_primitive(), i64::from),
            (Values::Signed(to), DataType::Int16) => extend::<Int16Type, _>(to, slice.as_primitive(), i64::from),
            (Values::Signed(to), DataType::Int32) => extend::<Int32Type, _>(to, slice.as_primitive(), i64::from),
            (Values::Signed(to), DataType::Int64) => extend::<Int64Type, _>(to, slice.as_primitive(), |x| x),
            (Values::Signed(to), DataType::UInt8) => extend::<UInt8Type, _>(to, slice.as_primitive(), i64::from),
            (Values::Signed(to), DataType::UInt16) => extend::<UInt16Type, _>(to, slice.as_primitive(), i64::from),
            (Values::Signed(to), DataType::UInt32) => extend::<UInt32Type, _>(to, slice.as_primitive(), i64::from),
            (Values::Unsigned(to), DataType::UInt64) => extend::<UInt64Type, _>(to, slice.as_primitive(), |x| x),
            (Values::Single(to), DataType::Float32) => extend::<Float32Type, _>(to, slice.as_primitive(), |x| x),
            (Values::Double(to), DataType::Float64) => extend::<Float64Type, _>(to, slice.as_primitive(), |x| x),
            (Values::Text(to), DataType::Utf8) => {
                slice.as_string::<i32>().iter().for_each(|text| to.push(text));
            }
            _ => return None,
        }
        match slice.nulls() {
            Some(nulls) => self.nulls.append_buffer(nulls),
            None => self.nulls.append_n_non_nulls(slice.len()),
        }
        Some(())
    }
}

impl Texts {
    fn push(&mut self, text: Option<&str>) {
        let code = match text {
            None => 0,
            Some(text) => self.code_of.get(text).copied().unwrap_or_else(|| self.add(text)),
        };
        self.codes.push(code);
    }

    fn add(&mut self, text: &str) -> u32 {
        // Rows of a shard are far fewer than 2^32.
        let code = self.distinct.len() as u32;
        let text: Arc<str> = text.into();
        self.bytes += text.len();
        self.distinct.push(text.clone());
        self.code_of.insert(text, code);
        code
    }
}

fn extend<T: ArrowPrimitiveType, W: Default>(
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
