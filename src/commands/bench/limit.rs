//! The limits of a machine, by name: what figures are shares of.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

/// A rate that this machine cannot exceed; in the order in which they are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Limit {
    Fma,
    FmaOneThread,
    Memory,
    MemoryOneThread,
    DiskRead,
    DiskWrite,
    Loopback,
}

impl Limit {
    pub(super) const ALL: [Limit; 7] = [
        Limit::Fma,
        Limit::FmaOneThread,
        Limit::Memory,
        Limit::MemoryOneThread,
        Limit::DiskRead,
        Limit::DiskWrite,
        Limit::Loopback,
    ];

    /// The key in JSON. Without `one_thread`: all threads together.
    pub(super) fn key(self) -> &'static str {
        match self {
            Limit::Fma => "fma_flops_per_second",
            Limit::FmaOneThread => "fma_flops_per_second_one_thread",
            Limit::Memory => "memory_bytes_per_second",
            Limit::MemoryOneThread => "memory_bytes_per_second_one_thread",
            Limit::DiskRead => "disk_read_bytes_per_second",
            Limit::DiskWrite => "disk_write_bytes_per_second",
            Limit::Loopback => "loopback_bytes_per_second",
        }
    }

    /// For people.
    pub(super) fn label(self) -> &'static str {
        match self {
            Limit::Fma => "FMA, all threads",
            Limit::FmaOneThread => "FMA, one thread",
            Limit::Memory => "memory, all threads",
            Limit::MemoryOneThread => "memory, one thread",
            Limit::DiskRead => "disk read",
            Limit::DiskWrite => "disk write",
            Limit::Loopback => "loopback TCP",
        }
    }

    pub(super) fn unit(self) -> &'static str {
        match self {
            Limit::Fma | Limit::FmaOneThread => "flops/s",
            _ => "bytes/s",
        }
    }

    pub(super) fn is_of_disk(self) -> bool {
        matches!(self, Limit::DiskRead | Limit::DiskWrite)
    }
}

/// Those that were measured.
#[derive(Debug, Default)]
pub(super) struct Limits(BTreeMap<Limit, f64>);

impl Limits {
    pub(super) fn get(&self, limit: Limit) -> Option<f64> {
        self.0.get(&limit).copied()
    }

    pub(super) fn set(&mut self, limit: Limit, rate: f64) {
        self.0.insert(limit, rate);
    }

    /// Every key; null where a limit was not measured.
    pub(super) fn to_json(&self, threads: u32) -> Value {
        let mut object = Map::from_iter([("threads".to_owned(), threads.into())]);
        object.extend(Limit::ALL.map(|limit| (limit.key().to_owned(), self.get(limit).into())));
        Value::Object(object)
    }
}
