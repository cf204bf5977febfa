//! The core under events, with a `now` and no clock: what it does, and that it always ends what it began.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::Duration;

use aquifer_frame::{Plan, SourceOptions, import_shard, plan_with_shard_rows, survey};
use aquifer_model::{Kind, Part, Report, Spec};
use aquifer_proto::{JobEvent, PEER_LOST, TrialOutcome};

use super::*;

mod recovery;
mod schedule;
mod searching;
mod sequences;

const JOB: &str = "job";

/// A core, what it was told to do, and a store of real shards.
struct Bench {
    core: State,
    now: Duration,
    folder: tempfile::TempDir,
    effects: Vec<Effect>,
    /// The file that its frame is made of.
    source: &'static str,
}

fn id() -> JobId {
    JobId(JOB.into())
}

fn worker(n: u32) -> WorkerId {
    WorkerId(format!("worker-{n:04}"))
}

fn source() -> Source {
    Source::Files { files: Vec::new(), options: SourceOptions::default(), shuffle: None }
}

/// What the holder of rank 0 says of the only trial of a cohort.
fn finished() -> TrialReport {
    let outcome = TrialOutcome { samples: 5, position: 699, model_position: 699, ..TrialOutcome::default() };
    let reported = Reported { outcome, train_seconds: 1.0, score_seconds: 0.5, sums: None };
    TrialReport::Finished { trial: 0, reported: Box::new(reported), memory_peak_bytes: 7 }
}

fn failed(report: Report) -> TrialReport {
    TrialReport::Failed { trial: None, report, fit: None }
}

fn data() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/data/wisconsin/wisconsin.parquet")
}

impl Bench {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let source = "../tests/data/wisconsin/wisconsin.parquet";
        Self { core: State::new(1), now: Duration::ZERO, folder, effects: Vec::new(), source }
    }

    fn step(&mut self, event: Event) {
        let effects = self.core.step(self.now, event);
        self.effects.extend(effects);
    }

    fn register(&mut self, n: u32) {
        let (address, node) = (format!("http://w{n}"), format!("n{n}"));
        let registration = Registration { address, node, threads: 1, ..Registration::default() };
        self.step(Event::WorkerRegistered { worker: worker(n), incarnation: n.into(), registration });
    }

    fn submit(&mut self, settings: &[&str], workers_min: u32) {
        let mut spec = Spec::default();
        for setting in ["target=class", "epochs=1"].iter().chain(settings) {
            spec.set(setting).unwrap();
        }
        let request = Request::Train { spec_toml: spec.to_toml(), train: source(), validation: None, test: None };
        self.step(Event::Submitted { job: id(), request: Box::new(request), workers_min, created_ms: 0 });
    }

    fn plan(&self) -> Plan {
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join(self.source);
        plan_with_shard_rows(survey(&[source.into()], &SourceOptions::default()).unwrap(), 1024 * 1024)
    }

    fn planned(&mut self) {
        let plan = self.plan();
        self.step(Event::Planned { job: id(), slot: 0, result: Ok((plan, None)) });
    }

    /// Makes every shard that was asked for.
    fn import(&mut self) {
        for effect in std::mem::take(&mut self.effects) {
            if let Effect::Send { worker, command: Command::ImportShard { job, slot, shard, plan, .. } } = effect {
                let result = Ok(import_shard(&plan, shard, self.folder.path()).unwrap());
                self.step(Event::ShardImported { job, worker, slot, shard, result });
            } else {
                self.effects.push(effect);
            }
        }
    }

    /// Nothing is known of its trials.
    fn begin(&mut self) {
        self.step(Event::TrialsFound { job: id(), rows: Vec::new(), checkpoints: BTreeMap::new() });
    }

    fn report(&mut self, n: u32, report: TrialReport) {
        self.step(Event::TrialReported { job: id(), worker: worker(n), number: 1, report });
    }

    fn finish(&mut self, n: u32) {
        self.report(n, finished());
    }

    fn store_model(&mut self) {
        let model = StoredModel {
            path: "model".into(),
            model_blake3: "m".into(),
            fit_blake3: "f".into(),
            scores: Vec::new(),
            numeric_class: "exact".into(),
            kept: true,
        };
        self.step(Event::ModelStored { job: id(), number: 1, trial: 0, model });
    }

    /// The runs that were begun, one entry for each member.
    fn started(&self) -> Vec<u64> {
        let number = |effect: &Effect| match effect {
            Effect::Send { command: Command::StartTrial { number, .. }, .. } => Some(*number),
            _ => None,
        };
        self.effects.iter().filter_map(number).collect()
    }

    /// Workers that were told to start a trial, and those told to stop.
    fn told(&self, start: bool) -> BTreeSet<String> {
        let command = |effect: &Effect| match effect {
            Effect::Send { worker, command: Command::StartTrial { .. } } if start => Some(worker.0.clone()),
            Effect::Send { worker, command: Command::StopTrial { .. } } if !start => Some(worker.0.clone()),
            _ => None,
        };
        self.effects.iter().filter_map(command).collect()
    }

    fn last_events(&self) -> Vec<&JobEvent> {
        let events = self.effects.iter().filter_map(|effect| match effect {
            Effect::Notify { event, .. } => Some(event),
            _ => None,
        });
        events.filter(|event| event.is_last()).collect()
    }

    fn failure(&self) -> &Report {
        match self.last_events()[..] {
            [JobEvent::Failed { report }] => report,
            ref other => panic!("one failure expected, not {other:?}"),
        }
    }

    /// As far as a trial that runs on two workers.
    fn training() -> Self {
        let mut bench = Self::new();
        bench.register(1);
        bench.register(2);
        bench.submit(&[], 1);
        bench.planned();
        bench.import();
        bench.begin();
        bench
    }
}

