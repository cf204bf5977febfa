//! Failures of shard files and of what is known about them.

use super::source::Cause;

#[derive(Debug, thiserror::Error)]
pub enum ShardError {
    #[error("the shard {file} is damaged: {reason}")]
    Damaged { file: String, reason: String },
    #[error("the shard {file} cannot be decoded")]
    Undecodable {
        file: String,
        #[source]
        source: Cause,
    },
    #[error("the shards do not make up the frame: {reason}")]
    DoNotFit { reason: String },
    #[error("a shard cannot be written")]
    Unwritable {
        #[source]
        source: Cause,
    },
    #[error("no shard at hand holds block {block}")]
    MissingBlock { block: u64 },
}

impl ShardError {
    pub(crate) fn code(&self) -> &'static str {
        match self {
            Self::Damaged { .. } | Self::Undecodable { .. } => "shard_damaged",
            Self::DoNotFit { .. } => "shards_do_not_fit",
            Self::Unwritable { .. } => "shard_unwritable",
            Self::MissingBlock { .. } => "missing_block",
        }
    }

    pub(crate) fn hint(&self) -> Option<String> {
        match self {
            Self::Damaged { .. } | Self::Undecodable { .. } => {
                Some("remove it: it is made again from the source".into())
            }
            _ => None,
        }
    }
}
