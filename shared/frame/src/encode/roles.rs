//! What each column is for, as the user says it.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::{EncodingOptions, Meaning, Note};
use crate::error::{EncodingError, Error};
use crate::frame::Frame;
use crate::schema::LeftOut;

/// What to learn from what.
#[derive(Clone, Debug, PartialEq)]
pub struct Roles {
    pub target: String,
    /// All columns but the others named here, if none are listed.
    pub features: Option<Vec<String>>,
    pub ignored_columns: Vec<String>,
    pub weights_column: Option<String>,
    pub task: TaskChoice,
    /// What columns mean, where it is not what they look like.
    pub types: BTreeMap<String, Meaning>,
    pub options: EncodingOptions,
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
    pub(crate) fn check(&self, frame: &Frame) -> Result<(), Error> {
        let named = [("the target", Some(&self.target)), ("the weights column", self.weights_column.as_ref())];
        let listed = self.features.iter().flatten().map(|name| ("the feature", Some(name)));
        let left_out = |name: &&String| frame.left_out.iter().all(|column| column.name != **name);
        let ignored = self.ignored_columns.iter().filter(left_out).map(|name| ("the ignored column", Some(name)));
        let typed = self.types.keys().map(|name| ("the column with a type,", Some(name)));
        let transformed = self.options.transforms.keys().map(|name| ("the transformed column", Some(name)));
        for (role, column) in named.into_iter().chain(listed).chain(ignored).chain(typed).chain(transformed) {
            match column {
                Some(column) if !is_there(column, frame) => return Err(unknown(role, column, frame).into()),
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

    /// What was said of a column: under its own name, or that of the list that it is an element of.
    pub(super) fn of<T: Copy>(&self, said: &BTreeMap<String, T>, column: &str) -> Option<T> {
        let list = || said.iter().find(|(name, _)| is_element(column, name)).map(|(_, value)| *value);
        said.get(column).copied().or_else(list)
    }

    /// Whether a column, or an element of the list of this name, is among some.
    pub(super) fn is_used(&self, name: &str, columns: &BTreeSet<&str>) -> bool {
        columns.iter().any(|column| *column == name || is_element(column, name))
    }

    /// Whether a column may be a feature; a note where it was asked for and is none.
    pub(super) fn takes(&self, column: &str, notes: &mut Vec<Note>) -> bool {
        let names = |name: &String| name == column || is_element(column, name);
        let listed = self.features.as_ref().is_none_or(|features| features.iter().any(names));
        let other_role = if self.target == column {
            "the target"
        } else if self.weights_column.as_deref() == Some(column) {
            "the weights column"
        } else if self.ignored_columns.iter().any(names) {
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

/// A column, or a list whose elements are columns.
fn is_there(name: &str, frame: &Frame) -> bool {
    frame.column(name).is_some() || frame.columns.iter().any(|column| is_element(&column.name, name))
}

/// Whether a column is `LIST[3]`.
fn is_element(column: &str, list: &str) -> bool {
    let rest = column.strip_prefix(list).and_then(|rest| rest.strip_prefix('[')?.strip_suffix(']'));
    rest.is_some_and(|at| !at.is_empty() && at.bytes().all(|digit| digit.is_ascii_digit()))
}

/// Longer names are nobody's slip, and comparing them takes time and memory for every pair of letters.
const GUESSED_BYTES_MAX: usize = 256;

fn unknown(role: &'static str, column: &str, frame: &Frame) -> EncodingError {
    if let Some(left_out) = frame.left_out.iter().find(|left_out| left_out.name == column) {
        let LeftOut { name, source_type, reason } = left_out.clone();
        return EncodingError::LeftOutColumn { role, column: name, source_type, reason };
    }
    let available: Vec<String> = frame.columns.iter().map(|column| column.name.clone()).collect();
    let lower = column.to_lowercase();
    let likeness = |name: &String| match lower.len().max(name.len()) {
        ..=GUESSED_BYTES_MAX => strsim::normalized_damerau_levenshtein(&lower, &name.to_lowercase()),
        _ => 0.0,
    };
    let mut close: Vec<(f64, &String)> =
        available.iter().map(|name| (likeness(name), name)).filter(|(likeness, _)| *likeness >= 0.6).collect();
    close.sort_by(|a, b| b.0.total_cmp(&a.0));
    let close = close.into_iter().take(3).map(|(_, name)| name.clone()).collect();
    EncodingError::UnknownColumn { role, column: column.to_owned(), close, available }
}
