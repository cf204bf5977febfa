//! Who belongs to the cluster, and how a worker is lost: by one path.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{Command, Effect, State, WorkerId};

/// A worker that has not renewed for this long is lost. Renewals come every third of it.
pub const LEASE: Duration = Duration::from_secs(15);

/// Members that were told to stop and say nothing are not waited for longer than this.
pub(super) const STOP_GRACE: Duration = Duration::from_secs(30);

/// What a worker says of itself when it registers.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Registration {
    /// Where its peers reach it.
    pub address: String,
    pub pid: u32,
    pub threads: u32,
    pub devices: Vec<String>,
    pub memory_bytes: u64,
    pub disk_free_bytes: u64,
    pub shards: BTreeSet<String>,
    /// States that it holds of trials that were at work on it: by identity, the round.
    pub states: BTreeMap<String, u64>,
    /// What tells it from other nodes wherever it listens: made at the first start in its data folder.
    pub node: String,
}

/// A member of the cluster.
#[derive(Clone, Debug)]
pub struct Worker {
    /// As the worker was told it: sessions begin side by side, so a count made here could give it another's.
    pub incarnation: u64,
    pub registration: Registration,
    /// In time of this coordinator's process.
    pub lease_until: Duration,
    pub registered: Duration,
    /// It is about to end: nothing more is placed on it.
    pub leaving: bool,
    /// Something of its own failed, its disk say: until then nothing is placed on it that another could have.
    pub spared_until: Option<Duration>,
}

impl State {
    pub(super) fn worker_registered(
        &mut self,
        now: Duration,
        worker: WorkerId,
        incarnation: u64,
        registration: Registration,
    ) -> Vec<Effect> {
        let (lease_until, registered) = (now + LEASE, now);
        self.workers.insert(
            worker,
            Worker { incarnation, registration, lease_until, registered, leaving: false, spared_until: None },
        );
        self.workerless_since = None;
        self.first_registered.get_or_insert(now);
        let mut effects = self.continue_jobs(now);
        effects.extend(self.settle_all(now));
        effects.extend(self.dispatch(now));
        effects
    }

    pub(super) fn worker_renewed(&mut self, now: Duration, worker: &WorkerId) -> Vec<Effect> {
        if let Some(worker) = self.workers.get_mut(worker) {
            worker.lease_until = now + LEASE;
        }
        Vec::new()
    }

    pub(super) fn worker_holds(&mut self, worker: &WorkerId, shards: Vec<String>) -> Vec<Effect> {
        if let Some(worker) = self.workers.get_mut(worker) {
            worker.registration.shards.extend(shards);
        }
        Vec::new()
    }

    /// Workers with any of them remove them too.
    pub(super) fn shards_removed(&mut self, shards: &BTreeSet<String>) -> Vec<Effect> {
        let mut effects = Vec::new();
        for (worker, at) in &mut self.workers {
            let gone: Vec<String> = at.registration.shards.intersection(shards).cloned().collect();
            at.registration.shards.retain(|hash| !shards.contains(hash));
            if !gone.is_empty() {
                let command = Command::RemoveShards { shards: gone };
                effects.push(Effect::Send { worker: worker.clone(), command });
            }
        }
        effects
    }

    pub(super) fn retire_expired_leases(&mut self, now: Duration) -> Vec<Effect> {
        let expired = |(id, worker): (&WorkerId, &Worker)| (worker.lease_until <= now).then(|| id.clone());
        let expired: Vec<WorkerId> = self.workers.iter().filter_map(expired).collect();
        let mut effects = Vec::new();
        for worker in expired {
            let reason = format!("it did not renew its lease for {} s", LEASE.as_secs());
            effects.push(Effect::Disconnect { worker: worker.clone(), reason: reason.clone() });
            effects.extend(self.worker_gone(now, &worker, &reason));
        }
        effects
    }

    /// The one path: whatever the cause, the worker is removed, and what it was part of ends.
    pub(super) fn worker_gone(&mut self, now: Duration, worker: &WorkerId, reason: &str) -> Vec<Effect> {
        if self.workers.remove(worker).is_none() {
            return Vec::new();
        }
        if self.workers.is_empty() {
            self.workerless_since = Some(now);
        }
        let jobs: Vec<_> = self.jobs.keys().cloned().collect();
        let mut effects: Vec<Effect> =
            jobs.iter().flat_map(|job| self.job_lost_worker(now, job, worker, reason)).collect();
        effects.extend(self.give_away_imports(now, worker));
        effects.extend(self.settle_all(now));
        effects.extend(self.dispatch(now));
        effects
    }
}
