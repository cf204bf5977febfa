//! Algorithms, each as `map` and `update` over the same rounds.

mod deeplearning;

pub use deeplearning::{Context, Memory, PartRows, Prepared, Trial, Workspace};
