//! Making a shard: a column at a time is gathered from the sources and narrowed, so memory holds the shard and one column.

use std::path::Path;
use std::sync::Arc;

use arrow_array::{Array, ArrayRef, RecordBatch};
use arrow_schema::{ArrowError, Field, Schema};

use super::gather::{Gathered, Values};
use super::narrow::narrow;
use super::write::write_shard;
use super::{BATCH_ROWS, Shard, ShardRecord, StoredColumn};
use crate::block::BLOCK_ROWS;
use crate::error::{Error, Place, ShardError, SourceError};
use crate::plan::Plan;
use crate::schema::SourceColumn;
use crate::source::{SourceReader, open_sources};

/// Reads the shard's rows from the sources and writes its file into `folder`. Whatever fails leaves nothing behind.
pub fn import_shard(plan: &Plan, shard: usize, folder: &Path) -> Result<ShardRecord, Error> {
    let (mut record, batches) = build(plan, shard)?;
    (record.hash, record.bytes) = write_shard(folder, &batches)?;
    Ok(record)
}

/// The same shard without a file, for data that is read once. Its record has an empty hash.
pub fn import_shard_in_memory(plan: &Plan, shard: usize) -> Result<(Shard, ShardRecord), Error> {
    let (record, batches) = build(plan, shard)?;
    Ok((Shard::of_batches(record.rows.clone(), batches, None), record))
}

fn build(plan: &Plan, shard: usize) -> Result<(ShardRecord, Vec<RecordBatch>), Error> {
    let rows = plan.shard_rows(shard)?;
    let sources = open_sources(plan, &rows)?;
    let mut arrays = Vec::with_capacity(plan.columns.len());
    let mut columns = Vec::with_capacity(plan.columns.len());
    for (at, column) in plan.columns.iter().enumerate() {
        let planned = (rows.end - rows.start) as usize;
        let gathered = gather(&sources, at, column, planned)?;
        if gathered.rows() != planned {
            let reason = format!("{} rows of {:?} where the plan has {planned}", gathered.rows(), column.name);
            return Err(ShardError::DoNotFit { reason }.into());
        }
        let (values, nulls) = gathered.finish();
        let narrowed = narrow(values, nulls, rows.start / BLOCK_ROWS).map_err(unwritable)?;
        columns.push(StoredColumn {
            name: column.name.clone(),
            kind: column.kind,
            stored_type: narrowed.stored_type.to_owned(),
            stats: Some(narrowed.stats),
        });
        arrays.push(narrowed.array);
    }
    let batches = cut(&plan.columns, arrays).map_err(unwritable)?;
    Ok((ShardRecord { rows, hash: String::new(), bytes: 0, columns }, batches))
}

fn gather(sources: &[SourceReader], at: usize, column: &SourceColumn, rows: usize) -> Result<Gathered, Error> {
    let mut gathered = Gathered::new(&column.source_type, rows);
    for source in sources {
        let place = || Place { file: source.name().to_owned(), row_group: None, column: Some(column.name.clone()) };
        source.read_column(at, &column.name, |slice| {
            let other = || format!("{} where the footer says {}", slice.data_type(), column.source_type);
            gathered
                .append(&slice)
                .ok_or_else(|| SourceError::CorruptData { place: place(), source: other().into() })?;
            match &gathered.values {
                Values::Text(texts) if texts.bytes > i32::MAX as usize => {
                    Err(SourceError::TextTooLong { place: place() }.into())
                }
                _ => Ok(()),
            }
        })?;
    }
    Ok(gathered)
}

fn cut(columns: &[SourceColumn], arrays: Vec<ArrayRef>) -> Result<Vec<RecordBatch>, ArrowError> {
    let field = |(column, array): (&SourceColumn, &ArrayRef)| {
        Field::new(&column.name, array.data_type().clone(), array.null_count() > 0)
    };
    let fields: Vec<Field> = columns.iter().zip(&arrays).map(field).collect();
    let whole = RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays)?;
    let rows = whole.num_rows();
    Ok((0..rows).step_by(BATCH_ROWS).map(|at| whole.slice(at, BATCH_ROWS.min(rows - at))).collect())
}

fn unwritable(error: ArrowError) -> Error {
    ShardError::Unwritable { source: error.into() }.into()
}
