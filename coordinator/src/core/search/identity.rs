//! The hash of all that decides what a trial finds: what has one that is known is not done again.

use aquifer_proto::TrialOutcome;

use super::{Search, TrialKey, TrialRow};
use crate::core::JobId;

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
