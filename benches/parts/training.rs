//! Rounds of one rank: training and scoring, over rows that lie ready. The large network is nearly all products.

use aquifer_frame::BLOCK_ROWS;
use criterion::{BenchmarkId, Criterion, Throughput};

use crate::network::{Layers, Network};

const MIDDLE: Layers = Layers(&[28, 200, 200, 1]);
const LARGE: Layers = Layers(&[784, 1024, 1024, 10]);
/// Steps of a round, the default.
const STEPS: u64 = 32;

pub(crate) fn benches(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("32 steps");
    for batch in [32, 256] {
        group.throughput(Throughput::Elements(STEPS * batch as u64));
        let mut network = Network::training(&MIDDLE, batch, STEPS).unwrap();
        let id = BenchmarkId::new(MIDDLE.to_string(), batch);
        group.bench_function(id, |bencher| bencher.iter(|| network.train().unwrap()));
    }
    group.finish();

    let mut group = criterion.benchmark_group("score a block");
    group.throughput(Throughput::Elements(BLOCK_ROWS));
    for layers in [MIDDLE, LARGE] {
        let mut network = Network::scoring(&layers, 1).unwrap();
        group.bench_function(layers.to_string(), |bencher| bencher.iter(|| network.score().unwrap()));
    }
    group.finish();
}
