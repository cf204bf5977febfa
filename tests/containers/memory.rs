//! Twenty times as much data as a worker may have memory: the same bytes as without a limit.

use std::ffi::OsString;
use std::fs::File;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use aquifer_harness::Dice;
use arrow_array::{ArrayRef, Float64Array, RecordBatch};
use parquet::arrow::ArrowWriter;
use parquet::basic::Compression;
use parquet::file::properties::WriterProperties;

use crate::aquifer;
use crate::engine::{found, inspect};
use crate::project::{Project, members};

/// What the engine allows a worker's container, its page cache included.
const LIMIT_MIB: usize = 64;
const TIMES: usize = 20;
const COLUMNS: usize = 15;
const GROUP_ROWS: usize = 1 << 16;
/// Importing and training as much, twice at once on two cores.
const RUN_MAX: Duration = Duration::from_secs(240);

/// Writes at least so many bytes; the target is the sum of two features.
fn write(path: &Path, bytes: usize) {
    // Numbers with every digit, so that no column gets narrower on its way.
    let mut dice = Dice::new(1, "containers.memory");
    let mut numbers = || (0..GROUP_ROWS).map(|_| dice.unit()).collect::<Vec<_>>().into();
    let mut group = || {
        let features: Vec<Float64Array> = (0..COLUMNS).map(|_| numbers()).collect();
        let target = features[0].iter().zip(&features[1]).map(|(a, b)| Some(a? + b?)).collect::<Float64Array>();
        let named = |(at, column): (usize, Float64Array)| (format!("x{at}"), Arc::new(column) as ArrayRef);
        let columns = features.into_iter().enumerate().map(named);
        RecordBatch::try_from_iter(columns.chain([("y".to_owned(), Arc::new(target) as ArrayRef)])).expect("a batch")
    };
    let first = group();
    let properties = WriterProperties::builder()
        .set_compression(Compression::UNCOMPRESSED)
        .set_dictionary_enabled(false)
        .set_max_row_group_row_count(Some(GROUP_ROWS));
    let file = File::create(path).expect("a file for the data");
    let mut writer = ArrowWriter::try_new(file, first.schema(), Some(properties.build())).expect("a writer");
    writer.write(&first).expect("rows are written");
    while writer.bytes_written() < bytes {
        writer.write(&group()).expect("rows are written");
    }
    writer.close().expect("the file is closed");
}

fn train(data: &Path, out: &Path, options: Vec<OsString>) -> Vec<OsString> {
    let mut arguments = vec!["train".into(), data.into(), "--target".into(), "y".into()];
    for setting in ["hidden=[8]", "epochs=1", "mini_batch_size=64"] {
        arguments.extend(["--set".into(), setting.into()]);
    }
    arguments.extend(["--out".into(), out.into(), "--output".into(), "json".into()]);
    arguments.extend(options);
    arguments
}

#[test]
fn data_of_twenty_times_the_memory_trains_to_the_same_bytes() {
    if !found() {
        return;
    }
    let aquifer = aquifer();
    let (folder, limit) = (aquifer.file("data"), LIMIT_MIB << 20);
    std::fs::create_dir_all(&folder).expect("a folder");
    let data = folder.join("large.parquet");
    write(&data, TIMES * limit);
    assert!(std::fs::metadata(&data).expect("the data").len() >= (TIMES * limit) as u64);

    let project = Project::new(&aquifer)
        .set("AQUIFER_DATA", &folder)
        .set("AQUIFER_COORDINATOR_MEMORY", "256m")
        .set("AQUIFER_WORKER_MEMORY", format!("{LIMIT_MIB}m"))
        .up(2);
    project.until(&aquifer, "two workers", |status| members(status).len() == 2);
    let workers = project.containers("worker");
    for worker in &workers {
        assert_eq!(inspect(worker, "{{.HostConfig.Memory}} {{.HostConfig.MemorySwap}}"), format!("{limit} {limit}"));
    }
    let (alone, out) = (aquifer.file("alone.safetensors"), aquifer.file("out.safetensors"));
    let limited = aquifer.start(train(&data, &out, project.options())).finish_within(RUN_MAX).ok().json();
    for worker in &workers {
        let died = inspect(worker, "{{.State.OOMKilled}} {{.RestartCount}} {{.State.Running}}");
        assert_eq!(died, "false 0 true", "{worker} kept to its limit");
    }
    assert_eq!(limited["workers"], 2, "{limited}");
    drop(project);
    let free = aquifer.start(train(&data, &alone, Vec::new())).finish_within(RUN_MAX).ok().json();
    assert_eq!(limited["model"]["blake3"], free["model"]["blake3"]);
    let (alone, out) = (std::fs::read(alone).expect("a model"), std::fs::read(out).expect("a model"));
    assert!(alone == out, "the model differs from that of the run without a limit");
}
