//! Scoring while training, and what follows from it; of any algorithm. [`crate::RawStopping`] is what a user writes.

use serde::{Deserialize, Serialize};

use crate::metric::MetricName;

/// Score while training, keep the best state, and end once it no longer gets better.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Stopping {
    /// Scorings in a moving average ([`crate::has_stalled`]); 0: never stops early, the best state is still kept.
    pub rounds: u32,
    /// None is auto: [`MetricName::auto`].
    pub metric: Option<MetricName>,
    /// Relative.
    pub tolerance: f64,
    pub score_interval: ScoreInterval,
    /// The model is the best state, not the last one.
    pub overwrite_with_best_model: bool,
}

/// How far training goes from one scoring to the next.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ScoreInterval {
    Epochs(f64),
    Rows(u64),
}

impl Default for Stopping {
    /// What an empty `[stopping]` would give, if it scored.
    fn default() -> Self {
        Self {
            rounds: 0,
            metric: None,
            tolerance: 0.001,
            score_interval: ScoreInterval::Epochs(1.0),
            overwrite_with_best_model: true,
        }
    }
}

impl std::fmt::Display for ScoreInterval {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            ScoreInterval::Epochs(epochs) => write!(f, "{epochs:?} epochs"),
            ScoreInterval::Rows(rows) => write!(f, "{rows} rows"),
        }
    }
}

impl ScoreInterval {
    /// In positions, of a part of `rows` rows; at least 1.
    pub fn positions(self, rows: u64) -> u64 {
        let positions = match self {
            ScoreInterval::Epochs(epochs) => (epochs * rows as f64) as u64, // down, as the end of training is
            ScoreInterval::Rows(rows) => rows,
        };
        positions.max(1)
    }

    /// As in a spec: "0.5 epochs", "50000 rows".
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (number, unit) = text.trim().split_once(' ')?;
        match unit.trim() {
            "rows" | "row" => number.replace('_', "").parse().ok().map(ScoreInterval::Rows),
            "epochs" | "epoch" => number.parse().ok().map(ScoreInterval::Epochs),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interval_is_at_least_one_row() {
        let epochs = |epochs| ScoreInterval::Epochs(epochs).positions(1000);
        assert_eq!((epochs(1.0), epochs(0.5), epochs(2.5), epochs(0.0029)), (1000, 500, 2500, 2));
        assert_eq!((epochs(1e-9), epochs(f64::MAX)), (1, u64::MAX));
        assert_eq!((ScoreInterval::Rows(0).positions(9), ScoreInterval::Rows(50).positions(9)), (1, 50));
    }

    #[test]
    fn an_interval_is_a_number_and_a_unit() {
        let check = |text, expected| assert_eq!(ScoreInterval::parse(text), expected, "{text}");
        check("50000 rows", Some(ScoreInterval::Rows(50_000)));
        check("50_000  rows", Some(ScoreInterval::Rows(50_000)));
        check("1 row", Some(ScoreInterval::Rows(1)));
        check("0.5 epochs", Some(ScoreInterval::Epochs(0.5)));
        for text in ["", "5", "rows", "-1 rows", "0.5 rows", "5 minutes", "5rows", "x epochs"] {
            check(text, None);
        }
    }
}
