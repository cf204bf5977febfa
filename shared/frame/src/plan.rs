//! The plan: which global rows make which shard. A pure function of rows and bytes, so the same for any cluster.

use std::ops::Range;

use serde::{Deserialize, Serialize};

use crate::block::{BLOCK_ROWS, block_count};
use crate::error::{Error, ShardError};
use crate::schema::{Absent, LeftOut, SourceColumn, SourceType};
use crate::source::{ROWS_MAX, SourceFile, Survey};

/// Bytes a shard aims at, uncompressed: few enough to gather in memory, many enough to be worth a file.
const SHARD_BYTES: u64 = 32 << 20;
/// Blocks a shard has at least, if the frame has them.
const SHARD_BLOCKS_MIN: u64 = 16;
/// And at most, however narrow the rows: 8 Mi rows, 64 MiB a column at its widest while it is gathered.
const SHARD_BLOCKS_MAX: u64 = 8192;

/// The sources and how they are cut. The same files are cut alike; other files with the same rows may not be, as their
/// bytes may be others. Global row numbers: files in order, rows as in the file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    pub files: Vec<SourceFile>,
    pub columns: Vec<SourceColumn>,
    pub rows: u64,
    /// Global rows of each shard, in order: whole blocks.
    pub shards: Vec<Range<u64>>,
    /// The seed by which rows are scattered: row `i` is the one that [`crate::Shuffle`] puts there, not row `i` of the
    /// files. A shard's rows then come from all files, so each shard reads all of them.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub shuffle: Option<u64>,
    /// For people: what the sources have and the frame has not.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub left_out: Vec<LeftOut>,
    /// For people: columns that some files lack.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub absent: Vec<Absent>,
}

/// Cuts into even shards of about 32 MiB.
pub fn plan(survey: Survey) -> Plan {
    let blocks = block_count(survey.rows);
    let bytes = |column: &SourceColumn| SourceType::parse(&column.source_type).map_or(8, |of| of.bytes());
    let wide: u64 = survey.columns.iter().map(bytes).sum();
    let bytes = survey.uncompressed_bytes.max(survey.rows.saturating_mul(wide));
    let most = (blocks / SHARD_BLOCKS_MIN).max(1);
    let shards = bytes.div_ceil(SHARD_BYTES).clamp(1, most).max(blocks.div_ceil(SHARD_BLOCKS_MAX));
    let cut = |k: u64| (u128::from(k) * u128::from(blocks) / u128::from(shards)) as u64;
    cut_at(survey, (0..shards).map(|k| cut(k)..cut(k + 1)))
}

/// Cuts into shards of `rows` rows, rounded up to whole blocks: for tests, and for shards of a known size.
pub fn plan_with_shard_rows(survey: Survey, rows: u64) -> Plan {
    let blocks = block_count(survey.rows);
    let each = rows.div_ceil(BLOCK_ROWS).clamp(1, SHARD_BLOCKS_MAX);
    cut_at(survey, (0..blocks.div_ceil(each)).map(|k| k * each..((k + 1) * each).min(blocks)))
}

fn cut_at(survey: Survey, blocks: impl Iterator<Item = Range<u64>>) -> Plan {
    let rows = survey.rows;
    let shards = blocks.map(|b| b.start * BLOCK_ROWS..(b.end * BLOCK_ROWS).min(rows)).collect();
    let Survey { files, columns, left_out, absent, .. } = survey;
    Plan { files, columns, rows, shards, shuffle: None, left_out, absent }
}

impl Plan {
    /// What the import of one shard needs: the files with its rows alone, and nothing for people. The numbers are those of
    /// the whole.
    pub fn for_shard(&self, shard: usize) -> Plan {
        let rows = self.shards.get(shard).map(|rows| self.source_rows(rows));
        let needed = |file: &&SourceFile| {
            let end = file.first_row.saturating_add(file.rows);
            file.rows > 0 && rows.as_ref().is_some_and(|rows| file.first_row < rows.end && rows.start < end)
        };
        Plan {
            files: self.files.iter().filter(needed).cloned().collect(),
            columns: self.columns.clone(),
            rows: self.rows,
            shards: self.shards.clone(),
            shuffle: self.shuffle,
            left_out: Vec::new(),
            absent: Vec::new(),
        }
    }

