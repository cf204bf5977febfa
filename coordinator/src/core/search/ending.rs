//! Trials that end before their time: with a run that stops, with a worker that is lost, or as nobody needs them any longer.

use std::time::Duration;

use aquifer_model::{Kind, Report};
use aquifer_proto::{STATE_LOST, WORKER_LOST, is_of_the_way};

use super::{Run, Search, TrialKey};
use crate::core::membership::STOP_GRACE;
use crate::core::{Command, Effect, JobId, WorkerId};

/// A trial that so many workers were lost over, one after the other and without a round of progress, is begun alone: which of
/// a cohort ends its workers cannot be seen. Lost as often alone, it has failed.
const LOST_MAX: u32 = 3;

/// Workers that are lost together, with a rack say, are lost once: some of them may have been given the trial meanwhile.
pub(in crate::core) const ONE_EVENT: Duration = Duration::from_secs(1);

/// What happens to the trials of a run that is stopped.
pub(in crate::core) enum Left {
    /// Nobody needs them.
    Dropped,
    /// They are placed again, for a reason that is nobody's fault.
    Placed,
    /// They are begun again after a loss.
    Lost(Report),
}

/// A run that is over.
pub(in crate::core) struct Over {
    pub(in crate::core) left: Vec<TrialKey>,
    pub(in crate::core) loss: Option<Report>,
    /// The latest round that was heard of.
    pub(in crate::core) round: u64,
    pub(in crate::core) disputed: bool,
    /// It had one trial from the beginning.
    pub(in crate::core) alone: bool,
}

/// What becomes of a trial that was lost.
pub(in crate::core) enum Again {
    /// It is begun again where its state is, or once somebody may have come back with it.
    Soon,
    /// It waits for so long.
    After(Duration),
    Never,
}

/// Members that cannot reach each other are tried again, after the second time later and later, for so long.
const APART_DELAY: Duration = Duration::from_millis(500);
const APART_DELAY_MAX: Duration = Duration::from_secs(8);
const APART_MAX: Duration = Duration::from_secs(300);

/// How often a trial was lost since it last made progress.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Losses {
    among_others: u32,
    alone: u32,
    /// The latest round that was known then.
    round: u64,
    /// When the last one was counted.
    at: Option<Duration>,
    /// How often its members could not reach each other, and since when.
    apart: u32,
    apart_since: Duration,
}

impl Search {
    /// A worker is lost: runs that it had a part in stop, and what they had left is begun again.
    pub(in crate::core) fn lose(&mut self, id: &JobId, worker: &WorkerId, reason: &str, now: Duration) -> Vec<Effect> {
        let report = Report::new(Kind::Work, WORKER_LOST, format!("{worker} was lost while it trained: {reason}"));
        let with_it = self.runs.iter_mut().filter(|(_, run)| run.has(worker));
        with_it
            .flat_map(|(number, run)| stop_run(id, *number, run, Some(worker), Left::Lost(report.clone()), now))
            .collect()
    }

    /// Takes away the runs that are over, and says what they had left, with what was lost.
    pub(in crate::core) fn take_over(&mut self, now: Duration) -> Vec<Over> {
        let over: Vec<u64> = self
            .runs
            .iter()
            .filter(|(_, run)| run.is_over() || run.stop_by <= now)
            .map(|(number, _)| *number)
            .collect();
        let runs = over.into_iter().filter_map(|number| self.runs.remove(&number));
        let over = |Run { trials, left, loss, round, disputed, .. }: Run| {
            let alone = trials.len() == 1;
            Over { left, loss, round, disputed, alone }
        };
        runs.map(over).collect()
    }

