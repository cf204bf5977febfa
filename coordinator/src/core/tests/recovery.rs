//! What a loss costs: which state is gone on from, who goes on, and when it is given up.

use aquifer_proto::{CohortPlan, STATE_LOST, STATES_DIFFER, StateFrom};

use super::*;

const SECOND: Duration = Duration::from_secs(1);

/// A training of two ranks on two workers; its frame has three blocks.
fn spread() -> Bench {
    let mut bench = Bench::new();
    bench.source = "../tests/data/adult/test.parquet";
    bench.register(1);
    bench.register(2);
    bench.submit(&["target=income", "ranks=2"], 1);
    bench.planned();
    bench.import();
    bench.begin();
    assert_eq!(bench.started(), [1, 1]);
    bench
}

impl Bench {
    /// What the last run was told.
    fn last_plan(&self) -> CohortPlan {
        let plan = self.effects.iter().rev().find_map(|effect| match effect {
            Effect::Send { command: Command::StartTrial { cohort_json, .. }, .. } => Some(cohort_json),
            _ => None,
        });
        serde_json::from_str(plan.unwrap()).unwrap()
    }

    fn from(&self) -> Option<StateFrom> {
        self.last_plan().trials[0].from.clone()
    }

    fn identity(&self) -> String {
        self.last_plan().trials[0].identity.clone()
    }

    fn hold(&mut self, n: u32, round: u64) {
        let states = vec![(self.identity(), round)];
        self.step(Event::StatesHeld { worker: worker(n), states });
    }

    fn report_on(&mut self, n: u32, number: u64, report: TrialReport) {
        self.step(Event::TrialReported { job: id(), worker: worker(n), number, report });
    }

    fn lose(&mut self, n: u32) {
        self.step(Event::WorkerGone { worker: worker(n), reason: "it was killed".into() });
    }

    fn pass(&mut self, time: Duration) {
        self.now += time;
        let workers: Vec<WorkerId> = self.core.workers().keys().cloned().collect();
        workers.into_iter().for_each(|worker| self.step(Event::WorkerRenewed { worker }));
        self.step(Event::Tick);
    }
}

#[test]
fn survivors_say_what_they_hold_and_the_newest_state_is_gone_on_from() {
    let mut bench = spread();
    bench.register(3);
    bench.lose(1);
    assert_eq!(bench.told(false), BTreeSet::from([worker(2).0]), "the survivor stops");
    assert_eq!(bench.started(), [1, 1], "nothing begins before it has said what it holds");
    bench.hold(2, 41);
    bench.report(2, TrialReport::Stopped);
    assert_eq!(bench.started(), [1, 1, 2, 2]);
    assert_eq!(bench.from(), Some(StateFrom { round: 41, holders: vec!["http://w2".into()], checkpoint: false }));

    // Both survive, one of them a round ahead.
    let mut bench = spread();
    bench.hold(1, 7);
    bench.hold(2, 8);
    bench.report(1, failed(Report::new(Kind::Work, PEER_LOST, "the exchange broke")));
    bench.report(2, TrialReport::Stopped);
    assert_eq!(bench.from(), Some(StateFrom { round: 8, holders: vec!["http://w2".into()], checkpoint: false }));
}

/// The first to speak may blame a peer that only stopped because of its data.
#[test]
fn what_is_wrong_with_the_data_is_not_tried_again() {
    let mut bench = spread();
    bench.report(1, failed(Report::new(Kind::Work, PEER_LOST, "the exchange with worker-0002 broke")));
    bench.report(2, failed(Report::new(Kind::Data, "source_changed", "another file")));
    assert_eq!(bench.failure().code, "source_changed");
}

#[test]
fn a_checkpoint_is_gone_on_from_where_nobody_holds_more() {
    let mut bench = spread();
    let identity = bench.identity();
    bench.step(Event::CheckpointStored { job: id(), identity: identity.clone(), round: 64 });
    bench.step(Event::CheckpointStored { job: id(), identity, round: 32 });
    bench.lose(1);
    bench.lose(2);
    bench.register(3);
    assert_eq!(bench.started(), [1, 1], "somebody may come back with more");
    bench.pass(2 * SECOND);
    assert_eq!(bench.from(), Some(StateFrom { round: 64, holders: Vec::new(), checkpoint: true }));
}

