//! Parquet files: which ones, what they say of themselves, and their columns in slices.
//!
//! Everything here meets files that others made. The decoder below may panic on a bad one, so it runs behind [`guarded`].

mod footer;
mod list;
mod read;
mod survey;
mod thrift;

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::error::SourceError;

pub use list::list;
pub(crate) use read::{SourceReader, open_sources};
pub use survey::{SourceFile, Survey, survey};

/// Runs a decoder; its panic is an error like its others.
fn guarded<T, E>(decode: impl FnOnce() -> Result<T, E>) -> Result<T, Box<dyn std::error::Error + Send + Sync>>
where
    E: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    match catch_unwind(AssertUnwindSafe(decode)) {
        Ok(result) => result.map_err(Into::into),
        Err(panic) => Err(panic_text(panic.as_ref()).into()),
    }
}

fn panic_text(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str).or(panic.downcast_ref::<&str>().copied());
    format!("the decoder gave up: {}", text.unwrap_or("no reason"))
}

fn corrupt_footer(file: &str, reason: impl ToString) -> SourceError {
    SourceError::CorruptFooter { file: file.to_owned(), reason: reason.to_string() }
}
