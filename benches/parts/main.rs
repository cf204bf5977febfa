//! The parts, each alone, measured by criterion: for who changes one of them and wants to know by how much.
//!
//! `cargo bench` measures, `cargo bench -- --test` runs each once, `cargo bench -- wire` those with `wire` in their names.
//! `aquifer bench` is for machines: it compares whole parts with what the machine could do.

#![allow(clippy::unwrap_used)] // what fails here is the benchmark

mod data;
mod exchange;
mod model;
mod search;
mod training;

/// What `aquifer bench` trains and imports, too.
#[path = "../../src/commands/bench/network.rs"]
mod network;
#[path = "../../src/commands/bench/synthetic.rs"]
mod synthetic;

criterion::criterion_group!(
    benches,
    data::benches,
    training::benches,
    exchange::benches,
    model::benches,
    search::benches
);
criterion::criterion_main!(benches);
