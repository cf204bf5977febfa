//! The JSON beside the tensors.

use aquifer_frame::Encoding;
use serde::{Deserialize, Serialize};

use crate::spec::CanonicalFit;
use crate::state::Score;

/// The metadata key that holds all of it.
pub(super) const KEY: &str = "aquifer";

/// Fields in the order of the file: the digest's place is fixed (`digest`).
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Metadata {
    pub(super) blake3: String,
    pub(super) format: u32,
    pub(super) numeric_class: String,
    pub(super) fit: CanonicalFit,
    pub(super) encoding: Encoding,
    pub(super) metrics: Vec<Score>,
}

/// What is asked first, of any format.
#[derive(Deserialize)]
pub(super) struct FormatOnly {
    pub(super) format: u64,
}
