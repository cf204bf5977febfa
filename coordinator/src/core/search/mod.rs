//! What a job trains: candidates, each with the trials of its folds and a final one, and what has come of them. A training
//! is a search of one candidate.
//!
//! `data` turns frames and spec into what workers are told, `candidate` takes one candidate from its parameters to its
//! result, `compare` sets candidates beside each other, `identity` names what a trial finds, `results` keeps it, `run` is a
//! cohort at work, `ending` ends trials before their time, `models` says which models are kept. `decisions`, `lines` and
//! `outcome` are what people are told. Which workers do it is decided in `dispatch.rs` and `placement`.

mod candidate;
mod compare;
mod data;
mod decisions;
mod dispute;
mod ending;
mod identity;
mod lines;
mod models;
mod outcome;
mod results;
mod run;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use aquifer_frame::{Encoding, Folds};
use aquifer_model::{MetricName, Report, Search as Settings, Spec};

pub(super) use candidate::Candidate;
pub use candidate::TrialKey;
pub(super) use data::{Data, note_of};
pub(super) use decisions::decisions;
pub(super) use dispute::{DISPUTES_MAX, Dispute};
pub(super) use ending::{Again, Left, ONE_EVENT, Over, drop_trial, stop_run};
pub use results::TrialRow;
pub use run::Reported;
pub(super) use run::Run;

use crate::search::Points;

/// The trials of a job.
#[derive(Debug)]
pub(super) struct Search {
    pub(super) spec: Box<Spec>,
    /// None for one set of parameters.
    pub(super) settings: Option<Settings>,
    /// What candidates are compared by.
    pub(super) metric: MetricName,
    points: Option<Points>,
    pub(super) data: Data,
    pub(super) folds: Option<Folds>,
    /// Of the candidates so far; most have the same.
    encodings: Vec<(String, Arc<Encoding>)>,
    /// Those that have begun, by their number in plan order.
    pub(super) candidates: BTreeMap<u32, Candidate>,
    /// Candidates that have begun and not ended, and how the others did.
    pub(super) open: usize,
    pub(super) done: u64,
    pub(super) failed: u64,
    /// Of all candidates, begun or not.
    pub(super) total: u32,
    next: u32,
    /// Why no more of them begin.
    pub(super) closed: Option<String>,
    /// Trials that may begin, those of earlier candidates first.
    pub(super) waiting: BTreeSet<TrialKey>,
    /// What was found before, by identity.
    known: BTreeMap<String, TrialRow>,
    /// Nothing begins before what is known has been looked up.
    pub(super) looked_up: bool,
    pub(super) runs: BTreeMap<u64, Run>,
    /// Trials that wait until then; where it is true, only until somebody comes back with their states.
    pub(super) delayed: BTreeMap<TrialKey, (Duration, bool)>,
    losses: BTreeMap<TrialKey, ending::Losses>,
    /// States in the coordinator's store: by identity, the round.
    pub(super) checkpoints: BTreeMap<String, u64>,
    /// How often members changed places because their states differed.
    pub(super) swaps: usize,
    /// Trials whose members had different states.
    pub(super) disputes: BTreeMap<TrialKey, Dispute>,
    pub(super) next_run: u64,
    /// Trials of a cohort that memory was found to allow.
    pub(super) cohort_max: usize,
    /// That was found while others had memory: it holds until a run ends.
    pub(super) limited_by_others: bool,
    /// A cohort did not fit beside others: nothing begins before then.
    pub(super) waits_for_memory: Duration,
    pub(super) began: Duration,
    /// Candidates whose models are kept.
    pub(super) kept: Vec<u32>,
    /// The best model was made again: that is done once.
    pub(super) made_again: bool,
    /// Rows trained on by trials that have ended, and the most memory that a worker had.
    pub(super) samples: u64,
    pub(super) memory_peak_bytes: u64,
    /// Workers that had a part in it, at most at once.
    pub(super) workers: u32,
}

impl Search {
    pub(super) fn is_grid(&self) -> bool {
        self.settings.is_some()
    }

    pub(super) fn fold_count(&self) -> u32 {
        self.folds.as_ref().map_or(0, Folds::count)
    }

    pub(super) fn known(&mut self, rows: Vec<TrialRow>, checkpoints: BTreeMap<String, u64>) {
        self.checkpoints.extend(checkpoints);
        self.known.extend(rows.into_iter().map(|row| (row.identity.clone(), row)));
        self.looked_up = true;
    }

    /// Candidates that have not begun may begin.
    pub(super) fn begins_more(&self) -> bool {
        self.next < self.total && self.closed.is_none()
    }

    /// Nothing waits, runs or will begin.
    pub(super) fn is_over(&self) -> bool {
        let none_left = self.next >= self.total || self.closed.is_some();
        self.looked_up && none_left && self.open == 0
    }

    /// Trials at work.
    pub(super) fn running(&self) -> usize {
        self.runs.values().map(|run| run.pending.len()).sum()
    }

    /// The trials that are next, as one cohort: they read the same batches.
    pub(super) fn next_cohort(&self, at_most: usize) -> Vec<TrialKey> {
        let Some(next) = self.waiting.first() else { return Vec::new() };
        if self.is_suspect(*next) {
            return vec![*next];
        }
        let Some(first) = self.candidates.get(&next.candidate) else { return Vec::new() };
        let alike = |key: &&TrialKey| {
            let other = self.candidates.get(&key.candidate);
            other.is_some_and(|other| first.is_alike(other)) && !self.is_suspect(**key)
        };
        self.waiting.iter().filter(alike).take(at_most).copied().collect()
    }

    /// Why the only candidate of a training failed.
    pub(super) fn failure(&self) -> Option<&Report> {
        self.candidates.values().find_map(|candidate| candidate.reason.as_ref())
    }
}
