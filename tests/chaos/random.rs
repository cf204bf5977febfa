//! kill -9 at any moment, by a seed: which work, when, whom, how often. `AQUIFER_CHAOS_SEED=N` does one seed again,
//! `AQUIFER_CHAOS_RUNS=N` does so many.

use std::time::{Duration, Instant};

use aquifer_fault::Action;
use aquifer_harness::{Dice, Signal, until};

use crate::bed::{Bed, lives};
use crate::work::Work;

/// Seeds that are tried by each of the two tests in CI.
const RUNS: u64 = 6;
/// Kills of one run at most.
const KILLS_MAX: usize = 3;
/// How long a run has been at work, at most, when it is hit. A job that has ended is begun again and hit sooner.
const DELAY_MS_MAX: usize = 1200;
const TRIES: u32 = 6;

/// Two tests, so that two cores are at work.
#[test]
fn any_process_at_any_moment_even_seeds() {
    seeds().filter(|seed| seed.is_multiple_of(2)).for_each(run);
}

#[test]
fn any_process_at_any_moment_odd_seeds() {
    seeds().filter(|seed| !seed.is_multiple_of(2)).for_each(run);
}

fn seeds() -> std::ops::Range<u64> {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    match (number("AQUIFER_CHAOS_SEED"), number("AQUIFER_CHAOS_RUNS")) {
        (Some(seed), runs) => seed..seed + runs.unwrap_or(1),
        (None, runs) => 0..runs.unwrap_or(2 * RUNS),
    }
}

/// Whom a kill is for.
#[derive(Clone, Copy, Debug)]
enum Victim {
    Worker(usize),
    Coordinator,
    /// All workers at once.
    Workers,
    /// All of them.
    Everybody,
}

fn run(seed: u64) {
    let mut dice = Dice::new(seed, "chaos.random");
    let work = *dice.pick(&[Work::Import, Work::Train, Work::Steps, Work::Steps, Work::Cross, Work::Grid]);
    let kills = dice.between(1, KILLS_MAX);
    let plan: Vec<(Duration, Victim)> = (0..kills)
        .map(|_| {
            let after = dice.millis(0, DELAY_MS_MAX);
            let victim = match dice.below(10) {
                0..=5 => Victim::Worker(dice.below(8)),
                6..=7 => Victim::Coordinator,
                8 => Victim::Workers,
                _ => Victim::Everybody,
            };
            (after, victim)
        })
        .collect();
    eprintln!(
        "seed {seed}: {work:?}, {plan:?}; again: AQUIFER_CHAOS_SEED={seed} cargo test --profile ci --test chaos -- any_process"
    );
    // A job may be done before the first kill: then it is hit sooner.
    let hit = (0..TRIES).any(|attempt| disturbed(work, &plan, attempt));
    assert!(hit, "seed {seed}: the job was always done before it was hit");
}

/// True if a kill has hit the job.
fn disturbed(work: Work, plan: &[(Duration, Victim)], attempt: u32) -> bool {
    let bed = Bed::up();
    let coordinator = bed.coordinator();
    // A coordinator that dies before it has the job is an error at once, as it should be.
    let known = bed.arm("coordinator.submit.taken", 1, Action::Stop);
    let mut running = bed.begin(work);
    assert_eq!(bed.wait_for(&known), coordinator);
    assert!(Signal::Continue.send(coordinator));
    let mut hits = 0;
    for (at, (after, victim)) in plan.iter().enumerate() {
        let after = *after / (1 << attempt);
        let began = Instant::now();
        until("the moment of the kill", || (running.ended().is_some() || began.elapsed() >= after).then_some(()));
        if running.ended().is_some() {
            break;
        }
        // The first kill finds the processes of the start; later ones whoever is there by then.
        let pids = if at == 0 { Some((coordinator, bed.children(coordinator))) } else { None };
        let (coordinator, workers) = pids.unwrap_or_else(|| (bed.coordinator(), bed.workers()));
        let victims = match victim {
            Victim::Worker(_) if workers.is_empty() => vec![coordinator],
            Victim::Worker(n) => vec![workers[n % workers.len()]],
            Victim::Coordinator => vec![coordinator],
            Victim::Workers => workers,
            Victim::Everybody => [workers, vec![coordinator]].concat(),
        };
        let victims: Vec<u32> = victims.into_iter().filter(|pid| lives(*pid)).collect();
        hits += usize::from(Signal::Kill.send_all(&victims));
    }
    let hit = hits > 0;
    bed.ends_undisturbed(work, running);
    bed.all_workers();
    hit
}