#[test]
fn a_job_goes_from_files_to_a_model() {
    let mut bench = Bench::training();
    // 699 rows are one block, so one rank, so one member.
    assert_eq!(bench.told(true), BTreeSet::from([worker(1).0]));
    assert_eq!(bench.core.trials_of(&worker(1)), [id()]);
    bench.store_model();
    assert!(bench.last_events().is_empty(), "a job whose members have not finished is not done");
    bench.finish(1);
    let [JobEvent::Trained(summary)] = bench.last_events()[..] else { panic!("the job is done once") };
    assert_eq!((summary.rows, summary.samples, summary.workers), (699, 5, 1));
    assert_eq!(bench.core.job(&id()).unwrap().row.status, JobStatus::Done);
}

#[test]
fn a_job_waits_for_its_workers_and_gives_up_with_the_numbers() {
    let mut bench = Bench::new();
    bench.submit(&[], 2);
    bench.planned();
    bench.register(1);
    assert!(bench.told(true).is_empty());
    bench.now = NO_WORKER_GRACE;
    bench.step(Event::WorkerRenewed { worker: worker(1) });
    bench.step(Event::Tick);
    assert_eq!(bench.failure().code, "no_workers");
    assert!(bench.failure().message.contains("1 of 2 workers"));
}

#[test]
fn a_lease_that_is_not_renewed_loses_the_worker_and_another_goes_on() {
    let mut bench = Bench::training();
    bench.now = LEASE - Duration::from_millis(1);
    bench.step(Event::WorkerRenewed { worker: worker(2) });
    bench.step(Event::Tick);
    assert_eq!(bench.started(), [1]);
    bench.now = LEASE;
    bench.step(Event::Tick);
    assert!(bench.effects.iter().any(|e| matches!(e, Effect::Disconnect { worker: w, .. } if *w == worker(1))));
    assert_eq!(bench.core.workers().len(), 1);
    assert_eq!(bench.started(), [1], "it may come back with its state");
    bench.now += Duration::from_secs(2);
    bench.step(Event::Tick);
    assert_eq!(bench.started(), [1, 2]);
    assert_eq!(bench.told(true), BTreeSet::from([worker(1).0, worker(2).0]));
    assert!(bench.last_events().is_empty());
}

#[test]
fn losing_a_worker_without_ranks_costs_a_trial_nothing() {
    let mut bench = Bench::training();
    bench.step(Event::WorkerGone { worker: worker(2), reason: "killed".into() });
    bench.store_model();
    bench.finish(1);
    assert!(matches!(bench.last_events()[..], [JobEvent::Trained(_)]));
}

/// Sessions begin side by side: the order of their events is not the order of their numbers.
#[test]
fn members_have_the_incarnations_that_their_workers_were_told() {
    let mut bench = Bench::new();
    bench.register(2);
    bench.register(1);
    bench.submit(&[], 2);
    bench.planned();
    bench.import();
    bench.begin();
    let members = bench.effects.iter().find_map(|effect| match effect {
        Effect::Send { command: Command::StartTrial { members, .. }, .. } => Some(members),
        _ => None,
    });
    let told: Vec<_> = members.unwrap().iter().map(|member| (member.worker.clone(), member.incarnation)).collect();
    assert!(
        told.iter().all(|(id, incarnation)| [(worker(1), 1), (worker(2), 2)].contains(&(id.clone(), *incarnation)))
    );
}

#[test]
fn a_trial_that_finishes_without_a_model_fails() {
    let mut bench = Bench::training();
    bench.finish(1);
    assert_eq!(bench.failure().code, "no_model");
}

#[test]
fn cancelling_stops_members_first_and_does_not_wait_for_ever() {
    let mut bench = Bench::training();
    bench.step(Event::CancelRequested { job: id() });
    assert_eq!(bench.told(false), BTreeSet::from([worker(1).0]));
    assert!(bench.last_events().is_empty());
    bench.report(1, TrialReport::Stopped);
    assert!(matches!(bench.last_events()[..], [JobEvent::Cancelled]));

    let mut silent = Bench::training();
    silent.step(Event::CancelRequested { job: id() });
    silent.now = Duration::from_secs(31);
    silent.step(Event::WorkerRenewed { worker: worker(1) });
    silent.step(Event::Tick);
    assert!(matches!(silent.last_events()[..], [JobEvent::Cancelled]));
}

