//! What columns are taken for, how rows are split, and what a prediction keeps: as a user says it.

use std::path::Path;

use arrow_array::cast::AsArray;
use arrow_array::types::{Int64Type, TimestampMillisecondType};
use arrow_array::{ArrayRef, TimestampMillisecondArray};
use serde_json::Value;

use crate::bed::{bed, refused, train};
use crate::tables::{Columns, floats, ints, read, texts, write, write_to};

const ROWS: usize = 3000;

fn owned(text: impl Fn(usize) -> String) -> ArrayRef {
    let all: Vec<String> = (0..ROWS).map(text).collect();
    texts(all.iter().map(|text| Some(text.as_str())))
}

/// Times of 250 days, numbers as text, and a target that follows from both.
fn log() -> Columns {
    let instant = |i: usize| 1_600_000_000_000 + i as i64 * 7_200_000;
    let when = TimestampMillisecondArray::from_iter_values((0..ROWS).map(instant)).with_timezone("Europe/London");
    vec![
        ("when", std::sync::Arc::new(when) as ArrayRef),
        ("reading", owned(|i| if i % 50 == 7 { "NA".to_owned() } else { format!("{}.5", i * 13 % 101) })),
        ("id", ints((0..ROWS as i64).map(|i| i * 3))),
        ("y", floats((0..ROWS).map(|i| Some((i * 13 % 101) as f64 + (i / 12 % 7) as f64)))),
    ]
}

fn notes(result: &Value, code: &str) -> Vec<String> {
    let all = result["notes"].as_array().expect("notes").iter();
    all.filter(|note| note["code"] == code).map(|note| note["message"].as_str().unwrap().to_owned()).collect()
}

fn trained(path: &Path, more: &[&str]) -> Value {
    let aquifer = bed();
    let more: Vec<&str> = more.iter().copied().chain(["--output", "json"]).collect();
    aquifer.run(train(path, "y", &more)).ok().json()
}

#[test]
fn types_are_seen_and_can_be_said() {
    let aquifer = bed();
    let path = write(&aquifer, "log", log());
    let seen = trained(&path, &[]);
    assert_eq!(notes(&seen, "text_as_numbers"), ["reading is text that is all numbers, and is read as numbers"]);
    assert_eq!(notes(&seen, "time_parts"), ["when becomes its year, month, day, weekday, hour"]);
    assert_eq!((seen["features"].as_u64(), seen["inputs"].as_u64()), (Some(3), Some(7)));
    let said =
        trained(&path, &["--type", "reading=categorical", "--type", "when=text", "--set", "signed_log=[\"id\"]"]);
    assert!(notes(&said, "text_as_numbers").is_empty());
    assert_eq!((said["features"].as_u64(), said["inputs"].as_u64()), (Some(2), Some(1 + 102 + 1)));
    refused(&aquifer, train(&path, "y", &["--set", "log=[\"id\"]"]), 3, "no_transform", &["\"id\"", "signed_log"]);
}

#[test]
fn a_split_is_scored_as_test_data() {
    let aquifer = bed();
    let path = write(&aquifer, "log", log());
    let random = trained(&path, &["--split", "0.8"]);
    let rows = |result: &Value, part: &str| result["metrics"][part]["rows"].as_u64().unwrap();
    assert_eq!(rows(&random, "train") + rows(&random, "test"), ROWS as u64);
    assert!((2300..2500).contains(&rows(&random, "train")));
    let early = trained(&path, &["--split", "0.8", "--split-by", "when"]);
    assert_eq!((rows(&early, "train"), rows(&early, "test")), (2400, 600));
    assert!(notes(&early, "split_by")[0].contains("2021-"), "{:?}", notes(&early, "split_by"));
    let again = trained(&path, &["--split", "0.8", "--workers", "3", "--set", "ranks=2"]);
    let alone = trained(&path, &["--split", "0.8", "--set", "ranks=2"]);
    assert_eq!(again["model"]["blake3"], alone["model"]["blake3"]);
    refused(&aquifer, train(&path, "y", &["--split-by", "when"]), 2, "missing_key", &["split"]);
    refused(&aquifer, train(&path, "y", &["--split", "0.5", "--split-by", "id"]), 3, "no_time_order", &["\"id\""]);
    refused(&aquifer, train(&path, "y", &["--type", "reading=numerc"]), 2, "usage", &["did you mean `numeric`?"]);
}

