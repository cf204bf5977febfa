//! What workers say of their trials, and what follows from it.

use std::time::Duration;

use aquifer_model::{Kind, Part, Report};
use aquifer_proto::{JobEvent, Progress, is_passing};

use super::search::{Left, Reported, Run, Search, TrialKey, TrialRow, drop_trial, stop_run};
use super::{Effect, Fit, JobId, State, StoredModel, TRAIN, TrialReport, WorkerId};

/// Watchers hear of a search this often.
const PROGRESS_INTERVAL: Duration = Duration::from_millis(250);
/// What does not fit beside others is tried again after this long.
const MEMORY_RETRY: Duration = Duration::from_secs(1);

impl State {
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
                (run.position, run.samples, run.round) = (position, samples, run.round.max(round));
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
                    // It leaves, and says so: the others stop too.
                    None => return self.stopped_by_itself(now, id, worker, number),
                }
                Vec::new()
            }
            TrialReport::Differs { trial, round, check } => {
                self.states_differ(now, id, worker, number, trial, (round, check))
            }
            TrialReport::Checked { trial, round, check } => {
                return self.state_checked(now, id, worker, number, trial, (round, check));
            }
            TrialReport::StateLost { identity, round, report } => {
                let mut effects = self.run_failed(now, id, worker, number, report, None);
                effects.extend(self.forget_state(id, &identity, round));
                effects
            }
            TrialReport::Failed { trial: Some(trial), report, .. } => trial_failed(search, id, number, trial, report),
            TrialReport::Failed { trial: None, report, fit } => self.run_failed(now, id, worker, number, report, fit),
        };
        self.after_report(now, id, number, effects)
    }

    /// What follows from a report, whatever it was.
    fn after_report(&mut self, now: Duration, id: &JobId, number: u64, mut effects: Vec<Effect>) -> Vec<Effect> {
        if let Some(search) = self.jobs.get_mut(id).and_then(|job| job.search.as_mut())
            && search.runs.get(&number).is_some_and(Run::is_over)
            && std::mem::take(&mut search.limited_by_others)
        {
            search.cohort_max = usize::MAX;
        }
        effects.extend(self.settle_all(now));
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
        let identity = row.identity.clone();
        search.take(key, row);
        if key.fold.is_some()
            && let Some(pooled) = search.pooled_row(key.candidate, id)
        {
            // They have been added up.
            effects.push(Effect::PersistTrial(Box::new(pooled)));
            effects.push(Effect::ClearSums { job: id.clone(), identities: search.fold_identities(key.candidate) });
        }
        effects.extend(search.keep_best(key).map(|path| Effect::RemoveModel { job: id.clone(), path }));
        effects.extend(search.drop_needless(id));
        effects.extend(self.release(id, &identity));
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
        self.spare(now, worker, &report);
        let Some(job) = self.jobs.get_mut(id) else { return Vec::new() };
        let Some(search) = job.search.as_mut() else { return Vec::new() };
        let Some(run) = search.runs.get_mut(&number) else { return Vec::new() };
        let already_stopping = run.stopping.is_some();
        let count = run.pending.len();
        let keys = run.trials.clone();
        let passing = is_passing(&report);
        let left = match fit {
            // What is wrong with the data is wrong everywhere, whoever missed a peer first.
            None if already_stopping && matches!(report.kind, Kind::Data | Kind::Config) => Left::Dropped,
            // A consequence: what is left of it is known already.
            _ if already_stopping => Left::Placed,
            None if passing => Left::Lost(report.clone()),
            None => Left::Dropped,
            Some(fit) if fit.trials == 0 && !fit.others && count <= 1 => Left::Dropped,
            Some(_) => Left::Placed,
        };
        let failed: Vec<TrialKey> = match &left {
            Left::Dropped => {
                let left = run.take_left();
                run.pending.keys().map(|at| keys[*at]).chain(left).collect()
            }
            _ => Vec::new(),
        };
        let effects = stop_run(id, number, run, Some(worker), left, now);
        match fit {
            // Another member has refused it too.
            Some(fit) if already_stopping && fit.trials > 0 => search.cohort_max = search.cohort_max.min(fit.trials),
            Some(_) if already_stopping => {}
            // Some of them fit.
            Some(fit) if fit.trials > 0 => {
                search.cohort_max = search.cohort_max.min(fit.trials);
                search.limited_by_others |= fit.others;
            }
            // All may, once others have ended; that is tried again and again.
            Some(fit) if fit.others => search.waits_for_memory = now + MEMORY_RETRY,
            // Which of many does not is found one by one.
            Some(_) if count > 1 => search.cohort_max = 1,
            _ => failed.iter().for_each(|key| search.fail(key.candidate, report.clone())),
        }
        effects
    }

    /// A member stops that nobody told to: the trials are placed again.
    fn stopped_by_itself(&mut self, now: Duration, id: &JobId, worker: &WorkerId, number: u64) -> Vec<Effect> {
        let Some(search) = self.jobs.get_mut(id).and_then(|job| job.search.as_mut()) else { return Vec::new() };
        let Some(run) = search.runs.get_mut(&number) else { return Vec::new() };
        let effects = stop_run(id, number, run, Some(worker), Left::Placed, now);
        self.after_report(now, id, number, effects)
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

    fn say_progress(&mut self, now: Duration, id: &JobId, said: Progress) -> Vec<Effect> {
        let workers = self.workers.len();
        let Some(job) = self.jobs.get_mut(id) else { return Vec::new() };
        let single = job.row.kind == TRAIN;
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
    let mut effects = drop_trial(id, number, run, trial);
    if run.members.len() == 1 {
        effects.clear(); // it has said so itself
    }
    search.fail(key.candidate, report);
    effects.extend(search.drop_needless(id));
    effects
}
