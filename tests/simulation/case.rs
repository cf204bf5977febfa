//! What a seed stands for: a cluster, its jobs, and what happens to them.

use std::time::Duration;

use aquifer_harness::Dice;

use crate::client::Job;
use crate::faults::{Action, FAULTS, LATENCY_MAX, REST, Shape};
use crate::jobs;

/// Faults begin within this time: about as long as a job takes.
const BEGIN_WITHIN: usize = 2_500;
const FAULTS_MAX: usize = 4;

#[derive(Clone, Debug)]
pub(crate) struct Case {
    pub(crate) seed: u64,
    pub(crate) shape: Shape,
    /// One for each client.
    pub(crate) jobs: Vec<Job>,
    /// The cluster cannot read the data itself.
    pub(crate) uploads: bool,
    pub(crate) latency: [Duration; 2],
    pub(crate) any_order: bool,
    /// Of workers, after each round.
    pub(crate) rest: Duration,
    /// For people.
    pub(crate) faults: Vec<&'static str>,
    /// What happens, in the order in which it does.
    pub(crate) course: Vec<(Duration, Action)>,
}

impl Case {
    pub(crate) fn of(seed: u64) -> Self {
        let mut dice = Dice::new(seed, "simulation.case");
        let shape = Shape { workers: dice.between(3, 5), clients: dice.between(1, 2) };
        let jobs: Vec<Job> = (0..shape.clients).map(|_| *dice.pick(jobs::ALL)).collect();
        let (mut faults, mut course) = (Vec::new(), Vec::new());
        for _ in 0..dice.between(1, FAULTS_MAX) {
            let fault = dice.pick(FAULTS);
            let at = dice.millis(1, BEGIN_WITHIN);
            faults.push(fault.name);
            course.extend(fault.course(&mut dice, shape, at));
        }
        course.sort_by_key(|(at, _)| *at);
        Self {
            seed,
            shape,
            jobs,
            uploads: dice.one_in(3),
            latency: [Duration::from_millis(1), dice.millis(1, LATENCY_MAX.as_millis() as usize)],
            any_order: dice.one_in(2),
            rest: dice.millis(REST.as_millis() as usize, 40),
            faults,
            course,
        }
    }

    /// One worker, and nothing happens.
    pub(crate) fn calm(job: Job) -> Self {
        Self {
            seed: 0,
            shape: Shape { workers: 1, clients: 1 },
            jobs: vec![job],
            uploads: false,
            latency: [Duration::from_millis(1); 2],
            any_order: false,
            rest: REST,
            faults: Vec::new(),
            course: Vec::new(),
        }
    }
}
