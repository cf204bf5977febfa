//! The sources of a shard: its files, checked to be what was planned, and where its columns are in each.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::Path;

use parquet::file::metadata::ColumnChunkMetaData;

use super::columns::{Content, file_columns};
use super::footer::Footer;
use super::read::{Leaf, Slice, SliceValues, SourceReader, pieces};
use super::{SourceFile, corrupt_footer};
use crate::error::{Error, ShardError, SourceError};
use crate::plan::Plan;
use crate::roots::Roots;
use crate::schema::{Origin, SourceColumn, SourceType};
use crate::shuffle::Shuffle;

/// Columns of the frame that are read together: one, or those of a list.
pub(crate) struct Group {
    /// Places among the frame's columns.
    pub(crate) columns: Range<usize>,
    pub(crate) of: SourceType,
    /// Elements of each list.
    pub(crate) list: Option<usize>,
    /// The column's name in files or paths, and how many of that name are before it.
    name: String,
    nth: usize,
    partition: bool,
}

impl Group {
    fn content(&self) -> Content {
        match self.list {
            Some(length) => Content::List(self.of.clone(), length),
            None => Content::Values(self.of.clone()),
        }
    }
}

/// A group in a file.
enum Found {
    Missing,
    Same(String),
    Leaf(Leaf),
}

struct Source {
    reader: SourceReader,
    /// Rows that the shard takes.
    rows: usize,
    /// Of each group.
    found: Vec<Found>,
}

/// The rows of a scattered shard.
struct Picked {
    /// Numbers among the rows of all files, in order.
    sources: Vec<u64>,
    /// The shard's row that each of them is.
    rows: Vec<u32>,
}

/// What a shard is read from.
pub(crate) struct Sources {
    pub(crate) groups: Vec<Group>,
    files: Vec<Source>,
    picked: Option<Picked>,
}

impl Sources {
    /// Opens what the global rows come from.
    pub(crate) fn open(roots: &Roots, plan: &Plan, rows: &Range<u64>) -> Result<Self, Error> {
        let groups = groups(&plan.columns)?;
        let picked = plan.shuffle.map(|seed| Picked::new(&Shuffle::new(seed, plan.rows), rows));
        let mut files: Vec<Source> = Vec::new();
        for file in &plan.files {
            // The plan is checked: no sum of its rows overflows.
            let here = file.first_row..file.first_row + file.rows;
            let count = match &picked {
                Some(picked) => picked.within(&here).len(),
                None => rows.end.min(here.end).saturating_sub(rows.start.max(here.start)) as usize,
            };
            if count > 0 {
                let wanted = |group: Range<u64>| match &picked {
                    Some(picked) => picked.span(&group),
                    None => rows.start.max(group.start)..rows.end.min(group.end),
                };
                files.push(Source::open(roots, file, count, &groups, wanted, files.last())?);
            }
        }
        Ok(Self { groups, files, picked })
    }

    /// Gives the slices of a group to `take`, in order of the files.
    pub(crate) fn read<'a>(
        &'a self,
        group: usize,
        mut take: impl FnMut(Slice<'a>) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let picked = self.picked.as_ref().map(|picked| &picked.sources[..]);
        for source in &self.files {
            let same = |values| Slice { file: &source.reader.name, row_group: None, rows: source.rows, values };
            match &source.found[group] {
                Found::Missing => take(same(SliceValues::Missing))?,
                Found::Same(value) => take(same(SliceValues::Same(value)))?,
                Found::Leaf(leaf) => source.reader.read(leaf, &self.groups[group].name, picked, &mut take)?,
            }
        }
        Ok(())
    }

    /// The shard's row that each row is which was read, where rows are scattered.
    pub(crate) fn rows(&self) -> Option<&[u32]> {
        self.picked.as_ref().map(|picked| &picked.rows[..])
    }
}

