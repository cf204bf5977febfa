//! Statistics of columns: exact, and equal in bits however the rows were cut into shards.
//!
//! Counts and levels add up in any order. Moments do not, so they are merged in the fixed tree over blocks: a shard hands
//! on the whole nodes of its blocks, and the frame joins them.

mod check;
mod count;
mod moments;
mod tally;

pub(crate) use count::{count_levels, number_stats};
pub use moments::Moments;
pub use tally::{ColumnStats, ColumnSummary, LEVELS_MAX_NUMBER, LEVELS_MAX_TEXT, Level, MomentsNode, Tally};
