//! What is known of a column: of one shard's part, and of the whole.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Moments, packed};
use crate::reading::Reading;
use crate::time::TimePart;
use crate::value::Value;

/// Distinct numbers or booleans that are counted, at most; columns with more have no levels.
pub const LEVELS_MAX_NUMBER: usize = 1024;
/// Distinct texts that are counted, at most.
pub const LEVELS_MAX_TEXT: usize = 65_536;
/// Bytes of them, at most: longer texts are no categories.
const LEVEL_BYTES_MAX: usize = 4 << 20;

/// What may be counted of each column. The statistics of a frame must fit a message, so a column of very many has less:
/// the same for all columns and shards, or levels would depend on the cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct LevelLimits {
    pub(crate) numbers: usize,
    pub(crate) texts: usize,
    pub(crate) text_bytes: usize,
}

impl LevelLimits {
    /// Of a frame of so many columns: all that is counted at most of up to 1,024, of texts of up to 32, and of 16 with
    /// texts as long as they may be.
    pub(crate) fn of(columns: usize) -> Self {
        let share = |sum: usize, least, most| (sum / columns.max(1)).clamp(least, most);
        Self {
            numbers: share(1 << 20, 32, LEVELS_MAX_NUMBER),
            texts: share(1 << 21, 32, LEVELS_MAX_TEXT),
            text_bytes: share(1 << 26, 1024, LEVEL_BYTES_MAX),
        }
    }

    /// Levels, unless they are too many or too long.
    pub(super) fn bound(self, levels: Vec<Level>) -> Option<Vec<Level>> {
        self.hold(&levels).then_some(levels)
    }

    pub(super) fn hold(self, levels: &[Level]) -> bool {
        let text = |level: &Level| match &level.value {
            Value::Text(text) => Some(text.len()),
            _ => None,
        };
        let bytes: usize = levels.iter().filter_map(text).sum();
        let is_text = levels.first().is_some_and(|level| text(level).is_some());
        levels.len() <= if is_text { self.texts } else { self.numbers } && bytes <= self.text_bytes
    }
}

/// A distinct value and its rows. Text is as in the source, not trimmed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Level {
    pub value: Value,
    pub rows: u64,
}

/// What adds up in any order.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Tally {
    /// Rows that are null.
    pub missing: u64,
    /// NaN and ±∞: neither missing nor in the moments, extremes or levels.
    pub nan: u64,
    pub infinite: u64,
    /// Of the finite values; none for text.
    pub min: Option<Value>,
    pub max: Option<Value>,
    /// Distinct values in order; none if there are too many.
    pub levels: Option<Vec<Level>>,
    /// Values that 64-bit floats hold rounded only: whole numbers beyond 2^53, and decimals of more digits than they have.
    #[serde(skip_serializing_if = "is_zero", default)]
    pub rounded: u64,
    /// Of text: no text is there twice; where levels are not counted, no block of rows has one twice.
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    pub unique: bool,
}

/// The moments of one node of the tree over blocks; none if it has no finite value.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MomentsNode {
    pub first_block: u64,
    pub blocks: u64,
    pub moments: Option<Moments>,
}

/// One shard's part of a column.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ColumnStats {
    pub tally: Tally,
    /// Empty for text.
    pub moments: Vec<MomentsNode>,
    /// Finite values of the rows that are sampled for quantiles, in order of value. Empty for text. They are there where
    /// levels are counted too: the frame may have too many.
    #[serde(skip_serializing_if = "Vec::is_empty", default, with = "packed")]
    pub quantile_sample: Vec<f64>,
    /// Of the rows that are sampled to be looked at, in row order, so the columns of a frame have the same rows; none where
    /// missing or not finite, and texts to their 64th character.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub row_sample: Vec<Option<Value>>,
    /// Of text: what it is if it is read otherwise. Numbers first, always; none at all where every text is a missing one.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub readings: Vec<ReadingStats>,
}

/// Text of one shard under a reading.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ReadingStats {
    pub reading: Reading,
    /// Rows whose text neither stands for a missing value nor can be read so, and the first such text by bytes.
    pub unread: u64,
    pub unread_example: Option<String>,
    /// A number has leading zeros (`007`): perhaps a code, not a quantity.
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    pub padded: bool,
    /// As of a column of such numbers, or of microseconds; what is unread counts as missing. Without moments and sampled
    /// rows where nothing reads so.
    pub stats: Box<ColumnStats>,
}

