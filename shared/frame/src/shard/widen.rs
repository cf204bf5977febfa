//! Back from a shard's narrow types to those of the source: for rows that are written out again.

use std::ops::Range;
use std::sync::Arc;

use arrow_array::builder::StringBuilder;
use arrow_array::cast::AsArray;
use arrow_array::types::{
    Date32Type, DurationMicrosecondType, DurationMillisecondType, DurationNanosecondType, DurationSecondType,
    Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type, Time32MillisecondType, Time32SecondType,
    Time64MicrosecondType, Time64NanosecondType, TimestampMicrosecondType, TimestampMillisecondType,
    TimestampNanosecondType, TimestampSecondType, UInt8Type, UInt16Type, UInt32Type, UInt64Type,
};
use arrow_array::{Array, ArrayRef, ArrowPrimitiveType, BooleanArray, PrimitiveArray, downcast_dictionary_array};
use arrow_schema::{DataType, TimeUnit};

use super::Shard;
use crate::error::{EncodingError, Error};
use crate::schema::{SourceColumn, duration_unit};
use crate::time::TimeType;

impl SourceColumn {
    /// The Arrow type that holds its values as the source has them; decimals with a fraction are 64-bit floats.
    pub fn arrow_type(&self) -> DataType {
        let text = self.source_type.as_str();
        if let Some(unit) = duration_unit(text) {
            return DataType::Duration(unit_of(unit.name()));
        }
        if let Some(time) = TimeType::parse(text) {
            return time_type(&time);
        }
        match text {
            "bool" => DataType::Boolean,
            "int8" => DataType::Int8,
            "int16" => DataType::Int16,
            "int32" => DataType::Int32,
            "uint8" => DataType::UInt8,
            "uint16" => DataType::UInt16,
            "uint32" => DataType::UInt32,
            "uint64" => DataType::UInt64,
            "float16" | "float32" => DataType::Float32,
            "text" => DataType::Utf8,
            _ if self.kind == crate::schema::ColumnKind::Int => DataType::Int64,
            _ => DataType::Float64,
        }
    }
}

fn unit_of(name: &str) -> TimeUnit {
    match name {
        "s" => TimeUnit::Second,
        "ms" => TimeUnit::Millisecond,
        "ns" => TimeUnit::Nanosecond,
        _ => TimeUnit::Microsecond,
    }
}

fn time_type(time: &TimeType) -> DataType {
    use crate::time::{Clock, TimeUnit as Unit};
    let unit = unit_of(time.unit.name());
    match (time.clock, time.unit) {
        (Clock::Date, _) => DataType::Date32,
        (Clock::TimeOfDay, Unit::Second | Unit::Milli) => DataType::Time32(unit),
        (Clock::TimeOfDay, _) => DataType::Time64(unit),
        (Clock::Timestamp, _) => DataType::Timestamp(unit, time.zone.as_deref().map(Arc::from)),
    }
}

