//! A worker: it dials the coordinator, holds shards, maps ranks on its threads, and exchanges partials with its peers.
//!
//! [`core`] decides; `trial` drives one trial through its rounds; `session`, `peer` and `server` translate the wire.

mod address;
mod budget;
mod config;
pub mod core;
mod counters;
mod executor;
mod imports;
mod inbox;
mod link;
mod node;
mod operations;
mod peer;
mod registry;
mod resources;
mod said;
mod server;
mod session;
mod shards;
mod states;
mod store;
mod trial;

pub use budget::{BASE_BYTES, too_small};
pub use config::{Config, Seams};
pub use executor::{Executor, Inline, Task, ThreadPool};
pub use resources::{cgroup_memory_bytes, disk_free_bytes, memory_bytes};
pub use server::Worker;
pub use trial::Pair;
