//! Table `[stopping]`: scoring while training, and when training ends.

use serde::{Serialize, Serializer};

use super::SpecError;
use super::check::{in_range, out_of_range};
use super::fit::FitSpec;
use crate::metric::MetricName;
use crate::params::{ScoreInterval, Stopping, range};

pub(super) const ROUNDS_MAX: u64 = 1000;
const ROWS_MAX: u64 = 1 << 48;

/// Table `[stopping]`.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct RawStopping {
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "super::raw::whole")]
    pub stopping_rounds: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stopping_metric: Option<StoppingMetric>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stopping_tolerance: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "interval")]
    pub score_interval: Option<ScoreInterval>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub overwrite_with_best_model: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "super::raw::whole")]
    pub stop_at: Option<u64>,
}

/// What tells the better of two states of a model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum StoppingMetric {
    Auto,
    #[serde(untagged)]
    Named(MetricName),
}

impl RawStopping {
    pub(super) fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// None where nothing is scored while training.
    pub(super) fn resolve(&self) -> Option<Stopping> {
        let default = Stopping::default();
        self.scores().then(|| Stopping {
            rounds: self.stopping_rounds.map_or(default.rounds, |rounds| rounds as u32),
            metric: self.stopping_metric.and_then(StoppingMetric::named),
            tolerance: self.stopping_tolerance.unwrap_or(default.tolerance),
            score_interval: self.score_interval.unwrap_or(default.score_interval),
            overwrite_with_best_model: self.overwrite_with_best_model.unwrap_or(default.overwrite_with_best_model),
        })
    }

    /// With every default in place that applies.
    pub(super) fn resolved(fit: &FitSpec) -> Self {
        let stop_at = fit.stop_at;
        let Some(stopping) = &fit.stopping else { return Self { stop_at, ..Self::default() } };
        Self {
            stopping_rounds: Some(stopping.rounds.into()),
            stopping_metric: Some(stopping.metric.map_or(StoppingMetric::Auto, StoppingMetric::Named)),
            stopping_tolerance: (stopping.rounds > 0).then_some(stopping.tolerance),
            score_interval: Some(stopping.score_interval),
            overwrite_with_best_model: Some(stopping.overwrite_with_best_model),
            stop_at,
        }
    }

    fn stops(&self) -> bool {
        self.stopping_rounds.is_some_and(|rounds| rounds > 0)
    }

    fn scores(&self) -> bool {
        self.stops() || self.score_interval.is_some()
    }

    pub(super) fn check(&self) -> Result<(), SpecError> {
        in_range("stopping_rounds", &self.stopping_rounds, |rounds| *rounds <= ROUNDS_MAX)?;
        in_range("stopping_tolerance", &self.stopping_tolerance, |tolerance| range::not_negative(*tolerance))?;
        let allowed = match self.score_interval {
            Some(ScoreInterval::Epochs(epochs)) => epochs.is_finite() && epochs > 0.0,
            Some(ScoreInterval::Rows(rows)) => (1..=ROWS_MAX).contains(&rows),
            None => true,
        };
        if let Some(interval) = self.score_interval.filter(|_| !allowed) {
            return Err(out_of_range("score_interval", interval.to_string()));
        }
        in_range("stop_at", &self.stop_at, |rows| (1..=ROWS_MAX).contains(rows))?;
        let rounds_only = "`stopping_rounds` is not above 0: training never stops early";
        let scoring_only = "neither `stopping_rounds` nor `score_interval` is given: nothing is scored while training";
        let (stops, scores) = (self.stops(), self.scores());
        for (key, given, applies, because) in [
            ("stopping_tolerance", self.stopping_tolerance.is_some(), stops, rounds_only),
            ("stopping_metric", self.stopping_metric.is_some(), scores, scoring_only),
            ("overwrite_with_best_model", self.overwrite_with_best_model.is_some(), scores, scoring_only),
        ] {
            if given && !applies {
                return Err(SpecError::NotApplicable { key, because });
            }
        }
        Ok(())
    }
}

impl StoppingMetric {
    pub(super) fn named(self) -> Option<MetricName> {
        match self {
            StoppingMetric::Auto => None,
            StoppingMetric::Named(metric) => Some(metric),
        }
    }
}

/// A number of epochs, or a text of rows.
fn interval<S: Serializer>(interval: &Option<ScoreInterval>, serializer: S) -> Result<S::Ok, S::Error> {
    match interval {
        None => serializer.serialize_none(),
        Some(ScoreInterval::Epochs(epochs)) => serializer.serialize_f64(*epochs),
        Some(rows @ ScoreInterval::Rows(_)) => serializer.collect_str(rows),
    }
}
