//! The data that simulated clusters learn from, written once.

use std::fs::File;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use aquifer_harness::Dice;
use arrow_array::{ArrayRef, Float64Array, RecordBatch, StringArray};
use parquet::arrow::ArrowWriter;
use tempfile::TempDir;

/// A folder in memory, where there is one: nothing of a simulation outlives it.
pub(crate) fn folder() -> TempDir {
    let memory = PathBuf::from("/dev/shm");
    let place = if memory.is_dir() { memory } else { std::env::temp_dir() };
    tempfile::Builder::new().prefix("aquifer-simulation-").tempdir_in(place).expect("a folder")
}

/// The folder that all nodes read from, and clients name files of.
pub(crate) fn data() -> PathBuf {
    static DATA: OnceLock<TempDir> = OnceLock::new();
    let write = || {
        let folder = folder();
        write_rows(&folder, "few.parquet", 3_000);
        folder
    };
    DATA.get_or_init(write).path().to_owned()
}

fn write_rows(folder: &TempDir, name: &str, rows: usize) {
    let mut dice = Dice::new(1, name);
    let mut number = || dice.below(10_000) as f64 / 1e4;
    let x: Vec<f64> = (0..rows).map(|_| number()).collect();
    let gaps: Vec<Option<f64>> = (0..rows).map(|_| Some(number()).filter(|value| *value > 0.1)).collect();
    let colour: Vec<&str> = (0..rows).map(|_| ["red", "green", "blue"][(number() * 3.0) as usize]).collect();
    let class = |at: usize| match x[at] + f64::from(u8::from(colour[at] == "red")) * 0.3 + 0.2 * number() > 0.7 {
        true => "yes",
        false => "no",
    };
    let class: Vec<&str> = (0..rows).map(class).collect();
    let columns: [(&str, ArrayRef); 4] = [
        ("x", Arc::new(Float64Array::from(x.clone()))),
        ("gaps", Arc::new(Float64Array::from(gaps))),
        ("colour", Arc::new(StringArray::from(colour.clone()))),
        ("class", Arc::new(StringArray::from(class))),
    ];
    let batch = RecordBatch::try_from_iter(columns).expect("a batch");
    let file = File::create(folder.path().join(name)).expect("a file");
    let mut writer = ArrowWriter::try_new(file, batch.schema(), None).expect("a writer");
    writer.write(&batch).expect("rows");
    writer.close().expect("a footer");
}
