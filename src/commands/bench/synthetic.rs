//! A Parquet file of numbers that look like measurements, and the frame that it becomes.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use aquifer_frame::{Encoding, Listed, Numeric, Philox, Plan, SourceOptions, Target, plan, survey, unit};
use aquifer_model::Report;
use arrow_array::{ArrayRef, Float32Array, RecordBatch};
use arrow_schema::ArrowError;
use parquet::arrow::ArrowWriter;
use parquet::basic::Compression;
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;

/// Features of each row, as of the Higgs data; the target comes after them.
pub(super) const FEATURES: usize = 28;

/// Writes `rows` rows of f32 to `path`, synced: compressed by Snappy, without dictionaries, as hardly a
/// number is there twice.
pub(super) fn write_parquet(path: &Path, rows: usize) -> Result<(), ParquetError> {
    let stream = Philox::new(1, "columns of a measurement");
    let column = |at: usize| -> ArrayRef {
        let four = |group: usize| stream.draw(at as u32, 0, group as u64).map(|word| 2.0 * unit(word) - 1.0);
        Arc::new((0..rows.div_ceil(4)).flat_map(four).take(rows).collect::<Float32Array>())
    };
    let columns = (0..=FEATURES).map(|at| (name(at), column(at)));
    let batch = RecordBatch::try_from_iter(columns).map_err(|error: ArrowError| ParquetError::from(error))?;
    let properties =
        WriterProperties::builder().set_compression(Compression::SNAPPY).set_dictionary_enabled(false).build();
    let file = File::create(path)?;
    let mut writer = ArrowWriter::try_new(file, batch.schema(), Some(properties))?;
    writer.write(&batch)?;
    writer.into_inner()?.sync_all()?;
    Ok(())
}

/// Reads the footers of files, and cuts their rows into shards.
pub(super) fn plan_of(paths: &[PathBuf]) -> Result<Plan, Report> {
    let files: Vec<Listed> = paths.iter().cloned().map(Listed::from).collect();
    Ok(plan(survey(&files, &SourceOptions::default())?))
}

/// The features standardised, and the target as a number.
pub(super) fn encoding() -> Encoding {
    // Of uniform numbers in −1..1: mean 0, deviation 1/√3.
    let deviation = (1.0f64 / 3.0).sqrt();
    Encoding {
        numeric: (0..FEATURES).map(|at| Numeric::plain(&name(at), 0.0, 0.0, 1.0 / deviation)).collect(),
        categorical: Vec::new(),
        target: Target::Regression { column: name(FEATURES), reading: None, mean: 0.0, deviation },
        weights_column: None,
        skip_missing: false,
    }
}

fn name(column: usize) -> String {
    if column == FEATURES { "y".to_owned() } else { format!("x{column}") }
}
