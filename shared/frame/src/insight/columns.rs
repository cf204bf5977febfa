//! Warnings about a column by itself.

use super::view::{TakenFor, View};
use crate::encode::Note;
use crate::frame::FrameColumn;
use crate::schema::ColumnKind;
use crate::stats::ColumnSummary;
use crate::value::Value;

/// Of a column's rows, those that may have no value before that is worth a warning.
const MISSING_SHARE: f64 = 0.95;
/// Rows that a column needs before its whole numbers can be told to number the rows.
const NUMBERED_ROWS_MIN: u64 = 100;

pub(super) fn notes(column: &FrameColumn, rows: u64) -> Vec<Note> {
    let view = View::of(column);
    let name = &column.name;
    let mut notes = view.notes.clone();
    let note = |code, message: String| Note::of(code, name, message);
    let missing = view.missing();
    match view.taken_for {
        TakenFor::Empty => notes.push(note("nearly_all_missing", format!("{name} has no values"))),
        TakenFor::Constant => {
            let there = if missing == 0 { "every value" } else { "every value that is there" };
            notes.push(note("constant", format!("{name} is constant: {there} is {}", shown(&view))));
        }
        TakenFor::Identifier => {
            notes.push(note("identifier", format!("{name} names rows: no value occurs twice, so it is no feature")));
        }
        _ if numbers_rows(column.kind, view.summary, rows) => {
            let message = format!(
                "{name} numbers the rows: its whole numbers are all different. What it says holds for no other data: \
                 leave it out with ignored_columns"
            );
            notes.push(note("identifier", message));
        }
        _ => {}
    }
    let infinite = view.summary.tally.infinite;
    if infinite > 0 {
        notes.push(note("infinite", format!("{name} has {infinite} infinite values, which count as missing")));
    }
    if view.taken_for != TakenFor::Empty && missing as f64 >= MISSING_SHARE * rows as f64 {
        // Rounded down: 100 % would be another thing.
        let percent = (1000.0 * missing as f64 / rows as f64).floor() / 10.0;
        notes.push(note("nearly_all_missing", format!("{name} is missing in {percent} % of the rows")));
    }
    notes
}

fn shown(view: &View<'_>) -> String {
    let tally = &view.summary.tally;
    let first = tally.levels.as_ref().and_then(|levels| levels.first()).map(|level| &level.value);
    match (tally.min.as_ref().or(first), &view.time) {
        (Some(Value::Int(raw)), Some(time)) => time.format(*raw),
        (Some(value @ Value::Text(_)), _) => format!("{:?}", value.to_string()),
        (Some(value), _) => value.to_string(),
        (None, _) => String::new(),
    }
}

/// Is it the numbers of the rows, in whatever order, from whatever first one; or does it grow with each row, in steps that
/// may differ?
fn numbers_rows(kind: ColumnKind, summary: &ColumnSummary, rows: u64) -> bool {
    let tally = &summary.tally;
    let ends = tally.min.as_ref().and_then(Value::number).zip(tally.max.as_ref().and_then(Value::number));
    let (Some((min, max)), Some(moments)) = (ends, summary.moments) else { return false };
    let n = rows as f64;
    if moments.count != rows || rows < NUMBERED_ROWS_MIN || min.fract() != 0.0 || kind == ColumnKind::Time {
        return false;
    }
    // The numbers 1 to n, in any order, have Σ(x − mean)² = n(n² − 1)/12; numbers with repetitions have another.
    let squares = n * (n * n - 1.0) / 12.0;
    let dense = max - min == n - 1.0 && (moments.m2 - squares).abs() <= 1e-9 * squares;
    dense || (kind == ColumnKind::Int && max - min >= n - 1.0 && grows(&summary.row_sample))
}

/// From each sampled row to the next, up in all or down in all.
fn grows(sample: &[Option<Value>]) -> bool {
    let enough = sample.len() as u64 >= NUMBERED_ROWS_MIN && sample.iter().all(Option::is_some);
    enough && (sample.is_sorted_by(|a, b| a < b) || sample.is_sorted_by(|a, b| a > b))
}
