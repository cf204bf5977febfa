//! Making a shard: a column at a time is gathered from the sources and narrowed, so memory holds the shard and one column.
//! Lists are read once for all of their elements, and kept as they were read until each has become a column.

use std::path::Path;
use std::sync::Arc;

use arrow_array::{Array, ArrayRef, RecordBatch};
use arrow_schema::{ArrowError, Field, Schema};

use super::gather::{Gathered, Misfit};
use super::lists::{element, lists_of};
use super::narrow::narrow;
use super::write::write_shard;
use super::{BATCH_ROWS, Shard, ShardRecord, StoredColumn, TYPE_KEY};
use crate::block::BLOCK_ROWS;
use crate::error::{Error, ShardError, SourceError};
use crate::plan::Plan;
use crate::roots::Roots;
use crate::sample::Sampled;
use crate::schema::{ColumnKind, SourceColumn, duration_unit};
use crate::source::{Slice, SliceValues, Sources};

/// Reads the shard's rows from the sources and writes its file into `folder`. Whatever fails leaves nothing behind.
pub fn import_shard(plan: &Plan, shard: usize, folder: &Path) -> Result<ShardRecord, Error> {
    import_shard_beneath(&Roots::everything(), plan, shard, folder)
}

/// The same of sources that others name: only those under a root are read.
pub fn import_shard_beneath(roots: &Roots, plan: &Plan, shard: usize, folder: &Path) -> Result<ShardRecord, Error> {
    let (mut record, batches) = build(roots, plan, shard)?;
    (record.hash, record.bytes) = write_shard(folder, &batches)?;
    Ok(record)
}

/// The same shard without a file, for data that is read once. Its record has an empty hash.
pub fn import_shard_in_memory(plan: &Plan, shard: usize) -> Result<(Shard, ShardRecord), Error> {
    let (record, batches) = build(&Roots::everything(), plan, shard)?;
    Ok((Shard::of_batches(record.rows.clone(), batches, None), record))
}

fn build(roots: &Roots, plan: &Plan, shard: usize) -> Result<(ShardRecord, Vec<RecordBatch>), Error> {
    let rows = plan.shard_rows(shard)?;
    let sources = Sources::open(roots, plan, &rows)?;
    let mut making = Making {
        planned: (rows.end - rows.start) as usize,
        first_block: rows.start / BLOCK_ROWS,
        sampled: Sampled::of(plan.rows, plan.columns.len(), &rows),
        arrays: Vec::with_capacity(plan.columns.len()),
        columns: Vec::with_capacity(plan.columns.len()),
    };
    for (at, group) in sources.groups.iter().enumerate() {
        let columns = &plan.columns[group.columns.clone()];
        match group.list {
            None => {
                let mut gathered = Gathered::new(group.of.clone(), making.planned);
                sources.read(at, |slice| add(&mut gathered, &slice, &columns[0]))?;
                making.finish(gathered, sources.rows(), &columns[0])?;
            }
            Some(length) => {
                let mut slices = Vec::new();
                sources.read(at, |slice| {
                    check_lists(&slice, length, &columns[0])?;
                    slices.push(slice);
                    Ok(())
                })?;
                for (element, column) in columns.iter().enumerate() {
                    let mut gathered = Gathered::new(group.of.clone(), making.planned);
                    slices.iter().try_for_each(|slice| add_element(&mut gathered, slice, element, length, column))?;
                    making.finish(gathered, sources.rows(), column)?;
                }
            }
        }
    }
    let batches = cut(&plan.columns, making.arrays).map_err(unwritable)?;
    Ok((ShardRecord { rows, hash: String::new(), bytes: 0, columns: making.columns }, batches))
}

/// The columns of a shard so far.
struct Making {
    /// Rows of the shard.
    planned: usize,
    first_block: u64,
    sampled: Sampled,
    arrays: Vec<ArrayRef>,
    columns: Vec<StoredColumn>,
}

