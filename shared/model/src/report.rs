//! A failure as people and programs see it: what, where, why and what to do. Every layer's typed errors become one of
//! these at their border, and it crosses the wire as it is.

use std::error::Error;

use serde::{Deserialize, Serialize};

use crate::file::ModelFileError;
use crate::spec::SpecError;

/// What kind of failure: it decides the exit code and the gRPC code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// The work failed (exit 1).
    Work,
    /// Usage or configuration (exit 2).
    Config,
    /// Bad data (exit 3).
    Data,
    /// Cannot reach or authenticate (exit 4).
    Access,
    /// A part of the work failed, the rest is done (exit 5).
    Partly,
    /// Interrupted by the user (exit 130).
    Interrupted,
}

impl Kind {
    pub fn exit_code(self) -> u8 {
        match self {
            Kind::Work => 1,
            Kind::Config => 2,
            Kind::Data => 3,
            Kind::Access => 4,
            Kind::Partly => 5,
            Kind::Interrupted => 130,
        }
    }
}

/// Bytes of a message or cause: somebody has to read it, whatever the data that it quotes.
const TEXT_BYTES_MAX: usize = 1_500;

/// One failure: stable code, message, hint, chain of causes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    pub kind: Kind,
    /// Stable, for programs: `target_missing`, `not_parquet`, …
    pub code: String,
    /// What happened to which thing; lower-case, no full stop.
    pub message: String,
    /// What the user can do.
    pub hint: Option<String>,
    pub causes: Vec<String>,
}

impl Report {
    pub fn new(kind: Kind, code: &str, message: impl Into<String>) -> Self {
        Self {
            kind,
            code: code.into(),
            message: readable(&message.into(), TEXT_BYTES_MAX),
            hint: None,
            causes: Vec::new(),
        }
    }

    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// With its causes, which its display leaves out.
    pub fn whole(&self) -> Whole<'_> {
        Whole(self)
    }

    /// Adds the chain of sources of an error.
    pub fn caused_by(mut self, error: &(dyn Error + 'static)) -> Self {
        let mut next = Some(error);
        while let Some(cause) = next {
            let text = readable(&cause.to_string(), TEXT_BYTES_MAX);
            // Many wrap a cause and say it again.
            if self.causes.last() != Some(&text) {
                self.causes.push(text);
            }
            next = cause.source();
        }
        self
    }
}

/// What is quoted may be long, and made to change a terminal: control characters but for the ends of lines are escaped, and
/// what comes after so many bytes is left out.
pub fn readable(text: &str, bytes_max: usize) -> String {
    let mut readable = String::with_capacity(text.len().min(bytes_max));
    for letter in text.chars() {
        let before = readable.len();
        match letter {
            _ if letter.is_control() && letter != '\n' => readable.extend(letter.escape_default()),
            _ => readable.push(letter),
        }
        if readable.len() > bytes_max {
            readable.truncate(before);
            readable.push('…');
            break;
        }
    }
    readable
}

/// A report for a log: in one line, with all that it was caused by.
pub struct Whole<'a>(&'a Report);

impl std::fmt::Display for Whole<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0.message)?;
        self.0.causes.iter().try_for_each(|cause| write!(f, ": {cause}"))
    }
}

impl std::fmt::Display for Report {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.message)
    }
}

impl Error for Report {}

impl From<SpecError> for Report {
    fn from(error: SpecError) -> Self {
        Report::new(Kind::Config, error.code(), error.to_string()).with_hint(error.hint()).caused_by_source(&error)
    }
}

impl From<ModelFileError> for Report {
    fn from(error: ModelFileError) -> Self {
        let hint = error.hint().map(str::to_owned);
        Report::new(Kind::Data, error.code(), error.to_string()).with_hint(hint).caused_by_source(&error)
    }
}

impl From<aquifer_frame::Error> for Report {
    fn from(error: aquifer_frame::Error) -> Self {
        let kind = match error.code() {
            // The machine failed, not the data.
            "disk_full" | "io_error" | "shard_unwritable" | "shard_damaged" | "missing_block" => Kind::Work,
            "read_only" => Kind::Config,
            _ => Kind::Data,
        };
        Report::new(kind, error.code(), error.to_string()).with_hint(error.hint()).caused_by_source(&error)
    }
}

impl Report {
    fn with_hint(mut self, hint: Option<String>) -> Self {
        self.hint = hint;
        self
    }

    /// What lies under an error whose message is the report's own.
    fn caused_by_source(self, error: &(dyn Error + 'static)) -> Self {
        match error.source() {
            Some(source) => self.caused_by(source),
            None => self,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Model, Spec};

    #[test]
    fn what_is_quoted_stays_readable() {
        assert_eq!(Report::new(Kind::Data, "x", "a\u{1b}[31m\n\0b").message, "a\\u{1b}[31m\n\\u{0}b");
        let long = Report::new(Kind::Data, "x", "é".repeat(100_000)).message;
        assert_eq!(long, "é".repeat(TEXT_BYTES_MAX / 2) + "…");
    }

    #[test]
    fn typed_errors_keep_code_hint_and_causes() {
        let report = Report::from(Spec::parse("a = = 1").unwrap_err());
        assert_eq!((report.kind, report.code.as_str(), report.causes.len()), (Kind::Config, "spec_syntax", 1));
        let report = Report::from(Spec::default().set("qqq=1").unwrap_err());
        assert!(report.hint.is_some_and(|hint| hint.contains("epochs")) && report.causes.is_empty());
        let report = Report::from(Model::from_bytes(b"PAR1PAR1").unwrap_err());
        assert_eq!((report.kind, report.code.as_str()), (Kind::Data, "not_safetensors"));
    }
}
