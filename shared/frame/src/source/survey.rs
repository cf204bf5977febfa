//! What the footers of all files say: columns, rows and bytes. No data is read.

use std::path::PathBuf;

use parquet::arrow::arrow_reader::ArrowReaderMetadata;
use parquet::file::metadata::RowGroupMetaData;
use serde::{Deserialize, Serialize};

use super::footer::Footer;
use crate::error::{Error, SourceError};
use crate::schema::{SourceColumn, supported};

/// Rows of a frame at most: blocks are counted in 32 bits.
pub(crate) const ROWS_MAX: u64 = 1 << 42;

/// A source, and how to know it again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceFile {
    pub path: String,
    pub bytes: u64,
    /// BLAKE3 of the footer's bytes, in hexadecimal.
    pub footer: String,
    /// Modified, in nanoseconds since 1970: for people, nothing depends on it.
    pub modified: u64,
    pub rows: u64,
}

/// All sources of one data set.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Survey {
    /// In the order that numbers rows.
    pub files: Vec<SourceFile>,
    pub columns: Vec<SourceColumn>,
    pub rows: u64,
    /// Of the columns, encoded but not compressed.
    pub uncompressed_bytes: u64,
}

/// Reads the footers, and checks that the files agree on columns, types and order.
pub fn survey(files: &[PathBuf]) -> Result<Survey, Error> {
    if files.is_empty() {
        return Err(SourceError::NoFiles.into());
    }
    let mut found = Survey { files: Vec::new(), columns: Vec::new(), rows: 0, uncompressed_bytes: 0 };
    for path in files {
        let name = path.to_str().ok_or_else(|| SourceError::PathNotText { path: path.display().to_string() })?;
        let footer = Footer::read(path, name)?;
        let columns = columns(&footer.columns(name, false)?, &footer.columns(name, true)?, name)?;
        match found.files.first() {
            None => found.columns = columns,
            Some(first) => agree(&first.path, &found.columns, name, &columns)?,
        }
        let groups = footer.metadata.row_groups();
        // Sums that no count can hold are at their end: too many rows, and the largest plan.
        let sum = |counts: &mut dyn Iterator<Item = i64>| {
            counts.fold(0u64, |sum, count| sum.saturating_add(count.max(0).unsigned_abs()))
        };
        let rows = sum(&mut groups.iter().map(RowGroupMetaData::num_rows));
        let bytes = sum(&mut groups.iter().map(RowGroupMetaData::total_byte_size));
        found.rows = found.rows.saturating_add(rows);
        found.uncompressed_bytes = found.uncompressed_bytes.saturating_add(bytes);
        if found.rows > ROWS_MAX {
            return Err(SourceError::TooManyRows { file: name.to_owned(), rows }.into());
        }
        let Footer { hash, bytes, modified, .. } = footer;
        found.files.push(SourceFile { path: name.to_owned(), bytes, footer: hash, modified, rows });
    }
    if found.rows == 0 {
        let files = match &found.files[..] {
            [one] => one.path.clone(),
            many => format!("all {} files", many.len()),
        };
        return Err(SourceError::NoRows { files }.into());
    }
    Ok(found)
}

/// The writer's Arrow schema tells a duration from an integer; what is read is the stored type.
fn columns(
    meant: &ArrowReaderMetadata,
    stored: &ArrowReaderMetadata,
    file: &str,
) -> Result<Vec<SourceColumn>, SourceError> {
    let mut columns: Vec<SourceColumn> = Vec::new();
    let mut refused = Vec::new();
    let mut names = std::collections::BTreeSet::new();
    for (field, stored) in meant.schema().fields().iter().zip(stored.schema().fields()) {
        if !names.insert(field.name()) {
            return Err(SourceError::DuplicateColumn { file: file.to_owned(), column: field.name().clone() });
        }
        match (supported(field.data_type()), supported(stored.data_type())) {
            (Some((kind, _)), Some((stored_kind, source_type))) if kind == stored_kind => {
                columns.push(SourceColumn { name: field.name().clone(), kind, source_type: source_type.to_owned() });
            }
            _ => refused.push(format!("{:?} ({})", field.name(), field.data_type())),
        }
    }
    if !refused.is_empty() {
        return Err(SourceError::UnsupportedColumns { file: file.to_owned(), columns: refused.join(", ") });
    }
    if columns.is_empty() {
        return Err(SourceError::NoColumns { file: file.to_owned() });
    }
    Ok(columns)
}

fn agree(first: &str, a: &[SourceColumn], second: &str, b: &[SourceColumn]) -> Result<(), SourceError> {
    let name = |columns: &[SourceColumn], at: usize| match columns.get(at) {
        Some(column) => format!("{:?} ({})", column.name, column.source_type),
        None => "no more columns".to_owned(),
    };
    let differs = (0..a.len().max(b.len())).find(|&at| a.get(at) != b.get(at));
    match differs {
        None => Ok(()),
        Some(at) => Err(SourceError::SchemaMismatch {
            first: first.to_owned(),
            second: second.to_owned(),
            difference: format!("column {} is {} in the one and {} in the other", at + 1, name(a, at), name(b, at)),
        }),
    }
}
