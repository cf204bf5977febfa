//! Imports: a plan's shards are handed out, and what comes back is merged into a frame.

use std::time::Duration;

use aquifer_frame::{Frame, Plan, ShardRecord};
use aquifer_model::{Kind, Report};
use aquifer_proto::JobEvent;

use super::job::Stage;
use super::placement::place_shard;
use super::{Command, Effect, JobId, Role, Source, State, StoredFrame, WorkerId};

impl State {
    pub(super) fn planned(
        &mut self,
        now: Duration,
        id: &JobId,
        slot: usize,
        result: Result<(Plan, Option<Box<StoredFrame>>), Report>,
    ) -> Vec<Effect> {
        self.slot_answered(now, id, slot, result.map(|(plan, stored)| match stored {
            Some(stored) => Stage::Ready(stored),
            None => Stage::Planned(Box::new(plan)),
        }))
    }

    pub(super) fn frame_loaded(&mut self, now: Duration, id: &JobId, slot: usize, result: Result<Box<StoredFrame>, Report>) -> Vec<Effect> {
        self.slot_answered(now, id, slot, result.map(Stage::Ready))
    }

    fn slot_answered(&mut self, now: Duration, id: &JobId, slot: usize, stage: Result<Stage, Report>) -> Vec<Effect> {
        let Some(job) = self.jobs.get_mut(id).filter(|job| job.is_active()) else { return Vec::new() };
        match stage {
            Ok(stage) => {
                if let Some(slot) = job.slots.get_mut(slot) {
                    slot.stage = stage;
                }
                self.continue_job(now, id)
            }
            Err(report) => self.end_job(id, JobEvent::Failed { report }),
        }
    }

    /// Gives the shards of planned slots to workers, in order.
    pub(super) fn hand_out_imports(&mut self, id: &JobId) -> Vec<Effect> {
        let workers: Vec<WorkerId> = self.workers.keys().cloned().collect();
        let Some(job) = self.jobs.get_mut(id) else { return Vec::new() };
        let mut effects = Vec::new();
        for (at, slot) in job.slots.iter_mut().enumerate() {
            let Stage::Planned(plan) = &slot.stage else { continue };
            let plan = plan.clone();
            let shards = plan.shards.len();
            let uploads = match &slot.source {
                Source::Files(files) => files.iter().filter(|file| file.upload.is_some()).cloned().collect(),
                Source::Frame(_) => Vec::new(),
            };
            effects.extend((0..shards).map(|shard| {
                let (plan, uploads) = (plan.clone(), Vec::clone(&uploads));
                let command = Command::ImportShard { job: id.clone(), slot: at, shard, plan, uploads };
                Effect::Send { worker: workers[place_shard(shard, shards, workers.len())].clone(), command }
            }));
            slot.stage = Stage::Importing { plan, records: vec![None; shards], workers: workers.clone() };
        }
        effects
    }

    pub(super) fn shard_imported(
        &mut self,
        now: Duration,
        id: &JobId,
        worker: &WorkerId,
        slot: usize,
        shard: usize,
        result: Result<ShardRecord, Report>,
    ) -> Vec<Effect> {
        if let (Ok(record), Some(worker)) = (&result, self.workers.get_mut(worker)) {
            worker.registration.shards.insert(record.hash.clone());
        }
        let Some(job) = self.jobs.get_mut(id).filter(|job| job.is_active()) else {
            // It was being made when the job failed or was cancelled: nobody will ask for it.
            let late = result.ok().map(|record| Effect::Send {
                worker: worker.clone(),
                command: Command::DropShards { shards: vec![record.hash] },
            });
            return late.into_iter().collect();
        };
        let record = match result {
            Ok(record) => record,
            Err(report) => return self.end_job(id, JobEvent::Failed { report }),
        };
        let Some(slot) = job.slots.get_mut(slot) else { return Vec::new() };
        let Stage::Importing { plan, records, .. } = &mut slot.stage else { return Vec::new() };
        let Some(place) = records.get_mut(shard) else { return Vec::new() };
        *place = Some(record);
        let done = records.iter().flatten().count();
        let what = match &slot.role {
            Role::Named(name) => name.clone(),
            Role::Part(part) => format!("{part:?}").to_lowercase(),
        };
        let event = JobEvent::Importing { what, shards_done: done as u64, shards: records.len() as u64 };
        let mut effects = vec![Effect::Notify { job: id.clone(), event }];
        if done < records.len() {
            return effects;
        }
        let shards: Vec<ShardRecord> = std::mem::take(records).into_iter().flatten().collect();
        match Frame::merge(plan, shards) {
            Ok(frame) => {
                let name = match &slot.role {
                    Role::Named(name) => Some(name.clone()),
                    Role::Part(_) => None,
                };
                let stored = Box::new(StoredFrame { frame, plan: (**plan).clone() });
                slot.stage = Stage::Ready(stored.clone());
                effects.push(Effect::SaveFrame { job: id.clone(), frame: stored, name });
                effects.extend(self.continue_job(now, id));
            }
            Err(error) => {
                let report = Report::from(error);
                effects.extend(self.end_job(id, JobEvent::Failed { report }));
            }
        }
        effects
    }

    pub(super) fn import_done(&mut self, id: &JobId) -> Vec<Effect> {
        let ready = self.jobs.get_mut(id).and_then(|job| match (&job.slots.first()?.role, &job.slots.first()?.stage) {
            (Role::Named(name), Stage::Ready(stored)) => Some((name.clone(), stored.clone())),
            _ => None,
        });
        match ready {
            Some((name, stored)) => {
                // Saved again: the name may be new for a frame that was imported before.
                let frame = Box::new(stored.frame.clone());
                let mut effects = vec![Effect::SaveFrame { job: id.clone(), frame: stored, name: Some(name.clone()) }];
                effects.extend(self.end_job(id, JobEvent::Imported { name, frame }));
                effects
            }
            None => {
                let report = Report::new(Kind::Work, "import", format!("job {id} has no frame to import"));
                self.end_job(id, JobEvent::Failed { report })
            }
        }
    }
}
