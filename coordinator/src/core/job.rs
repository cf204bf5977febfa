//! Jobs: what was submitted, how far it is, how it ends.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use aquifer_frame::{Note, source_notes};
use aquifer_model::{Kind, Part, Report, Spec};
use aquifer_proto::JobEvent;
use serde::{Deserialize, Serialize};

use super::membership::STOP_GRACE;
use super::search::{Left, Search, stop_run};
use super::slot::{Frames, Slot, Stage};
use super::{Effect, JobId, Request, Role, Source, State, StoredFrame, WorkerId};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum JobStatus {
    Running,
    Done,
    Failed,
    Cancelled,
    /// Its coordinator ended before it did: it can be taken up again.
    Interrupted,
}

impl JobStatus {
    pub fn has_ended(self) -> bool {
        self != JobStatus::Running
    }
}

/// The durable part of a job.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct JobRow {
    pub id: JobId,
    pub kind: String,
    pub status: JobStatus,
    /// For people; decides nothing.
    pub created_ms: u64,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub failure: Option<Report>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub request: Option<Request>,
    /// The content of its training frame, once it is known: taken up again, it must be the same.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub data: Option<String>,
    /// Its last event, as JSON.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub result: Option<String>,
}

impl JobRow {
    /// A job that its coordinator did not live to end.
    pub(super) fn orphaned(self) -> Self {
        if self.can_resume() {
            return Self { status: JobStatus::Interrupted, ..self };
        }
        let message = format!("job {} was running when the coordinator stopped", self.id);
        let report = Report::new(Kind::Work, "coordinator_restarted", message).hint("submit it again");
        Self { status: JobStatus::Failed, failure: Some(report), ..self }
    }

    /// Whether the same request begins it again, rather than being answered by what it was. A search that is done may have
    /// candidates that failed; of a training that is done nothing is left to do.
    pub fn can_begin_again(&self) -> bool {
        self.status.has_ended() && self.can_resume() && (self.kind != TRAIN || self.status != JobStatus::Done)
    }

    /// Trials of it that are done need not be done again.
    pub fn can_resume(&self) -> bool {
        self.request.is_some() && matches!(self.kind.as_str(), TRAIN | GRID | CROSS_VALIDATION)
    }
}

/// Kinds of jobs.
pub const IMPORT: &str = "import";
pub const TRAIN: &str = "train";
pub const CROSS_VALIDATION: &str = "cross_validation";
pub const GRID: &str = "grid";

#[derive(Debug)]
pub struct Job {
    pub row: JobRow,
    pub(super) spec: Option<Box<Spec>>,
    pub(super) slots: Vec<Slot>,
    pub(super) workers_min: u32,
    pub(super) submitted: Duration,
    pub(super) search: Option<Box<Search>>,
    /// When watchers heard of its search last.
    pub(super) said: Duration,
    /// Set while members are asked to stop: how the job will end, and when waiting for them ends.
    pub(super) ending: Option<(JobEvent, Duration)>,
    /// Workers that are undoing their imports while the job is ending, and how many answers each still owes.
    pub(super) dropping: BTreeMap<WorkerId, u32>,
    /// Shards that this job brought to workers that did not have them.
    pub(super) fresh: BTreeSet<(WorkerId, String)>,
}

