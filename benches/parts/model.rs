//! Model files: the bytes of a model, and the model of the bytes, checked.

use std::sync::Arc;

use aquifer_learn::{Isa, PartRows, Trial};
use aquifer_model::{Model, Spec};
use criterion::{Criterion, Throughput};

use crate::synthetic;

const ROWS: u64 = 65_536;

pub(crate) fn benches(criterion: &mut Criterion) {
    let mut spec = Spec::default();
    spec.set("target=y").unwrap();
    let fit = spec.resolve(ROWS, &"0".repeat(64)).unwrap();
    let encoding = synthetic::encoding();
    let rows = PartRows { train: ROWS, validation: None, holdout: None, test: None };
    let trial = Trial::new(fit.params.clone(), Arc::new(encoding.clone()), rows, Isa::detect()).unwrap();
    let tensors = trial.tensors(&trial.initial_state()).unwrap();
    let model = Model::new(tensors, fit, encoding, Vec::new());
    let bytes = model.to_bytes().unwrap();
    assert!(Model::from_bytes(&bytes).unwrap().to_bytes().unwrap() == bytes);

    let mut group = criterion.benchmark_group("model file");
    group.throughput(Throughput::Bytes(bytes.len() as u64));
    group.bench_function("write 28-200-200-1", |bencher| bencher.iter(|| model.to_bytes().unwrap()));
    group.bench_function("read 28-200-200-1", |bencher| bencher.iter(|| Model::from_bytes(&bytes).unwrap()));
    group.finish();
}