impl Shard {
    /// Rows of a column, by their global numbers, as [`SourceColumn::arrow_type`].
    pub fn source_column(&self, column: &SourceColumn, rows: Range<u64>) -> Result<ArrayRef, Error> {
        let missing = || EncodingError::MissingColumn { column: column.name.clone() };
        let pieces = self.column(&column.name).ok_or_else(missing)?;
        let row = |row: u64| {
            let at = (row - self.rows().start) as usize;
            let piece = *pieces.get(at / Shard::piece_rows())?;
            let at = at % Shard::piece_rows();
            (at < piece.len() && piece.is_valid(at)).then_some((piece, at))
        };
        let rows = || rows.clone().map(row);
        macro_rules! whole {
            ($($type:pat => $of:ty),*) => {
                match column.arrow_type() {
                    $($type => Some(primitive::<$of>(rows().map(|at| integer(at).and_then(|x| x.try_into().ok())))),)*
                    _ => None,
                }
            };
        }
        use TimeUnit::{Microsecond, Millisecond, Nanosecond, Second};
        let whole = whole!(
            DataType::Int8 => Int8Type, DataType::Int16 => Int16Type, DataType::Int32 => Int32Type,
            DataType::Int64 => Int64Type, DataType::UInt8 => UInt8Type, DataType::UInt16 => UInt16Type,
            DataType::UInt32 => UInt32Type, DataType::UInt64 => UInt64Type, DataType::Date32 => Date32Type,
            DataType::Time32(Second) => Time32SecondType, DataType::Time32(_) => Time32MillisecondType,
            DataType::Time64(Nanosecond) => Time64NanosecondType, DataType::Time64(_) => Time64MicrosecondType,
            DataType::Timestamp(Second, _) => TimestampSecondType,
            DataType::Timestamp(Millisecond, _) => TimestampMillisecondType,
            DataType::Timestamp(Microsecond, _) => TimestampMicrosecondType,
            DataType::Timestamp(Nanosecond, _) => TimestampNanosecondType,
            DataType::Duration(Second) => DurationSecondType, DataType::Duration(Millisecond) => DurationMillisecondType,
            DataType::Duration(Microsecond) => DurationMicrosecondType,
            DataType::Duration(Nanosecond) => DurationNanosecondType
        );
        Ok(match (column.arrow_type(), whole) {
            (DataType::Timestamp(unit, Some(zone)), Some(array)) => zoned(array, unit, &zone),
            (_, Some(array)) => array,
            (DataType::Boolean, None) => {
                let values = rows().map(|at| at.and_then(|(piece, at)| Some(piece.as_boolean_opt()?.value(at))));
                Arc::new(values.collect::<BooleanArray>())
            }
            (DataType::Float32, None) => primitive::<Float32Type>(rows().map(|at| float(at).map(|x| x as f32))),
            (DataType::Float64, None) => primitive::<Float64Type>(rows().map(float)),
            _ => {
                let mut texts = StringBuilder::new();
                rows().for_each(|at| texts.append_option(at.and_then(text)));
                Arc::new(texts.finish())
            }
        })
    }
}

type At<'a> = (&'a ArrayRef, usize);

fn primitive<T: ArrowPrimitiveType>(values: impl Iterator<Item = Option<T::Native>>) -> ArrayRef {
    Arc::new(values.collect::<Vec<_>>().into_iter().collect::<PrimitiveArray<T>>())
}

fn zoned(array: ArrayRef, unit: TimeUnit, zone: &Arc<str>) -> ArrayRef {
    macro_rules! zoned {
        ($of:ty) => {
            Arc::new(array.as_primitive::<$of>().clone().with_timezone(zone.clone()))
        };
    }
    match unit {
        TimeUnit::Second => zoned!(TimestampSecondType),
        TimeUnit::Millisecond => zoned!(TimestampMillisecondType),
        TimeUnit::Microsecond => zoned!(TimestampMicrosecondType),
        TimeUnit::Nanosecond => zoned!(TimestampNanosecondType),
    }
}

fn integer(at: Option<At<'_>>) -> Option<i128> {
    let (piece, at) = at?;
    Some(match piece.data_type() {
        DataType::Int8 => piece.as_primitive::<Int8Type>().value(at).into(),
        DataType::Int16 => piece.as_primitive::<Int16Type>().value(at).into(),
        DataType::Int32 => piece.as_primitive::<Int32Type>().value(at).into(),
        DataType::Int64 => piece.as_primitive::<Int64Type>().value(at).into(),
        DataType::UInt8 => piece.as_primitive::<UInt8Type>().value(at).into(),
        DataType::UInt16 => piece.as_primitive::<UInt16Type>().value(at).into(),
        DataType::UInt32 => piece.as_primitive::<UInt32Type>().value(at).into(),
        DataType::UInt64 => piece.as_primitive::<UInt64Type>().value(at).into(),
        _ => return None,
    })
}

fn float(at: Option<At<'_>>) -> Option<f64> {
    let (piece, row) = at?;
    match piece.data_type() {
        DataType::Float32 => Some(piece.as_primitive::<Float32Type>().value(row).into()),
        DataType::Float64 => Some(piece.as_primitive::<Float64Type>().value(row)),
        _ => integer(at).map(|x| x as f64),
    }
}

fn text((piece, row): At<'_>) -> Option<&str> {
    downcast_dictionary_array!(
        piece => {
            let texts = piece.values().as_string_opt::<i32>()?;
            piece.key(row).filter(|key| *key < texts.len()).map(|key| texts.value(key))
        },
        _ => None
    )
}
