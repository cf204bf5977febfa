//! The one verb: an event in, effects out.

use std::time::Duration;

use super::{Effect, Event, State};

impl State {
    /// Takes one event at `now`, the time since this process began.
    pub fn step(&mut self, now: Duration, event: Event) -> Vec<Effect> {
        match event {
            Event::Tick => {
                self.end_sparing(now);
                let mut effects = self.retire_expired_leases(now);
                effects.extend(self.end_overdue_waits(now));
                effects.extend(self.settle_all(now));
                effects.extend(self.share_out(now));
                effects.extend(self.dispatch(now));
                effects
            }
            Event::WorkerRegistered { worker, incarnation, registration } => {
                self.worker_registered(now, worker, incarnation, registration)
            }
            Event::WorkerRenewed { worker } => self.worker_renewed(now, &worker),
            Event::WorkerHolds { worker, shards } => self.worker_holds(&worker, shards),
            Event::StatesHeld { worker, states } => self.states_held(now, &worker, states),
            Event::WorkerLeaving { worker } => self.worker_leaving(now, &worker),
            Event::WorkerGone { worker, reason } => self.worker_gone(now, &worker, &reason),
            Event::Submitted { job, request, workers_min, created_ms } => {
                self.submitted(now, job, *request, workers_min, created_ms)
            }
            Event::CancelRequested { job } => self.cancel_requested(now, &job),
            Event::FrameSaved { job, result } => self.frame_saved(now, &job, result),
            Event::EffectFailed { job, report } => self.effect_failed(now, &job, report),
            Event::Planned { job, slot, result } => self.planned(now, &job, slot, result),
            Event::FrameLoaded { job, slot, result } => self.frame_loaded(now, &job, slot, result),
            Event::ShardsRemoved { shards } => self.shards_removed(&shards.into_iter().collect()),
            Event::ShardImported { job, worker, slot, shard, result } => {
                self.shard_imported(now, &job, &worker, slot, shard, result)
            }
            Event::ShardsDropped { job, worker } => self.shards_dropped(&job, &worker),
            Event::TrialReported { job, worker, number, report } => {
                self.trial_reported(now, &job, &worker, number, report)
            }
            Event::ModelStored { job, number, trial, model } => self.model_stored(now, &job, number, trial, model),
            Event::TrialsFound { job, rows, checkpoints } => self.trials_found(now, &job, rows, checkpoints),
            Event::CheckpointStored { job, identity, round } => self.checkpoint_stored(&job, identity, round),
        }
    }
}
