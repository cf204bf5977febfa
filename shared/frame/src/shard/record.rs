//! What is known of a shard without opening it.

use std::ops::Range;

use arrow_schema::DataType;
use serde::{Deserialize, Serialize};

use crate::schema::ColumnKind;
use crate::stats::ColumnStats;

/// One shard's manifest.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ShardRecord {
    /// Global rows: whole blocks.
    pub rows: Range<u64>,
    /// BLAKE3 of the file, in hexadecimal; empty for a shard without a file.
    pub hash: String,
    /// Bytes of the file.
    pub bytes: u64,
    pub columns: Vec<StoredColumn>,
}

/// 64 hexadecimal digits in lower case: no other text from the wire or a manifest becomes the name of a file.
pub fn is_hash(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|digit| matches!(digit, b'0'..=b'9' | b'a'..=b'f'))
}

/// What stands for a hash where room is short: its first 16 digits.
pub fn short_hash(hash: &str) -> &str {
    hash.get(..16).unwrap_or(hash)
}

/// A column as this shard has it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StoredColumn {
    pub name: String,
    pub kind: ColumnKind,
    /// The narrowest type that holds this shard's values: `bool`, `int8` … `float64`, or `text8`, `text16`, `text32` by the
    /// width of the dictionary codes.
    pub stored_type: String,
    /// Left out of a frame's records, which have them merged.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub stats: Option<ColumnStats>,
}

impl ShardRecord {
    /// The name of the shard's file in its folder.
    pub fn file_name(&self) -> String {
        format!("{}.arrow", self.hash)
    }

    /// Whether the hash is one, and so a name.
    pub(crate) fn is_named(&self) -> bool {
        is_hash(&self.hash)
    }

    pub(crate) fn without_stats(mut self) -> Self {
        for column in &mut self.columns {
            column.stats = None;
        }
        self
    }
}

impl StoredColumn {
    /// The Arrow type of the stored values; none if the record names no type that a shard has.
    pub(crate) fn data_type(&self) -> Option<DataType> {
        let text = |codes| DataType::Dictionary(Box::new(codes), Box::new(DataType::Utf8));
        Some(match self.stored_type.as_str() {
            "bool" => DataType::Boolean,
            "int8" => DataType::Int8,
            "int16" => DataType::Int16,
            "int32" => DataType::Int32,
            "int64" => DataType::Int64,
            "uint8" => DataType::UInt8,
            "uint16" => DataType::UInt16,
            "uint32" => DataType::UInt32,
            "uint64" => DataType::UInt64,
            "float32" => DataType::Float32,
            "float64" => DataType::Float64,
            "text8" => text(DataType::UInt8),
            "text16" => text(DataType::UInt16),
            "text32" => text(DataType::UInt32),
            _ => return None,
        })
    }
}
