//! `aquifer bench`: what this machine could do, and how much of it aquifer does.
//!
//! Limits are measured by loops that do nothing else; figures are the real parts, each as a share of the limit that it can
//! come nearest to. Nothing here decides anything: it is for people, and for programs that compare releases.

mod assembly;
mod bed;
mod company;
mod disk;
mod exchange;
mod flops;
mod import;
mod limit;
mod loopback;
mod machine;
mod measure;
mod memory;
mod network;
mod processor;
mod scoring;
mod show;
mod step;
mod synthetic;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use aquifer_learn::Isa;
use aquifer_model::{Kind, Report};
use clap::{Args, ValueEnum};
use indicatif::ProgressBar;
use tempfile::TempDir;

use self::bed::Bed;
use self::limit::{Limit, Limits};
use self::measure::{Effort, Meter};
use super::coordinator::until_told;
use crate::dir::DirOption;
use crate::failure::unwritable;
use crate::options::cores;
use crate::output::{self, Format};

/// Measure this machine's limits, and aquifer against them
#[derive(Args)]
#[command(
    after_help = "Takes less than a minute. Leave the machine alone meanwhile: each figure is the median of short \
    chunks, but what runs all the time slows all of them. Files are written to a folder of their own in --dir, and removed.\n\n\
    Examples:\n  aquifer bench\n  aquifer bench --only step,scoring --threads 8 --output json"
)]
pub(crate) struct Bench {
    #[command(flatten)]
    dir: DirOption,
    /// Threads that work at once, besides one alone [default: all cores]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1024))]
    threads: Option<u32>,
    /// Measure only these, and the limits that they need [default: all]
    #[arg(long, value_enum, value_name = "NAME", num_args = 1.., value_delimiter = ',')]
    only: Vec<Group>,
    /// Smaller and shorter: shows that everything works, with figures that are not exact
    #[arg(long)]
    quick: bool,
}

/// What is measured together, in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
enum Group {
    /// FMA, memory, disk, loopback
    Limits,
    /// Parquet to shards
    Import,
    /// A mapped frame to batches
    Assembly,
    /// Training rounds
    Step,
    /// Scoring rounds
    Scoring,
    /// Partials between two members
    Exchange,
}

impl Group {
    fn needs_disk(self) -> bool {
        matches!(self, Group::Import | Group::Assembly | Group::Exchange)
    }

    fn measure(self, bed: &mut Bed) -> Result<(), Report> {
        match self {
            Group::Limits => limits(bed),
            Group::Import => import::measure(bed),
            Group::Assembly => assembly::measure(bed),
            Group::Step => step::measure(bed),
            Group::Scoring => scoring::measure(bed),
            Group::Exchange => exchange::measure(bed),
        }
    }
}

impl Bench {
    pub(crate) async fn run(self, format: Format) -> anyhow::Result<()> {
        let stop = Arc::new(AtomicBool::new(false));
        let told = stop.clone();
        let mut work = tokio::task::spawn_blocking(move || self.measure(told));
        // Told to end, it does so after the chunk: then the scratch folder is gone.
        let done = tokio::select! {
            done = &mut work => done,
            () = until_told(false) => {
                stop.store(true, Ordering::Relaxed);
                work.await
            }
        };
        let bed = done.map_err(|_| Report::new(Kind::Work, "panic", "a measurement panicked: this is a bug"))??;
        if format != Format::Json {
            output::say_notes(&bed.notes);
        }
        show::show(&bed, format)
    }

    fn measure(self, stop: Arc<AtomicBool>) -> Result<Bed, Report> {
        let groups: BTreeSet<Group> = match self.only.is_empty() {
            true => Group::value_variants().iter().copied().collect(),
            false => self.only.iter().copied().collect(),
        };
        let scratch = self.scratch();
        if groups.iter().any(|group| group.needs_disk()) {
            scratch.as_ref().map_err(Report::clone)?;
        }
        let effort = if self.quick { Effort::QUICK } else { Effort::FULL };
        let mut bed = Bed {
            meter: Meter { effort, stop },
            threads: self.threads.unwrap_or_else(cores),
            quick: self.quick,
            isa: Isa::detect(),
            scratch,
            limits: Limits::default(),
            figures: Vec::new(),
            notes: Vec::new(),
            shown: ProgressBar::new_spinner(),
        };
        if bed.threads > cores() {
            let message =
                format!("{} threads share {} cores: rates of all threads are those of the cores", bed.threads, cores());
            bed.note("threads", message);
        }
        let then = company::Ticks::now();
        let measured = groups.into_iter().try_for_each(|group| group.measure(&mut bed));
        bed.shown.finish_and_clear();
        // A quick run is too short to tell.
        if let Some(message) = company::company(then).filter(|_| !self.quick) {
            bed.note("company", message);
        }
        measured.map(|()| bed)
    }

    /// A folder of its own in the data folder, which is removed with what is in it.
    fn scratch(&self) -> Result<TempDir, Report> {
        let dir = self.dir.open().map_err(|error| match error.downcast::<Report>() {
            Ok(report) => report,
            Err(other) => Report::new(Kind::Config, "no_dir", other.to_string()),
        })?;
        tempfile::Builder::new().prefix(".bench-").tempdir_in(&dir).map_err(|error| unwritable(&dir, &error))
    }
}

/// All of them. A disk that cannot be written is said in its line, as the others do not need it.
fn limits(bed: &mut Bed) -> Result<(), Report> {
    for limit in Limit::ALL {
        match bed.limit(limit) {
            Err(report) if limit.is_of_disk() && report.kind != Kind::Interrupted => bed.scratch = Err(report),
            other => drop(other?),
        }
    }
    if let Err(report) = &bed.scratch {
        let because = report.causes.first().map_or(String::new(), |cause| format!(": {cause}"));
        let message = format!("the disk was not measured: {}{because}", report.message);
        bed.note("no_disk", message);
    }
    Ok(())
}
