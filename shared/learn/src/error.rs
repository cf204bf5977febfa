//! What can go wrong in training.

use aquifer_model::{Kind, Part, Report};

/// Why rows could not be read: whoever implements [`crate::Rows`] knows.
pub type ReadError = Box<dyn std::error::Error + Send + Sync>;

/// A failure of a trial.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("`{key}` has a value that cannot be trained with")]
    Params { key: &'static str },
    #[error("the target has {levels} classes, a classification needs two or more")]
    Classes { levels: usize },
    #[error("{ranks} ranks, but the training rows make only {blocks} blocks of 1024")]
    Ranks { ranks: u32, blocks: u64 },
    #[error("a network of {inputs} inputs and the hidden layers {hidden:?} is too large")]
    TooLarge { inputs: usize, hidden: Vec<usize> },
    #[error("training diverged in round {round} at position {position}: the last good loss was {}", shown(*.last_loss))]
    Diverged { round: u64, position: u64, last_loss: Option<f64> },
    #[error("the {part} data, {rows} rows, has no {metric}")]
    NoMetric { part: Part, metric: &'static str, rows: u64 },
    #[error("the state has no vector {name} of {len} values")]
    State { name: String, len: usize },
    #[error("the sum of round {round} does not have the vectors of its kind")]
    Total { round: u64 },
    #[error("tensor {name} {reason}")]
    Tensor { name: String, reason: String },
    #[error("reading rows for rank {rank}")]
    Read {
        rank: u32,
        #[source]
        source: ReadError,
    },
}

impl Error {
    /// What the user can do.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Error::Diverged { .. } => {
                Some("lower learning_rate, raise mini_batch_size, add l2, or look for outliers in columns and target")
            }
            Error::NoMetric { .. } => Some(
                "with rows of one class alone some metrics are none: fewer folds, fold_assignment = \"stratified\" or \
                 another stopping_metric",
            ),
            Error::Ranks { .. } => Some("lower ranks"),
            Error::Params { .. } => Some("docs/defaults.md lists every key, its default and range"),
            Error::TooLarge { .. } => {
                Some("fewer hidden units, or leave out columns of many levels with ignored_columns")
            }
            _ => None,
        }
    }
}

fn shown(loss: Option<f64>) -> String {
    loss.map_or_else(|| "none, as it was the first".into(), |loss| loss.to_string())
}

impl From<Error> for Report {
    fn from(error: Error) -> Self {
        // Who reads rows may have said all there is to say.
        let error = match error {
            Error::Read { rank, source } => match source.downcast::<Report>() {
                Ok(report) => return *report,
                Err(source) => Error::Read { rank, source },
            },
            other => other,
        };
        let (kind, code) = match &error {
            Error::Params { .. } => (Kind::Config, "bad_params"),
            Error::Classes { .. } => (Kind::Data, "too_few_classes"),
            Error::Ranks { .. } => (Kind::Config, "too_many_ranks"),
            Error::TooLarge { .. } => (Kind::Config, "network_too_large"),
            Error::Diverged { .. } => (Kind::Work, "diverged"),
            Error::NoMetric { .. } => (Kind::Data, "no_metric"),
            Error::State { .. } | Error::Total { .. } => (Kind::Work, "inconsistent_state"),
            Error::Tensor { .. } => (Kind::Data, "bad_tensor"),
            Error::Read { .. } => (Kind::Data, "unreadable_rows"),
        };
        let mut report = Report::new(kind, code, error.to_string());
        report.hint = error.hint().map(str::to_owned);
        match std::error::Error::source(&error) {
            Some(source) => report.caused_by(source),
            None => report,
        }
    }
}
