//! Partials: their sum in the fixed tree, and their way to the wire and back.

use aquifer_frame::{Fold, Node};
use aquifer_model::{Partial, ValueType, Values};
use aquifer_proto::v1::ExchangeRequest;
use aquifer_proto::{exchange_messages, read_parts};
use criterion::{BatchSize, Criterion, Throughput};
use prost::Message;

/// Weights and two moments of 28-200-200-1, padding included.
const ELEMENTS: usize = 3 * 48_000;
const RANKS: u64 = 8;

pub(crate) fn benches(criterion: &mut Criterion) {
    let partial =
        Partial { weight: 1.0, vectors: vec![Values::F32((0..ELEMENTS).map(|i| i as f32 * 0.001).collect())] };
    let bytes = (ELEMENTS * size_of::<f32>()) as u64;

    let mut group = criterion.benchmark_group("reduce");
    group.throughput(Throughput::Bytes(RANKS * bytes));
    let eight = || vec![partial.clone(); RANKS as usize];
    group.bench_function("8 partials of 144,000 f32", |bencher| {
        bencher.iter_batched(eight, reduce, BatchSize::LargeInput)
    });
    group.finish();

    let nodes = [(Node { lo: 0, n: 1 }, Some(partial))];
    let request = |parts| ExchangeRequest { parts, last: true, ..ExchangeRequest::default() };
    let encode = || -> Vec<Vec<u8>> {
        exchange_messages(&nodes).into_iter().map(|parts| request(parts).encode_to_vec()).collect()
    };
    let messages = encode();
    let decode = || {
        let parts = messages.iter().flat_map(|message| ExchangeRequest::decode(message.as_slice()).unwrap().parts);
        read_parts(parts.collect(), &[(ValueType::F32, ELEMENTS)], 1).unwrap()
    };
    assert!(decode() == nodes);
    let mut group = criterion.benchmark_group("wire");
    group.throughput(Throughput::Bytes(bytes));
    group.bench_function("encode 144,000 f32", |bencher| bencher.iter(encode));
    group.bench_function("decode 144,000 f32", |bencher| bencher.iter(decode));
    group.finish();
}

fn reduce(partials: Vec<Partial>) -> Option<Partial> {
    let mut sum = Fold::default();
    for (rank, partial) in partials.into_iter().enumerate() {
        sum.push(Node { lo: rank as u64, n: 1 }, Some(partial), Partial::add);
    }
    sum.finish(Partial::add)
}
