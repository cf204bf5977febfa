//! Failures of the data that was given: names, footers, schemas, pages.

use std::fmt;

/// Where in the sources something is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Place {
    pub file: String,
    pub row_group: Option<usize>,
    pub column: Option<String>,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.file)?;
        if let Some(row_group) = self.row_group {
            write!(f, ", row group {row_group}")?;
        }
        if let Some(column) = &self.column {
            write!(f, ", column {column:?}")?;
        }
        Ok(())
    }
}

/// An error of the decoder below us, or its panic as text.
pub(crate) type Cause = Box<dyn std::error::Error + Send + Sync>;

#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    #[error("no file was given")]
    NoFiles,
    #[error("no such file: {path}")]
    NoSuchFile { path: String },
    #[error("the folder {path} holds no Parquet file")]
    EmptyFolder { path: String },
    #[error("no file matches {pattern}")]
    NoMatch { pattern: String },
    #[error("{pattern} is not a valid pattern")]
    BadPattern {
        pattern: String,
        #[source]
        source: glob::PatternError,
    },
    #[error("{argument}: only local files can be read")]
    UnsupportedScheme { argument: String },
    #[error("the path {path} is not valid UTF-8")]
    PathNotText { path: String },
    #[error("{file} is not a Parquet file: {reason}")]
    NotParquet { file: String, reason: &'static str },
    #[error("{file} is truncated: {reason}")]
    Truncated { file: String, reason: String },
    #[error("{file} has a corrupt footer: {reason}")]
    CorruptFooter { file: String, reason: String },
    #[error("{file} has a footer of {bytes} bytes: at most {limit} are read")]
    FooterTooLarge { file: String, bytes: u64, limit: u64 },
    #[error("{file} is encrypted")]
    Encrypted { file: String },
    #[error("there are no rows in {files}")]
    NoRows { files: String },
    #[error("{file} has {rows} rows, more than can be numbered")]
    TooManyRows { file: String, rows: u64 },
    #[error("{file} has no columns")]
    NoColumns { file: String },
    #[error("{file} has two columns named {column:?}")]
    DuplicateColumn { file: String, column: String },
    #[error("{file} has columns of types that are not supported yet: {columns}")]
    UnsupportedColumns { file: String, columns: String },
    #[error("{first} and {second} disagree: {difference}")]
    SchemaMismatch { first: String, second: String, difference: String },
    #[error("corrupt data in {place}")]
    CorruptData {
        place: Place,
        #[source]
        source: Cause,
    },
    #[error("a checksum does not match in {place}")]
    ChecksumMismatch {
        place: Place,
        #[source]
        source: Cause,
    },
    #[error("the text of {place} is too long for a shard: more than 2 GiB of distinct values")]
    TextTooLong { place: Place },
    #[error("{file} has changed since it was planned: {reason}")]
    SourceChanged { file: String, reason: String },
}

impl SourceError {
    pub(crate) fn code(&self) -> &'static str {
        match self {
            Self::NoFiles => "no_files",
            Self::NoSuchFile { .. } => "no_such_file",
            Self::EmptyFolder { .. } => "empty_folder",
            Self::NoMatch { .. } => "no_match",
            Self::BadPattern { .. } => "bad_pattern",
            Self::UnsupportedScheme { .. } => "unsupported_scheme",
            Self::PathNotText { .. } => "path_not_text",
            Self::NotParquet { .. } => "not_parquet",
            Self::Truncated { .. } => "truncated",
            Self::CorruptFooter { .. } => "corrupt_footer",
            Self::FooterTooLarge { .. } => "footer_too_large",
            Self::Encrypted { .. } => "encrypted",
            Self::NoRows { .. } => "no_rows",
            Self::TooManyRows { .. } => "too_many_rows",
            Self::NoColumns { .. } => "no_columns",
            Self::DuplicateColumn { .. } => "duplicate_column",
            Self::UnsupportedColumns { .. } => "unsupported_columns",
            Self::SchemaMismatch { .. } => "schema_mismatch",
            Self::CorruptData { .. } => "corrupt_data",
            Self::ChecksumMismatch { .. } => "checksum_mismatch",
            Self::TextTooLong { .. } => "text_too_long",
            Self::SourceChanged { .. } => "source_changed",
        }
    }

    pub(crate) fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::NoSuchFile { .. } => "check the path; one without a leading / begins in the current folder",
            Self::NoRows { .. } => "give files with rows",
            Self::NoColumns { .. } => "write the file again, with its columns",
            Self::DuplicateColumn { .. } => "give each column a name of its own",
            Self::EmptyFolder { .. } => "files must end in .parquet; names that begin with . or _ are skipped",
            Self::NoMatch { .. } => "quote the pattern, so that the shell leaves it alone",
            Self::UnsupportedScheme { .. } => "copy the data to a local path first",
            Self::NotParquet { .. } => "convert it to Parquet first; CSV and other formats are not read",
            Self::Truncated { .. } => "was it copied in full? write or copy it again",
            Self::CorruptFooter { .. } | Self::CorruptData { .. } | Self::ChecksumMismatch { .. } => {
                "the file is damaged: write or copy it again"
            }
            Self::FooterTooLarge { .. } => "write the file again, as several files or with larger row groups",
            Self::Encrypted { .. } => "decrypt it first: encrypted Parquet is not supported",
            Self::UnsupportedColumns { .. } => {
                "write the file without them, or with them as booleans, integers, floats or text; `ignored_columns` does not help yet"
            }
            Self::SchemaMismatch { .. } => "files of one data set need the same columns, types and order",
            Self::SourceChanged { .. } => "start again, and leave the files alone while they are read",
            Self::TextTooLong { .. } => "leave the column out of the file",
            _ => return None,
        };
        Some(hint.into())
    }
}
