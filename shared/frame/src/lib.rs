//! Parquet → shards → batches: what a data set is, how it is cut, encoded, ordered and read.
//!
//! Nothing here knows of models, networks or clusters.

mod assemble;
mod batch;
mod block;
mod encode;
mod error;
mod frame;
mod guard;
mod map;
mod order;
mod philox;
mod plan;
mod reader;
mod roots;
mod schema;
mod shard;
mod source;
mod stats;
mod tree;
mod value;

#[cfg(test)]
mod tests;

pub use batch::Batch;
pub use block::{BLOCK_ROWS, block_count, block_rows, rank_blocks};
pub use encode::{CLASSES_MAX, Categorical, EncodedFrame, Encoding, Note, Numeric, Roles, Target, TaskChoice};
pub use error::{EncodingError, Error, Place, ShardError, SourceError};
pub use frame::{Frame, FrameColumn};
pub use guard::is_guarded;
pub use philox::{Philox, below, unit};
pub use plan::{Plan, plan, plan_with_shard_rows};
pub use reader::Reader;
pub use roots::Roots;
pub use schema::{ColumnKind, SourceColumn};
pub use shard::{Shard, ShardRecord, StoredColumn, import_shard, import_shard_in_memory, is_hash};
pub use source::{SourceFile, Survey, list, survey};
pub use stats::{ColumnStats, ColumnSummary, LEVELS_MAX_NUMBER, LEVELS_MAX_TEXT, Level, Moments, MomentsNode, Tally};
pub use tree::{Fold, Node, whole_nodes};
pub use value::Value;