impl State {
    pub(super) fn submitted(
        &mut self,
        now: Duration,
        id: JobId,
        request: Request,
        workers_min: u32,
        created_ms: u64,
    ) -> Vec<Effect> {
        if self.jobs.get(&id).is_some_and(|job| !job.row.can_begin_again()) {
            return Vec::new(); // the same request again
        }
        let kept = Some(request.clone());
        let (kind, spec, sources) = match request {
            Request::Import { name, source } => (IMPORT, None, vec![(Role::Named(name), Some(source))]),
            Request::Train { spec_toml, train, validation, test } => {
                let parts = [(Part::Train, Some(train)), (Part::Validation, validation), (Part::Test, test)];
                let parts: Vec<(Role, Option<Source>)> = parts.map(|(part, source)| (Role::Part(part), source)).into();
                match Spec::parse(&spec_toml) {
                    Ok(spec) => (kind_of(&spec), Some(Box::new(spec)), parts),
                    // The service has read it before.
                    Err(_) => (TRAIN, None, Vec::new()),
                }
            }
        };
        let row = JobRow {
            id: id.clone(),
            kind: kind.into(),
            status: JobStatus::Running,
            created_ms,
            failure: None,
            request: kept,
            data: self.row(&id).and_then(|row| row.data.clone()),
            result: None,
        };
        let slot = |(role, source): (Role, Option<Source>)| {
            Some(Slot { role, source: source?, stage: Stage::Asked, reused: false, notes: Vec::new() })
        };
        let slots: Vec<Slot> = sources.into_iter().filter_map(slot).collect();
        let ask = |(slot, it): (usize, &Slot)| match &it.source {
            Source::Files { files, options, shuffle } => {
                let (files, options, shuffle) = (files.clone(), options.clone(), *shuffle);
                Effect::Plan { job: id.clone(), slot, files, options, shuffle }
            }
            Source::Frame(name) => Effect::LoadFrame { job: id.clone(), slot, name: name.clone() },
        };
        let mut effects = vec![Effect::Persist(Box::new(row.clone()))];
        effects.extend(slots.iter().enumerate().map(ask));
        let job = Job {
            row,
            spec,
            slots,
            workers_min: workers_min.max(1),
            submitted: now,
            search: None,
            said: Duration::ZERO,
            ending: None,
            dropping: BTreeMap::new(),
            fresh: BTreeSet::new(),
        };
        self.jobs.insert(id, job);
        effects
    }

    /// After anything that a job may have waited for.
    pub(super) fn continue_jobs(&mut self, now: Duration) -> Vec<Effect> {
        let jobs: Vec<JobId> = self.jobs.keys().cloned().collect();
        jobs.iter().flat_map(|job| self.continue_job(now, job)).collect()
    }

    /// Hands out what is planned once there are workers, and goes on once every frame is ready.
    pub(super) fn continue_job(&mut self, now: Duration, id: &JobId) -> Vec<Effect> {
        let workers = self.workers.len();
        let Some(job) = self.jobs.get(id).filter(|job| job.is_active()) else { return Vec::new() };
        if workers < job.workers_min as usize && job.has_not_begun() {
            let what = format!("workers: {workers} of {} have registered", job.workers_min);
            return vec![Effect::Notify { job: id.clone(), event: JobEvent::Waiting { what } }];
        }
        let mut effects = self.hand_out_imports(id);
        let ready = |job: &Job| job.slots.iter().all(|slot| matches!(slot.stage, Stage::Ready(_)));
        if let Some(job) = self.jobs.get(id)
            && job.is_active()
            && job.search.is_none()
            && ready(job)
        {
            effects.extend(match job.spec {
                Some(_) => self.begin_search(now, id),
                None => self.keep_named(id),
            });
        }
        effects
    }

    /// Ends a job now: members of its trial have stopped, or never began.
    pub(super) fn end_job(&mut self, id: &JobId, event: JobEvent) -> Vec<Effect> {
        let Some(job) = self.jobs.get_mut(id).filter(|job| !job.row.status.has_ended()) else { return Vec::new() };
        job.row.status = match &event {
            JobEvent::Failed { report } => {
                job.row.failure = Some(report.clone());
                JobStatus::Failed
            }
            JobEvent::Cancelled => JobStatus::Cancelled,
            _ => JobStatus::Done,
        };
        job.ending = None;
        job.row.result = serde_json::to_string(&event).ok();
        let mut effects = vec![Effect::Persist(Box::new(job.row.clone()))];
        match job.row.status {
            JobStatus::Cancelled => effects.push(Effect::Forget { job: id.clone() }),
            JobStatus::Done => effects.push(Effect::RemoveCheckpoints { job: id.clone(), identities: None }),
            _ => {}
        }
        // A failed one may be taken up again.
        if job.row.status != JobStatus::Failed {
            effects.extend(self.forget_job(id));
        }
        let Some(job) = self.jobs.get_mut(id) else { return effects };
        // Its row is all that is needed of it from now on.
        job.slots.clear();
        job.fresh.clear();
        (job.search, job.spec) = (None, None);
        effects.push(Effect::Notify { job: id.clone(), event });
        effects
    }

