//! A shard's rows of one column, read in slices: whatever the size of a row group, one batch of it is in memory.
//!
//! A column is read as if it were alone in its file: what a decoder makes for each column of a file, it makes for one, and
//! columns of many thousands do not cost their square.

use std::fs::File;
use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{TimestampMicrosecondType, TimestampSecondType};
use arrow_array::{Array, ArrayRef, Int64Array, RecordBatch, UInt32Array};
use arrow_schema::{DataType, Field, Schema, TimeUnit};
use arrow_select::take::take;
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder, RowSelection,
    RowSelector,
};
use parquet::basic::CompressionCodec;
use parquet::errors::ParquetError;
use parquet::file::metadata::{ColumnChunkMetaData, FileMetaData, ParquetMetaData, RowGroupMetaData};
use parquet::schema::types::TypePtr;

use super::columns::{is_int96, plain, schema_of};
use super::pages::Chunk;
use crate::error::{Cause, Error, Place, SourceError};
use crate::guard::guarded;
use crate::roots::Roots;
use crate::schema::SourceType;

/// Rows of a decoded slice, at most.
const SLICE_ROWS_MAX: u64 = 8192;
/// Bytes of one: long texts make it short.
const SLICE_BYTES: u64 = 4 << 20;

/// Rows of one column, in the order of the file.
pub(crate) struct Slice<'a> {
    pub(crate) file: &'a str,
    /// None where nothing had to be read.
    pub(crate) row_group: Option<usize>,
    pub(crate) rows: usize,
    pub(crate) values: SliceValues<'a>,
}

pub(crate) enum SliceValues<'a> {
    /// As they are stored: whole numbers for times and durations, bytes for text.
    Read(ArrayRef, &'a SourceType),
    /// All the same, by the file's path.
    Same(&'a str),
    Missing,
}

impl Slice<'_> {
    pub(crate) fn place(&self, column: &str) -> Place {
        Place { file: self.file.to_owned(), row_group: self.row_group, column: Some(column.to_owned()) }
    }
}

/// Rows of a row group that are wanted.
#[derive(Clone, Copy, Debug)]
pub(super) struct Piece {
    pub(super) row_group: usize,
    pub(super) group_rows: usize,
    /// Rows of the group to pass over, and to take.
    pub(super) skip: usize,
    pub(super) rows: usize,
    /// The number of the first row that is taken, among those of all files.
    pub(super) first_row: u64,
}

/// A column of a file.
pub(super) struct Leaf {
    root: TypePtr,
    pub(super) of: SourceType,
    /// Of each piece.
    chunks: Vec<Stored>,
}

/// Where a column chunk is: of what a footer says of it, what reading needs.
#[derive(Clone, Copy)]
struct Stored {
    codec: CompressionCodec,
    values: i64,
    compressed: i64,
    uncompressed: i64,
    data_offset: i64,
    dictionary_offset: Option<i64>,
}

impl Leaf {
    /// `like` is the column in the file before: what is the same is shared, as files may be many.
    pub(super) fn new(
        root: &TypePtr,
        of: SourceType,
        chunks: &[&ColumnChunkMetaData],
        like: Option<&Leaf>,
    ) -> Result<Self, ParquetError> {
        // What the values mean would only be in the way: numbers that count time, and bytes of which the decoder would
        // believe that they are text.
        let by_itself =
            matches!(of, SourceType::Duration(_) | SourceType::Time(_) | SourceType::Text | SourceType::Uuid);
        let root = if by_itself { plain(root)? } else { root.clone() };
        let root = like.filter(|like| like.root == root).map_or(root, |like| like.root.clone());
        let stored = |chunk: &&ColumnChunkMetaData| Stored {
            codec: chunk.compression_codec(),
            values: chunk.num_values(),
            compressed: chunk.compressed_size(),
            uncompressed: chunk.uncompressed_size(),
            data_offset: chunk.data_page_offset(),
            dictionary_offset: chunk.dictionary_page_offset(),
        };
        Ok(Self { root, of, chunks: chunks.iter().map(stored).collect() })
    }

