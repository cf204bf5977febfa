//! Joining the parts of a column, one a shard, to the column of a frame.

use std::ops::Range;

use super::quantiles::{parts, quantiles};
use super::{ColumnStats, ColumnSummary, LevelLimits, Moments, MomentsNode, ReadingStats, ReadingSummary, Tally};
use crate::block::{BLOCK_ROWS, block_count};
use crate::reading::Reading;
use crate::time::TimeType;
use crate::tree::{Fold, Node, whole_nodes};

impl ColumnSummary {
    /// Joins the parts of a column, in order of their global rows: `0..total` in all. Each is consistent in itself; none if
    /// they do not fit together. `time` is the type of a time column.
    pub(crate) fn merge(
        shards: Vec<(Range<u64>, ColumnStats)>,
        total: u64,
        time: Option<&TimeType>,
        limits: LevelLimits,
    ) -> Option<Self> {
        let mut tally: Option<Tally> = None;
        let (mut moments, mut sample, mut row_sample) = (Vec::new(), Vec::new(), Vec::new());
        let mut readings = Vec::with_capacity(shards.len());
        for (rows, stats) in shards {
            readings.push(ShardReadings { rows, shown: stats.row_sample.len(), of: stats.readings });
            tally = Some(match tally {
                Some(so_far) => so_far.merge(stats.tally, limits),
                None => stats.tally,
            });
            moments.extend(stats.moments);
            sample.extend(stats.quantile_sample);
            row_sample.extend(stats.row_sample);
        }
        let mut tally = tally?;
        if let Some(levels) = &tally.levels {
            tally.unique &= levels.iter().all(|level| level.rows == 1);
        }
        // The parts of shards are in order: this merges them.
        sample.sort_by(f64::total_cmp);
        let is_text = moments.is_empty();
        Some(Self {
            moments: join_moments(moments, block_count(total))?,
            quantiles: if is_text { Vec::new() } else { quantiles(tally.levels.as_deref(), &sample) },
            parts: time.map_or_else(Vec::new, |time| parts(time, &tally, &sample)),
            readings: join_readings(readings, total, limits)?,
            row_sample,
            tally,
        })
    }
}

/// In the tree over all blocks; text has none.
fn join_moments(nodes: Vec<MomentsNode>, total: u64) -> Option<Option<Moments>> {
    let mut fold = Fold::default();
    let mut next = 0;
    for node in nodes {
        // What comes from the network is checked here: the fold asserts.
        let end = node.first_block.checked_add(node.blocks)?;
        let fits = node.first_block == next && end <= total;
        let node_of = Node { lo: node.first_block, n: node.blocks };
        if !fits || whole_nodes(next..end, total) != [node_of] {
            return None;
        }
        fold.push(node_of, node.moments, Moments::merge);
        next = end;
    }
    (next == 0 || next == total).then(|| fold.finish(Moments::merge))
}

/// What one shard's text is under its readings.
struct ShardReadings {
    rows: Range<u64>,
    /// Sampled rows to be looked at.
    shown: usize,
    of: Vec<ReadingStats>,
}

/// Numbers, if any text is one; and dates that every shard has which has any text but missing ones.
fn join_readings(mut shards: Vec<ShardReadings>, total: u64, limits: LevelLimits) -> Option<Vec<ReadingSummary>> {
    let mut joined = Vec::new();
    for reading in [Reading::Number].into_iter().chain(Reading::DATES) {
        let has = |shard: &ShardReadings| shard.of.iter().any(|of| of.reading == reading);
        let says_something = |shard: &&ShardReadings| !shard.of.is_empty();
        let everywhere = shards.iter().filter(says_something).all(has);
        if !everywhere || !shards.iter().any(has) {
            continue;
        }
        let (mut unread, mut example, mut padded): (u64, Option<String>, bool) = (0, None, false);
        let mut parts = Vec::with_capacity(shards.len());
        for shard in &mut shards {
            let rows = shard.rows.end - shard.rows.start;
            let at = shard.of.iter().position(|of| of.reading == reading);
            let blank = || ReadingStats::blank(reading, rows);
            let mut of = at.map_or_else(blank, |at| std::mem::replace(&mut shard.of[at], blank()));
            if of.is_blank() {
                of.stats.moments = nothing_in(&shard.rows, total);
                of.stats.row_sample = vec![None; shard.shown];
            }
            unread += of.unread;
            padded |= of.padded;
            example = match (example, of.unread_example) {
                (Some(a), Some(b)) => Some(a.min(b)),
                (a, b) => a.or(b),
            };
            parts.push((shard.rows.clone(), *of.stats));
        }
        let summary = ColumnSummary::merge(parts, total, reading.time_type().as_ref(), limits)?;
        if summary.moments.is_some() {
            joined.push(ReadingSummary {
                reading,
                unread,
                unread_example: example,
                padded,
                summary: Box::new(summary),
            });
        }
    }
    Some(joined)
}

/// The nodes of a shard without a value.
fn nothing_in(rows: &Range<u64>, total: u64) -> Vec<MomentsNode> {
    let blocks = rows.start / BLOCK_ROWS..block_count(rows.end);
    let node = |node: Node| MomentsNode { first_block: node.lo, blocks: node.n, moments: None };
    whole_nodes(blocks, block_count(total)).into_iter().map(node).collect()
}
