//! Going on after a loss: which states workers hold, when the trials of a run that stopped wait again, and when trials are
//! shared out anew as workers come and go.
//!
//! A state is a function of a trial's identity and a round, so it does not matter who holds it: the newest one is gone on
//! from, else the checkpoint, else the trial begins again.

use std::collections::BTreeMap;
use std::time::Duration;

use aquifer_model::Report;
use aquifer_proto::{StateFrom, is_of_a_node};

use super::search::{Again, Left, Over, TrialKey, stop_run};
use super::{Command, Effect, JobId, State, Worker, WorkerId};

/// A worker whose session broke may come back with the states that it holds: trials that nobody else has wait this long.
const RECONNECT_GRACE: Duration = Duration::from_secs(2);
/// After a restart workers come one after the other: nothing begins before the first is here for this long.
const SETTLE: Duration = Duration::from_millis(500);
/// A worker on which something failed that others may do is not given it again for so long.
const SPARED: Duration = Duration::from_secs(60);
/// A run that began less than this ago is not stopped to share it out anew.
const SHARE_OUT_AFTER: Duration = Duration::from_secs(2);

impl State {
    pub(super) fn states_held(&mut self, now: Duration, worker: &WorkerId, states: Vec<(String, u64)>) -> Vec<Effect> {
        if let Some(worker) = self.workers.get_mut(worker) {
            worker.registration.states.extend(states);
        }
        let mut effects = self.settle_all(now);
        effects.extend(self.dispatch(now));
        effects
    }

    pub(super) fn checkpoint_stored(&mut self, id: &JobId, identity: String, round: u64) -> Vec<Effect> {
        let search = self.jobs.get_mut(id).and_then(|job| job.search.as_mut());
        match search.filter(|search| search.is_open(&identity)) {
            Some(search) => {
                let newest = search.checkpoints.entry(identity).or_insert(round);
                *newest = round.max(*newest);
            }
            // It ended meanwhile.
            None => return vec![Effect::RemoveCheckpoints { job: id.clone(), identities: Some(vec![identity]) }],
        }
        Vec::new()
    }

    /// Whether a state of a trial is of use that a member of the cluster offers.
    pub fn needs_state(&self, id: &JobId, identity: &str, incarnation: u64) -> bool {
        let search = self.jobs.get(id).and_then(|job| job.search.as_ref());
        let is_member = self.workers.values().any(|worker| worker.incarnation == incarnation);
        is_member && search.is_some_and(|search| search.is_open(identity))
    }

    /// Nothing more is placed on it, and what it has at work is placed elsewhere once it has handed it over.
    pub(super) fn worker_leaving(&mut self, now: Duration, worker: &WorkerId) -> Vec<Effect> {
        let Some(at) = self.workers.get_mut(worker) else { return Vec::new() };
        at.leaving = true;
        let mut effects = Vec::new();
        for (id, job) in &mut self.jobs {
            let Some(search) = job.search.as_mut().filter(|_| job.ending.is_none()) else { continue };
            for (number, run) in search.runs.iter_mut().filter(|(_, run)| run.has(worker)) {
                effects.extend(stop_run(id, *number, run, None, Left::Placed, now));
            }
        }
        effects.extend(self.give_away_imports(now, worker));
        effects.extend(self.settle_all(now));
        effects.extend(self.dispatch(now));
        effects
    }

    /// Workers that trials and imports may be given to.
    pub(super) fn placeable(&self) -> Vec<&WorkerId> {
        let staying = || self.workers.iter().filter(|(_, worker)| !worker.leaving);
        let well: Vec<&WorkerId> =
            staying().filter(|(_, worker)| worker.spared_until.is_none()).map(|(id, _)| id).collect();
        if well.is_empty() { staying().map(|(id, _)| id).collect() } else { well }
    }

    /// What failed was the worker's own: others are given its work for a while.
    pub(super) fn spare(&mut self, now: Duration, worker: &WorkerId, report: &Report) {
        if let Some(at) = self.workers.get_mut(worker).filter(|_| is_of_a_node(report)) {
            at.spared_until = Some(now + SPARED);
        }
    }

