//! Importing: a Parquet file that lies on the disk becomes a shard that lies on the disk.
//!
//! A file is read, its columns are decoded, narrowed and counted, and the shard is written and synced. The limit is the
//! disk, in the direction that it would take longer for.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::Instant;

use aquifer_frame::{Plan, import_shard};
use aquifer_model::Report;
use parquet::errors::ParquetError;

use super::bed::Bed;
use super::disk::{drop_cached, note_cached};
use super::limit::Limit;
use super::measure::Work;
use super::synthetic;
use crate::failure::unwritable;

const ROWS: usize = 250_000;
const ROWS_QUICK: usize = 10_000;
/// Each thread has a file of its own; with many threads they are smaller.
const ROWS_MAX: usize = 2_000_000;
const ROWS_MIN: usize = 16_384;

pub(super) fn measure(bed: &mut Bed) -> Result<(), Report> {
    bed.show("import");
    let folder = bed.scratch()?.join("import");
    let rows = bed.size(ROWS.min((ROWS_MAX / bed.threads as usize).max(ROWS_MIN)), ROWS_QUICK);
    let imports = prepare(&folder, rows, bed.threads)?;
    let rates = bed.rates(|number| {
        let import = imports[number as usize].clone();
        Ok(move |times| import.run(times))
    })?;
    if let Some(import) = imports.first() {
        let cached = File::open(&import.source).map(|file| drop_cached(&file));
        cached.into_iter().for_each(|cached| note_cached(bed, cached));
        let bytes = |path: &Path| path.metadata().map_or(0, |found| found.len()) as f64 / rows as f64;
        let (read, written) = (bytes(&import.source), import.shard_bytes()? as f64 / rows as f64);
        // The direction that takes longer a row.
        let reads = read / bed.limit(Limit::DiskRead)? > written / bed.limit(Limit::DiskWrite)?;
        let (limit, per_row) = if reads { (Limit::DiskRead, read) } else { (Limit::DiskWrite, written) };
        for (threads, rate) in rates {
            bed.figure(format!("import rows, {threads}"), (rate, "rows/s"), limit, rate * per_row)?;
            bed.figure(format!("import bytes, {threads}"), (rate * read, "bytes/s"), limit, rate * per_row)?;
        }
    }
    let _ = std::fs::remove_dir_all(&folder); // it goes with the scratch folder, too
    Ok(())
}

/// A thread's source, plan and folder of shards.
#[derive(Clone)]
struct Import {
    source: PathBuf,
    plan: Plan,
    folder: PathBuf,
}

fn prepare(folder: &Path, rows: usize, threads: u32) -> Result<Vec<Import>, Report> {
    let mut imports: Vec<Import> = Vec::new();
    for number in 0..threads {
        let folder = folder.join(number.to_string());
        std::fs::create_dir_all(&folder).map_err(|error| unwritable(&folder, &error))?;
        let source = folder.join("source.parquet");
        match imports.first() {
            None => write_source(&source, rows)?,
            Some(first) => copy(&first.source, &source).map_err(|error| unwritable(&source, &error))?,
        }
        imports.push(Import { plan: synthetic::plan_of(std::slice::from_ref(&source))?, source, folder });
    }
    Ok(imports)
}

/// A synthetic file; a disk that is full or closed is said so.
pub(super) fn write_source(path: &Path, rows: usize) -> Result<(), Report> {
    synthetic::write_parquet(path, rows).map_err(|error| match error {
        ParquetError::External(source) if source.is::<std::io::Error>() => {
            let source = source.downcast::<std::io::Error>().map_or_else(|_| std::io::ErrorKind::Other.into(), |e| *e);
            unwritable(path, &source)
        }
        other => {
            Report::new(aquifer_model::Kind::Work, "io", format!("cannot write {}", path.display())).caused_by(&other)
        }
    })
}

/// Synced, so that the page cache can drop it.
fn copy(from: &Path, to: &Path) -> std::io::Result<()> {
    std::fs::copy(from, to)?;
    File::options().write(true).open(to)?.sync_all()
}

impl Import {
    fn run(&self, times: u64) -> Result<Work, Report> {
        if let Ok(file) = File::open(&self.source) {
            drop_cached(&file);
        }
        let began = Instant::now();
        for _ in 0..times {
            for shard in 0..self.plan.shards.len() {
                import_shard(&self.plan, shard, &self.folder)?;
            }
        }
        Ok(Work { amount: (self.plan.rows * times) as f64, began: Some(began) })
    }

    fn shard_bytes(&self) -> Result<u64, Report> {
        let records = (0..self.plan.shards.len()).map(|shard| import_shard(&self.plan, shard, &self.folder));
        Ok(records.map(|record| record.map(|record| record.bytes)).sum::<Result<u64, _>>()?)
    }
}
