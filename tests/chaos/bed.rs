//! What a fault happens on: a cluster of real processes with a folder of faults, a job in it, and the question whether its
//! model is the undisturbed one.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use aquifer_fault::{Action, FOLDER_VARIABLE, Fault};
pub(crate) use aquifer_harness::lives;
use aquifer_harness::{Aquifer, Cluster, Finished, Running, Signal, is_stopped, until};
use serde_json::Value;

use crate::work::{Work, aquifer};

pub(crate) const WORKERS: u32 = 3;

/// A cluster that faults can be armed in.
pub(crate) struct Bed {
    pub(crate) cluster: Cluster,
    pub(crate) aquifer: Aquifer,
    faults: PathBuf,
}

impl Bed {
    pub(crate) fn up() -> Self {
        Self::with(WORKERS)
    }

    pub(crate) fn with(workers: u32) -> Self {
        let aquifer = aquifer();
        let faults = aquifer.file("faults");
        let log = std::env::var("AQUIFER_CHAOS_LOG").unwrap_or("info".into());
        let cluster = Cluster::with(&aquifer, workers).variable(FOLDER_VARIABLE, faults.clone()).log(&log).start();
        Self { cluster, aquifer, faults }
    }

    /// From now on this waits for the process that passes there.
    pub(crate) fn arm(&self, point: &str, passing: u64, action: Action) -> Fault {
        arm(&self.faults, point, passing, action)
    }

    /// The process that it happened to.
    pub(crate) fn fired(&self, fault: &Fault) -> Option<u32> {
        aquifer_fault::fired(&self.faults, fault)
    }

    /// Waits until it has happened.
    pub(crate) fn wait_for(&self, fault: &Fault) -> u32 {
        wait_for(&self.faults, fault)
    }

    pub(crate) fn out(&self) -> PathBuf {
        self.aquifer.file("model.safetensors")
    }

    /// Begins a job.
    pub(crate) fn begin(&self, work: Work) -> Running {
        let mut words = work.words(&self.aquifer, &self.out());
        words.extend(self.cluster.options());
        self.aquifer.start(words)
    }

    /// Waits for its end, which must be a success with the undisturbed model.
    #[track_caller]
    pub(crate) fn ends_undisturbed(&self, work: Work, running: Running) {
        let ended = running.finish();
        assert!(ended.status.success(), "{}\n{}", ended.status, ended.stderr);
        self.ends_well(work);
    }

    /// The job is done; is the model right?
    #[track_caller]
    pub(crate) fn ends_well(&self, work: Work) {
        if let Some(mut after) = work.words_after(&self.out()) {
            self.all_workers(); // a command that begins waits for no coordinator
            after.extend(self.cluster.options());
            self.aquifer.run(after).ok();
        }
        assert_undisturbed(work, &self.out());
        assert!(!self.cluster.log().contains("panicked"), "{}", self.cluster.log());
    }

    /// `cluster status`.
    pub(crate) fn status(&self) -> Value {
        self.cluster.status(&self.aquifer)
    }

    pub(crate) fn coordinator(&self) -> u32 {
        pid(&self.status()["coordinator"])
    }

    /// The workers' processes as the machine has them, whoever the coordinator knows.
    pub(crate) fn children(&self, coordinator: u32) -> Vec<u32> {
        let all = self.cluster.group().members();
        all.into_iter().filter(|pid| *pid != coordinator && *pid != self.cluster.pid()).collect()
    }

    /// The names under which the workers are members: another session, another name.
    pub(crate) fn members(&self) -> Vec<String> {
        let status = self.status();
        let id = |worker: &Value| worker["id"].as_str().expect("an id").to_owned();
        status["workers"].as_array().unwrap().iter().map(id).collect()
    }

    pub(crate) fn workers(&self) -> Vec<u32> {
        let status = self.status();
        status["workers"].as_array().unwrap().iter().map(pid).collect()
    }

    /// Waits until all workers are members, and returns their processes.
    pub(crate) fn all_workers(&self) -> Vec<u32> {
        until("all workers to be members", || {
            let workers = self.workers();
            (workers.len() == WORKERS as usize).then_some(workers)
        })
    }

    /// The data folder of a worker, counted from 1.
    pub(crate) fn worker_folder(&self, at: u32) -> PathBuf {
        self.cluster.dir().join("workers").join(at.to_string())
    }
}

/// Whatever a test fails by: what the cluster has said tells why.
impl Drop for Bed {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("the cluster said:\n{}", self.cluster.log());
        }
    }
}

pub(crate) fn arm(folder: &Path, point: &str, passing: u64, action: Action) -> Fault {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    let fault = Fault { id: NEXT.fetch_add(1, Ordering::Relaxed), point: point.to_owned(), passing, action };
    aquifer_fault::arm(folder, &fault).unwrap();
    fault
}

/// Waits until it has happened, and returns the process that it happened to.
pub(crate) fn wait_for(folder: &Path, fault: &Fault) -> u32 {
    let pid = until(&format!("the fault at {}", fault.point), || aquifer_fault::fired(folder, fault));
    if fault.action == Action::Stop {
        // It is on record a moment before: a SIGCONT that came in between would be lost.
        until("the process to stand still", || is_stopped(pid).then_some(()));
    }
    pid
}

/// The end of a training with gradients summed at every step that something happens to for a time, once it is at work.
pub(crate) fn disturbed_for(
    time: Duration,
    faults: &Path,
    begin: impl FnOnce() -> Running,
    disturb: impl FnOnce() -> bool,
    restore: impl FnOnce() -> bool,
) -> Finished {
    let fault = arm(faults, "worker.round.done", 10, Action::Stop);
    let running = begin();
    let stopped = wait_for(faults, &fault);
    assert!(disturb(), "the fault must happen");
    assert!(Signal::Continue.send(stopped));
    passes(time);
    assert!(restore());
    running.finish()
}

pub(crate) fn passes(time: Duration) {
    let began = Instant::now();
    until("time to pass", || (began.elapsed() >= time).then_some(()));
}

#[track_caller]
pub(crate) fn assert_undisturbed(work: Work, model: &Path) {
    let bytes = std::fs::read(model).unwrap_or_else(|error| panic!("{}: {error}", model.display()));
    assert!(bytes == work.undisturbed(), "the bytes of the model differ from those of the undisturbed run");
}

/// The process that a status names.
pub(crate) fn pid(node: &Value) -> u32 {
    node["pid"].as_u64().expect("a pid") as u32
}

/// kill -9, of a process that is there.
#[track_caller]
pub(crate) fn kill(pid: u32) {
    assert!(Signal::Kill.send(pid), "process {pid} is gone: the fault hits nothing");
}

/// A test that needs what this machine does not allow says so, and what it would have needed.
pub(crate) fn skip(why: &str) {
    eprintln!("skipped: {why}");
}
