//! Folds of a cross-validation: for each row the fold that holds it out. A function of the seed, the row's number, its target,
//! and its value in a column. No row is copied: every trial reads the same shards, and leaves out the rows that are not its.

use serde::{Deserialize, Serialize};

use crate::encode::{Encoding, NumericColumn, Roles, Target, TargetColumn, fit_target, seconds};
use crate::error::{EncodingError, Error, ShardError};
use crate::filter::quantile;
use crate::frame::Frame;
use crate::instants::Instants;
use crate::philox::{Philox, below};
use crate::shard::Shard;
use crate::strata::strata;

/// Folds of a frame, at most.
pub const FOLDS_MAX: u32 = 1000;
/// In the place of a row's fold where the row is left out by all of them.
pub(crate) const NO_FOLD: u16 = u16::MAX;

/// How rows are dealt out.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Folds {
    count: u32,
    seed: u64,
    how: How,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum How {
    Random,
    /// By the row's number.
    Modulo,
    /// In each block the rows of each class in turn, in random order.
    Stratified,
    /// By the values of a column, which are classes of their own.
    Column {
        values: Target,
    },
    /// Windows of time, each of which is held out by the fold that learns from those before it. Instants are in seconds, and
    /// the first rows after each belong to the next window; rows without a time are in the first one.
    Time {
        times: Instants,
        instants: Vec<f64>,
    },
}

/// The rows that a trial takes: those that it learns from, or those that it is held against.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FoldSide {
    fold: u16,
    holdout: bool,
    expanding: bool,
}

/// What a shard's column of folds is.
#[derive(Debug)]
pub(crate) enum FoldColumn {
    Values(TargetColumn),
    Times(NumericColumn),
}

/// How rows without a column of folds are dealt out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deal {
    Random,
    Modulo,
    Stratified,
}

impl Folds {
    /// `count` folds of about equal size. Stratified: of about equal shares of each class; of numbers it is random.
    pub fn deal(count: u32, deal: Deal, seed: u64, encoding: &Encoding) -> Self {
        let how = match (deal, &encoding.target) {
            (Deal::Modulo, _) => How::Modulo,
            (Deal::Stratified, Target::Classes { .. }) => How::Stratified,
            _ => How::Random,
        };
        Self { count, seed, how }
    }

    /// A fold for each value of a column.
    pub fn of_column(column: &str, frame: &Frame, roles: &Roles) -> Result<Self, Error> {
        let bad = |reason: String| EncodingError::BadFolds { column: column.to_owned(), reason };
        let found = frame.column(column).ok_or_else(|| bad("is no column of the data".into()))?;
        if found.stats.tally.missing > 0 {
            return Err(bad(format!("has {} missing values", found.stats.tally.missing)).into());
        }
        let as_target =
            Roles { target: column.to_owned(), task: crate::TaskChoice::Classification, ..Roles::clone(roles) };
        let values = match fit_target(frame, &as_target, &mut Vec::new()) {
            Ok(values) => values,
            Err(Error::Encoding(EncodingError::TargetConstant { value, .. })) => {
                return Err(bad(format!("has one value, {value}: there is nothing to hold out")).into());
            }
            Err(error) => return Err(bad(format!("cannot be read as folds: {error}")).into()),
        };
        let count = match &values {
            Target::Classes { levels, .. } => levels.len() as u32,
            Target::Regression { .. } => 0,
        };
        if !(2..=FOLDS_MAX).contains(&count) {
            return Err(bad(format!("has {count} values: 2 to {FOLDS_MAX} folds are possible")).into());
        }
        Ok(Self { count, seed: 0, how: How::Column { values } })
    }