    /// What the decoder needs to know of a file that has this column alone, in one row group.
    fn alone(&self, chunk: &Stored, rows: i64, unit: TimeUnit) -> Result<ArrowReaderMetadata, ParquetError> {
        let schema = Arc::new(schema_of(vec![self.root.clone()])?);
        let chunk = ColumnChunkMetaData::builder(schema.column(0))
            .set_compression_codec(chunk.codec)
            .set_num_values(chunk.values)
            .set_total_compressed_size(chunk.compressed)
            .set_total_uncompressed_size(chunk.uncompressed)
            .set_data_page_offset(chunk.data_offset)
            .set_dictionary_page_offset(chunk.dictionary_offset)
            .build()?;
        let group = RowGroupMetaData::builder(schema.clone()).set_num_rows(rows).set_column_metadata(vec![chunk]);
        let about = FileMetaData::new(2, rows, None, None, schema, None);
        let mut options = ArrowReaderOptions::new();
        if is_int96(&self.root) {
            let field = Field::new(self.root.name(), DataType::Timestamp(unit, None), self.root.is_optional());
            options = options.with_schema(Arc::new(Schema::new(vec![field])));
        }
        ArrowReaderMetadata::try_new(Arc::new(ParquetMetaData::new(about, vec![group.build()?])), options)
    }
}

/// One file's part of the rows that a shard needs.
pub(super) struct SourceReader {
    roots: Roots,
    path: PathBuf,
    pub(super) name: String,
    pub(super) pieces: Vec<Piece>,
}

impl SourceReader {
    pub(super) fn new(roots: &Roots, path: &str) -> Self {
        Self { roots: roots.clone(), path: PathBuf::from(path), name: path.to_owned(), pieces: Vec::new() }
    }

    /// Gives the slices of a column to `take`, in order; of its rows those that `picked` has, if there is one.
    pub(super) fn read<'a>(
        &'a self,
        leaf: &'a Leaf,
        column: &str,
        picked: Option<&[u64]>,
        take: &mut dyn FnMut(Slice<'a>) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let file = self.roots.open(&self.path).map_err(Error::io("open", &self.path))?;
        for (piece, chunk) in self.pieces.iter().zip(&leaf.chunks) {
            let place =
                || Place { file: self.name.clone(), row_group: Some(piece.row_group), column: Some(column.to_owned()) };
            let mut reader = PieceReader::open(&file, leaf, chunk, piece, &place)?;
            let mut read = 0;
            while let Some(values) = reader.next().map_err(|source| corrupt(place(), source))? {
                let rows = values.len();
                read += rows;
                if read > piece.rows {
                    break;
                }
                let first_row = piece.first_row + (read - rows) as u64;
                let values = match picked {
                    None => values,
                    Some(picked) => pick(&values, first_row, picked).map_err(|e| corrupt(place(), e.into()))?,
                };
                let slice = Slice {
                    file: &self.name,
                    row_group: Some(piece.row_group),
                    rows: values.len(),
                    values: SliceValues::Read(values, &leaf.of),
                };
                take(slice)?;
            }
            if read != piece.rows {
                let reason = format!("{read} rows where the footer counts {}", piece.rows);
                return Err(corrupt(place(), reason.into()));
            }
        }
        Ok(())
    }
}

/// The rows that `picked` has, in order; `first_row` is the number of the first of the values.
fn pick(values: &ArrayRef, first_row: u64, picked: &[u64]) -> Result<ArrayRef, arrow_schema::ArrowError> {
    let end = first_row + values.len() as u64;
    let here = &picked[picked.partition_point(|&row| row < first_row)..picked.partition_point(|&row| row < end)];
    if here.len() == values.len() {
        return Ok(values.clone());
    }
    take(values, &here.iter().map(|row| (row - first_row) as u32).collect::<UInt32Array>(), None)
}

/// One column of one piece.
struct PieceReader {
    values: ParquetRecordBatchReader,
    /// The same in seconds, of instants that are stored as days and nanoseconds: as microseconds they may be beyond what 64
    /// bits hold, and the decoder does not say so.
    seconds: Option<ParquetRecordBatchReader>,
}