    pub(super) fn end_sparing(&mut self, now: Duration) {
        for worker in self.workers.values_mut() {
            worker.spared_until = worker.spared_until.filter(|until| now < *until);
        }
    }

    /// Nothing begins yet: after a restart workers have just begun to come back.
    pub(super) fn is_settling(&self, now: Duration) -> bool {
        self.continues && self.first_registered.is_none_or(|first| now < first + SETTLE)
    }

    /// What runs that are over had left waits again, in every job; whoever calls this has trials dispatched.
    pub(super) fn settle_all(&mut self, now: Duration) -> Vec<Effect> {
        let ids: Vec<JobId> = self.jobs.keys().cloned().collect();
        let mut effects = Vec::new();
        for id in &ids {
            if self.settle(now, id, &mut effects) {
                effects.extend(self.end_if_stopped(id));
                effects.extend(self.end_if_over(now, id));
            }
        }
        effects
    }

    /// What runs that are over had left waits again. Whether anything changed.
    fn settle(&mut self, now: Duration, id: &JobId, effects: &mut Vec<Effect>) -> bool {
        let Some(search) = self.jobs.get_mut(id).and_then(|job| job.search.as_mut()) else { return false };
        let over = search.take_over(now);
        let mut changed = !over.is_empty();
        for Over { left, loss, round, disputed, alone } in over {
            if disputed {
                // None of them is believed.
                let identities: Vec<String> = left.iter().filter_map(|key| search.identity(*key)).collect();
                effects.extend(forget(&mut self.workers, id, &identities));
            }
            for key in left {
                let open = search.candidates.get(&key.candidate).is_some_and(|candidate| !candidate.has_ended());
                let Some(identity) = search.identity(key).filter(|_| open) else { continue };
                let held = newest(&self.workers, &identity);
                let known = held.max(search.checkpoints.get(&identity).copied()).unwrap_or(0);
                let Some(report) = &loss else {
                    search.waiting.insert(key);
                    continue;
                };
                match search.may_begin_again(key, known.max(round), alone, report, now) {
                    Again::Never => {}
                    Again::After(delay) => drop(search.delayed.insert(key, (now + delay, false))),
                    Again::Soon if held.is_some() => drop(search.waiting.insert(key)),
                    Again::Soon => drop(search.delayed.insert(key, (now + RECONNECT_GRACE, true))),
                }
            }
        }
        let workers = &self.workers;
        let is_held =
            |key: &TrialKey| search.identity(*key).is_some_and(|identity| newest(workers, &identity).is_some());
        let due =
            |(key, (until, or_held)): &(&TrialKey, &(Duration, bool))| *until <= now || (*or_held && is_held(key));
        let due: Vec<TrialKey> = search.delayed.iter().filter(due).map(|(key, _)| *key).collect();
        for key in due {
            changed = true;
            search.delayed.remove(&key);
            if search.candidates.get(&key.candidate).is_some_and(|candidate| !candidate.has_ended()) {
                search.waiting.insert(key);
            }
        }
        changed
    }

    /// Workers that came while trials were at work get their share of them: where somebody has nothing to do, and nothing
    /// waits, a run that more could take part in is stopped, and placed again from the states that it has.
    pub(super) fn share_out(&mut self, now: Duration) -> Vec<Effect> {
        let idle = |state: &State, id: &WorkerId| state.trials_of(id).is_empty();
        let newest_idle =
            self.placeable().into_iter().filter(|id| idle(self, id)).map(|id| self.workers[id].registered);
        let Some(joined) = newest_idle.max() else { return Vec::new() };
        let placeable = self.placeable().len();
        for (id, job) in &mut self.jobs {
            let Some(search) = job.search.as_mut().filter(|_| job.ending.is_none()) else { continue };
            if !search.waiting.is_empty() || search.begins_more() {
                continue;
            }
            let ranks = search.data.fit.params.ranks as usize;
            let gains = |run: &super::search::Run| {
                let members = run.members.len();
                run.stopping.is_none()
                    && run.began + SHARE_OUT_AFTER <= now
                    && run.began < joined
                    && (members < placeable.min(ranks) || (members == 1 && run.pending.len() > 1))
            };
            if let Some((number, run)) = search.runs.iter_mut().find(|(_, run)| gains(run)) {
                return stop_run(id, *number, run, None, Left::Placed, now);
            }
        }
        Vec::new()
    }

