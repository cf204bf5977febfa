//! kill -9 at every named point, once or more for each kind of work that passes there.

use aquifer_fault::{Action, KILL_POINTS};
use aquifer_harness::{Signal, until};

use crate::bed::{Bed, kill};
use crate::work::Work::{self, Cross, Grid, Import, Steps, Train};

/// A test for each point: which passing of which work is the last of a process.
macro_rules! points {
    ($($name:ident: $point:literal, $([$($work:ident $passing:literal),*])? $($how:ident)?;)*) => {
        $(#[test]
        fn $name() {
            $($(killed_at($point, $work, $passing);)*)?
            $($how($point);)?
        })*

        const TESTED: &[&str] = &[$($point),*];
    };
}

points! {
    worker_session_dialled: "worker.session.dialled", as_it_comes_back;
    worker_session_joined: "worker.session.joined", as_it_comes_back;
    worker_import_begin: "worker.import.begin", [Import 1];
    worker_shard_created: "worker.shard.created", [Import 1];
    worker_shard_written: "worker.shard.written", [Import 1];
    worker_shard_synced: "worker.shard.synced", [Train 1];
    worker_shard_renamed: "worker.shard.renamed", [Import 1];
    worker_import_made: "worker.import.made", [Grid 1];
    worker_import_reported: "worker.import.reported", [Import 1];
    worker_shards_open: "worker.shards.open", [Train 1];
    worker_shard_asked: "worker.shard.asked", [Train 1];
    worker_shard_rebuild: "worker.shard.rebuild", without_shards;
    worker_fetch_written: "worker.fetch.written", [Train 1];
    worker_fetch_renamed: "worker.fetch.renamed", [Train 1];
    worker_trial_asked: "worker.trial.asked", [Train 1, Grid 2];
    worker_trial_begin: "worker.trial.begin", [Train 1, Cross 2];
    worker_round_turn: "worker.round.turn", [Steps 40, Grid 3];
    worker_round_begin: "worker.round.begin", [Train 1, Steps 100];
    worker_round_mapped: "worker.round.mapped", [Train 20, Cross 9, Grid 5];
    worker_exchange_send: "worker.exchange.send", [Train 30, Steps 400];
    worker_exchange_arrived: "worker.exchange.arrived", [Train 40, Steps 300];
    worker_round_summed: "worker.round.summed", [Train 25, Steps 200];
    worker_round_done: "worker.round.done", [Train 30, Grid 10];
    worker_trial_scored: "worker.trial.scored", [Train 3];
    worker_trial_stopped: "worker.trial.stopped", beside_a_lost_worker;
    worker_state_asked: "worker.state.asked", by_one_that_came_back;
    worker_state_taken: "worker.state.taken", beside_a_lost_worker;
    worker_state_handed: "worker.state.handed", as_a_worker_leaves;
    worker_trial_trained: "worker.trial.trained", [Train 1, Cross 1, Grid 4];
    worker_trial_unsaid: "worker.trial.unsaid", [Train 1, Grid 5];
    worker_model_before: "worker.model.before", [Train 1];
    worker_model_piece: "worker.model.piece", [Cross 1];
    worker_model_sent: "worker.model.sent", [Train 1, Grid 1];
    coordinator_start_term: "coordinator.start.term", as_it_starts_again;
    coordinator_start_unserved: "coordinator.start.unserved", as_it_starts_again;
    coordinator_worker_registers: "coordinator.worker.registers", as_a_worker_comes_back;
    coordinator_submit_received: "coordinator.submit.received", [Train 1];
    coordinator_submit_taken: "coordinator.submit.taken", [Train 1, Grid 1];
    coordinator_planned: "coordinator.planned", [Import 1];
    coordinator_frame_unsaved: "coordinator.frame.unsaved", [Import 1];
    coordinator_frame_saved: "coordinator.frame.saved", [Import 1, Train 1];
    coordinator_trials_unread: "coordinator.trials.unread", [Grid 1];
    coordinator_step_done: "coordinator.step.done", [Train 1, Grid 4];
    coordinator_journal_trials_committed: "coordinator.journal.trials_committed", [Cross 2, Grid 3];
    coordinator_journal_committed: "coordinator.journal.committed", [Train 3, Grid 9];
    coordinator_command: "coordinator.command", [Import 1, Train 2, Grid 5];
    coordinator_trial_progress: "coordinator.trial.progress", [Train 1];
    coordinator_trial_finished: "coordinator.trial.finished", [Train 1, Cross 2, Grid 7];
    coordinator_file_synced: "coordinator.file.synced", [Train 2];
    coordinator_file_renamed: "coordinator.file.renamed", [Import 1, Train 2];
    coordinator_model_begun: "coordinator.model.begun", [Train 1];
    coordinator_model_received: "coordinator.model.received", [Cross 1];
    coordinator_model_unsaid: "coordinator.model.unsaid", [Train 1];
    coordinator_model_stored: "coordinator.model.stored", [Train 1, Grid 2];
    coordinator_checkpoint_begun: "coordinator.checkpoint.begun", as_a_worker_leaves;
    coordinator_checkpoint_stored: "coordinator.checkpoint.stored", as_a_worker_leaves;
    coordinator_checkpoint_fetched: "coordinator.checkpoint.fetched", as_all_workers_left;
}

