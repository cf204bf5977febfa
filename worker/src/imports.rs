//! Imports at work, by job, so that those of a job that has failed end early and leave no shard.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard};

/// Cheap to clone.
#[derive(Clone, Default)]
pub(crate) struct Imports(Arc<Mutex<BTreeMap<String, Importing>>>);

/// One job's imports on this worker, while there are any.
#[derive(Default)]
struct Importing {
    /// Waiting or running.
    count: usize,
    /// How often it was told that the job has failed: nobody will ask for its shards.
    drops: usize,
    /// Shards that were here before.
    before: BTreeSet<String>,
}

impl Imports {
    /// An import was asked for; `here` lists the shards of the store.
    pub(crate) fn begin(&self, job: &str, here: impl FnOnce() -> BTreeSet<String>) {
        let mut jobs = self.lock();
        let importing = jobs.entry(job.to_owned()).or_default();
        if importing.count == 0 {
            importing.before = here();
        }
        importing.count += 1;
    }

    pub(crate) fn is_dropped(&self, job: &str) -> bool {
        self.lock().get(job).is_some_and(|importing| importing.drops > 0)
    }

    /// An import ended; `made` is its shard, if it made one, and is removed if it is of no use. Returns how often to say
    /// now that nothing of the job is left.
    pub(crate) fn end(&self, job: &str, made: Option<&str>, remove: impl FnOnce(&str)) -> usize {
        let mut jobs = self.lock();
        let Some(importing) = jobs.get_mut(job) else { return 0 };
        importing.count = importing.count.saturating_sub(1);
        let drops = importing.drops;
        if let Some(hash) = made.filter(|hash| drops > 0 && !importing.before.contains(*hash)) {
            remove(hash); // under the lock: who ends last says that all are gone
        }
        if importing.count > 0 {
            return 0;
        }
        jobs.remove(job);
        drops
    }

    /// The job has failed. True if none of its imports is at work; else the last one of them answers.
    pub(crate) fn drop_job(&self, job: &str) -> bool {
        match self.lock().get_mut(job) {
            Some(importing) => {
                importing.drops += 1;
                false
            }
            None => true,
        }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Importing>> {
        self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dropped_job_keeps_only_what_was_there_before() {
        let imports = Imports::default();
        let here = || BTreeSet::from(["old".to_owned()]);
        for _ in 0..3 {
            imports.begin("a", here);
        }
        let mut removed = Vec::new();
        let mut end = |made: &str| imports.end("a", Some(made), |hash| removed.push(hash.to_owned()));
        assert_eq!(end("new"), 0, "it has not failed yet");
        assert!(!imports.drop_job("a") && imports.is_dropped("a") && !imports.drop_job("a"));
        assert_eq!(end("old"), 0);
        assert_eq!(end("newer"), 2, "an answer to each");
        assert_eq!(removed, ["newer"]);
        assert!(!imports.is_dropped("a"));
        assert!(imports.drop_job("a"), "nothing is at work");
    }
}
