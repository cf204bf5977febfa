//! The model file: one safetensors file. Any reader of that format gets the tensors; all else is JSON in the one metadata
//! key `aquifer` (safetensors keeps metadata in a hash map: with one key there is one order).
//!
//! Equal models are equal files: no time, no path, no product version. Reading trusts nothing: the file carries a
//! BLAKE3 of itself (`digest`), so no altered byte goes unseen.

mod check;
mod digest;
mod error;
mod hash;
mod metadata;
mod read;
#[cfg(test)]
mod tests;
mod write;

pub use error::ModelFileError;
pub use hash::{fit_hash, model_file_name, model_hash, tensor_hash};

use aquifer_frame::Encoding;

use crate::spec::FitSpec;
use crate::state::Score;

/// The newest format that is read, and the one that is written.
pub const MODEL_FORMAT: u32 = 1;
/// The class of arithmetic whose bits are the same on every CPU, and on GPUs with our own kernels.
pub const EXACT: &str = "exact";

/// Domains may be large; no model has a header larger than this.
const HEADER_BYTES_MAX: usize = 64 << 20;
const TENSORS_MAX: usize = 10_000;

/// All that a model file holds.
#[derive(Clone, Debug, PartialEq)]
pub struct Model {
    pub tensors: Vec<Tensor>,
    pub spec: FitSpec,
    pub encoding: Encoding,
    /// What was scored, as the file says it: one entry a part.
    pub scores: Vec<Score>,
    pub numeric_class: String,
    pub format: u32,
}

/// A named array, row-major.
#[derive(Clone, Debug, PartialEq)]
pub struct Tensor {
    pub name: String,
    pub shape: Vec<usize>,
    pub values: Vec<f32>,
}

impl Model {
    /// A model of the present format and exact arithmetic. Of the metrics it keeps [`crate::Metrics::kept`].
    pub fn new(tensors: Vec<Tensor>, spec: FitSpec, encoding: Encoding, mut scores: Vec<Score>) -> Self {
        scores.iter_mut().for_each(|score| score.metrics = score.metrics.kept());
        Self { tensors, spec, encoding, scores, numeric_class: EXACT.into(), format: MODEL_FORMAT }
    }

    pub fn tensor(&self, name: &str) -> Option<&Tensor> {
        self.tensors.iter().find(|tensor| tensor.name == name)
    }

    /// The tensors in the order of their names: that of the file and of the hashes.
    fn sorted(&self) -> Vec<&Tensor> {
        let mut sorted: Vec<_> = self.tensors.iter().collect();
        sorted.sort_by(|a, b| a.name.cmp(&b.name));
        sorted
    }
}
