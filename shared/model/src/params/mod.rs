//! Parameters, one file an algorithm.

mod deeplearning;

pub use deeplearning::{Activation, AveragingMode, DeepLearning, Optimizer};
