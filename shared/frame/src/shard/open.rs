//! A shard to read from: mapped, or in memory; the same to its readers.

use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use arrow_array::{ArrayRef, RecordBatch};
use arrow_buffer::Buffer;
use arrow_ipc::convert::try_fb_to_schema;
use arrow_ipc::reader::{FileDecoder, read_footer_length};
use arrow_ipc::{Block, root_as_footer};
use arrow_schema::ArrowError;

use super::{BATCH_ROWS, ShardRecord, TYPE_KEY};
use crate::error::{Error, ShardError};
use crate::guard::guarded;
use crate::map::{Map, map_file};

/// Magic and padding, footer length, magic.
const HEAD: usize = 8;
const TAIL: usize = 10;

/// The rows of a shard, by column. Shared between threads; nothing in it changes.
#[derive(Debug)]
pub struct Shard {
    rows: Range<u64>,
    /// Each of [`BATCH_ROWS`] rows, the last one shorter.
    batches: Vec<RecordBatch>,
    /// None in memory.
    map: Option<Map>,
}

impl Shard {
    /// Maps the shard's file without a copy; with `verify` its hash is computed first.
    pub fn open(folder: &Path, record: &ShardRecord, verify: bool) -> Result<Self, Error> {
        if !record.is_named() {
            // A record may come from elsewhere, and what is no hash may be a path.
            let reason = format!("the shard of row {} has no hash for a name", record.rows.start);
            return Err(ShardError::DoNotFit { reason }.into());
        }
        let path = folder.join(record.file_name());
        let damaged =
            |reason: &str| ShardError::Damaged { file: path.display().to_string(), reason: reason.to_owned() };
        let file = map_file(&path).map_err(Error::io("map", &path))?;
        if file.bytes.len() as u64 != record.bytes {
            return Err(damaged("its size is another").into());
        }
        if verify && blake3::hash(&file.bytes).to_hex().as_str() != record.hash {
            return Err(damaged("its hash is another").into());
        }
        let batches = guarded(|| decode(&file.bytes))
            .map_err(|source| ShardError::Undecodable { file: path.display().to_string(), source })?;
        let shard = Self::of_batches(record.rows.clone(), batches, Some(file.map));
        shard.check(record).map_err(damaged)?;
        Ok(shard)
    }

    pub(super) fn of_batches(rows: Range<u64>, batches: Vec<RecordBatch>, map: Option<Map>) -> Self {
        Self { rows, batches, map }
    }

    fn check(&self, record: &ShardRecord) -> Result<(), &'static str> {
        let full = self.batches.len().saturating_sub(1);
        if self.batches.iter().take(full).any(|batch| batch.num_rows() != BATCH_ROWS) {
            return Err("its batches have other sizes");
        }
        let rows: usize = self.batches.iter().map(RecordBatch::num_rows).sum();
        if rows as u64 != record.rows.end.saturating_sub(record.rows.start) {
            return Err("its rows are not those of its record");
        }
        // Types too: a statistic or a class of the record is of no use to values of another type.
        let recorded = |batch: &RecordBatch| {
            let schema = batch.schema();
            let columns = schema.fields().iter().map(|field| (field.name(), Some(field.data_type().clone())));
            columns.eq(record.columns.iter().map(|column| (&column.name, column.data_type())))
        };
        if self.batches.iter().all(recorded) { Ok(()) } else { Err("its columns are not those of its record") }
    }

    /// Global rows.
    pub fn rows(&self) -> Range<u64> {
        self.rows.clone()
    }

    /// Bytes of its columns.
    pub fn bytes(&self) -> u64 {
        self.batches.iter().map(|batch| batch.get_array_memory_size() as u64).sum()
    }

    /// Names of the columns.
    pub fn columns(&self) -> Vec<String> {
        let schema = self.batches.first().map(RecordBatch::schema);
        schema.map_or_else(Vec::new, |schema| schema.fields().iter().map(|field| field.name().clone()).collect())
    }

    /// A column, in pieces of [`Shard::piece_rows`] rows, the last one shorter.
    pub fn column(&self, name: &str) -> Option<Vec<&ArrayRef>> {
        self.batches.iter().map(|batch| batch.column_by_name(name)).collect()
    }

    /// What the whole numbers of a column of times or durations count, as its source type; none for other columns.
    pub(crate) fn unit_type(&self, name: &str) -> Option<&str> {
        let schema = self.batches.first()?.schema_ref();
        schema.field_with_name(name).ok()?.metadata().get(TYPE_KEY).map(String::as_str)
    }

    /// Rows of each piece of a column but the last.
    pub const fn piece_rows() -> usize {
        BATCH_ROWS
    }

    /// Addresses of the mapped file; none for a shard in memory.
    pub fn mapped(&self) -> Option<Range<usize>> {
        self.map.as_ref().map(Map::addresses)
    }

    pub(crate) fn map(&self) -> Option<&Map> {
        self.map.as_ref()
    }
}

fn decode(file: &Buffer) -> Result<Vec<RecordBatch>, ArrowError> {
    let invalid = |reason: &str| ArrowError::IpcError(reason.to_owned());
    let tail = file.len().checked_sub(TAIL).filter(|&tail| tail >= HEAD).ok_or_else(|| invalid("too short"))?;
    let length = read_footer_length(file[tail..].try_into().map_err(|_| invalid("too short"))?)?;
    let start = tail.checked_sub(length).ok_or_else(|| invalid("the footer is longer than the file"))?;
    let footer = root_as_footer(&file[start..tail]).map_err(|error| invalid(&error.to_string()))?;
    let schema = try_fb_to_schema(footer.schema().ok_or_else(|| invalid("no schema"))?)?;
    let slice = |block: &Block| {
        // `slice_with_length` panics outside.
        let part = |bytes: i64| usize::try_from(bytes).ok();
        let offset = part(block.offset());
        let length = part(block.bodyLength()).zip(part(block.metaDataLength().into()));
        let length = length.and_then(|(body, metadata)| body.checked_add(metadata));
        let inside =
            offset.zip(length).filter(|(offset, length)| offset.checked_add(*length).is_some_and(|end| end <= start));
        inside.map(|(offset, length)| file.slice_with_length(offset, length)).ok_or_else(|| invalid("a block outside"))
    };
    let mut decoder = FileDecoder::new(Arc::new(schema), footer.version()).with_require_alignment(true);
    for block in footer.dictionaries().iter().flatten() {
        decoder.read_dictionary(block, &slice(block)?)?;
    }
    let batches = footer.recordBatches().ok_or_else(|| invalid("no batches"))?;
    let batch = |block| decoder.read_record_batch(block, &slice(block)?)?.ok_or_else(|| invalid("an empty block"));
    batches.iter().map(batch).collect()
}

#[cfg(test)]
impl Shard {
    /// One column as it is, in one piece.
    pub(crate) fn of_batches_for_test(array: ArrayRef, name: &str) -> Self {
        let rows = 0..array.len() as u64;
        let batch = RecordBatch::try_from_iter_with_nullable([(name, array, true)]).expect("one column");
        Self::of_batches(rows, vec![batch], None)
    }
}
