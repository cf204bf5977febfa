//! Statistics of columns: equal in bits however the rows were cut into shards.
//!
//! Counts and levels add up in any order. Moments do not, so they are merged in the fixed tree over blocks: a shard hands
//! on the whole nodes of its blocks, and the frame joins them. Quantiles and the parts of times come from levels, or from
//! rows that the frame's size alone chooses. Text is also taken as what it may mean, reading by reading.

mod check;
mod count;
mod merge;
mod moments;
mod packed;
mod quantiles;
mod tally;
mod text;

pub(crate) use count::{ShardRows, number_stats};
pub use moments::Moments;
pub(crate) use tally::LevelLimits;
pub use tally::{
    ColumnStats, ColumnSummary, LEVELS_MAX_NUMBER, LEVELS_MAX_TEXT, Level, MomentsNode, PartSummary, ReadingStats,
    ReadingSummary, Tally,
};
pub(crate) use text::{TextColumn, text_stats};
