//! The sums that one rank makes of its rows.
//!
//! Integers add up in any order. Sums in f64 are a tree: in a block in the order of its rows, then over the blocks as
//! [`Fold`] joins them by their numbers.

use aquifer_frame::{Fold, Node};

use super::logit::{BINS, bin};
use super::math;
use super::scoring::{CLASS_SUMS, Family, REGRESSION_SUMS, Scoring};
use crate::partial::{Partial, Values};

/// Sums over rows, block after block: what becomes a rank's partial of a scoring round.
#[derive(Clone, Debug)]
pub struct Accumulator {
    scoring: Scoring,
    rows: u64,
    /// (actual, predicted), row-major.
    confusion: Vec<u64>,
    /// Rows by logit, of each class; only of two classes without row weights.
    counts: Option<[Vec<u64>; 2]>,
    /// Of the block at hand.
    block: BlockSums,
    blocks: Fold<BlockSums>,
}

/// Sums in f64 over the rows of a block, or of a node of blocks.
#[derive(Clone, Debug, Default)]
struct BlockSums {
    rows: u64,
    /// Weight, then what [`Scoring::vectors`] says.
    sums: Vec<f64>,
    /// (class · BINS + bin, weight): sorted by place once the block is done, as most bins of a block are empty.
    weights: Vec<(u32, f64)>,
}

impl Accumulator {
    pub fn new(scoring: Scoring) -> Self {
        let classes = match scoring.family {
            Family::Binomial => 2,
            Family::Multinomial { classes } => classes,
            Family::Regression => 0,
        };
        let counts = (scoring.family == Family::Binomial && !scoring.weighted).then(|| [vec![0; BINS], vec![0; BINS]]);
        let (block, blocks) = (BlockSums::new(&scoring), Fold::default());
        Self { scoring, rows: 0, confusion: vec![0; classes * classes], counts, block, blocks }
    }

    /// A row of two classes: `z` is the logit of class 1, which is predicted from p ≥ ½, that is z ≥ 0, on.
    pub fn add_binomial(&mut self, z: f32, class: usize, weight: f32, logloss: f64) {
        debug_assert_eq!(self.scoring.family, Family::Binomial);
        self.add_class(class, usize::from(z >= 0.0), weight, logloss);
        match &mut self.counts {
            Some(classes) => classes[class][bin(z)] += 1,
            None => self.block.weights.push(((class * BINS + bin(z)) as u32, f64::from(weight))),
        }
    }

    /// A row of several classes, one score each; the first of the largest is predicted.
    pub fn add_multinomial(&mut self, scores: &[f32], class: usize, weight: f32, logloss: f64) {
        debug_assert_eq!(self.scoring.family, Family::Multinomial { classes: scores.len() });
        let place = place(scores, class);
        self.add_class(class, if place == 0 { class } else { first_largest(scores) }, weight, logloss);
        // Hits of 1 are counted as right.
        let (weight, hits, classes) = (f64::from(weight), self.scoring.hits(), scores.len());
        for k in place.max(1)..hits {
            self.block.sums[CLASS_SUMS - 1 + k] += weight;
        }
        let by_class = CLASS_SUMS - 1 + hits;
        self.block.sums[by_class + class] += weight;
        if place == 0 {
            self.block.sums[by_class + classes + class] += weight;
        }
    }

    /// A row of a number, both in the target's own unit; the deviance is that of the loss in use.
    pub fn add_regression(&mut self, prediction: f64, actual: f64, weight: f32, deviance: f64) {
        debug_assert_eq!(self.scoring.family, Family::Regression);
        let (weight, error) = (f64::from(weight), prediction - actual);
        let centred = actual - self.scoring.center;
        let terms: [f64; REGRESSION_SUMS] = [
            weight,
            weight * (error * error),
            weight * error.abs(),
            weighted_log_error(prediction, actual, weight),
            weight * centred,
            weight * (centred * centred),
            weight * deviance,
        ];
        self.block.add(&terms);
    }

    /// The rows since the last call were those of this block of the part; the next ones are of the block after it.
    pub fn end_block(&mut self, block: u64) {
        let mut sums = std::mem::replace(&mut self.block, BlockSums::new(&self.scoring));
        self.rows += sums.rows;
        sums.join_bins();
        let some = (sums.rows > 0).then_some(sums);
        self.blocks.push(Node { lo: block, n: 1 }, some, BlockSums::merge);
    }

    pub fn into_partial(self) -> Partial {
        assert_eq!(self.block.rows, 0, "every row is of a block that has ended");
        let total = self.blocks.finish(BlockSums::merge);
        let BlockSums { sums, weights, .. } = total.unwrap_or_else(|| BlockSums::new(&self.scoring));
        let mut vectors = vec![Values::U64(vec![self.rows]), Values::F64(sums)];
        if self.scoring.family != Family::Regression {
            vectors.push(Values::U64(self.confusion));
        }
        match self.counts {
            Some(classes) => vectors.extend(classes.map(Values::U64)),
            None if self.scoring.family == Family::Binomial => vectors.extend(dense(&weights).map(Values::F64)),
            None => {}
        }
        // Rows, not their weights: a rank whose rows all weigh nothing is still heard.
        Partial { weight: self.rows as f64, vectors }
    }

