//! The memory that a worker may take: counted before a trial begins, and watched. Page cache and mapped shards are not
//! the worker's: the system takes them back when it needs them.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use aquifer_learn::Trial;
use aquifer_model::{Kind, Report};

use crate::resources::own_memory_bytes;

/// What a process takes before it trains: program, connections, journal, buffers of imports.
pub const BASE_BYTES: u64 = 48 << 20;
/// How often the memory of the process is looked at.
const WATCH_INTERVAL: Duration = Duration::from_millis(50);

pub(crate) struct Budget {
    /// 0 if it is not known.
    bytes: u64,
    peak: AtomicU64,
}

impl Budget {
    pub(crate) fn new(bytes: u64) -> Self {
        Self { bytes, peak: AtomicU64::new(0) }
    }

    pub(crate) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// The most that was seen of the process's own memory.
    pub(crate) fn peak_bytes(&self) -> u64 {
        self.look();
        self.peak.load(Ordering::Relaxed)
    }

    fn look(&self) {
        self.peak.fetch_max(own_memory_bytes(), Ordering::Relaxed);
    }

    /// A trial that would take more is refused before it reads a row.
    pub(crate) fn check(&self, trial: &Trial, threads: usize, own_ranks: usize) -> Result<(), Report> {
        let needed = BASE_BYTES + trial.memory(threads as u64, own_ranks as u64).total();
        if self.bytes == 0 || needed <= self.bytes {
            return Ok(());
        }
        Err(too_small(needed, self.bytes))
    }
}

/// The error of a budget that a training does not fit into.
pub fn too_small(needed: u64, budget: u64) -> Report {
    let mib = |bytes: u64| bytes.div_ceil(1 << 20);
    let message = format!("this training takes {} MiB of memory, and may take {}", mib(needed), mib(budget));
    let hint = format!(
        "give --memory {}MiB or more, or fewer ranks, hidden units or threads; `--explain` shows what it is for",
        mib(needed)
    );
    Report::new(Kind::Config, "memory_too_small", message).hint(hint)
}

/// Looks at the memory until it is aborted.
pub(crate) async fn watch_memory(budget: Arc<Budget>) {
    loop {
        budget.look();
        tokio::time::sleep(WATCH_INTERVAL).await;
    }
}
