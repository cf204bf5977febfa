//! Cores are pure: `step(state, event) -> effects`. Time, files, threads and the network are arguments or effects.

use crate::source::{Source, has_word};
use crate::{no_complaints, sources};

pub(crate) const CORES: [&str; 3] = ["coordinator/src/core", "coordinator/src/search", "worker/src/core"];

/// What would make a core do something itself, or do it in another order.
const IMPURE: [&str; 18] = [
    "tokio",
    "tonic",
    "std::fs",
    "std::net",
    "std::thread",
    "thread::spawn",
    "std::process",
    "std::env",
    "std::io",
    "std::sync",
    "rusqlite",
    "getrandom",
    "Instant",
    "SystemTime",
    "wall_clock_ms",
    "HashMap",
    "HashSet",
    "async",
];

/// A value that is shared and never changes: no more than a cheaper copy.
const SHARED: &str = "use std::sync::Arc;";

fn check(source: &Source) -> Vec<String> {
    source.complain(|line| {
        if line == SHARED {
            return None;
        }
        let found = IMPURE.iter().find(|word| has_word(line, word))?;
        Some(format!("`{found}` in a pure core: let it come as an event, or leave as an effect"))
    })
}

#[test]
fn cores_are_pure() {
    let sources = sources();
    let cores: Vec<_> = sources.iter().filter(|source| CORES.iter().any(|core| source.is_under(core))).collect();
    assert!(cores.iter().any(|source| source.path.starts_with("coordinator/")));
    assert!(cores.iter().any(|source| source.path.starts_with("worker/")));
    no_complaints(cores.into_iter().flat_map(check).collect());
}

#[test]
fn an_impure_core_is_found() {
    let complaints = |line| check(&Source::new("coordinator/src/core/x.rs", line)).len();
    for bad in [
        "use tokio::sync::mpsc;",
        "let now = Instant::now();",
        "use std::time::{Duration, SystemTime};",
        "std::fs::write(path, text);",
        "use std::net::SocketAddr;",
        "std::thread::spawn(work);",
        "let jobs: HashMap<JobId, Job>;",
        "async fn step() {}",
        "use std::sync::{Arc, Mutex};",
    ] {
        assert_eq!(complaints(bad), 1, "{bad}");
    }
    for good in [SHARED, "use std::time::Duration;", "// an Instant would not do", "use std::collections::BTreeMap;"] {
        assert_eq!(complaints(good), 0, "{good}");
    }
}
