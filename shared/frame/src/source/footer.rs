//! One file's footer: found, checked and decoded; nothing else of the file is read.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;
use std::sync::Arc;

use parquet::errors::ParquetError;
use parquet::file::metadata::{ParquetMetaData, ParquetMetaDataReader, RowGroupMetaData};

use super::corrupt_footer;
use super::shape::{self, Shape};
use crate::error::{Error, Place, SourceError};
use crate::guard::{guarded, has_room, readable};
use crate::roots::Roots;

/// Magic, 4 bytes of length, magic.
const TAIL: u64 = 8;
/// A footer is read whole; none that a writer made is longer.
const FOOTER_BYTES_MAX: u64 = 256 << 20;
/// Columns of a file, with those in nested ones: each takes a decoder that knows of all of them.
const COLUMNS_MAX: u64 = 1 << 16;
/// Memory that a decoded footer may take: a million of column chunks takes a quarter of it.
const METADATA_BYTES_MAX: u64 = 4 << 30;
/// Rows that a byte of a file may stand for. A page of 30 bytes can hold two thousand million nulls; no data is like that.
const ROWS_A_BYTE_MAX: u64 = 1 << 16;

pub(super) struct Footer {
    pub(super) metadata: Arc<ParquetMetaData>,
    /// BLAKE3 of the footer's bytes.
    pub(super) hash: String,
    /// Bytes of the file.
    pub(super) bytes: u64,
    /// Modified, in nanoseconds since 1970.
    pub(super) modified: u64,
}

impl Footer {
    pub(super) fn read(roots: &Roots, path: &Path, name: &str) -> Result<Self, Error> {
        let mut file = roots.open(path).map_err(|error| match error.kind() {
            std::io::ErrorKind::NotFound => SourceError::NoSuchFile { path: name.to_owned() }.into(),
            _ => Error::io("open", path)(error),
        })?;
        let about = file.metadata().map_err(Error::io("read", path))?;
        if !about.is_file() && !about.is_dir() {
            return Err(SourceError::NotParquet { file: name.to_owned(), reason: "it is no regular file" }.into());
        }
        let modified = about.modified().ok().and_then(|time| time.duration_since(std::time::UNIX_EPOCH).ok());
        let modified = modified.map_or(0, |since| u64::try_from(since.as_nanos()).unwrap_or(0));
        let bytes = about.len();
        let footer = footer_bytes(&mut file, bytes, name).map_err(|failure| match failure {
            Failure::Io(error) => Error::io("read", path)(error),
            Failure::Source(error) => error.into(),
        })?;
        let metadata = decode(&footer, bytes, name)?;
        Ok(Self { metadata: Arc::new(metadata), hash: blake3::hash(&footer).to_hex().to_string(), bytes, modified })
    }
}

enum Failure {
    Io(std::io::Error),
    Source(SourceError),
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        Self::Io(error)
    }
}

fn footer_bytes(file: &mut File, bytes: u64, name: &str) -> Result<Vec<u8>, Failure> {
    let not_parquet = |reason| Failure::Source(SourceError::NotParquet { file: name.to_owned(), reason });
    let truncated = |reason: &str| SourceError::Truncated { file: name.to_owned(), reason: reason.to_owned() };
    if bytes < 4 {
        return Err(not_parquet("it is shorter than the magic number"));
    }
    let mut head = [0; 4];
    file.read_exact(&mut head)?;
    match &head {
        b"PAR1" => {}
        b"PARE" => return Err(Failure::Source(SourceError::Encrypted { file: name.to_owned() })),
        _ => return Err(not_parquet("it does not begin with PAR1")),
    }
    if bytes < 4 + TAIL {
        return Err(Failure::Source(truncated("it has no footer")));
    }
    let mut tail = [0; TAIL as usize];
    file.seek(SeekFrom::Start(bytes - TAIL))?;
    file.read_exact(&mut tail)?;
    let [a, b, c, d, magic @ ..] = tail;
    match &magic {
        b"PAR1" => {}
        b"PARE" => return Err(Failure::Source(SourceError::Encrypted { file: name.to_owned() })),
        _ => return Err(Failure::Source(truncated("it does not end with PAR1"))),
    }
    let length = u64::from(u32::from_le_bytes([a, b, c, d]));
    if length > bytes - 4 - TAIL {
        return Err(Failure::Source(corrupt_footer(name, "it is said to be longer than the file")));
    }
    if length > FOOTER_BYTES_MAX {
        let (file, limit) = (name.to_owned(), FOOTER_BYTES_MAX);
        return Err(Failure::Source(SourceError::FooterTooLarge { file, bytes: length, limit }));
    }
    let mut footer = vec![0; length as usize];
    file.seek(SeekFrom::Start(bytes - TAIL - length))?;
    file.read_exact(&mut footer)?;
    Ok(footer)
}

