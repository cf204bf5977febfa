//! A training job's trial: begun once its frames are ready, ended by its members' word.

use std::collections::BTreeSet;
use std::time::Duration;

use aquifer_frame::{Apply, Encoding, Note, Side, Split, block_count};
use aquifer_model::{FitSpec, Kind, Part, Report, Spec, SplitChoice};
use aquifer_proto::{Decisions, JobEvent, PartPlan, Progress, Seconds, ShardHolders, TrainSummary, TrialPlan};

use super::event::Member;
use super::{Command, Effect, Job, JobId, Role, State, StoredFrame, StoredModel, TrialReport, WorkerId, place_ranks};

/// The only generation of a trial: a lost member ends it.
const FIRST_GENERATION: u64 = 1;

/// A trial at work.
#[derive(Debug)]
pub(super) struct Trial {
    pub(super) number: u64,
    pub(super) members: Vec<Member>,
    /// Members that have neither finished nor stopped.
    pub(super) running: BTreeSet<WorkerId>,
    plan: TrialPlan,
    began: Duration,
    /// What the holder of rank 0 said when it finished: samples, seconds of training and of scoring.
    finished: Option<(u64, f64, f64)>,
    /// Of the member that had most.
    memory_peak_bytes: u64,
}

impl State {
    pub(super) fn begin_trial(&mut self, now: Duration, id: &JobId) -> Vec<Effect> {
        match self.plan_trial(id) {
            Ok((plan, notes)) => self.start_trial(now, id, plan, notes),
            Err(report) => self.end_job(id, JobEvent::Failed { report }),
        }
    }

    /// All that decides the bits, from frames and spec alone.
    fn plan_trial(&self, id: &JobId) -> Result<(TrialPlan, Vec<Note>), Report> {
        let missing = || Report::new(Kind::Work, "job", format!("job {id} has no training frame"));
        let job = self.jobs.get(id).ok_or_else(missing)?;
        let (train, spec) = job.frame(Part::Train).zip(job.spec.as_deref()).ok_or_else(missing)?;
        let of_sources = job.source_notes().map(|(role, note)| match role {
            Role::Part(part @ (Part::Validation | Part::Test)) => note_of(*part, note),
            Role::Part(Part::Train) | Role::Named(_) => note,
        });
        let mut notes: Vec<Note> = of_sources.collect();
        let (encoding, fitted) = Encoding::fit(&train.frame, &spec.roles()?)?;
        notes.extend(fitted);
        for part in [Part::Validation, Part::Test] {
            if let Some(stored) = job.frame(part) {
                let said = encoding.check(&stored.frame, Apply::TARGET).map_err(|error| in_part(part, error.into()))?;
                notes.extend(said.into_iter().map(|note| note_of(part, note)));
            }
        }
        let fit = spec.resolve(train.frame.rows, &train.frame.content)?;
        fit.check_target(&encoding.target)?;
        let split = match &fit.split {
            None => None,
            Some(SplitChoice { share, by: None }) => Some(Split::random(*share, fit.params.seed, &encoding)),
            Some(SplitChoice { share, by: Some(column) }) => {
                let (split, said) = Split::chronological(*share, column, &train.frame, &spec.roles()?)
                    .map_err(aquifer_frame::Error::from)?;
                notes.extend(said);
                Some(split)
            }
        };
        let side = |training| split.clone().map(|split| Side { split, training });
        let whole = |part: Part| job.frame(part).map(|stored| self.part_plan(part, stored, None));
        let mut parts = vec![self.part_plan(Part::Train, train, side(true))];
        parts.extend(whole(Part::Validation));
        // The rows that are not trained on are test data; a spec has not both.
        parts.extend(
            side(false).map(|rest| self.part_plan(Part::Test, train, Some(rest))).or_else(|| whole(Part::Test)),
        );
        Ok((TrialPlan { fit, encoding, parts }, notes))
    }

