//! A disk that is full, and a process that may open no more files: a typed error or success, a process that lives, and the
//! undisturbed model as soon as there is room.

use std::collections::BTreeSet;
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use aquifer_harness::{Cluster, Running, until};
use rustix::process::{Pid, Resource, Rlimit, getrlimit, prlimit};

use crate::bed::{Bed, assert_undisturbed, lives, skip};
use crate::work::{Work, aquifer};

/// A file system in memory of a size, while it is needed.
struct Tmpfs(PathBuf);

impl Tmpfs {
    fn mount(path: PathBuf, size: &str) -> Option<Self> {
        std::fs::create_dir_all(&path).unwrap();
        let options = format!("size={size},mode=0700");
        let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", &options, "none"]).arg(&path).output();
        mounted.is_ok_and(|output| output.status.success()).then_some(Self(path))
    }

    fn resize(&self, size: &str) {
        let options = format!("remount,size={size}");
        let resized = Command::new("mount").args(["-o", &options]).arg(&self.0).status();
        assert!(resized.is_ok_and(|status| status.success()), "it cannot be resized");
    }

    /// Takes all that is free.
    fn fill(&self) {
        let mut file = std::fs::File::create(self.0.join("filler")).unwrap();
        let piece = [1; 4096];
        while std::io::Write::write_all(&mut file, &piece).is_ok() {}
    }
}

impl Drop for Tmpfs {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("--lazy").arg(&self.0).status();
    }
}

/// Ends with the undisturbed model, or with an error that says it is the disk's.
#[track_caller]
fn ends_or_is_full(work: Work, running: Running, out: &Path) -> bool {
    let ended = running.finish();
    assert!(!ended.stderr.contains("panicked"), "{}", ended.stderr);
    if ended.status.success() {
        assert_undisturbed(work, out);
        return true;
    }
    assert_eq!(ended.status.code(), Some(1), "{}", ended.stderr);
    let full = ["disk_full", "journal"].iter().any(|code| ended.stderr.contains(&format!("\"code\":\"{code}\"")));
    assert!(full, "the error does not say that the disk is full: {}", ended.stderr);
    false
}

fn begin(aquifer: &aquifer_harness::Aquifer, cluster: &Cluster, work: Work, out: &Path) -> Running {
    let mut words = work.words(aquifer, out);
    words.extend(cluster.options());
    aquifer.start(words)
}

/// The data folder of one worker is full before it makes or fetches a shard.
#[test]
fn a_worker_whose_disk_is_full() {
    let aquifer = aquifer();
    let folder = aquifer.file("cluster").join("workers").join("1");
    let Some(disk) = Tmpfs::mount(folder, "64k") else { return skip("no tmpfs can be mounted here: that takes root") };
    let cluster = Cluster::up(&aquifer, 2);
    let out = aquifer.file("model.safetensors");
    disk.fill();
    assert!(rustix::fs::statvfs(&disk.0).unwrap().f_bavail == 0, "the fault must be there");
    let passed = ends_or_is_full(Work::Train, begin(&aquifer, &cluster, Work::Train, &out), &out);
    eprintln!("with a full disk at a worker: {}", if passed { "the model" } else { "a typed error" });
    let met = format!("cannot write {}", disk.0.display());
    assert!(cluster.log().contains(&met), "the worker has written nothing: {}", cluster.log());
    disk.resize("64m");
    begin(&aquifer, &cluster, Work::Train, &out).finish().ok();
    assert_undisturbed(Work::Train, &out);
}

/// Nothing can be committed any more; then it can.
#[test]
fn a_coordinator_whose_disk_is_full() {
    let aquifer = aquifer();
    let folder = aquifer.file("cluster");
    let Some(disk) = Tmpfs::mount(folder, "64m") else { return skip("no tmpfs can be mounted here: that takes root") };
    let cluster = Cluster::up(&aquifer, 2);
    let out = aquifer.file("model.safetensors");
    let coordinator = crate::bed::pid(&cluster.status(&aquifer)["coordinator"]);
    disk.fill();
    let ended = begin(&aquifer, &cluster, Work::Train, &out).finish().code(1);
    assert!(ended.stderr.contains("disk_full") || ended.stderr.contains("journal"), "{}", ended.stderr);
    assert!(lives(coordinator), "it goes on answering");
    cluster.status(&aquifer);
    std::fs::remove_file(disk.0.join("filler")).unwrap();
    begin(&aquifer, &cluster, Work::Train, &out).finish().ok();
    assert_undisturbed(Work::Train, &out);
    drop(cluster);
}

/// The descriptors that another process may have, by their numbers: those that it has stay, whatever theirs are.
fn set_descriptors(pid: u32, current: u64) -> u64 {
    let before = getrlimit(Resource::Nofile);
    let of = Pid::from_raw(pid as i32).unwrap();
    let limit = Rlimit { current: Some(current), maximum: before.maximum };
    prlimit(Some(of), Resource::Nofile, limit).unwrap().current.unwrap_or(u64::MAX)
}

/// The number that the next descriptor of a process would have.
fn lowest_free(pid: u32) -> u64 {
    let entries = std::fs::read_dir(format!("/proc/{pid}/fd")).into_iter().flatten().flatten();
    let taken: BTreeSet<u64> = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect();
    (0..).find(|number| !taken.contains(number)).unwrap()
}

#[test]
fn a_worker_without_descriptors() {
    without_descriptors(
        |bed| bed.workers()[0],
        |bed| bed.status()["workers"][0]["address"].as_str().unwrap().to_owned(),
    );
}

#[test]
fn a_coordinator_without_descriptors() {
    without_descriptors(Bed::coordinator, |bed| bed.cluster.url());
}

/// So long a process may open nothing more.
const WANT: Duration = Duration::from_secs(5);
/// As the system says it.
const MET: &str = "Too many open files";

/// It may open not one file or connection more, in the midst of a training; and then it may again.
fn without_descriptors(victim: impl Fn(&Bed) -> u32, address: impl Fn(&Bed) -> String) {
    let bed = Bed::up();
    let (victim, address) = (victim(&bed), address(&bed));
    let mut running = crate::points::at_work(&bed, Work::Steps);
    let before = set_descriptors(victim, lowest_free(victim));
    // A job that has met the want by then has failed of it; one that merely reaches nobody waits, and goes on after it.
    let waited = Instant::now();
    while waited.elapsed() < WANT && running.ended().is_none() {
        std::thread::sleep(Duration::from_millis(50));
        // What it closes makes no room.
        if lives(victim) {
            set_descriptors(victim, lowest_free(victim));
        }
    }
    // A training may need nothing new; who is dialled does.
    let caller = TcpStream::connect(address.strip_prefix("http://").unwrap());
    until("the victim to meet its limit", || bed.cluster.log().contains(MET).then_some(()));
    drop(caller);
    if lives(victim) {
        set_descriptors(victim, before);
    }
    let ended = running.finish();
    assert!(!bed.cluster.log().contains("panicked"), "{}", bed.cluster.log());
    if ended.status.success() {
        assert_undisturbed(Work::Steps, &bed.out());
    } else {
        assert_eq!(ended.status.code(), Some(1), "{}", ended.stderr);
        assert!(ended.stderr.contains(MET), "the error does not say why: {}", ended.stderr);
    }
    bed.all_workers();
    bed.ends_undisturbed(Work::Train, bed.begin(Work::Train));
}
