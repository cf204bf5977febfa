//! `train --explain`: what a training would read, hold in memory and take, before any of it begins.
//!
//! Nothing is written. Of files, the footers are read and the first shard's rows, in memory: what columns become is
//! estimated from them, and exact where the data has but one shard or is a frame.

use std::sync::Arc;
use std::time::{Duration, Instant};

use aquifer_frame::{Encoding, Frame, Plan, SourceOptions, import_shard_in_memory, plan};
use aquifer_learn::{Isa, Memory, PartRows, Trial, peak};
use aquifer_model::{Report, Spec};
use aquifer_worker::{BASE_BYTES, memory_bytes, too_small};
use serde::Serialize;

use crate::data::{Data, survey_files};
use crate::options::{ClusterOptions, cores};
use crate::output::{self, Format, Table, bytes, grouped, say};
use crate::precheck::get_frame;

/// Share of the rate of multiply-adds that training and scoring reach, by rows of a step: docs/benchmarks.md.
const STEP_SHARES: [(usize, f64); 3] = [(128, 0.75), (16, 0.6), (0, 0.3)];
/// What a row costs beside its multiply-adds: it is read, decoded and put in order.
const ROW_SECONDS: f64 = 60e-9;
/// Bytes a second that an import takes in, a thread.
const IMPORT_RATE: f64 = 300e6;

/// What is known of the training data.
struct Known {
    frame: Frame,
    /// Rows and bytes of all of it.
    rows: u64,
    frame_bytes: u64,
    /// Of the files, if it may have to be imported.
    source_bytes: Option<u64>,
    /// How long the first shard took.
    first_shard: Option<Duration>,
}

#[derive(Serialize)]
struct Pass {
    what: &'static str,
    passes: f64,
    bytes: u64,
    seconds: f64,
}

#[derive(Serialize)]
struct Explained {
    rows: u64,
    /// Rows that what columns become was found from.
    rows_seen: u64,
    inputs: u64,
    parameters: u64,
    ranks: u32,
    workers: u32,
    threads: u32,
    steps: u64,
    flops_per_row: u64,
    passes: Vec<Pass>,
    memory: MemoryUse,
    seconds: f64,
}

#[derive(Serialize)]
struct MemoryUse {
    program: u64,
    state: u64,
    workspaces: u64,
    windows: u64,
    partials: u64,
    peak_bytes: u64,
    budget_bytes: u64,
    /// Whether it would be begun.
    fits: bool,
}

/// Prints what `spec` would take with this data.
pub(crate) async fn explain(
    spec: &Spec,
    data: &Data,
    source: &SourceOptions,
    options: &ClusterOptions,
    format: Format,
) -> anyhow::Result<()> {
    let known = know(data, source, options).await?;
    let (encoding, notes) = Encoding::fit(&known.frame, &spec.roles()?)?;
    let fit = spec.resolve(known.rows, &known.frame.content)?;
    let rows = PartRows { train: known.rows, validation: None, holdout: None, test: None };
    let trial = Trial::new(fit.params.clone(), Arc::new(encoding), rows, Isa::detect()).map_err(Report::from)?;
    let workers = options.workers.unwrap_or(1).min(fit.params.ranks);
    let threads = options.threads.unwrap_or_else(|| (cores() / workers).max(1));
    let explained = Explained::of(&known, &trial, (workers, threads), options.worker_memory()?);
    if format == Format::Json {
        output::json("ExplainResult", &explained)?;
    } else {
        output::say_notes(&notes);
        explained.print(format);
    }
    let MemoryUse { peak_bytes, budget_bytes, fits, .. } = explained.memory;
    if !fits && format == Format::Table {
        let Report { message, hint, .. } = too_small(peak_bytes, budget_bytes);
        say(&format!("note: {message}: {}", hint.unwrap_or_default()));
    }
    Ok(())
}

async fn know(data: &Data, source: &SourceOptions, options: &ClusterOptions) -> anyhow::Result<Known> {
    match data {
        Data::Frame(name) => {
            let frame = crate::launch::with_cluster(
                options,
                crate::launch::Planned::new(crate::launch::Purpose::Ask)?,
                async |launched| Ok(get_frame(&mut launched.client, name).await?),
            );
            let frame = frame.await?;
            let (rows, frame_bytes) = (frame.rows, frame.bytes);
            Ok(Known { frame, rows, frame_bytes, source_bytes: None, first_shard: None })
        }
        Data::Files(files) => {
            let plan = plan(survey_files(files, source)?);
            let began = Instant::now();
            let first = first_shard(&plan);
            let (shard, record) = tokio::task::block_in_place(|| import_shard_in_memory(&first, 0))?;
            let took = began.elapsed();
            let frame = Frame::merge(&first, vec![record])?;
            let frame_bytes = (shard.bytes() as f64 * plan.rows as f64 / first.rows.max(1) as f64) as u64;
            let source_bytes = Some(plan.files.iter().map(|file| file.bytes).sum());
            Ok(Known { frame, rows: plan.rows, frame_bytes, source_bytes, first_shard: Some(took) })
        }
    }
}

/// The plan of the first shard alone.
fn first_shard(plan: &Plan) -> Plan {
    let rows = plan.shards.first().cloned().unwrap_or(0..plan.rows);
    let mut first = Plan { rows: rows.end, shards: vec![rows.clone()], ..plan.clone() };
    first.files.retain(|file| file.first_row < rows.end || file.rows == 0);
    if let Some(last) = first.files.last_mut() {
        last.rows = last.rows.min(rows.end - last.first_row);
    }
    first
}

