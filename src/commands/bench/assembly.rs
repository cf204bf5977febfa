//! Assembling: rows of a mapped frame, in the shuffled order of an epoch, become batches.
//!
//! The limit is memory: what a row has in the map must come from there. For the figure against a step both are done by one
//! thread.

use std::path::PathBuf;
use std::sync::Arc;

use aquifer_frame::{Apply, Batch, EncodedFrame, Mixing, Reader, Shard, block_count, import_shard};
use aquifer_model::Report;

use super::bed::{Bed, Figure, Threads};
use super::measure::Work;
use super::network::Layers;
use super::{import, step, synthetic};
use crate::failure::unwritable;

const ROWS: usize = 250_000;
const ROWS_QUICK: usize = 10_000;
/// The file is named so often: a frame of 116 MB, more than caches hold.
const FILES: usize = 4;
const BATCH: u64 = 256;
/// The step that assembly is compared with.
const LAYERS: Layers = Layers(&[28, 200, 200, 1]);

pub(super) fn measure(bed: &mut Bed) -> Result<(), Report> {
    bed.show("assembly");
    let folder = bed.scratch()?.join("assembly");
    std::fs::create_dir_all(&folder).map_err(|error| unwritable(&folder, &error))?;
    let (frame, row_bytes) = map_frame(&folder, bed.size(ROWS, ROWS_QUICK), bed.size(FILES, 1))?;
    let blocks = 0..block_count(frame.rows());
    let rates = bed.rates(|number| {
        let mut reader = Reader::new(frame.clone(), blocks.clone(), number, 1, Mixing::Rows);
        let (mut batch, mut epoch, mut next) = (Batch::default(), 0, 0);
        Ok(move |times| {
            let mut passed = 0;
            for _ in 0..times {
                let end = reader.rows().min(next + BATCH);
                reader.shuffled(epoch, next..end, &mut batch)?;
                passed += batch.rows;
                (epoch, next) = if end == reader.rows() { (epoch + 1, 0) } else { (epoch, end) };
            }
            Ok(Work::from(passed as f64))
        })
    })?;
    for (threads, rate) in rates {
        bed.figure(format!("assembly, {threads}"), (1e9 / rate, "ns/row"), threads.memory(), rate * row_bytes)?;
    }
    // Side by side, so that whatever else the machine does is the same for both.
    let step = step::rate(bed, &LAYERS, BATCH as usize, Threads::One)?;
    let share = step / rates[0].1;
    bed.figures.push(Figure {
        name: "assembly / step 200-200 b256".into(),
        value: share,
        unit: "of the step",
        limit: step::name(&LAYERS, BATCH as usize, Threads::One),
        share,
    });
    let _ = std::fs::remove_dir_all(&folder); // it goes with the scratch folder, too
    Ok(())
}

/// An imported frame, mapped, and the bytes that a row has there.
fn map_frame(folder: &std::path::Path, rows: usize, files: usize) -> Result<(Arc<EncodedFrame>, f64), Report> {
    let source: PathBuf = folder.join("source.parquet");
    import::write_source(&source, rows)?;
    let plan = synthetic::plan_of(&vec![source; files])?;
    let records = (0..plan.shards.len()).map(|shard| import_shard(&plan, shard, folder));
    let records = records.collect::<Result<Vec<_>, _>>()?;
    let shards = records.iter().map(|record| Ok(Arc::new(Shard::open(folder, record, false)?)));
    let shards = shards.collect::<Result<Vec<_>, aquifer_frame::Error>>()?;
    let bytes: u64 = records.iter().map(|record| record.bytes).sum();
    let frame = EncodedFrame::new(plan.rows, shards, Arc::new(synthetic::encoding()), Apply::TARGET)?;
    Ok((Arc::new(frame), bytes as f64 / plan.rows as f64))
}
