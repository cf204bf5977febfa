//! What a column is: the kinds that are taken, and the types of Parquet and Arrow they come from.

use std::fmt;

use arrow_schema::DataType;
use serde::{Deserialize, Serialize};

/// What values a column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ColumnKind {
    Bool,
    Int,
    Float,
    Text,
}

impl fmt::Display for ColumnKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Bool => "bool",
            Self::Int => "int",
            Self::Float => "float",
            Self::Text => "text",
        })
    }
}

/// A column as the sources have it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceColumn {
    pub name: String,
    pub kind: ColumnKind,
    /// `bool`, `int8` … `uint64`, `float32`, `float64` or `text`.
    pub source_type: String,
}

/// Kind and name of a type that is taken; none for the others.
pub(crate) fn supported(data_type: &DataType) -> Option<(ColumnKind, &'static str)> {
    Some(match data_type {
        DataType::Boolean => (ColumnKind::Bool, "bool"),
        DataType::Int8 => (ColumnKind::Int, "int8"),
        DataType::Int16 => (ColumnKind::Int, "int16"),
        DataType::Int32 => (ColumnKind::Int, "int32"),
        DataType::Int64 => (ColumnKind::Int, "int64"),
        DataType::UInt8 => (ColumnKind::Int, "uint8"),
        DataType::UInt16 => (ColumnKind::Int, "uint16"),
        DataType::UInt32 => (ColumnKind::Int, "uint32"),
        DataType::UInt64 => (ColumnKind::Int, "uint64"),
        DataType::Float32 => (ColumnKind::Float, "float32"),
        DataType::Float64 => (ColumnKind::Float, "float64"),
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => (ColumnKind::Text, "text"),
        DataType::Dictionary(_, values) => match supported(values) {
            Some((ColumnKind::Text, name)) => (ColumnKind::Text, name),
            _ => return None,
        },
        _ => return None,
    })
}

/// Bytes of a value while a shard is gathered; text counts its dictionary code.
pub(crate) fn value_bytes(source_type: &str) -> u64 {
    match source_type {
        "bool" | "int8" | "uint8" => 1,
        "int16" | "uint16" => 2,
        "int32" | "uint32" | "float32" | "text" => 4,
        _ => 8,
    }
}
