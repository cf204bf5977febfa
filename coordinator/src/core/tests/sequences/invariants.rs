//! What holds whatever the sequence: each effect is looked at as it comes, and the end.

use std::collections::{BTreeMap, BTreeSet};

use super::super::*;
use crate::core::search::TrialRow;

/// Looks on.
#[derive(Default)]
pub(super) struct Observer {
    pub(super) wrong: Vec<String>,
    /// The last event of each job.
    pub(super) ends: BTreeMap<JobId, JobEvent>,
    /// By identity: all of a result that lasts.
    results: BTreeMap<String, String>,
    /// By identity, the latest round that any node was really at.
    pub(super) reached: BTreeMap<String, u64>,
    /// Of this term: the last run of each job.
    runs: BTreeMap<JobId, u64>,
}

impl Observer {
    fn hold(&mut self, holds: bool, otherwise: impl FnOnce() -> String) {
        if !holds {
            self.wrong.push(otherwise());
        }
    }

    pub(super) fn restarted(&mut self) {
        self.runs.clear();
    }

    /// Of another start clients hear what the journal has, also of an end that nobody was told of.
    pub(super) fn told(&mut self, journal: &[JobRow]) {
        for row in journal.iter().filter(|row| row.status.has_ended()) {
            let event: Option<JobEvent> = row.result.as_deref().and_then(|json| serde_json::from_str(json).ok());
            let Some(event) = event else {
                self.wrong.push(format!("job {} has ended, and the journal does not know how", row.id));
                continue;
            };
            let before = self.ends.entry(row.id.clone()).or_insert_with(|| event.clone());
            let same = lasting(before) == lasting(&event);
            self.hold(same, || format!("job {} ended otherwise than its clients were told", row.id));
        }
    }

    /// What a commit keeps.
    pub(super) fn committed(&mut self, jobs: &[JobRow], trials: &[TrialRow]) {
        for row in trials {
            let model = row.model.as_ref().map(|model| &model.fit_blake3);
            let result = format!("{:?} {model:?}", row.outcome);
            let before = self.results.insert(row.identity.clone(), result.clone());
            self.hold(before.is_none_or(|before| before == result), || format!("{} has two results", row.identity));
        }
        for row in jobs {
            let ended = self.ends.contains_key(&row.id);
            self.hold(!ended || row.status.has_ended(), || {
                format!("job {} has ended, and is {:?}", row.id, row.status)
            });
        }
    }

    /// An effect, before it is carried out; `journal` has what was committed.
    pub(super) fn sees(&mut self, core: &State, effect: &Effect, journal: &[JobRow]) {
        match effect {
            Effect::Notify { job, event } => {
                let ended = self.ends.contains_key(job);
                self.hold(!ended, || format!("job {job} says {event:?} after its end"));
                if event.is_last() {
                    let kept = journal.iter().find(|row| row.id == *job).is_some_and(|row| row.status.has_ended());
                    self.hold(kept, || format!("job {job} has ended, and the journal does not know"));
                    self.ends.insert(job.clone(), event.clone());
                }
            }
            Effect::Send { worker, command: Command::StartTrial { job, number, members, me, .. } } => {
                let last = self.runs.get(job).copied().unwrap_or(0);
                self.hold(*number >= last, || format!("run {number} of job {job} comes after run {last}"));
                self.runs.insert(job.clone(), *number);
                self.hold(!self.ends.contains_key(job), || format!("a trial of job {job} begins after its end"));
                let own = members.get(*me).map(|member| &member.worker);
                self.hold(own == Some(worker), || format!("{worker} is told that it is {own:?}"));
                let mut next = 0;
                for member in members {
                    self.hold(member.rank_first == next, || format!("ranks of run {number}: {members:?}"));
                    next = member.rank_first + member.rank_count;
                }
                let different: BTreeSet<&WorkerId> = members.iter().map(|member| &member.worker).collect();
                self.hold(different.len() == members.len(), || format!("a member twice: {members:?}"));
            }
            _ => {}
        }
        self.no_trial_twice(core);
    }

    /// No two runs have the same trial.
    fn no_trial_twice(&mut self, core: &State) {
        for (id, job) in &core.jobs {
            let Some(search) = &job.search else { continue };
            let mut seen = BTreeSet::new();
            let keys = search.runs.values().flat_map(|run| run.pending.keys().map(|at| run.trials[*at]));
            let twice: Vec<_> = keys.chain(search.waiting.iter().copied()).filter(|key| !seen.insert(*key)).collect();
            self.hold(twice.is_empty(), || format!("job {id} has these trials twice: {twice:?}"));
        }
    }

    /// A run goes on from states that there were.
    pub(super) fn goes_on(&mut self, identity: &str, round: u64) {
        let reached = self.reached.get(identity).copied().unwrap_or(0);
        self.hold(round <= reached, || format!("{identity} goes on in round {round}, and nobody was beyond {reached}"));
    }
}

/// How a sequence ended.
pub(super) struct Ended {
    pub(super) observer: Observer,
    pub(super) trace: Vec<String>,
    /// Workers that were lost in it.
    pub(super) lost: u32,
    pub(super) jobs: Vec<JobId>,
    /// Left in the core when all had ended.
    pub(super) at_work: Vec<String>,
}

/// A trial that so many workers are lost over may end.
const LOST_MAX: u32 = 3;

/// Whether a job ended so as too many were lost over one of its trials in a row.
fn is_given_up(end: &JobEvent) -> bool {
    serde_json::to_string(end).unwrap_or_default().contains("in a row were lost over this trial")
}

impl Ended {
    /// Jobs of which a trial was given up.
    pub(super) fn gave_up(&self) -> usize {
        self.observer.ends.values().filter(|end| is_given_up(end)).count()
    }

    pub(super) fn broken(&self, calm: &Ended) -> Vec<String> {
        let mut wrong = self.observer.wrong.clone();
        wrong.extend(self.at_work.iter().cloned());
        for job in &self.jobs {
            match (self.observer.ends.get(job), calm.observer.ends.get(job)) {
                (None, _) => wrong.push(format!("job {job} does not end")),
                (Some(end), _) if self.lost >= LOST_MAX && is_given_up(end) => {}
                (found, expected) => {
                    let [found, expected] = [found, expected].map(|event| event.map(lasting).unwrap_or_default());
                    if found != expected {
                        wrong.push(format!("job {job} found\n{found}\nand not\n{expected}"));
                    }
                }
            }
        }
        wrong
    }
}

/// All that must not depend on what happened on the way.
fn lasting(event: &JobEvent) -> String {
    match event {
        JobEvent::Searched(summary) => searching::lasting(summary),
        JobEvent::Trained(summary) => format!("{} {:?}", summary.fit_blake3, summary.scores),
        other => format!("{other:?}"),
    }
}
