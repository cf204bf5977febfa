//! Do the statistics of a shard's column agree with themselves? They may come from another process, and what is fitted to
//! them, and the folds that merge them, count on it.

use std::ops::Range;

use super::text::SHOWN_CHARACTERS;
use super::{ColumnStats, Level, LevelLimits, MomentsNode, ReadingStats, Tally};
use crate::block::{BLOCK_ROWS, block_count};
use crate::reading::Reading;
use crate::sample::Sampled;
use crate::schema::ColumnKind;
use crate::value::Value;

impl ColumnStats {
    /// What is wrong with them for a column of this kind and a shard of these global rows, after "the statistics …".
    pub(crate) fn inconsistency(&self, kind: ColumnKind, rows: &Range<u64>, sampled: &Sampled) -> Option<&'static str> {
        let Tally { missing, nan, infinite, min, max, levels, rounded, unique } = &self.tally;
        let absent = missing.checked_add(*nan).and_then(|sum| sum.checked_add(*infinite));
        let Some(count) = absent.and_then(|absent| (rows.end - rows.start).checked_sub(absent)) else {
            return Some("count more rows than there are");
        };
        if kind != ColumnKind::Float && nan + infinite > 0 {
            return Some("count values that are not finite where there are none");
        }
        if *rounded > if matches!(kind, ColumnKind::Text | ColumnKind::Bool) { 0 } else { count } {
            return Some("count rounded values where there are none");
        }
        if let Some(levels) = levels
            && let Some(wrong) = wrong_levels(levels, kind, count, sampled.levels)
        {
            return Some(wrong);
        }
        if let Some(wrong) = self.wrong_row_sample(kind, count, rows, sampled) {
            return Some(wrong);
        }
        if kind == ColumnKind::Text {
            if !(self.moments.is_empty() && self.quantile_sample.is_empty() && min.is_none() && max.is_none()) {
                return Some("have moments of text");
            }
            return self.wrong_readings(count, rows, sampled);
        }
        if *unique || !self.readings.is_empty() {
            return Some("have readings of what is no text");
        }
        self.wrong_range(kind, count)
            .or_else(|| self.wrong_quantile_sample(count, rows, sampled))
            .or_else(|| wrong_moments(&self.moments, rows, count))
    }

    fn wrong_row_sample(
        &self,
        kind: ColumnKind,
        count: u64,
        rows: &Range<u64>,
        sampled: &Sampled,
    ) -> Option<&'static str> {
        if self.row_sample.len() != sampled.shown_rows.len() {
            return Some("have another number of sampled rows");
        }
        let present = self.row_sample.iter().flatten().count() as u64;
        let absent = self.row_sample.len() as u64 - present;
        if present > count || absent > rows.end - rows.start - count {
            return Some("have more sampled rows with or without values than there are");
        }
        let Tally { min, max, .. } = &self.tally;
        let right = |value: &Value| {
            let outside = min.as_ref().is_some_and(|min| value < min) || max.as_ref().is_some_and(|max| value > max);
            is_of(kind, value) && !outside && is_short(value)
        };
        (!self.row_sample.iter().flatten().all(right)).then_some("have sampled rows that their column cannot have")
    }

    fn wrong_quantile_sample(&self, count: u64, rows: &Range<u64>, sampled: &Sampled) -> Option<&'static str> {
        let (sample, of) = (&self.quantile_sample, sampled.quantile_rows.len() as u64);
        let least = of.saturating_sub(rows.end - rows.start - count);
        if !(least..=of.min(count)).contains(&(sample.len() as u64)) {
            return Some("have another number of sampled values");
        }
        let ends = [&self.tally.min, &self.tally.max].map(|end| end.as_ref().and_then(Value::number).unwrap_or(0.0));
        let inside = |x: &f64| x.is_finite() && *x >= ends[0] && *x <= ends[1] && x.to_bits() != (-0.0f64).to_bits();
        let right = sample.is_sorted_by(|a, b| a <= b) && sample.iter().all(inside);
        (!right).then_some("have sampled values that are out of order or of their range")
    }

    /// `count` rows have text.
    fn wrong_readings(&self, count: u64, rows: &Range<u64>, sampled: &Sampled) -> Option<&'static str> {
        let first = match &self.readings[..] {
            [] => return None,
            [first, ..] if first.reading == Reading::Number => first,
            _ => return Some("read dates and say nothing of numbers"),
        };
        if !self.readings.is_sorted_by(|a, b| a.reading < b.reading) {
            return Some("have readings out of order");
        }
        // Rows whose text is no missing one: as many under each reading.
        let said =
            |of: &ReadingStats| (rows.end - rows.start).checked_sub(of.stats.tally.missing)?.checked_add(of.unread);
        let all = said(first);
        if all.is_none_or(|all| all == 0 || all > count) || self.readings.iter().any(|of| said(of) != all) {
            return Some("have readings of more or fewer texts than there are");
        }
        self.readings.iter().find_map(|of| wrong_reading(of, rows, sampled))
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

fn wrong_reading(of: &ReadingStats, rows: &Range<u64>, sampled: &Sampled) -> Option<&'static str> {
    let is_number = of.reading == Reading::Number;
    let short = |example: &String| example.chars().count() <= SHOWN_CHARACTERS;
    if of.unread_example.is_some() != (of.unread > 0) || !of.unread_example.as_ref().is_none_or(short) {
        return Some("have no example of what is unread, or too long a one");
    }
    if is_number && of.is_blank() && !of.padded {
        return None;
    }
    // Of dates all texts are read, and at least one.
    if !is_number && (of.unread > 0 || of.padded || of.is_blank()) {
        return Some("have dates that not all texts are");
    }
    let Tally { nan, infinite, .. } = of.stats.tally;
    if nan + infinite > 0 {
        return Some("count values that are not finite where there are none");
    }
    of.stats.inconsistency(if is_number { ColumnKind::Float } else { ColumnKind::Time }, rows, sampled)
}

fn is_short(value: &Value) -> bool {
    match value {
        Value::Text(text) => text.chars().count() <= SHOWN_CHARACTERS,
        _ => true,
    }
}

fn wrong_levels(levels: &[Level], kind: ColumnKind, count: u64, limits: LevelLimits) -> Option<&'static str> {
    if levels.iter().any(|level| level.rows == 0 || !is_of(kind, &level.value)) {
        return Some("have levels of no row or of another kind");
    }
    if !levels.is_sorted_by(|a, b| a.value < b.value) || !limits.hold(levels) {
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
        (ColumnKind::Bool, Value::Bool(_)) | (ColumnKind::Text, Value::Text(_)) => true,
        (ColumnKind::Int | ColumnKind::Time, Value::Int(_)) => true,
        (ColumnKind::Int, Value::Unsigned(value)) => i64::try_from(*value).is_err(),
        (ColumnKind::Float, Value::Float(value)) => value.is_finite() && value.to_bits() != (-0.0f64).to_bits(),
        _ => false,
    }
}
