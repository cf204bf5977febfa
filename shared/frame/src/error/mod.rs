//! What can go wrong between a file and a batch: one enum a stage, joined in [`Error`].
//!
//! Every error has a stable code for programs, and most have a hint for people. Messages are lower-case without a full
//! stop; causes are kept as sources and not repeated in the message.

mod encoding;
mod shard;
mod source;

use std::io;
use std::path::Path;

pub use encoding::EncodingError;
pub(crate) use encoding::list;
pub use shard::ShardError;
pub(crate) use source::Cause;
pub use source::{Place, SourceError};

/// Any failure of this crate.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The data that was given.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// The files made from it.
    #[error(transparent)]
    Shard(#[from] ShardError),
    /// What is asked of it: target, features, weights.
    #[error(transparent)]
    Encoding(#[from] EncodingError),
    /// The operating system.
    #[error("cannot {doing} {path}")]
    Io {
        doing: &'static str,
        path: String,
        #[source]
        source: io::Error,
    },
}

impl Error {
    pub(crate) fn io(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.display().to_string();
        move |source| Self::Io { doing, path, source }
    }

    /// Stable, for programs.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Source(error) => error.code(),
            Self::Shard(error) => error.code(),
            Self::Encoding(error) => error.code(),
            Self::Io { source, .. } => match source.kind() {
                io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => "disk_full",
                io::ErrorKind::ReadOnlyFilesystem => "read_only",
                io::ErrorKind::PermissionDenied => "permission_denied",
                io::ErrorKind::NotFound => "no_such_file",
                _ => "io_error",
            },
        }
    }

    /// What the user can do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Source(error) => error.hint(),
            Self::Shard(error) => error.hint(),
            Self::Encoding(error) => error.hint(),
            Self::Io { .. } => match self.code() {
                "disk_full" => Some("free some space there, or choose another data folder with --dir".into()),
                "read_only" => Some("choose a data folder that can be written with --dir".into()),
                "permission_denied" => Some("check the owner and the permissions of the path".into()),
                _ => None,
            },
        }
    }
}
