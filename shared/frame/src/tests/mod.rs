//! From Parquet files to batches, whole.

mod bad_input;
mod batches;
mod fitting;
mod folders;
mod importing;
mod insights;
mod meaning;
mod source_types;
mod statistics;

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_array::{ArrayRef, Float64Array, Int64Array, RecordBatch, StringArray};
use parquet::arrow::ArrowWriter;
use parquet::file::properties::WriterProperties;

use crate::{
    Error, Frame, Plan, Roles, Shard, ShardRecord, SourceOptions, Survey, TaskChoice, import_shard,
    plan_with_shard_rows, survey,
};

/// Writes columns as `folder/name.parquet`.
fn write(folder: &Path, name: &str, columns: Vec<(&str, ArrayRef)>) -> PathBuf {
    write_with(folder, name, columns, WriterProperties::builder().build())
}

fn write_with(folder: &Path, name: &str, columns: Vec<(&str, ArrayRef)>, properties: WriterProperties) -> PathBuf {
    let path = folder.join(format!("{name}.parquet"));
    let batch = RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(n, a)| (n, a, true))).unwrap();
    let mut writer = ArrowWriter::try_new(File::create(&path).unwrap(), batch.schema(), Some(properties)).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    path
}

fn floats(values: impl IntoIterator<Item = Option<f64>>) -> ArrayRef {
    Arc::new(values.into_iter().collect::<Float64Array>())
}

fn ints(values: impl IntoIterator<Item = Option<i64>>) -> ArrayRef {
    Arc::new(values.into_iter().collect::<Int64Array>())
}

/// Lists of `length` whole numbers that count up from row to row.
fn fixed_list(rows: usize, length: i32) -> ArrayRef {
    let item = Arc::new(arrow_schema::Field::new("item", arrow_schema::DataType::Int64, true));
    let numbers = ints((0..rows as i64 * i64::from(length)).map(Some));
    Arc::new(arrow_array::FixedSizeListArray::new(item, length, numbers, None))
}

fn texts<'a>(values: impl IntoIterator<Item = Option<&'a str>>) -> ArrayRef {
    Arc::new(values.into_iter().collect::<StringArray>())
}

/// Features of all kinds with gaps, and a target without one in every 97th row.
fn mixed(rows: usize) -> Vec<(&'static str, ArrayRef)> {
    let levels = ["red", " green", "blue ", "green"];
    let gap = |i: usize, every: usize| !i.is_multiple_of(every);
    vec![
        ("x", floats((0..rows).map(|i| gap(i, 11).then_some((i * 7 % 1013) as f64 / 8.0 + 0.1)))),
        ("n", ints((0..rows).map(|i| gap(i, 13).then_some((i * i % 257) as i64 - 50)))),
        ("colour", texts((0..rows).map(|i| gap(i, 17).then_some(levels[i / 3 % 4])))),
        ("flag", Arc::new((0..rows).map(|i| Some(i % 5 < 2)).collect::<arrow_array::BooleanArray>())),
        ("y", texts((0..rows).map(|i| gap(i, 97).then_some(["no", "yes"][i * 31 % 7 % 2])))),
    ]
}

fn look(files: &[PathBuf]) -> Result<Survey, Error> {
    survey(&files.iter().cloned().map(Into::into).collect::<Vec<_>>(), &SourceOptions::default())
}

/// Imports with shards of `shard_rows`.
fn import(files: &[PathBuf], shard_rows: u64, folder: &Path) -> (Plan, Frame, Vec<Arc<Shard>>) {
    import_planned(plan_with_shard_rows(look(files).unwrap(), shard_rows), folder)
}

fn import_planned(plan: Plan, folder: &Path) -> (Plan, Frame, Vec<Arc<Shard>>) {
    let records: Vec<ShardRecord> = (0..plan.shards.len()).map(|k| import_shard(&plan, k, folder).unwrap()).collect();
    let shards = records.iter().map(|record| Arc::new(Shard::open(folder, record, true).unwrap())).collect();
    let frame = Frame::merge(&plan, records).unwrap();
    (plan, frame, shards)
}

fn roles(target: &str) -> Roles {
    Roles {
        target: target.into(),
        features: None,
        ignored_columns: Vec::new(),
        weights_column: None,
        task: TaskChoice::Auto,
        types: Default::default(),
        options: Default::default(),
    }
}
