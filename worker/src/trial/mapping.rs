//! Mapping the own ranks of a round, for the trials that are in it: parts of the work side by side, or one after the other
//! with the threads sharing each. A part is some ranks, and some of the trials: what they read is assembled once.

use std::collections::BTreeMap;
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use aquifer_frame::{Batch, Columns, Fold, FoldSide, Node, Reader};
use aquifer_learn::{Alone, Context, Crew, ReadError, RoundKind, Rows, Workspace};
use aquifer_model::{Kind, Part, Partial, Report};

use super::data::Readers;
use super::seat::Seat;
use crate::core::{Progress, add};

/// Memory that is free, by the shape of trials: each that is mapped takes one, and brings it back.
pub(super) type Workspaces = Mutex<BTreeMap<Vec<usize>, Vec<Workspace>>>;

/// What a round's ranks are mapped with.
pub(super) struct Mapping<'a> {
    /// The trials that are in it.
    pub(super) seats: &'a [&'a Seat],
    pub(super) kind: RoundKind,
    pub(super) readers: &'a Readers,
    /// Of each rank.
    pub(super) side_by_side: usize,
    pub(super) workspaces: &'a Workspaces,
    pub(super) crew: &'a dyn Crew,
    pub(super) stop: &'a AtomicBool,
}

/// What came of it: what the exchanges want sent, and how trials failed, by their place in the round.
#[derive(Default)]
pub(super) struct Mapped {
    pub(super) progress: Vec<(usize, Progress)>,
    /// Of the lowest rank that failed.
    pub(super) failed: BTreeMap<usize, (u32, Report)>,
}

/// Some ranks, mapped in turn, of some of the trials.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Piece {
    ranks: Range<u32>,
    seats: Range<usize>,
    /// Which reader of a rank.
    reader: usize,
}

