//! What a file says its columns are. What is stored rules; the writer's Arrow schema, where there is one, only says what
//! stored integers count, in which zone, and how long a list always is.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow_schema::{DataType, Schema, TimeUnit as ArrowUnit};
use parquet::arrow::parquet_to_arrow_schema;
use parquet::basic::{LogicalType, Type as PhysicalType};
use parquet::errors::ParquetError;
use parquet::schema::types::{SchemaDescriptor, Type, TypePtr};

use super::corrupt_footer;
use super::footer::Footer;
use crate::error::{Cause, SourceError};
use crate::guard::guarded;
use crate::schema::SourceType;
use crate::time::{Clock, TimeType, TimeUnit};

/// Elements of a list that become columns, at most.
const LIST_MAX: i32 = 65_536;

/// A column of a file: its place is that among the file's columns.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct FileColumn {
    pub(super) name: String,
    /// Columns of this name before it.
    pub(super) nth: usize,
    pub(super) content: Content,
}

/// What a column is to a frame.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Content {
    Values(SourceType),
    /// A list of this many values in each row: a column each.
    List(SourceType, usize),
    /// Nothing.
    Other {
        source_type: String,
        reason: &'static str,
    },
}

impl Content {
    /// What holds the values of both, as [`SourceType::widen`].
    pub(super) fn widen(&self, other: &Self) -> Option<Self> {
        match (self, other) {
            (Self::Values(a), Self::Values(b)) => a.widen(b).map(Self::Values),
            (Self::List(a, m), Self::List(b, n)) if m == n => a.widen(b).map(|of| Self::List(of, *m)),
            (Self::Other { .. }, Self::Other { .. }) => Some(self.clone()),
            (Self::Values(SourceType::Null), content) | (content, Self::Values(SourceType::Null)) => {
                Some(content.clone())
            }
            _ => None,
        }
    }

    pub(super) fn source_type(&self) -> String {
        match self {
            Self::Values(of) => of.to_string(),
            Self::List(of, length) => format!("list of {length} {of}"),
            Self::Other { source_type, .. } => source_type.clone(),
        }
    }
}

/// The columns of a file, in order.
pub(super) fn file_columns(footer: &Footer, file: &str) -> Result<Vec<FileColumn>, SourceError> {
    let roots = footer.metadata.file_metadata().schema_descr().root_schema().get_fields();
    let stored: Vec<Option<DataType>> = roots.iter().map(stored).collect();
    let meant = meant(footer, &stored).map_err(|error| corrupt_footer(file, error))?;
    let mut before: BTreeMap<&str, usize> = BTreeMap::new();
    let mut columns = Vec::with_capacity(roots.len());
    for ((root, stored), meant) in roots.iter().zip(&stored).zip(meant.fields()) {
        let count = before.entry(root.name()).or_default();
        let content = match stored {
            Some(stored) => content(meant.data_type(), stored, root),
            None => other("unknown", "no type is known that is stored so"),
        };
        columns.push(FileColumn { name: root.name().to_owned(), nth: *count, content });
        *count += 1;
    }
    Ok(columns)
}

/// What a column is stored as; none if no reader would know. Asked for each by itself: it is no harm to the others.
fn stored(root: &TypePtr) -> Option<DataType> {
    let alone = || parquet_to_arrow_schema(&schema_of(vec![root.clone()])?, None);
    guarded(alone).ok()?.fields().first().map(|field| field.data_type().clone())
}

/// The writer's Arrow schema, as far as it goes with what is stored. A zone counts even where the unit is another: writers
/// have no seconds to store, and store the next finer unit.
fn meant(footer: &Footer, stored: &[Option<DataType>]) -> Result<Schema, Cause> {
    let about = footer.metadata.file_metadata();
    let root = |(root, stored): (&TypePtr, &Option<DataType>)| match stored {
        None | Some(DataType::Timestamp(..)) => {
            Type::primitive_type_builder(root.name(), PhysicalType::INT64).build().map(Arc::new)
        }
        Some(_) => Ok(root.clone()),
    };
    let roots = about.schema_descr().root_schema().get_fields().iter().zip(stored).map(root);
    let roots: Vec<TypePtr> = roots.collect::<Result<_, _>>()?;
    let schema = guarded(|| parquet_to_arrow_schema(&schema_of(roots)?, about.key_value_metadata()))?;
    if schema.fields().len() == stored.len() { Ok(schema) } else { Err("its Arrow schema has other columns".into()) }
}

/// A schema of these columns.
pub(super) fn schema_of(roots: Vec<TypePtr>) -> Result<SchemaDescriptor, ParquetError> {
    Ok(SchemaDescriptor::new(Arc::new(Type::group_type_builder("schema").with_fields(roots).build()?)))
}

/// The column without what its values mean.
pub(super) fn plain(root: &TypePtr) -> Result<TypePtr, ParquetError> {
    let Type::PrimitiveType { physical_type, type_length, .. } = root.as_ref() else { return Ok(root.clone()) };
    let repetition = root.get_basic_info().repetition();
    let plain = Type::primitive_type_builder(root.name(), *physical_type).with_repetition(repetition);
    Ok(Arc::new(plain.with_length(*type_length).build()?))
}

