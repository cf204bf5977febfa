//! Frames across processes: shards that travel, frames of several shards and files, uploads.

use std::path::Path;
use std::sync::Arc;

use aquifer_harness::{Aquifer, Cluster};
use aquifer_model::{Model, tensor_hash};
use arrow_array::{ArrayRef, Float64Array, RecordBatch};
use parquet::arrow::ArrowWriter;
use parquet::file::properties::WriterProperties;

use crate::{aquifer, bytes, names_in, options, train_adult};

/// A number in [-1, 1) for a cell: rows differ, columns differ, and nothing is drawn.
fn cell(row: u64, column: u64) -> f64 {
    let mixed = (row * 1_000_003 + column * 7_919).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    (mixed >> 40) as f64 / (1u64 << 23) as f64 - 1.0
}

/// Writes rows of `columns` features and a target `y` that follows from two of them.
fn write_parquet(path: &Path, rows: std::ops::Range<u64>, columns: u64) {
    let column = |at: u64| {
        let values = rows.clone().map(|row| cell(row, at));
        (format!("x{at}"), Arc::new(Float64Array::from_iter_values(values)) as ArrayRef, false)
    };
    let y = rows.clone().map(|row| 2.0 * cell(row, 0) - cell(row, 1));
    let y = ("y".to_owned(), Arc::new(Float64Array::from_iter_values(y)) as ArrayRef, false);
    let batch = RecordBatch::try_from_iter_with_nullable((0..columns).map(column).chain([y])).expect("a batch");
    let properties =
        WriterProperties::builder().set_dictionary_enabled(false).set_max_row_group_row_count(Some(10_000));
    let file = std::fs::File::create(path).expect("a file");
    let mut writer = ArrowWriter::try_new(file, batch.schema(), Some(properties.build())).expect("a writer");
    writer.write(&batch).expect("rows");
    writer.close().expect("a footer");
}

/// Writes so many columns that the frame has two shards: 64 MiB each, and few bytes in the file.
pub(crate) fn write_wide(path: &Path) {
    const COLUMNS: usize = 520;
    let values: ArrayRef = Arc::new(Float64Array::from_iter_values((0..32 * 1024).map(|row| cell(row % 97, 0))));
    let columns = (0..COLUMNS).map(|at| (format!("x{at}"), values.clone(), false));
    let batch = RecordBatch::try_from_iter_with_nullable(columns).expect("a batch");
    let mut writer =
        ArrowWriter::try_new(std::fs::File::create(path).expect("a file"), batch.schema(), None).expect("a writer");
    writer.write(&batch).expect("rows");
    writer.close().expect("a footer");
}

/// Trains on `source` and returns the model file.
fn train_y(aquifer: &Aquifer, source: &str, texts: &[&str]) -> Vec<u8> {
    let out = aquifer.file("y.safetensors");
    let mut arguments = options(&["train", source, "--target", "y", "--set", "hidden=[4]", "--set", "epochs=0.5"]);
    arguments.extend(options(&["--set", "ranks=6", "--out"]));
    arguments.push(out.clone().into());
    arguments.extend(options(texts));
    aquifer.run(arguments).ok();
    bytes(&out)
}

/// Shards of 64 MiB want 48 blocks of 360 columns for three.
#[test]
fn a_frame_of_three_shards_trains_anywhere_to_the_same_bits() {
    let aquifer = aquifer();
    let source = aquifer.file("wide.parquet");
    write_parquet(&source, 0..49_500, 360);
    let source = source.to_str().expect("a path");
    aquifer.run(["frame", "import", "wide", source, "--workers", "2"]).ok();
    let frame = aquifer.run(["frame", "show", "wide", "--output", "json"]).ok().json();
    assert_eq!(frame["shards"], 3, "{}", frame["shards"]);

    let alone = train_y(&aquifer, "wide", &[]);
    assert!(alone == train_y(&aquifer, "wide", &["--workers", "3"]), "three workers, the imported frame");
    // Another folder: the shards are made anew, by three processes.
    assert!(alone == train_y(&crate::aquifer(), source, &["--workers", "3"]), "three workers, the file");
}

/// Rows are numbered through the files, wherever one ends.
#[test]
fn many_files_are_one_plan() {
    let aquifer = aquifer();
    let folder = aquifer.file("parts");
    std::fs::create_dir(&folder).expect("a folder");
    write_parquet(&aquifer.file("whole.parquet"), 0..7_000, 5);
    for (name, rows) in [("a", 0..1_500), ("b", 1_500..1_501), ("c", 1_501..7_000)] {
        write_parquet(&folder.join(format!("{name}.parquet")), rows, 5);
    }
    let tensors = |source: &Path, texts: &[&str]| {
        let file = train_y(&aquifer, source.to_str().expect("a path"), texts);
        tensor_hash(&Model::from_bytes(&file).expect("a model"))
    };
    let whole = tensors(&aquifer.file("whole.parquet"), &[]);
    assert_eq!(tensors(&folder, &[]), whole, "the folder");
    assert_eq!(tensors(&folder, &["--workers", "2"]), whole, "the folder, by two workers");
    assert_eq!(tensors(&folder.join("*.parquet"), &[]), whole, "the glob");
}

