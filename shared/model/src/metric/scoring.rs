//! What a scoring round sums up: the vectors of its partials, and the way from their total to metrics.

use aquifer_frame::{Encoding, Target};

use super::auc::{self, Area};
use super::{Accumulator, Metrics};
use crate::partial::{Partial, ValueType, Values, VectorSpec};

/// Bins of the histograms over logits.
pub(super) const BINS: usize = 1 << 16;

/// What kind of prediction is scored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    /// Two classes, one logit.
    Binomial,
    /// One score a class.
    Multinomial {
        classes: usize,
    },
    Regression,
}

/// A scoring round's shape: equal for all ranks of a trial.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scoring {
    pub family: Family,
    /// Rows have weights: histograms are sums of them, in f64.
    pub weighted: bool,
}

impl Scoring {
    /// The shape for models with this encoding.
    pub fn of(encoding: &Encoding) -> Self {
        let family = match &encoding.target {
            Target::Regression { .. } => Family::Regression,
            Target::Classes { levels, .. } if levels.len() == 2 => Family::Binomial,
            Target::Classes { levels, .. } => Family::Multinomial { classes: levels.len() },
        };
        Self { family, weighted: encoding.weights_column.is_some() }
    }

    /// The vectors of a scoring round's partials; their weight is the number of rows.
    pub fn vectors(&self) -> Vec<VectorSpec> {
        let vector = |name: &str, value_type, len| VectorSpec { name: name.into(), value_type, len };
        let mut vectors = vec![vector("rows", ValueType::U64, 1)];
        let confusion = |classes: usize| vector("confusion", ValueType::U64, classes * classes);
        match self.family {
            Family::Regression => vectors.push(vector("weight, w·e², w·|e|", ValueType::F64, 3)),
            Family::Multinomial { classes } => {
                vectors.push(vector("weight, w·logloss, w·correct", ValueType::F64, 3));
                vectors.push(confusion(classes));
            }
            Family::Binomial => {
                vectors.push(vector("weight, w·logloss, w·correct", ValueType::F64, 3));
                vectors.push(confusion(2));
                let bins = if self.weighted { ValueType::F64 } else { ValueType::U64 };
                vectors.push(vector("logits of class 0", bins, BINS));
                vectors.push(vector("logits of class 1", bins, BINS));
            }
        }
        vectors
    }

    pub fn accumulator(&self) -> Accumulator {
        Accumulator::new(*self)
    }

    /// The total of a scoring round as metrics.
    pub fn metrics(&self, total: &Partial) -> Metrics {
        let mut metrics = Metrics::default();
        let mut sums = [0.0; 3];
        if let [Values::U64(rows), Values::F64(found), ..] = &total.vectors[..] {
            metrics.rows = rows.iter().sum();
            sums.iter_mut().zip(found).for_each(|(sum, found)| *sum = *found);
        }
        let [weight, first, second] = sums;
        // Over a weight of zero nothing is finite, and nothing is reported.
        let mean = |sum: f64| Some(sum / weight).filter(|mean| mean.is_finite());
        match self.family {
            Family::Regression => {
                metrics.rmse = mean(first).map(f64::sqrt);
                metrics.mae = mean(second);
            }
            Family::Binomial | Family::Multinomial { .. } => {
                metrics.logloss = mean(first);
                metrics.accuracy = mean(second);
                metrics.confusion = match total.vectors.get(2) {
                    Some(Values::U64(counts)) => Some(counts.clone()),
                    _ => None,
                };
            }
        }
        let area = match &total.vectors[..] {
            [_, _, _, Values::U64(negatives), Values::U64(positives)] => auc::of_counts(negatives, positives),
            [_, _, _, Values::F64(negatives), Values::F64(positives)] => auc::of_weights(negatives, positives),
            _ => None,
        };
        if let Some(Area { auc, resolution }) = area {
            metrics.auc = Some(auc);
            metrics.auc_resolution = Some(resolution);
        }
        metrics
    }
}

impl Metrics {
    /// The total of a scoring round of this shape as metrics.
    pub fn from_partial(total: &Partial, scoring: &Scoring) -> Metrics {
        scoring.metrics(total)
    }
}
