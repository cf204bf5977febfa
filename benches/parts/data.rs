//! From Parquet to batches: the import of a shard, and the assembly of a window.

use std::sync::Arc;

use aquifer_frame::{Apply, BLOCK_ROWS, Batch, EncodedFrame, Mixing, Reader, Shard, block_count, import_shard};
use criterion::{Criterion, Throughput};

use crate::synthetic;

const ROWS: u64 = 65_536;
/// Rows that a reader shuffles at once.
const WINDOW_ROWS: u64 = 4 * BLOCK_ROWS;

pub(crate) fn benches(criterion: &mut Criterion) {
    let folder = tempfile::tempdir().unwrap();
    let source = folder.path().join("source.parquet");
    synthetic::write_parquet(&source, ROWS as usize).unwrap();
    let plan = synthetic::plan_of(&[source]).unwrap();
    assert_eq!(plan.shards.len(), 1);

    let mut group = criterion.benchmark_group("import");
    group.sample_size(10).throughput(Throughput::Elements(ROWS));
    let import = || import_shard(&plan, 0, folder.path()).unwrap();
    group.bench_function("a shard of 65,536 rows, 28 columns", |bencher| bencher.iter(import));
    group.finish();

    let shard = Arc::new(Shard::open(folder.path(), &import(), false).unwrap());
    let encoding = Arc::new(synthetic::encoding());
    let frame = Arc::new(EncodedFrame::new(ROWS, vec![shard], encoding, Apply::TARGET).unwrap());
    let mut reader = Reader::new(frame, 0..block_count(ROWS), 0, 1, Mixing::Rows);
    let (mut batch, mut next) = (Batch::default(), 0);
    let mut group = criterion.benchmark_group("assembly");
    group.throughput(Throughput::Elements(WINDOW_ROWS));
    group.bench_function("a window of 4,096 rows, 28 columns", |bencher| {
        bencher.iter(|| {
            reader.shuffled(next / ROWS, next % ROWS..next % ROWS + WINDOW_ROWS, &mut batch).unwrap();
            next += WINDOW_ROWS;
        });
    });
    group.finish();
}
