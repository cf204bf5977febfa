//! The n-th call on the way of a file to its name fails, for every n until a run passes: the device is broken, full, takes half
//! of a write, or the process ends there. What comes of it is the undisturbed model or a typed error, and afterwards the
//! same command succeeds.

use std::ffi::OsString;
use std::path::Path;

use aquifer_fault::{Action, FOLDER_VARIABLE, Fault};
use aquifer_harness::{Aquifer, Running};

use crate::bed::{Bed, arm};
use crate::work::{Work, aquifer};

/// More calls than any run has.
const CALLS_MAX: u64 = 200;
/// What a disk that fails may be called.
const CODES: [&str; 6] = ["io", "io_error", "disk_full", "journal", "not_writable", "failed"];

#[test]
fn every_call_meets_a_broken_disk() {
    sweep(Action::Eio);
}

#[test]
fn every_call_meets_a_full_disk() {
    sweep(Action::Enospc);
}

#[test]
fn every_write_is_short() {
    sweep(Action::Short);
}

#[test]
fn every_call_is_the_last_of_the_process() {
    sweep(Action::Kill);
}

/// Files that come from peers: whatever fails there, the shard is made of the source instead.
#[test]
fn every_call_of_a_fetch_meets_a_broken_disk() {
    sweep_fetch(Action::Eio);
}

#[test]
fn every_call_of_a_fetch_meets_a_full_disk() {
    sweep_fetch(Action::Enospc);
}

#[test]
fn every_write_of_a_fetch_is_short() {
    sweep_fetch(Action::Short);
}

#[test]
fn every_call_of_a_fetch_is_the_last_of_the_process() {
    sweep_fetch(Action::Kill);
}

fn sweep_fetch(action: Action) {
    let points = ["worker.fetch.create", "worker.fetch.write", "worker.fetch.sync", "worker.fetch.rename"];
    for point in points.into_iter().filter(|point| action != Action::Short || *point == "worker.fetch.write") {
        let met = (1..CALLS_MAX).find(|call| !fetch_fails(point, *call, action)).expect("an end of the calls") - 1;
        eprintln!("{point}: {action:?} at each of {met} calls");
        assert!(met > 0, "{point}: nobody passed there");
    }
}

/// A training on a cluster of which a worker fetches a shard; false if nothing failed.
fn fetch_fails(point: &str, call: u64, action: Action) -> bool {
    let bed = Bed::up();
    let fault = bed.arm(point, call, action);
    bed.ends_undisturbed(Work::Train, bed.begin(Work::Train));
    bed.all_workers();
    assert!(left(bed.cluster.dir()).is_empty(), "{point}, call {call}: left {:?}", left(bed.cluster.dir()));
    bed.fired(&fault).is_some()
}

fn sweep(action: Action) {
    let expected = alone();
    for call in 1..CALLS_MAX {
        let aquifer = aquifer();
        let fault = arm(&aquifer.file("faults"), "io", call, action);
        let model = aquifer.file("model.safetensors");
        let ended = run(&aquifer, &model).finish();
        let whole = || std::fs::read(&model).is_ok_and(|bytes| bytes == expected);
        if !fired(&aquifer, &fault) {
            assert!(ended.status.success() && whole(), "{action:?}, call {call}: {}", ended.stderr);
            let few = if action == Action::Short { 3 } else { 12 };
            assert!(call > few, "only {} calls: is a file written at all?", call - 1);
            eprintln!("{action:?}: {} calls", call - 1);
            return;
        }
        let said = &ended.stderr;
        assert!(!said.contains("panicked") && !said.contains("this is a bug"), "{action:?}, call {call}: {said}");
        match action {
            Action::Short => assert!(ended.status.success() && whole(), "{action:?}, call {call}: {said}"),
            Action::Kill => assert_eq!(ended.status.code(), None, "{action:?}, call {call}: {said}"),
            _ if ended.status.success() => assert!(whole(), "{action:?}, call {call}: other bytes"),
            _ => assert_typed(said, &format!("{action:?}, call {call}")),
        }
        if action != Action::Kill {
            assert!(left(&aquifer.dir()).is_empty(), "{action:?}, call {call}: left {:?}", left(&aquifer.dir()));
        }
        // The disk is as it was; nothing stands in the way.
        run(&aquifer, &model).finish().ok();
        assert!(whole(), "{action:?}, call {call}: other bytes afterwards");
        assert!(left(&aquifer.dir()).is_empty(), "{action:?}, call {call}: still {:?}", left(&aquifer.dir()));
    }
    panic!("{action:?}: every one of {CALLS_MAX} calls was met");
}

fn assert_typed(said: &str, what: &str) {
    let error: serde_json::Value = serde_json::from_str(said.trim()).unwrap_or_else(|_| panic!("{what}: {said}"));
    let code = error["error"]["code"].as_str().unwrap_or_default();
    assert!(CODES.contains(&code), "{what}: `{code}` is no word for it: {said}");
}

fn fired(aquifer: &Aquifer, fault: &Fault) -> bool {
    aquifer_fault::fired(&aquifer.file("faults"), fault).is_some()
}

/// A training of a small table in one process, import and all.
fn run(aquifer: &Aquifer, model: &Path) -> Running {
    let table = aquifer_harness::data("wisconsin/wisconsin.parquet");
    let mut words: Vec<OsString> = vec!["train".into(), table.into(), "--target".into(), "class".into()];
    words.extend(["--set", "hidden=[8]", "--set", "epochs=1", "--output", "json", "--out"].map(OsString::from));
    words.push(model.into());
    let mut command = aquifer.command(words);
    // What is logged would stand before the error.
    command.env(FOLDER_VARIABLE, aquifer.file("faults")).env("AQUIFER_LOG", "off");
    Running::start(command)
}

fn alone() -> Vec<u8> {
    let aquifer = aquifer();
    let model = aquifer.file("model.safetensors");
    run(&aquifer, &model).finish().ok();
    std::fs::read(model).unwrap()
}

/// Temporary files in a folder and below.
pub(crate) fn left(folder: &Path) -> Vec<String> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        match entry.file_type() {
            Ok(kind) if kind.is_dir() => found.extend(left(&entry.path())),
            _ if name.starts_with(".part") || name.ends_with(".tmp") => found.push(name),
            _ => {}
        }
    }
    found
}
