//! What a training takes: said before it begins, refused where it is too much, and told afterwards.

use serde_json::Value;

use crate::bed::{assert_nothing_left, bed, files, refused, train};
use crate::tables::{regression, write};

/// The object that `--explain` prints.
fn explained(more: &[&str]) -> Value {
    let aquifer = bed();
    let path = write(&aquifer, "data", regression(5000));
    let finished = aquifer.run(train(&path, "y", &[&["--explain", "--output", "json"], more].concat())).ok();
    assert_nothing_left(&aquifer);
    assert!(files(&aquifer.dir()).is_empty(), "something was started");
    finished.json()
}

#[test]
fn explain_says_what_a_training_would_take_and_starts_nothing() {
    let small = explained(&[]);
    assert_eq!(small["rows"], 5000);
    assert_eq!(small["rows_seen"], 5000);
    let passes = small["passes"].as_array().unwrap();
    assert_eq!(passes.iter().map(|pass| &pass["what"]).collect::<Vec<_>>(), ["import", "training", "scoring"]);
    assert_eq!(passes[1]["passes"], 0.2);
    assert!(passes.iter().all(|pass| pass["bytes"].as_u64().unwrap() > 0));
    let large = explained(&["--set", "hidden=[1000,1000]"]);
    for key in ["state", "workspaces", "partials", "peak_bytes"] {
        assert!(large["memory"][key].as_u64() > small["memory"][key].as_u64(), "{key}");
    }
    assert!(large["flops_per_row"].as_u64() > small["flops_per_row"].as_u64());
}

#[test]
fn a_budget_that_is_too_small_is_refused_with_the_number_that_would_do() {
    let aquifer = bed();
    let path = write(&aquifer, "data", regression(5000));
    let large = ["--set", "hidden=[1500,1500]", "--memory"];
    let with = |memory: &'static str, more: &[&'static str]| train(&path, "y", &[&large[..], &[memory], more].concat());
    let said = refused(&aquifer, with("40MiB", &[]), 2, "memory_too_small", &["MiB of memory, and may take 40"]);
    let number = said.hint.unwrap().split("--memory ").nth(1).unwrap().split("MiB").next().unwrap().to_owned();
    let enough: &'static str = Box::leak(format!("{number}MiB").into_boxed_str());
    let fits = |memory| {
        let explained = aquifer.run(with(memory, &["--explain", "--output", "json"])).ok().json();
        explained["memory"]["fits"].as_bool().unwrap()
    };
    assert!(!fits("40MiB") && fits(enough));
    refused(&aquifer, with("1MiB", &[]), 2, "memory_too_small", &["less than any training takes", "or more"]);
    refused(&aquifer, with("900TiB", &[]), 2, "memory_too_large", &["is more than", "or less"]);
    let usage = aquifer.run(with("2 parsecs", &[])).code(2);
    assert!(usage.stderr.contains("no unit"), "{}", usage.stderr);
    aquifer.run(with(enough, &[])).ok();
}

#[test]
fn the_peak_is_told_and_what_was_counted_holds_it() {
    let aquifer = bed();
    let path = write(&aquifer, "data", regression(20_000));
    let wide = ["--set", "hidden=[600,600]", "--output", "json"];
    let result = aquifer.run(train(&path, "y", &wide)).ok().json();
    let peak = result["memory"]["peak_bytes"].as_u64().unwrap();
    let counted = aquifer.run(train(&path, "y", &[&wide[..], &["--explain"]].concat())).ok().json();
    let counted = counted["memory"]["peak_bytes"].as_u64().unwrap();
    // 600 · 600 weights, three vectors of state, a copy of them, and a gradient.
    assert!(peak > 360_000 * 4 * 7 / 2, "{peak}");
    assert!(peak <= counted, "{peak} bytes were taken, {counted} were counted");
}

#[test]
fn a_processor_without_vector_instructions_works_and_is_said_to_be_slow() {
    let aquifer = bed();
    let path = write(&aquifer, "data", regression(3000));
    let with = |instructions: &str| {
        let mut command = aquifer.command(train(&path, "y", &[]));
        command.env("AQUIFER_INSTRUCTIONS", instructions);
        aquifer_harness::Running::start(command).finish()
    };
    assert!(with("portable").ok().stderr.contains("portable path: the same bits, many times slower"));
    let unknown = with("abacus").code(2);
    assert!(unknown.stderr.contains("it has ") && unknown.stderr.contains("portable"), "{}", unknown.stderr);
}

#[test]
fn more_threads_than_cores_are_said_and_change_nothing() {
    let aquifer = bed();
    let path = write(&aquifer, "data", regression(3000));
    let out = |name: &str| aquifer.file(name);
    let run = |threads: &str, out: &std::path::Path| {
        aquifer.run(train(&path, "y", &["--threads", threads, "--out", out.to_str().unwrap()])).ok().stderr
    };
    let (one, many) = (out("one"), out("many"));
    assert!(!run("1", &one).contains("get into each other"));
    assert!(run("4000", &many).contains("get into each other's way"));
    assert_eq!(std::fs::read(one).unwrap(), std::fs::read(many).unwrap());
}