    /// Counts a loss, after which the trial would go on from `round`. Never, and the candidate has failed, where too many followed
    /// one another.
    pub(in crate::core) fn may_begin_again(
        &mut self,
        key: TrialKey,
        round: u64,
        alone: bool,
        cause: &Report,
        now: Duration,
    ) -> Again {
        let losses = self.losses.entry(key).or_default();
        if round > losses.round {
            *losses = Losses { round, ..Losses::default() };
        }
        // Nobody has the state any more, or nobody could be asked: no worker is at fault.
        if is_of_the_way(cause) || cause.code == STATE_LOST {
            if losses.apart == 0 {
                losses.apart_since = now;
            }
            losses.apart += 1;
            let delay = APART_DELAY * (1 << losses.apart.saturating_sub(2).min(10));
            return match losses.apart {
                1 => Again::Soon,
                _ if now < losses.apart_since + APART_MAX => Again::After(delay.min(APART_DELAY_MAX)),
                _ => {
                    let report = cause.clone().hint("look at `aquifer cluster status` and the workers' logs");
                    self.fail(key.candidate, report);
                    Again::Never
                }
            };
        }
        if losses.at.is_some_and(|at| now < at + ONE_EVENT) {
            return Again::Soon;
        }
        losses.at = Some(now);
        match alone {
            true => losses.alone += 1,
            false => losses.among_others += 1,
        }
        let (count, round) = (losses.alone, losses.round);
        if count < LOST_MAX {
            return Again::Soon;
        }
        let mut report = cause.clone();
        report.message =
            format!("{}; {count} in a row were lost over this trial, in round {round} or before", report.message);
        self.fail(key.candidate, report.hint("look at the workers' logs: the trial may be what ends them"));
        Again::Never
    }

    /// How often the members of any of these trials could not reach each other.
    pub(in crate::core) fn times_apart(&self, keys: &[TrialKey]) -> usize {
        keys.iter().filter_map(|key| self.losses.get(key)).map(|losses| losses.apart as usize).max().unwrap_or(0)
    }

    /// It may be what its workers were lost over.
    pub(super) fn is_suspect(&self, key: TrialKey) -> bool {
        self.losses.get(&key).is_some_and(|losses| losses.among_others >= LOST_MAX || losses.alone > 0)
    }

    /// Trials at work of candidates that have ended are dropped.
    pub(in crate::core) fn drop_needless(&mut self, id: &JobId) -> Vec<Effect> {
        let mut effects = Vec::new();
        for (number, run) in &mut self.runs {
            let candidates = &self.candidates;
            let needless =
                |key: &TrialKey| candidates.get(&key.candidate).is_none_or(|candidate| candidate.has_ended());
            let of_run: Vec<usize> = run.pending.keys().copied().filter(|at| needless(&run.trials[*at])).collect();
            for at in of_run {
                effects.extend(drop_trial(id, *number, run, at));
            }
            run.left.retain(|key| !needless(key));
        }
        effects
    }
}

/// Tells the members of a run to stop, but for one that is `gone`.
pub(in crate::core) fn stop_run(
    id: &JobId,
    number: u64,
    run: &mut Run,
    gone: Option<&WorkerId>,
    left: Left,
    now: Duration,
) -> Vec<Effect> {
    let knows = run.stopping.is_some();
    let keys = run.stop(gone);
    if !knows {
        run.stop_by = now + STOP_GRACE;
    }
    match left {
        Left::Dropped => run.left.clear(),
        Left::Placed => run.left.extend(keys),
        Left::Lost(report) => {
            run.left.extend(keys);
            // Its peers may have said first that they miss it.
            match report.code.as_str() {
                WORKER_LOST => run.loss = Some(report),
                _ => drop(run.loss.get_or_insert(report)),
            }
        }
    }
    let members = run.at_work().into_iter().filter(|_| !knows);
    members.map(|worker| stop(id, number, None, worker)).collect()
}

/// Takes a trial from a run, and tells the members that have it.
pub(in crate::core) fn drop_trial(id: &JobId, number: u64, run: &mut Run, trial: usize) -> Vec<Effect> {
    let members = run.pending.remove(&trial).unwrap_or_default();
    members.into_iter().map(|worker| stop(id, number, Some(trial), worker)).collect()
}

fn stop(id: &JobId, number: u64, trial: Option<usize>, worker: WorkerId) -> Effect {
    Effect::Send { worker, command: Command::StopTrial { job: id.clone(), number, trial } }
}
