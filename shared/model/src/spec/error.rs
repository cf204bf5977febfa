//! What can be wrong with a spec. Each message names the key, its value and what is possible.

use aquifer_frame::{BLOCK_ROWS, Target};

use crate::metric::MetricName;

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
    #[error("`{of}` needs `{key}`, which is not given")]
    MissingFor { key: &'static str, of: &'static str },
    #[error("`loss` is \"{loss}\", which is not one of the target `{column}`: {}", other_task(loss))]
    LossOfAnotherTask { loss: &'static str, column: String },
    #[error("`{key}` is \"{metric}\", which is not reported of the target `{column}`: {because}")]
    MetricOfAnotherTarget { key: &'static str, metric: &'static str, column: String, because: &'static str },
    #[error("in [search.params]: {error}")]
    Searched {
        /// What is wrong with the key or its value.
        error: Box<SpecError>,
    },
    #[error("the search varies nothing: [search.params] is empty")]
    NothingToSearch,
    #[error("`{key}` is a range, but `strategy` is \"{strategy}\", which takes lists of values")]
    RangeNotDrawn { key: String, strategy: &'static str },
    #[error("the search has no end: `{key}` is a range, from which any number of values can be drawn")]
    EndlessSearch { key: String, strategy: &'static str },
    #[error("`strategy` is \"sequential\", but `{first}` has {values} values and `{key}` has {length}")]
    UnequalLists { first: String, values: usize, key: String, length: usize },
    #[error("the search has {} points: at most 100,000 without max_models", thousands(*points))]
    TooManyPoints { points: u128 },
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

/// With a comma between each three digits.
fn thousands(number: u128) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

fn quoted(choices: &[&str]) -> String {
    choices.iter().map(|choice| format!("\"{choice}\"")).collect::<Vec<_>>().join(", ")
}

impl SpecError {
    /// The metric, if it is reported of the target.
    pub(super) fn metric_of_target(
        key: &'static str,
        metric: MetricName,
        target: &Target,
    ) -> Result<MetricName, SpecError> {
        if metric.is_for(target) {
            return Ok(metric);
        }
        let (column, because) = match target {
            Target::Regression { column, .. } => (column, "it is for classes, and the target is a number"),
            Target::Classes { column, .. } if metric.is_for_two_classes() => {
                (column, "it is for two classes, and the target has another number of them")
            }
            Target::Classes { column, .. } => (column, "it is for numbers, and the target has classes"),
        };
        Err(SpecError::MetricOfAnotherTarget { key, metric: metric.name(), column: column.clone(), because })
    }

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
            SpecError::Missing { .. } | SpecError::MissingFor { .. } => "missing_key",
            SpecError::LossOfAnotherTask { .. } => "loss_of_another_task",
            SpecError::MetricOfAnotherTarget { .. } => "metric_of_another_target",
            SpecError::Searched { error } => error.code(),
            SpecError::NothingToSearch => "nothing_to_search",
            SpecError::RangeNotDrawn { .. } => "range_not_drawn",
            SpecError::EndlessSearch { .. } => "endless_search",
            SpecError::UnequalLists { .. } => "unequal_lists",
            SpecError::TooManyPoints { .. } => "too_many_points",
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
            SpecError::Missing { key } | SpecError::MissingFor { key, .. } => {
                Some(format!("give `--set {key}=…`, or the key in the spec"))
            }
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
            SpecError::MetricOfAnotherTarget { key, .. } => {
                Some(format!("leave out `{key}`: \"auto\" is the target's own; or give the `task` that it is for"))
            }
            SpecError::Searched { error } => error.hint(),
            SpecError::NothingToSearch => {
                Some("give lists of values in [search.params], such as l2 = [0.0, 1e-4]; or leave out [search]".into())
            }
            SpecError::RangeNotDrawn { .. } => {
                Some("give a list of values; or `strategy` \"random\", and `max_models`".into())
            }
            SpecError::EndlessSearch { strategy: "halving", .. } => {
                Some("give `max_models`: how many models begin".into())
            }
            SpecError::EndlessSearch { .. } => Some("give `max_models`, or `max_runtime_secs`".into()),
            SpecError::UnequalLists { .. } => {
                Some("give lists of one length: their first values make the first model, and so on".into())
            }
            SpecError::TooManyPoints { .. } => Some("give `max_models`, or fewer values".into()),
            SpecError::Contradiction { .. } => Some("keep one of the two".into()),
            SpecError::Assignment { .. } => Some("for example `--set epochs=5`".into()),
            _ => None,
        }
    }
}
