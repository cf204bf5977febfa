//! The memory that a worker may take: counted before a trial begins, and watched. Page cache and mapped shards are not
//! the worker's: the system takes them back when it needs them.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, Weak};
use std::time::Duration;

use aquifer_model::{Kind, Report};
use tokio::sync::Semaphore;

use crate::resources::{memory_bytes, own_memory_bytes};

/// What a process takes before it trains: program, connections, journal, buffers of imports.
pub const BASE_BYTES: u64 = 24 << 20;
/// What one import takes: a shard of 32 MiB, a column of it narrowed, and pages that are unpacked.
const IMPORT_BYTES: u64 = 48 << 20;
/// How often the memory of the process is looked at.
const WATCH_INTERVAL: Duration = Duration::from_millis(50);

pub(crate) struct Budget {
    /// 0 if it is not known.
    bytes: u64,
    /// By the trials that are running.
    reserved: Mutex<u64>,
    peak: AtomicU64,
}

impl Budget {
    pub(crate) fn new(bytes: u64) -> Self {
        Self { bytes, reserved: Mutex::default(), peak: AtomicU64::new(0) }
    }

    pub(crate) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Imports that fit side by side; one always begins.
    pub(crate) fn imports_max(&self) -> usize {
        match self.bytes {
            0 => Semaphore::MAX_PERMITS,
            bytes => (bytes.saturating_sub(BASE_BYTES) / IMPORT_BYTES).max(1) as usize,
        }
    }

    pub(crate) fn reserved_bytes(&self) -> u64 {
        *self.reserved.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    /// Whether anybody has memory reserved now.
    pub(crate) fn is_shared(&self) -> bool {
        self.reserved_bytes() > 0
    }

    /// Whether so much could be reserved now.
    pub(crate) fn has_room_for(&self, bytes: u64) -> bool {
        let reserved = *self.reserved.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        self.bytes == 0 || BASE_BYTES + reserved + bytes <= self.bytes
    }

    /// What the page cache may hold beside what is reserved: the machine's memory, or the cgroup's; 0 if it is not known.
    pub(crate) fn cache_bytes(&self) -> u64 {
        let reserved = *self.reserved.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        memory_bytes().saturating_sub(reserved)
    }

    /// The most that was seen of the process's own memory, since it began.
    pub(crate) fn peak_bytes(&self) -> u64 {
        self.look();
        self.peak.load(Ordering::Relaxed)
    }

    fn look(&self) {
        self.peak.fetch_max(own_memory_bytes(), Ordering::Relaxed);
    }

    /// Reserves what trials take, for as long as they last. Those that would take more than there is, beside the others, are
    /// refused before they read a row.
    pub(crate) fn reserve(self: &Arc<Self>, bytes: u64) -> Result<Reservation, Report> {
        let mut reserved = self.reserved.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        if self.bytes > 0 && BASE_BYTES + *reserved + bytes > self.bytes {
            return Err(too_small(BASE_BYTES + *reserved + bytes, self.bytes));
        }
        *reserved += bytes;
        Ok(Reservation { budget: self.clone(), bytes })
    }
}

/// Memory that a trial may take; given back when it is dropped.
pub(crate) struct Reservation {
    budget: Arc<Budget>,
    bytes: u64,
}

impl Drop for Reservation {
    fn drop(&mut self) {
        *self.budget.reserved.lock().unwrap_or_else(|poisoned| poisoned.into_inner()) -= self.bytes;
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

/// Looks at the memory for as long as the budget is anybody's.
pub(crate) async fn watch_memory(budget: Weak<Budget>) {
    while let Some(budget) = budget.upgrade() {
        budget.look();
        drop(budget);
        tokio::time::sleep(WATCH_INTERVAL).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn imports_side_by_side_fit_into_the_budget() {
        let imports = |mib: u64| Budget::new(mib << 20).imports_max();
        assert_eq!([imports(1), imports(64), imports(119), imports(120), imports(4096)], [1, 1, 1, 2, 84]);
        assert!(imports(0) > 1 << 20, "nothing is known of the memory");
    }
}
