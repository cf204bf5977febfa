//! The coordinator's state.

use std::collections::{BTreeMap, BTreeSet};

use super::{Job, JobId, JobRow, Worker, WorkerId};

/// All that the control plane knows. Maps are ordered: nothing here depends on hashing.
#[derive(Debug, Default)]
pub struct State {
    /// The fencing number of this start.
    pub term: u64,
    pub(super) workers: BTreeMap<WorkerId, Worker>,
    pub(super) jobs: BTreeMap<JobId, Job>,
}

impl State {
    /// The state at a start: jobs that had not ended are ended by [`State::end_orphans`].
    pub fn new(term: u64) -> Self {
        Self { term, ..Self::default() }
    }

    pub fn workers(&self) -> &BTreeMap<WorkerId, Worker> {
        &self.workers
    }

    pub fn job(&self, job: &JobId) -> Option<&Job> {
        self.jobs.get(job)
    }

    /// Incarnation of the worker that holds rank 0 of a generation that runs.
    pub fn holder_of_first_rank(&self, job: &JobId, number: u64) -> Option<u64> {
        let job = self.jobs.get(job).filter(|job| job.is_active())?;
        let trial = job.trial.as_ref().filter(|trial| trial.number == number)?;
        trial.members.first().map(|member| member.incarnation)
    }

    /// Trials that a worker has ranks of.
    pub fn trials_of(&self, worker: &WorkerId) -> Vec<JobId> {
        let has = |job: &Job| job.trial.as_ref().is_some_and(|t| t.members.iter().any(|m| m.worker == *worker));
        self.jobs.iter().filter(|(_, job)| has(job)).map(|(id, _)| id.clone()).collect()
    }

    /// Shards of the frames that jobs at work read or make.
    pub fn shards_in_use(&self) -> BTreeSet<String> {
        self.jobs.values().flat_map(Job::shards).map(str::to_owned).collect()
    }

    /// The rows of jobs that a former start left running, as failed.
    pub fn end_orphans(rows: Vec<JobRow>) -> Vec<JobRow> {
        rows.into_iter().filter(|row| !row.status.has_ended()).map(JobRow::orphaned).collect()
    }
}
