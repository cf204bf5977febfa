//! Trials that end before their time: with a run that stops, with a worker that is lost, or as nobody needs them any longer.

use aquifer_model::{Kind, Report};

use super::{Run, Search, TrialKey};
use crate::core::{Command, Effect, JobId, WorkerId};

/// A trial that so many workers were lost over has failed.
const LOST_MAX: u32 = 3;

impl Search {
    /// A worker is lost: runs that it had a part in stop, and what they had left is begun again. Whether it had any.
    pub(in crate::core) fn lose(&mut self, id: &JobId, worker: &WorkerId, reason: &str) -> (bool, Vec<Effect>) {
        let mut effects = Vec::new();
        let mut left = Vec::new();
        let mut had = false;
        for (number, run) in self.runs.iter_mut().filter(|(_, run)| run.has(worker)) {
            had = true;
            let (of_run, stops) = stop_run(id, *number, run, Some(worker));
            left.extend(of_run);
            effects.extend(stops);
        }
        self.runs.retain(|_, run| !run.is_over());
        let message = format!("{worker} was lost while it trained: {reason}");
        self.begin_again(&left, &Report::new(Kind::Work, "worker_lost", message));
        (had, effects)
    }

    /// Trials wait again; those that lost too many workers have failed.
    pub(in crate::core) fn begin_again(&mut self, keys: &[TrialKey], cause: &Report) {
        let trials = 1 + self.fold_count();
        for key in keys {
            let Some(candidate) = self.candidates.get_mut(&key.candidate).filter(|c| !c.has_ended()) else { continue };
            candidate.lost += 1;
            match candidate.lost > LOST_MAX * trials {
                true => self.fail(key.candidate, cause.clone()),
                false => drop(self.waiting.insert(*key)),
            }
        }
    }

    /// Trials at work of candidates that have ended are dropped.
    pub(in crate::core) fn drop_needless(&mut self, id: &JobId) -> Vec<Effect> {
        let mut effects = Vec::new();
        for (number, run) in &mut self.runs {
            let needless = |at: &usize| {
                let candidate = self.candidates.get(&run.trials[*at].candidate);
                candidate.is_none_or(|candidate| candidate.has_ended())
            };
            let needless: Vec<usize> = run.pending.keys().copied().filter(needless).collect();
            for at in needless {
                effects.extend(drop_trial(id, *number, run, at));
            }
        }
        self.runs.retain(|_, run| !run.is_over());
        effects
    }
}

/// Tells the members of a run to stop, but for one that is `gone`. The trials that it had left, if it was not stopping yet.
pub(in crate::core) fn stop_run(
    id: &JobId,
    number: u64,
    run: &mut Run,
    gone: Option<&WorkerId>,
) -> (Vec<TrialKey>, Vec<Effect>) {
    let knows = run.stopping.is_some();
    let left = run.stop(gone);
    let members = run.at_work().into_iter().filter(|_| !knows);
    (left, members.map(|worker| stop(id, number, None, worker)).collect())
}

/// Takes a trial from a run, and tells the members that have it.
pub(in crate::core) fn drop_trial(id: &JobId, number: u64, run: &mut Run, trial: usize) -> Vec<Effect> {
    let members = run.pending.remove(&trial).unwrap_or_default();
    members.into_iter().map(|worker| stop(id, number, Some(trial), worker)).collect()
}

fn stop(id: &JobId, number: u64, trial: Option<usize>, worker: WorkerId) -> Effect {
    Effect::Send { worker, command: Command::StopTrial { job: id.clone(), number, trial } }
}
