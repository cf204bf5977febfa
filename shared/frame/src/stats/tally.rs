//! What is known of a column: of one shard's part, and of the whole.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Moments;
use crate::tree::{Fold, Node, whole_nodes};
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
}

/// The moments of one node of the tree over blocks; none if it has no finite value.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MomentsNode {
    pub first_block: u64,
    pub blocks: u64,
    pub moments: Option<Moments>,
}

/// One shard's part of a column.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ColumnStats {
    pub tally: Tally,
    /// Empty for text.
    pub moments: Vec<MomentsNode>,
}

/// A column of a frame.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ColumnSummary {
    pub tally: Tally,
    pub moments: Option<Moments>,
}

impl Tally {
    fn merge(self, other: Self) -> Self {
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
        }
    }
}

impl ColumnSummary {
    /// Joins the parts of a column, in order of their blocks: `0..total` in all. None if they do not fit together.
    pub(crate) fn merge(parts: impl IntoIterator<Item = ColumnStats>, total: u64) -> Option<Self> {
        let mut tally: Option<Tally> = None;
        let mut fold = Fold::default();
        let mut next = 0;
        for part in parts {
            for node in part.moments {
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
            tally = Some(match tally {
                Some(so_far) => so_far.merge(part.tally),
                None => part.tally,
            });
        }
        (next == 0 || next == total).then_some(())?;
        Some(Self { tally: tally?, moments: fold.finish(Moments::merge) })
    }

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
