//! Searches at work: begun once their frames are ready, given to workers cohort by cohort, ended by their trials' results.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use aquifer_frame::{Encoding, Note, block_count};
use aquifer_model::{FitSpec, Kind, Part, Report};
use aquifer_proto::{CandidateStatus, Decisions, JobEvent, PEER_LOST, Progress};

use super::event::Member;
use super::job::{Frames, stop_run};
use super::placement::streams;
use super::search::{Reported, Run, Search, TrialKey, TrialRow, note_of};
use super::{
    Command, Effect, Fit, JobId, Placement, Problem, Role, State, StoredModel, TrialReport, Worker, WorkerId, place,
    place_ranks,
};

/// Trials that wait for workers, at least, as long as there are candidates: each worker's places are filled from them.
const WAITING_PER_WORKER: usize = 64;
/// Where every pass is one over the disk, all that may fit into memory waits for the next one.
const WAITING_STREAMED: usize = 4096;
/// A trial that so many workers were lost over has failed.
const LOST_MAX: u32 = 3;
/// Watchers hear of a search this often.
const PROGRESS_INTERVAL: Duration = Duration::from_millis(250);
/// What does not fit beside others is tried again after this long.
const MEMORY_RETRY: Duration = Duration::from_secs(1);

impl State {
    pub(super) fn begin_search(&mut self, now: Duration, id: &JobId) -> Vec<Effect> {
        let Some(job) = self.jobs.get_mut(id) else { return Vec::new() };
        let Some(spec) = job.spec.clone() else { return Vec::new() };
        let of_sources = job.source_notes().map(|(role, note)| match role {
            Role::Part(part @ (Part::Validation | Part::Test)) => note_of(*part, note),
            Role::Part(_) | Role::Named(_) => note,
        });
        let notes: Vec<Note> = of_sources.collect();
        let mut search = match Search::plan(spec, &job.frames(), notes, now) {
            Ok(search) => search,
            Err(report) => return self.end_job(id, JobEvent::Failed { report }),
        };
        let content = search.data.fit.data.clone();
        if job.row.data.as_ref().is_some_and(|before| *before != content) {
            let message = format!("the data of job {id} has changed since it began");
            let report = Report::new(Kind::Data, "source_changed", message)
                .hint(format!("`aquifer job cancel {id}` forgets what it found; then submit it again"));
            return self.end_job(id, JobEvent::Failed { report });
        }
        job.row.data = Some(content);
        let row = Effect::Persist(Box::new(job.row.clone()));
        let threads: Vec<u32> = self.workers.values().map(|worker| worker.registration.threads).collect();
        let mut effects = vec![
            row,
            Effect::Notify { job: id.clone(), event: JobEvent::Decided(Box::new(decisions(&search, &threads))) },
        ];
        let (grid, can_resume) = (search.is_grid(), job.row.can_resume());
        search.looked_up = !can_resume;
        if can_resume {
            // Only searches take what other jobs found.
            effects.push(Effect::FindTrials { job: id.clone(), data: search.data.fit.data.clone(), mine: !grid });
        }
        job.search = Some(Box::new(search));
        effects.extend(self.dispatch(now));
        effects
    }

    pub(super) fn trials_found(&mut self, now: Duration, id: &JobId, rows: Vec<TrialRow>) -> Vec<Effect> {
        let Some(search) = self.jobs.get_mut(id).and_then(|job| job.search.as_mut()) else { return Vec::new() };
        search.known(rows);
        let mut effects = self.dispatch(now);
        effects.extend(self.end_if_over(now, id));
        effects
    }