#[test]
fn every_point_is_tested() {
    let listed: Vec<&str> = KILL_POINTS.iter().map(|(name, _)| *name).collect();
    assert_eq!(listed, TESTED, "each point has its test, in the order of the list");
}

/// The job itself passes there.
fn killed_at(point: &str, work: Work, passing: u64) {
    eprintln!("{point}, passing {passing} of {work:?}");
    let bed = Bed::up();
    let fault = bed.arm(point, passing, Action::Kill);
    let running = bed.begin(work);
    bed.ends_undisturbed(work, running);
    assert!(bed.fired(&fault).is_some(), "nobody passed there so often: no fault, no test");
}

/// A job at work: its first rounds are behind it.
pub(crate) fn at_work(bed: &Bed, work: Work) -> aquifer_harness::Running {
    let begun = bed.arm("worker.round.done", 3, Action::Stop);
    let running = bed.begin(work);
    let stopped = bed.wait_for(&begun);
    assert!(Signal::Continue.send(stopped));
    running
}

/// A worker that was lost dies again on its way back.
fn as_it_comes_back(point: &str) {
    let bed = Bed::up();
    let first = bed.arm("worker.round.done", 5, Action::Kill);
    let again = bed.arm(point, 1, Action::Kill);
    let running = bed.begin(Steps);
    bed.ends_undisturbed(Steps, running);
    let (first, again) = (bed.wait_for(&first), bed.wait_for(&again));
    assert_ne!(first, again, "another process of it");
    bed.all_workers();
}

fn as_it_starts_again(point: &str) {
    let bed = Bed::up();
    let again = bed.arm(point, 1, Action::Kill);
    let running = at_work(&bed, Steps);
    kill(bed.coordinator());
    bed.ends_undisturbed(Steps, running);
    bed.wait_for(&again);
    bed.all_workers();
}

fn as_a_worker_comes_back(point: &str) {
    let bed = Bed::up();
    let fault = bed.arm(point, 1, Action::Kill);
    let first = bed.arm("worker.round.done", 5, Action::Kill);
    let running = bed.begin(Steps);
    bed.ends_undisturbed(Steps, running);
    bed.wait_for(&first);
    bed.wait_for(&fault);
    bed.all_workers();
}

/// One worker is lost, and another one in what follows from it.
fn beside_a_lost_worker(point: &str) {
    let bed = Bed::up();
    let fault = bed.arm(point, 1, Action::Kill);
    let first = bed.arm("worker.round.done", 50, Action::Kill);
    let running = bed.begin(Steps);
    bed.ends_undisturbed(Steps, running);
    let (first, other) = (bed.wait_for(&first), bed.wait_for(&fault));
    assert_ne!(first, other);
    bed.all_workers();
}

/// A worker was lost and is back, with no state; when the next one is lost it has to ask for one.
fn by_one_that_came_back(point: &str) {
    let bed = Bed::up();
    let first = bed.arm("worker.round.mapped", 30, Action::Kill);
    let running = bed.begin(Steps);
    bed.wait_for(&first);
    // A survivor stands still, and the job with it, until the lost one is back.
    let holds = bed.arm("worker.round.done", 1, Action::Stop);
    let holder = bed.wait_for(&holds);
    bed.all_workers();
    let status = bed.status();
    let at_work = |worker: &&serde_json::Value| worker["trials"].as_array().is_some_and(|trials| !trials.is_empty());
    let mut at_work = status["workers"].as_array().unwrap().iter().filter(at_work).map(crate::bed::pid);
    let second = at_work.find(|pid| *pid != holder).expect("another survivor");
    let fault = bed.arm(point, 1, Action::Kill);
    kill(second);
    assert!(Signal::Continue.send(holder));
    bed.ends_undisturbed(Steps, running);
    bed.wait_for(&fault);
    bed.all_workers();
}

/// The frame is known, and nobody has its shards any more.
fn without_shards(point: &str) {
    let bed = Bed::up();
    bed.ends_undisturbed(Import, bed.begin(Import));
    for at in 1..=crate::bed::WORKERS {
        std::fs::remove_dir_all(bed.worker_folder(at).join("shards")).unwrap();
        std::fs::create_dir(bed.worker_folder(at).join("shards")).unwrap();
    }
    let fault = bed.arm(point, 1, Action::Kill);
    bed.ends_undisturbed(Train, bed.begin(Train));
    assert!(bed.fired(&fault).is_some(), "nobody made a shard again");
}

/// A worker that is told to end hands its states over.
fn as_a_worker_leaves(point: &str) {
    let bed = Bed::up();
    let fault = bed.arm(point, 1, Action::Kill);
    let running = at_work(&bed, Steps);
    assert!(Signal::Terminate.send(bed.workers()[0]));
    bed.ends_undisturbed(Steps, running);
    assert!(bed.fired(&fault).is_some(), "no state was handed over");
}

/// All are told to end: what they hand over is all there is.
fn as_all_workers_left(point: &str) {
    let bed = Bed::up();
    let fault = bed.arm(point, 1, Action::Kill);
    let running = at_work(&bed, Steps);
    let workers = bed.workers();
    workers.iter().for_each(|pid| assert!(Signal::Terminate.send(*pid)));
    until("all of them to end", || (!workers.iter().any(|pid| crate::bed::lives(*pid))).then_some(()));
    bed.ends_undisturbed(Steps, running);
    assert!(bed.fired(&fault).is_some(), "no state was fetched");
}