impl Explained {
    fn of(known: &Known, trial: &Trial, (workers, threads): (u32, u32), memory: Option<u64>) -> Self {
        let params = trial.params();
        let own_ranks = params.ranks.div_ceil(workers);
        let Memory { state, workspaces, windows, partials } = trial.memory(threads.into(), own_ranks.into());
        let program = BASE_BYTES;
        let peak_bytes = program + state + workspaces + windows + partials;
        let budget_bytes = memory.unwrap_or_else(memory_bytes);
        let memory = MemoryUse {
            program,
            state,
            workspaces,
            windows,
            partials,
            peak_bytes,
            budget_bytes,
            fits: budget_bytes == 0 || peak_bytes <= budget_bytes,
        };
        let rate = fma_rate() * f64::from(busy(trial, workers, threads));
        let share = |rows: usize| STEP_SHARES.iter().find(|(from, _)| rows >= *from).map_or(0.3, |(_, share)| *share);
        let seconds = |rows: f64, flops: u64, share: f64| {
            rows * (flops as f64 / (rate * share) + ROW_SECONDS / f64::from(busy(trial, workers, threads)))
        };
        let train_rows = trial.last_position() as f64;
        let train = seconds(train_rows, trial.flops_of_row(), share(params.mini_batch_size));
        let score = seconds(known.rows as f64, trial.flops_of_scored_row(), share(1024));
        let import = known.source_bytes.map(|bytes| {
            let shards = known.rows as f64 / known.frame.rows.max(1) as f64;
            // As long as the first shard took, or what is usual where it was too small to tell.
            let measured = known.first_shard.map_or(0.0, |took| took.as_secs_f64() * shards);
            let threads = f64::from(workers * threads).min(shards.ceil().max(1.0));
            (bytes, (measured / threads).max(known.frame_bytes as f64 / IMPORT_RATE / threads))
        });
        let mut passes = Vec::new();
        passes.extend(import.map(|(bytes, seconds)| Pass { what: "import", passes: 1.0, bytes, seconds }));
        let epochs = params.epochs;
        let read = (known.frame_bytes as f64 * epochs) as u64;
        passes.push(Pass { what: "training", passes: epochs, bytes: read, seconds: train });
        passes.push(Pass { what: "scoring", passes: 1.0, bytes: known.frame_bytes, seconds: score });
        Self {
            rows: known.rows,
            rows_seen: known.frame.rows,
            inputs: trial.encoding().inputs() as u64,
            parameters: trial.network().parameters() as u64,
            ranks: params.ranks,
            workers,
            threads,
            steps: trial.last_position().div_ceil(params.mini_batch_size as u64 * u64::from(params.ranks)),
            flops_per_row: trial.flops_of_row(),
            seconds: passes.iter().map(|pass| pass.seconds).sum(),
            passes,
            memory,
        }
    }

    fn print(&self, format: Format) {
        let mut table = Table::new(["pass", "times", "bytes", "expected seconds"]);
        for Pass { what, passes, bytes: read, seconds } in &self.passes {
            table.row([(*what).to_owned(), format!("{passes}"), bytes(*read), format!("{seconds:.1}")]);
        }
        if format == Format::Csv {
            return table.print(format);
        }
        say(&format!(
            "{} rows; {} inputs, {} parameters; {} multiply-adds a row in training",
            grouped(self.rows),
            grouped(self.inputs),
            grouped(self.parameters),
            grouped(self.flops_per_row / 2)
        ));
        if self.rows_seen < self.rows {
            say(&format!(
                "note: what the columns become is estimated from the first {} rows; the import reads all",
                grouped(self.rows_seen)
            ));
        }
        table.print(format);
        output::line("");
        let m = &self.memory;
        let mut memory = Table::new(["memory of a worker", "bytes"]);
        for (what, size) in [
            ("program and connections", m.program),
            ("state: weights, moments", m.state),
            ("workspaces of the threads", m.workspaces),
            ("rows that are assembled", m.windows),
            ("partials", m.partials),
            ("together, at most", m.peak_bytes),
        ] {
            memory.row([what.to_owned(), bytes(size)]);
        }
        memory.print(format);
        output::line("");
        let plural = |n: u32, what: &str| format!("{n} {what}{}", if n == 1 { "" } else { "s" });
        output::line(&format!(
            "{} steps of {} on {} with {}: about {:.0} s in all; page cache of up to {} helps and is not needed",
            grouped(self.steps),
            plural(self.ranks, "rank"),
            plural(self.workers, "worker"),
            plural(self.threads, "thread"),
            self.seconds.max(1.0),
            bytes(self.passes.last().map_or(0, |pass| pass.bytes)),
        ));
    }
}

/// Threads that a training keeps busy.
fn busy(trial: &Trial, workers: u32, threads: u32) -> u32 {
    let params = trial.params();
    let of_worker = match params.shares_steps(trial.network().parameters() as u64) {
        true => threads,
        false => threads.min(params.ranks.div_ceil(workers)),
    };
    (of_worker * workers).min(cores())
}

/// Floating-point operations a second of one thread, measured for some milliseconds.
fn fma_rate() -> f64 {
    const LINKS: u64 = 200_000;
    let isa = Isa::detect();
    let rate = |_| {
        let began = Instant::now();
        let done = peak(isa, LINKS);
        std::hint::black_box(done.value);
        done.flops as f64 / began.elapsed().as_secs_f64()
    };
    (0..5).map(rate).fold(0.0, f64::max)
}
