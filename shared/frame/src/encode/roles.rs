//! What each column is for, as the user says it.

use serde::{Deserialize, Serialize};

use super::Note;
use crate::error::{EncodingError, Error};
use crate::frame::Frame;

/// What to learn from what.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Roles {
    pub target: String,
    /// All columns but the others named here, if none are listed.
    pub features: Option<Vec<String>>,
    pub ignored_columns: Vec<String>,
    pub weights_column: Option<String>,
    pub task: TaskChoice,
    /// Scale numeric features to mean 0 and deviation 1.
    pub standardize: bool,
}

/// What kind of target it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TaskChoice {
    /// Text, booleans and numbers of two values are classes, other numbers are regression.
    #[default]
    Auto,
    Classification,
    Regression,
}

impl Roles {
    /// Every name must be a column, and of one role.
    pub(super) fn check(&self, frame: &Frame) -> Result<(), Error> {
        let named = [("the target", Some(&self.target)), ("the weights column", self.weights_column.as_ref())];
        let listed = self.features.iter().flatten().map(|name| ("the feature", Some(name)));
        let ignored = self.ignored_columns.iter().map(|name| ("the ignored column", Some(name)));
        for (role, column) in named.into_iter().chain(listed).chain(ignored) {
            match column {
                Some(column) if frame.column(column).is_none() => return Err(unknown(role, column, frame).into()),
                _ => {}
            }
        }
        let conflict =
            |column: &str, first, second| EncodingError::RoleConflict { column: column.into(), first, second };
        if self.weights_column.as_ref() == Some(&self.target) {
            return Err(conflict(&self.target, "target", "weights column").into());
        }
        match &self.weights_column {
            _ if self.ignored_columns.contains(&self.target) => {
                Err(conflict(&self.target, "target", "ignored column").into())
            }
            Some(weights) if self.ignored_columns.contains(weights) => {
                Err(conflict(weights, "weights column", "ignored column").into())
            }
            _ => Ok(()),
        }
    }

    /// Whether a column may be a feature; a note where it was asked for and is none.
    pub(super) fn takes(&self, column: &str, notes: &mut Vec<Note>) -> bool {
        let listed = self.features.as_ref().is_none_or(|features| features.iter().any(|name| name == column));
        let other_role = if self.target == column {
            "the target"
        } else if self.weights_column.as_deref() == Some(column) {
            "the weights column"
        } else if self.ignored_columns.iter().any(|name| name == column) {
            "ignored"
        } else {
            return listed;
        };
        if listed && self.features.is_some() {
            notes.push(Note::of("not_a_feature", column, format!("{column} is no feature: it is {other_role}")));
        }
        false
    }
}

fn unknown(role: &'static str, column: &str, frame: &Frame) -> EncodingError {
    let available: Vec<String> = frame.columns.iter().map(|column| column.name.clone()).collect();
    let lower = column.to_lowercase();
    let likeness = |name: &String| strsim::normalized_damerau_levenshtein(&lower, &name.to_lowercase());
    let mut close: Vec<(f64, &String)> =
        available.iter().map(|name| (likeness(name), name)).filter(|(likeness, _)| *likeness >= 0.6).collect();
    close.sort_by(|a, b| b.0.total_cmp(&a.0));
    let close = close.into_iter().take(3).map(|(_, name)| name.clone()).collect();
    EncodingError::UnknownColumn { role, column: column.to_owned(), close, available }
}
