//! Mapping the own ranks of a round: ranks side by side, or one after the other with the threads sharing each.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use aquifer_frame::{Batch, Columns, Reader};
use aquifer_learn::{Alone, Context, Crew, Prepared, ReadError, RoundKind, Rows, Trial, Workspace};
use aquifer_model::{Kind, Part, Partial, Report, State};

use super::data::Readers;
use crate::core::{Exchange, Progress};

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
    /// Of the lowest rank that failed.
    failed: Option<(u32, Report)>,
}

impl Mapping<'_> {
    /// Maps every own rank and gives its partial to the exchange as soon as it is there.
    pub(super) fn run(&self, exchange: &mut Exchange) -> Result<Vec<Progress>, Report> {
        let ranks = exchange.own_ranks();
        let mapped = Mutex::new(Mapped { exchange, progress: Vec::new(), failed: None });
        let side_by_side = ranks.len() >= self.crew.threads() || !self.trial.shares(self.kind);
        let map = |rank: u32, crew: &dyn Crew| {
            let lock = || mapped.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
            if self.stop.load(Ordering::Relaxed) || lock().failed.is_some() {
                return;
            }
            let spare = lock().exchange.spare();
            let made = self.map(rank, crew, spare);
            let mut mapped = lock();
            let taken = made.and_then(|partial| {
                let progress = mapped.exchange.rank_mapped(rank, partial);
                progress.map_err(|error| Report::new(Kind::Work, "exchange", error.to_string()))
            });
            match taken {
                Ok(progress) => mapped.progress.push(progress),
                Err(_) if mapped.failed.as_ref().is_some_and(|(earlier, _)| *earlier < rank) => {}
                Err(report) => mapped.failed = Some((rank, report)),
            }
        };
        match side_by_side {
            true => self.crew.run(ranks.len(), &|at| map(ranks.start + at as u32, &Alone)),
            false => ranks.for_each(|rank| map(rank, self.crew)),
        }
        let Mapped { progress, failed, .. } = mapped.into_inner().unwrap_or_else(|poisoned| poisoned.into_inner());
        failed.map_or(Ok(progress), |(_, report)| Err(report))
    }

    /// None if the rank had no rows.
    fn map(&self, rank: u32, crew: &dyn Crew, spare: Vec<Vec<f32>>) -> Result<Option<Partial>, Report> {
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
    fn shuffled(&mut self, epoch: u64, rows: std::ops::Range<u64>, batch: &mut Batch) -> Result<(), ReadError> {
        self.go_on()?;
        Rows::shuffled(self.reader, epoch, rows, batch)
    }

    fn columns(&mut self, epoch: u64, rows: std::ops::Range<u64>, columns: &mut Columns) -> Result<(), ReadError> {
        self.go_on()?;
        Rows::columns(self.reader, epoch, rows, columns)
    }

    fn block(&mut self, block: u64, batch: &mut Batch) -> Result<(), ReadError> {
        self.go_on()?;
        Rows::block(self.reader, block, batch)
    }
}
