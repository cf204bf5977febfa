//! Which rows of a frame a part of the data takes: functions of the seed, the row's number, its target and its time. No row
//! is copied, and whoever holds a block knows which of its rows are meant.

use serde::{Deserialize, Serialize};

use crate::encode::{Encoding, Note, NumericColumn, Roles, Target, seconds};
use crate::error::{EncodingError, ShardError};
use crate::frame::Frame;
use crate::instants::Instants;
use crate::philox::Philox;
use crate::shard::Shard;
use crate::strata::strata;

/// Cuts a frame in two: rows to train on, and the rest.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Split {
    /// Of the rows, to train on.
    share: f64,
    seed: u64,
    how: How,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum How {
    /// As if all rows were of one class.
    Random,
    /// In each block the share of each class, up to one row, which is carried from block to block.
    Stratified,
    /// Rows before an instant, in seconds since 1970 or midnight, and those without one.
    Before { times: Instants, instant: f64 },
}

/// One of the two.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Side {
    pub split: Split,
    pub training: bool,
}

impl Split {
    /// Stratified for classes, else random.
    pub fn random(share: f64, seed: u64, encoding: &Encoding) -> Self {
        let how = match encoding.target {
            Target::Classes { .. } => How::Stratified,
            Target::Regression { .. } => How::Random,
        };
        Self { share, seed, how }
    }

    /// The first `share` of the rows in the order of a column's times. The instant is that quantile of the column, exact
    /// where the frame's quantiles are.
    pub fn chronological(
        share: f64,
        column: &str,
        frame: &Frame,
        roles: &Roles,
    ) -> Result<(Self, Vec<Note>), EncodingError> {
        let refuse =
            |reason: &str| EncodingError::NoTimeOrder { column: column.to_owned(), reason: format!("it {reason}") };
        let (times, unit, summary) = Instants::find(column, frame, roles, refuse)?;
        let at = quantile(&summary.quantiles, share).ok_or_else(|| refuse("has no values"))?;
        if summary.quantiles.first().is_none_or(|first| at <= *first) {
            return Err(refuse(
                "has its earliest time in so many rows that none of the rows to train on would be before it",
            ));
        }
        let message = format!(
            "rows of which {column} is before {} are trained on, the later ones are the test data",
            times.shown(at)
        );
        let how = How::Before { times, instant: at * seconds(unit) };
        Ok((Self { share, seed: 0, how }, vec![Note::of("split_by", column, message)]))
    }
}

/// Between two quantiles in proportion; the 0th quantile and the last are the ends.
pub(crate) fn quantile(quantiles: &[f64], share: f64) -> Option<f64> {
    let at = share * quantiles.len().checked_sub(1)? as f64;
    let (low, rest) = (at as usize, at - at.trunc());
    let (a, b) = (quantiles.get(low)?, quantiles.get(low + 1).or(quantiles.last())?);
    Some(a + (b - a) * rest)
}

impl Side {
    /// It may come from another process.
    pub(crate) fn check(&self) -> Result<(), ShardError> {
        let share = self.split.share;
        let reason = || format!("a split of {share} is none");
        if share > 0.0 && share < 1.0 { Ok(()) } else { Err(ShardError::DoNotFit { reason: reason() }) }
    }

    /// The column that this side asks for in a shard.
    pub(crate) fn instant_of(&self, shard: &Shard) -> Result<Option<NumericColumn>, EncodingError> {
        let How::Before { times, .. } = &self.split.how else { return Ok(None) };
        times.of_shard(shard).map(Some)
    }

    /// Of a block: whether each row, of these global numbers and targets (NaN: none) and instants (NaN: none), is on this
    /// side.
    pub(crate) fn takes(&self, block: u64, rows: &[(u64, f32, f64)]) -> Vec<bool> {
        let training = match &self.split.how {
            How::Random => {
                let as_one =
                    |(row, target, at): &(u64, f32, f64)| (*row, if target.is_nan() { f32::NAN } else { 0.0 }, *at);
                self.split.stratified(block, &rows.iter().map(as_one).collect::<Vec<_>>())
            }
            How::Stratified => self.split.stratified(block, rows),
            How::Before { instant, .. } => rows.iter().map(|(.., at)| at.is_nan() || at < instant).collect::<Vec<_>>(),
        };
        training.into_iter().map(|training| training == self.training).collect()
    }
}

impl Split {
    /// Of the n rows of a class, in random order, the first ⌊n · share + carry⌋ are trained on.
    fn stratified(&self, block: u64, rows: &[(u64, f32, f64)]) -> Vec<bool> {
        let mut training = vec![false; rows.len()];
        strata(block, rows, &Philox::new(self.seed, "split"), |carry, class| {
            // Rows of a block are at most 2^10, and a share at most 2^32: no sum overflows.
            let taken = (class.len() as u64 * fixed(self.share) + u64::from(carry)) >> 32;
            class.iter().take(taken as usize).for_each(|at| training[*at] = true);
        });
        training
    }
}

/// A share in units of 2⁻³².
fn fixed(share: f64) -> u64 {
    (share * 4_294_967_296.0) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sides(how: How, share: f64, rows: &[(u64, f32, f64)], block: u64) -> Vec<bool> {
        let side = |training| Side { split: Split { share, seed: 1, how: how.clone() }, training };
        let (train, rest) = (side(true).takes(block, rows), side(false).takes(block, rows));
        assert!(train.iter().zip(&rest).all(|(train, rest)| train != rest), "each row is on one side");
        train
    }

    #[test]
    fn classes_are_cut_in_their_shares() {
        // A class of half of the rows, and one of a row in 300.
        let class = |row: u64| if row % 300 == 7 { 2.0 } else { (row % 2) as f32 };
        let (mut counts, mut taken) = ([0u64; 3], [0u64; 3]);
        for block in 0..50u64 {
            let rows: Vec<_> = (block * 1024..(block + 1) * 1024).map(|row| (row, class(row), f64::NAN)).collect();
            for (row, train) in rows.iter().zip(sides(How::Stratified, 0.8, &rows, block)) {
                counts[row.1 as usize] += 1;
                taken[row.1 as usize] += u64::from(train);
            }
        }
        for (count, taken) in counts.iter().zip(taken) {
            assert!((taken as f64 - *count as f64 * 0.8).abs() < 3.0, "{taken} of {count}");
        }
    }

    #[test]
    fn random_rows_are_the_share() {
        let rows: Vec<_> = (0..1000).map(|row| (row, row as f32, f64::NAN)).collect();
        let train = sides(How::Random, 0.75, &rows, 0).into_iter().filter(|train| *train).count();
        assert!((750..=751).contains(&train), "{train}");
    }

    #[test]
    fn times_are_cut_at_an_instant() {
        let how = How::Before { times: Instants::default(), instant: 5.0 };
        let rows: Vec<_> = [1.0, 5.0, f64::NAN, 9.0].into_iter().map(|at| (0, 0.0, at)).collect();
        assert_eq!(sides(how, 0.5, &rows, 0), [true, false, true, false]);
        assert_eq!(quantile(&[0.0, 10.0, 20.0], 0.75), Some(15.0));
        assert_eq!(quantile(&[0.0, 10.0, 20.0], 1.0), Some(20.0));
        assert_eq!(quantile(&[], 0.5), None);
    }
}
