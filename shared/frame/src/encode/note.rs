//! What was decided about the data, for a person to know.

use serde::{Deserialize, Serialize};

/// One decision: columns dropped, values filled in, rows left out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Note {
    /// Stable, for programs.
    pub code: String,
    pub column: Option<String>,
    pub message: String,
}

impl Note {
    pub(crate) fn of(code: &str, column: &str, message: String) -> Self {
        Self { code: code.to_owned(), column: Some(column.to_owned()), message }
    }

    pub(super) fn dropped(column: &str, why: &str) -> Self {
        Self::of("dropped", column, format!("{column} is dropped: {why}"))
    }
}
