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
    #[error("there are more than {limit} files and folders in {path}")]
    TooManyFiles { path: String, limit: usize },
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
    #[error("{place} has {found} {what}: at most {limit} are read")]
    OverLimit { place: Place, what: &'static str, found: u64, limit: u64, hint: &'static str },
    #[error("there is no memory for {place}: reading it may take {bytes} bytes")]
    NoMemory { place: Place, bytes: u64 },
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
    #[error("{file} has no column that can be used: {columns}")]
    NothingUsable { file: String, columns: String },
    #[error("columns are not in all files: {columns}")]
    MissingColumns { columns: String },
    #[error("no file has a column {column:?}, which is to be ignored")]
    NoSuchColumn { column: String },
    #[error("{first} and {second} are in folders of other names: {difference}")]
    PartitionMismatch { first: String, second: String, difference: String },
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
    #[error("a value is no text in {place}: it is not valid UTF-8")]
    NotText { place: Place },
    #[error(
        "{place} has the value {value}, which {source_type}, the column's type in all files, does not hold exactly"
    )]
    LossyValue { place: Place, value: String, source_type: String },
    #[error("a list of {length} values in {place}, where all are said to have {expected}")]
    ListLength { place: Place, length: usize, expected: usize },
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
            Self::TooManyFiles { .. } => "too_many_files",
            Self::BadPattern { .. } => "bad_pattern",
            Self::UnsupportedScheme { .. } => "unsupported_scheme",
            Self::PathNotText { .. } => "path_not_text",
            Self::NotParquet { .. } => "not_parquet",
            Self::Truncated { .. } => "truncated",
            Self::CorruptFooter { .. } => "corrupt_footer",
            Self::FooterTooLarge { .. } => "footer_too_large",
            Self::OverLimit { .. } => "over_limit",
            Self::NoMemory { .. } => "no_memory",
            Self::Encrypted { .. } => "encrypted",
            Self::NoRows { .. } => "no_rows",
            Self::TooManyRows { .. } => "too_many_rows",
            Self::NoColumns { .. } => "no_columns",
            Self::DuplicateColumn { .. } => "duplicate_column",
            Self::NothingUsable { .. } => "nothing_usable",
            Self::MissingColumns { .. } => "missing_columns",
            Self::NoSuchColumn { .. } => "no_such_column",
            Self::PartitionMismatch { .. } => "partition_mismatch",
            Self::SchemaMismatch { .. } => "schema_mismatch",
            Self::CorruptData { .. } => "corrupt_data",
            Self::ChecksumMismatch { .. } => "checksum_mismatch",
            Self::NotText { .. } => "not_text",
            Self::LossyValue { .. } => "lossy_value",
            Self::ListLength { .. } => "list_length",
            Self::TextTooLong { .. } => "text_too_long",
            Self::SourceChanged { .. } => "source_changed",
        }
    }

    pub(crate) fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::NoSuchFile { .. } => "check the path; one without a leading / begins in the current folder",
            Self::NoRows { .. } => "give files with rows",
            Self::NoColumns { .. } => "write the file again, with its columns",
            Self::DuplicateColumn { .. } => "with --rename each gets a name of its own",
            Self::EmptyFolder { .. } => "files must end in .parquet; names that begin with . or _ are skipped",
            Self::NoMatch { .. } => {
                "quote the pattern, so that the shell leaves it alone; its wildcards match no name that begins with . or _"
            }
            Self::TooManyFiles { .. } => "give a folder or pattern with fewer; do links in it lead to many others?",
            Self::UnsupportedScheme { .. } => "copy the data to a local path first",
            Self::NotParquet { .. } => "convert it to Parquet first; CSV and other formats are not read",
            Self::Truncated { .. } => "was it copied in full? write or copy it again",
            Self::CorruptFooter { .. } | Self::CorruptData { .. } | Self::ChecksumMismatch { .. } => {
                "the file is damaged: write or copy it again"
            }
            Self::FooterTooLarge { .. } => "write the file again, as several files or with larger row groups",
            Self::OverLimit { hint, .. } => hint,
            Self::NoMemory { .. } => {
                "give the process more memory, or write the file again with smaller pages and row groups"
            }
            Self::Encrypted { .. } => "decrypt it first: encrypted Parquet is not supported",
            Self::NothingUsable { .. } => "write the file with columns of numbers, times or text, not nested in others",
            Self::MissingColumns { .. } => {
                "with --schema union they are missing values there; or leave them out with --ignore"
            }
            Self::NoSuchColumn { .. } => "check the name",
            Self::PartitionMismatch { .. } => "with --partitions off folders are no columns",
            Self::SchemaMismatch { .. } => "give the column one type in all files, or leave it out with --ignore",
            Self::NotText { .. } => "leave the column out with --ignore",
            Self::LossyValue { .. } => "write the column with one type in all files, or leave it out with --ignore",
            Self::ListLength { .. } => "leave the column out with --ignore",
            Self::SourceChanged { .. } => "start again, and leave the files alone while they are read",
            Self::TextTooLong { .. } => "leave the column out with --ignore",
            _ => return None,
        };
        Some(hint.into())
    }
}
