//! The rounds of a trial: which rows each rank passes in which one. Pure integers, no data.
//!
//! In each epoch every rank passes its own rows in its own order. Step-round j of an epoch passes rank k's rows
//! `[j·q, (j+1)·q)` of them, cut off at the end of the rank's rows, so ranks of unequal size end an epoch together and
//! the longest decides how many rounds it has. A last fraction of an epoch passes the first part of each rank's order.
//! The position alone tells which round is next.

use std::ops::Range;

use aquifer_frame::{block_count, block_rows, rank_blocks};
use aquifer_model::Part;

/// What a trial does in a round.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RoundKind {
    /// Every rank takes local steps, or makes one gradient.
    Train(TrainRound),
    /// Every rank scores its blocks of a part.
    Score { part: Part },
    /// There is no round left.
    Done,
}

/// A training round: rows from `offset` of each rank's order in `epoch`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TrainRound {
    pub epoch: u64,
    /// Rows of its own order that a rank has passed in this epoch, if it has as many.
    pub offset: u64,
}

/// The training rounds of a trial.
#[derive(Clone, Debug)]
pub(crate) struct Schedule {
    /// Rows of each rank, whether they pass the filter or not.
    rank_rows: Vec<u64>,
    /// Σ rank_rows.
    rows: u64,
    /// Rows that a rank passes in a round.
    quantum: u64,
    batch: u64,
    epochs: u64,
    /// Of an epoch after the whole ones.
    fraction: f64,
}

impl Schedule {
    pub(crate) fn new(rows: u64, ranks: u32, quantum: u64, batch: u64, epochs: f64) -> Self {
        let blocks = block_count(rows);
        let of = |rank| {
            let own = rank_blocks(rank, ranks, blocks);
            block_rows(own.end, rows).start - block_rows(own.start, rows).start
        };
        let rank_rows = (0..ranks).map(of).collect();
        Self { rank_rows, rows, quantum, batch, epochs: epochs.floor() as u64, fraction: epochs.fract() }
    }

