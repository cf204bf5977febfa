//! A worker as the coordinator sees it: it obeys in order, takes its part of cohorts through their rounds beside its peers, and
//! holds the states of what stopped.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use aquifer_proto::{PEER_LOST, STATE_LOST, TrialPlan};
use serde::Deserialize;

use super::super::*;

/// What of a cohort's plan matters here.
#[derive(Deserialize)]
struct Trials {
    trials: Vec<TrialPlan>,
}

/// A job and the number of a run.
pub(super) type RunId = (JobId, u64);

pub(super) struct Node {
    pub(super) address: String,
    pub(super) alive: bool,
    /// Its session: the name and the incarnation that it has in it.
    pub(super) session: Option<(WorkerId, u64)>,
    /// It neither hears nor says anything, and does not know.
    pub(super) silent: bool,
    pub(super) leaving: bool,
    pub(super) commands: VecDeque<Command>,
    pub(super) said: VecDeque<Event>,
    pub(super) at_work: BTreeMap<RunId, Part>,
    pub(super) done: BTreeSet<(RunId, usize)>,
    /// By identity, the round.
    pub(super) states: BTreeMap<String, u64>,
    /// … and the job that it was held of.
    of_job: BTreeMap<String, JobId>,
}

/// What becomes of asking for the state that a trial is to go on from.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Asked {
    Had,
    /// Somebody who may have it does not answer.
    Unanswered,
    Nowhere,
}

/// Its part in a run.
pub(super) struct Part {
    pub(super) members: Vec<Member>,
    pub(super) me: usize,
    pub(super) seats: Vec<Seat>,
}

pub(super) struct Seat {
    pub(super) plan: TrialPlan,
    pub(super) round: u64,
    pub(super) ended: bool,
}

/// Rounds of a trial: a function of what it is.
pub(super) fn rounds(plan: &TrialPlan) -> u64 {
    3 + u64::from_str_radix(&plan.identity[..4], 16).unwrap_or(0) % 5
}

impl Node {
    pub(super) fn new(number: u32) -> Self {
        Self {
            address: format!("http://host-{number}"),
            alive: true,
            session: None,
            silent: false,
            leaving: false,
            commands: VecDeque::new(),
            said: VecDeque::new(),
            at_work: BTreeMap::new(),
            done: BTreeSet::new(),
            states: BTreeMap::new(),
            of_job: BTreeMap::new(),
        }
    }

    pub(super) fn id(&self) -> Option<WorkerId> {
        self.session.as_ref().map(|(id, _)| id.clone())
    }

    pub(super) fn say(&mut self, event: impl FnOnce(WorkerId) -> Event) {
        if let Some(id) = self.id() {
            self.said.push_back(event(id));
        }
    }

    fn report(&mut self, run: &RunId, report: TrialReport) {
        let (job, number) = run.clone();
        self.say(|worker| Event::TrialReported { job, worker, number, report });
    }

    /// Stops its part of a run, and says what it holds of it.
    pub(super) fn stop(&mut self, run: &RunId, report: TrialReport) {
        let part = self.at_work.remove(run);
        let left = part.into_iter().flat_map(|part| part.seats).filter(|seat| !seat.ended && seat.round > 0);
        let held: Vec<(String, u64)> = left.map(|seat| (seat.plan.identity, seat.round)).collect();
        self.hold(&run.0, held);
        self.report(run, report);
    }

    /// Holds states from now on, and says so.
    pub(super) fn hold(&mut self, job: &JobId, held: Vec<(String, u64)>) {
        self.of_job.extend(held.iter().map(|(identity, _)| (identity.clone(), job.clone())));
        self.states.extend(held.iter().cloned());
        if !held.is_empty() {
            self.say(|worker| Event::StatesHeld { worker, states: held });
        }
    }

    /// All of it: the session broke, and another one begins.
    pub(super) fn stop_all(&mut self) {
        let runs: Vec<RunId> = self.at_work.keys().cloned().collect();
        runs.iter().for_each(|run| self.stop(run, TrialReport::Stopped));
    }

    /// Takes a command, but for those that need others.
    pub(super) fn obey(&mut self, command: Command, record: &aquifer_frame::ShardRecord) {
        match command {
            Command::ImportShard { job, slot, shard, .. } => {
                let result = Ok(record.clone());
                self.say(|worker| Event::ShardImported { job, worker, slot, shard, result });
            }
            Command::StopTrial { job, number, trial: Some(trial) } => {
                if let Some(part) = self.at_work.get_mut(&(job.clone(), number)) {
                    part.seats[trial].ended = true;
                    self.done.insert(((job, number), trial));
                }
            }
            Command::StopTrial { job, number, trial: None } => self.stop(&(job, number), TrialReport::Stopped),
            Command::DropShards { job, .. } => self.say(|worker| Event::ShardsDropped { job, worker }),
            Command::ForgetStates { job, identities } if identities.is_empty() => {
                self.states.retain(|identity, _| self.of_job.get(identity) != Some(&job));
            }
            Command::ForgetStates { identities, .. } => self.states.retain(|id, _| !identities.contains(id)),
            Command::RemoveShards { .. } | Command::StartTrial { .. } => {}
        }
    }

    /// Begins a part of a run; `ask` says what becomes of asking for a state.
    pub(super) fn begin(&mut self, command: Command, ask: impl Fn(&TrialPlan) -> Asked) {
        let Command::StartTrial { job, number, members, me, cohort_json } = command else { return };
        let Trials { trials } = serde_json::from_str(&cohort_json).expect("a cohort");
        let run = (job, number);
        if self.leaving {
            return self.report(&run, TrialReport::Stopped);
        }
        for plan in &trials {
            let missing = match (ask(plan), &plan.from) {
                (Asked::Had, _) | (_, None) => continue,
                (Asked::Unanswered, _) => {
                    let report = Report::new(Kind::Work, PEER_LOST, "who may have it does not answer");
                    TrialReport::Failed { trial: None, report, fit: None }
                }
                (Asked::Nowhere, Some(from)) => {
                    let report = Report::new(Kind::Work, STATE_LOST, "nobody has it");
                    TrialReport::StateLost { identity: plan.identity.clone(), round: from.round, report }
                }
            };
            return self.report(&run, missing);
        }
        let seat =
            |plan: TrialPlan| Seat { round: plan.from.as_ref().map_or(0, |from| from.round), plan, ended: false };
        let seats = trials.into_iter().map(seat).collect();
        self.at_work.insert(run, Part { members, me, seats });
    }
}