    /// `count` folds in the order of a column's times: `count + 1` windows of about equally many rows; fold k learns from the
    /// first k of them and holds out the next.
    pub fn chronological(count: u32, column: &str, frame: &Frame, roles: &Roles) -> Result<Self, Error> {
        let bad = |reason: &str| EncodingError::BadFolds { column: column.to_owned(), reason: reason.into() };
        let (times, unit, summary) = Instants::find(column, frame, roles, bad)?;
        let cut = |k: u32| quantile(&summary.quantiles, f64::from(k) / f64::from(count + 1));
        let cuts = (1..=count).map(cut).collect::<Option<Vec<f64>>>().ok_or_else(|| bad("has no values"))?;
        let first = summary.quantiles.first().copied().unwrap_or(f64::NAN);
        let rises = std::iter::once(&first).chain(&cuts).zip(&cuts).all(|(a, b)| a < b);
        if !rises {
            return Err(bad("has so many rows of one time that a window would be empty: give fewer folds").into());
        }
        let instants = cuts.iter().map(|at| at * seconds(unit)).collect();
        Ok(Self { count, seed: 0, how: How::Time { times, instants } })
    }

    pub fn count(&self) -> u32 {
        self.count
    }

    /// The rows that `fold` learns from.
    pub fn learned(&self, fold: u32) -> FoldSide {
        self.side(fold, false)
    }

    /// The rows that `fold` holds out.
    pub fn held_out(&self, fold: u32) -> FoldSide {
        self.side(fold, true)
    }

    fn side(&self, fold: u32, holdout: bool) -> FoldSide {
        FoldSide { fold: fold as u16, holdout, expanding: matches!(self.how, How::Time { .. }) }
    }

    /// It may come from another process.
    pub(crate) fn check(&self) -> Result<(), ShardError> {
        let instants = match &self.how {
            How::Time { instants, .. } => instants.len() == self.count as usize,
            _ => true,
        };
        match (2..=FOLDS_MAX).contains(&self.count) && instants {
            true => Ok(()),
            false => Err(ShardError::DoNotFit { reason: format!("{} folds are none", self.count) }),
        }
    }

    /// The column that is asked for in a shard.
    pub(crate) fn column_of(&self, shard: &Shard) -> Result<Option<FoldColumn>, EncodingError> {
        match &self.how {
            How::Column { values } => TargetColumn::new(shard, values).map(FoldColumn::Values).map(Some),
            How::Time { times, .. } => times.of_shard(shard).map(FoldColumn::Times).map(Some),
            How::Random | How::Modulo | How::Stratified => Ok(None),
        }
    }

    /// The classes that the values of a column are.
    pub(crate) fn values(&self) -> Option<&Target> {
        match &self.how {
            How::Column { values } => Some(values),
            _ => None,
        }
    }

    /// Of a block: the fold of each row, of these global numbers, targets (NaN: left out) and values in the column of folds
    /// (their number, or the instant; NaN: none).
    pub(crate) fn assign(&self, block: u64, rows: &[(u64, f32, f64)]) -> Vec<u16> {
        let philox = Philox::new(self.seed, "folds");
        let each = |fold: &dyn Fn(&(u64, f32, f64)) -> u16| {
            rows.iter().map(|row| if row.1.is_nan() { NO_FOLD } else { fold(row) }).collect()
        };
        match &self.how {
            How::Random => each(&|(row, ..)| below(philox.draw(0, 0, *row)[0], self.count) as u16),
            How::Modulo => each(&|(row, ..)| (row % u64::from(self.count)) as u16),
            How::Column { .. } => each(&|(.., value)| if value.is_nan() { NO_FOLD } else { *value as u16 }),
            How::Time { instants, .. } => each(&|(.., at)| instants.partition_point(|cut| cut <= at) as u16),
            How::Stratified => self.stratified(block, rows, &philox),
        }
    }

    /// The rows of a class, in random order, go to one fold after the other.
    fn stratified(&self, block: u64, rows: &[(u64, f32, f64)], philox: &Philox) -> Vec<u16> {
        let mut folds = vec![NO_FOLD; rows.len()];
        strata(block, rows, philox, |carry, class| {
            let first = below(carry, self.count);
            for (turn, at) in (first..).zip(class) {
                folds[*at] = (turn % self.count) as u16;
            }
        });
        folds
    }
}