#[test]
fn who_comes_back_with_a_state_is_not_waited_for_any_longer() {
    let mut bench = spread();
    let identity = bench.identity();
    bench.lose(1);
    bench.lose(2);
    let states = BTreeMap::from([(identity, 50)]);
    let registration = Registration { address: "http://w3".into(), threads: 1, states, ..Registration::default() };
    bench.step(Event::WorkerRegistered { worker: worker(3), incarnation: 3, registration });
    assert_eq!(bench.from().unwrap().round, 50);
}

#[test]
fn a_state_that_is_lost_leads_to_an_older_one() {
    let mut bench = spread();
    let identity = bench.identity();
    bench.step(Event::CheckpointStored { job: id(), identity, round: 10 });
    bench.hold(1, 20);
    bench.hold(2, 20);
    bench.report(1, failed(Report::new(Kind::Work, PEER_LOST, "the exchange broke")));
    bench.report(2, TrialReport::Stopped);
    assert_eq!(bench.from().unwrap().round, 20);
    let identity = bench.identity();
    let lost = |round| TrialReport::StateLost {
        identity: identity.clone(),
        round,
        report: Report::new(Kind::Work, STATE_LOST, "nobody has it"),
    };
    bench.report_on(1, 2, lost(20));
    bench.report_on(2, 2, TrialReport::Stopped);
    assert_eq!(bench.started(), [1, 1, 2, 2], "somebody may come back with it");
    bench.pass(2 * SECOND);
    assert_eq!(bench.from(), Some(StateFrom { round: 10, holders: Vec::new(), checkpoint: true }));
    let alone = bench.effects.iter().rev().find_map(|effect| match effect {
        Effect::Send { worker, command: Command::StartTrial { .. } } => Some(worker.clone()),
        _ => None,
    });
    let alone = alone.unwrap();
    bench.step(Event::TrialReported { job: id(), worker: alone, number: 3, report: lost(10) });
    bench.pass(2 * SECOND);
    assert_eq!(bench.started(), [1, 1, 2, 2, 3, 4]);
    assert_eq!(bench.from(), None, "from the start");
    assert!(bench.effects.iter().any(|effect| matches!(effect, Effect::RemoveCheckpoints { .. })));
    assert!(bench.last_events().is_empty(), "{:?}", bench.last_events());
}

/// What was asked for was another round: the checkpoint is as good as before.
#[test]
fn a_holder_that_is_lost_while_it_is_asked_takes_no_checkpoint_with_it() {
    let mut bench = spread();
    bench.register(3);
    let identity = bench.identity();
    bench.step(Event::CheckpointStored { job: id(), identity: identity.clone(), round: 80 });
    bench.hold(1, 100);
    bench.report(1, failed(Report::new(Kind::Work, PEER_LOST, "the exchange broke")));
    bench.report(2, TrialReport::Stopped);
    assert_eq!(bench.from().map(|from| (from.round, from.holders)), Some((100, vec!["http://w1".to_owned()])));
    bench.lose(1);
    let report = Report::new(Kind::Work, STATE_LOST, "nobody has it");
    bench.report_on(2, 2, TrialReport::StateLost { identity, round: 100, report });
    bench.report_on(3, 2, TrialReport::Stopped);
    bench.pass(2 * SECOND);
    assert_eq!(bench.from(), Some(StateFrom { round: 80, holders: Vec::new(), checkpoint: true }));
    assert!(!bench.effects.iter().any(|effect| matches!(effect, Effect::RemoveCheckpoints { .. })));
}

/// Its disk is full for a while: others do it meanwhile.
#[test]
fn a_worker_whose_own_disk_fails_is_spared() {
    let mut bench = spread();
    bench.register(3);
    let full = || failed(Report::new(Kind::Work, "disk_full", "no space is left"));
    bench.report(1, full());
    bench.report(2, TrialReport::Stopped);
    bench.pass(2 * SECOND);
    let members = |bench: &Bench, number: u64| -> BTreeSet<WorkerId> {
        let member = |effect: &Effect| match effect {
            Effect::Send { worker, command: Command::StartTrial { number: of, .. } } if *of == number => {
                Some(worker.clone())
            }
            _ => None,
        };
        bench.effects.iter().filter_map(member).collect()
    };
    assert_eq!(members(&bench, 2), BTreeSet::from([worker(2), worker(3)]));
    bench.lose(2);
    bench.hold(3, 9);
    bench.report_on(3, 2, TrialReport::Stopped);
    bench.pass(2 * SECOND);
    assert_eq!(members(&bench, 3), BTreeSet::from([worker(3)]));
    bench.lose(3);
    bench.pass(2 * SECOND);
    assert_eq!(members(&bench, 4), BTreeSet::from([worker(1)]), "there is no other");
    assert!(bench.last_events().is_empty());
}

