//! The columns of a frame from those of its files: matched by name, as wide as their values need, each with a name of its
//! own.

use std::collections::{BTreeMap, BTreeSet};

use super::columns::{Content, FileColumn};
use super::survey::{Schema, SchemaMode, SourceFile, SourceOptions};
use crate::error::SourceError;
use crate::schema::{Absent, LeftOut, Origin, SourceColumn, SourceType};

/// Columns and files that an error names.
const NAMED_MAX: usize = 3;

pub(super) struct Merged {
    pub(super) columns: Vec<SourceColumn>,
    pub(super) left_out: Vec<LeftOut>,
    pub(super) absent: Vec<Absent>,
}

/// A column of some files.
struct Column<'a> {
    of: &'a FileColumn,
    content: Content,
    /// The last file that made it what it is, and what it is there.
    from: (usize, &'a Content),
    /// Files with rows that have it.
    files: usize,
}

/// `schemas` are those of the files with rows; there is one at least.
pub(super) fn merge(files: &[SourceFile], schemas: &[Schema], options: &SourceOptions) -> Result<Merged, SourceError> {
    check_ignored(files, schemas, options)?;
    let columns = join(files, schemas, options)?;
    let total: usize = schemas.iter().map(|schema| schema.files.len()).sum();
    let is_used = |column: &&Column<'_>| !matches!(column.content, Content::Other { .. });
    let lacking: Vec<&Column<'_>> = columns.iter().filter(is_used).filter(|column| column.files < total).collect();
    if options.schema == SchemaMode::Strict && !lacking.is_empty() {
        return Err(missing(files, schemas, &lacking));
    }
    let absent = |column: &&Column<'_>| Absent { name: column.of.name.clone(), files: (total - column.files) as u64 };
    let absent = lacking.iter().map(absent).collect();
    let mut merged = Merged { columns: Vec::new(), left_out: Vec::new(), absent };
    let mut names = Names::new(&columns, options.rename);
    for column in &columns {
        let first = &files[column.from.0].path;
        let FileColumn { name, nth, .. } = column.of;
        match &column.content {
            Content::Other { source_type, reason } => merged.left_out.push(LeftOut {
                name: name.clone(),
                source_type: source_type.clone(),
                reason: (*reason).to_owned(),
            }),
            Content::Values(of) => {
                let given = names.give(name, *nth, first)?;
                let origin = (*nth > 0).then(|| Origin::Renamed { column: name.clone(), nth: *nth });
                merged.columns.push(frame_column(given, of, origin));
            }
            Content::List(of, length) => {
                let base = names.give(name, *nth, first)?;
                for at in 0..*length {
                    let given = names.give_element(&base, at, first)?;
                    let origin = Origin::Element { column: name.clone(), nth: *nth, at };
                    merged.columns.push(frame_column(given, of, Some(origin)));
                }
            }
        }
    }
    add_partitions(files, &mut merged, options)?;
    if merged.columns.is_empty() {
        let left_out = merged.left_out.iter().map(|left| format!("{:?} ({})", left.name, left.source_type));
        let file = files[schemas[0].files[0]].path.clone();
        return Err(SourceError::NothingUsable { file, columns: few(left_out, merged.left_out.len()) });
    }
    Ok(merged)
}

fn frame_column(name: String, of: &SourceType, origin: Option<Origin>) -> SourceColumn {
    SourceColumn { name, kind: of.kind(), source_type: of.to_string(), origin }
}

/// The columns of all files by name, in the order of the first file that has them.
fn join<'a>(
    files: &[SourceFile],
    schemas: &'a [Schema],
    options: &SourceOptions,
) -> Result<Vec<Column<'a>>, SourceError> {
    let ignored: BTreeSet<&str> = options.ignored.iter().map(String::as_str).collect();
    let mut columns: Vec<Column<'a>> = Vec::new();
    let mut places: BTreeMap<(&str, usize), usize> = BTreeMap::new();
    for schema in schemas {
        let file = schema.files[0];
        for of in schema.columns.iter().filter(|of| !ignored.contains(of.name.as_str())) {
            if of.nth > 0 && !options.rename {
                return Err(SourceError::DuplicateColumn { file: files[file].path.clone(), column: of.name.clone() });
            }
            let place = *places.entry((&of.name, of.nth)).or_insert(columns.len());
            let Some(column) = columns.get_mut(place) else {
                let content = of.content.clone();
                columns.push(Column { of, content, from: (file, &of.content), files: schema.files.len() });
                continue;
            };
            let Some(wide) = column.content.widen(&of.content) else {
                return Err(mismatch(files, column, file, &of.content));
            };
            if wide != column.content {
                (column.content, column.from) = (wide, (file, &of.content));
            }
            column.files += schema.files.len();
        }
    }
    Ok(columns)
}

fn mismatch(files: &[SourceFile], column: &Column<'_>, file: usize, content: &Content) -> SourceError {
    let (first, there) = column.from;
    SourceError::SchemaMismatch {
        first: files[first].path.clone(),
        second: files[file].path.clone(),
        difference: format!(
            "column {:?} is {} in the one and {} in the other",
            column.of.name,
            there.source_type(),
            content.source_type()
        ),
    }
}