    /// Gives waiting trials to workers, as long as there is room. Whoever has least at work is asked first.
    pub(super) fn dispatch(&mut self, now: Duration) -> Vec<Effect> {
        let mut effects = Vec::new();
        loop {
            let mut jobs: Vec<(usize, Duration, JobId)> = Vec::new();
            for (id, job) in self.jobs.iter().filter(|(_, job)| job.is_active()) {
                if let Some(search) = job.search.as_ref().filter(|search| search.looked_up) {
                    let at_work = search.runs.values().map(|run| run.members.len()).sum();
                    jobs.push((at_work, job.submitted, id.clone()));
                }
            }
            jobs.sort();
            let Some(begun) = jobs.iter().find_map(|(.., id)| self.begin_next(now, id)) else { return effects };
            effects.extend(begun);
        }
    }

    /// The next cohort of a job, if there is one and room for it.
    fn begin_next(&mut self, now: Duration, id: &JobId) -> Option<Vec<Effect>> {
        let runs = self.runs_of_workers();
        let job = self.jobs.get_mut(id)?;
        let (slots, search) = (&job.slots, job.search.as_mut()?);
        let frames = Frames { slots };
        let train = frames.train().ok()?;
        if now < search.waits_for_memory || self.workers.is_empty() {
            return None;
        }
        let limit = search.settings.as_ref().map_or(0.0, |settings| settings.max_runtime_secs);
        if limit > 0.0 && search.closed.is_none() && (now - search.began).as_secs_f64() > limit {
            search.closed = Some(format!("max_runtime_secs = {limit} had passed"));
        }
        let memory_bytes = self.workers.values().map(|worker| worker.registration.memory_bytes).min().unwrap_or(0);
        let waiting = match streams(train.frame.bytes, memory_bytes) {
            true => WAITING_STREAMED,
            false => WAITING_PER_WORKER * self.workers.len(),
        };
        search.begin_candidates(waiting, train);
        let problem = Problem {
            runs,
            frame_bytes: train.frame.bytes,
            memory_bytes,
            waiting: search.next_cohort(usize::MAX).len(),
            cohort_max: search.cohort_max,
            first: search.runs.is_empty(),
        };
        let Some(placement) = place(&problem) else {
            // Everything that was begun may be known already.
            return search.is_over().then(|| self.end_if_over(now, id)).filter(|effects| !effects.is_empty());
        };
        let (workers, trials): (Vec<&WorkerId>, usize) = match placement {
            Placement::Spread { trials } => (self.workers.keys().collect(), trials),
            Placement::Local { worker, trials } => (self.workers.keys().skip(worker).take(1).collect(), trials),
        };
        let keys = search.next_cohort(trials);
        let ranks = keys.first().and_then(|key| search.candidates.get(&key.candidate))?.fit.params.ranks;
        let members = members(&self.workers, &workers, &place_ranks(ranks, workers.len()));
        let json = search.cohort(&keys, &frames, &self.workers).and_then(|cohort| {
            serde_json::to_string(&cohort).map_err(|error| {
                Report::new(Kind::Work, "trial_plan", "the trials could not be written down").caused_by(&error)
            })
        });
        let cohort_json: Arc<str> = match json {
            Ok(json) => json.into(),
            Err(report) => {
                keys.iter().for_each(|key| search.fail(key.candidate, report.clone()));
                return Some(self.end_if_over(now, id));
            }
        };
        for key in &keys {
            search.waiting.remove(key);
        }
        let number = search.next_run;
        search.next_run += 1;
        search.workers = search.workers.max(members.len() as u32);
        let start = |(me, member): (usize, &Member)| Effect::Send {
            worker: member.worker.clone(),
            command: Command::StartTrial {
                job: id.clone(),
                number,
                members: members.clone(),
                me,
                cohort_json: cohort_json.clone(),
            },
        };
        let effects = members.iter().enumerate().map(start).collect();
        search.runs.insert(number, Run::new(members, keys));
        let at_work = search.runs.values().flat_map(|run| run.members.iter().map(|member| &member.worker));
        let at_once = at_work.collect::<BTreeSet<_>>().len();
        search.workers = search.workers.max(at_once as u32);
        Some(effects)
    }