/// What was done is not on disk: it is done again when it is asked for.
#[test]
fn a_job_whose_end_cannot_be_written_down_has_failed() {
    let mut bench = spread();
    let report = || Report::new(Kind::Work, "disk_full", "the disk is full");
    bench.store_model();
    bench.finish(1);
    bench.finish(2);
    assert_eq!(bench.core.row(&id()).unwrap().status, JobStatus::Done);
    let of_job = |effect: &Effect| matches!(effect, Effect::Send { command: Command::ForgetStates { .. }, .. });
    let forgets: Vec<&Effect> = bench.effects.iter().filter(|effect| of_job(effect)).collect();
    assert!(!forgets.is_empty() && forgets.iter().all(|effect| effect.job() == Some(&id())), "{forgets:?}");
    bench.step(Event::EffectFailed { job: id(), report: report() });
    let row = bench.core.row(&id()).unwrap();
    assert!(row.status == JobStatus::Failed && row.can_begin_again() && row.failure == Some(report()));
}

/// Who ends hears that nobody goes on from what it holds.
#[test]
fn states_of_a_job_that_was_cancelled_are_forgotten() {
    let mut bench = spread();
    bench.step(Event::CancelRequested { job: id() });
    for n in [1, 2] {
        bench.hold(n, 5);
        bench.report(n, TrialReport::Stopped);
    }
    let forgets = |effect: &Effect| {
        matches!(effect, Effect::Send { command: Command::ForgetStates { job, identities }, .. }
            if *job == id() && identities.is_empty())
    };
    assert_eq!(bench.effects.iter().filter(|effect| forgets(effect)).count(), 2);
}

#[test]
fn a_worker_that_joins_gets_its_share_and_one_that_leaves_gives_its_own_away() {
    let mut bench = Bench::new();
    bench.source = "../tests/data/adult/test.parquet";
    bench.register(1);
    bench.submit(&["target=income", "ranks=2"], 1);
    bench.planned();
    bench.import();
    bench.begin();
    assert_eq!(bench.started(), [1]);
    bench.now = Duration::from_millis(1);
    bench.register(2);
    bench.pass(SECOND);
    assert!(bench.told(false).is_empty(), "it has just begun");
    bench.pass(2 * SECOND);
    assert_eq!(bench.told(false), BTreeSet::from([worker(1).0]));
    bench.hold(1, 5);
    bench.report(1, TrialReport::Stopped);
    assert_eq!(bench.started(), [1, 2, 2]);
    assert_eq!(bench.from().unwrap().round, 5);

    bench.step(Event::WorkerLeaving { worker: worker(1) });
    bench.hold(1, 9);
    bench.hold(2, 9);
    bench.report_on(1, 2, TrialReport::Stopped);
    bench.report_on(2, 2, TrialReport::Stopped);
    assert_eq!(bench.started(), [1, 2, 2, 3]);
    assert_eq!(bench.from().unwrap().holders, ["http://w1", "http://w2"], "it is still there to give its state");
    bench.lose(1);
    assert_eq!(bench.started(), [1, 2, 2, 3], "it had nothing left");
}

#[test]
fn a_trial_that_ends_its_workers_fails_and_names_the_last_of_them() {
    let mut bench = spread();
    for round in 0..3 {
        assert!(bench.last_events().is_empty());
        let number = *bench.started().last().unwrap();
        bench.lose(2 * round + 1);
        bench.report_on(2 * round + 2, number, TrialReport::Stopped);
        bench.lose(2 * round + 2);
        bench.register(2 * round + 3);
        bench.register(2 * round + 4);
        bench.pass(2 * SECOND);
    }
    let failure = bench.failure();
    assert_eq!(failure.code, "worker_lost");
    assert!(failure.message.contains("worker-0005") && failure.message.contains("3 in a row"), "{failure}");
}

