//! What is known of a shard without opening it.

use std::ops::Range;

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

    pub(crate) fn without_stats(mut self) -> Self {
        for column in &mut self.columns {
            column.stats = None;
        }
        self
    }
}
