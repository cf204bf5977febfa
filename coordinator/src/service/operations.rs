//! What operators ask of a coordinator.

use std::sync::Arc;

use aquifer_proto::{Clock, Metrics, Operated, PROTOCOL_VERSION};

use crate::core::{JobStatus, State};
use crate::driver::Handle;

pub(crate) struct Operations {
    pub(crate) handle: Handle,
    /// Began with the process.
    pub(crate) clock: Arc<dyn Clock>,
}

const STOPPED: &str = "its driver has ended";

#[tonic::async_trait]
impl Operated for Operations {
    async fn healthy(&self) -> Result<(), &'static str> {
        self.handle.ask(|_| ()).await.ok_or(STOPPED)
    }

    async fn ready(&self) -> Result<(), &'static str> {
        match self.handle.journal_works().await {
            Some(true) => Ok(()),
            Some(false) => Err("the journal cannot be written"),
            None => Err(STOPPED),
        }
    }

    async fn metrics(&self) -> Metrics {
        let mut metrics = Metrics::of_process("coordinator", self.clock.now());
        if let Some(now) = self.handle.ask(Now::of).await {
            now.write(&mut metrics);
        }
        let counts = self.handle.record.counts();
        metrics.counter("aquifer_workers_joined_total", "Workers that registered.", counts.joined);
        metrics.counter("aquifer_workers_left_total", "Workers that were told to end, and did.", counts.left);
        metrics.counters(
            "aquifer_workers_lost_total",
            "Workers that were lost, by what told of it.",
            "cause",
            [("lease", counts.lost_lease), ("quarantine", counts.lost_quarantined), ("session", counts.lost_session)],
        );
        metrics.counter(
            "aquifer_jobs_placed_again_total",
            "Jobs of which something was placed again after a loss.",
            counts.placed_again,
        );
        metrics.counter("aquifer_jobs_submitted_total", "Jobs that were submitted.", counts.submitted);
        metrics.counter("aquifer_trials_done_total", "Trials that were trained to their end.", counts.trials);
        metrics.counter("aquifer_models_stored_total", "Model files that were taken.", counts.models);
        metrics.counter("aquifer_checkpoints_total", "States of trials that were kept.", counts.checkpoints);
        metrics.counter("aquifer_checkpoint_bytes_total", "Their bytes.", counts.checkpoint_bytes);
        metrics.counter("aquifer_imported_shards_total", "Shards that were made.", counts.imported_shards);
        metrics.counter("aquifer_imported_rows_total", "Rows of shards that were made.", counts.imported_rows);
        metrics.counter("aquifer_imported_bytes_total", "Bytes of shards that were made.", counts.imported_bytes);
        metrics.counter("aquifer_journal_commits_total", "Transactions of the journal.", counts.commits);
        metrics.counter("aquifer_journal_failures_total", "Those that could not be written.", counts.commits_failed);
        metrics
    }
}

/// The state, as far as operators see it.
struct Now {
    term: u64,
    workers: usize,
    threads: u32,
    memory_bytes: u64,
    jobs: [(&'static str, usize); 5],
    trials_running: usize,
    trials_waiting: usize,
}

impl Now {
    fn of(state: &State) -> Self {
        let registrations = || state.workers().values().map(|worker| &worker.registration);
        let rows = state.rows();
        let jobs = |status| rows.iter().filter(|row| row.status == status).count();
        let (trials_running, trials_waiting) = state.trial_counts();
        Self {
            term: state.term,
            workers: state.workers().len(),
            threads: registrations().map(|worker| worker.threads).sum(),
            memory_bytes: registrations().map(|worker| worker.memory_bytes).sum(),
            jobs: [
                ("running", jobs(JobStatus::Running)),
                ("done", jobs(JobStatus::Done)),
                ("failed", jobs(JobStatus::Failed)),
                ("cancelled", jobs(JobStatus::Cancelled)),
                ("interrupted", jobs(JobStatus::Interrupted)),
            ],
            trials_running,
            trials_waiting,
        }
    }

    fn write(self, metrics: &mut Metrics) {
        metrics.gauge("aquifer_term", "The coordinator's fencing number: its starts on this folder.", self.term);
        metrics.gauge("aquifer_protocol_version", "Of the wire.", PROTOCOL_VERSION);
        metrics.gauge("aquifer_workers", "Workers that are members now.", self.workers);
        metrics.gauge("aquifer_workers_threads", "Their compute threads.", self.threads);
        metrics.gauge("aquifer_workers_memory_bytes", "Memory that they may take.", self.memory_bytes);
        metrics.gauges("aquifer_jobs", "Jobs of this folder.", "status", self.jobs);
        let trials = [("running", self.trials_running), ("waiting", self.trials_waiting)];
        metrics.gauges("aquifer_trials", "Trials of jobs at work.", "state", trials);
    }
}