    fn add_class(&mut self, class: usize, predicted: usize, weight: f32, logloss: f64) {
        let weight = f64::from(weight);
        self.block.add(&[weight, weight * logloss, if class == predicted { weight } else { 0.0 }]);
        let classes = self.confusion.len().isqrt();
        self.confusion[class * classes + predicted] += 1;
    }
}

impl BlockSums {
    fn new(scoring: &Scoring) -> Self {
        Self { sums: vec![0.0; scoring.sums()], ..Self::default() }
    }

    /// A row's terms of the first sums.
    fn add(&mut self, terms: &[f64]) {
        self.rows += 1;
        self.sums.iter_mut().zip(terms).for_each(|(sum, term)| *sum += term);
    }

    /// Sorts the weights by bin, those of one bin added in the order they are in.
    fn join_bins(&mut self) {
        self.weights.sort_by_key(|(place, _)| *place); // stable
        self.weights.dedup_by(|next, sum| {
            let same = next.0 == sum.0;
            if same {
                sum.1 += next.1;
            }
            same
        });
    }

    /// Two neighbours in the tree, self on the left.
    fn merge(mut self, right: Self) -> Self {
        self.rows += right.rows;
        self.sums.iter_mut().zip(right.sums).for_each(|(sum, right)| *sum += right);
        // Each side has a bin once: so at most two are joined, the left one first.
        self.weights.extend(right.weights);
        self.join_bins();
        self
    }
}

/// Weights by logit, of each class.
fn dense(weights: &[(u32, f64)]) -> [Vec<f64>; 2] {
    let mut classes = [vec![0.0; BINS], vec![0.0; BINS]];
    for &(place, weight) in weights {
        classes[place as usize / BINS][place as usize % BINS] = weight;
    }
    classes
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

/// How many classes come before this one: those with a larger score, and the earlier ones with the same.
fn place(scores: &[f32], class: usize) -> usize {
    let own = scores[class];
    scores.iter().enumerate().filter(|(at, score)| **score > own || (**score == own && *at < class)).count()
}

/// `weight · (ln(1 + prediction) − ln(1 + actual))²`; infinite, so that no mean is left, where one has no logarithm.
fn weighted_log_error(prediction: f64, actual: f64, weight: f64) -> f64 {
    if !(prediction > -1.0 && actual > -1.0) {
        return f64::INFINITY;
    }
    // As one logarithm, of 1 + the relative error: two of large numbers would lose their small difference.
    let error = (prediction - actual) / (1.0 + actual);
    if error.is_finite() && error > -1.0 {
        let log = math::ln_1p(error);
        weight * (log * log)
    } else {
        f64::INFINITY
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 1 + ε/2 eats a small term, ε + … does not: the order of the sums shows in the last bit.
    #[test]
    fn blocks_are_joined_in_the_tree() {
        const HALF: f64 = f64::EPSILON / 2.0;
        let scoring = Scoring::new(Family::Binomial, true);
        let total = |blocks: &[&[f64]], first: u64| {
            let mut sums = scoring.accumulator();
            for (block, rows) in (first..).zip(blocks) {
                rows.iter().for_each(|loss| sums.add_binomial(0.5, 1, 1.0, *loss));
                sums.end_block(block);
            }
            let Values::F64(sums) = &sums.into_partial().vectors[1] else { panic!("sums are f64") };
            sums[1]
        };
        assert_eq!(total(&[&[1.0, HALF, HALF]], 0), 1.0, "in the order of rows");
        assert_eq!(total(&[&[1.0], &[HALF, HALF]], 0), 1.0 + f64::EPSILON, "a block for itself");
        assert_eq!(total(&[&[1.0], &[], &[HALF], &[HALF]], 0), 1.0 + f64::EPSILON, "(0 1) (2 3)");
        assert_eq!(total(&[&[1.0], &[HALF], &[HALF]], 0), 1.0, "((0 1) 2)");
        assert_eq!(total(&[&[1.0], &[HALF], &[HALF]], 1), 1.0 + f64::EPSILON, "(1 (2 3)): by the blocks' numbers");
    }

    #[test]
    fn weights_of_a_bin_are_added_once_each() {
        let scoring = Scoring::new(Family::Binomial, true);
        let mut sums = scoring.accumulator();
        for block in 0..3 {
            for (z, class, weight) in [(0.5, 1, 1.0), (-3.0, 0, 2.0), (0.5, 1, 0.25), (0.5, 0, 8.0)] {
                sums.add_binomial(z, class, weight, 0.0);
            }
            sums.end_block(block);
        }
        let partial = sums.into_partial();
        let [_, _, _, Values::F64(negatives), Values::F64(positives)] = &partial.vectors[..] else { panic!("five") };
        assert_eq!((negatives[bin(-3.0)], negatives[bin(0.5)], positives[bin(0.5)]), (6.0, 24.0, 3.75));
        assert_eq!(negatives.iter().sum::<f64>() + positives.iter().sum::<f64>(), 33.75);
    }

    #[test]
    fn the_first_largest_wins() {
        assert_eq!(first_largest(&[1.0, 3.0, 3.0]), 1);
        assert_eq!(first_largest(&[-0.0, 0.0]), 0);
        let scores = [1.0, 3.0, 3.0, 0.0, 1.0];
        assert_eq!([0, 1, 2, 3, 4].map(|class| place(&scores, class)), [2, 0, 1, 4, 3]);
    }
}
