//! What a worker is told of trials: all it needs, and nothing that could change a bit; and what it says of one that ended.

use std::collections::BTreeMap;

use aquifer_frame::{Encoding, Folds, Plan, ShardRecord, Side};
use aquifer_model::{CurvePoint, FitSpec, Part, Score};
use serde::{Deserialize, Serialize};

/// Trials that read the same batches, the same text for every member.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct CohortPlan {
    pub encoding: Encoding,
    pub parts: Vec<PartPlan>,
    /// Of the training part, where trials are folds.
    #[serde(default)]
    pub folds: Option<Folds>,
    pub trials: Vec<TrialPlan>,
}

/// One trial.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TrialPlan {
    /// Hash of all that decides what it finds: with a round, the name of a state.
    pub identity: String,
    pub fit: FitSpec,
    /// The fold that it holds out, and is scored on alone.
    #[serde(default)]
    pub fold: Option<u32>,
    /// Its model is sent in the end.
    pub keeps_model: bool,
    /// Where it goes on; absent: it begins.
    #[serde(default)]
    pub from: Option<StateFrom>,
    /// The round before which members say the check of their state: they differed there once.
    #[serde(default)]
    pub check_at: Option<u64>,
}

/// A state that a trial goes on from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StateFrom {
    pub round: u64,
    /// Addresses of the workers that hold it.
    pub holders: Vec<String>,
    /// The coordinator has it as a checkpoint.
    pub checkpoint: bool,
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

/// How a trial ended.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct TrialOutcome {
    pub scores: Vec<Score>,
    /// Scorings while it trained.
    pub curve: Vec<CurvePoint>,
    /// Positions passed, and the position of the state that is the model.
    pub position: u64,
    pub model_position: u64,
    /// It ended before its last position.
    pub stopped: bool,
    pub samples: u64,
}