#[test]
fn a_failed_import_drops_the_shards_that_were_made() {
    let mut bench = Bench::new();
    bench.register(1);
    bench.submit(&[], 1);
    let mut plan = bench.plan();
    plan.shards = vec![0..699, 699..699]; // the second never comes
    bench.step(Event::Planned { job: id(), slot: 0, result: Ok((plan.clone(), None)) });
    let record = import_shard(&plan, 0, bench.folder.path()).unwrap();
    let (job, hash) = (id(), record.hash.clone());
    bench.step(Event::ShardImported { job: job.clone(), worker: worker(1), slot: 0, shard: 0, result: Ok(record) });
    let result = Err(Report::new(Kind::Data, "corrupt_data", "bad page"));
    bench.step(Event::ShardImported { job, worker: worker(1), slot: 0, shard: 1, result });
    let dropped = |e: &Effect| matches!(e, Effect::Send { command: Command::DropShards { shards, .. }, .. } if *shards == [hash.clone()]);
    assert!(bench.effects.iter().any(dropped));
    assert!(bench.last_events().is_empty(), "the shards are not gone yet");
    bench.step(Event::ShardsDropped { job: id(), worker: worker(1) });
    assert_eq!(bench.failure().code, "corrupt_data");
}

/// What a job reads or makes is in use; what no frame has any more, workers are told to remove, and are not asked for.
#[test]
fn shards_that_no_frame_has_leave_the_workers() {
    let mut bench = Bench::training();
    let in_use = bench.core.shards_in_use();
    assert_eq!(in_use.len(), 1);
    let held = |bench: &Bench, n| bench.core.workers()[&worker(n)].registration.shards.clone();
    assert_eq!((held(&bench, 1), held(&bench, 2)), (in_use.clone(), BTreeSet::new()));
    bench.store_model();
    bench.finish(1);
    assert!(bench.core.shards_in_use().is_empty(), "the job has ended");
    bench.step(Event::ShardsRemoved { shards: in_use.iter().cloned().chain(["other".to_owned()]).collect() });
    let told = bench.effects.iter().filter_map(|effect| match effect {
        Effect::Send { worker, command: Command::RemoveShards { shards } } => Some((worker.clone(), shards.clone())),
        _ => None,
    });
    assert_eq!(told.collect::<Vec<_>>(), [(worker(1), in_use.into_iter().collect::<Vec<_>>())]);
    assert!(held(&bench, 1).is_empty());
}

#[test]
fn what_is_stale_or_repeated_changes_nothing() {
    let mut bench = Bench::training();
    let before = bench.effects.len();
    let report = failed(Report::new(Kind::Work, "x", "x"));
    bench.step(Event::TrialReported { job: id(), worker: worker(1), number: 9, report });
    bench.submit(&["epochs=3"], 1);
    bench.step(Event::WorkerGone { worker: worker(7), reason: "unknown".into() });
    bench.step(Event::ShardImported {
        job: id(),
        worker: worker(1),
        slot: 5,
        shard: 0,
        result: Err(Report::new(Kind::Data, "x", "x")),
    });
    assert_eq!(bench.effects.len(), before, "{:?}", &bench.effects[before..]);
    bench.store_model();
    bench.finish(1);
    assert!(matches!(bench.last_events()[..], [JobEvent::Trained(_)]));
}

/// Its worker was told when the job ended, and knows what had been there before: another frame may need the shard.
#[test]
fn a_shard_that_comes_after_the_end_is_left_to_its_worker() {
    let mut bench = Bench::new();
    bench.register(1);
    bench.submit(&[], 1);
    bench.planned();
    bench.step(Event::CancelRequested { job: id() });
    bench.now = Duration::from_secs(31);
    bench.step(Event::WorkerRenewed { worker: worker(1) });
    bench.step(Event::Tick);
    assert!(matches!(bench.last_events()[..], [JobEvent::Cancelled]));
    let before = bench.effects.len();
    let result = Ok(import_shard(&bench.plan(), 0, bench.folder.path()).unwrap());
    bench.step(Event::ShardImported { job: id(), worker: worker(1), slot: 0, shard: 0, result });
    assert_eq!(bench.effects.len(), before);
}

#[test]
fn jobs_of_a_former_start_are_ended() {
    let request = Request::Train { spec_toml: String::new(), train: source(), validation: None, test: None };
    let row = |kind: &str, status| JobRow {
        id: id(),
        kind: kind.into(),
        status,
        created_ms: 0,
        failure: None,
        request: Some(request.clone()),
        data: None,
        result: None,
    };
    let rows = [row(IMPORT, JobStatus::Running), row(TRAIN, JobStatus::Done), row(GRID, JobStatus::Running)];
    let ended = State::end_orphans(rows.to_vec());
    assert_eq!(ended.len(), 2);
    assert_eq!(ended[0].status, JobStatus::Failed);
    assert_eq!(ended[0].failure.as_ref().unwrap().code, "coordinator_restarted");
    assert_eq!(ended[1].status, JobStatus::Interrupted, "a search can be taken up again");
}