/// A rack that loses power: each worker is lost before it could say that it began.
#[test]
fn workers_that_are_lost_together_are_lost_once() {
    let mut bench = spread();
    (3..10).for_each(|n| bench.register(n));
    for n in 1..9 {
        bench.now += Duration::from_millis(3);
        bench.lose(n);
        let number = *bench.started().last().unwrap();
        (n + 1..10).for_each(|other| bench.report_on(other, number, TrialReport::Stopped));
    }
    bench.pass(2 * SECOND);
    bench.pass(2 * SECOND);
    assert!(bench.last_events().is_empty(), "{:?}", bench.last_events());
    assert_eq!(bench.told(true).last(), Some(&worker(9).0));
}

/// As long as it gets on, it may lose any number.
#[test]
fn a_trial_that_makes_progress_goes_on_for_ever() {
    let mut bench = spread();
    for round in 0..20 {
        let number = *bench.started().last().unwrap();
        bench.lose(2 * round + 1);
        bench.hold(2 * round + 2, 10 * u64::from(round) + 1);
        bench.report_on(2 * round + 2, number, TrialReport::Stopped);
        bench.register(2 * round + 3);
        bench.lose(2 * round + 2);
        bench.register(2 * round + 4);
        let identity = bench.identity();
        bench.step(Event::CheckpointStored { job: id(), identity, round: 10 * u64::from(round) + 2 });
        bench.pass(2 * SECOND);
    }
    assert!(bench.last_events().is_empty(), "{:?}", bench.last_events());
}

#[test]
fn shards_of_a_lost_worker_are_made_by_others() {
    let mut bench = Bench::new();
    bench.register(1);
    bench.register(2);
    bench.submit(&[], 1);
    bench.planned();
    let makers = |bench: &Bench| -> Vec<WorkerId> {
        let maker = |effect: &Effect| match effect {
            Effect::Send { worker, command: Command::ImportShard { .. } } => Some(worker.clone()),
            _ => None,
        };
        bench.effects.iter().filter_map(maker).collect()
    };
    assert_eq!(makers(&bench), [worker(1)]);
    bench.lose(1);
    assert_eq!(makers(&bench), [worker(1), worker(2)]);
    bench.pass(SECOND);
    bench.lose(2);
    bench.register(3);
    bench.pass(SECOND);
    assert_eq!(makers(&bench), [worker(1), worker(2), worker(3)]);
    bench.lose(3);
    assert_eq!(bench.failure().code, "worker_lost", "it is these rows that end them");

    // A full disk is the worker's, and a bad file is everybody's.
    let mut bench = Bench::new();
    bench.register(1);
    bench.register(2);
    bench.submit(&[], 1);
    bench.planned();
    let fails = |bench: &mut Bench, n, kind, code| {
        let result = Err(Report::new(kind, code, "x"));
        bench.step(Event::ShardImported { job: id(), worker: worker(n), slot: 0, shard: 0, result });
    };
    fails(&mut bench, 1, Kind::Work, "disk_full");
    assert_eq!(makers(&bench), [worker(1), worker(2)]);
    fails(&mut bench, 1, Kind::Work, "disk_full");
    assert!(bench.last_events().is_empty(), "it has been given to another one: {:?}", bench.last_events());
    fails(&mut bench, 2, Kind::Data, "corrupt_data");
    assert!(bench.told(false).is_empty());
    bench.pass(31 * SECOND);
    assert_eq!(bench.failure().code, "corrupt_data");
}

#[test]
fn who_cannot_compute_its_state_again_is_kept_out() {
    let mut bench = spread();
    let identity = bench.identity();
    bench.step(Event::CheckpointStored { job: id(), identity, round: 64 });
    bench.report(1, TrialReport::Differs { trial: 0, round: 128, check: 1 });
    bench.hold(2, 128);
    bench.report(2, TrialReport::Differs { trial: 0, round: 128, check: 2 });
    assert_eq!(bench.from().unwrap().round, 64, "none of them is believed");
    let plan = bench.last_plan();
    assert_eq!(plan.trials[0].check_at, Some(128));
    let first = bench.effects.iter().rev().find_map(|effect| match effect {
        Effect::Send { command: Command::StartTrial { members, .. }, .. } => Some(members[0].worker.clone()),
        _ => None,
    });
    assert_eq!(first, Some(worker(2)), "they have changed places");
    bench.report_on(2, 2, TrialReport::Checked { trial: 0, round: 128, check: 2 });
    assert_eq!(bench.core.workers().len(), 2, "it is one word against another");
    bench.report_on(3, 2, TrialReport::Checked { trial: 0, round: 128, check: 1 });
    bench.report_on(1, 2, TrialReport::Checked { trial: 0, round: 128, check: 2 });
    assert_eq!(bench.core.workers().keys().collect::<Vec<_>>(), [&worker(2)]);
    assert_eq!(bench.core.refusal("n1").unwrap().code, "quarantined");
    assert!(bench.core.refusal("n2").is_none());
    bench.report_on(2, 2, TrialReport::Stopped);
    bench.pass(2 * SECOND);
    assert_eq!(bench.started(), [1, 1, 2, 2, 3], "it goes on without it");
}

