//! The coordinator's core with a search of 100,000 candidates and 256 workers, none of which is there: what it takes to begin,
//! and for each trial that ends.

use std::collections::VecDeque;
use std::path::Path;
use std::time::{Duration, Instant};

use aquifer_coordinator::core::{
    Command, Effect, Event, JobId, Registration, Reported, Request, Source, State, StoredFrame, StoredModel,
    TrialReport, WorkerId,
};
use aquifer_frame::{Frame, SourceOptions, import_shard, plan, survey};
use aquifer_model::{Metrics, Part, Score};
use aquifer_proto::TrialOutcome;
use criterion::{Criterion, Throughput};

const WORKERS: u32 = 256;
const CANDIDATES: u32 = 100_000;

pub(crate) fn benches(criterion: &mut Criterion) {
    let stored = frame();
    let mut group = criterion.benchmark_group("search");
    group.sample_size(10);
    group.bench_function("begin: 100,000 candidates, 256 workers", |bencher| {
        bencher.iter_custom(|times| (0..times).map(|_| Simulation::begin(&stored).1).sum());
    });
    let (mut simulation, _) = Simulation::begin(&stored);
    group.throughput(Throughput::Elements(1));
    group.bench_function("a trial ends, and others begin", |bencher| {
        bencher.iter_custom(|times| {
            let began = Instant::now();
            (0..times).for_each(|_| simulation.end_one(&stored));
            began.elapsed()
        });
    });
    group.finish();
}

fn frame() -> StoredFrame {
    let folder = tempfile::tempdir().unwrap();
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/adult/train.parquet");
    let plan = plan(survey(&[data.into()], &SourceOptions::default()).unwrap());
    let shards = (0..plan.shards.len()).map(|shard| import_shard(&plan, shard, folder.path()).unwrap()).collect();
    StoredFrame { frame: Frame::merge(&plan, shards).unwrap(), plan, uploads: Default::default() }
}

struct Simulation {
    core: State,
    now: Duration,
    job: JobId,
    /// Trials at work: worker, run, number in the cohort.
    at_work: VecDeque<(WorkerId, u64, usize)>,
    value: f64,
}

impl Simulation {
    fn begin(stored: &StoredFrame) -> (Self, Duration) {
        let job = JobId("job".into());
        let mut simulation =
            Self { core: State::new(1), now: Duration::ZERO, job: job.clone(), at_work: VecDeque::new(), value: 0.5 };
        for n in 1..=WORKERS {
            let registration = Registration { threads: 2, ..Registration::default() };
            let worker = WorkerId(format!("worker-{n:04}"));
            simulation.step(Event::WorkerRegistered { worker, incarnation: n.into(), registration });
        }
        let values: Vec<String> = (1..=CANDIDATES).map(|i| format!("{i}e-9")).collect();
        let spec = format!(
            "target = \"income\"\n[search]\nsort_by = \"auc\"\nmax_models = {CANDIDATES}\n[search.params]\nl2 = [{}]\n",
            values.join(", ")
        );
        let began = Instant::now();
        let source = Source::Files { files: Vec::new(), options: SourceOptions::default(), shuffle: None };
        let request = Request::Train { spec_toml: spec, train: source, validation: None, test: None };
        let request = Box::new(request);
        simulation.step(Event::Submitted { job: job.clone(), request, workers_min: 1, created_ms: 0 });
        let result = Ok((stored.plan.clone(), Some(Box::new(stored.clone()))));
        simulation.step(Event::Planned { job: job.clone(), slot: 0, result });
        simulation.step(Event::TrialsFound { job, rows: Vec::new(), checkpoints: Default::default() });
        assert!(!simulation.at_work.is_empty());
        (simulation, began.elapsed())
    }

    fn step(&mut self, event: Event) {
        self.now += Duration::from_micros(10);
        for effect in self.core.step(self.now, event) {
            if let Effect::Send { worker, command: Command::StartTrial { number, cohort_json, .. } } = effect {
                let trials = cohort_json.matches("\"fit\":").count();
                self.at_work.extend((0..trials).map(|trial| (worker.clone(), number, trial)));
            }
        }
    }

    fn end_one(&mut self, stored: &StoredFrame) {
        let Some((worker, number, trial)) = self.at_work.pop_front() else {
            *self = Self::begin(stored).0;
            return;
        };
        self.value = (self.value * 7.0) % 1.0;
        let metrics = Metrics { rows: 1, auc: Some(self.value), ..Metrics::default() };
        let scores = vec![Score { part: Part::Train, position: 1, metrics }];
        let job = self.job.clone();
        let model = StoredModel {
            path: "model".into(),
            model_blake3: "m".into(),
            fit_blake3: "f".into(),
            scores: scores.clone(),
            numeric_class: "exact".into(),
            kept: true,
        };
        self.step(Event::ModelStored { job: job.clone(), number, trial, model });
        let outcome = TrialOutcome { scores, position: 1, model_position: 1, samples: 1, ..TrialOutcome::default() };
        let reported = Box::new(Reported { outcome, train_seconds: 1.0, score_seconds: 0.0, sums: None });
        let report = TrialReport::Finished { trial, reported, memory_peak_bytes: 1 };
        self.step(Event::TrialReported { job, worker, number, report });
    }
}
