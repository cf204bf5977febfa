//! Imports: a plan's shards are handed out, and what comes back is merged into a frame.

use std::sync::Arc;
use std::time::Duration;

use aquifer_frame::{Frame, Note, Plan, ShardRecord};
use aquifer_model::{Kind, Report};
use aquifer_proto::{JobEvent, WORKER_LOST, is_passing};

use super::membership::STOP_GRACE;
use super::placement::place_shard;
use super::search::ONE_EVENT;
use super::slot::{Making, Stage};
use super::{Command, Effect, FileRef, Job, JobId, Role, Source, State, StoredFrame, WorkerId};

/// Workers that may fail over a shard.
const TRIES_MAX: u32 = 3;

impl State {
    pub(super) fn planned(
        &mut self,
        now: Duration,
        id: &JobId,
        slot: usize,
        result: Result<(Plan, Option<Box<StoredFrame>>), Report>,
    ) -> Vec<Effect> {
        let stage = |(plan, stored): (Plan, Option<Box<StoredFrame>>)| match stored {
            Some(stored) => Stage::Ready(stored),
            None => Stage::Planned(Arc::new(plan)),
        };
        self.slot_answered(now, id, slot, result.map(|found| (stage(found), Vec::new())))
    }

    pub(super) fn frame_loaded(
        &mut self,
        now: Duration,
        id: &JobId,
        slot: usize,
        result: Result<(Box<StoredFrame>, Vec<Note>), Report>,
    ) -> Vec<Effect> {
        self.slot_answered(now, id, slot, result.map(|(stored, notes)| (Stage::Ready(stored), notes)))
    }

    fn slot_answered(
        &mut self,
        now: Duration,
        id: &JobId,
        slot: usize,
        answer: Result<(Stage, Vec<Note>), Report>,
    ) -> Vec<Effect> {
        let Some(job) = self.jobs.get_mut(id).filter(|job| job.is_active()) else { return Vec::new() };
        match answer {
            Ok((stage, notes)) => {
                if let Some(slot) = job.slots.get_mut(slot) {
                    slot.reused = matches!(stage, Stage::Ready(_));
                    (slot.stage, slot.notes) = (stage, notes);
                }
                self.continue_job(now, id)
            }
            Err(report) => self.fail_job(now, id, report),
        }
    }

    /// Gives the shards of planned slots to workers, in order, and those that nobody makes any more.
    pub(super) fn hand_out_imports(&mut self, id: &JobId) -> Vec<Effect> {
        let workers: Vec<WorkerId> = self.placeable().into_iter().cloned().collect();
        let Some(job) = self.jobs.get_mut(id).filter(|_| !workers.is_empty()) else { return Vec::new() };
        let mut effects = Vec::new();
        for (at, slot) in job.slots.iter_mut().enumerate() {
            if let Stage::Planned(plan) = &slot.stage {
                let shards = vec![Making::default(); plan.shards.len()];
                slot.stage = Stage::Importing { plan: plan.clone(), shards };
            }
            let uploads = match &slot.source {
                Source::Files { files, .. } => files.iter().filter(|file| file.upload.is_some()).cloned().collect(),
                Source::Frame(_) => Vec::<FileRef>::new(),
            };
            let Stage::Importing { plan, shards } = &mut slot.stage else { continue };
            let count = shards.len();
            let nobodys = shards.iter_mut().enumerate().filter(|(_, it)| it.record.is_none() && it.by.is_none());
            effects.extend(nobodys.map(|(shard, making)| {
                let worker =
                    workers[(place_shard(shard, count, workers.len()) + making.lost as usize) % workers.len()].clone();
                making.by = Some(worker.clone());
                // Of many files each shard needs few: the message carries those.
                let plan = Arc::new(plan.for_shard(shard));
                let needed = |file: &&FileRef| plan.files.iter().any(|planned| planned.path == file.path);
                let uploads = uploads.iter().filter(needed).cloned().collect();
                let command = Command::ImportShard { job: id.clone(), slot: at, shard, plan, uploads };
                Effect::Send { worker, command }
            }));
        }
        effects
    }