#[test]
fn members_that_differ_again_and_again_end_their_trial() {
    let mut bench = spread();
    for number in 1..=4 {
        assert!(bench.last_events().is_empty(), "{number}");
        bench.report_on(1, number, TrialReport::Differs { trial: 0, round: 64, check: 1 });
        bench.report_on(2, number, TrialReport::Differs { trial: 0, round: 64, check: 2 });
    }
    assert_eq!(bench.failure().code, STATES_DIFFER);
}

/// A job of a former start is submitted again by itself, and what workers come back with is waited for.
#[test]
fn a_job_outlives_its_coordinator() {
    let before = spread();
    let identity = before.identity();
    let row = before.core.row(&id()).unwrap().clone();
    let (core, running) = State::new(2).with_past(vec![row.clone()]).continued();
    assert_eq!(running, [row]);
    let mut bench = Bench { core, source: before.source, ..Bench::new() };
    let request = running[0].request.clone().unwrap();
    bench.step(Event::Submitted { job: id(), request: Box::new(request), workers_min: 1, created_ms: 0 });
    bench.planned();
    for (n, round) in [(1, 70), (2, 71)] {
        let states = BTreeMap::from([(identity.clone(), round)]);
        let registration =
            Registration { address: format!("http://w{n}"), threads: 1, states, ..Registration::default() };
        bench.step(Event::WorkerRegistered { worker: worker(n), incarnation: n.into(), registration });
    }
    bench.import();
    bench.begin();
    assert!(bench.started().is_empty(), "others may come");
    bench.pass(SECOND);
    assert_eq!(bench.started(), [1, 1]);
    assert_eq!((bench.from().unwrap().round, bench.identity()), (71, identity));
}

#[test]
fn without_workers_a_job_waits_and_says_so_and_then_gives_up() {
    let mut bench = spread();
    bench.lose(1);
    bench.lose(2);
    let waits = |effect: &Effect| matches!(effect, Effect::Notify { event: JobEvent::Waiting { .. }, .. });
    assert!(bench.effects.iter().any(waits));
    bench.pass(NO_WORKER_GRACE - SECOND);
    assert!(bench.last_events().is_empty());
    bench.pass(SECOND);
    assert_eq!(bench.failure().code, "no_workers");
}

/// Nobody is at fault: it is tried again, later and later, and in the end by one worker alone.
#[test]
fn members_that_cannot_reach_each_other_end_nothing() {
    let mut bench = spread();
    let apart = || failed(Report::new(Kind::Work, PEER_LOST, "nothing answers at http://w2"));
    let break_up = |bench: &mut Bench, number: u64| {
        bench.report_on(1, number, apart());
        bench.report_on(2, number, apart());
    };
    bench.hold(1, 7);
    bench.hold(2, 7);
    bench.report(1, apart());
    bench.report(2, apart());
    assert_eq!(bench.started(), [1, 1, 2, 2], "at once, the first time");
    break_up(&mut bench, 2);
    assert_eq!(bench.started().len(), 4, "later, the second time");
    bench.pass(SECOND);
    assert_eq!(bench.started(), [1, 1, 2, 2, 3], "one has all ranks");
    assert_eq!(bench.from().unwrap().round, 7);
    assert!(bench.last_events().is_empty(), "{:?}", bench.last_events());
}

/// Who misses a worker may say so before it is known to be lost.
#[test]
fn a_lost_worker_is_counted_whoever_speaks_first() {
    let mut bench = spread();
    bench.report(1, failed(Report::new(Kind::Work, PEER_LOST, "the exchange broke")));
    bench.lose(2);
    for n in 3..5 {
        bench.register(n);
        bench.pass(3 * SECOND);
        let number = bench.started().last().copied().unwrap();
        bench.report_on(1, number, failed(Report::new(Kind::Work, PEER_LOST, "the exchange broke")));
        bench.lose(n);
    }
    assert_eq!(bench.failure().code, "worker_lost");
}