    /// Of all jobs, in the order of workers.
    fn runs_of_workers(&self) -> Vec<u32> {
        let mut counts: BTreeMap<&WorkerId, u32> = self.workers.keys().map(|worker| (worker, 0)).collect();
        for run in self.jobs.values().filter_map(|job| job.search.as_deref()).flat_map(|search| search.runs.values()) {
            for member in run.members.iter().filter(|member| run.has(&member.worker)) {
                counts.entry(&member.worker).and_modify(|count| *count += 1);
            }
        }
        counts.into_values().collect()
    }

    pub(super) fn trial_reported(
        &mut self,
        now: Duration,
        id: &JobId,
        worker: &WorkerId,
        number: u64,
        report: TrialReport,
    ) -> Vec<Effect> {
        let Some(job) = self.jobs.get_mut(id) else { return Vec::new() };
        let Some(search) = job.search.as_mut() else { return Vec::new() };
        let Some(run) = search.runs.get_mut(&number) else { return Vec::new() };
        let effects = match report {
            TrialReport::Progress { round, position, samples, loss, scoring } => {
                (run.position, run.samples) = (position, samples);
                let position_end = (search.data.fit.params.epochs * search.data.fit.rows as f64) as u64;
                let rows = search.data.fit.rows;
                let said = Progress { round, position, position_end, rows, loss, scoring };
                return self.say_progress(now, id, said);
            }
            TrialReport::Scored { trial, point } => {
                let Some(key) = run.trials.get(trial).copied() else { return Vec::new() };
                return vec![Effect::AppendPoint { job: id.clone(), line: search.point_line(key, &point) }];
            }
            TrialReport::Finished { trial, reported, memory_peak_bytes } => {
                search.memory_peak_bytes = search.memory_peak_bytes.max(memory_peak_bytes);
                self.trial_finished(id, worker, number, trial, *reported)
            }
            TrialReport::Stopped => {
                match &mut run.stopping {
                    Some(members) => drop(members.remove(worker)),
                    // Its session breaks, as the worker ends: what it had is lost with it.
                    None => return Vec::new(),
                }
                Vec::new()
            }
            TrialReport::Failed { trial: Some(trial), report, .. } => trial_failed(search, id, number, trial, report),
            TrialReport::Failed { trial: None, report, fit } => {
                job.learn_cause(&report);
                self.run_failed(now, id, worker, number, report, fit)
            }
        };
        self.after_report(now, id, number, effects)
    }

    /// What follows from a report, whatever it was.
    fn after_report(&mut self, now: Duration, id: &JobId, number: u64, mut effects: Vec<Effect>) -> Vec<Effect> {
        if let Some(search) = self.jobs.get_mut(id).and_then(|job| job.search.as_mut())
            && search.runs.get(&number).is_some_and(Run::is_over)
        {
            search.runs.remove(&number);
            if std::mem::take(&mut search.limited_by_others) {
                search.cohort_max = usize::MAX;
            }
        }
        effects.extend(self.end_if_stopped(id));
        effects.extend(self.end_if_over(now, id));
        effects.extend(self.dispatch(now));
        effects
    }