    /// Ends a job that may have members at work: they stop after their round first.
    pub(super) fn stop_job(&mut self, now: Duration, id: &JobId, event: JobEvent) -> Vec<Effect> {
        let Some(job) = self.jobs.get_mut(id).filter(|job| job.is_active()) else { return Vec::new() };
        let Some(search) = &mut job.search else { return self.end_imports(now, id, event) };
        let mut effects = Vec::new();
        for (number, run) in &mut search.runs {
            effects.extend(stop_run(id, *number, run, None, Left::Dropped, now));
        }
        search.runs.retain(|_, run| !run.is_over());
        match search.runs.is_empty() {
            true => self.end_job(id, event),
            false => {
                job.ending = Some((event, now + STOP_GRACE));
                effects
            }
        }
    }

    pub(super) fn fail_job(&mut self, now: Duration, id: &JobId, report: Report) -> Vec<Effect> {
        self.stop_job(now, id, JobEvent::Failed { report })
    }

    pub(super) fn cancel_requested(&mut self, now: Duration, id: &JobId) -> Vec<Effect> {
        // Of one that is not at work, and was to be taken up again, what it has made goes. What is done stays.
        let ended = self.row(id).filter(|row| row.status.has_ended() && row.status != JobStatus::Done);
        let ended = ended.filter(|row| row.can_resume()).cloned();
        if let Some(row) = ended {
            let row = JobRow { status: JobStatus::Cancelled, data: None, result: None, ..row };
            match self.jobs.get_mut(id) {
                Some(job) => job.row = row.clone(),
                None => drop(self.past.insert(id.clone(), row.clone())),
            }
            return vec![Effect::Persist(Box::new(row)), Effect::Forget { job: id.clone() }];
        }
        self.stop_job(now, id, JobEvent::Cancelled)
    }

    /// What was decided of it could not be carried out. If it has ended by now, that is not on disk: it has failed as well.
    pub(super) fn effect_failed(&mut self, now: Duration, id: &JobId, report: Report) -> Vec<Effect> {
        match self.jobs.get_mut(id).filter(|job| job.row.status == JobStatus::Done) {
            Some(job) => {
                job.row.result = serde_json::to_string(&JobEvent::Failed { report: report.clone() }).ok();
                (job.row.status, job.row.failure) = (JobStatus::Failed, Some(report));
                Vec::new()
            }
            None => self.fail_job(now, id, report),
        }
    }

    /// What a job had on a worker that is lost is done elsewhere.
    pub(super) fn job_lost_worker(
        &mut self,
        now: Duration,
        id: &JobId,
        worker: &WorkerId,
        reason: &str,
    ) -> Vec<Effect> {
        let Some(job) = self.jobs.get_mut(id) else { return Vec::new() };
        job.dropping.remove(worker);
        let ending = job.ending.is_some();
        let mut effects = match &mut job.search {
            Some(search) => search.lose(id, worker, reason, now),
            None => Vec::new(),
        };
        if ending {
            effects.extend(self.end_if_stopped(id));
        } else if self.workers.is_empty() && self.jobs.get(id).is_some_and(|job| !job.row.status.has_ended()) {
            let what = format!("a worker: the last one was lost ({reason}); for {} s", self.no_worker_grace.as_secs());
            effects.push(Effect::Notify { job: id.clone(), event: JobEvent::Waiting { what } });
        }
        effects
    }

    /// A job that was told to stop ends when its last member has.
    pub(super) fn end_if_stopped(&mut self, id: &JobId) -> Vec<Effect> {
        let Some(job) = self.jobs.get_mut(id) else { return Vec::new() };
        let stopped = job.search.as_ref().is_none_or(|search| search.runs.is_empty()) && job.dropping.is_empty();
        match job.ending.take_if(|_| stopped) {
            Some((event, _)) => self.end_job(id, event),
            None => Vec::new(),
        }
    }

