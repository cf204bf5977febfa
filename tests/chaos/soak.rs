//! Training after training with a kill every few seconds: memory and descriptors of who survives stay flat, and so does the disk.
//! Seconds in CI; `AQUIFER_CHAOS_SOAK=600` for ten minutes with a kill each 10 s.

use std::time::{Duration, Instant};

use aquifer_harness::{Signal, until};

use crate::bed::{Bed, kill};
use crate::work::Work;

/// In CI: long enough to begin and end trainings between kills.
const SECONDS: u64 = 24;
const KILL_EACH: Duration = Duration::from_secs(10);
const KILL_EACH_IN_CI: Duration = Duration::from_secs(4);
/// What a process that lives on may have more in the end than after the first training.
const MORE_BYTES: u64 = 32 << 20;
const MORE_DESCRIPTORS: u64 = 12;

#[test]
fn nothing_grows() {
    let asked = std::env::var("AQUIFER_CHAOS_SOAK").ok().and_then(|text| text.parse().ok());
    let lasts = Duration::from_secs(asked.unwrap_or(SECONDS));
    let each = if asked.is_some() { KILL_EACH } else { KILL_EACH_IN_CI };
    let bed = Bed::up();
    bed.ends_undisturbed(Work::Steps, bed.begin(Work::Steps));
    let coordinator = bed.coordinator();
    let before = held(coordinator);
    let (began, mut next, mut kills, mut trainings) = (Instant::now(), each, 0, 0);
    while began.elapsed() < lasts {
        let mut running = bed.begin(Work::Steps);
        let ended = |running: &mut aquifer_harness::Running| running.ended().is_some();
        // A kill is for a job at work: who comes too late waits for the next one.
        until("a job that ends or a kill that is due", || {
            (ended(&mut running) || began.elapsed() >= next).then_some(())
        });
        if !ended(&mut running) {
            let workers = bed.workers();
            if let Some(victim) = workers.get(kills % workers.len().max(1)) {
                kill(*victim);
                kills += 1;
                next = began.elapsed() + each;
            }
        }
        bed.ends_undisturbed(Work::Steps, running);
        trainings += 1;
    }
    assert!(kills as u64 >= lasts.as_secs() / each.as_secs() / 2, "only {kills} kills in {lasts:?}");
    bed.all_workers();
    let after = held(coordinator);
    eprintln!("{trainings} trainings, {kills} kills; the coordinator before and after: {before:?}, {after:?}");
    assert!(after.0 <= before.0 + MORE_BYTES, "memory grew from {} to {} bytes", before.0, after.0);
    assert!(after.1 <= before.1 + MORE_DESCRIPTORS, "descriptors grew from {} to {}", before.1, after.1);
    assert!(Signal::Interrupt.send(bed.cluster.pid()));
}

/// Resident bytes of its own, without mapped files, and descriptors.
fn held(pid: u32) -> (u64, u64) {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let field = status.lines().find_map(|line| line.strip_prefix("RssAnon:")).unwrap_or_default();
    let kib: u64 = field.trim().trim_end_matches(" kB").parse().unwrap();
    (kib << 10, std::fs::read_dir(format!("/proc/{pid}/fd")).unwrap().count() as u64)
}