#[test]
fn predictions_keep_columns_as_they_are() {
    let aquifer = bed();
    let path = write(&aquifer, "log", log());
    // In a data folder of its own: what is refused leaves nothing in this one.
    let trainer = bed();
    let model = trainer.file("model.safetensors");
    let model = model.to_str().unwrap();
    trainer.run(train(&path, "y", &["--out", model])).ok();
    let out = aquifer.file("out.parquet");
    let (data, to) = (path.to_str().unwrap(), out.to_str().unwrap());
    aquifer.run(["predict", model, data, "--out", to, "--keep", "when", "--keep", "id", "--keep", "reading"]).ok();
    let (kept, source) = (read(&out), read(&path));
    let column = |batch: &arrow_array::RecordBatch, name: &str| batch.column_by_name(name).unwrap().clone();
    for name in ["when", "id", "reading"] {
        assert_eq!(column(&kept, name).data_type(), column(&source, name).data_type(), "{name}");
    }
    assert_eq!(column(&kept, "id").as_primitive::<Int64Type>(), column(&source, "id").as_primitive::<Int64Type>());
    let times = |batch| column(batch, "when").as_primitive::<TimestampMillisecondType>().values().to_vec();
    assert_eq!(times(&kept), times(&source));
    assert_eq!(column(&kept, "reading").as_string::<i32>(), column(&source, "reading").as_string::<i32>());
    let refuse = |more: &[&str], code| {
        let words = ["predict", model, data, "--out", "x.parquet"].into_iter().chain(more.iter().copied());
        refused(&aquifer, words, 3, code, &[]);
    };
    refuse(&["--keep", "idd"], "unknown_column");

    // Without a feature's column: an error, or missing in every row.
    let fewer = write(&aquifer, "fewer", log().into_iter().skip(1).collect());
    let fewer = fewer.to_str().unwrap();
    refused(&aquifer, ["predict", model, fewer, "--out", "x.parquet"], 3, "missing_column", &["\"when\"", "impute"]);
    let imputed = ["predict", model, fewer, "--out", to, "--missing-columns", "impute", "--output", "json"];
    let imputed = aquifer.run(imputed).ok().json();
    assert_eq!(notes(&imputed, "column_absent").len(), 1);
    assert_eq!(read(&out).num_rows(), ROWS);
}

#[test]
fn folders_hold_files_that_differ() {
    let aquifer = bed();
    let folder = aquifer.file("sales");
    let file = |year: i64, more: Columns| {
        let at = folder.join(format!("year={year}"));
        std::fs::create_dir_all(&at).unwrap();
        let x = floats((0..ROWS).map(|i| Some((i * 7 % 1013) as f64)));
        let y = floats((0..ROWS).map(|i| Some((i * 7 % 1013) as f64 / 5.0 + year as f64)));
        write_to(&at.join("part.parquet"), [("x", x), ("y", y)].into_iter().chain(more).collect());
    };
    file(2020, Vec::new());
    file(2021, vec![("later", ints(0..ROWS as i64))]);
    refused(&aquifer, train(&folder, "y", &[]), 3, "missing_columns", &["\"later\"", "--schema union"]);
    let union = trained(&folder, &["--schema", "union"]);
    assert_eq!((union["rows"].as_u64(), union["features"].as_u64()), (Some(2 * ROWS as u64), Some(3)));
    assert_eq!(notes(&union, "absent").len(), 1);
    let flat = trained(&folder, &["--schema", "union", "--partitions", "off"]);
    assert_eq!(flat["features"].as_u64(), Some(2));
}
