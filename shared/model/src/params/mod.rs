//! Parameters, one file an algorithm; what is of any of them in `stopping`.

mod deeplearning;
pub mod range;
mod stopping;

pub use deeplearning::{
    Activation, AveragingMode, DeepLearning, InitialWeights, LearningRateSchedule, Loss, Optimizer,
};
pub use stopping::{ScoreInterval, Stopping};