    pub(super) fn end_overdue_waits(&mut self, now: Duration) -> Vec<Effect> {
        let mut effects = Vec::new();
        let ids: Vec<JobId> = self.jobs.keys().cloned().collect();
        for id in ids {
            let Some(job) = self.jobs.get_mut(&id).filter(|job| !job.row.status.has_ended()) else { continue };
            if let Some((event, _)) = job.ending.take_if(|(_, until)| *until <= now) {
                effects.extend(self.end_job(&id, event));
            } else if (job.has_not_begun()
                && self.workers.len() < job.workers_min as usize
                && job.submitted + self.no_worker_grace <= now)
                || self.workerless_since.is_some_and(|since| since.max(job.submitted) + self.no_worker_grace <= now)
            {
                let (have, want) = (self.workers.len(), job.workers_min);
                let message =
                    format!("{have} of {want} workers registered within {} s", self.no_worker_grace.as_secs());
                let report = Report::new(Kind::Work, "no_workers", message)
                    .hint("start workers with `aquifer worker --cluster URL`, and look at `aquifer cluster status`");
                effects.extend(self.fail_job(now, &id, report));
            }
        }
        effects
    }
}

impl Job {
    /// No worker had any of it yet.
    fn has_not_begun(&self) -> bool {
        let untouched = |slot: &Slot| !matches!(slot.stage, Stage::Importing { .. });
        self.search.is_none() && self.slots.iter().all(untouched)
    }

    /// Neither ended nor being stopped.
    pub(crate) fn is_active(&self) -> bool {
        !self.row.status.has_ended() && self.ending.is_none()
    }

    /// The frame of an import job and its name, once it is ready.
    pub(super) fn named_frame(&self) -> Option<(&str, &StoredFrame)> {
        match self.slots.first().map(|slot| (&slot.role, &slot.stage))? {
            (Role::Named(name), Stage::Ready(stored)) => Some((name, stored)),
            _ => None,
        }
    }

    /// What there is to say of the sources of its frames, once they are ready.
    pub(super) fn source_notes(&self) -> impl Iterator<Item = (&Role, Note)> {
        self.slots.iter().flat_map(|slot| {
            let of_plan = match &slot.stage {
                Stage::Ready(stored) => source_notes(&stored.plan),
                _ => Vec::new(),
            };
            slot.notes.iter().cloned().chain(of_plan).map(|note| (&slot.role, note))
        })
    }

    /// Shards of its frames, as far as they are made.
    pub(super) fn shards(&self) -> impl Iterator<Item = &str> {
        self.slots.iter().flat_map(Slot::records).map(|record| record.hash.as_str())
    }

    pub(super) fn frames(&self) -> Frames<'_> {
        Frames { slots: &self.slots }
    }

    /// Is it a shard of a frame that is whole?
    pub(super) fn keeps(&self, hash: &str) -> bool {
        let has = |stored: &StoredFrame| stored.frame.shards.iter().any(|record| record.hash == hash);
        self.slots.iter().any(|slot| matches!(&slot.stage, Stage::Ready(stored) if has(stored)))
    }

    /// Takes the frames that will never be whole: who worked at them, and which of its shards no other frame has.
    pub(super) fn take_unfinished(&mut self) -> BTreeMap<WorkerId, Vec<String>> {
        let mut unfinished: BTreeMap<WorkerId, Vec<String>> = BTreeMap::new();
        let mut hashes = BTreeSet::new();
        for slot in &mut self.slots {
            match &slot.stage {
                Stage::Importing { shards, .. } => {
                    hashes.extend(shards.iter().filter_map(|making| Some(making.record.as_ref()?.hash.clone())));
                    unfinished.extend(shards.iter().filter_map(|making| Some((making.by.clone()?, Vec::new()))));
                    slot.stage = Stage::Asked;
                }
                Stage::Asked | Stage::Planned(_) | Stage::Ready(_) => {}
            }
        }
        for (worker, hash) in &self.fresh {
            if hashes.contains(hash)
                && !self.keeps(hash)
                && let Some(shards) = unfinished.get_mut(worker)
            {
                shards.push(hash.clone());
            }
        }
        unfinished
    }
}

/// What a spec asks for.
fn kind_of(spec: &Spec) -> &'static str {
    match (&spec.search, spec.folds()) {
        (Some(_), _) => GRID,
        (None, Some(_)) => CROSS_VALIDATION,
        (None, None) => TRAIN,
    }
}
