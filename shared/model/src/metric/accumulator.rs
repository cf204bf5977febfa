//! The sums that one rank makes of its rows, in the order in which they are added.

use super::scoring::{BINS, Family, Scoring};
use crate::partial::{Partial, Values};

/// Sums over rows: what becomes a rank's partial of a scoring round.
#[derive(Clone, Debug)]
pub struct Accumulator {
    scoring: Scoring,
    rows: u64,
    /// Weight, then what [`Scoring::vectors`] says.
    sums: [f64; 3],
    /// (actual, predicted), row-major.
    confusion: Vec<u64>,
    histograms: Histograms,
}

/// Logits of each class.
#[derive(Clone, Debug)]
enum Histograms {
    None,
    Counts([Vec<u64>; 2]),
    Weights([Vec<f64>; 2]),
}

impl Accumulator {
    pub fn new(scoring: Scoring) -> Self {
        let classes = match scoring.family {
            Family::Binomial => 2,
            Family::Multinomial { classes } => classes,
            Family::Regression => 0,
        };
        let histograms = match (scoring.family, scoring.weighted) {
            (Family::Binomial, false) => Histograms::Counts([vec![0; BINS], vec![0; BINS]]),
            (Family::Binomial, true) => Histograms::Weights([vec![0.0; BINS], vec![0.0; BINS]]),
            _ => Histograms::None,
        };
        Self { scoring, rows: 0, sums: [0.0; 3], confusion: vec![0; classes * classes], histograms }
    }

    /// A row of two classes: `z` is the logit of class 1, which is predicted from p ≥ ½, that is z ≥ 0, on.
    pub fn add_binomial(&mut self, z: f32, class: usize, weight: f32, logloss: f64) {
        debug_assert_eq!(self.scoring.family, Family::Binomial);
        self.add_class(class, usize::from(z >= 0.0), weight, logloss);
        match &mut self.histograms {
            Histograms::Counts(classes) => classes[class][bin(z)] += 1,
            Histograms::Weights(classes) => classes[class][bin(z)] += f64::from(weight),
            Histograms::None => {}
        }
    }

    /// A row of several classes, one score each; the first of the largest is predicted.
    pub fn add_multinomial(&mut self, scores: &[f32], class: usize, weight: f32, logloss: f64) {
        debug_assert_eq!(self.scoring.family, Family::Multinomial { classes: scores.len() });
        self.add_class(class, first_largest(scores), weight, logloss);
    }

    /// A row of a number, both in the target's own unit.
    pub fn add_regression(&mut self, prediction: f64, actual: f64, weight: f32) {
        debug_assert_eq!(self.scoring.family, Family::Regression);
        let (weight, error) = (f64::from(weight), prediction - actual);
        self.rows += 1;
        self.sums[0] += weight;
        self.sums[1] += weight * (error * error);
        self.sums[2] += weight * error.abs();
    }

    pub fn into_partial(self) -> Partial {
        let mut vectors = vec![Values::U64(vec![self.rows]), Values::F64(self.sums.into())];
        if self.scoring.family != Family::Regression {
            vectors.push(Values::U64(self.confusion));
        }
        match self.histograms {
            Histograms::None => {}
            Histograms::Counts(classes) => vectors.extend(classes.map(Values::U64)),
            Histograms::Weights(classes) => vectors.extend(classes.map(Values::F64)),
        }
        // Rows, not their weights: a rank whose rows all weigh nothing is still heard.
        Partial { weight: self.rows as f64, vectors }
    }

    fn add_class(&mut self, class: usize, predicted: usize, weight: f32, logloss: f64) {
        let weight = f64::from(weight);
        self.rows += 1;
        self.sums[0] += weight;
        self.sums[1] += weight * logloss;
        self.sums[2] += if class == predicted { weight } else { 0.0 };
        let classes = self.confusion.len().isqrt();
        self.confusion[class * classes + predicted] += 1;
    }
}

/// The first class with the largest score: what a multinomial model predicts.
fn first_largest(scores: &[f32]) -> usize {
    let mut best = 0;
    for (at, score) in scores.iter().enumerate() {
        if *score > scores[best] {
            best = at;
        }
    }
    best
}

/// `floor((clamp(z, −16, 16) + 16) · 2048)`, at most the last bin: comparisons, one sum and one product in f64.
fn bin(z: f32) -> usize {
    const PER_UNIT: f64 = 2048.0;
    let z = f64::from(z);
    let z = if z < -16.0 { -16.0 } else { z };
    let z = if z > 16.0 { 16.0 } else { z };
    (((z + 16.0) * PER_UNIT) as usize).min(BINS - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bins_cut_the_logits_evenly_and_hold_all_of_them() {
        let check = |z: f32, expected: usize| assert_eq!(bin(z), expected, "{z}");
        check(-16.0, 0);
        check(f32::NEG_INFINITY, 0);
        check(-0.0, 32_768);
        check(0.0, 32_768);
        check(-f32::MIN_POSITIVE, 32_768); // not seen beside 16
        check(-1e-6, 32_767);
        check(1.0, 34_816);
        check(15.9999, 65_535);
        check(16.0, 65_535);
        check(f32::MAX, 65_535);
    }

    #[test]
    fn the_first_largest_wins() {
        assert_eq!(first_largest(&[1.0, 3.0, 3.0]), 1);
        assert_eq!(first_largest(&[-0.0, 0.0]), 0);
    }
}
