//! What is known of a column: of one shard's part, and of the whole.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Moments, packed};
use crate::reading::Reading;
use crate::time::TimePart;
use crate::value::Value;

/// Distinct numbers or booleans that are counted; columns with more have no levels.
pub const LEVELS_MAX_NUMBER: usize = 1024;
/// Distinct texts that are counted.
pub const LEVELS_MAX_TEXT: usize = 65_536;
/// Bytes of them: longer texts are no categories, and the statistics of a frame must fit a message.
const LEVEL_BYTES_MAX: usize = 4 << 20;

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
    pub(super) fn merge(self, other: Self) -> Self {
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
            levels: self.levels.zip(other.levels).and_then(|(a, b)| merge_levels(a, b)),
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

/// Levels, unless they are too many or too long.
pub(crate) fn bounded(levels: Vec<Level>) -> Option<Vec<Level>> {
    is_bounded(&levels).then_some(levels)
}

pub(super) fn is_bounded(levels: &[Level]) -> bool {
    let text = |level: &Level| match &level.value {
        Value::Text(text) => Some(text.len()),
        _ => None,
    };
    let bytes: usize = levels.iter().filter_map(text).sum();
    let is_text = levels.first().is_some_and(|level| text(level).is_some());
    let most = if is_text { LEVELS_MAX_TEXT } else { LEVELS_MAX_NUMBER };
    levels.len() <= most && bytes <= LEVEL_BYTES_MAX
}

fn merge_levels(a: Vec<Level>, b: Vec<Level>) -> Option<Vec<Level>> {
    let mut rows = BTreeMap::new();
    for level in a.into_iter().chain(b) {
        *rows.entry(level.value).or_insert(0) += level.rows;
    }
    bounded(rows.into_iter().map(|(value, rows)| Level { value, rows }).collect())
}
