//! Training after training with a kill every few seconds: memory and descriptors of who survives stay flat, and so does the disk.
//! Seconds in CI; `AQUIFER_CHAOS_SOAK=600` for ten minutes with a kill each 10 s.

use std::path::Path;
use std::time::{Duration, Instant};

use aquifer_harness::{Signal, until};

use crate::bed::{Bed, kill};
use crate::work::Work;

/// In CI: long enough to begin and end trainings between kills.
const SECONDS: u64 = 24;
const KILL_EACH: Duration = Duration::from_secs(10);
const KILL_EACH_IN_CI: Duration = Duration::from_secs(4);
/// Of the time, before anything is measured: what is made once is there by then.
const WARM_UP: u32 = 3;
/// What a training may leave behind: in the coordinator what is known of its job, 29 KB were measured; nothing in a worker; on
/// disk the job's row of 8 KB, as SQLite keeps it, and its model of 11 KB. In ten minutes a model more would be seen.
const COORDINATOR_BYTES_EACH: u64 = 36 << 10;
const WORKER_BYTES_EACH: u64 = 4 << 10;
const DISK_BYTES_EACH: u64 = 32 << 10;
/// Of memory besides: what the allocator has and does not use.
const MEMORY_BYTES: u64 = 5 << 20;
/// … and of disk: SQLite's logs grow to 4 MB before they are written over.
const DISK_BYTES: u64 = 8 << 20;
/// Connections of the moment, and threads that wait for blocking work.
const MORE_DESCRIPTORS: u64 = 12;
const MORE_THREADS: u64 = 8;

#[test]
fn nothing_grows() {
    let asked = std::env::var("AQUIFER_CHAOS_SOAK").ok().and_then(|text| text.parse().ok());
    let lasts = Duration::from_secs(asked.unwrap_or(SECONDS));
    let each = if asked.is_some() { KILL_EACH } else { KILL_EACH_IN_CI };
    let bed = Bed::up();
    let (coordinator, survivor) = (bed.coordinator(), bed.all_workers()[0]);
    let (began, mut next, mut kills, mut trainings) = (Instant::now(), each, 0, 0);
    let mut warm: Option<(Held, u64)> = None;
    while began.elapsed() < lasts {
        let mut running = bed.begin(Work::Steps);
        let ended = |running: &mut aquifer_harness::Running| running.ended().is_some();
        // A kill is for a job at work: who comes too late waits for the next one.
        until("a job that ends or a kill that is due", || {
            (ended(&mut running) || began.elapsed() >= next).then_some(())
        });
        if !ended(&mut running) {
            let others: Vec<u32> = bed.workers().into_iter().filter(|pid| *pid != survivor).collect();
            if let Some(victim) = others.get(kills % others.len().max(1)) {
                kill(*victim);
                kills += 1;
                next = began.elapsed() + each;
            }
        }
        bed.ends_undisturbed(Work::Steps, running);
        trainings += 1;
        if warm.is_none() && began.elapsed() >= lasts / WARM_UP {
            bed.all_workers();
            warm = Some((Held::now(&bed, coordinator, survivor), trainings));
        }
    }
    assert!(kills as u64 >= lasts.as_secs() / each.as_secs() / 2, "only {kills} kills in {lasts:?}");
    bed.all_workers();
    let (before, first) = warm.expect("time to warm up");
    let (after, trainings) = (Held::now(&bed, coordinator, survivor), trainings - first);
    eprintln!("{trainings} trainings after {first} to warm up, {kills} kills: from {before:?} to {after:?}");
    before.coordinator.check("the coordinator", after.coordinator, trainings * COORDINATOR_BYTES_EACH);
    before.worker.check("a worker", after.worker, trainings * WORKER_BYTES_EACH);
    let most = before.disk + DISK_BYTES + trainings * DISK_BYTES_EACH;
    assert!(after.disk <= most, "{} bytes on disk became {}, more than {most}", before.disk, after.disk);
    assert!(Signal::Interrupt.send(bed.cluster.pid()));
}

/// What is taken: by the coordinator, by a worker that is never killed, and by all on disk.
#[derive(Debug)]
struct Held {
    coordinator: Process,
    worker: Process,
    disk: u64,
}

impl Held {
    fn now(bed: &Bed, coordinator: u32, worker: u32) -> Self {
        let (coordinator, worker) = (Process::now(coordinator), Process::now(worker));
        Self { coordinator, worker, disk: bytes_below(bed.cluster.dir()) }
    }
}

#[derive(Clone, Copy, Debug)]
struct Process {
    /// Resident and its own: no mapped files.
    bytes: u64,
    descriptors: u64,
    threads: u64,
}

impl Process {
    fn now(pid: u32) -> Self {
        let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
        let field = |name: &str| -> u64 {
            let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
            line.split_whitespace().next().unwrap().parse().unwrap()
        };
        let descriptors = std::fs::read_dir(format!("/proc/{pid}/fd")).unwrap().count() as u64;
        Self { bytes: field("RssAnon:") << 10, descriptors, threads: field("Threads:") }
    }

    /// What it has become, where trainings may have left so many bytes behind.
    #[track_caller]
    fn check(self, name: &str, after: Self, left_bytes: u64) {
        let most = self.bytes + MEMORY_BYTES + left_bytes;
        assert!(after.bytes <= most, "{name}: {} bytes became {}, more than {most}", self.bytes, after.bytes);
        let most = [self.descriptors + MORE_DESCRIPTORS, self.threads + MORE_THREADS];
        assert!(after.descriptors <= most[0] && after.threads <= most[1], "{name}: {self:?} became {after:?}");
    }
}

fn bytes_below(folder: &Path) -> u64 {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let bytes = |entry: std::fs::DirEntry| match entry.metadata() {
        Ok(found) if found.is_dir() => bytes_below(&entry.path()),
        found => found.map_or(0, |found| found.len()),
    };
    entries.map(bytes).sum()
}
