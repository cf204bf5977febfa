//! A column as training sees it, if nobody says otherwise.

use std::fmt;

use crate::encode::{Note, Sense, sense};
use crate::frame::FrameColumn;
use crate::reading::Reading;
use crate::stats::ColumnSummary;
use crate::time::TimeType;

/// Fewer distinct texts than this are never said to name rows, however few rows there are.
pub(super) const IDENTIFIERS_MIN: usize = 50;

/// What a column makes as a feature.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TakenFor {
    Numeric,
    Time,
    Categorical,
    /// Text of which no value is there twice: no feature.
    Identifier,
    /// Too many texts for categories: no feature.
    Text,
    /// One value in every row: no feature.
    Constant,
    /// No value at all: no feature.
    Empty,
}

impl TakenFor {
    pub fn name(self) -> &'static str {
        match self {
            Self::Numeric => "numeric",
            Self::Time => "time",
            Self::Categorical => "categorical",
            Self::Identifier => "identifier",
            Self::Text => "text",
            Self::Constant => "constant",
            Self::Empty => "empty",
        }
    }
}

impl fmt::Display for TakenFor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A column, and the statistics that it has as what it is taken for.
#[derive(Clone, Debug)]
pub struct View<'a> {
    pub taken_for: TakenFor,
    /// The column's own statistics, or those of its texts as numbers or times.
    pub summary: &'a ColumnSummary,
    /// How text is read.
    pub reading: Option<Reading>,
    /// The type of dates and times, of text that reads as such too.
    pub time: Option<TimeType>,
    /// What was decided about its texts.
    pub notes: Vec<Note>,
}

impl<'a> View<'a> {
    pub fn of(column: &'a FrameColumn) -> Self {
        let mut notes = Vec::new();
        // It fails for a time of an unknown type only, which is then no feature.
        let found = sense(column, &super::plain_roles(""), &mut notes).unwrap_or(Sense::Free);
        let (taken_for, reading, summary) = match found {
            Sense::Number(reading, summary) => (numbers(summary, TakenFor::Numeric), reading, summary),
            Sense::Time(reading, _, summary) => (numbers(summary, TakenFor::Time), reading, summary),
            Sense::Levels => (levels(&column.stats), None, &column.stats),
            Sense::Free => (TakenFor::Text, None, &column.stats),
        };
        let time = match found {
            Sense::Time(Some(reading), ..) => reading.time_type(),
            Sense::Time(None, ..) => TimeType::parse(&column.source_type),
            _ => None,
        };
        Self { taken_for, summary, reading, time, notes }
    }

    /// Are its values on a line: numbers, dates, times?
    pub fn is_ordered(&self) -> bool {
        self.summary.moments.is_some()
    }

    /// Rows without a value: null, not finite, or a text that stands for a missing one where texts are numbers or times.
    pub fn missing(&self) -> u64 {
        self.summary.tally.missing + self.summary.tally.nan + self.summary.tally.infinite
    }
}

fn numbers(summary: &ColumnSummary, vary: TakenFor) -> TakenFor {
    match (&summary.tally.min, &summary.tally.max) {
        (Some(min), Some(max)) if min == max => TakenFor::Constant,
        (Some(_), Some(_)) => vary,
        _ => TakenFor::Empty,
    }
}

/// As encodings decide it: text counts trimmed, and a missing value is a level beside one other.
fn levels(summary: &ColumnSummary) -> TakenFor {
    let Some(levels) = &summary.tally.levels else {
        return if summary.tally.unique { TakenFor::Identifier } else { TakenFor::Text };
    };
    let mut texts: Vec<String> = levels.iter().map(|level| level.value.to_string()).collect();
    texts.sort_unstable();
    texts.dedup();
    match texts.len() {
        0 => TakenFor::Empty,
        1 if summary.tally.missing == 0 => TakenFor::Constant,
        distinct if distinct > IDENTIFIERS_MIN && distinct == levels.len() && levels.iter().all(|l| l.rows == 1) => {
            TakenFor::Identifier
        }
        _ => TakenFor::Categorical,
    }
}