    /// Shards that a lost or leaving worker was making are given to others; those over which too many were lost end the job.
    pub(super) fn give_away_imports(&mut self, now: Duration, worker: &WorkerId) -> Vec<Effect> {
        let mut effects = Vec::new();
        let ids: Vec<JobId> = self.jobs.keys().cloned().collect();
        let gone = !self.workers.contains_key(worker);
        for id in ids {
            let Some(job) = self.jobs.get_mut(&id).filter(|job| job.is_active()) else { continue };
            let mut poisoned = None;
            for slot in &mut job.slots {
                let Stage::Importing { shards, .. } = &mut slot.stage else { continue };
                let own = shards.iter_mut().enumerate().filter(|(_, it)| it.by.as_ref() == Some(worker));
                for (shard, making) in own.filter(|(_, it)| it.record.is_none()) {
                    making.by = None;
                    // Workers that are lost together are lost once.
                    let counts = gone && making.lost_at.is_none_or(|at| at + ONE_EVENT <= now);
                    if counts {
                        making.lost += 1;
                        making.lost_at = Some(now);
                    }
                    if making.lost >= TRIES_MAX {
                        poisoned = Some(shard);
                    }
                }
            }
            effects.extend(match poisoned {
                None => self.hand_out_imports(&id),
                Some(shard) => {
                    let message = format!("{worker} was the last of {TRIES_MAX} workers that were lost while they made shard {shard} of job {id}");
                    let report = Report::new(Kind::Work, WORKER_LOST, message)
                        .hint("look at the workers' logs: these rows may be what ends them");
                    self.fail_job(now, &id, report)
                }
            });
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
        // After the end there is nothing to say: the worker was told, and removes what it makes for no one.
        let Some(job) = self.jobs.get_mut(id).filter(|job| !job.row.status.has_ended()) else { return Vec::new() };
        if !job.is_active() {
            // It was made before its worker heard that the job has failed.
            return result.map_or(Vec::new(), |record| self.undo_import(id, worker, record.hash));
        }
        if job.slots.get_mut(slot).and_then(|slot| slot.making(shard)).is_none() {
            return Vec::new(); // nobody asked for it
        }
        let record = match result {
            Ok(record) => record,
            Err(report) => return self.shard_failed(now, id, worker, slot, shard, report),
        };
        if let Some(at) = self.workers.get_mut(worker)
            && at.registration.shards.insert(record.hash.clone())
        {
            job.fresh.insert((worker.clone(), record.hash.clone()));
        }
        let Some(slot) = job.slots.get_mut(slot) else { return Vec::new() };
        let Stage::Importing { plan, shards } = &mut slot.stage else { return Vec::new() };
        let Some(making) = shards.get_mut(shard) else { return Vec::new() };
        // Whoever made it: a shard is a function of its source.
        making.record = Some(record);
        let done = shards.iter().filter(|making| making.record.is_some()).count();
        let what = match &slot.role {
            Role::Named(name) if name.is_empty() => "the data".to_owned(),
            Role::Named(name) => name.clone(),
            Role::Part(part) => part.to_string(),
        };
        let event = JobEvent::Importing { what, shards_done: done as u64, shards: shards.len() as u64 };
        let mut effects = vec![Effect::Notify { job: id.clone(), event }];
        if done < shards.len() {
            return effects;
        }
        let shards: Vec<ShardRecord> = std::mem::take(shards).into_iter().filter_map(|making| making.record).collect();
        match Frame::merge(plan, shards) {
            Ok(frame) => {
                let stored = Box::new(StoredFrame { frame, plan: (**plan).clone(), uploads: slot.source.uploads() });
                slot.stage = Stage::Ready(stored.clone());
                if let Role::Part(_) = slot.role {
                    effects.push(Effect::SaveFrame { job: id.clone(), frame: stored, name: None });
                }
                effects.extend(self.continue_job(now, id));
            }
            Err(error) => effects.extend(self.fail_job(now, id, error.into())),
        }
        effects
    }

    /// What failed because of the worker, its disk say, another may do.
    fn shard_failed(
        &mut self,
        now: Duration,
        id: &JobId,
        worker: &WorkerId,
        slot: usize,
        shard: usize,
        report: Report,
    ) -> Vec<Effect> {
        self.spare(now, worker, &report);
        let others = self.placeable().into_iter().any(|other| other != worker);
        let job = self.jobs.get_mut(id).filter(|_| is_passing(&report));
        let making = job.and_then(|job| job.slots.get_mut(slot)?.making(shard));
        // It was given to somebody else meanwhile.
        if making.as_ref().is_some_and(|making| making.by.as_ref() != Some(worker) || making.record.is_some()) {
            return Vec::new();
        }
        if let Some(making) = making.filter(|making| others && making.lost + 1 < TRIES_MAX) {
            making.by = None;
            making.lost += 1;
            return self.hand_out_imports(id);
        }
        self.fail_job(now, id, report)
    }

    /// Ends a job of which frames are being made: workers undo their part first, so that no shard is left.
    pub(super) fn end_imports(&mut self, now: Duration, id: &JobId, event: JobEvent) -> Vec<Effect> {
        let Some(job) = self.jobs.get_mut(id) else { return Vec::new() };
        let mut undone = job.take_unfinished();
        undone.retain(|worker, _| self.workers.contains_key(worker));
        if undone.is_empty() {
            return self.end_job(id, event);
        }
        job.dropping = undone.keys().map(|worker| (worker.clone(), 1)).collect();
        job.ending = Some((event, now + STOP_GRACE));
        let mut effects = Vec::new();
        for (worker, shards) in undone {
            if let Some(at) = self.workers.get_mut(&worker) {
                at.registration.shards.retain(|hash| !shards.contains(hash));
            }
            effects.push(Effect::Send { worker, command: Command::DropShards { job: id.clone(), shards } });
        }
        effects
    }

    pub(super) fn shards_dropped(&mut self, id: &JobId, worker: &WorkerId) -> Vec<Effect> {
        if let Some(job) = self.jobs.get_mut(id)
            && let Some(owed) = job.dropping.get_mut(worker)
        {
            *owed -= 1;
            if *owed == 0 {
                job.dropping.remove(worker);
            }
        }
        self.end_if_stopped(id)
    }

    fn undo_import(&mut self, id: &JobId, worker: &WorkerId, hash: String) -> Vec<Effect> {
        let had = self.workers.get(worker).is_none_or(|at| at.registration.shards.contains(&hash));
        let Some(job) = self.jobs.get_mut(id).filter(|job| !had && !job.keeps(&hash)) else { return Vec::new() };
        *job.dropping.entry(worker.clone()).or_default() += 1;
        let command = Command::DropShards { job: id.clone(), shards: vec![hash] };
        vec![Effect::Send { worker: worker.clone(), command }]
    }

    /// Every frame of an import job is ready: it is kept under its name, if it has one. The job is done once it is on disk.
    pub(super) fn keep_named(&mut self, id: &JobId) -> Vec<Effect> {
        let Some((name, stored)) = self.jobs.get(id).and_then(Job::named_frame) else { return Vec::new() };
        let name = (!name.is_empty()).then(|| name.to_owned());
        vec![Effect::SaveFrame { job: id.clone(), frame: Box::new(stored.clone()), name }]
    }

    pub(super) fn frame_saved(&mut self, now: Duration, id: &JobId, result: Result<(), Report>) -> Vec<Effect> {
        if let Err(report) = result {
            return self.fail_job(now, id, report);
        }
        let Some(job) = self.jobs.get(id).filter(|job| job.is_active()) else { return Vec::new() };
        let Some((name, stored)) = job.named_frame() else { return Vec::new() };
        let (name, frame) = (name.to_owned(), Box::new(stored.frame.clone()));
        let reused = job.slots.iter().all(|slot| slot.reused);
        let notes = job.source_notes().map(|(_, note)| note).collect();
        self.end_job(id, JobEvent::Imported { name, frame, reused, notes })
    }
}
