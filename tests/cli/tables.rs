//! Parquet files made by the tests.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use aquifer_harness::Aquifer;
use arrow_array::{ArrayRef, Float64Array, Int64Array, RecordBatch, StringArray};
use arrow_schema::{Field, Schema};
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::file::metadata::ParquetMetaData;

pub(crate) type Columns = Vec<(&'static str, ArrayRef)>;

pub(crate) fn floats(values: impl IntoIterator<Item = Option<f64>>) -> ArrayRef {
    Arc::new(values.into_iter().collect::<Float64Array>())
}

pub(crate) fn ints(values: impl IntoIterator<Item = i64>) -> ArrayRef {
    Arc::new(values.into_iter().map(Some).collect::<Int64Array>())
}

pub(crate) fn texts<'a>(values: impl IntoIterator<Item = Option<&'a str>>) -> ArrayRef {
    Arc::new(values.into_iter().collect::<StringArray>())
}

/// A number that follows from two others, and one that looks like noise.
pub(crate) fn regression(rows: usize) -> Columns {
    let x = move |i: usize| (i * 7 % 1013) as f64 / 100.0;
    vec![
        ("x", floats((0..rows).map(|i| Some(x(i))))),
        ("colour", texts((0..rows).map(|i| Some(["red", "green", "blue"][i * 5 % 3])))),
        ("y", floats((0..rows).map(|i| Some(3.0 * x(i) - 2.0 + (i * 31 % 17) as f64 / 50.0)))),
    ]
}

/// The same with another target.
pub(crate) fn with_target(rows: usize, target: ArrayRef) -> Columns {
    let mut columns = regression(rows);
    columns[2].1 = target;
    columns
}

/// Writes `NAME.parquet` among the files of the test.
pub(crate) fn write(aquifer: &Aquifer, name: &str, columns: Columns) -> PathBuf {
    let path = aquifer.file(&format!("{name}.parquet"));
    write_to(&path, columns);
    path
}

pub(crate) fn write_to(path: &Path, columns: Vec<(&str, ArrayRef)>) {
    let field = |(name, array): &(&str, ArrayRef)| Field::new(*name, array.data_type().clone(), true);
    let schema = Arc::new(Schema::new(columns.iter().map(field).collect::<Vec<_>>()));
    let batch = match columns.is_empty() {
        true => RecordBatch::new_empty(schema.clone()),
        false => RecordBatch::try_new(schema.clone(), columns.into_iter().map(|(_, array)| array).collect()).unwrap(),
    };
    let mut writer = ArrowWriter::try_new(File::create(path).unwrap(), schema, None).unwrap();
    if batch.num_columns() > 0 {
        writer.write(&batch).unwrap();
    }
    writer.close().unwrap();
}

/// All rows of a file.
pub(crate) fn read(path: &Path) -> RecordBatch {
    let reader = ParquetRecordBatchReaderBuilder::try_new(File::open(path).unwrap()).unwrap();
    let (schema, batches) = (reader.schema().clone(), reader.build().unwrap().map(Result::unwrap).collect::<Vec<_>>());
    let column = |at: usize| {
        let parts: Vec<&dyn arrow_array::Array> = batches.iter().map(|batch| batch.column(at).as_ref()).collect();
        arrow_select::concat::concat(&parts).unwrap()
    };
    RecordBatch::try_new(schema.clone(), (0..schema.fields().len()).map(column).collect()).unwrap()
}

pub(crate) fn footer(path: &Path) -> ParquetMetaData {
    let mut reader = parquet::file::metadata::ParquetMetaDataReader::new();
    reader.try_parse(&File::open(path).unwrap()).unwrap();
    reader.finish().unwrap()
}
