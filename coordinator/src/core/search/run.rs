//! A run: one cohort, placed on some workers.

use std::collections::{BTreeMap, BTreeSet};

use std::time::Duration;

use aquifer_model::Report;
use aquifer_proto::TrialOutcome;

use super::TrialKey;
use crate::core::{Member, StoredModel, WorkerId};

/// A cohort at work, or being stopped.
#[derive(Debug)]
pub(in crate::core) struct Run {
    pub(in crate::core) members: Vec<Member>,
    /// By their numbers in the cohort.
    pub(in crate::core) trials: Vec<TrialKey>,
    /// Of each trial that has not ended, the members that have not said so.
    pub(in crate::core) pending: BTreeMap<usize, BTreeSet<WorkerId>>,
    /// What the holder of rank 0 has said and sent.
    pub(in crate::core) reported: BTreeMap<usize, Reported>,
    pub(in crate::core) models: BTreeMap<usize, StoredModel>,
    /// Members that were told to stop, and have not.
    pub(in crate::core) stopping: Option<BTreeSet<WorkerId>>,
    /// Those that have not by then are not waited for.
    pub(super) stop_by: Duration,
    /// Trials that had not ended when it was stopped: they wait again once all members have said what they hold.
    pub(super) left: Vec<TrialKey>,
    /// What was lost with it, if it did not stop for a better placement.
    pub(super) loss: Option<Report>,
    /// Its members' states differed: what they hold is not believed.
    pub(in crate::core) disputed: bool,
    pub(in crate::core) began: Duration,
    /// The latest round that was heard of.
    pub(in crate::core) round: u64,
    /// Of the trials that are behind; rows of all of them.
    pub(in crate::core) position: u64,
    pub(in crate::core) samples: u64,
}

/// What the holder of rank 0 says of a trial that ended.
#[derive(Clone, Debug)]
pub struct Reported {
    pub outcome: TrialOutcome,
    pub train_seconds: f64,
    pub score_seconds: f64,
    /// Of held-out rows, packed.
    pub sums: Option<Vec<u8>>,
}

impl Run {
    pub(in crate::core) fn new(members: Vec<Member>, trials: Vec<TrialKey>, now: Duration) -> Self {
        let workers: BTreeSet<WorkerId> = members.iter().map(|member| member.worker.clone()).collect();
        let pending = (0..trials.len()).map(|at| (at, workers.clone())).collect();
        let (reported, models) = Default::default();
        Self {
            members,
            trials,
            pending,
            reported,
            models,
            stopping: None,
            stop_by: Duration::MAX,
            left: Vec::new(),
            loss: None,
            disputed: false,
            began: now,
            round: 0,
            position: 0,
            samples: 0,
        }
    }

    /// A member that has something left to do, or to stop.
    pub(in crate::core) fn has(&self, worker: &WorkerId) -> bool {
        match &self.stopping {
            Some(members) => members.contains(worker),
            None => self.pending.values().any(|members| members.contains(worker)),
        }
    }

    pub(in crate::core) fn is_over(&self) -> bool {
        match &self.stopping {
            Some(members) => members.is_empty(),
            None => self.pending.is_empty(),
        }
    }

    /// Nobody places them again.
    pub(in crate::core) fn take_left(&mut self) -> Vec<TrialKey> {
        std::mem::take(&mut self.left)
    }

    /// Members that have not ended.
    pub(super) fn at_work(&self) -> BTreeSet<WorkerId> {
        match &self.stopping {
            Some(members) => members.clone(),
            None => self.pending.values().flatten().cloned().collect(),
        }
    }

    /// The trials that have not ended, which are taken from it: it only stops from now on. A member that is gone has stopped.
    pub(super) fn stop(&mut self, gone: Option<&WorkerId>) -> Vec<TrialKey> {
        let mut members = self.at_work();
        if let Some(gone) = gone {
            members.remove(gone);
        }
        self.stopping = Some(members);
        std::mem::take(&mut self.pending).into_keys().map(|at| self.trials[at]).collect()
    }

    /// A member has ended a trial. True once all have.
    pub(in crate::core) fn ended(&mut self, trial: usize, worker: &WorkerId) -> bool {
        let Some(members) = self.pending.get_mut(&trial) else { return false };
        members.remove(worker);
        let all = members.is_empty();
        if all {
            self.pending.remove(&trial);
        }
        all
    }
}
