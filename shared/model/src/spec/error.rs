//! What can be wrong with a spec. Each message names the key, its value and what is possible.

use aquifer_frame::BLOCK_ROWS;

/// Why a spec was refused.
#[derive(Debug, thiserror::Error)]
pub enum SpecError {
    #[error("the spec has {bytes} bytes: at most {limit} are read")]
    TooLarge { bytes: usize, limit: usize },
    #[error("the spec is not TOML: line {line}, column {column}: {}", source.message())]
    Syntax { line: usize, column: usize, source: Box<toml::de::Error> },
    #[error("unknown key `{key}`{}", suggestion.as_ref().map(|s| format!(": did you mean {s}?")).unwrap_or_default())]
    UnknownKey {
        key: String,
        /// Where it was looked for.
        place: String,
        /// The key that was probably meant, and its table if that is another one.
        suggestion: Option<String>,
        valid: Vec<&'static str>,
    },
    #[error("key `{key}` belongs in {belongs}, not in {place}")]
    Misplaced { key: String, place: String, belongs: String },
    #[error("`{key}` is not supported yet")]
    Unsupported { key: String },
    #[error("version {version} of the spec is not known: this binary reads version 1")]
    Version { version: u64 },
    #[error("`{key}` is {value}: {expected} is expected")]
    WrongType { key: String, value: String, expected: &'static str },
    #[error("`{key}` is {value}: {}", one_of(choices, *suggestion))]
    NotAChoice { key: String, value: String, choices: Vec<&'static str>, suggestion: Option<&'static str> },
    #[error("`{key}` is {value}: must be {range}")]
    OutOfRange { key: &'static str, value: String, range: String },
    #[error("`{key}` does not apply: {because}")]
    NotApplicable { key: &'static str, because: &'static str },
    #[error("`{key}` is not given")]
    Missing { key: &'static str },
    #[error("`loss` is \"{loss}\", which is not one of the target `{column}`: {}", other_task(loss))]
    LossOfAnotherTask { loss: &'static str, column: String },
    #[error("{reason}")]
    Contradiction { reason: String },
    #[error(
        "`ranks` is {ranks}, but the {rows} rows make {blocks} blocks of {BLOCK_ROWS} rows, and each rank needs one: \
         at most {blocks}"
    )]
    TooManyRanks { ranks: u64, blocks: u64, rows: u64 },
    #[error("`{assignment}` is not an assignment: key=value is expected")]
    Assignment { assignment: String },
    #[error("the fit spec cannot be written")]
    Canonical { source: serde_json::Error },
}

fn one_of(choices: &[&str], suggestion: Option<&str>) -> String {
    match suggestion {
        Some(suggestion) => format!("did you mean \"{suggestion}\"?"),
        None => format!("supported: {}", quoted(choices)),
    }
}

fn other_task(loss: &str) -> &'static str {
    match loss {
        "cross_entropy" => "it is for classes, and the target is a number",
        _ => "it is for numbers, and the target has classes",
    }
}

fn quoted(choices: &[&str]) -> String {
    choices.iter().map(|choice| format!("\"{choice}\"")).collect::<Vec<_>>().join(", ")
}

impl SpecError {
    /// Stable, for programs.
    pub fn code(&self) -> &'static str {
        match self {
            SpecError::TooLarge { .. } => "spec_too_large",
            SpecError::Syntax { .. } => "spec_syntax",
            SpecError::UnknownKey { .. } => "unknown_key",
            SpecError::Misplaced { .. } => "misplaced_key",
            SpecError::Unsupported { .. } => "not_supported",
            SpecError::Version { .. } => "spec_version",
            SpecError::WrongType { .. } => "wrong_type",
            SpecError::NotAChoice { .. } => "not_a_choice",
            SpecError::OutOfRange { .. } => "out_of_range",
            SpecError::NotApplicable { .. } => "not_applicable",
            SpecError::Missing { .. } => "missing_key",
            SpecError::LossOfAnotherTask { .. } => "loss_of_another_task",
            SpecError::Contradiction { .. } => "contradiction",
            SpecError::TooManyRanks { .. } => "too_many_ranks",
            SpecError::Assignment { .. } => "not_an_assignment",
            SpecError::Canonical { .. } => "fit_spec",
        }
    }

    /// What the user can do.
    pub fn hint(&self) -> Option<String> {
        match self {
            SpecError::UnknownKey { place, suggestion: None, valid, .. } => {
                Some(format!("keys of {place}: {}", valid.join(", ")))
            }
            SpecError::NotAChoice { choices, suggestion: Some(_), .. } => {
                Some(format!("supported: {}", quoted(choices)))
            }
            SpecError::Missing { key } => Some(format!("give `--set {key}=…`, or the key in the spec")),
            SpecError::TooManyRanks { blocks, .. } => Some(format!("give `ranks` from 1 to {blocks}, or leave it out")),
            SpecError::NotApplicable { key, .. } => Some(format!("leave out `{key}`")),
            SpecError::OutOfRange { .. }
            | SpecError::WrongType { .. }
            | SpecError::NotAChoice { .. }
            | SpecError::Unsupported { .. } => Some("docs/defaults.md lists every key, its default and range".into()),
            SpecError::Syntax { .. } => {
                Some("a text stands in quotes, a list in brackets, a table's name alone".into())
            }
            SpecError::Misplaced { belongs, .. } => Some(format!("move it to {belongs}; `--set` needs no table")),
            SpecError::Version { .. } => Some("write version = 1, or update aquifer".into()),
            SpecError::LossOfAnotherTask { .. } => {
                Some("leave out `loss`: \"auto\" is the target's own; or give the `task` that it is for".into())
            }
            SpecError::Contradiction { .. } => Some("keep one of the two".into()),
            SpecError::Assignment { .. } => Some("for example `--set epochs=5`".into()),
            _ => None,
        }
    }
}