/// A column of a frame.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ColumnSummary {
    pub tally: Tally,
    pub moments: Option<Moments>,
    /// The 0/128 to 128/128 quantiles of the finite values, linear between neighbours (type 7 of Hyndman and Fan 1996, as
    /// NumPy's default): exact where all values were sampled or counted. Empty for text.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub quantiles: Vec<f64>,
    /// As [`ColumnStats::row_sample`].
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub row_sample: Vec<Option<Value>>,
    /// Of a time column: each part that such a type has, from the sampled values, or exactly where levels are counted.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub parts: Vec<PartSummary>,
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub readings: Vec<ReadingSummary>,
}

/// A part of a time column's values. The least and the largest include those of the column's least and largest value.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PartSummary {
    pub part: TimePart,
    pub min: f64,
    pub max: f64,
    pub mean: f64,
    /// The sample's standard deviation (n − 1).
    pub deviation: f64,
}

/// Text of a frame under a reading; readings that no text has are left out.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ReadingSummary {
    pub reading: Reading,
    pub unread: u64,
    pub unread_example: Option<String>,
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    pub padded: bool,
    pub summary: Box<ColumnSummary>,
}

fn is_zero(count: &u64) -> bool {
    *count == 0
}

impl Tally {
    pub(super) fn merge(self, other: Self, limits: LevelLimits) -> Self {
        let least = |a: Option<Value>, b: Option<Value>| match (a, b) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        };
        let most = |a: Option<Value>, b: Option<Value>| match (a, b) {
            (Some(a), Some(b)) => Some(a.max(b)),
            (a, b) => a.or(b),
        };
        Self {
            missing: self.missing + other.missing,
            nan: self.nan + other.nan,
            infinite: self.infinite + other.infinite,
            min: least(self.min, other.min),
            max: most(self.max, other.max),
            levels: self.levels.zip(other.levels).and_then(|(a, b)| merge_levels(a, b, limits)),
            rounded: self.rounded + other.rounded,
            unique: self.unique && other.unique,
        }
    }
}

impl ColumnSummary {
    /// The sample's standard deviation (n − 1); none without a finite value.
    pub fn deviation(&self) -> Option<f64> {
        self.moments.map(|moments| moments.deviation())
    }
}

fn merge_levels(a: Vec<Level>, b: Vec<Level>, limits: LevelLimits) -> Option<Vec<Level>> {
    let mut rows = BTreeMap::new();
    for level in a.into_iter().chain(b) {
        *rows.entry(level.value).or_insert(0) += level.rows;
    }
    limits.bound(rows.into_iter().map(|(value, rows)| Level { value, rows }).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_columns_share_what_is_counted() {
        let limits = |columns| {
            let LevelLimits { numbers, texts, text_bytes } = LevelLimits::of(columns);
            (numbers, texts, text_bytes)
        };
        let all = (LEVELS_MAX_NUMBER, LEVELS_MAX_TEXT, LEVEL_BYTES_MAX);
        assert_eq!((limits(0), limits(1), limits(16)), (all, all, all));
        assert_eq!(limits(32), (LEVELS_MAX_NUMBER, LEVELS_MAX_TEXT, LEVEL_BYTES_MAX / 2));
        assert_eq!(limits(1024).0, LEVELS_MAX_NUMBER);
        assert_eq!(limits(10_000), (104, 209, 6710));
        assert_eq!(limits(1 << 20), (32, 32, 1024));
    }

    #[test]
    fn limits_hold_for_what_is_joined() {
        let limits = LevelLimits::of(10_000);
        let numbers = |values: std::ops::Range<i64>| values.map(|x| Level { value: Value::Int(x), rows: 1 }).collect();
        assert_eq!(merge_levels(numbers(0..100), numbers(50..104), limits).unwrap().len(), 104);
        assert_eq!(merge_levels(numbers(0..100), numbers(50..105), limits), None);
        let text = |length| vec![Level { value: Value::Text("x".repeat(length)), rows: 1 }];
        assert!(merge_levels(text(1000), text(5710), limits).is_some());
        assert_eq!(merge_levels(text(1000), text(5711), limits), None);
    }
}
