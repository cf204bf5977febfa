//! The share of a target's second class among the sampled rows with a value.

use std::collections::BTreeMap;

use aquifer_frame::{Frame, Value};

/// Sampled rows that a share needs.
const ROWS_MIN: usize = 5;

/// A target of two classes in the sampled rows.
pub(super) struct Positive<'a> {
    pub(super) column: &'a str,
    /// The second class.
    pub(super) class: String,
    /// Is it that class? None where it is missing.
    of: Vec<Option<bool>>,
}

impl<'a> Positive<'a> {
    /// None if the target has another number of classes.
    pub(super) fn of(frame: &'a Frame, target: &str) -> Option<Self> {
        let column = frame.column(target)?;
        let mut classes: Vec<(&Value, String)> =
            column.stats.tally.levels.as_ref()?.iter().map(|level| (&level.value, level.value.to_string())).collect();
        classes.dedup_by(|a, b| a.1 == b.1);
        let [_, (_, second)] = &classes[..] else { return None };
        let is_second = |value: &Option<Value>| Some(value.as_ref()?.to_string() == *second);
        let of = column.stats.row_sample.iter().map(is_second).collect();
        Some(Self { column: &column.name, class: second.clone(), of })
    }

    /// The share in each group of rows, by the group of each sampled row; none where rows are too few.
    pub(super) fn shares<K: Ord>(&self, groups: impl Iterator<Item = Option<K>>) -> BTreeMap<K, f64> {
        let mut counts: BTreeMap<K, (usize, usize)> = BTreeMap::new();
        for (group, is_second) in groups.zip(&self.of) {
            if let Some((group, is_second)) = group.zip(*is_second) {
                let (second, all) = counts.entry(group).or_default();
                *second += usize::from(is_second);
                *all += 1;
            }
        }
        let share = |(group, (second, all)): (K, (usize, usize))| {
            (all >= ROWS_MIN).then_some((group, second as f64 / all as f64))
        };
        counts.into_iter().filter_map(share).collect()
    }

    /// What the shares are of.
    pub(super) fn words(&self) -> String {
        format!("share of {} = {}, in sampled rows", self.column, self.class)
    }
}
