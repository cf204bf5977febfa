//! The hash of all that decides what a trial finds: what has one that is known is not done again.

use aquifer_proto::TrialOutcome;

use super::{Run, Search, TrialKey, TrialRow};
use crate::core::{JobId, Worker};

impl Search {
    /// What is kept of the sums of a candidate's folds once they have been added up: metrics of all held-out rows.
    pub(in crate::core) fn pooled_row(&self, number: u32, job: &JobId) -> Option<TrialRow> {
        let pooled = self.candidates.get(&number)?.cross_validation.as_ref()?.pooled.clone()?;
        let (identity, data) = (self.pooled_identity(number)?, self.data.fit.data.clone());
        let (job, outcome, pooled) = (job.clone(), TrialOutcome::default(), Some(pooled));
        let (model, sums) = (None, None);
        Some(TrialRow { identity, job, data, outcome, train_seconds: 0.0, score_seconds: 0.0, model, pooled, sums })
    }

    pub(super) fn pooled_identity(&self, number: u32) -> Option<String> {
        let folds = self.fold_identities(number);
        let text = format!("pooled {}", folds.join(" "));
        (!folds.is_empty()).then(|| blake3::hash(text.as_bytes()).to_hex()[..32].to_owned())
    }

    /// The folds of a candidate's present rung.
    pub(in crate::core) fn fold_identities(&self, number: u32) -> Vec<String> {
        let Some(rung) = self.candidates.get(&number).map(|candidate| candidate.rung) else { return Vec::new() };
        (0..self.fold_count())
            .filter_map(|fold| self.identity(TrialKey { candidate: number, rung, fold: Some(fold) }))
            .collect()
    }

    /// Of the trials that are at work, or wait.
    pub(in crate::core) fn open_identities(&self) -> impl Iterator<Item = String> {
        let of_run = |run: &Run| run.pending.keys().map(|at| run.trials[*at]).chain(run.left.iter().copied()).collect();
        let at_work = self.runs.values().flat_map(move |run| -> Vec<TrialKey> { of_run(run) });
        let keys = at_work.chain(self.waiting.iter().copied()).chain(self.delayed.keys().copied());
        keys.filter_map(|key| self.identity(key))
    }

    pub(in crate::core) fn is_open(&self, identity: &str) -> bool {
        self.open_identities().any(|open| open == identity)
    }

    /// Whether a worker has a state of the trial.
    pub(in crate::core) fn is_held_by(&self, key: TrialKey, worker: &Worker) -> bool {
        self.identity(key).is_some_and(|identity| worker.registration.states.contains_key(&identity))
    }

    /// The hash of all that decides what a trial finds.
    pub(in crate::core) fn identity(&self, key: TrialKey) -> Option<String> {
        let candidate = self.candidates.get(&key.candidate)?;
        let fit = candidate.fit_of(key, &self.data).normalised();
        let folds = key.fold.map(|fold| (&self.folds, fold));
        let scored = key.fold.is_none().then_some((&self.data.validation, &self.data.test));
        let text = serde_json::to_vec(&(fit, folds, scored)).ok()?;
        Some(blake3::hash(&text).to_hex()[..32].to_owned())
    }
}
