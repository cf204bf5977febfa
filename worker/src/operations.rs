//! What operators ask of a worker.

use std::sync::Arc;

use aquifer_proto::{Clock, Metrics, Operated};

use crate::budget::Budget;
use crate::counters::Counters;
use crate::registry::Registry;
use crate::resources::own_memory_bytes;
use crate::states::States;
use crate::store::Store;

pub(crate) struct Operations {
    pub(crate) counters: Arc<Counters>,
    pub(crate) budget: Arc<Budget>,
    pub(crate) registry: Registry,
    pub(crate) store: Store,
    pub(crate) states: States,
    /// Began with the process.
    pub(crate) clock: Arc<dyn Clock>,
}

#[tonic::async_trait]
impl Operated for Operations {
    /// That it answers is all: one that has lost its coordinator dials again, and to start it anew would help nobody.
    async fn healthy(&self) -> Result<(), &'static str> {
        Ok(())
    }

    async fn ready(&self) -> Result<(), &'static str> {
        self.counters.term().map(drop).ok_or("not registered with its coordinator")
    }

    async fn metrics(&self) -> Metrics {
        let mut metrics = Metrics::of_process("worker", self.clock.now());
        let (counters, budget) = (&self.counters, &self.budget);
        let term = counters.term();
        metrics.gauge("aquifer_worker_registered", "1 while it is a member.", u8::from(term.is_some()));
        metrics.gauge("aquifer_term", "Of the coordinator; 0 without one.", term.unwrap_or(0));
        metrics.counter("aquifer_worker_sessions_total", "Times that it registered.", counters.sessions.get());
        metrics.gauge("aquifer_worker_cohorts", "Cohorts at work.", self.registry.len());
        metrics.counter("aquifer_worker_cohorts_total", "Cohorts that began.", counters.cohorts.get());
        metrics.counter(
            "aquifer_worker_cohorts_failed_total",
            "Those that ended with an error.",
            counters.cohorts_failed.get(),
        );
        metrics.counter("aquifer_worker_rounds_total", "Rounds of trials.", counters.rounds.get());
        metrics.counter(
            "aquifer_worker_samples_total",
            "Rows trained on, counted by the holder of rank 0.",
            counters.samples.get(),
        );
        let shards = self.store.list().len();
        metrics.gauge("aquifer_worker_shards", "Shards in its store.", shards);
        metrics.counter(
            "aquifer_worker_imported_shards_total",
            "Shards that it has made.",
            counters.imported_shards.get(),
        );
        metrics.counter("aquifer_worker_imported_bytes_total", "Their bytes.", counters.imported_bytes.get());
        metrics.counter(
            "aquifer_worker_imports_failed_total",
            "Shards that it could not make.",
            counters.imports_failed.get(),
        );
        let held = self.states.all();
        metrics.gauge("aquifer_worker_states", "Held, of trials that are not at work here.", held.len());
        let bytes: u64 = held.iter().map(|(_, held)| held.snapshot.of().size()).sum();
        metrics.gauge("aquifer_worker_states_bytes", "Their bytes.", bytes);
        metrics.gauge("aquifer_worker_memory_budget_bytes", "Memory that it may take; 0: unknown.", budget.bytes());
        metrics.gauge("aquifer_worker_memory_reserved_bytes", "Reserved by cohorts.", budget.reserved_bytes());
        metrics.gauge("aquifer_worker_memory_bytes", "Its own: no page cache, no mapped files.", own_memory_bytes());
        metrics.gauge("aquifer_worker_memory_peak_bytes", "The most of it so far.", budget.peak_bytes());
        metrics.gauge("aquifer_worker_disk_free_bytes", "Where its shards lie.", self.store.disk_free_bytes());
        metrics
    }
}
