//! `aquifer bench`: every limit and figure is there and is a number; what the disk does not let it measure is said. Nothing
//! is said of how large a figure is: that is the machine's business.

use std::path::Path;

use aquifer_harness::{Aquifer, Finished, Running};
use serde_json::Value;

use crate::bad_places::Mount;
use crate::bed::{bed, files, read_refusal, refused};

const RATES: [&str; 7] = [
    "fma_flops_per_second",
    "fma_flops_per_second_one_thread",
    "memory_bytes_per_second",
    "memory_bytes_per_second_one_thread",
    "disk_read_bytes_per_second",
    "disk_write_bytes_per_second",
    "loopback_bytes_per_second",
];

/// Those that come with "one thread" and "all threads".
const FIGURES: [&str; 13] = [
    "import rows",
    "import bytes",
    "assembly",
    "step 28-64-64-1 b32",
    "step 28-64-64-1 b256",
    "step 28-64-64-1 b1024",
    "step 28-200-200-1 b32",
    "step 28-200-200-1 b256",
    "step 28-200-200-1 b1024",
    "step 784-1024-1024-10 b256",
    "scoring 28-64-64-1",
    "scoring 28-200-200-1",
    "scoring 784-1024-1024-10",
];

/// Runs it quickly, with a data folder, which must be empty afterwards.
fn bench(aquifer: &Aquifer, dir: &Path, arguments: &[&str]) -> Finished {
    let mut command = aquifer.command(["bench", "--quick"]);
    command.args(arguments).env("AQUIFER_DIR", dir);
    let finished = Running::start(command).finish();
    assert!(files(dir).is_empty(), "{:?}", files(dir));
    assert_eq!(std::fs::read_dir(dir).map_or(0, Iterator::count), 0, "a folder is left in {}", dir.display());
    finished
}

#[track_caller]
fn positive(value: &Value) {
    assert!(value.as_f64().is_some_and(|value| value > 0.0 && value.is_finite()), "{value}");
}

#[test]
fn every_limit_and_figure_is_measured() {
    let aquifer = bed();
    let data = bench(&aquifer, &aquifer.dir(), &["--threads", "2", "--output", "json"]).ok().json();
    assert_eq!(data["machine"]["version"], env!("CARGO_PKG_VERSION"));
    positive(&data["machine"]["cores"]);
    positive(&data["machine"]["memory_bytes"]);
    assert!(data["machine"]["cpu"].is_string() && data["machine"]["instructions"][0].is_string());
    assert_eq!(data["limits"]["threads"], 2);
    RATES.iter().for_each(|name| positive(&data["limits"][name]));

    let figures = data["figures"].as_array().expect("a list of figures");
    let names: Vec<&str> = figures.iter().map(|figure| figure["name"].as_str().expect("a name")).collect();
    let mut expected: Vec<String> = FIGURES
        .iter()
        .flat_map(|name| ["one thread", "all threads"].map(|threads| format!("{name}, {threads}")))
        .collect();
    expected.extend(["assembly / step 200-200 b256", "exchange"].map(str::to_owned));
    let sorted = |mut names: Vec<String>| {
        names.sort();
        names
    };
    assert_eq!(sorted(names.iter().map(|name| (*name).to_owned()).collect()), sorted(expected));
    for figure in figures {
        positive(&figure["value"]);
        positive(&figure["share"]);
        assert!(figure["share"].as_f64().unwrap() < 100.0, "units are mixed up: {figure}");
        let limit = figure["limit"].as_str().expect("a limit");
        assert!(RATES.contains(&limit) || names.contains(&limit), "{figure}");
    }
}