fn check_ignored(files: &[SourceFile], schemas: &[Schema], options: &SourceOptions) -> Result<(), SourceError> {
    if options.ignored.is_empty() {
        return Ok(());
    }
    let columns = schemas.iter().flat_map(|schema| schema.columns.iter().map(|column| column.name.as_str()));
    let partitions = files.iter().flat_map(|file| file.partitions.iter().map(|(name, _)| name.as_str()));
    let known: BTreeSet<&str> = columns.chain(partitions).collect();
    match options.ignored.iter().find(|name| !known.contains(name.as_str())) {
        Some(name) => Err(SourceError::NoSuchColumn { column: name.clone() }),
        None => Ok(()),
    }
}

fn missing(files: &[SourceFile], schemas: &[Schema], lacking: &[&Column<'_>]) -> SourceError {
    let has = |schema: &Schema, column: &Column<'_>| {
        schema.columns.iter().any(|of| of.name == column.of.name && of.nth == column.of.nth)
    };
    let describe = |column: &&Column<'_>| {
        let without = schemas.iter().filter(|schema| !has(schema, column)).flat_map(|schema| &schema.files);
        let mut without: Vec<usize> = without.copied().collect();
        without.sort_unstable();
        let paths = without.iter().map(|&at| files[at].path.clone());
        format!("{:?} is not in {}", column.of.name, few(paths, without.len()))
    };
    SourceError::MissingColumns { columns: few(lacking.iter().map(describe), lacking.len()) }
}

/// The first of `count` names.
fn few(names: impl Iterator<Item = String>, count: usize) -> String {
    let mut text = names.take(NAMED_MAX).collect::<Vec<_>>().join(", ");
    if count > NAMED_MAX {
        text.push_str(&format!(" and {} more", count - NAMED_MAX));
    }
    text
}

/// The names that columns of the frame have so far.
struct Names {
    given: BTreeSet<String>,
    /// The first numbers that may be free, by name.
    next: BTreeMap<String, usize>,
    rename: bool,
}

impl Names {
    /// Names that files have are not given to others.
    fn new(columns: &[Column<'_>], rename: bool) -> Self {
        let own = columns.iter().filter(|column| column.of.nth == 0 && is_values(column));
        Self { given: own.map(|column| column.of.name.clone()).collect(), next: BTreeMap::new(), rename }
    }

    fn give(&mut self, name: &str, nth: usize, file: &str) -> Result<String, SourceError> {
        match nth {
            0 => Ok(name.to_owned()),
            _ => self.number(name, file),
        }
    }

    fn give_element(&mut self, base: &str, at: usize, file: &str) -> Result<String, SourceError> {
        let name = format!("{base}[{at}]");
        match self.given.insert(name.clone()) {
            true => Ok(name),
            false => self.number(&name, file),
        }
    }

    fn number(&mut self, name: &str, file: &str) -> Result<String, SourceError> {
        if !self.rename {
            return Err(SourceError::DuplicateColumn { file: file.to_owned(), column: name.to_owned() });
        }
        let next = self.next.entry(name.to_owned()).or_insert(1);
        loop {
            let numbered = format!("{name}.{next}");
            *next += 1;
            if self.given.insert(numbered.clone()) {
                return Ok(numbered);
            }
        }
    }
}

fn is_values(column: &Column<'_>) -> bool {
    matches!(column.content, Content::Values(_))
}

/// Columns of the paths. Of a name that a column of the files has as well the path's values are left out: files are
/// written with or without the columns that their folders are named by.
fn add_partitions(files: &[SourceFile], merged: &mut Merged, options: &SourceOptions) -> Result<(), SourceError> {
    let mut with_rows = files.iter().filter(|file| file.rows > 0);
    let Some(first) = with_rows.next() else { return Ok(()) };
    let keys = |file: &SourceFile| -> Vec<String> { file.partitions.iter().map(|(name, _)| name.clone()).collect() };
    let expected = keys(first);
    let mut is_int: BTreeMap<&str, bool> = BTreeMap::new();
    for file in files.iter().filter(|file| file.rows > 0) {
        if !file.partitions.iter().map(|(name, _)| name).eq(&expected) {
            let of = |keys: Vec<String>| if keys.is_empty() { "none".to_owned() } else { keys.join(", ") };
            return Err(SourceError::PartitionMismatch {
                first: first.path.clone(),
                second: file.path.clone(),
                difference: format!("{} and {}", of(expected), of(keys(file))),
            });
        }
        for (name, value) in &file.partitions {
            let int = value.as_ref().is_none_or(|value| value.parse::<i64>().is_ok_and(|n| n.to_string() == *value));
            *is_int.entry(name).or_insert(true) &= int;
        }
    }
    let taken: BTreeSet<String> = merged.columns.iter().map(|column| column.name.clone()).collect();
    for name in expected.iter().filter(|name| !options.ignored.contains(name)) {
        let of = match is_int.get(name.as_str()) {
            Some(true) => SourceType::Int { signed: true, bits: 64 },
            _ => SourceType::Text,
        };
        if taken.contains(name) {
            merged.left_out.push(LeftOut {
                name: name.clone(),
                source_type: "partition".to_owned(),
                reason: "the files have a column of this name".to_owned(),
            });
        } else {
            merged.columns.push(frame_column(name.clone(), &of, Some(Origin::Partition)));
        }
    }
    Ok(())
}