    fn part_plan(&self, part: Part, stored: &StoredFrame, side: Option<Side>) -> PartPlan {
        let holders = |hash: &str| -> Vec<String> {
            let has = self.workers.values().filter(|worker| worker.registration.shards.contains(hash));
            has.map(|worker| worker.registration.address.clone()).collect()
        };
        let shards = stored.frame.shards.iter();
        let shards = shards.map(|record| ShardHolders { addresses: holders(&record.hash), record: record.clone() });
        let StoredFrame { frame, plan, uploads } = stored;
        let (plan, uploads) = (plan.clone(), uploads.clone());
        PartPlan { part, rows: frame.rows, side, plan, uploads, shards: shards.collect() }
    }

    fn start_trial(&mut self, now: Duration, id: &JobId, plan: TrialPlan, notes: Vec<Note>) -> Vec<Effect> {
        let workers: Vec<_> = self.workers.iter().collect();
        let ranks = place_ranks(plan.fit.params.ranks, workers.len());
        let member = |(ranks, (id, worker)): (&std::ops::Range<u32>, &(&WorkerId, &super::Worker))| Member {
            worker: (*id).clone(),
            address: worker.registration.address.clone(),
            incarnation: worker.incarnation,
            rank_first: ranks.start,
            rank_count: ranks.end - ranks.start,
        };
        let members: Vec<Member> = ranks.iter().zip(&workers).map(member).collect();
        let available = workers.iter().map(|(_, worker)| worker.registration.threads).sum();
        let threads = workers.iter().take(members.len()).map(|(_, worker)| worker.registration.threads).sum();
        let trial_json = match serde_json::to_string(&plan) {
            Ok(json) => json,
            Err(error) => {
                let report =
                    Report::new(Kind::Work, "trial_plan", "the trial could not be written down").caused_by(&error);
                return self.end_job(id, JobEvent::Failed { report });
            }
        };
        let Some(job) = self.jobs.get_mut(id) else { return Vec::new() };
        let nodes = Nodes { workers: members.len() as u32, threads, available };
        let decisions = decisions(&plan, notes, nodes, job.spec.as_deref());
        let mut effects = vec![Effect::Notify { job: id.clone(), event: JobEvent::Decided(Box::new(decisions)) }];
        effects.extend(members.iter().enumerate().map(|(me, member)| Effect::Send {
            worker: member.worker.clone(),
            command: Command::StartTrial {
                job: id.clone(),
                number: FIRST_GENERATION,
                members: members.clone(),
                me,
                trial_json: trial_json.clone(),
            },
        }));
        let running = members.iter().map(|member| member.worker.clone()).collect();
        job.trial = Some(Trial {
            number: FIRST_GENERATION,
            members,
            running,
            plan,
            began: now,
            finished: None,
            memory_peak_bytes: 0,
        });
        effects
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
        let Some(trial) = job.trial.as_mut().filter(|trial| trial.number == number) else { return Vec::new() };
        match report {
            TrialReport::Progress { round, position, loss, scoring } => {
                let rows = trial.train_rows();
                let position_end = (trial.plan.fit.params.epochs * rows as f64) as u64;
                let progress = Progress { round, position, position_end, rows, loss, scoring };
                vec![Effect::Notify { job: id.clone(), event: JobEvent::Progress(progress) }]
            }
            TrialReport::Finished { samples, train_seconds, score_seconds, memory_peak_bytes } => {
                trial.running.remove(worker);
                trial.memory_peak_bytes = trial.memory_peak_bytes.max(memory_peak_bytes);
                if trial.members.first().is_some_and(|first| first.worker == *worker) {
                    trial.finished = Some((samples, train_seconds, score_seconds));
                    // It sends the model before it says so: nothing would ever end a job that waited for one.
                    if job.model.is_none() && job.is_active() {
                        let message = format!("{worker} finished the trial of job {id} without sending its model");
                        return self.fail_job(now, id, Report::new(Kind::Work, "no_model", message));
                    }
                }
                let mut effects = self.end_if_stopped(id);
                effects.extend(self.end_if_trained(now, id));
                effects
            }
            TrialReport::Stopped => {
                trial.running.remove(worker);
                self.end_if_stopped(id)
            }
            TrialReport::Failed(report) => {
                trial.running.remove(worker);
                job.learn_cause(&report);
                let mut effects = self.fail_job(now, id, report);
                effects.extend(self.end_if_stopped(id));
                effects
            }
        }
    }

