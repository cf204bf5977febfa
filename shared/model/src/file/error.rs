//! What can be wrong with a model file.

use super::MODEL_FORMAT;
use crate::spec::SpecError;

/// Why a model file was not read, or not written.
#[derive(Debug, thiserror::Error)]
pub enum ModelFileError {
    #[error("not a safetensors file: {reason}")]
    NotSafetensors { reason: &'static str },
    #[error("the model file is truncated: {bytes} bytes, {expected} expected")]
    Truncated { bytes: u64, expected: u64 },
    #[error("the header of the file is damaged, or not that of a safetensors file")]
    Header { source: safetensors::SafeTensorError },
    #[error("a safetensors file, but not a model of Aquifer: no `aquifer` in its metadata")]
    NotAModel,
    #[error("the model was written by a newer version: format {format}, this binary reads up to {MODEL_FORMAT}")]
    Newer { format: u64 },
    #[error("the model file was altered: its bytes do not give the BLAKE3 that it carries")]
    Altered,
    #[error("the model's {field} cannot be read: {reason}")]
    Content { field: &'static str, reason: String },
    #[error("the model's {field} is not valid")]
    Json { field: &'static str, source: serde_json::Error },
    #[error("the model's fit spec is not valid")]
    Spec { source: SpecError },
    #[error("the model has {what}: at most {limit} fit into a file")]
    TooLarge { what: String, limit: usize },
}

impl ModelFileError {
    /// Stable, for programs.
    pub fn code(&self) -> &'static str {
        match self {
            ModelFileError::NotSafetensors { .. } => "not_safetensors",
            ModelFileError::Truncated { .. } => "model_truncated",
            ModelFileError::Header { .. } => "model_header",
            ModelFileError::NotAModel => "not_a_model",
            ModelFileError::Newer { .. } => "model_newer",
            ModelFileError::Altered => "model_altered",
            ModelFileError::Content { .. } | ModelFileError::Json { .. } | ModelFileError::Spec { .. } => {
                "model_content"
            }
            ModelFileError::TooLarge { .. } => "model_too_large",
        }
    }

    /// What the user can do.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            ModelFileError::NotSafetensors { .. } | ModelFileError::NotAModel => {
                Some("give a file that `aquifer train` wrote with --out")
            }
            ModelFileError::Truncated { .. } | ModelFileError::Header { .. } | ModelFileError::Altered => Some(
                "copy the file again from its source, or train again: the same data, spec and seed give the same file",
            ),
            ModelFileError::Newer { .. } => Some("update aquifer"),
            _ => None,
        }
    }
}