fn content(meant: &DataType, stored: &DataType, root: &Type) -> Content {
    if let Some(of) = source_type(meant, stored, root) {
        return Content::Values(of);
    }
    let (item, length) = match (stored, meant) {
        (DataType::List(item), DataType::FixedSizeList(_, length)) => (item, *length),
        (DataType::List(_), _) => return other("list", "its lists may have any length"),
        (DataType::Struct(_), _) => return other("struct", "it has columns in it"),
        (DataType::Map(..), _) => return other("map", "it has columns in it"),
        (DataType::Interval(_), _) => return other("interval", "months and days have no length"),
        _ => return other(&stored.to_string(), "its type is not known"),
    };
    match (element_type(item.data_type()), usize::try_from(length)) {
        (Some(_), Ok(0)) => other("list", "its lists are empty"),
        (Some(_), _) if length > LIST_MAX => other("list", "its lists have more than 65,536 elements"),
        (Some(of), Ok(length)) => Content::List(of, length),
        _ => other("list", "its elements are not numbers"),
    }
}

fn other(source_type: &str, reason: &'static str) -> Content {
    Content::Other { source_type: source_type.to_owned(), reason }
}

fn element_type(stored: &DataType) -> Option<SourceType> {
    match plain_type(stored)? {
        of @ (SourceType::Bool | SourceType::Int { .. } | SourceType::Float { .. } | SourceType::Decimal { .. }) => {
            Some(of)
        }
        _ => None,
    }
}

fn source_type(meant: &DataType, stored: &DataType, root: &Type) -> Option<SourceType> {
    let zone_meant = match meant {
        DataType::Timestamp(_, zone) => zone.as_deref().filter(|zone| !zone.is_empty()),
        _ => None,
    };
    match (stored, meant) {
        (DataType::Int32 | DataType::Int64, DataType::Duration(unit)) => Some(SourceType::Duration(time_unit(unit))),
        // A date, by its name; but it counts milliseconds, and some writers have a time of day in it.
        (DataType::Int64, DataType::Date64) => timestamp(TimeUnit::Milli, None),
        (DataType::Int32 | DataType::Int64, DataType::Timestamp(unit, _)) => timestamp(time_unit(unit), zone_meant),
        (DataType::Int32, DataType::Time32(unit)) | (DataType::Int64, DataType::Time64(unit)) => {
            time_of_day(time_unit(unit))
        }
        // More range than nanoseconds have: a writer's dates may be of the year 9999.
        (DataType::Timestamp(..), _) if is_int96(root) => timestamp(TimeUnit::Micro, zone_meant),
        (DataType::Timestamp(unit, zone), _) => timestamp(time_unit(unit), zone_meant.or(zone.as_deref())),
        (DataType::FixedSizeBinary(16), _) if is_uuid(root) => Some(SourceType::Uuid),
        _ => plain_type(stored),
    }
}

fn plain_type(stored: &DataType) -> Option<SourceType> {
    let int = |signed, bits| Some(SourceType::Int { signed, bits });
    match stored {
        DataType::Null => Some(SourceType::Null),
        DataType::Boolean => Some(SourceType::Bool),
        DataType::Int8 => int(true, 8),
        DataType::Int16 => int(true, 16),
        DataType::Int32 => int(true, 32),
        DataType::Int64 => int(true, 64),
        DataType::UInt8 => int(false, 8),
        DataType::UInt16 => int(false, 16),
        DataType::UInt32 => int(false, 32),
        DataType::UInt64 => int(false, 64),
        DataType::Float16 => Some(SourceType::Float { bits: 16 }),
        DataType::Float32 => Some(SourceType::Float { bits: 32 }),
        DataType::Float64 => Some(SourceType::DOUBLE),
        DataType::Decimal128(precision, scale) | DataType::Decimal256(precision, scale) => {
            Some(SourceType::Decimal { precision: i32::from(*precision), scale: i32::from(*scale) })
        }
        DataType::Date32 => Some(SourceType::Time(TimeType::DATE)),
        DataType::Time32(unit) | DataType::Time64(unit) => time_of_day(time_unit(unit)),
        DataType::Utf8 | DataType::Binary | DataType::FixedSizeBinary(_) => Some(SourceType::Text),
        _ => None,
    }
}

fn timestamp(unit: TimeUnit, zone: Option<&str>) -> Option<SourceType> {
    Some(SourceType::Time(TimeType { clock: Clock::Timestamp, unit, zone: zone.map(str::to_owned) }))
}

fn time_of_day(unit: TimeUnit) -> Option<SourceType> {
    Some(SourceType::Time(TimeType { clock: Clock::TimeOfDay, unit, zone: None }))
}

fn time_unit(unit: &ArrowUnit) -> TimeUnit {
    match unit {
        ArrowUnit::Second => TimeUnit::Second,
        ArrowUnit::Millisecond => TimeUnit::Milli,
        ArrowUnit::Microsecond => TimeUnit::Micro,
        ArrowUnit::Nanosecond => TimeUnit::Nano,
    }
}

pub(super) fn is_int96(root: &Type) -> bool {
    root.is_primitive() && root.get_physical_type() == PhysicalType::INT96
}

fn is_uuid(root: &Type) -> bool {
    root.get_basic_info().logical_type_ref() == Some(&LogicalType::Uuid)
}