/// One worker makes the only shard; the others have ranks of it, and get it from that one.
#[test]
fn shards_reach_workers_that_did_not_import_them() {
    let aquifer = aquifer();
    let cluster = Cluster::up(&aquifer, 3);
    let stored = || (1..=3).map(|at| names_in(&cluster.dir().join(format!("workers/{at}/shards"))));
    assert!(stored().all(|shards| shards.is_empty()), "each worker has a store of its own");
    let out = aquifer.file("model.safetensors");
    aquifer.run(train_adult(&["ranks=8"], &cluster.options(), &out)).ok();

    let shards: Vec<_> = stored().collect();
    assert_eq!(shards[0].len(), 1, "{shards:?}");
    assert!(shards.iter().all(|of_one| *of_one == shards[0]), "{shards:?}");
    let status = cluster.status(&aquifer);
    let known = status["workers"].as_array().expect("workers").iter().map(|worker| worker["shards"].as_u64());
    assert_eq!(known.collect::<Vec<_>>(), [Some(1); 3], "the coordinator knows who has it");
    let fetched = cluster.log().lines().filter(|line| line.contains("fetched")).count();
    assert_eq!(fetched, 2, "two of three workers fetch it from a peer:\n{}", cluster.log());
}

/// A cluster that cannot read the client's file gets it over the wire.
#[test]
fn a_file_outside_the_roots_is_uploaded() {
    let aquifer = aquifer();
    let elsewhere = aquifer.file("elsewhere");
    std::fs::create_dir(&elsewhere).expect("a folder");
    let cluster = Cluster::with(&aquifer, 2).option("--root", &elsewhere).start();
    let uploads = || names_in(&cluster.dir().join("uploads"));
    assert_eq!(uploads(), [""; 0]);
    let (alone, uploaded) = (aquifer.file("alone.safetensors"), aquifer.file("uploaded.safetensors"));
    aquifer.run(train_adult(&["ranks=8"], &[], &alone)).ok();
    aquifer.run(train_adult(&["ranks=8"], &cluster.options(), &uploaded)).ok();
    assert!(bytes(&alone) == bytes(&uploaded));
    assert_eq!(uploads().len(), 1, "one upload, named by its content");

    // The same content again is the same upload, and the frame is there already.
    aquifer.run(train_adult(&["ranks=8"], &cluster.options(), &uploaded)).ok();
    assert_eq!(uploads().len(), 1);
}

/// A cluster that can read the file reads it itself.
#[test]
fn a_file_under_a_root_is_not_uploaded() {
    let aquifer = aquifer();
    let cluster = Cluster::up(&aquifer, 2);
    aquifer.run(train_adult(&["ranks=8"], &cluster.options(), &aquifer.file("model.safetensors"))).ok();
    assert_eq!(names_in(&cluster.dir().join("uploads")), [""; 0]);
}

/// Every worker loses the shards of a frame that is removed, and knows it; what is trained on again is made again.
#[test]
fn a_frame_that_is_removed_leaves_every_worker() {
    let aquifer = aquifer();
    let cluster = Cluster::up(&aquifer, 2);
    let run = |texts: &[&str]| {
        let mut arguments = options(texts);
        arguments.extend(cluster.options());
        aquifer.run(arguments)
    };
    let shards = || (1..=2).map(|at| names_in(&cluster.dir().join(format!("workers/{at}/shards"))).len());
    let known = || {
        let status = cluster.status(&aquifer);
        let of = |at: usize| status["workers"][at]["shards"].as_u64().expect("a number") as usize;
        [of(0), of(1)]
    };
    let source = aquifer_harness::data("adult/train.parquet");
    run(&["frame", "import", "adult", source.to_str().expect("a path")]).ok();
    let out = aquifer.file("a.safetensors");
    aquifer.run(train_adult(&["ranks=8"], &cluster.options(), &out)).ok();
    assert_eq!((shards().collect::<Vec<_>>(), known()), (vec![1, 1], [1, 1]));
    run(&["frame", "rm", "adult"]).ok();
    assert_eq!((shards().collect::<Vec<_>>(), known()), (vec![0, 0], [0, 0]));
    assert!(run(&["frame", "ls", "--all"]).ok().stderr.contains("there are no frames"));
    let again = aquifer.file("b.safetensors");
    aquifer.run(train_adult(&["ranks=8"], &cluster.options(), &again)).ok();
    assert!(bytes(&out) == bytes(&again));
}
