//! What a trial has found: durable, and the same whoever finds it.

use aquifer_model::{MetricName, Metrics, Part, Partial, Score, Scoring};
use aquifer_proto::{TrialOutcome, sums_from_bytes, unpack_sums};
use serde::{Deserialize, Serialize};

use crate::core::{JobId, StoredModel};

/// A trial that ended. Its identity is the hash of all that decides its bits: who has the same may take it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TrialRow {
    pub identity: String,
    pub job: JobId,
    /// The training frame's content.
    pub data: String,
    pub outcome: TrialOutcome,
    pub train_seconds: f64,
    pub score_seconds: f64,
    /// Of a final fit.
    #[serde(default)]
    pub model: Option<StoredModel>,
    /// Of all folds of a candidate together: the metrics of their held-out rows.
    #[serde(default)]
    pub pooled: Option<Metrics>,
    /// Of a fold: the sums of its held-out rows, packed as they came.
    #[serde(skip)]
    pub sums: Option<Vec<u8>>,
}

impl TrialRow {
    pub(super) fn score(&self, part: Part) -> Option<&Score> {
        self.outcome.scores.iter().find(|score| score.part == part)
    }

    pub(super) fn holdout(&self) -> Option<&Metrics> {
        self.score(Part::Holdout).map(|score| &score.metrics)
    }

    pub(super) fn seconds(&self) -> f64 {
        self.train_seconds + self.score_seconds
    }

    /// What the trial is compared by: its held-out rows, else validation data, else the training rows; never test data.
    pub(super) fn value(&self, metric: MetricName) -> Option<f64> {
        let parts = [Part::Holdout, Part::Validation, Part::Train];
        metric.of(&parts.iter().find_map(|part| self.score(*part))?.metrics)
    }
}

/// Metrics of the held-out rows of all folds together, added up in the order of folds; none if the sums of one are not there.
pub(super) fn pooled(folds: &[&TrialRow], scoring: &Scoring) -> Option<Metrics> {
    let shape = scoring.vectors();
    let mut total: Option<Partial> = None;
    for fold in folds {
        let sums = unpack_sums(&sums_from_bytes(fold.sums.as_ref()?)?, &shape).ok()?;
        total = Some(match total {
            None => sums,
            Some(total) => Partial::add(total, sums),
        });
    }
    Some(scoring.metrics(&total?))
}
