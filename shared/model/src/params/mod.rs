//! Parameters, one file an algorithm.

mod deeplearning;
pub mod range;

pub use deeplearning::{
    Activation, AveragingMode, DeepLearning, InitialWeights, LearningRateSchedule, Loss, Optimizer,
};
