//! Failures of roles and columns: target, features, weights, and data that does not fit a model.

#[derive(Debug, thiserror::Error)]
pub enum EncodingError {
    /// `close`: names that look alike, at most 3.
    #[error("{role} {column:?} is no column of the data")]
    UnknownColumn { role: &'static str, column: String, close: Vec<String>, available: Vec<String> },
    #[error("{role} {column:?} cannot be read: it is {source_type}: {reason}")]
    LeftOutColumn { role: &'static str, column: String, source_type: String, reason: String },
    #[error("{column:?} cannot be both {first} and {second}")]
    RoleConflict { column: String, first: &'static str, second: &'static str },
    #[error("the target {column:?} has no values: all {rows} rows are null")]
    TargetAllNull { column: String, rows: u64 },
    #[error("the target {column:?} is constant: every value is {value}")]
    TargetConstant { column: String, value: String },
    #[error("the target {column:?} has {nan} NaN and {infinite} infinite values")]
    TargetNotFinite { column: String, nan: u64, infinite: u64 },
    #[error("the target {column:?} is not numeric: it cannot be a regression's")]
    TargetNotNumeric { column: String },
    /// `found`: how many there are, as far as they were counted.
    #[error("the target {column:?} has {found}: at most {limit} classes are learned")]
    TooManyClasses { column: String, found: String, limit: usize },
    #[error("the column {column:?} cannot be {}: {reason}", meaning.map_or("a feature".to_owned(), |m| format!("read as `{m}`")))]
    TypeMismatch { column: String, meaning: Option<crate::encode::Meaning>, reason: String },
    #[error("the data cannot be split by the time of {column:?}: {reason}")]
    NoTimeOrder { column: String, reason: String },
    #[error("the fold column {column:?} {reason}")]
    BadFolds { column: String, reason: String },
    #[error("no logarithm can be taken of the column {column:?}: {reason}")]
    NoTransform { column: String, reason: String },
    #[error("the values of {column:?} are too large or too close together to compute with")]
    ValuesOutOfRange { column: String },
    #[error("no feature is left")]
    NoFeatures,
    #[error("the weights column {column:?} {reason}")]
    BadWeights { column: String, reason: String },
    #[error("the column {column:?}, a feature of the model, is missing")]
    MissingColumn { column: String },
    #[error("the target {column:?} is missing")]
    MissingTarget { column: String },
    #[error("the column {column:?} is {found} here, and {expected} in the model")]
    KindMismatch { column: String, found: String, expected: String },
    #[error(
        "the target {column:?} has classes that were not seen in training: {unseen}; here: {found}; in training: {known}"
    )]
    UnseenClasses { column: String, unseen: String, found: String, known: String },
}

impl EncodingError {
    pub(crate) fn code(&self) -> &'static str {
        match self {
            Self::UnknownColumn { .. } => "unknown_column",
            Self::LeftOutColumn { .. } => "unsupported_column",
            Self::RoleConflict { .. } => "role_conflict",
            Self::TargetAllNull { .. } => "target_all_null",
            Self::TargetConstant { .. } => "target_constant",
            Self::TargetNotFinite { .. } => "target_not_finite",
            Self::TargetNotNumeric { .. } => "target_not_numeric",
            Self::TypeMismatch { .. } => "type_mismatch",
            Self::NoTransform { .. } => "no_transform",
            Self::NoTimeOrder { .. } => "no_time_order",
            Self::BadFolds { .. } => "bad_folds",
            Self::TooManyClasses { .. } => "too_many_classes",
            Self::ValuesOutOfRange { .. } => "values_out_of_range",
            Self::NoFeatures => "no_features",
            Self::BadWeights { .. } => "bad_weights",
            Self::MissingColumn { .. } => "missing_column",
            Self::MissingTarget { .. } => "target_missing",
            Self::KindMismatch { .. } => "kind_mismatch",
            Self::UnseenClasses { .. } => "unseen_classes",
        }
    }

    pub(crate) fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::UnknownColumn { close, available, .. } => match &close[..] {
                [] => format!("the columns are {}", list(available)),
                close => format!("did you mean {}?", close.join(" or ")),
            },
            Self::TargetAllNull { .. } | Self::TargetConstant { .. } => "choose another target".into(),
            Self::TargetNotFinite { .. } => {
                "remove those rows, or make the values null: rows without a target are left out".into()
            }
            Self::TargetNotNumeric { .. } => "use task = classification".into(),
            Self::TooManyClasses { .. } => "use task = regression for a number, or group the values".into(),
            Self::ValuesOutOfRange { .. } => "scale the column, or leave it out with ignored_columns".into(),
            Self::NoFeatures => {
                "constant columns, text with too many values, the target and the weights are no features".into()
            }
            Self::BadWeights { .. } => "weights are finite numbers of at least 0, one a row, not all 0".into(),
            Self::MissingTarget { .. } => "data to be scored needs the target; `aquifer predict` does without".into(),
            Self::MissingColumn { .. } => {
                "the data needs the columns of the training data; for a prediction, `--missing-columns impute` does without".into()
            }
            Self::KindMismatch { .. } => "give the column the type and the form that it had in the training data".into(),
            Self::UnseenClasses { .. } => {
                "are the labels spelt alike in both? a full stop or a space makes another class".into()
            }
            Self::LeftOutColumn { .. } => "write it as flat columns, or choose others".into(),
            Self::TypeMismatch { .. } => {
                "give another type with --type COLUMN=TYPE: numeric, categorical, time, day_first, month_first or text".into()
            }
            Self::NoTimeOrder { .. } => "give `split_by` a column of dates or times".into(),
            Self::BadFolds { .. } => "a column of folds has a value in every row; `fold_assignment` deals rows out without one".into(),
            Self::NoTransform { .. } => "take the column out of `log`, or put it into `signed_log`".into(),
            Self::RoleConflict { .. } => return None,
        };
        Some(hint)
    }
}

/// At most 20 names.
pub(crate) fn list(names: &[String]) -> String {
    let mut text = names.iter().take(20).cloned().collect::<Vec<_>>().join(", ");
    if names.len() > 20 {
        text.push_str(&format!(", … ({} in all)", names.len()));
    }
    text
}