    /// One shard's rows. A plan may come from another process: what its numbers lead to is checked before it is done.
    pub(crate) fn shard_rows(&self, shard: usize) -> Result<Range<u64>, Error> {
        let Some(rows) = self.shards.get(shard).cloned() else {
            return Err(misfit(format!("the plan has no shard {shard}")));
        };
        let ends_a_block = rows.end.is_multiple_of(BLOCK_ROWS) || rows.end == self.rows;
        let inside = rows.start < rows.end && rows.end <= self.rows;
        if !inside || !ends_a_block || !rows.start.is_multiple_of(BLOCK_ROWS) {
            return Err(misfit(format!("shard {shard} is no whole blocks of the frame")));
        }
        if rows.end - rows.start > SHARD_BLOCKS_MAX * BLOCK_ROWS {
            return Err(misfit(format!("shard {shard} has {} rows, too many for one", rows.end - rows.start)));
        }
        self.check_files(&self.source_rows(&rows))?;
        Ok(rows)
    }

    /// The rows are those of the files, and can be numbered.
    pub(crate) fn check_rows(&self) -> Result<(), Error> {
        self.check_files(&(0..self.rows))
    }

    /// Rows of the files that rows of the frame come from.
    fn source_rows(&self, rows: &Range<u64>) -> Range<u64> {
        if self.shuffle.is_some() { 0..self.rows } else { rows.clone() }
    }

    /// The files follow each other without a gap in these rows, and none is outside the frame: no sum of rows overflows.
    fn check_files(&self, rows: &Range<u64>) -> Result<(), Error> {
        let other = || misfit(format!("the plan has {} rows, and its files have others", self.rows));
        let (mut end, mut covered) = (0, rows.start);
        for file in &self.files {
            let file_end = file.first_row.checked_add(file.rows).filter(|&file_end| file_end <= self.rows);
            let file_end = file_end.filter(|_| file.first_row >= end).ok_or_else(other)?;
            if file.first_row <= covered {
                covered = covered.max(file_end);
            }
            end = file_end;
        }
        if covered >= rows.end && self.rows <= ROWS_MAX { Ok(()) } else { Err(other()) }
    }
}

fn misfit(reason: String) -> Error {
    ShardError::DoNotFit { reason }.into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::ColumnKind;

    fn survey(rows: u64, bytes: u64) -> Survey {
        let column =
            SourceColumn { name: "x".into(), kind: ColumnKind::Float, source_type: "float64".into(), origin: None };
        let columns = vec![column];
        Survey { files: Vec::new(), columns, rows, uncompressed_bytes: bytes, left_out: Vec::new(), absent: Vec::new() }
    }

    #[test]
    fn shards_are_whole_blocks_that_cover_the_rows() {
        let check = |plan: Plan, shards| {
            assert_eq!(plan.shards.len(), shards);
            let mut next = 0;
            for shard in &plan.shards {
                assert_eq!((shard.start, shard.start % BLOCK_ROWS), (next, 0));
                next = shard.end;
            }
            assert_eq!(next, plan.rows);
        };
        check(plan(survey(1, 8)), 1);
        check(plan(survey(1_000_000, 8_000_000)), 1);
        check(plan(survey(1_000_000, 800_000_000)), 24);
        check(plan(survey(20_000, u64::MAX)), 1);
        check(plan(survey(100_000_000, 0)), 24);
        check(plan_with_shard_rows(survey(10_001, 0), 2048), 5);
        check(plan_with_shard_rows(survey(10_001, 0), 1), 10);
    }
}
