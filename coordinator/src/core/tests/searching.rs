//! Searches among workers that come, go, fail and are slow: whatever happens, the leaderboard is the same.

use std::collections::BTreeMap;

use aquifer_frame::{Frame, Philox, below, unit};
use aquifer_model::{MetricName, Metrics, Score};
use aquifer_proto::{CandidateStatus, CohortPlan, SearchSummary, TrialPlan};

use super::*;
use crate::core::search::TrialRow;

const SEARCH: &str = r#"
    target = "class"
    [params]
    epochs = 9
    [search]
    sort_by = "auc"
    [search.params]
    l2 = [0.0, 1e-5, 1e-4, 1e-3, 1e-2]
    hidden = [[4], [8]]
"#;

/// What a trial finds: a function of all that decides it, and of nothing else.
fn outcome(trial: &TrialPlan) -> TrialOutcome {
    let text = serde_json::to_string(&(&trial.fit.normalised(), trial.fold)).unwrap();
    let words = Philox::new(7, &text).draw(0, 0, 0);
    let metrics = Metrics { rows: 100, auc: Some(f64::from(unit(words[0]))), ..Metrics::default() };
    let part = if trial.fold.is_some() { Part::Holdout } else { Part::Train };
    let end = (trial.fit.params.epochs * 699.0) as u64;
    let end = end.min(trial.fit.stop_at.unwrap_or(end));
    let best = 1 + u64::from(below(words[1], end as u32));
    let (position, model_position) = (end, if trial.fold.is_some() { best } else { end });
    TrialOutcome {
        scores: vec![Score { part, position: model_position, metrics }],
        position,
        model_position,
        samples: position,
        ..TrialOutcome::default()
    }
}

/// Workers that do what they are told, at random speed.
struct World {
    bench: Bench,
    random: Philox,
    turn: u32,
    read: usize,
    /// Of each worker, what it is at: run and trial.
    at_work: BTreeMap<WorkerId, Vec<(u64, usize, TrialPlan)>>,
    rows: BTreeMap<String, TrialRow>,
    registered: u32,
    begun: u32,
    /// Cohorts with a trial of this l2 are refused.
    too_large: Option<f64>,
}

impl World {
    fn new(seed: u64, spec: &str, rows: BTreeMap<String, TrialRow>) -> Self {
        let bench = Bench::new();
        let random = Philox::new(seed, "searching");
        let mut world = World {
            bench,
            random,
            turn: 0,
            read: 0,
            at_work: BTreeMap::new(),
            rows,
            registered: 0,
            begun: 0,
            too_large: None,
        };
        world.register();
        let request = Request::Train { spec_toml: spec.into(), train: source(), validation: None, test: None };
        world.bench.step(Event::Submitted { job: id(), request: Box::new(request), workers_min: 1, created_ms: 0 });
        world.bench.planned();
        world.bench.import();
        world
    }

    fn register(&mut self) {
        self.registered += 1;
        self.bench.register(self.registered);
        self.at_work.insert(worker(self.registered), Vec::new());
    }

    fn draw(&mut self, n: u32) -> u32 {
        self.turn += 1;
        below(self.random.draw(self.turn, 0, 0)[0], n)
    }

    fn report(&mut self, worker: &WorkerId, number: u64, report: TrialReport) {
        self.bench.step(Event::TrialReported { job: id(), worker: worker.clone(), number, report });
    }

