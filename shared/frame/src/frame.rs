//! A frame: what an imported data set is, apart from its rows.

use std::ops::Range;

use serde::{Deserialize, Deserializer, Serialize};

use crate::error::{Error, ShardError};
use crate::plan::Plan;
use crate::sample::Sampled;
use crate::schema::{ColumnKind, LeftOut};
use crate::shard::ShardRecord;
use crate::stats::{ColumnStats, ColumnSummary, LevelLimits};
use crate::time::TimeType;

/// Raised when the record, or what is in shard files, changes its meaning.
const FORMAT_VERSION: u32 = 2;

/// The manifest of a frame.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Frame {
    /// Of this record's format; a later one is not read.
    #[serde(deserialize_with = "known_version")]
    pub version: u32,
    pub rows: u64,
    /// Of all shard files.
    pub bytes: u64,
    /// BLAKE3 of schema and shards, in hexadecimal: equal for the same files, wherever and by whom they were read. Other
    /// files with the same columns and rows have the same content only if their bytes cut them into the same shards.
    pub content: String,
    pub columns: Vec<FrameColumn>,
    /// In row order, without statistics.
    pub shards: Vec<ShardRecord>,
    /// Columns of the sources that are none of the frame.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub left_out: Vec<LeftOut>,
}

/// A column and its statistics.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FrameColumn {
    pub name: String,
    pub kind: ColumnKind,
    pub source_type: String,
    pub stats: ColumnSummary,
}

impl Frame {
    /// Joins the shards of a plan, in any order.
    pub fn merge(plan: &Plan, mut shards: Vec<ShardRecord>) -> Result<Self, Error> {
        plan.check_rows()?;
        shards.sort_by_key(|shard| shard.rows.start);
        check(plan, &shards)?;
        let limits = LevelLimits::of(plan.columns.len());
        let mut columns = Vec::with_capacity(plan.columns.len());
        for (at, column) in plan.columns.iter().enumerate() {
            let parts = take_stats(&mut shards, at);
            let time = TimeType::parse(&column.source_type).filter(|_| column.kind == ColumnKind::Time);
            let summary = parts.and_then(|parts| ColumnSummary::merge(parts, plan.rows, time.as_ref(), limits));
            columns.push(FrameColumn {
                name: column.name.clone(),
                kind: column.kind,
                source_type: column.source_type.clone(),
                stats: summary.ok_or_else(|| misfit(format!("the statistics of {:?} are not whole", column.name)))?,
            });
        }
        Ok(Self {
            version: FORMAT_VERSION,
            rows: plan.rows,
            bytes: shards.iter().fold(0, |sum, shard| sum.saturating_add(shard.bytes)),
            content: content(&columns, &shards),
            columns,
            shards: shards.into_iter().map(ShardRecord::without_stats).collect(),
            left_out: plan.left_out.clone(),
        })
    }

    pub fn column(&self, name: &str) -> Option<&FrameColumn> {
        self.columns.iter().find(|column| column.name == name)
    }
}

/// Records come from other processes: they must be those of the plan.
fn check(plan: &Plan, shards: &[ShardRecord]) -> Result<(), Error> {
    if !shards.iter().map(|shard| &shard.rows).eq(&plan.shards) {
        return Err(misfit(format!("{} shards where the plan has {}", shards.len(), plan.shards.len())));
    }
    let mut next = 0;
    for at in 0..shards.len() {
        let rows = plan.shard_rows(at)?;
        if rows.start != next {
            return Err(misfit(format!("no shard of the plan begins at row {next}")));
        }
        next = rows.end;
    }
    if next != plan.rows {
        return Err(misfit(format!("no shard of the plan begins at row {next}")));
    }
    let planned = |shard: &ShardRecord| {
        let columns = shard.columns.iter().map(|column| (&column.name, column.kind));
        columns.eq(plan.columns.iter().map(|column| (&column.name, column.kind)))
    };
    for shard in shards {
        let row = shard.rows.start;
        if !planned(shard) {
            return Err(misfit(format!("the shard of row {row} has other columns")));
        }
        if !shard.hash.is_empty() && !shard.is_named() {
            return Err(misfit(format!("the shard of row {row} has no hash for a name")));
        }
        let sampled = Sampled::of(plan.rows, plan.columns.len(), &shard.rows);
        for column in &shard.columns {
            let stats = column.stats.as_ref();
            let wrong =
                stats.map_or(Some("are not there"), |stats| stats.inconsistency(column.kind, &shard.rows, &sampled));
            if let Some(wrong) = wrong {
                let name = &column.name;
                return Err(misfit(format!("the statistics of {name:?} in the shard of row {row} {wrong}")));
            }
        }
    }
    Ok(())
}

/// What a later version means by its fields is not known here.
fn known_version<'de, D: Deserializer<'de>>(from: D) -> Result<u32, D::Error> {
    match u32::deserialize(from)? {
        FORMAT_VERSION => Ok(FORMAT_VERSION),
        other => Err(serde::de::Error::custom(format!(
            "the frame is of format {other}, and this binary reads format {FORMAT_VERSION}: update aquifer, or import again"
        ))),
    }
}

fn take_stats(shards: &mut [ShardRecord], column: usize) -> Option<Vec<(Range<u64>, ColumnStats)>> {
    shards.iter_mut().map(|shard| Some((shard.rows.clone(), shard.columns.get_mut(column)?.stats.take()?))).collect()
}

fn content(columns: &[FrameColumn], shards: &[ShardRecord]) -> String {
    let mut hasher = blake3::Hasher::new();
    // A length before each text: no two lists of columns read alike.
    let mut add = |text: &str| {
        hasher.update(&(text.len() as u64).to_le_bytes());
        hasher.update(text.as_bytes());
    };
    for column in columns {
        add(&column.name);
        add(&column.source_type);
    }
    for shard in shards {
        add(&shard.hash);
    }
    hasher.finalize().to_hex().to_string()
}

fn misfit(reason: String) -> Error {
    ShardError::DoNotFit { reason }.into()
}
