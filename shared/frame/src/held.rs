//! What was assembled once for trials that read the same rows one after the other.

use std::ops::Range;

use crate::batch::Batch;
use crate::columns::Columns;

/// Rows of a round are held if they have at most so many bytes; more are assembled for each trial.
pub(crate) const HELD_BYTES_MAX: u64 = 16 << 20;

/// An epoch, and rows of its order.
pub(crate) type Stretch = (u64, Range<u64>);

/// Of one rank. With the rows that one side of a fold leaves out: each trial takes its own.
#[derive(Default)]
pub(crate) struct Held {
    /// What trials are about to read.
    pub(crate) round: Option<Stretch>,
    pub(crate) rows: Batch,
    pub(crate) rows_of: Option<Stretch>,
    pub(crate) columns: Columns,
    /// Targets, weights and folds of the columns' rows, as they are.
    pub(crate) learned: (Vec<f32>, Vec<f32>, Vec<u16>),
    pub(crate) columns_of: Option<Stretch>,
    pub(crate) block: Batch,
    pub(crate) block_of: Option<u64>,
}

impl Held {
    /// The round that has these rows, and where in it they are.
    pub(crate) fn place(&self, epoch: u64, rows: &Range<u64>) -> Option<(Stretch, Range<usize>)> {
        let (of, round) = self.round.as_ref()?;
        let covers = *of == epoch && round.start <= rows.start && rows.end <= round.end;
        let at = |row: u64| (row - round.start) as usize;
        covers.then(|| ((epoch, round.clone()), at(rows.start)..at(rows.end)))
    }
}
