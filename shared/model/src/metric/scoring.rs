//! What a scoring round sums up: the vectors of its partials, and the way from their total to metrics.

use std::borrow::Cow;

use aquifer_frame::{Encoding, Target};

use super::auc::{self, Area};
use super::logit::BINS;
use super::precision_recall::{self, Precision};
use super::{Accumulator, AtThreshold, Metrics, gains, threshold};
use crate::partial::{Partial, ValueType, Values, VectorSpec};

/// Sums in f64 of a regression.
pub(super) const REGRESSION_SUMS: usize = 7;
/// Sums in f64 of classes: weight, w·logloss, w·correct. Several classes have more after them, beginning with the hits
/// of 2 (those of 1 are the correct ones).
pub(super) const CLASS_SUMS: usize = 3;
/// Hit ratios are of the k likeliest classes up to this k (H2O's number).
const HITS_MAX: usize = 10;
/// Below this share of its mean square about the training mean, a target's variance is rounding.
const VARIANCE_MIN: f64 = 1e-12;

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
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Scoring {
    pub family: Family,
    /// Rows have weights: histograms are sums of them, in f64.
    pub weighted: bool,
    /// What a target is compared with before it is squared: the training mean, so that large values keep their digits.
    pub center: f64,
}

impl Scoring {
    pub fn new(family: Family, weighted: bool) -> Self {
        Self { family, weighted, center: 0.0 }
    }

    /// The shape for models with this encoding.
    pub fn of(encoding: &Encoding) -> Self {
        let weighted = encoding.weights_column.is_some();
        match &encoding.target {
            Target::Regression { mean, .. } => Self { center: *mean, ..Self::new(Family::Regression, weighted) },
            Target::Classes { levels, .. } if levels.len() == 2 => Self::new(Family::Binomial, weighted),
            Target::Classes { levels, .. } => Self::new(Family::Multinomial { classes: levels.len() }, weighted),
        }
    }

    /// Hit ratios that are reported.
    pub(super) fn hits(&self) -> usize {
        match self.family {
            Family::Multinomial { classes } => classes.min(HITS_MAX),
            _ => 0,
        }
    }

    /// Sums in f64 that every row adds to.
    pub(super) fn sums(&self) -> usize {
        match self.family {
            Family::Regression => REGRESSION_SUMS,
            Family::Binomial => CLASS_SUMS,
            Family::Multinomial { classes } => CLASS_SUMS - 1 + self.hits() + 2 * classes,
        }
    }

