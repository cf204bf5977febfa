//! The plan: which global rows make which shard. A pure function of rows and bytes, so the same for any cluster.

use std::ops::Range;

use serde::{Deserialize, Serialize};

use crate::block::{BLOCK_ROWS, block_count};
use crate::error::{Error, ShardError};
use crate::schema::{SourceColumn, value_bytes};
use crate::source::{ROWS_MAX, SourceFile, Survey};

/// Bytes a shard aims at, uncompressed: few enough to gather in memory, many enough to be worth a file.
const SHARD_BYTES: u64 = 64 << 20;
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
}

/// Cuts into even shards of about 64 MiB.
pub fn plan(survey: Survey) -> Plan {
    let blocks = block_count(survey.rows);
    let wide: u64 = survey.columns.iter().map(|column| value_bytes(&column.source_type)).sum();
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
    Plan { files: survey.files, columns: survey.columns, rows, shards }
}

impl Plan {
    /// One shard's rows. A plan may come from another process: what its numbers lead to is checked before it is done.
    pub(crate) fn shard_rows(&self, shard: usize) -> Result<Range<u64>, Error> {
        self.check_rows()?;
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
        Ok(rows)
    }

    /// The rows are those of the files, and can be numbered.
    pub(crate) fn check_rows(&self) -> Result<(), Error> {
        let sum = self.files.iter().try_fold(0u64, |sum, file| sum.checked_add(file.rows));
        match sum {
            Some(sum) if sum == self.rows && sum <= ROWS_MAX => Ok(()),
            _ => Err(misfit(format!("the plan has {} rows, and its files have others", self.rows))),
        }
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
        let column = SourceColumn { name: "x".into(), kind: ColumnKind::Float, source_type: "float64".into() };
        Survey { files: Vec::new(), columns: vec![column], rows, uncompressed_bytes: bytes }
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
        check(plan(survey(1_000_000, 800_000_000)), 12);
        check(plan(survey(20_000, u64::MAX)), 1);
        check(plan(survey(100_000_000, 0)), 12);
        check(plan_with_shard_rows(survey(10_001, 0), 2048), 5);
        check(plan_with_shard_rows(survey(10_001, 0), 1), 10);
    }
}
