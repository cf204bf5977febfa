//! What a worker has done since it began: for operators, who see it as metrics. Nothing is decided from it.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

/// Counts only grow.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    /// Rounds of trials: a cohort of five counts five in each pass.
    pub(crate) rounds: Count,
    /// Rows that own ranks have trained on.
    pub(crate) samples: Count,
    pub(crate) cohorts: Count,
    pub(crate) cohorts_failed: Count,
    pub(crate) imported_shards: Count,
    pub(crate) imported_bytes: Count,
    pub(crate) imports_failed: Count,
    pub(crate) sessions: Count,
    /// The session that is open: the term of its coordinator.
    term: Mutex<Option<u64>>,
}

#[derive(Debug, Default)]
pub(crate) struct Count(AtomicU64);

impl Count {
    pub(crate) fn add(&self, count: u64) {
        self.0.fetch_add(count, Ordering::Relaxed);
    }

    pub(crate) fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

impl Counters {
    /// A shard was made, of so many bytes; or it could not be.
    pub(crate) fn imported(&self, bytes: Option<u64>) {
        match bytes {
            Some(bytes) => {
                self.imported_shards.add(1);
                self.imported_bytes.add(bytes);
            }
            None => self.imports_failed.add(1),
        }
    }

    /// It is a member, of a coordinator in this term; or it is none.
    pub(crate) fn set_term(&self, term: Option<u64>) {
        *self.term.lock().unwrap_or_else(|poisoned| poisoned.into_inner()) = term;
    }

    pub(crate) fn term(&self) -> Option<u64> {
        *self.term.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}