impl PieceReader {
    fn open(
        file: &File,
        leaf: &Leaf,
        stored: &Stored,
        piece: &Piece,
        place: &dyn Fn() -> Place,
    ) -> Result<Self, Error> {
        let corrupt = |source| corrupt(place(), source);
        let rows = piece.group_rows as i64;
        let about = guarded(|| leaf.alone(stored, rows, TimeUnit::Microsecond)).map_err(corrupt)?;
        let chunk = Chunk {
            file,
            about: about.metadata().row_group(0).column(0),
            group_rows: piece.group_rows as u64,
            rows: piece.skip as u64..(piece.skip + piece.rows) as u64,
            place,
        };
        let slice_rows = slice_rows(chunk.check()?).min(piece.rows);
        let open = |about: ArrowReaderMetadata| {
            let file = file.try_clone()?;
            let selection = RowSelection::from(vec![RowSelector::skip(piece.skip), RowSelector::select(piece.rows)]);
            let builder = ParquetRecordBatchReaderBuilder::new_with_metadata(file, about);
            builder.with_row_selection(selection).with_batch_size(slice_rows).build()
        };
        let seconds = || match is_int96(&leaf.root) {
            true => open(leaf.alone(stored, rows, TimeUnit::Second)?).map(Some),
            false => Ok(None),
        };
        Ok(Self {
            values: guarded(|| open(about.clone())).map_err(corrupt)?,
            seconds: guarded(seconds).map_err(corrupt)?,
        })
    }

    fn next(&mut self) -> Result<Option<ArrayRef>, Cause> {
        let only = |batch: Option<RecordBatch>| match batch {
            None => Ok(None),
            Some(batch) if batch.num_columns() == 1 => Ok(Some(batch.column(0).clone())),
            Some(batch) => Err(format!("{} columns where one was asked for", batch.num_columns())),
        };
        let values = only(guarded(|| self.values.next().transpose())?)?;
        match (values, &mut self.seconds) {
            (Some(values), Some(seconds)) => {
                let seconds = only(guarded(|| seconds.next().transpose())?)?;
                Ok(Some(instants(&values, seconds.as_deref())?))
            }
            (values, _) => Ok(values),
        }
    }
}

/// Microseconds, if they are those of the seconds.
fn instants(values: &dyn Array, seconds: Option<&dyn Array>) -> Result<ArrayRef, &'static str> {
    let micros = values.as_primitive_opt::<TimestampMicrosecondType>();
    let seconds = seconds.and_then(|seconds| seconds.as_primitive_opt::<TimestampSecondType>());
    let (Some(micros), Some(seconds)) = (micros, seconds) else { return Err("it is not what it was a moment ago") };
    let agree = |(micros, seconds): (Option<i64>, Option<i64>)| micros.map(|x| x.div_euclid(1_000_000)) == seconds;
    match micros.len() == seconds.len() && micros.iter().zip(seconds).all(agree) {
        true => Ok(Arc::new(Int64Array::new(micros.values().clone(), micros.nulls().cloned()))),
        false => Err("it has an instant that microseconds do not reach"),
    }
}

/// Rows that make a slice, where the longest has so many bytes.
fn slice_rows(row_bytes: u64) -> usize {
    (SLICE_BYTES / row_bytes.max(1)).clamp(1, SLICE_ROWS_MAX) as usize
}

/// The rows of a file among those that a shard needs: `rows` are numbers among the rows of all files.
pub(super) fn pieces(
    groups: &[RowGroupMetaData],
    first_row: u64,
    wanted: impl Fn(Range<u64>) -> Range<u64>,
) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let mut first = first_row;
    for (row_group, group) in groups.iter().enumerate() {
        let end = first + group.num_rows().unsigned_abs();
        let rows = wanted(first..end);
        if !rows.is_empty() {
            pieces.push(Piece {
                row_group,
                group_rows: (end - first) as usize,
                skip: (rows.start - first) as usize,
                rows: (rows.end - rows.start) as usize,
                first_row: rows.start,
            });
        }
        first = end;
    }
    pieces
}

/// A mismatch of a stored checksum has its own code; the decoder tells it by its text alone.
fn corrupt(place: Place, source: Cause) -> Error {
    if source.to_string().contains("CRC checksum mismatch") {
        SourceError::ChecksumMismatch { place, source }.into()
    } else {
        SourceError::CorruptData { place, source }.into()
    }
}
