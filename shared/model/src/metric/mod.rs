//! Metrics: what is reported of a model's predictions, and how a scoring round sums it up.
//!
//! A rank adds its rows to an [`Accumulator`], block by block; accumulators become partials, are added in the tree, and the total
//! becomes [`Metrics`]. The losses of rows come from the objective, where their formula stands.

mod accumulator;
mod auc;
mod confusion;
mod gains;
mod logit;
mod math;
mod metrics;
mod name;
mod precision_recall;
mod scoring;
mod stopping;
#[cfg(test)]
mod tests;
mod threshold;

pub use accumulator::Accumulator;
pub use confusion::{AtThreshold, Counts};
pub use gains::GainsGroup;
pub use metrics::Metrics;
pub use name::MetricName;
pub use scoring::{Family, Scoring};
pub use stopping::has_stalled;
pub use threshold::{Best, BestThresholds};