    fn trial_finished(
        &mut self,
        id: &JobId,
        worker: &WorkerId,
        number: u64,
        trial: usize,
        reported: Reported,
    ) -> Vec<Effect> {
        let Some(search) = self.jobs.get_mut(id).and_then(|job| job.search.as_mut()) else { return Vec::new() };
        let key = search.runs.get(&number).and_then(|run| run.trials.get(trial)).copied();
        let Some(key) = key else { return Vec::new() };
        let keeps = search.keeps_model(key);
        let Some(run) = search.runs.get_mut(&number) else { return Vec::new() };
        if run.members.first().is_some_and(|first| first.worker == *worker) {
            // It sends the model before it says so: nothing would ever end a job that waited for one.
            if keeps && !run.models.contains_key(&trial) && run.stopping.is_none() {
                let message = format!("{worker} finished a trial of job {id} without sending its model");
                return trial_failed(search, id, number, trial, Report::new(Kind::Work, "no_model", message));
            }
            run.reported.insert(trial, reported);
        }
        if !run.ended(trial, worker) {
            return Vec::new();
        }
        let Some(Reported { outcome, train_seconds, score_seconds, sums }) = run.reported.remove(&trial) else {
            return Vec::new();
        };
        let model = run.models.remove(&trial);
        search.samples += outcome.samples;
        let Some(identity) = search.identity(key) else { return Vec::new() };
        let (job, data) = (id.clone(), search.data.fit.data.clone());
        let row = TrialRow { identity, job, data, outcome, train_seconds, score_seconds, model, pooled: None, sums };
        let mut effects = vec![
            Effect::PersistTrial(Box::new(row.clone())),
            Effect::AppendPoint { job: id.clone(), line: search.result_line(key, &row) },
        ];
        search.take(key, row);
        if key.fold.is_some()
            && let Some(pooled) = search.pooled_row(key.candidate, id)
        {
            // They have been added up.
            effects.push(Effect::PersistTrial(Box::new(pooled)));
            effects.push(Effect::ClearSums { identities: search.fold_identities(key.candidate) });
        }
        effects.extend(search.keep_best(key).map(|path| Effect::RemoveModel { path }));
        effects.extend(search.drop_needless(id));
        effects
    }

    /// A member's whole part of a run has ended before its trials did.
    fn run_failed(
        &mut self,
        now: Duration,
        id: &JobId,
        worker: &WorkerId,
        number: u64,
        report: Report,
        fit: Option<Fit>,
    ) -> Vec<Effect> {
        let Some(job) = self.jobs.get_mut(id) else { return Vec::new() };
        let can_resume = job.row.can_resume();
        let Some(search) = job.search.as_mut() else { return Vec::new() };
        let Some(run) = search.runs.get_mut(&number) else { return Vec::new() };
        let mut effects = Vec::new();
        let already_stopping = run.stopping.is_some();
        let left: Vec<TrialKey> = match already_stopping {
            true => Vec::new(),
            false => {
                let left = run.pending.keys().map(|at| run.trials[*at]).collect();
                effects = stop_run(id, number, run);
                effects.retain(|effect| !matches!(effect, Effect::Send { worker: to, .. } if to == worker));
                left
            }
        };
        if let Some(members) = &mut run.stopping {
            members.remove(worker);
        }
        match fit {
            // Another member has refused it too.
            Some(fit) if already_stopping && fit.trials > 0 => search.cohort_max = search.cohort_max.min(fit.trials),
            Some(_) if already_stopping => {}
            // Some of them fit.
            Some(fit) if fit.trials > 0 => {
                search.cohort_max = search.cohort_max.min(fit.trials);
                search.limited_by_others |= fit.others;
                search.waiting.extend(left);
            }
            // All may, once others have ended; that is tried again and again.
            Some(fit) if fit.others => {
                search.waits_for_memory = now + MEMORY_RETRY;
                search.waiting.extend(left);
            }
            // Which of many does not is found one by one.
            Some(_) if left.len() > 1 => {
                search.cohort_max = 1;
                search.waiting.extend(left);
            }
            _ if can_resume && report.code == PEER_LOST => search.begin_again(&left, &report),
            _ => left.iter().for_each(|key| search.fail(key.candidate, report.clone())),
        }
        effects
    }

