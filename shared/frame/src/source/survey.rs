//! What the footers of all files say: columns, rows and bytes. No data is read.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use parquet::file::metadata::RowGroupMetaData;
use serde::{Deserialize, Serialize};

use super::columns::{Content, FileColumn, file_columns};
use super::footer::Footer;
use super::list::{Listed, Partitions};
use super::merge::{Merged, merge};
use crate::error::{Error, SourceError};
use crate::roots::Roots;
use crate::schema::{Absent, LeftOut, SourceColumn};

/// Rows of a frame at most: blocks are counted in 32 bits.
pub(crate) const ROWS_MAX: u64 = 1 << 42;
/// Threads that read footers, at most: with more, what waits is the disk.
const THREADS_MAX: usize = 8;

/// What is made of columns that are not simply in all files.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct SourceOptions {
    pub schema: SchemaMode,
    /// Folders `NAME=value` are columns.
    pub partitions: bool,
    /// Columns of one name get names of their own, `NAME.1`, `NAME.2`; else they are an error.
    pub rename: bool,
    /// Names of columns that are left alone, and may be of any type.
    pub ignored: Vec<String>,
}

impl Default for SourceOptions {
    fn default() -> Self {
        Self { schema: SchemaMode::Strict, partitions: true, rename: false, ignored: Vec::new() }
    }
}

/// What a column is that is not in all files.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SchemaMode {
    /// An error.
    #[default]
    Strict,
    /// Missing in the rows of the others.
    Union,
}

/// A source, and how to know it again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceFile {
    pub path: String,
    pub bytes: u64,
    /// BLAKE3 of the footer's bytes, in hexadecimal.
    pub footer: String,
    /// Modified, in nanoseconds since 1970: for people, nothing depends on it.
    pub modified: u64,
    /// The first one's number among the rows of all files.
    #[serde(default)]
    pub first_row: u64,
    pub rows: u64,
    /// Columns whose value is the same in all its rows, by its path.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub partitions: Partitions,
}

/// All sources of one data set.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Survey {
    /// In the order that numbers rows.
    pub files: Vec<SourceFile>,
    /// In the order of the first file; after them what only later ones have, and the partitions.
    pub columns: Vec<SourceColumn>,
    pub rows: u64,
    /// Of the columns, encoded but not compressed.
    pub uncompressed_bytes: u64,
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub left_out: Vec<LeftOut>,
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub absent: Vec<Absent>,
}

/// Reads the footers, and finds the columns that hold the values of all files, matched by their names. A file without rows
/// has no say: whatever its columns are, no value is lost.
pub fn survey(files: &[Listed], options: &SourceOptions) -> Result<Survey, Error> {
    survey_beneath(&Roots::everything(), files, options)
}

/// The same of files that others name: only those under a root are read.
pub fn survey_beneath(roots: &Roots, files: &[Listed], options: &SourceOptions) -> Result<Survey, Error> {
    if files.is_empty() {
        return Err(SourceError::NoFiles.into());
    }
    let (mut rows, mut uncompressed_bytes) = (0u64, 0u64);
    let mut schemas = Schemas::default();
    let mut sources: Vec<SourceFile> = Vec::with_capacity(files.len());
    let mut no_columns = None;
    let looked = look_at_all(roots, files, options)?;
    for (listed, Looked { mut file, columns, bytes }) in files.iter().zip(looked) {
        file.first_row = rows;
        if options.partitions {
            file.partitions.clone_from(&listed.partitions);
        }
        rows = rows.saturating_add(file.rows);
        uncompressed_bytes = uncompressed_bytes.saturating_add(bytes);
        if rows > ROWS_MAX {
            return Err(SourceError::TooManyRows { file: file.path, rows: file.rows }.into());
        }
        if columns.is_empty() {
            no_columns.get_or_insert(sources.len());
        }
        if file.rows > 0 {
            schemas.add(columns, sources.len());
        }
        sources.push(file);
    }
    if let Some(at) = no_columns.filter(|&at| sources[at].rows > 0 || rows == 0) {
        return Err(SourceError::NoColumns { file: sources[at].path.clone() }.into());
    }
    if rows == 0 {
        let files = match &sources[..] {
            [one] => one.path.clone(),
            many => format!("all {} files", many.len()),
        };
        return Err(SourceError::NoRows { files }.into());
    }
    let Merged { columns, left_out, absent } = merge(&sources, &schemas.found, options)?;
    Ok(Survey { files: sources, columns, rows, uncompressed_bytes, left_out, absent })
}

