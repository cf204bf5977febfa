//! Parquet files: which ones, what they say of themselves, and their columns in slices.
//!
//! Everything here meets files that others made. The decoder below may panic on a bad one, so it runs
//! behind [`crate::guard`].

mod footer;
mod list;
mod read;
mod survey;
mod thrift;

use crate::error::SourceError;

pub use list::list;
pub(crate) use read::{SourceReader, open_sources};
pub(crate) use survey::ROWS_MAX;
pub use survey::{SourceFile, Survey, survey};

fn corrupt_footer(file: &str, reason: impl ToString) -> SourceError {
    SourceError::CorruptFooter { file: file.to_owned(), reason: reason.to_string() }
}