    pub(super) fn model_stored(
        &mut self,
        now: Duration,
        id: &JobId,
        number: u64,
        trial: usize,
        model: StoredModel,
    ) -> Vec<Effect> {
        let Some(search) = self.jobs.get_mut(id).and_then(|job| job.search.as_mut()) else { return Vec::new() };
        if model.scores.iter().any(|score| score.part == Part::Train && score.metrics.rows == 0) {
            let message = "no row was trained on: each is without a target, has a missing value that leaves it out, or is \
                           on the other side of the split";
            let report = Report::new(Kind::Data, "no_training_rows", message)
                .hint("`aquifer frame show` counts missing values; see `split` and `missing_values_handling`");
            let effects = trial_failed(search, id, number, trial, report);
            return self.after_report(now, id, number, effects);
        }
        if let Some(run) = search.runs.get_mut(&number).filter(|run| run.stopping.is_none()) {
            run.models.insert(trial, model);
        }
        Vec::new()
    }

    /// Ends a job whose search is over: with its result, or with the failure of its only candidate.
    fn end_if_over(&mut self, now: Duration, id: &JobId) -> Vec<Effect> {
        let Some(job) = self.jobs.get_mut(id).filter(|job| job.is_active()) else { return Vec::new() };
        let Some(search) = job.search.as_mut().filter(|search| search.is_over()) else { return Vec::new() };
        if search.make_best_again() {
            return self.dispatch(now);
        }
        // What is still at work, nobody needs: members stop first.
        let grid = search.is_grid();
        let event = match (grid, search.failure().cloned()) {
            (true, _) => JobEvent::Searched(Box::new(search.summary(id, now))),
            (false, Some(report)) => JobEvent::Failed { report },
            (false, None) => match search.train_summary(&Frames { slots: &job.slots }, job.submitted, now) {
                Some(summary) => JobEvent::Trained(Box::new(summary)),
                None => {
                    let report = Report::new(Kind::Work, "no_model", format!("job {id} ended without a model"));
                    JobEvent::Failed { report }
                }
            },
        };
        self.stop_job(now, id, event)
    }

    fn say_progress(&mut self, now: Duration, id: &JobId, said: Progress) -> Vec<Effect> {
        let workers = self.workers.len();
        let Some(job) = self.jobs.get_mut(id) else { return Vec::new() };
        let single = !job.row.can_resume();
        let Some(search) = job.search.as_ref() else { return Vec::new() };
        if single {
            return vec![Effect::Notify { job: id.clone(), event: JobEvent::Progress(said) }];
        }
        if now < job.said + PROGRESS_INTERVAL {
            return Vec::new();
        }
        let event = JobEvent::Searching(Box::new(search.progress(workers)));
        job.said = now;
        vec![Effect::Notify { job: id.clone(), event }]
    }
}

/// One trial of a run has failed; the others go on.
fn trial_failed(search: &mut Search, id: &JobId, number: u64, trial: usize, report: Report) -> Vec<Effect> {
    let Some(run) = search.runs.get_mut(&number) else { return Vec::new() };
    let Some(key) = run.trials.get(trial).copied() else { return Vec::new() };
    let members = run.pending.remove(&trial).unwrap_or_default();
    let several = run.members.len() > 1;
    let drop = |worker: WorkerId| Effect::Send {
        worker,
        command: Command::StopTrial { job: id.clone(), number, trial: Some(trial) },
    };
    let mut effects: Vec<Effect> = members.into_iter().filter(|_| several).map(drop).collect();
    search.fail(key.candidate, report);
    effects.extend(search.drop_needless(id));
    effects
}

impl Search {
    /// A worker is lost: runs that it had a part in stop, and what they had left is begun again. Whether it had any.
    pub(super) fn lose(&mut self, id: &JobId, worker: &WorkerId, reason: &str) -> (bool, Vec<Effect>) {
        let mut effects = Vec::new();
        let mut left = Vec::new();
        let mut had = false;
        for (number, run) in self.runs.iter_mut().filter(|(_, run)| run.has(worker)) {
            had = true;
            if run.stopping.is_none() {
                left.extend(run.pending.keys().map(|at| run.trials[*at]));
                effects.extend(stop_run(id, *number, run));
            }
            if let Some(members) = &mut run.stopping {
                members.remove(worker);
            }
        }
        effects.retain(|effect| !matches!(effect, Effect::Send { worker: to, .. } if to == worker));
        self.runs.retain(|_, run| !run.is_over());
        let message = format!("{worker} was lost while it trained: {reason}");
        self.begin_again(&left, &Report::new(Kind::Work, "worker_lost", message));
        (had, effects)
    }

