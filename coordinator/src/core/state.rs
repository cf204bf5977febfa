//! The coordinator's state.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use aquifer_proto::SearchSummary;

use super::{Job, JobId, JobRow, JobStatus, Worker, WorkerId};

/// All that the control plane knows. Maps are ordered: nothing here depends on hashing.
#[derive(Debug, Default)]
pub struct State {
    /// The fencing number of this start.
    pub term: u64,
    pub(super) workers: BTreeMap<WorkerId, Worker>,
    pub(super) jobs: BTreeMap<JobId, Job>,
    /// Jobs of former starts, as they were left.
    pub(super) past: BTreeMap<JobId, JobRow>,
    /// There is no worker since then.
    pub(super) workerless_since: Option<Duration>,
    /// How long a job waits for workers.
    pub(super) no_worker_grace: Duration,
    /// Jobs of a former start go on: what workers bring back is waited for.
    pub(super) continues: bool,
    /// When the first worker of this start came.
    pub(super) first_registered: Option<Duration>,
    /// Addresses of workers that computed other states than the rest, and could not do it again.
    pub(super) quarantined: BTreeSet<String>,
}

/// A job that finds too few workers fails after this long.
pub const NO_WORKER_GRACE: Duration = Duration::from_secs(300);

impl State {
    /// The state at a start: jobs that had not ended are ended by [`State::end_orphans`].
    pub fn new(term: u64) -> Self {
        Self { term, no_worker_grace: NO_WORKER_GRACE, ..Self::default() }
    }

    /// With the jobs of former starts.
    pub fn with_past(mut self, rows: Vec<JobRow>) -> Self {
        self.past = rows.into_iter().map(|row| (row.id.clone(), row)).collect();
        self
    }

    pub fn with_no_worker_grace(self, no_worker_grace: Duration) -> Self {
        Self { no_worker_grace, ..self }
    }

    /// The jobs that a former start left running, to be submitted again: they go on with what is known of their trials.
    pub fn continued(mut self) -> (Self, Vec<JobRow>) {
        let running = self.past.values().filter(|row| row.status == JobStatus::Running && row.request.is_some());
        let running: Vec<JobRow> = running.cloned().collect();
        self.continues = !running.is_empty();
        (self, running)
    }

    /// Every job that is known, of this start and former ones.
    pub fn rows(&self) -> Vec<JobRow> {
        let mut rows = self.past.clone();
        rows.extend(self.jobs.iter().map(|(id, job)| (id.clone(), job.row.clone())));
        rows.into_values().collect()
    }

    pub fn row(&self, job: &JobId) -> Option<&JobRow> {
        self.jobs.get(job).map(|job| &job.row).or_else(|| self.past.get(job))
    }

    /// What a search has found so far, or in the end.
    pub fn leaderboard(&self, job: &JobId) -> Option<SearchSummary> {
        let search = self.jobs.get(job)?.search.as_ref()?;
        // How long it has been at work nobody asks of what is not done.
        search.is_grid().then(|| search.summary(job, search.began))
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
        let run = job.search.as_ref()?.runs.get(&number).filter(|run| run.stopping.is_none())?;
        run.members.first().map(|member| member.incarnation)
    }

    /// Trials that a worker has ranks of.
    pub fn trials_of(&self, worker: &WorkerId) -> Vec<JobId> {
        let has = |job: &Job| job.search.as_ref().is_some_and(|search| search.runs.values().any(|run| run.has(worker)));
        self.jobs.iter().filter(|(_, job)| has(job)).map(|(id, _)| id.clone()).collect()
    }

    /// Trials at work, and those that may begin.
    pub fn trial_counts(&self) -> (usize, usize) {
        let searches = || self.jobs.values().filter_map(|job| job.search.as_ref());
        (searches().map(|search| search.running()).sum(), searches().map(|search| search.waiting.len()).sum())
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
