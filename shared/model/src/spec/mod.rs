//! The spec: what a user asks for. TOML text or `--set key=value` → [`Spec`] (as written) → [`Spec::resolve`] →
//! [`FitSpec`] (checked, every default in place): all that decides the bits of a model, and nothing else.
//!
//! Every key, its table, default and range stand once, in `keys`; docs/defaults.md is made from it.

mod check;
mod defaults;
mod error;
mod fit;
mod folds;
mod keys;
mod raw;
mod read;
mod resolve;
mod search;
mod set;
mod stopping;
#[cfg(test)]
mod tests;

pub(crate) use fit::CanonicalFit;

pub use defaults::defaults_page;
pub use error::SpecError;
pub use fit::{Algorithm, FitSpec, SplitChoice};
pub use folds::{FoldAssignment, FoldChoice, RawCrossValidation};
pub use raw::{Device, RawAveraging, RawEncoding, RawInitialWeights, RawLoss, RawOptimizer, RawParams, Spec};
pub use search::{Dimension, RawSearch, Search, Strategy};
pub use stopping::{RawStopping, StoppingMetric};