    /// Trials wait again; those that lost too many workers have failed.
    fn begin_again(&mut self, trials: &[TrialKey], cause: &Report) {
        for key in trials {
            let Some(candidate) = self.candidates.get_mut(&key.candidate).filter(|c| !c.has_ended()) else { continue };
            candidate.lost += 1;
            let trials = 1 + self.folds.as_ref().map_or(0, aquifer_frame::Folds::count);
            match candidate.lost > LOST_MAX * trials {
                true => self.fail(key.candidate, cause.clone()),
                false => drop(self.waiting.insert(*key)),
            }
        }
    }

    /// Trials at work of candidates that have ended are dropped.
    fn drop_needless(&mut self, id: &JobId) -> Vec<Effect> {
        let mut effects = Vec::new();
        for (number, run) in &mut self.runs {
            let needless = |at: &usize| {
                let candidate = self.candidates.get(&run.trials[*at].candidate);
                candidate.is_none_or(|candidate| candidate.has_ended())
            };
            let needless: Vec<usize> = run.pending.keys().copied().filter(needless).collect();
            for at in needless {
                let drop = |worker: WorkerId| Effect::Send {
                    worker,
                    command: Command::StopTrial { job: id.clone(), number: *number, trial: Some(at) },
                };
                effects.extend(run.pending.remove(&at).unwrap_or_default().into_iter().map(drop));
            }
        }
        self.runs.retain(|_, run| !run.is_over());
        effects
    }

    /// Keeps the models of the best candidates; the path of one that is not.
    fn keep_best(&mut self, key: TrialKey) -> Option<std::path::PathBuf> {
        let keep = self.settings.as_ref()?.keep_models.max(1) as usize;
        let done = self.candidates.get(&key.candidate)?;
        if key.fold.is_some() || done.ended != Some(CandidateStatus::Done) {
            return None;
        }
        self.kept.push(key.candidate);
        if self.kept.len() <= keep {
            return None;
        }
        let value = |number: &u32| self.candidates.get(number).and_then(|candidate| candidate.value);
        let metric = self.metric;
        // The worst of them, the later one of two that are equal.
        let worse = |a: &&u32, b: &&u32| match (value(a), value(b)) {
            (Some(x), Some(y)) if metric.better(x, y) => std::cmp::Ordering::Less,
            (Some(x), Some(y)) if metric.better(y, x) => std::cmp::Ordering::Greater,
            (Some(_), None) => std::cmp::Ordering::Less,
            (None, Some(_)) => std::cmp::Ordering::Greater,
            _ => a.cmp(b),
        };
        let worst = *self.kept.iter().max_by(worse)?;
        self.kept.retain(|number| *number != worst);
        let path_of = |number: &u32| {
            let row = self.candidates.get(number)?.last.as_ref()?;
            row.model.as_ref().map(|model| model.path.clone())
        };
        let path = path_of(&worst)?;
        // Equal models are one file.
        if self.kept.iter().any(|other| path_of(other).as_ref() == Some(&path)) {
            return None;
        }
        self.candidates.get_mut(&worst)?.last.as_mut()?.model.as_mut()?.kept = false;
        Some(path)
    }