impl Mapping<'_> {
    /// Maps every own rank and gives the partials to the exchanges as soon as they are there, neighbours already added where
    /// one thread maps them: their sum stays in its cache.
    pub(super) fn run(&self) -> Mapped {
        let Some(first) = self.seats.first() else { return Mapped::default() };
        let ranks = first.exchange().own_ranks();
        let threads = self.crew.threads();
        let in_turn = self.seats.len() == 1 && ranks.len() < threads && first.trial.shares(self.kind);
        let runs = runs(&ranks, if in_turn { 1 } else { threads });
        let weights: Vec<u64> = self.seats.iter().map(|seat| seat.trial.flops_of_row()).collect();
        let pieces = pieces(&runs, &weights, self.side_by_side);
        let mapped = Mutex::new(Mapped::default());
        match in_turn {
            false => self.crew.run(pieces.len(), &|at| self.map_piece(&pieces[at], &Alone, &mapped)),
            true => pieces.iter().for_each(|piece| self.map_piece(piece, self.crew, &mapped)),
        }
        mapped.into_inner().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    fn map_piece(&self, piece: &Piece, crew: &dyn Crew, mapped: &Mutex<Mapped>) {
        let lock = || mapped.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        let mut work: Vec<Work<'_>> = piece.seats.clone().map(|at| Work::of(at, self.seats[at])).collect();
        for rank in piece.ranks.clone() {
            if self.stop.load(Ordering::Relaxed) {
                return;
            }
            let made = catch_unwind(AssertUnwindSafe(|| self.map_rank(rank, piece.reader, crew, &mut work)));
            let report = match made {
                Ok(Ok(())) => continue,
                Ok(Err(report)) => report,
                Err(_) => Report::new(Kind::Work, "panic", format!("rank {rank} panicked: this is a bug")),
            };
            work.iter_mut().for_each(|work| work.fail(rank, report.clone()));
        }
        for Work { at, seat, sum, mut spare, failed, .. } in work {
            let mut exchange = seat.exchange();
            exchange.give_back(std::mem::take(&mut spare));
            let taken = match failed {
                Some(failed) => Err(failed),
                None => exchange
                    .ranks_mapped(piece.ranks.clone(), sum.into_nodes())
                    .map_err(|error| (piece.ranks.start, Report::new(Kind::Work, "exchange", error.to_string()))),
            };
            let mut mapped = lock();
            match taken {
                Ok(progress) => mapped.progress.push((at, progress)),
                Err((rank, _)) if mapped.failed.get(&at).is_some_and(|(earlier, _)| *earlier < rank) => {}
                Err(failed) => drop(mapped.failed.insert(at, failed)),
            }
        }
    }

    /// Maps a rank of every trial of a piece. What fails for one of them is its own; an error is everybody's.
    fn map_rank(&self, rank: u32, reader: usize, crew: &dyn Crew, work: &mut [Work<'_>]) -> Result<(), Report> {
        let part = match self.kind {
            RoundKind::Score { part: Part::Holdout } => Part::Train,
            RoundKind::Score { part } => part,
            _ => Part::Train,
        };
        let unknown = || Report::new(Kind::Work, "rank", format!("rank {rank} has no reader here: this is a bug"));
        let reader = self.readers.get(&(part, rank, reader)).ok_or_else(unknown)?;
        let mut reader = reader.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        match self.kind {
            RoundKind::Score { part } if self.seats.len() > 1 => self.score_rank(part, rank, &mut reader, crew, work),
            _ => {
                if let Some((epoch, rows)) = self.seats[0].trial.rows_of_round(self.kind, rank) {
                    reader.hold(epoch, rows);
                }
                for work in work.iter_mut().filter(|work| work.failed.is_none()) {
                    let mut rows = Stoppable { reader: &mut reader, side: work.seat.side(self.kind), stop: self.stop };
                    let mut workspace = self.take_workspace(work.seat);
                    let made =
                        work.seat.trial.map(work.seat.context(crew, &mut work.spare), rank, &mut rows, &mut workspace);
                    self.give_workspace(work.seat, workspace);
                    match made {
                        Ok(partial) => work.push(rank, partial),
                        Err(error) => work.fail(rank, error.into()),
                    }
                }
            }
        }
        Ok(())
    }

    /// Blocks one after the other, each for all trials.
    fn score_rank(&self, part: Part, rank: u32, reader: &mut Reader, crew: &dyn Crew, work: &mut [Work<'_>]) {
        let mut scored: Vec<_> = work.iter().map(|work| Some(work.seat.trial.accumulator())).collect();
        for block in self.seats[0].trial.blocks(part, rank) {
            for (work, accumulator) in work.iter_mut().zip(&mut scored) {
                let Some(into) = accumulator else { continue };
                let mut rows = Stoppable { reader, side: work.seat.side(self.kind), stop: self.stop };
                let mut workspace = self.take_workspace(work.seat);
                let mut context = work.seat.context(crew, &mut work.spare);
                let made = work.seat.trial.score_block(&mut context, (rank, block), &mut rows, &mut workspace, into);
                self.give_workspace(work.seat, workspace);
                if let Err(error) = made {
                    work.fail(rank, error.into());
                    *accumulator = None;
                }
            }
        }
        for (work, accumulator) in work.iter_mut().zip(scored) {
            if let Some(accumulator) = accumulator {
                work.push(rank, accumulator.into_partial());
            }
        }
    }

    fn take_workspace(&self, seat: &Seat) -> Workspace {
        let mut free = self.workspaces.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        free.get_mut(&seat.shape).and_then(Vec::pop).unwrap_or_default()
    }

    fn give_workspace(&self, seat: &Seat, workspace: Workspace) {
        let mut free = self.workspaces.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        free.entry(seat.shape.clone()).or_default().push(workspace);
    }
}

/// A trial in a piece: what its ranks have made so far.
struct Work<'a> {
    /// Its place in the round.
    at: usize,
    seat: &'a Seat,
    sum: Fold<Partial>,
    spare: Vec<Vec<f32>>,
    failed: Option<(u32, Report)>,
}

impl<'a> Work<'a> {
    fn of(at: usize, seat: &'a Seat) -> Self {
        Self { at, seat, sum: Fold::default(), spare: seat.exchange().spare(), failed: None }
    }

    /// A rank without rows is skipped.
    fn push(&mut self, rank: u32, partial: Partial) {
        let partial = (partial.weight != 0.0).then_some(partial);
        let spare = &mut self.spare;
        self.sum.push(Node { lo: u64::from(rank), n: 1 }, partial, |left, right| add(left, right, spare));
    }

    fn fail(&mut self, rank: u32, report: Report) {
        self.failed.get_or_insert((rank, report));
    }
}

impl Seat {
    fn context<'a>(&'a self, crew: &'a dyn Crew, spare: &'a mut Vec<Vec<f32>>) -> Context<'a> {
        Context { state: &self.state, prepared: &self.prepared, crew, spare }
    }
}

/// Every run of ranks for every trial; trials are cut into as many pieces as a rank has readers, of about equal weight.
fn pieces(runs: &[Range<u32>], weights: &[u64], side_by_side: usize) -> Vec<Piece> {
    let total: u64 = weights.iter().sum::<u64>().max(1);
    let cuts = side_by_side.clamp(1, weights.len().max(1));
    let (mut before, mut start) = (0, 0);
    let mut seats = Vec::new();
    for (at, weight) in weights.iter().enumerate() {
        before += weight;
        // The cut that the middle of the next one lies beyond.
        let next = before + weights.get(at + 1).copied().unwrap_or(0) / 2;
        let cut = (next as u128 * cuts as u128 / u128::from(total)) as usize;
        if at + 1 == weights.len() || cut > seats.len() && seats.len() + 1 < cuts {
            seats.push(start..at + 1);
            start = at + 1;
        }
    }
    let piece = |ranks: &Range<u32>| {
        let ranks = ranks.clone();
        let piece =
            move |(reader, seats): (usize, &Range<usize>)| Piece { ranks: ranks.clone(), seats: seats.clone(), reader };
        seats.iter().enumerate().map(piece).collect::<Vec<_>>()
    };
    runs.iter().flat_map(piece).collect()
}