fn decode(footer: &[u8], bytes: u64, name: &str) -> Result<ParquetMetaData, SourceError> {
    match Shape::of(footer) {
        Some(shape) => admit(&shape, name)?,
        None => return Err(corrupt_footer(name, "its lengths do not fit")),
    }
    let metadata = guarded(|| ParquetMetaDataReader::decode_metadata(footer)).map_err(|e| corrupt_footer(name, e))?;
    let end = bytes - TAIL - footer.len() as u64;
    let reason =
        guarded(|| Ok::<_, ParquetError>(inconsistency(&metadata, end))).map_err(|e| corrupt_footer(name, e))?;
    if let Some(reason) = reason {
        return Err(corrupt_footer(name, reason));
    }
    let rows = metadata.file_metadata().num_rows().max(0).unsigned_abs();
    let hint = "are they constant or null? leave such columns out, and write the file again";
    over(name, "rows for its size", rows, bytes.saturating_mul(ROWS_A_BYTE_MAX), hint)?;
    Ok(metadata)
}

/// What is well formed, and more than is read.
fn admit(shape: &Shape, name: &str) -> Result<(), SourceError> {
    if shape.encrypted {
        return Err(SourceError::Encrypted { file: name.to_owned() });
    }
    over(name, "levels of nesting", shape.depth, shape::DEPTH_MAX - 1, "write the file again with fewer levels")?;
    over(name, "columns", shape.columns, COLUMNS_MAX, "write the file again with fewer columns, or as several")?;
    let memory = shape.memory();
    let hint = "write the file again, as several files or with larger row groups";
    over(name, "bytes of metadata once decoded", memory, METADATA_BYTES_MAX, hint)?;
    match has_room(memory) {
        true => Ok(()),
        false => Err(SourceError::NoMemory { place: whole(name), bytes: memory }),
    }
}

fn over(name: &str, what: &'static str, found: u64, limit: u64, hint: &'static str) -> Result<(), SourceError> {
    match found > limit {
        true => Err(SourceError::OverLimit { place: whole(name), what, found, limit, hint }),
        false => Ok(()),
    }
}

fn whole(name: &str) -> Place {
    Place { file: name.to_owned(), ..Place::default() }
}

/// What the decoder does not check, and would panic on or lose rows by later.
fn inconsistency(metadata: &ParquetMetaData, end: u64) -> Option<String> {
    let columns = metadata.file_metadata().schema_descr().num_columns();
    let mut rows = 0i64;
    for (at, group) in metadata.row_groups().iter().enumerate() {
        if let Some(reason) = group_inconsistency(group, columns, end) {
            return Some(format!("row group {at}: {reason}"));
        }
        let Some(sum) = rows.checked_add(group.num_rows()) else {
            return Some(format!("row group {at}: no sum can hold the rows up to here"));
        };
        rows = sum;
    }
    let said = metadata.file_metadata().num_rows();
    (said != rows).then(|| format!("it counts {said} rows, and its row groups {rows}"))
}

fn group_inconsistency(group: &RowGroupMetaData, columns: usize, end: u64) -> Option<String> {
    if group.num_columns() != columns {
        return Some(format!("{} columns of {columns}", group.num_columns()));
    }
    if group.num_rows() < 0 {
        return Some(format!("{} rows", group.num_rows()));
    }
    for column in group.columns() {
        let path = || readable(&column.column_path().string());
        if column.dictionary_page_offset().is_some_and(|at| at < 0)
            || column.data_page_offset() < 0
            || column.compressed_size() < 0
            || column.uncompressed_size() < 0
        {
            return Some(format!("column {} has a negative size or offset", path()));
        }
        let (start, length) = column.byte_range();
        if start.checked_add(length).is_none_or(|stop| stop > end) {
            return Some(format!("column {} ends outside the file", path()));
        }
        // Only flat columns are read; a repeated one is refused by its type later.
        if column.column_descr().max_rep_level() == 0 && column.num_values() != group.num_rows() {
            return Some(format!("column {} has {} values in {} rows", path(), column.num_values(), group.num_rows()));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use parquet::file::metadata::FileMetaData;
    use parquet::schema::types::{SchemaDescriptor, Type};

    use super::*;

    #[test]
    fn rows_that_no_sum_can_hold_are_an_inconsistency() {
        let schema = Arc::new(SchemaDescriptor::new(Arc::new(Type::group_type_builder("root").build().unwrap())));
        let check = |counts: &[i64], said: i64| {
            let group = |rows: &i64| RowGroupMetaData::builder(schema.clone()).set_num_rows(*rows).build().unwrap();
            let about = FileMetaData::new(2, said, None, None, schema.clone(), None);
            inconsistency(&ParquetMetaData::new(about, counts.iter().map(group).collect()), 100)
        };
        assert_eq!(check(&[3, 4], 7), None);
        assert!(check(&[3, 4], 8).is_some_and(|reason| reason.contains("counts 8 rows")));
        let reason = check(&[i64::MAX, 1], 0).expect("an overflow");
        assert!(reason.contains("row group 1"), "{reason}");
    }
}
