//! The faults: what happens to a cluster, and when it is over again. A table, of which a seed draws.

use std::collections::BTreeSet;
use std::time::Duration;

use aquifer_coordinator::Left;
use aquifer_harness::Dice;

use crate::journal::Death;

/// A host, by its number: the coordinator, then workers, then clients.
pub(crate) type Host = usize;

pub(crate) const COORDINATOR: Host = 0;

/// How many hosts there are of each kind.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shape {
    pub(crate) workers: usize,
    pub(crate) clients: usize,
}

impl Shape {
    pub(crate) fn hosts(self) -> usize {
        1 + self.workers + self.clients
    }
}

#[derive(Clone, Debug)]
pub(crate) enum Action {
    /// The process ends; its host closes its connections.
    Crash(Host),
    /// It begins again, on the disk that it had or on an empty one.
    Restart(Host, Disk),
    /// What is sent between two hosts is lost, …
    Cut(Host, Host),
    /// … or only what is sent from the first to the second.
    CutOneWay(Host, Host),
    /// … or waits.
    Hold(Host, Host),
    /// The link is whole again, and what waits arrives.
    Mend(Host, Host),
    /// A message is lost, and the link with it until another one is sent, so often.
    Lossy(Host, Host, f64),
    /// Messages take up to so long.
    Slow(Host, Host, Duration),
    /// A worker takes so long after each round.
    Rest(Host, Duration),
    /// A host's clock leaps forward.
    Leap(Host, Duration),
    /// The coordinator dies at a commit.
    DieAtCommit(Death),
    /// … unless it has not by now.
    ForgetDeath,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Disk {
    Old,
    Empty,
}

/// What happens after the fault has begun, and when.
type Course = Vec<(Duration, Action)>;

pub(crate) struct Fault {
    pub(crate) name: &'static str,
    course: fn(&mut Dice, Shape) -> Course,
}

const NOW: Duration = Duration::ZERO;
/// As slow as a worker is when nothing slows it down.
pub(crate) const REST: Duration = Duration::from_millis(8);
/// As slow as a link is at most.
pub(crate) const LATENCY_MAX: Duration = Duration::from_millis(12);

pub(crate) const FAULTS: &[Fault] = &[
    Fault { name: "slow link", course: slow_link },
    Fault { name: "short stall", course: |dice, shape| held(dice, shape, 4_000) },
    Fault { name: "slow worker", course: slow_worker },
    Fault { name: "long stall", course: |dice, shape| held(dice, shape, 30_000) },
    Fault { name: "host stalls", course: host_stalls },
    Fault { name: "partition", course: partition },
    Fault { name: "one-way partition", course: one_way },
    Fault { name: "host is cut off", course: cut_off },
    Fault { name: "loss", course: loss },
    Fault { name: "worker crashes", course: worker_crashes },
    Fault { name: "worker flaps", course: worker_flaps },
    Fault { name: "all workers crash", course: all_workers_crash },
    Fault { name: "coordinator crashes", course: coordinator_crashes },
    Fault { name: "coordinator dies at a commit", course: dies_at_commit },
    Fault { name: "everything crashes", course: everything_crashes },
    Fault { name: "clock leaps", course: clock_leaps },
];

impl Fault {
    /// What happens, and when, if it begins at `at`.
    pub(crate) fn course(&self, dice: &mut Dice, shape: Shape, at: Duration) -> Course {
        (self.course)(dice, shape).into_iter().map(|(after, action)| (at + after, action)).collect()
    }
}

fn worker(dice: &mut Dice, shape: Shape) -> Host {
    dice.between(1, shape.workers)
}

/// Mostly short; some are longer than any lease and any keep-alive.
fn while_it_lasts(dice: &mut Dice) -> Duration {
    match dice.below(4) {
        0 => dice.millis(10, 200),
        1 | 2 => dice.millis(200, 4_000),
        _ => dice.millis(4_000, 40_000),
    }
}

fn disk(dice: &mut Dice) -> Disk {
    *dice.pick(&[Disk::Old, Disk::Old, Disk::Empty])
}

fn slow_link(dice: &mut Dice, shape: Shape) -> Course {
    let (a, b) = dice.two_below(shape.hosts());
    let slow = dice.millis(50, 1_500);
    vec![(NOW, Action::Slow(a, b, slow)), (dice.millis(200, 8_000), Action::Slow(a, b, LATENCY_MAX))]
}

fn held(dice: &mut Dice, shape: Shape, most: usize) -> Course {
    let (a, b) = dice.two_below(shape.hosts());
    vec![(NOW, Action::Hold(a, b)), (dice.millis(50, most), Action::Mend(a, b))]
}

fn slow_worker(dice: &mut Dice, shape: Shape) -> Course {
    let worker = worker(dice, shape);
    vec![(NOW, Action::Rest(worker, dice.millis(50, 800))), (dice.millis(500, 9_000), Action::Rest(worker, REST))]
}

/// All links of a host, at once.
fn all_links(host: Host, shape: Shape, begins: fn(Host, Host) -> Action, lasts: Duration) -> Course {
    let others = (0..shape.hosts()).filter(|other| *other != host);
    others.flat_map(|other| [(NOW, begins(host, other)), (lasts, Action::Mend(host, other))]).collect()
}

fn host_stalls(dice: &mut Dice, shape: Shape) -> Course {
    all_links(dice.below(shape.hosts()), shape, Action::Hold, while_it_lasts(dice))
}

fn cut_off(dice: &mut Dice, shape: Shape) -> Course {
    all_links(dice.below(shape.hosts()), shape, Action::Cut, while_it_lasts(dice))
}

fn partition(dice: &mut Dice, shape: Shape) -> Course {
    let (a, b) = dice.two_below(shape.hosts());
    vec![(NOW, Action::Cut(a, b)), (while_it_lasts(dice), Action::Mend(a, b))]
}

fn one_way(dice: &mut Dice, shape: Shape) -> Course {
    let (a, b) = dice.two_below(shape.hosts());
    vec![(NOW, Action::CutOneWay(a, b)), (while_it_lasts(dice), Action::Mend(a, b))]
}

fn loss(dice: &mut Dice, shape: Shape) -> Course {
    let (a, b) = dice.two_below(shape.hosts());
    let rate = dice.between(1, 60) as f64 / 1e3;
    let lasts = while_it_lasts(dice);
    vec![(NOW, Action::Lossy(a, b, rate)), (lasts, Action::Lossy(a, b, 0.0)), (lasts, Action::Mend(a, b))]
}

fn crash(host: Host, disk: Disk, down: Duration) -> Course {
    vec![(NOW, Action::Crash(host)), (down, Action::Restart(host, disk))]
}

fn worker_crashes(dice: &mut Dice, shape: Shape) -> Course {
    crash(worker(dice, shape), disk(dice), while_it_lasts(dice))
}

fn worker_flaps(dice: &mut Dice, shape: Shape) -> Course {
    let (host, mut at, mut course) = (worker(dice, shape), NOW, Course::new());
    for _ in 0..dice.between(2, 5) {
        let down = dice.millis(10, 1_500);
        let times = crash(host, disk(dice), down).into_iter().map(|(after, action)| (at + after, action));
        course.extend(times);
        at += down + dice.millis(10, 2_000);
    }
    course
}

fn all_workers_crash(dice: &mut Dice, shape: Shape) -> Course {
    (1..=shape.workers).flat_map(|host| crash(host, disk(dice), while_it_lasts(dice))).collect()
}

fn coordinator_crashes(dice: &mut Dice, _: Shape) -> Course {
    crash(COORDINATOR, Disk::Old, while_it_lasts(dice))
}

fn everything_crashes(dice: &mut Dice, shape: Shape) -> Course {
    (0..=shape.workers).flat_map(|host| crash(host, Disk::Old, while_it_lasts(dice))).collect()
}

/// Whoever finds it dead begins it again.
fn dies_at_commit(dice: &mut Dice, _: Shape) -> Course {
    let death = Death { commits: dice.below(4), left: *dice.pick(&Left::ALL) };
    vec![(NOW, Action::DieAtCommit(death)), (dice.millis(500, 6_000), Action::ForgetDeath)]
}

/// As after a pause of a virtual machine.
fn clock_leaps(dice: &mut Dice, shape: Shape) -> Course {
    let host = dice.between(0, shape.workers);
    let by = *dice.pick(&[1, 14, 16, 600, 86_400]);
    vec![(NOW, Action::Leap(host, Duration::from_secs(by)))]
}

/// Times at which a worker may be lost: what happens to all links of a host at once is one loss, as coordinators count it.
pub(crate) fn losses(course: &[(Duration, Action)]) -> usize {
    let loses = |action: &Action| {
        matches!(
            action,
            Action::Crash(_) | Action::Cut(..) | Action::CutOneWay(..) | Action::Hold(..) | Action::Lossy(..)
        )
    };
    let times: BTreeSet<Duration> = course.iter().filter(|(_, action)| loses(action)).map(|(at, _)| *at).collect();
    times.len()
}
