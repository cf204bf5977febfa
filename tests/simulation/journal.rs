//! The coordinator's disk: what it keeps is noted and compared, and it can die at a commit.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};

use aquifer_coordinator::core::{JobId, JobRow, JobStatus, TRAIN, TrialRow};
use aquifer_coordinator::{Journal, JournalError, Left, MemoryJournal};

use crate::notes::{DEATH, Notes};

/// Cheap to clone: a restarted coordinator finds the same disk.
#[derive(Clone)]
pub(crate) struct Disk {
    journal: MemoryJournal,
    notes: Notes,
    seen: Arc<Mutex<Seen>>,
}

#[derive(Default)]
struct Seen {
    term: u64,
    jobs: BTreeMap<String, JobStatus>,
    /// By identity: all of a result that may not depend on when and where.
    trials: BTreeMap<String, String>,
    death: Option<Death>,
}

/// Where a process dies: at the commit after so many others, and what the disk then has of it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Death {
    pub(crate) commits: usize,
    pub(crate) left: Left,
}

impl Disk {
    pub(crate) fn new(notes: Notes) -> Self {
        Self { journal: MemoryJournal::default(), notes, seen: Arc::default() }
    }

    pub(crate) fn die(&self, death: Death) {
        self.lock().death = Some(death);
    }

    pub(crate) fn forget_death(&self) {
        self.lock().death = None;
    }

    /// The last status of each job.
    pub(crate) fn jobs(&self) -> BTreeMap<String, JobStatus> {
        self.lock().jobs.clone()
    }

    fn lock(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    /// Whether the process dies at this commit.
    fn death(&self) -> Option<Death> {
        let mut seen = self.lock();
        match &mut seen.death {
            Some(Death { commits: 0, .. }) => seen.death.take(),
            Some(death) => {
                death.commits -= 1;
                None
            }
            None => None,
        }
    }

    fn see_job(&self, row: &JobRow) {
        let before = self.lock().jobs.insert(row.id.0.clone(), row.status);
        self.notes.trace(&format!("committed: job {} {:?}", row.id, row.status));
        // A search that is submitted again, as its client did not hear that it was taken, looks for candidates that failed.
        if before == Some(JobStatus::Done) && row.status != JobStatus::Done && row.kind == TRAIN {
            self.notes.wrong(format!("job {} was done, and is {:?}", row.id, row.status));
        }
    }

    fn see_trial(&self, row: &TrialRow) {
        let model = row.model.as_ref().map(|model| (&model.fit_blake3, &model.scores));
        let result = format!("{:?} {model:?} {:?}", row.outcome, row.pooled);
        let before = self.lock().trials.insert(row.identity.clone(), result.clone());
        self.notes.trace(&format!("committed: trial {}", &row.identity[..8]));
        if let Some(before) = before.filter(|before| *before != result) {
            self.notes.wrong(format!("trial {} has two results:\n{before}\n{result}", row.identity));
        }
    }
}

impl Journal for Disk {
    fn begin_term(&mut self) -> Result<u64, JournalError> {
        let term = self.journal.begin_term()?;
        let before = std::mem::replace(&mut self.lock().term, term);
        if term <= before {
            self.notes.wrong(format!("term {term} follows term {before}"));
        }
        Ok(term)
    }

    fn jobs(&mut self) -> Result<Vec<JobRow>, JournalError> {
        self.journal.jobs()
    }

    fn commit(&mut self, jobs: &[JobRow], trials: &[TrialRow]) -> Result<(), JournalError> {
        let death = self.death();
        let left = death.map_or(Left::All, |death| death.left);
        let (jobs, trials) = (left.of(jobs), left.of_trials(trials));
        self.journal.commit(jobs, trials)?;
        trials.iter().for_each(|row| self.see_trial(row));
        jobs.iter().for_each(|row| self.see_job(row));
        if death.is_some() {
            self.notes.lock().died = true;
            std::panic::panic_any(DEATH);
        }
        Ok(())
    }

    fn probe(&mut self) -> Result<(), JournalError> {
        self.journal.probe()
    }

    fn trials(&mut self, data: &str) -> Result<Vec<TrialRow>, JournalError> {
        self.journal.trials(data)
    }

    fn clear_sums(&mut self, identities: &[String]) -> Result<(), JournalError> {
        self.journal.clear_sums(identities)
    }

    fn forget(&mut self, job: &JobId) -> Result<(), JournalError> {
        self.journal.forget(job)
    }
}
