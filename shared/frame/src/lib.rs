//! Parquet → shards → batches: what a data set is, how it is cut, encoded, ordered and read.
//!
//! Nothing here knows of models, networks or clusters.

mod batch;
mod block;
mod encode;
mod philox;
mod tree;

pub use batch::Batch;
pub use block::{BLOCK_ROWS, block_count, block_rows, rank_blocks};
pub use encode::{Categorical, Encoding, Numeric, Target};
pub use philox::{Philox, below, unit};
pub use tree::{Fold, Node, whole_nodes};
