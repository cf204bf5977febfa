//! Algorithms, each as `map` and `update` over the same rounds.

mod deeplearning;

pub use deeplearning::{PartRows, Trial, Workspace};