/// Columns that files have in common.
pub(super) struct Schema {
    pub(super) columns: Arc<Vec<FileColumn>>,
    /// The files that have them, with rows in each.
    pub(super) files: Vec<usize>,
}

/// The distinct ones, in order of the first file: of many thousand files most are alike.
#[derive(Default)]
struct Schemas {
    found: Vec<Schema>,
    places: BTreeMap<Arc<Vec<FileColumn>>, usize>,
}

impl Schemas {
    fn add(&mut self, columns: Arc<Vec<FileColumn>>, file: usize) {
        let alike = self.found.last().is_some_and(|last| Arc::ptr_eq(&last.columns, &columns));
        let at = match alike {
            true => self.found.len() - 1,
            false => *self.places.entry(columns.clone()).or_insert(self.found.len()),
        };
        match self.found.get_mut(at) {
            Some(schema) => schema.files.push(file),
            None => self.found.push(Schema { columns, files: vec![file] }),
        }
    }
}

/// What is kept of a footer.
struct Looked {
    file: SourceFile,
    columns: Arc<Vec<FileColumn>>,
    bytes: u64,
}

/// Reads the footers on some threads. The error is that of the first file that has one, as if one thread had done it.
fn look_at_all(roots: &Roots, files: &[Listed], options: &SourceOptions) -> Result<Vec<Looked>, Error> {
    let threads = THREADS_MAX.min(files.len());
    let (next, failed) = (AtomicUsize::new(0), AtomicUsize::new(files.len()));
    // Files are handed out in order: all before one that failed are looked at, and none after it needs to be.
    let work = || {
        let mut found: Vec<(usize, Result<Looked, Error>)> = Vec::new();
        let mut last = Arc::default();
        loop {
            let at = next.fetch_add(1, Ordering::Relaxed);
            if at >= failed.load(Ordering::Relaxed) {
                return found;
            }
            let looked = look_at(roots, &files[at].path, &mut last, options);
            if looked.is_err() {
                failed.fetch_min(at, Ordering::Relaxed);
            }
            found.push((at, looked));
        }
    };
    let mut found = match threads {
        1 => work(),
        _ => std::thread::scope(|scope| {
            let started: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
            let join = |thread: std::thread::ScopedJoinHandle<'_, _>| {
                thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
            };
            started.into_iter().flat_map(join).collect()
        }),
    };
    found.sort_unstable_by_key(|(at, _)| *at);
    found.into_iter().map(|(_, looked)| looked).collect()
}

/// `last` are the columns of the file before, which are shared if these are the same.
fn look_at(
    roots: &Roots,
    path: &Path,
    last: &mut Arc<Vec<FileColumn>>,
    options: &SourceOptions,
) -> Result<Looked, Error> {
    let name = path.to_str().ok_or_else(|| SourceError::PathNotText { path: path.display().to_string() })?;
    let footer = Footer::read(roots, path, name)?;
    let columns = file_columns(&footer, name)?;
    if columns != **last {
        *last = Arc::new(columns);
    }
    let groups = footer.metadata.row_groups();
    let rows = sum(groups.iter().map(RowGroupMetaData::num_rows));
    let bytes =
        sum(groups.iter().map(RowGroupMetaData::total_byte_size)).saturating_sub(unused(&footer, last, options));
    let Footer { hash, bytes: size, modified, .. } = footer;
    let file = SourceFile {
        path: name.to_owned(),
        bytes: size,
        footer: hash,
        modified,
        first_row: 0,
        rows,
        partitions: Vec::new(),
    };
    Ok(Looked { file, columns: last.clone(), bytes })
}

/// Bytes of the columns that are no columns of the frame.
fn unused(footer: &Footer, columns: &[FileColumn], options: &SourceOptions) -> u64 {
    let used = |column: &FileColumn| {
        !matches!(column.content, Content::Other { .. }) && !options.ignored.contains(&column.name)
    };
    if columns.iter().all(used) {
        return 0;
    }
    let used: Vec<bool> = columns.iter().map(used).collect();
    let schema = footer.metadata.file_metadata().schema_descr();
    let leaves =
        || (0..schema.num_columns()).filter(|&leaf| used.get(schema.get_column_root_idx(leaf)) == Some(&false));
    let groups = footer.metadata.row_groups().iter();
    sum(groups.flat_map(|group| leaves().map(|leaf| group.column(leaf).uncompressed_size())))
}

/// A sum that no count can hold is at its end: too many rows, and the largest plan.
fn sum(counts: impl Iterator<Item = i64>) -> u64 {
    counts.fold(0u64, |sum, count| sum.saturating_add(count.max(0).unsigned_abs()))
}