impl Making {
    /// `places` are the shard's rows of what was gathered, if not one after the other.
    fn finish(&mut self, gathered: Gathered, places: Option<&[u32]>, column: &SourceColumn) -> Result<(), Error> {
        if gathered.rows() != self.planned {
            let reason = format!("{} rows of {:?} where the plan has {}", gathered.rows(), column.name, self.planned);
            return Err(ShardError::DoNotFit { reason }.into());
        }
        let gathered = match places {
            Some(places) => gathered.place(places),
            None => gathered,
        };
        let (values, nulls, rounded) = gathered.finish();
        let mut narrowed = narrow(values, nulls, self.first_block, &self.sampled).map_err(unwritable)?;
        narrowed.stats.tally.rounded += rounded;
        self.columns.push(StoredColumn {
            name: column.name.clone(),
            kind: column.kind,
            stored_type: narrowed.stored_type.to_owned(),
            stats: Some(narrowed.stats),
        });
        self.arrays.push(narrowed.array);
        Ok(())
    }
}

fn add(gathered: &mut Gathered, slice: &Slice<'_>, column: &SourceColumn) -> Result<(), Error> {
    let added = match &slice.values {
        SliceValues::Read(values, of) => gathered.append(values, of),
        SliceValues::Same(value) => gathered.append_partition(value, slice.rows),
        SliceValues::Missing => {
            gathered.append_missing(slice.rows);
            Ok(())
        }
    };
    added.map_err(|misfit| refused(misfit, slice, column))?;
    if gathered.text_bytes() > i32::MAX as usize {
        return Err(SourceError::TextTooLong { place: slice.place(&column.name) }.into());
    }
    Ok(())
}

fn check_lists(slice: &Slice<'_>, length: usize, column: &SourceColumn) -> Result<(), Error> {
    match &slice.values {
        SliceValues::Read(values, _) => {
            lists_of(values, length).map(drop).map_err(|misfit| refused(misfit, slice, column))
        }
        SliceValues::Same(_) | SliceValues::Missing => Ok(()),
    }
}

fn add_element(
    gathered: &mut Gathered,
    slice: &Slice<'_>,
    at: usize,
    length: usize,
    column: &SourceColumn,
) -> Result<(), Error> {
    let SliceValues::Read(values, of) = &slice.values else { return add(gathered, slice, column) };
    let values = lists_of(values, length).map_err(|misfit| refused(misfit, slice, column))?;
    let values = SliceValues::Read(element(values, at).map_err(unwritable)?, of);
    add(gathered, &Slice { values, ..*slice }, column)
}

fn refused(misfit: Misfit, slice: &Slice<'_>, column: &SourceColumn) -> Error {
    let place = slice.place(&column.name);
    let source_type = column.source_type.clone();
    match misfit {
        Misfit::OtherType => SourceError::CorruptData {
            place,
            source: format!("its values are of another type than the footer says, and no {source_type}").into(),
        },
        Misfit::NotText => SourceError::NotText { place },
        Misfit::ListLength { length, expected } => SourceError::ListLength { place, length, expected },
        Misfit::Lossy { value } => SourceError::LossyValue { place, value, source_type },
    }
    .into()
}

fn cut(columns: &[SourceColumn], arrays: Vec<ArrayRef>) -> Result<Vec<RecordBatch>, ArrowError> {
    let field = |(column, array): (&SourceColumn, &ArrayRef)| {
        let field = Field::new(&column.name, array.data_type().clone(), array.null_count() > 0);
        match column.kind == ColumnKind::Time || duration_unit(&column.source_type).is_some() {
            true => field.with_metadata([(TYPE_KEY.to_owned(), column.source_type.clone())]),
            false => field,
        }
    };
    let fields: Vec<Field> = columns.iter().zip(&arrays).map(field).collect();
    let whole = RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays)?;
    let rows = whole.num_rows();
    Ok((0..rows).step_by(BATCH_ROWS).map(|at| whole.slice(at, BATCH_ROWS.min(rows - at))).collect())
}

fn unwritable(error: ArrowError) -> Error {
    ShardError::Unwritable { source: error.into() }.into()
}