#[test]
fn forms_for_people_and_programs() {
    let aquifer = bed();
    let table = bench(&aquifer, &aquifer.dir(), &["--only", "step", "scoring"]).ok();
    assert!(table.stdout.contains("FMA in f32") && table.stdout.contains("step 28-200-200-1 b256, one thread"));
    assert!(!table.stdout.contains("memory, read"), "only limits that are needed:\n{}", table.stdout);
    let csv = bench(&aquifer, &aquifer.dir(), &["--only", "exchange,limits", "--output", "csv"]).ok();
    let mut lines = csv.stdout.lines();
    assert_eq!(lines.next(), Some("name,value,unit,limit,share"));
    assert!(csv.stdout.lines().any(|line| line.starts_with("exchange,") && line.contains(",bytes/s,loopback_")));
    assert!(lines.all(|line| line.split(',').count() == 5), "{}", csv.stdout);
    // More threads than cores is said, and measured.
    let many = bench(&aquifer, &aquifer.dir(), &["--only", "limits", "--threads", "300"]).ok();
    many.says(&["note: 300 threads share"]);
}

#[test]
fn what_there_is_not_is_refused() {
    let aquifer = bed();
    let words = ["bench", "--only", "everything"];
    let refusal = refused(&aquifer, words, 2, "usage", &["everything"]);
    assert!(refusal.text.contains("--only"), "{}", refusal.text);
    refused(&aquifer, ["bench", "--threads", "0"], 2, "usage", &["0"]);
}

/// A path below a file can be written by nobody.
#[test]
fn without_a_disk_the_other_limits_are_measured() {
    let aquifer = bed();
    let file = aquifer.file("file");
    std::fs::write(&file, "").unwrap();
    let dir = file.join("dir");
    let limits = bench(&aquifer, &dir, &["--only", "limits"]).ok();
    assert!(limits.stdout.contains("FMA in f32") && limits.stdout.contains("cannot write in"), "{}", limits.stdout);
    limits.says(&["note: the disk was not measured: cannot write in", "file/dir"]);
    let data = bench(&aquifer, &dir, &["--only", "limits,step", "--output", "json"]).ok().json();
    let (disk, others) = (&data["limits"]["disk_write_bytes_per_second"], &data["limits"]["loopback_bytes_per_second"]);
    assert!(disk.is_null() && data["limits"]["disk_read_bytes_per_second"].is_null());
    positive(others);
    let notes = data["notes"].as_array().expect("a list of notes");
    assert!(notes.iter().any(|note| note["code"] == "no_disk"), "{notes:?}");
    // What needs it says so at once.
    let refusal = bench(&aquifer, &dir, &["--output", "json"]).code(2);
    let refusal = read_refusal(&refusal.stderr);
    assert_eq!(refusal.code, "not_a_folder");
    assert!(refusal.text.contains("file/dir") && refusal.hint.is_some(), "{}", refusal.text);
}

#[test]
fn a_full_and_a_closed_disk() {
    let aquifer = bed();
    let Some(mount) = Mount::new(&aquifer, "full", "size=600k") else { return };
    let said = |refusal: Finished, code: &str| {
        let refusal = read_refusal(&refusal.stderr);
        assert_eq!(refusal.code, code, "{}", refusal.text);
        assert!(refusal.hint.is_some(), "{}", refusal.text);
    };
    for group in ["import", "assembly"] {
        said(bench(&aquifer, mount.path(), &["--only", group, "--output", "json"]).code(1), "disk_full");
    }
    bench(&aquifer, mount.path(), &["--only", "limits"]).ok().says(&["the disk was not measured", "full"]);
    drop(mount);
    let Some(mount) = Mount::new(&aquifer, "closed", "ro,size=64k") else { return };
    said(bench(&aquifer, mount.path(), &["--output", "json"]).code(2), "not_writable");
    bench(&aquifer, mount.path(), &["--only", "limits"]).ok().says(&["the disk was not measured", "closed"]);
}

/// It ends soon, as a command that was interrupted does, and its folder goes.
#[test]
fn interrupted_it_leaves_nothing() {
    use aquifer_harness::{Signal, until};
    let aquifer = bed();
    let running = aquifer.start(["bench", "--only", "import", "assembly"]);
    let begun = || (!files(&aquifer.dir()).is_empty()).then_some(());
    until("a file in the data folder", begun);
    running.group().send(Signal::Interrupt);
    running.finish().code(130);
    assert_eq!(std::fs::read_dir(aquifer.dir()).unwrap().count(), 0, "{:?}", files(&aquifer.dir()));
}
