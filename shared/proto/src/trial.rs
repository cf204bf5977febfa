//! What a worker is told of a trial: all it needs, and nothing that could change a bit.

use std::collections::BTreeMap;

use aquifer_frame::{Encoding, Plan, ShardRecord, Side};
use aquifer_model::{FitSpec, Part};
use serde::{Deserialize, Serialize};

/// One trial, the same text for every member.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct TrialPlan {
    pub fit: FitSpec,
    pub encoding: Encoding,
    pub parts: Vec<PartPlan>,
}

/// One part of the data: how it was cut, and where its shards lie.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct PartPlan {
    pub part: Part,
    pub rows: u64,
    /// The rows that are read; absent: all of them.
    #[serde(default)]
    pub side: Option<Side>,
    /// The way back to the source, for a shard that nobody has.
    pub plan: Plan,
    /// Files of the plan that only a client could read, by path: the BLAKE3 of what it uploaded.
    #[serde(default)]
    pub uploads: BTreeMap<String, String>,
    pub shards: Vec<ShardHolders>,
}

/// A shard and the addresses of the workers that have it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ShardHolders {
    pub record: ShardRecord,
    pub addresses: Vec<String>,
}
