//! Do the statistics of a shard's column agree with themselves? They may come from another process, and what is fitted to
//! them, and the folds that merge them, count on it.

use std::ops::Range;

use super::tally::is_bounded;
use super::{ColumnStats, Level, MomentsNode, Tally};
use crate::block::{BLOCK_ROWS, block_count};
use crate::schema::ColumnKind;
use crate::value::Value;

impl ColumnStats {
    /// What is wrong with them for a column of this kind and a shard of these global rows, after "the statistics …".
    pub(crate) fn inconsistency(&self, kind: ColumnKind, rows: &Range<u64>) -> Option<&'static str> {
        let Tally { missing, nan, infinite, min, max, levels } = &self.tally;
        let absent = missing.checked_add(*nan).and_then(|sum| sum.checked_add(*infinite));
        let Some(count) = absent.and_then(|absent| (rows.end - rows.start).checked_sub(absent)) else {
            return Some("count more rows than there are");
        };
        if kind != ColumnKind::Float && nan + infinite > 0 {
            return Some("count values that are not finite where there are none");
        }
        if let Some(levels) = levels
            && let Some(wrong) = wrong_levels(levels, kind, count)
        {
            return Some(wrong);
        }
        if kind == ColumnKind::Text {
            let none = self.moments.is_empty() && min.is_none() && max.is_none();
            return (!none).then_some("have moments of text");
        }
        self.wrong_range(kind, count).or_else(|| wrong_moments(&self.moments, rows, count))
    }

    fn wrong_range(&self, kind: ColumnKind, count: u64) -> Option<&'static str> {
        let Tally { min, max, levels, .. } = &self.tally;
        let right = match (min, max) {
            (Some(min), Some(max)) => count > 0 && is_of(kind, min) && is_of(kind, max) && min <= max,
            (None, None) => count == 0,
            _ => false,
        };
        let ends = levels.as_ref().is_none_or(|levels| {
            levels.first().map(|level| &level.value) == min.as_ref()
                && levels.last().map(|level| &level.value) == max.as_ref()
        });
        (!right || !ends).then_some("have another least or largest value than their column can have")
    }
}

fn wrong_levels(levels: &[Level], kind: ColumnKind, count: u64) -> Option<&'static str> {
    if levels.iter().any(|level| level.rows == 0 || !is_of(kind, &level.value)) {
        return Some("have levels of no row or of another kind");
    }
    if !levels.is_sorted_by(|a, b| a.value < b.value) || !is_bounded(levels) {
        return Some("have levels that are too many or out of order");
    }
    let sum = levels.iter().try_fold(0u64, |sum, level| sum.checked_add(level.rows));
    (sum != Some(count)).then_some("have levels of more or fewer rows than there are")
}

/// Nodes that cover the shard's blocks, in order; whether they are whole nodes of the frame's tree is seen when they merge.
fn wrong_moments(nodes: &[MomentsNode], rows: &Range<u64>, count: u64) -> Option<&'static str> {
    let blocks = rows.start / BLOCK_ROWS..block_count(rows.end);
    let (mut next, mut counted) = (blocks.start, 0u64);
    for node in nodes {
        let end = node.first_block.checked_add(node.blocks).filter(|end| *end <= blocks.end);
        let Some(end) = end.filter(|end| node.first_block == next && *end > next) else {
            return Some("have moments of other blocks");
        };
        next = end;
        let Some(moments) = node.moments else { continue };
        // Out of the range of f64 both are NaN, and neither else.
        let finite = moments.mean.is_finite() && moments.m2.is_finite() && moments.m2 >= 0.0;
        let overflow = moments.mean.is_nan() && moments.m2.is_nan();
        if moments.count == 0 || moments.count > node.blocks.saturating_mul(BLOCK_ROWS) || !(finite || overflow) {
            return Some("have moments that no values have");
        }
        counted = counted.saturating_add(moments.count);
    }
    (next != blocks.end || counted != count).then_some("have moments of more or fewer values than there are")
}

/// Whether statistics of a column of this kind name the value so.
fn is_of(kind: ColumnKind, value: &Value) -> bool {
    match (kind, value) {
        (ColumnKind::Bool, Value::Bool(_)) | (ColumnKind::Int, Value::Int(_)) | (ColumnKind::Text, Value::Text(_)) => {
            true
        }
        (ColumnKind::Int, Value::Unsigned(value)) => i64::try_from(*value).is_err(),
        (ColumnKind::Float, Value::Float(value)) => value.is_finite() && value.to_bits() != (-0.0f64).to_bits(),
        _ => false,
    }
}
