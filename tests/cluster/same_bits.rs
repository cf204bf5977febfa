//! The same model file, whoever computes it: workers, threads, processes, and both ways to spend a round.

use std::ffi::OsString;
use std::sync::OnceLock;

use aquifer_harness::Cluster;

use crate::{aquifer, bytes, options, train_adult};

const AVERAGE: &str = "averaging.mode=average";
const GRADIENT: &str = "averaging.mode=gradient";

/// A model file of eight ranks, made alone in the process with one thread: what all others must equal.
fn reference(mode: &str) -> &'static [u8] {
    static AVERAGE_MODEL: OnceLock<Vec<u8>> = OnceLock::new();
    static GRADIENT_MODEL: OnceLock<Vec<u8>> = OnceLock::new();
    let model = if mode == AVERAGE { &AVERAGE_MODEL } else { &GRADIENT_MODEL };
    model.get_or_init(|| trained(&["ranks=8", mode], &options(&["--threads", "1"]), 1))
}

/// Trains in a folder of its own; `workers` is how many must have had ranks.
fn trained(settings: &[&str], options: &[OsString], workers: u64) -> Vec<u8> {
    let aquifer = aquifer();
    let out = aquifer.file("model.safetensors");
    let result = aquifer.run(train_adult(settings, options, &out)).ok().json();
    assert_eq!(result["workers"], workers, "workers that had ranks");
    bytes(&out)
}

fn equals_reference(mode: &str, texts: &[&str], workers: u64) {
    let model = trained(&["ranks=8", mode], &options(texts), workers);
    assert!(model == reference(mode), "the bytes differ from one worker's with one thread");
}

fn cluster_equals_reference(mode: &str, workers: u32, threads: &str) {
    let aquifer = aquifer();
    let cluster = Cluster::with(&aquifer, workers).option("--threads", threads).start();
    let out = aquifer.file("model.safetensors");
    let result = aquifer.run(train_adult(&["ranks=8", mode], &cluster.options(), &out)).ok().json();
    assert_eq!(result["workers"], u64::from(workers), "workers that had ranks");
    assert!(bytes(&out) == reference(mode), "the bytes differ from one worker's with one thread");
}

macro_rules! equal_files {
    ($($name:ident: $mode:ident, $options:expr, $workers:expr;)*) => {
        $(#[test] fn $name() { equals_reference($mode, &$options, $workers); })*
    };
}

equal_files! {
    average_embedded_with_two_threads: AVERAGE, ["--threads", "2"], 1;
    average_embedded_with_seven_threads: AVERAGE, ["--threads", "7"], 1;
    average_with_one_worker: AVERAGE, ["--workers", "1"], 1;
    average_with_two_workers: AVERAGE, ["--workers", "2"], 2;
    average_with_three_workers: AVERAGE, ["--workers", "3"], 3;
    average_with_four_workers: AVERAGE, ["--workers", "4"], 4;
    average_with_seven_workers: AVERAGE, ["--workers", "7"], 7;
    average_with_three_workers_of_two_threads: AVERAGE, ["--workers", "3", "--threads", "2"], 3;
    gradient_embedded_with_two_threads: GRADIENT, ["--threads", "2"], 1;
    gradient_embedded_with_seven_threads: GRADIENT, ["--threads", "7"], 1;
    gradient_with_one_worker: GRADIENT, ["--workers", "1"], 1;
    gradient_with_two_workers: GRADIENT, ["--workers", "2"], 2;
    gradient_with_three_workers: GRADIENT, ["--workers", "3"], 3;
    gradient_with_four_workers: GRADIENT, ["--workers", "4"], 4;
    gradient_with_seven_workers: GRADIENT, ["--workers", "7"], 7;
    gradient_with_three_workers_of_two_threads: GRADIENT, ["--workers", "3", "--threads", "2"], 3;
}

#[test]
fn average_on_a_cluster_of_three() {
    cluster_equals_reference(AVERAGE, 3, "1");
}

#[test]
fn average_on_a_cluster_of_two_with_two_threads() {
    cluster_equals_reference(AVERAGE, 2, "2");
}

#[test]
fn gradient_on_a_cluster_of_three() {
    cluster_equals_reference(GRADIENT, 3, "1");
}

#[test]
fn gradient_on_a_cluster_of_two_with_two_threads() {
    cluster_equals_reference(GRADIENT, 2, "2");
}

/// If the modes did not differ with several ranks, the tests above would test one of them twice.
#[test]
fn the_modes_differ_with_eight_ranks() {
    assert!(reference(AVERAGE) != reference(GRADIENT));
}

/// More workers than ranks: some have none, and the bytes are those of one worker.
#[test]
fn one_rank_gives_the_same_file_in_both_modes() {
    let alone = trained(&["ranks=1", AVERAGE], &options(&["--threads", "1"]), 1);
    assert!(alone == trained(&["ranks=1", GRADIENT], &options(&["--threads", "2"]), 1), "embedded, gradient");
    assert!(alone == trained(&["ranks=1", AVERAGE], &options(&["--workers", "2"]), 1), "two workers, average");
    assert!(alone == trained(&["ranks=1", GRADIENT], &options(&["--workers", "2"]), 1), "two workers, gradient");
}

/// A frame that was imported before is no model that was trained before.
#[test]
fn training_twice_in_one_folder_trains_twice() {
    let aquifer = aquifer();
    let train = |name: &str| {
        let out = aquifer.file(name);
        let result = aquifer.run(train_adult(&["ranks=8", AVERAGE], &[], &out)).ok().json();
        // Half an epoch of 32,561 rows.
        assert_eq!(result["samples"], 16280, "rows trained on");
        assert!(result["seconds"]["train"].as_f64().is_some_and(|seconds| seconds > 0.0), "{result}");
        bytes(&out)
    };
    let first = train("first.safetensors");
    assert!(first == train("second.safetensors"));
    assert!(first == reference(AVERAGE));
}

/// Another seed is another model: the comparisons above could not all pass on a constant.
#[test]
fn the_seed_is_part_of_the_bits() {
    let other = trained(&["ranks=8", AVERAGE, "seed=2"], &[], 1);
    assert!(other != reference(AVERAGE));
}
