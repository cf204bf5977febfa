//! What measurements stand on: the meter, the scratch folder, the limits and figures so far.

use std::path::Path;

use aquifer_frame::Note;
use aquifer_learn::Isa;
use aquifer_model::Report;
use indicatif::ProgressBar;
use serde::Serialize;
use tempfile::TempDir;

use super::limit::{Limit, Limits};
use super::measure::{Meter, Work};
use super::{disk, loopback, memory, processor};

/// A measurement and the limit that it is compared with.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Figure {
    pub(super) name: String,
    pub(super) value: f64,
    pub(super) unit: &'static str,
    /// The key of a limit, or the name of another figure.
    pub(super) limit: String,
    /// Of the limit: 1 is as fast as can be.
    pub(super) share: f64,
}

/// How many threads work at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Threads {
    One,
    All,
}

impl Threads {
    pub(super) const BOTH: [Threads; 2] = [Threads::One, Threads::All];

    pub(super) fn fma(self) -> Limit {
        match self {
            Threads::One => Limit::FmaOneThread,
            Threads::All => Limit::Fma,
        }
    }

    pub(super) fn memory(self) -> Limit {
        match self {
            Threads::One => Limit::MemoryOneThread,
            Threads::All => Limit::Memory,
        }
    }
}

impl std::fmt::Display for Threads {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Threads::One => "one thread",
            Threads::All => "all threads",
        })
    }
}

/// Everything that the groups share.
pub(super) struct Bed {
    pub(super) meter: Meter,
    pub(super) threads: u32,
    pub(super) quick: bool,
    pub(super) isa: Isa,
    /// In the data folder; gone when this is. Its failure is told to who needs it.
    pub(super) scratch: Result<TempDir, Report>,
    pub(super) limits: Limits,
    pub(super) figures: Vec<Figure>,
    pub(super) notes: Vec<Note>,
    /// What is measured now, on a terminal.
    pub(super) shown: ProgressBar,
}

impl Bed {
    /// One of two sizes, by how thorough the measurements are.
    pub(super) fn size<T>(&self, full: T, quick: T) -> T {
        if self.quick { quick } else { full }
    }

    pub(super) fn scratch(&self) -> Result<&Path, Report> {
        self.scratch.as_ref().map(TempDir::path).map_err(Report::clone)
    }

    /// Says, once, what a reader of the results has to know.
    pub(super) fn note(&mut self, code: &str, message: String) {
        if self.notes.iter().all(|note| note.code != code) {
            self.notes.push(Note { code: code.to_owned(), column: None, message });
        }
    }

    pub(super) fn show(&self, what: &str) {
        self.shown.set_message(format!("measuring {what}"));
    }

    /// A limit, measured at first need.
    pub(super) fn limit(&mut self, limit: Limit) -> Result<f64, Report> {
        if let Some(rate) = self.limits.get(limit) {
            return Ok(rate);
        }
        self.show(limit.label());
        match limit {
            Limit::Fma | Limit::FmaOneThread => processor::measure(self)?,
            Limit::Memory | Limit::MemoryOneThread => memory::measure(self)?,
            Limit::DiskRead | Limit::DiskWrite => disk::measure(self)?,
            Limit::Loopback => loopback::measure(self)?,
        }
        Ok(self.limits.get(limit).unwrap_or(f64::NAN))
    }

    /// The rates of one thread, and of all of them at once.
    pub(super) fn rates<W>(&self, make: impl Fn(u32) -> Result<W, Report> + Sync) -> Result<[(Threads, f64); 2], Report>
    where
        W: FnMut(u64) -> Result<Work, Report>,
    {
        let one = self.meter.rate(1, &make)?;
        let all = if self.threads == 1 { one } else { self.meter.rate(self.threads, &make)? };
        Ok([(Threads::One, one), (Threads::All, all)])
    }

    /// A figure that uses `used` of a limit, in the limit's unit.
    pub(super) fn figure(
        &mut self,
        name: String,
        (value, unit): (f64, &'static str),
        limit: Limit,
        used: f64,
    ) -> Result<(), Report> {
        let share = used / self.limit(limit)?;
        self.figures.push(Figure { name, value, unit, limit: limit.key().to_owned(), share });
        Ok(())
    }
}