    /// Takes what the core wants done.
    fn follow(&mut self) {
        while self.read < self.bench.effects.len() {
            let at = self.read;
            self.read += 1;
            match &self.bench.effects[at] {
                Effect::PersistTrial(row) => drop(self.rows.insert(row.identity.clone(), (**row).clone())),
                Effect::FindTrials { .. } => {
                    let rows = self.rows.values().cloned().collect();
                    self.bench.step(Event::TrialsFound { job: id(), rows, checkpoints: BTreeMap::new() });
                }
                Effect::Send { worker, command: Command::StartTrial { number, cohort_json, .. } } => {
                    let (worker, number) = (worker.clone(), *number);
                    let plan: CohortPlan = serde_json::from_str(cohort_json).unwrap();
                    let refused = plan.trials.iter().position(|trial| Some(trial.fit.params.l2) == self.too_large);
                    if let Some(trials) = refused {
                        let others = self.at_work.get(&worker).is_some_and(|trials| !trials.is_empty());
                        let report = Report::new(Kind::Config, "memory_too_small", "too small");
                        let fit = Some(Fit { trials, others });
                        self.report(&worker, number, TrialReport::Failed { trial: None, report, fit });
                        continue;
                    }
                    self.begun += plan.trials.len() as u32;
                    let trials = plan.trials.into_iter().enumerate().map(|(at, trial)| (number, at, trial));
                    if let Some(at_work) = self.at_work.get_mut(&worker) {
                        at_work.extend(trials);
                    }
                }
                Effect::Send { worker, command: Command::StopTrial { number, trial, .. } } => {
                    let (worker, number, trial) = (worker.clone(), *number, *trial);
                    let Some(at_work) = self.at_work.get_mut(&worker) else { continue };
                    at_work.retain(|(run, at, _)| *run != number || trial.is_some_and(|trial| trial != *at));
                    if trial.is_none() {
                        self.report(&worker, number, TrialReport::Stopped);
                    }
                }
                _ => {}
            }
        }
    }

    /// Some worker ends one of its trials.
    fn work(&mut self) {
        let busy: Vec<WorkerId> =
            self.at_work.iter().filter(|(_, trials)| !trials.is_empty()).map(|(id, _)| id.clone()).collect();
        if busy.is_empty() {
            return;
        }
        let worker = busy[self.draw(busy.len() as u32) as usize].clone();
        let count = self.at_work[&worker].len() as u32;
        let at = self.draw(count) as usize;
        let (number, trial, plan) = self.at_work.get_mut(&worker).unwrap().swap_remove(at);
        if plan.fit.params.l2 == 1e-3 {
            let report = Report::new(Kind::Work, "diverged", "training diverged");
            return self.report(&worker, number, TrialReport::Failed { trial: Some(trial), report, fit: None });
        }
        let outcome = outcome(&plan);
        if plan.fold.is_none() {
            let model = StoredModel {
                path: format!("{:?}", plan.fit).into(),
                model_blake3: format!("{:?}", plan.fit.params),
                fit_blake3: format!("{:?}", plan.fit),
                scores: outcome.scores.clone(),
                numeric_class: "exact".into(),
                kept: true,
            };
            self.bench.step(Event::ModelStored { job: id(), number, trial, model });
        }
        let reported = Reported { outcome, train_seconds: 1.0, score_seconds: 0.0, sums: None };
        let report = TrialReport::Finished { trial, reported: Box::new(reported), memory_peak_bytes: 1 };
        self.report(&worker, number, report);
    }

    /// A worker refuses a run that has begun on it and had no trial end: it does not fit.
    fn refuse(&mut self) {
        let holders: Vec<WorkerId> =
            self.at_work.iter().filter(|(_, t)| t.len() > 1).map(|(id, _)| id.clone()).collect();
        let Some(worker) = holders.first().cloned() else { return };
        let number = self.at_work[&worker][0].0;
        self.at_work.get_mut(&worker).unwrap().retain(|(run, ..)| *run != number);
        let report = Report::new(Kind::Config, "memory_too_small", "too small");
        // What does not fit alone fails rightly: here it is always others that are in the way.
        let trials = self.draw(3) as usize;
        let fit = Some(Fit { trials, others: trials == 0 || self.draw(2) == 0 });
        self.bench.now += Duration::from_millis(700);
        self.report(&worker, number, TrialReport::Failed { trial: None, report, fit });
    }

    fn ended(&self) -> Option<SearchSummary> {
        match self.bench.last_events()[..] {
            [] => None,
            [JobEvent::Searched(summary)] => Some((**summary).clone()),
            ref other => panic!("{other:?}"),
        }
    }