    /// The training round that begins at this position; none after the last.
    pub(crate) fn at(&self, position: u64) -> Option<TrainRound> {
        if self.rows == 0 {
            return None;
        }
        let (epoch, passed) = (position / self.rows, position % self.rows);
        if epoch > self.epochs || passed >= self.passed_by(epoch, u64::MAX) {
            return None;
        }
        // The first j that has passed as much: positions at which rounds begin rise strictly with j.
        let (mut low, mut high) = (0, self.rows.div_ceil(self.quantum));
        while low < high {
            let middle = low + (high - low) / 2;
            if self.passed_by(epoch, middle.saturating_mul(self.quantum)) < passed {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        Some(TrainRound { epoch, offset: low.saturating_mul(self.quantum) })
    }

    /// The rows of its order that a rank passes in a round.
    pub(crate) fn rows(&self, round: TrainRound, rank: u32) -> Range<u64> {
        let end = self.end(round.epoch, self.rank_rows[rank as usize]);
        round.offset.min(end)..round.offset.saturating_add(self.quantum).min(end)
    }

    /// Rows that all ranks together pass in a round.
    pub(crate) fn passed(&self, round: TrainRound) -> u64 {
        let end = round.offset.saturating_add(self.quantum);
        self.passed_by(round.epoch, end) - self.passed_by(round.epoch, round.offset)
    }

    /// The position after the last training round.
    pub(crate) fn last_position(&self) -> u64 {
        self.epochs.saturating_mul(self.rows).saturating_add(self.passed_by(self.epochs, u64::MAX))
    }

    /// The number of the step, from 1, that a batch at `offset` of any rank's order is: a function of position, equal
    /// for all ranks and in both modes.
    pub(crate) fn step_number(&self, epoch: u64, offset: u64) -> u64 {
        let longest = self.rank_rows.iter().copied().max().unwrap_or(0);
        epoch * longest.div_ceil(self.batch) + offset / self.batch + 1
    }

    /// The positions before and after the step that a batch at `offset` of any rank's order is: rows that all ranks
    /// together have passed when each has passed as many of its own, in this epoch, as there are before the batch or with
    /// it. Local steps of ranks that run side by side have the same ones, whichever round they are in.
    pub(crate) fn positions(&self, epoch: u64, offset: u64) -> Range<u64> {
        let at = |offset| epoch.saturating_mul(self.rows).saturating_add(self.passed_by(epoch, offset));
        at(offset)..at(offset.saturating_add(self.batch))
    }

    /// Rows passed in an epoch by all ranks when each has passed `offset` of its own, if it has as many.
    fn passed_by(&self, epoch: u64, offset: u64) -> u64 {
        self.rank_rows.iter().map(|rows| offset.min(self.end(epoch, *rows))).sum()
    }

    /// How many of its rows a rank passes in an epoch.
    fn end(&self, epoch: u64, rows: u64) -> u64 {
        match epoch.cmp(&self.epochs) {
            std::cmp::Ordering::Less => rows,
            std::cmp::Ordering::Equal => (rows as f64 * self.fraction).floor() as u64,
            std::cmp::Ordering::Greater => 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Walks a whole schedule: every rank passes each row of its order once an epoch, in order.
    fn check(rows: u64, ranks: u32, quantum: u64, epochs: f64, rounds: usize) {
        let schedule = Schedule::new(rows, ranks, quantum, 32, epochs);
        let (mut position, mut count) = (0, 0);
        let mut next = vec![0; ranks as usize];
        let mut epoch = 0;
        while let Some(round) = schedule.at(position) {
            if round.epoch != epoch {
                assert_eq!(next, schedule.rank_rows, "an epoch ends when all rows are passed");
                (epoch, next) = (round.epoch, vec![0; ranks as usize]);
            }
            let mut passed = 0;
            for rank in 0..ranks {
                let rows = schedule.rows(round, rank);
                passed += rows.end - rows.start;
                if !rows.is_empty() {
                    assert_eq!(rows.start, next[rank as usize]);
                    next[rank as usize] = rows.end;
                }
            }
            assert!(passed > 0, "every round passes something");
            assert_eq!(passed, schedule.passed(round));
            position += passed;
            count += 1;
        }
        assert_eq!(position, schedule.last_position());
        assert_eq!(count, rounds);
    }

    #[test]
    fn every_row_is_passed_once_an_epoch() {
        check(5000, 1, 1024, 2.0, 10);
        check(5000, 1, 32, 1.0, 157);
        check(5000, 4, 96, 3.0, 3 * 21); // ranks of 1, 1, 1 and 2 blocks, the last block shorter
        check(5000, 5, 1 << 40, 1.0, 1);
        check(5000, 3, 64, 1.5, 32 + 16);
        check(5000, 1, 32, 0.001, 1);
        check(5000, 1, 32, 0.0, 0);
        check(0, 1, 32, 3.0, 0);
    }

    #[test]
    fn steps_follow_each_other_to_the_last_position() {
        for (rows, ranks, epochs) in [(5000, 1, 2.0), (5000, 4, 1.5), (3000, 2, 0.3)] {
            let (quantum, batch) = (96, 32);
            let schedule = Schedule::new(rows, ranks, quantum, batch, epochs);
            let mut position = 0;
            while let Some(round) = schedule.at(position) {
                let longest = (0..ranks).map(|rank| schedule.rows(round, rank).end).max().unwrap();
                assert_eq!(schedule.positions(round.epoch, round.offset).start, position, "a round begins with a step");
                for offset in (round.offset..longest).step_by(batch as usize) {
                    let step = schedule.positions(round.epoch, offset);
                    assert_eq!(step.start, position);
                    assert!(step.end > step.start && step.end - step.start <= batch * u64::from(ranks));
                    position = step.end;
                }
            }
            assert_eq!(position, schedule.last_position());
        }
    }

    #[test]
    fn steps_count_on_by_position() {
        let schedule = Schedule::new(3000, 2, 64, 32, 2.0); // 1024 and 1976 rows
        assert_eq!(schedule.step_number(0, 0), 1);
        assert_eq!(schedule.step_number(0, 64), 3);
        assert_eq!(schedule.step_number(1, 0), 62 + 1);
    }
}
