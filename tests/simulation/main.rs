//! Whole clusters in simulation: the real coordinator, workers and wire, in one thread, on a network and in a time that
//! follow a seed. Whatever happens, every job ends as if nothing had, with the same bytes.
//!
//! `AQUIFER_SEED=N` runs one seed and shows its trace, and with `AQUIFER_LOG=info` the nodes' log; `AQUIFER_SEEDS=N` runs so
//! many.

mod bed;
mod case;
mod client;
mod cluster;
mod faults;
mod invariants;
mod jobs;
mod journal;
mod network;
mod node;
mod notes;

use std::sync::atomic::{AtomicU64, Ordering};

use case::Case;

/// What a CI run has time for.
const SEEDS: u64 = 320;
const THREADS: usize = 2;
/// Beyond them, those that found something.
const FOUND: [u64; 9] = [450, 451, 518, 555, 2151, 2674, 2827, 3772, 3829];
/// Seeds that are run twice.
const TWICE: u64 = 6;

fn from_environment(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().unwrap_or_else(|_| panic!("{name} is a number, not {text:?}")))
}

/// What is wrong with a seed, and how to see it again.
fn failure(seed: u64) -> Option<String> {
    notes::show_log();
    let case = Case::of(seed);
    let run = cluster::run(&case);
    let wrong = invariants::broken(&case, &run);
    if from_environment("AQUIFER_SEED").is_some() {
        println!("{case:#?}\n{}\nended after {:?}", run.trace.join("\n"), run.took);
    }
    (!wrong.is_empty()).then(|| {
        format!(
            "seed {seed} ({}):\n  {}\nsee it again with\n  AQUIFER_SEED={seed} cargo test --profile ci --test simulation \
             every_seed -- --nocapture",
            case.faults.join(", "),
            wrong.join("\n  ")
        )
    })
}

#[test]
fn every_seed_ends_every_job_with_the_same_bytes() {
    let only = from_environment("AQUIFER_SEED");
    let count = from_environment("AQUIFER_SEEDS").unwrap_or(SEEDS);
    let first = only.unwrap_or(1);
    let end = if only.is_some() { first + 1 } else { first + count };
    let next = AtomicU64::new(first);
    let work = || {
        let mut failures = Vec::new();
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= end {
                return failures;
            }
            failures.extend(failure(seed));
        }
    };
    let failures: Vec<String> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS).map(|_| scope.spawn(work)).collect();
        threads.into_iter().flat_map(|thread| thread.join().expect("a simulation")).collect()
    });
    assert!(failures.is_empty(), "{} of {} seeds:\n{}", failures.len(), end - first, failures.join("\n\n"));
}

#[test]
fn seeds_that_failed_once() {
    let failures: Vec<String> = FOUND.into_iter().filter_map(failure).collect();
    assert!(failures.is_empty(), "{}", failures.join("\n\n"));
}

#[test]
fn the_same_seed_gives_the_same_trace() {
    for seed in 1..=TWICE {
        let [first, second] = [0, 1].map(|_| cluster::run(&Case::of(seed)).trace);
        let differs = first.iter().zip(&second).position(|(a, b)| a != b);
        if let Some(at) = differs {
            panic!("seed {seed}: line {at} of its traces:\n{}\n{}", first[at], second[at]);
        }
        assert_eq!(first.len(), second.len(), "seed {seed}");
    }
}