    /// To the end; with chaos workers come, are lost and refuse.
    fn run(&mut self, chaos: bool) -> SearchSummary {
        for _ in 0..20_000 {
            self.follow();
            if let Some(summary) = self.ended() {
                return summary;
            }
            self.bench.now += Duration::from_millis(20);
            if self.turn.is_multiple_of(8) {
                (1..=self.registered).for_each(|n| self.bench.step(Event::WorkerRenewed { worker: worker(n) }));
                self.bench.step(Event::Tick);
            }
            match self.draw(40) {
                0 if chaos && self.at_work.len() < 5 => self.register(),
                1 if chaos && self.at_work.len() > 1 => {
                    let lost = self.at_work.keys().next().unwrap().clone();
                    self.at_work.remove(&lost);
                    self.bench.step(Event::WorkerGone { worker: lost, reason: "chaos".into() });
                }
                2 if chaos => self.refuse(),
                _ => self.work(),
            }
        }
        panic!("the search does not end");
    }
}

/// All that must not depend on what happened on the way.
pub(super) fn lasting(summary: &SearchSummary) -> String {
    let entry = |entry: &aquifer_proto::LeaderboardEntry| {
        let model = entry.model.as_ref().map(|model| model.fit_blake3.clone());
        format!(
            "{:?}",
            (entry.place, entry.candidate, entry.value, entry.deviation, entry.status, entry.stop_at, model)
        )
    };
    summary.leaderboard.iter().map(entry).collect::<Vec<_>>().join("\n")
}

fn with_folds(search: &str) -> String {
    format!("{search}\n[cross_validation]\nnfolds = 3\n[stopping]\nstopping_rounds = 2\n")
}

#[test]
fn the_leaderboard_is_the_same_whatever_happens() {
    let spec = with_folds(SEARCH);
    let expected = World::new(0, &spec, BTreeMap::new()).run(false);
    assert_eq!(expected.leaderboard.len(), 10);
    assert_eq!(expected.failed, 2, "two diverge");
    let done = expected.leaderboard.iter().filter(|entry| entry.status == CandidateStatus::Done);
    let values: Vec<f64> = done.map(|entry| entry.value.unwrap()).collect();
    assert!(values.len() == 8 && values.windows(2).all(|pair| pair[0] >= pair[1]), "best first: {values:?}");
    for seed in 1..300 {
        let found = World::new(seed, &spec, BTreeMap::new()).run(true);
        assert_eq!(lasting(&found), lasting(&expected), "seed {seed}");
    }
}

/// A search that ends anywhere goes on with what is not done, and trains nothing twice.
#[test]
fn what_is_done_is_not_done_again() {
    let spec = with_folds(SEARCH);
    let whole = World::new(0, &spec, BTreeMap::new()).run(false);
    for seed in 0..100 {
        let mut first = World::new(seed, &spec, BTreeMap::new());
        for _ in 0..seed {
            first.follow();
            first.work();
        }
        first.follow();
        let (rows, done) = (first.rows.clone(), first.rows.len() as u32);
        let mut second = World::new(seed + 1000, &spec, rows);
        assert_eq!(lasting(&second.run(false)), lasting(&whole), "seed {seed}");
        // Failed trials are tried again, and what they took with them.
        assert!(second.begun + done <= 40 + 6, "seed {seed}: {} and {done}", second.begun);
    }
    let mut again = World::new(5, &spec, {
        let mut world = World::new(0, &spec, BTreeMap::new());
        world.run(false);
        world.rows
    });
    again.run(false);
    assert!(again.begun <= 6, "only what had failed: {}", again.begun);
}

#[test]
fn halving_compares_at_rungs_and_keeps_the_best() {
    let spec = with_folds(&SEARCH.replace("sort_by", "strategy = \"halving\"\nsort_by").replace("1e-3, ", ""));
    let expected = World::new(0, &spec, BTreeMap::new()).run(false);
    let count = |status| expected.leaderboard.iter().filter(|entry| entry.status == status).count();
    // Eight at 1 epoch, three at 3, one at 9.
    assert_eq!((count(CandidateStatus::Done), count(CandidateStatus::Stopped)), (1, 7));
    assert_eq!(expected.leaderboard[0].status, CandidateStatus::Done);
    for seed in 1..60 {
        let found = World::new(seed, &spec, BTreeMap::new()).run(true);
        assert_eq!(lasting(&found), lasting(&expected), "seed {seed}");
    }
}

