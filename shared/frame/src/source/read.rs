//! A shard's rows of one column, read in slices: whatever the size of a row group, one batch of it is in memory.

use std::fs::File;
use std::ops::Range;
use std::path::{Path, PathBuf};

use arrow_array::ArrayRef;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ParquetRecordBatchReaderBuilder, RowSelection, RowSelector};
use parquet::file::metadata::ColumnChunkMetaData;

use super::corrupt_footer;
use super::footer::Footer;
use crate::error::{Error, Place, SourceError};
use crate::guard::guarded;
use crate::plan::Plan;
use crate::schema::{SourceColumn, supported};

/// Rows of a decoded slice, at most.
const SLICE_ROWS_MAX: u64 = 8192;
/// Bytes of one, as far as the footer tells: long texts make it short.
const SLICE_BYTES: u64 = 4 << 20;

/// The part of one source that a shard needs.
pub(crate) struct SourceReader {
    path: PathBuf,
    name: String,
    metadata: ArrowReaderMetadata,
    /// (row group, rows to pass over, rows to take), in order.
    pieces: Vec<(usize, usize, usize)>,
}

/// Opens the sources of the global rows, and checks that they are still what was planned.
pub(crate) fn open_sources(plan: &Plan, rows: &Range<u64>) -> Result<Vec<SourceReader>, Error> {
    let mut sources = Vec::new();
    let mut first = 0;
    for file in &plan.files {
        let end = first + file.rows; // the plan is checked: no sum of its rows overflows
        if first < rows.end && rows.start < end {
            let footer = Footer::read(Path::new(&file.path), &file.path)?;
            let changed =
                |reason: &str| SourceError::SourceChanged { file: file.path.clone(), reason: reason.to_owned() };
            if footer.bytes != file.bytes {
                return Err(changed("its size is another").into());
            }
            if footer.hash != file.footer {
                return Err(changed("its footer is another").into());
            }
            let local = rows.start.saturating_sub(first)..rows.end.min(end) - first;
            sources.push(SourceReader::new(&footer, &file.path, &plan.columns, local)?);
        }
        first = end;
    }
    Ok(sources)
}

impl SourceReader {
    fn new(footer: &Footer, name: &str, columns: &[SourceColumn], rows: Range<u64>) -> Result<Self, Error> {
        let metadata = footer.columns(name, true)?;
        let stored = metadata.schema().fields();
        let same = stored.len() == columns.len()
            && stored.iter().zip(columns).all(|(field, column)| {
                *field.name() == column.name
                    && supported(field.data_type())
                        .is_some_and(|(kind, of)| kind == column.kind && of == column.source_type)
            });
        if !same {
            return Err(corrupt_footer(name, "its columns are stored as other types than it says").into());
        }
        let mut pieces = Vec::new();
        let mut first = 0;
        for (at, group) in footer.metadata.row_groups().iter().enumerate() {
            let end = first + group.num_rows().unsigned_abs();
            if first < rows.end && rows.start < end {
                let skip = rows.start.saturating_sub(first);
                pieces.push((at, skip as usize, (rows.end.min(end) - first - skip) as usize));
            }
            first = end;
        }
        Ok(Self { path: PathBuf::from(name), name: name.to_owned(), metadata, pieces })
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Gives the slices of a column to `take`, in order.
    pub(crate) fn read_column(
        &self,
        column: usize,
        column_name: &str,
        mut take: impl FnMut(ArrayRef) -> Result<(), Error>,
    ) -> Result<(), Error> {
        for &(group, skip, rows) in &self.pieces {
            let place =
                || Place { file: self.name.clone(), row_group: Some(group), column: Some(column_name.to_owned()) };
            let file = File::open(&self.path).map_err(Error::io("open", &self.path))?;
            let selection = RowSelection::from(vec![RowSelector::skip(skip), RowSelector::select(rows)]);
            let builder = || {
                ParquetRecordBatchReaderBuilder::new_with_metadata(file, self.metadata.clone())
                    .with_projection(ProjectionMask::roots(self.metadata.parquet_schema(), [column]))
                    .with_row_groups(vec![group])
                    .with_row_selection(selection)
                    .with_batch_size(slice_rows(self.metadata.metadata().row_group(group).column(column)).min(rows))
                    .build()
            };
            let mut reader = guarded(builder).map_err(|source| corrupt(place(), source))?;
            let mut read = 0;
            while let Some(batch) = guarded(|| reader.next().transpose()).map_err(|e| corrupt(place(), e))? {
                read += batch.num_rows();
                if read > rows || batch.num_columns() != 1 {
                    break;
                }
                take(batch.column(0).clone())?;
            }
            if read != rows {
                let reason = format!("{read} rows where the footer counts {rows}");
                return Err(corrupt(place(), reason.into()));
            }
        }
        Ok(())
    }
}

/// Rows of a column chunk that make a slice. Texts in a dictionary are longer than their codes; not every writer says how
/// long, so the longer of both counts.
fn slice_rows(chunk: &ColumnChunkMetaData) -> usize {
    let texts = chunk.unencoded_byte_array_data_bytes().unwrap_or(0);
    let bytes = chunk.uncompressed_size().max(texts).max(0).unsigned_abs();
    let rows = chunk.num_values().max(1).unsigned_abs();
    (SLICE_BYTES / bytes.div_ceil(rows).max(1)).clamp(1, SLICE_ROWS_MAX) as usize
}

/// A mismatch of a stored checksum has its own code; the decoder tells it by its text alone.
fn corrupt(place: Place, source: Box<dyn std::error::Error + Send + Sync>) -> Error {
    if source.to_string().contains("CRC checksum mismatch") {
        SourceError::ChecksumMismatch { place, source }.into()
    } else {
        SourceError::CorruptData { place, source }.into()
    }
}
