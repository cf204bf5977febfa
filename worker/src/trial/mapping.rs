//! Mapping the own ranks of a round: ranks side by side, or one after the other with the threads sharing each.

use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use aquifer_frame::{Batch, Columns, Fold, Node, Reader};
use aquifer_learn::{Alone, Context, Crew, Prepared, ReadError, RoundKind, Rows, Trial, Workspace};
use aquifer_model::{Kind, Part, Partial, Report, State};

use super::data::Readers;
use crate::core::{Exchange, Nodes, Progress, add};

/// Memory that is free: each rank that is mapped takes one, and brings it back.
pub(super) type Workspaces = Mutex<Vec<Workspace>>;

/// What the ranks of a round are mapped with.
pub(super) struct Mapping<'a> {
    pub(super) trial: &'a Trial,
    pub(super) state: &'a State,
    pub(super) prepared: &'a Prepared,
    pub(super) kind: RoundKind,
    pub(super) readers: &'a Readers,
    pub(super) workspaces: &'a Workspaces,
    pub(super) crew: &'a dyn Crew,
    pub(super) stop: &'a AtomicBool,
}

/// What has come of it so far.
struct Mapped<'a> {
    exchange: &'a mut Exchange,
    progress: Vec<Progress>,
    /// Of the lowest rank that failed before others were told not to begin.
    failed: Option<(u32, Report)>,
}

impl Mapping<'_> {
    /// Maps every own rank and gives the partials to the exchange as soon as they are there, neighbours already added where
    /// one thread maps them: their sum stays in its cache.
    pub(super) fn run(&self, exchange: &mut Exchange) -> Result<Vec<Progress>, Report> {
        let ranks = exchange.own_ranks();
        let mapped = Mutex::new(Mapped { exchange, progress: Vec::new(), failed: None });
        let side_by_side = ranks.len() >= self.crew.threads() || !self.trial.shares(self.kind);
        let runs = runs(&ranks, if side_by_side { self.crew.threads() } else { 1 });
        let map = |run: &Range<u32>, crew: &dyn Crew| {
            let lock = || mapped.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
            if self.stop.load(Ordering::Relaxed) || lock().failed.is_some() {
                return;
            }
            let mut spare = lock().exchange.spare();
            let made = self.map_run(run.clone(), crew, &mut spare);
            let mut mapped = lock();
            mapped.exchange.give_back(spare);
            let taken = made.and_then(|nodes| {
                let progress = mapped.exchange.ranks_mapped(run.clone(), nodes);
                progress.map_err(|error| Report::new(Kind::Work, "exchange", error.to_string()))
            });
            match taken {
                Ok(progress) => mapped.progress.push(progress),
                Err(_) if mapped.failed.as_ref().is_some_and(|(earlier, _)| *earlier < run.start) => {}
                Err(report) => mapped.failed = Some((run.start, report)),
            }
        };
        match side_by_side {
            true => self.crew.run(runs.len(), &|at| map(&runs[at], &Alone)),
            false => runs.iter().for_each(|run| map(run, self.crew)),
        }
        let Mapped { progress, failed, .. } = mapped.into_inner().unwrap_or_else(|poisoned| poisoned.into_inner());
        failed.map_or(Ok(progress), |(_, report)| Err(report))
    }

    /// Maps some ranks in turn, and adds them up to whole nodes.
    fn map_run(&self, ranks: Range<u32>, crew: &dyn Crew, spare: &mut Vec<Vec<f32>>) -> Result<Nodes, Report> {
        let mut sum = Fold::default();
        for rank in ranks {
            let partial = self.map(rank, crew, spare)?;
            sum.push(Node { lo: u64::from(rank), n: 1 }, partial, |left, right| add(left, right, spare));
        }
        Ok(sum.into_nodes())
    }

    /// None if the rank had no rows.
    fn map(&self, rank: u32, crew: &dyn Crew, spare: &mut Vec<Vec<f32>>) -> Result<Option<Partial>, Report> {
        let part = match self.kind {
            RoundKind::Score { part } => part,
            _ => Part::Train,
        };
        let unknown = || Report::new(Kind::Work, "rank", format!("rank {rank} has no reader here: this is a bug"));
        let reader = self.readers.get(&(part, rank)).ok_or_else(unknown)?;
        let made = catch_unwind(AssertUnwindSafe(|| {
            let mut reader = reader.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
            let mut workspace = self.workspaces.lock().ok().and_then(|mut free| free.pop()).unwrap_or_default();
            let context = Context { state: self.state, prepared: self.prepared, crew, spare };
            let mut rows = Stoppable { reader: &mut reader, stop: self.stop };
            let made = self.trial.map(context, rank, &mut rows, &mut workspace);
            if let Ok(mut free) = self.workspaces.lock() {
                free.push(workspace);
            }
            made
        }));
        let panicked = |_| Err(Report::new(Kind::Work, "panic", format!("rank {rank} panicked: this is a bug")));
        let partial = made.map_or_else(panicked, |made| made.map_err(Report::from))?;
        Ok((partial.weight != 0.0).then_some(partial))
    }
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
        Rows::shuffled(self.reader, epoch, rows, batch)
    }

    fn columns(&mut self, epoch: u64, rows: Range<u64>, columns: &mut Columns) -> Result<(), ReadError> {
        self.go_on()?;
        Rows::columns(self.reader, epoch, rows, columns)
    }

    fn block(&mut self, block: u64, batch: &mut Batch) -> Result<(), ReadError> {
        self.go_on()?;
        Rows::block(self.reader, block, batch)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