/// The ranks in runs that a thread maps in turn: aligned powers of two, so that each is one node, as long as threads stay
/// equally busy.
fn runs(ranks: &Range<u32>, threads: usize) -> Vec<Range<u32>> {
    let cut = |length: u32| -> Vec<Range<u32>> {
        let first = ranks.start / length..ranks.end.div_ceil(length);
        first.map(|at| ranks.start.max(at * length)..ranks.end.min((at + 1) * length)).collect()
    };
    // The ranks that the busiest thread maps.
    let busiest = |length: u32| cut(length).len().div_ceil(threads) * length as usize;
    let lengths = (0..=ranks.len().max(1).ilog2()).map(|power| 1 << power);
    cut(lengths.min_by_key(|length| (busiest(*length), std::cmp::Reverse(*length))).unwrap_or(1))
}

/// Rows that end when the trial is told to: a rank may take long.
struct Stoppable<'a> {
    reader: &'a mut Reader,
    side: Option<FoldSide>,
    stop: &'a AtomicBool,
}

impl Stoppable<'_> {
    fn go_on(&self) -> Result<(), ReadError> {
        match self.stop.load(Ordering::Relaxed) {
            true => Err(Box::new(Report::new(Kind::Interrupted, "stopped", "the trial was stopped"))),
            false => Ok(()),
        }
    }
}

impl Rows for Stoppable<'_> {
    fn shuffled(&mut self, epoch: u64, rows: Range<u64>, batch: &mut Batch) -> Result<(), ReadError> {
        self.go_on()?;
        Ok(self.reader.shuffled_of(self.side, epoch, rows, batch)?)
    }

    fn columns(&mut self, epoch: u64, rows: Range<u64>, columns: &mut Columns) -> Result<(), ReadError> {
        self.go_on()?;
        Ok(self.reader.columns_of(self.side, epoch, rows, columns)?)
    }

    fn block(&mut self, block: u64, batch: &mut Batch) -> Result<(), ReadError> {
        self.go_on()?;
        Ok(self.reader.block_of(self.side, block, batch)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trials_are_cut_into_pieces_of_about_equal_weight() {
        let seats = |weights: &[u64], cuts| {
            let run = std::iter::once(0..1).collect::<Vec<_>>();
            let pieces = pieces(&run, weights, cuts);
            pieces.into_iter().map(|piece| piece.seats).collect::<Vec<_>>()
        };
        assert_eq!(seats(&[5], 4).first(), Some(&(0..1)));
        assert_eq!(seats(&[1; 6], 2), [0..3, 3..6]);
        assert_eq!(seats(&[1; 5], 2).len(), 2);
        assert_eq!(seats(&[9, 1, 1, 1, 1, 1, 1, 1, 1, 1], 2), [0..1, 1..10]);
        assert_eq!(seats(&[1, 1, 9], 2), [0..2, 2..3]);
        for (count, cuts) in [(45, 4), (7, 7), (3, 8), (1000, 3)] {
            let weights: Vec<u64> = (0..count).map(|i| 1 + i % 5).collect();
            let cut = seats(&weights, cuts);
            assert!(cut.len() <= cuts && cut.iter().flat_map(Clone::clone).eq(0..count as usize), "{cut:?}");
        }
        let both = pieces(&[0..2, 2..4], &[1, 1], 2);
        assert_eq!(both.len(), 4);
        assert_eq!(both[3], Piece { ranks: 2..4, seats: 1..2, reader: 1 });
    }

    #[test]
    fn threads_get_equal_runs_of_whole_nodes() {
        assert_eq!(runs(&(0..8), 2), [0..4, 4..8]);
        assert_eq!(runs(&(0..8), 3), [0..1, 1..2, 2..3, 3..4, 4..5, 5..6, 6..7, 7..8]);
        assert_eq!(runs(&(0..8), 8).len(), 8);
        assert_eq!(runs(&(0..8), 1).first(), Some(&(0..8)));
        assert_eq!(runs(&(3..8), 2).last(), Some(&(7..8)));
        for (ranks, threads) in [(0..1, 4), (5..23, 4), (0..256, 7), (7..7, 2)] {
            let runs = runs(&ranks, threads);
            assert!(runs.iter().flat_map(Clone::clone).eq(ranks), "{threads}");
        }
    }
}