    /// The vectors of a scoring round's partials; their weight is the number of rows.
    pub fn vectors(&self) -> Vec<VectorSpec> {
        let vector = |name: &str, value_type, len| VectorSpec { name: name.into(), value_type, len };
        let mut vectors = vec![vector("rows", ValueType::U64, 1)];
        let confusion = |classes: usize| vector("confusion", ValueType::U64, classes * classes);
        let mut sums = |name| vectors.push(vector(name, ValueType::F64, self.sums()));
        match self.family {
            // c is the actual value less the training mean.
            Family::Regression => sums("weight, w·e², w·|e|, w·(log error)², w·c, w·c², w·deviance"),
            Family::Multinomial { classes } => {
                sums("weight, w·logloss, w·hit by k, weight by class, w·correct by class");
                vectors.push(confusion(classes));
            }
            Family::Binomial => {
                sums("weight, w·logloss, w·correct");
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
        let [Values::U64(rows), Values::F64(sums), ..] = &total.vectors[..] else { return Metrics::default() };
        if sums.len() != self.sums() {
            return Metrics::default();
        }
        let mut metrics = Metrics { rows: rows.iter().sum(), ..Metrics::default() };
        match self.family {
            Family::Regression => regression(sums, &mut metrics),
            Family::Binomial => {
                classes(sums, total, &mut metrics);
                self.binomial(total, &mut metrics);
            }
            Family::Multinomial { .. } => {
                classes(sums, total, &mut metrics);
                self.multinomial(sums, &mut metrics);
            }
        }
        metrics
    }

    /// Two classes at a threshold of class 1's probability; none for other targets.
    pub fn at_threshold(&self, total: &Partial, probability: f64) -> Option<AtThreshold> {
        match &total.vectors[..] {
            [_, _, _, Values::U64(n), Values::U64(p)] => Some(AtThreshold::of_counts(n, p, probability)),
            [_, _, _, Values::F64(n), Values::F64(p)] => Some(AtThreshold::of_weights(n, p, probability)),
            _ => None,
        }
    }

    /// What comes from the histograms of the logit.
    fn binomial(&self, total: &Partial, metrics: &mut Metrics) {
        let area = match &total.vectors[..] {
            [_, _, _, Values::U64(negatives), Values::U64(positives)] => auc::of_counts(negatives, positives),
            [_, _, _, Values::F64(negatives), Values::F64(positives)] => auc::of_weights(negatives, positives),
            _ => None,
        };
        if let Some(Area { auc, resolution }) = area {
            metrics.auc = Some(auc);
            metrics.auc_resolution = Some(resolution);
            metrics.gini = Some(2.0 * auc - 1.0);
        }
        let [_, _, _, negatives, positives] = &total.vectors[..] else { return };
        let (Some(negatives), Some(positives)) = (floats(negatives), floats(positives)) else { return };
        if let Some(Precision { average, resolution }) =
            precision_recall::average(&negatives, &positives, self.weighted)
        {
            metrics.pr_auc = Some(average);
            metrics.pr_auc_resolution = Some(resolution);
        }
        metrics.best = threshold::best(&negatives, &positives);
        metrics.gains_lift = gains::table(&negatives, &positives);
        if let Some(half) = self.at_threshold(total, 0.5) {
            metrics.f1 = half.f1;
            metrics.mcc = half.mcc;
            metrics.mean_per_class_error = half.mean_per_class_error;
        }
    }

    fn multinomial(&self, sums: &[f64], metrics: &mut Metrics) {
        let Family::Multinomial { classes } = self.family else { return };
        let (hits, by_class) = sums[CLASS_SUMS - 1..].split_at(self.hits());
        let ratios: Vec<f64> = hits.iter().map(|hits| hits / sums[0]).collect();
        metrics.hit_ratios = Some(ratios).filter(|ratios| ratios.iter().all(|ratio| ratio.is_finite()));
        let (all, right) = by_class.split_at(classes);
        let errors = all.iter().zip(right).filter(|(all, _)| **all > 0.0).map(|(all, right)| 1.0 - right / all);
        let (sum, classes) = errors.fold((0.0, 0.0), |(sum, classes), error| (sum + error, classes + 1.0));
        metrics.mean_per_class_error = finite(sum / classes);
    }
}

fn finite(value: f64) -> Option<f64> {
    Some(value).filter(|value| value.is_finite())
}

/// Over a weight of zero nothing is finite, and nothing is reported.
fn regression(sums: &[f64], metrics: &mut Metrics) {
    let mean = |at: usize| finite(sums[at] / sums[0]);
    metrics.mse = mean(1);
    metrics.rmse = mean(1).map(f64::sqrt);
    metrics.mae = mean(2);
    metrics.rmsle = mean(3).map(f64::sqrt);
    metrics.mean_residual_deviance = mean(6);
    if let (Some(mse), Some(shift), Some(square)) = (mean(1), mean(4), mean(5)) {
        let variance = square - shift * shift;
        metrics.r2 = finite(1.0 - mse / variance).filter(|_| variance > VARIANCE_MIN * square);
    }
}

fn classes(sums: &[f64], total: &Partial, metrics: &mut Metrics) {
    metrics.logloss = finite(sums[1] / sums[0]);
    metrics.accuracy = finite(sums[2] / sums[0]);
    metrics.confusion = match total.vectors.get(2) {
        Some(Values::U64(counts)) => Some(counts.clone()),
        _ => None,
    };
}

/// Counts of rows are exact as f64, up to 2^53.
fn floats(values: &Values) -> Option<Cow<'_, [f64]>> {
    match values {
        Values::U64(counts) => Some(counts.iter().map(|count| *count as f64).collect::<Vec<_>>().into()),
        Values::F64(weights) => Some(weights.into()),
        Values::F32(_) => None,
    }
}

impl Metrics {
    /// The total of a scoring round of this shape as metrics.
    pub fn from_partial(total: &Partial, scoring: &Scoring) -> Metrics {
        scoring.metrics(total)
    }
}