    /// The best model may have been found by another job, whose file is gone: its final fit is made once more.
    fn make_best_again(&mut self) -> bool {
        if !self.is_grid() || self.closed_for_good {
            return false;
        }
        let Some(best) = self.ranking().first().copied() else { return false };
        let Some(candidate) = self.candidates.get_mut(&best) else { return false };
        let there = candidate.last.as_ref().and_then(|row| row.model.as_ref()).is_some_and(|model| model.kept);
        if there || candidate.ended != Some(CandidateStatus::Done) {
            return false;
        }
        self.closed_for_good = true;
        candidate.ended = None;
        let key = TrialKey { candidate: best, rung: candidate.rung, fold: None };
        (self.open, self.done) = (self.open + 1, self.done - 1);
        self.waiting.insert(key);
        true
    }

    /// A line of the job's metric points.
    fn point_line(&self, key: TrialKey, point: &aquifer_model::CurvePoint) -> String {
        serde_json::json!({
            "candidate": key.candidate, "rung": key.rung, "fold": key.fold, "position": point.position,
            "loss": point.loss, "value": point.value,
        })
        .to_string()
    }

    /// The line of a trial that ended.
    fn result_line(&self, key: TrialKey, row: &TrialRow) -> String {
        let scores: Vec<_> = row.outcome.scores.iter().map(|score| (score.part, score.metrics.kept())).collect();
        serde_json::json!({
            "candidate": key.candidate, "rung": key.rung, "fold": key.fold, "position": row.outcome.model_position,
            "scores": scores, "seconds": row.train_seconds + row.score_seconds, "ended": true,
        })
        .to_string()
    }
}

fn members(workers: &BTreeMap<WorkerId, Worker>, chosen: &[&WorkerId], ranks: &[Range<u32>]) -> Vec<Member> {
    let member = |(ranks, id): (&Range<u32>, &&WorkerId)| {
        let worker = workers.get(*id)?;
        Some(Member {
            worker: (*id).clone(),
            address: worker.registration.address.clone(),
            incarnation: worker.incarnation,
            rank_first: ranks.start,
            rank_count: ranks.end - ranks.start,
        })
    };
    ranks.iter().zip(chosen).filter_map(member).collect()
}

/// What is said before it begins; `threads` of each worker.
fn decisions(search: &Search, threads: &[u32]) -> Decisions {
    let fit = &search.data.fit;
    let (params, rows) = (&fit.params, fit.rows);
    let Some(encoding) = search.first_encoding() else { unreachable!("a search has an encoding") };
    let mut notes = search.data.notes.clone();
    let folds = search.folds.as_ref().map_or(0, aquifer_frame::Folds::count);
    let members = match folds > 0 || search.is_grid() {
        true => threads.len(),
        false => threads.len().min(params.ranks as usize),
    };
    let available: u32 = threads.iter().sum();
    let parameters = parameters(encoding, fit);
    let more = u64::from(available).min(block_count(rows));
    let ranks = params.ranks;
    // Steps that are shared out keep all threads busy, and so do trials side by side.
    if more > u64::from(ranks) && !params.shares_steps(parameters) && folds == 0 && !search.is_grid() {
        let keep = if ranks == 1 { "1 rank keeps".to_owned() } else { format!("{ranks} ranks keep") };
        let message = format!(
            "{keep} at most {ranks} of {available} threads busy; `--set ranks={more}` would use more (another model: \
             the number of ranks is part of it)"
        );
        notes.push(Note { code: "idle_threads".into(), column: None, message });
    }
    Decisions {
        rows,
        task: encoding.target.task(),
        numeric: encoding.numeric.len() as u64,
        categorical: encoding.categorical.len() as u64,
        inputs: encoding.inputs() as u64,
        parameters,
        ranks,
        workers: members as u32,
        threads: threads.iter().take(members).sum(),
        epochs: params.epochs,
        mini_batch_size: params.mini_batch_size as u64,
        folds,
        candidates: search.total.into(),
        notes,
        spec_toml: search.spec.resolved_toml(fit),
    }
}

/// Weights and biases of the network.
fn parameters(encoding: &Encoding, fit: &FitSpec) -> u64 {
    fit.params.parameter_count(encoding.inputs(), encoding.target.outputs())
}
