//! Sequences of events by seed: workers come, go, hang, leave and come back with what they hold, reports are late and repeated,
//! the coordinator crashes at any commit. The core and the journal are the real ones; whatever happens, the jobs end the same.

mod invariants;
mod node;
mod world;

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use aquifer_frame::Frame;

use super::*;
use world::World;

/// What a CI run has time for; `AQUIFER_SEQUENCES` says another number, `AQUIFER_SEQUENCE` runs one.
const SEQUENCES: u64 = 20_000;
const THREADS: usize = 2;

/// A training that is spread over workers, and a search beside it. They are given to the core again and again.
struct Frames {
    stored: StoredFrame,
    record: aquifer_frame::ShardRecord,
    _folder: tempfile::TempDir,
}

impl Frames {
    /// Three ranks of it, and few columns: every run writes it down.
    fn new() -> Self {
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/data/adult/test.parquet");
        let unread =
            ["workclass", "education", "marital-status", "occupation", "relationship", "race", "native-country"];
        let ignored = unread.map(str::to_owned).to_vec();
        let plan = plan_with_shard_rows(
            survey(&[source.into()], &SourceOptions { ignored, ..SourceOptions::default() }).unwrap(),
            1 << 20,
        );
        let folder = tempfile::tempdir().unwrap();
        let record = import_shard(&plan, 0, folder.path()).unwrap();
        let frame = Frame::merge(&plan, vec![record.clone()]).unwrap();
        Self { stored: StoredFrame { frame, plan, uploads: BTreeMap::new() }, record, _folder: folder }
    }
}

fn from_environment(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().unwrap_or_else(|_| panic!("{name} is a number, not {text:?}")))
}

#[test]
fn every_sequence_ends_every_job_the_same() {
    let frames = Frames::new();
    let calm = World::new(0, &frames).run(false);
    let only = from_environment("AQUIFER_SEQUENCE");
    let first = only.unwrap_or(1);
    let end = first + only.map_or(from_environment("AQUIFER_SEQUENCES").unwrap_or(SEQUENCES), |_| 1);
    let next = AtomicU64::new(first);
    let (given_up, failures) = (AtomicU64::new(0), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= end || failures.lock().unwrap().len() > 5 {
                        return;
                    }
                    let ended = World::new(seed, &frames).run(true);
                    if only.is_some() {
                        println!("{}", ended.trace.join("\n"));
                    }
                    given_up.fetch_add(u64::from(ended.gave_up() > 0), Ordering::Relaxed);
                    let broken = ended.broken(&calm);
                    if !broken.is_empty() {
                        failures.lock().unwrap().push(format!(
                            "sequence {seed}:\n  {}\nsee it again with\n  AQUIFER_SEQUENCE={seed} cargo test --profile ci -p \
                             aquifer-coordinator every_sequence -- --nocapture",
                            broken.join("\n  ")
                        ));
                    }
                }
            });
        }
    });
    let failures = failures.into_inner().unwrap();
    assert!(failures.is_empty(), "{}", failures.join("\n\n"));
    let given_up = given_up.into_inner();
    assert!(
        given_up * 10 <= end - first,
        "{given_up} sequences ended as workers were lost over a trial again and again"
    );
}
