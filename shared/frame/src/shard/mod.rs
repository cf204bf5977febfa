//! Shards: source rows, gathered, narrowed and written as Arrow IPC; and mapped again without a copy.
//!
//! A shard is a pure function of the plan and the sources, so its file is named by its hash. [`import_shard`] makes one,
//! [`Shard::open`] maps one.

mod decimal;
mod gather;
mod import;
mod lists;
mod narrow;
mod open;
mod part;
mod record;
mod widen;
mod write;

pub use import::{import_shard, import_shard_beneath, import_shard_in_memory};
pub use open::Shard;
pub use part::{PART_PREFIX, claim_part, sweep_parts};
pub use record::{ShardRecord, StoredColumn, is_hash, short_hash};

/// Rows of a record batch: 16 mod 1,024, as a power of two would put all columns on the same cache sets.
pub(crate) const BATCH_ROWS: usize = 65_552;

/// Metadata of a field: the source type of whole numbers that count time.
pub(crate) const TYPE_KEY: &str = "aquifer.type";
