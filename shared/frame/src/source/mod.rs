//! Parquet files: which ones, what they say of themselves, and their columns in slices.
//!
//! Everything here meets files that others made. The decoder below may panic on a bad one, so it runs
//! behind [`crate::guard`].

mod columns;
mod footer;
mod list;
mod merge;
mod open;
mod pages;
mod read;
mod shape;
mod survey;
mod thrift;

use crate::error::SourceError;

pub use list::{Listed, Partitions, list};
pub(crate) use open::Sources;
pub(crate) use read::{Slice, SliceValues};
pub(crate) use survey::ROWS_MAX;
pub use survey::{SchemaMode, SourceFile, SourceOptions, Survey, survey, survey_beneath};

fn corrupt_footer(file: &str, reason: impl ToString) -> SourceError {
    SourceError::CorruptFooter { file: file.to_owned(), reason: reason.to_string() }
}