    /// A state that was to be gone on from is nowhere. Others of the same trial are as good as before.
    pub(super) fn forget_state(&mut self, id: &JobId, identity: &str, round: u64) -> Vec<Effect> {
        let identities = vec![identity.to_owned()];
        let mut effects = Vec::new();
        for (worker, at) in &mut self.workers {
            if at.registration.states.get(identity) == Some(&round) {
                at.registration.states.remove(identity);
                let command = Command::ForgetStates { job: id.clone(), identities: identities.clone() };
                effects.push(Effect::Send { worker: worker.clone(), command });
            }
        }
        let search = self.jobs.get_mut(id).and_then(|job| job.search.as_mut());
        if let Some(search) = search.filter(|search| search.checkpoints.get(identity) == Some(&round)) {
            search.checkpoints.remove(identity);
            effects.push(Effect::RemoveCheckpoints { job: id.clone(), identities: Some(identities) });
        }
        effects
    }

    /// Of a job that has ended nobody goes on from anything.
    pub(super) fn forget_job(&mut self, id: &JobId) -> Vec<Effect> {
        let search = self.jobs.get(id).and_then(|job| job.search.as_ref());
        let open: Vec<String> = search.map(|search| search.open_identities().collect()).unwrap_or_default();
        for at in self.workers.values_mut() {
            at.registration.states.retain(|identity, _| !open.contains(identity));
        }
        let command = || Command::ForgetStates { job: id.clone(), identities: Vec::new() };
        self.workers.keys().map(|worker| Effect::Send { worker: worker.clone(), command: command() }).collect()
    }

    /// What is kept of trials that have ended, nobody needs.
    pub(super) fn release(&mut self, id: &JobId, identity: &str) -> Vec<Effect> {
        let identities = [identity.to_owned()];
        let mut effects = forget(&mut self.workers, id, &identities);
        let search = self.jobs.get_mut(id).and_then(|job| job.search.as_mut());
        if search.is_some_and(|search| search.checkpoints.remove(identity).is_some()) {
            effects.push(Effect::RemoveCheckpoints { job: id.clone(), identities: Some(identities.into()) });
        }
        effects
    }
}

/// Where a trial goes on, if its state is anywhere.
pub(super) fn state_from(
    workers: &BTreeMap<WorkerId, Worker>,
    checkpoints: &BTreeMap<String, u64>,
    identity: &str,
) -> Option<StateFrom> {
    let checkpoint = checkpoints.get(identity).copied();
    let round = newest(workers, identity).max(checkpoint)?;
    let has = |worker: &&Worker| worker.registration.states.get(identity) == Some(&round);
    let holders = workers.values().filter(has).map(|worker| worker.registration.address.clone()).collect();
    Some(StateFrom { round, holders, checkpoint: checkpoint == Some(round) })
}

/// The newest round of a trial that a worker holds.
fn newest(workers: &BTreeMap<WorkerId, Worker>, identity: &str) -> Option<u64> {
    workers.values().filter_map(|worker| worker.registration.states.get(identity).copied()).max()
}

/// Has workers forget what they hold of these trials.
fn forget(workers: &mut BTreeMap<WorkerId, Worker>, job: &JobId, identities: &[String]) -> Vec<Effect> {
    let mut effects = Vec::new();
    for (worker, at) in workers {
        let held = identities.iter().filter(|identity| at.registration.states.remove(*identity).is_some());
        let identities: Vec<String> = held.cloned().collect();
        if !identities.is_empty() {
            let command = Command::ForgetStates { job: job.clone(), identities };
            effects.push(Effect::Send { worker: worker.clone(), command });
        }
    }
    effects
}