/// The stop is decided over the finished candidates in plan order, so slow ones change nothing.
#[test]
fn the_leaderboard_stops_a_search_at_the_same_candidate() {
    let values: Vec<String> = (0..200).map(|i| format!("{}e-6", i + 1)).collect();
    let spec = format!(
        "target = \"class\"\n[search]\nsort_by = \"auc\"\nsearch_stopping_rounds = 4\n[search.params]\nl2 = [{}]\n",
        values.join(", ")
    );
    let expected = World::new(0, &spec, BTreeMap::new()).run(false);
    assert!(expected.not_begun > 0 && expected.leaderboard.len() >= 5, "{}", expected.leaderboard.len());
    assert!(expected.not_begun_reason.is_some());
    for seed in 1..60 {
        let found = World::new(seed, &spec, BTreeMap::new()).run(true);
        assert_eq!(lasting(&found), lasting(&expected), "seed {seed}");
    }
}

/// Candidates that wait at a rung are not at work.
#[test]
fn halving_ends_with_few_candidates_at_once() {
    let halving =
        |more: &str| with_folds(&SEARCH.replacen("sort_by", &format!("strategy = \"halving\"\n{more}sort_by"), 1));
    let few = World::new(0, &halving("parallelism = 2\n"), BTreeMap::new()).run(false);
    let all = World::new(0, &halving(""), BTreeMap::new()).run(false);
    assert_eq!(lasting(&few), lasting(&all));
}

/// A trial that fits nowhere fails alone, whatever else does not fit at first.
#[test]
fn what_never_fits_fails_and_the_rest_goes_on() {
    let mut world = World::new(2, &with_folds(SEARCH), BTreeMap::new());
    world.too_large = Some(1e-2);
    let summary = world.run(false);
    assert_eq!(summary.failed, 4, "two diverge, two do not fit");
    assert_eq!(summary.leaderboard.iter().filter(|entry| entry.status == CandidateStatus::Done).count(), 6);
}

#[test]
fn parallelism_and_kept_models_have_their_limits() {
    let limits = "parallelism = 2\nkeep_models = 3\nsort_by";
    let mut world = World::new(3, &SEARCH.replacen("sort_by", limits, 1), BTreeMap::new());
    world.follow();
    assert_eq!(world.begun, 2);
    let summary = world.run(false);
    let kept = summary.leaderboard.iter().filter(|e| e.model.as_ref().is_some_and(|model| model.kept));
    let kept: Vec<u32> = kept.filter_map(|entry| entry.place).collect();
    assert_eq!(kept, [1, 2, 3], "the best");
    let removed = world.bench.effects.iter().filter(|effect| matches!(effect, Effect::RemoveModel { .. })).count();
    assert_eq!(removed, 5);
    assert!(MetricName::Auc.larger_is_better());
}

/// Two searches share the workers: both are at work from the beginning.
#[test]
fn jobs_share_the_workers() {
    let mut world = World::new(1, &with_folds(SEARCH), BTreeMap::new());
    world.follow();
    let other = JobId("other".into());
    let request = Request::Train { spec_toml: with_folds(SEARCH), train: source(), validation: None, test: None };
    let submitted = Event::Submitted { job: other.clone(), request: Box::new(request), workers_min: 1, created_ms: 1 };
    world.bench.step(submitted);
    let plan = world.bench.plan();
    let record = import_shard(&plan, 0, world.bench.folder.path()).unwrap();
    let frame = Frame::merge(&plan, vec![record]).unwrap();
    let stored = StoredFrame { frame, plan: plan.clone(), uploads: Default::default() };
    world.bench.step(Event::Planned { job: other.clone(), slot: 0, result: Ok((plan, Some(Box::new(stored)))) });
    world.bench.step(Event::TrialsFound { job: other.clone(), rows: Vec::new(), checkpoints: BTreeMap::new() });
    let begun = |effect: &&Effect| matches!(effect, Effect::Send { command: Command::StartTrial { job, .. }, .. } if *job == other);
    assert!(world.bench.effects.iter().any(|effect| begun(&effect)), "it does not wait for the first one");
}