impl FoldSide {
    pub(crate) fn takes(self, fold: u16) -> bool {
        match (self.expanding, self.holdout) {
            _ if fold == NO_FOLD => false,
            (false, holdout) => (fold == self.fold) == holdout,
            (true, true) => fold == self.fold + 1,
            (true, false) => fold <= self.fold,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folds(count: u32, how: How) -> Folds {
        Folds { count, seed: 3, how }
    }

    fn rows(blocks: u64, class: impl Fn(u64) -> f32) -> Vec<Vec<(u64, f32, f64)>> {
        let block = |b: u64| (b * 1024..(b + 1) * 1024).map(|row| (row, class(row), f64::NAN)).collect();
        (0..blocks).map(block).collect()
    }

    /// How often each (class, fold) occurs.
    fn counts(folds: &Folds, blocks: &[Vec<(u64, f32, f64)>], classes: usize) -> Vec<Vec<u64>> {
        let mut counts = vec![vec![0; folds.count as usize]; classes];
        for (block, rows) in blocks.iter().enumerate() {
            for ((_, class, _), fold) in rows.iter().zip(folds.assign(block as u64, rows)) {
                counts[*class as usize][fold as usize] += 1;
            }
        }
        counts
    }

    #[test]
    fn stratified_folds_have_each_class_in_its_share() {
        let blocks = rows(50, |row| if row % 300 == 7 { 2.0 } else { (row % 2) as f32 });
        for counts in counts(&folds(5, How::Stratified), &blocks, 3) {
            let mean = counts.iter().sum::<u64>() as f64 / 5.0;
            assert!(counts.iter().all(|n| (*n as f64 - mean).abs() < 6.0), "{counts:?}");
        }
        // One block is dealt out exactly.
        let one = &rows(1, |row| if row < 101 { 1.0 } else { 0.0 });
        for counts in counts(&folds(10, How::Stratified), one, 2) {
            assert!(counts.iter().max().unwrap() - counts.iter().min().unwrap() <= 1, "{counts:?}");
        }
    }

    #[test]
    fn random_and_modulo_folds_are_of_about_equal_size() {
        let blocks = rows(20, |_| 0.0);
        for n in &counts(&folds(4, How::Random), &blocks, 1)[0] {
            assert!((*n as f64 - 5120.0).abs() < 250.0, "{n}");
        }
        assert_eq!(counts(&folds(3, How::Modulo), &blocks[..3], 1)[0], [1024; 3]);
    }

    #[test]
    fn every_row_is_held_out_once_and_learned_by_all_others() {
        for how in [How::Random, How::Modulo, How::Stratified] {
            let folds = folds(4, how);
            let block: Vec<_> = rows(1, |row| if row == 9 { f32::NAN } else { (row % 2) as f32 }).remove(0);
            for ((row, ..), fold) in block.iter().zip(folds.assign(0, &block)) {
                let held_out = (0..4).filter(|k| folds.held_out(*k).takes(fold)).count();
                let learned = (0..4).filter(|k| folds.learned(*k).takes(fold)).count();
                assert_eq!((held_out, learned), if *row == 9 { (0, 0) } else { (1, 3) });
            }
        }
    }

    #[test]
    fn windows_of_time_are_learned_from_before_they_are_held_out() {
        let folds = folds(2, How::Time { times: Instants::default(), instants: vec![10.0, 20.0] });
        let at = [5.0, 10.0, 19.0, 20.0, f64::NAN];
        let rows: Vec<_> = at.iter().enumerate().map(|(row, at)| (row as u64, 0.0, *at)).collect();
        let windows = folds.assign(0, &rows);
        assert_eq!(windows, [0, 1, 1, 2, 0]);
        let taken = |side: FoldSide| windows.iter().map(|window| side.takes(*window)).collect::<Vec<_>>();
        assert_eq!(taken(folds.learned(0)), [true, false, false, false, true]);
        assert_eq!(taken(folds.held_out(0)), [false, true, true, false, false]);
        assert_eq!(taken(folds.learned(1)), [true, true, true, false, true]);
        assert_eq!(taken(folds.held_out(1)), [false, false, false, true, false]);
    }
}
