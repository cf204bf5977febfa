//! Lines of a job's `points.jsonl`. Candidates and folds count from 1, as wherever people read of them.

use aquifer_model::CurvePoint;

use super::{Search, TrialKey, TrialRow};

impl Search {
    /// A line of the job's metric points.
    pub(in crate::core) fn point_line(&self, key: TrialKey, point: &CurvePoint) -> String {
        serde_json::json!({
            "candidate": key.candidate + 1, "rung": key.rung, "fold": key.fold.map(|fold| fold + 1), "position": point.position,
            "loss": point.loss, "value": point.value,
        })
        .to_string()
    }

    /// The line of a trial that ended.
    pub(in crate::core) fn result_line(&self, key: TrialKey, row: &TrialRow) -> String {
        let scores: Vec<_> = row.outcome.scores.iter().map(|score| (score.part, score.metrics.kept())).collect();
        serde_json::json!({
            "candidate": key.candidate + 1, "rung": key.rung, "fold": key.fold.map(|fold| fold + 1), "position": row.outcome.model_position,
            "scores": scores, "seconds": row.train_seconds + row.score_seconds, "ended": true,
        })
        .to_string()
    }
}
