//! Processes that stand still: shorter than the lease nothing happens, longer they are fenced off, and what they say when they
//! wake is not believed.

use std::time::Duration;

use aquifer_fault::Action;
use aquifer_harness::Signal;

use crate::bed::{Bed, kill, lives, passes};
use crate::work::Work;

/// Of a worker; see `LEASE` in the coordinator.
const LEASE: Duration = Duration::from_secs(15);

#[test]
fn a_worker_that_stands_still_past_its_lease_is_fenced_off() {
    let bed = Bed::up();
    let fault = bed.arm("worker.round.mapped", 20, Action::Stop);
    let running = bed.begin(Work::Steps);
    let zombie = bed.wait_for(&fault);
    // The job ends without it …
    bed.ends_undisturbed(Work::Steps, running);
    assert!(lives(zombie), "nobody killed it");
    let log = bed.cluster.log();
    assert!(log.contains("did not renew its lease") || log.contains("session broke"), "{log}");
    // … and it comes back as another member, with nothing to say about the past.
    assert!(Signal::Continue.send(zombie));
    let members = bed.all_workers();
    assert!(members.contains(&zombie), "{zombie} is not among {members:?}");
    bed.ends_undisturbed(Work::Train, bed.begin(Work::Train));
}

#[test]
fn a_worker_that_stands_still_for_a_moment_is_waited_for() {
    let bed = Bed::up();
    let before = bed.members();
    let fault = bed.arm("worker.exchange.arrived", 50, Action::Stop);
    let running = bed.begin(Work::Steps);
    let stopped = bed.wait_for(&fault);
    passes(LEASE / 5);
    assert!(Signal::Continue.send(stopped));
    bed.ends_undisturbed(Work::Steps, running);
    assert_eq!(bed.members(), before, "nobody was lost");
}

#[test]
fn a_coordinator_that_stands_still_for_a_moment_loses_nothing() {
    let bed = Bed::up();
    let (coordinator, before) = (bed.coordinator(), bed.members());
    let fault = bed.arm("coordinator.trial.progress", 1, Action::Stop);
    let running = bed.begin(Work::Steps);
    let stopped = bed.wait_for(&fault);
    assert_eq!(stopped, coordinator);
    passes(LEASE / 5);
    assert!(Signal::Continue.send(stopped));
    bed.ends_undisturbed(Work::Steps, running);
    assert_eq!(bed.coordinator(), stopped);
    assert_eq!(bed.members(), before, "nobody was lost");
}

/// It stands still for good, and its supervisor does not know: whoever looks after the machine ends it.
#[test]
fn a_coordinator_that_hangs_and_is_killed() {
    let bed = Bed::up();
    let fault = bed.arm("coordinator.step.done", 4, Action::Stop);
    let running = bed.begin(Work::Steps);
    let hangs = bed.wait_for(&fault);
    passes(LEASE / 5);
    kill(hangs);
    bed.ends_undisturbed(Work::Steps, running);
    assert_ne!(bed.coordinator(), hangs);
}