impl Source {
    /// `like` is the file before.
    fn open(
        roots: &Roots,
        file: &SourceFile,
        rows: usize,
        groups: &[Group],
        wanted: impl Fn(Range<u64>) -> Range<u64>,
        like: Option<&Self>,
    ) -> Result<Self, Error> {
        let footer = Footer::read(roots, Path::new(&file.path), &file.path)?;
        let changed = |reason: &str| SourceError::SourceChanged { file: file.path.clone(), reason: reason.to_owned() };
        if footer.bytes != file.bytes {
            return Err(changed("its size is another").into());
        }
        if footer.hash != file.footer {
            return Err(changed("its footer is another").into());
        }
        let columns = file_columns(&footer, &file.path)?;
        let place: BTreeMap<(&str, usize), usize> =
            columns.iter().enumerate().map(|(at, column)| ((&*column.name, column.nth), at)).collect();
        let mut reader = SourceReader::new(roots, &file.path);
        reader.pieces = pieces(footer.metadata.row_groups(), file.first_row, wanted);
        let leaves = first_leaves(&footer, columns.len());
        let mut found = Vec::with_capacity(groups.len());
        for (at, group) in groups.iter().enumerate() {
            if group.partition {
                let value = file.partitions.iter().find(|(name, _)| *name == group.name);
                found.push(value.and_then(|(_, value)| value.clone()).map_or(Found::Missing, Found::Same));
                continue;
            }
            let Some(&root) = place.get(&(&*group.name, group.nth)) else {
                found.push(Found::Missing);
                continue;
            };
            let wide = group.content();
            if columns[root].content.widen(&wide).as_ref() != Some(&wide) {
                let reason = "its columns are stored as other types than it says";
                return Err(corrupt_footer(&file.path, reason).into());
            }
            let (Content::Values(of) | Content::List(of, _)) = &columns[root].content else {
                found.push(Found::Missing);
                continue;
            };
            let Some(leaf) = leaves[root].filter(|_| *of != SourceType::Null) else {
                found.push(Found::Missing);
                continue;
            };
            let chunk = |row_group: usize| footer.metadata.row_group(row_group).column(leaf);
            let chunks: Vec<&ColumnChunkMetaData> = reader.pieces.iter().map(|piece| chunk(piece.row_group)).collect();
            let root = &footer.metadata.file_metadata().schema_descr().root_schema().get_fields()[root];
            let like = like.and_then(|like| match &like.found[at] {
                Found::Leaf(leaf) => Some(leaf),
                _ => None,
            });
            let leaf = Leaf::new(root, of.clone(), &chunks, like).map_err(|error| corrupt_footer(&file.path, error))?;
            found.push(Found::Leaf(leaf));
        }
        Ok(Self { reader, rows, found })
    }
}

/// The first leaf of each column: those that are taken have one alone.
fn first_leaves(footer: &Footer, columns: usize) -> Vec<Option<usize>> {
    let schema = footer.metadata.file_metadata().schema_descr();
    let mut leaves = vec![None; columns];
    for leaf in (0..schema.num_columns()).rev() {
        if let Some(first) = leaves.get_mut(schema.get_column_root_idx(leaf)) {
            *first = Some(leaf);
        }
    }
    leaves
}

impl Picked {
    fn new(shuffle: &Shuffle, rows: &Range<u64>) -> Self {
        // Rows of a shard are far fewer than 2^32.
        let mut pairs: Vec<(u64, u32)> =
            rows.clone().map(|row| (shuffle.source(row), (row - rows.start) as u32)).collect();
        pairs.sort_unstable();
        let (sources, rows) = pairs.into_iter().unzip();
        Self { sources, rows }
    }

    fn within(&self, rows: &Range<u64>) -> &[u64] {
        let before = |end: u64| self.sources.partition_point(|&row| row < end);
        &self.sources[before(rows.start)..before(rows.end)]
    }

    /// From the first to the last of them in these rows.
    fn span(&self, rows: &Range<u64>) -> Range<u64> {
        match self.within(rows) {
            [] => rows.start..rows.start,
            [one] => *one..one + 1,
            [first, .., last] => *first..last + 1,
        }
    }
}

fn groups(columns: &[SourceColumn]) -> Result<Vec<Group>, Error> {
    let misfit =
        |column: &SourceColumn| ShardError::DoNotFit { reason: format!("the plan has no way to {:?}", column.name) };
    let mut groups: Vec<Group> = Vec::new();
    for (at, column) in columns.iter().enumerate() {
        let of = SourceType::parse(&column.source_type).filter(|of| of.kind() == column.kind);
        let of = of.ok_or_else(|| misfit(column))?;
        let one = |name: &str, nth, list, partition| {
            let (name, columns) = (name.to_owned(), at..at + 1);
            Group { columns, of: of.clone(), list, name, nth, partition }
        };
        match &column.origin {
            None => groups.push(one(&column.name, 0, None, false)),
            Some(Origin::Renamed { column, nth }) => groups.push(one(column, *nth, None, false)),
            Some(Origin::Partition) => groups.push(one(&column.name, 0, None, true)),
            Some(Origin::Element { column: list, nth, at: 0 }) => groups.push(one(list, *nth, Some(1), false)),
            // All elements are there, in their order: none is read twice.
            Some(Origin::Element { column: list, nth, at: element }) => {
                let next = |group: &&mut Group| {
                    group.list == Some(*element) && group.name == *list && group.nth == *nth && group.of == of
                };
                let group = groups.last_mut().filter(next).ok_or_else(|| misfit(column))?;
                (group.columns.end, group.list) = (at + 1, Some(element + 1));
            }
        }
    }
    Ok(groups)
}
