//! Parquet → shards → batches: what a data set is, how it is cut, encoded, ordered and read.
//!
//! Nothing here knows of models, networks or clusters.

mod ahead;
mod assemble;
mod batch;
mod block;
mod columns;
mod encode;
mod error;
mod filter;
mod folds;
mod frame;
mod guard;
mod held;
mod insight;
mod instants;
mod map;
mod order;
mod philox;
mod plan;
mod reader;
mod reading;
mod roots;
mod sample;
mod schema;
mod shard;
mod shuffle;
mod simd;
mod source;
mod stats;
mod strata;
mod time;
mod tree;
mod value;

#[cfg(test)]
mod tests;

pub use ahead::Ahead;
pub use batch::Batch;
pub use block::{BLOCK_ROWS, block_count, block_rows, rank_blocks};
pub use columns::{COLUMN_LANES, Columns};
pub use encode::{
    Apply, CLASSES_MAX, Categorical, EncodedFrame, Encoding, EncodingOptions, Meaning, MissingValues, Note, Numeric,
    Quantity, Roles, Scaling, Target, TaskChoice, TimeFeatures, Transform,
};
pub use error::{EncodingError, Error, Place, ShardError, SourceError};
pub use filter::{Side, Split};
pub use folds::{Deal, FOLDS_MAX, FoldSide, Folds};
pub use frame::{Frame, FrameColumn};
pub use guard::is_guarded;
pub use insight::{TakenFor, View, insights, source_notes, target_notes};
pub use order::Mixing;
pub use philox::{Philox, below, unit};
pub use plan::{Plan, plan, plan_with_shard_rows};
pub use reader::Reader;
pub use reading::{Reading, is_missing_text};
pub use roots::Roots;
pub use schema::{Absent, ColumnKind, LeftOut, Origin, SourceColumn};
pub use shard::{
    PART_PREFIX, Shard, ShardRecord, StoredColumn, claim_part, import_shard, import_shard_beneath,
    import_shard_in_memory, is_hash, short_hash, sweep_parts,
};
pub use shuffle::Shuffle;
pub use simd::{Isa, Loop, Set, transpose};
pub use source::{Listed, Partitions, SchemaMode, SourceFile, SourceOptions, Survey, list, survey, survey_beneath};
pub use stats::{
    ColumnStats, ColumnSummary, LEVELS_MAX_NUMBER, LEVELS_MAX_TEXT, Level, Moments, MomentsNode, PartSummary,
    ReadingStats, ReadingSummary, Tally,
};
pub use time::{Calendar, Clock, TimePart, TimeType, TimeUnit};
pub use tree::{Fold, Node, whole_nodes};
pub use value::Value;