    pub(super) fn model_stored(&mut self, now: Duration, id: &JobId, model: StoredModel) -> Vec<Effect> {
        if model.scores.iter().any(|score| score.part == Part::Train && score.metrics.rows == 0) {
            let message = "no row was trained on: each is without a target, has a missing value that leaves it out, or is \
                           on the other side of the split";
            let report = Report::new(Kind::Data, "no_training_rows", message)
                .hint("`aquifer frame show` counts missing values; see `split` and `missing_values_handling`");
            return self.fail_job(now, id, report);
        }
        if let Some(job) = self.jobs.get_mut(id).filter(|job| job.is_active()) {
            job.model = Some(model);
        }
        self.end_if_trained(now, id)
    }

    /// Done when the model is stored and every member has finished.
    fn end_if_trained(&mut self, now: Duration, id: &JobId) -> Vec<Effect> {
        let Some(job) = self.jobs.get(id).filter(|job| job.is_active()) else { return Vec::new() };
        match summary(now, job) {
            Some(summary) => self.end_job(id, JobEvent::Trained(Box::new(summary))),
            None => Vec::new(),
        }
    }
}

impl Trial {
    fn train_rows(&self) -> u64 {
        self.plan.parts.iter().find(|part| part.part == Part::Train).map_or(0, |part| part.rows)
    }
}

fn summary(now: Duration, job: &Job) -> Option<TrainSummary> {
    let (trial, model) = (job.trial.as_ref()?, job.model.as_ref()?);
    let (samples, train, score) = trial.finished?;
    if !trial.running.is_empty() {
        return None;
    }
    let encoding = &trial.plan.encoding;
    Some(TrainSummary {
        model_blake3: model.model_blake3.clone(),
        fit_blake3: model.fit_blake3.clone(),
        scores: model.scores.clone(),
        rows: trial.train_rows(),
        features: encoding.features() as u64,
        inputs: encoding.inputs() as u64,
        parameters: parameters(encoding, &trial.plan.fit),
        seconds: Seconds {
            import: (trial.began - job.submitted).as_secs_f64(),
            train,
            score,
            total: (now - job.submitted).as_secs_f64(),
        },
        samples,
        memory_peak_bytes: trial.memory_peak_bytes,
        bytes_read: trial.plan.parts.iter().flat_map(|part| &part.plan.files).map(|file| file.bytes).sum(),
        ranks: trial.plan.fit.params.ranks,
        workers: trial.members.len() as u32,
        device: "cpu".into(),
        numeric_class: model.numeric_class.clone(),
    })
}

/// What works at a trial, and what could.
struct Nodes {
    workers: u32,
    threads: u32,
    /// Threads of all workers, those without ranks too.
    available: u32,
}

fn decisions(plan: &TrialPlan, notes: Vec<Note>, nodes: Nodes, spec: Option<&Spec>) -> Decisions {
    let Nodes { workers, threads, available } = nodes;
    let (encoding, params) = (&plan.encoding, &plan.fit.params);
    let rows = plan.parts.first().map_or(0, |part| part.rows);
    let mut notes = notes;
    let ranks = params.ranks;
    let more = u64::from(available).min(block_count(rows));
    let parameters = parameters(encoding, &plan.fit);
    // Steps that are shared out keep all threads busy.
    if more > u64::from(ranks) && !params.shares_steps(parameters) {
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
        ranks: params.ranks,
        workers,
        threads,
        epochs: params.epochs,
        mini_batch_size: params.mini_batch_size as u64,
        notes,
        spec_toml: spec.map(|spec| spec.resolved_toml(&plan.fit)).unwrap_or_default(),
    }
}

/// Weights and biases of the network.
fn parameters(encoding: &Encoding, fit: &FitSpec) -> u64 {
    fit.params.parameter_count(encoding.inputs(), encoding.target.outputs())
}

fn in_part(part: Part, mut report: Report) -> Report {
    report.message = format!("{part} data: {}", report.message);
    report
}

fn note_of(part: Part, mut note: Note) -> Note {
    note.message = format!("{part} data: {}", note.message);
    note
}
