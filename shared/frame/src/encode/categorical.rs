//! Levels of a column as inputs.

use std::collections::BTreeMap;

use super::{Categorical, EncodingOptions, Note};
use crate::frame::FrameColumn;
use crate::schema::ColumnKind;
use crate::stats::Level;

/// Levels of a feature above which a note says what they cost.
const LEVELS_MANY: usize = 1000;
/// Fewer levels than this are never said to name rows, however few rows there are.
const LEVELS_FEW: u64 = 50;

/// The levels of a column; none, with a note, if it tells nothing. A column that was `asked` for as a feature or a
/// category is one even if it names rows.
pub(super) fn fit_levels(
    column: &FrameColumn,
    rows: u64,
    asked: bool,
    options: &EncodingOptions,
    notes: &mut Vec<Note>,
) -> Option<Categorical> {
    let name = &column.name;
    let tally = &column.stats.tally;
    let identifier = |notes: &mut Vec<Note>| {
        let why = "it names rows: no value occurs twice (--type 'COLUMN=categorical' keeps it)";
        notes.push(Note::dropped(name, &why.replace("COLUMN", name)));
    };
    let Some(levels) = &tally.levels else {
        let why = match tally.unique {
            true => "it seems to name rows: of very many different values hardly any occurs twice",
            false => "it has too many different texts to count them, or very long ones",
        };
        notes.push(Note::dropped(name, why));
        return None;
    };
    let counted = joined(levels);
    match counted.keys().next() {
        None => {
            notes.push(Note::dropped(name, "it has no values"));
            return None;
        }
        Some(one) if counted.len() == 1 && tally.missing == 0 => {
            let shown = if column.kind == ColumnKind::Text { format!("{one:?}") } else { one.clone() };
            notes.push(Note::dropped(name, &format!("every value is {shown}")));
            return None;
        }
        Some(_) => {}
    }
    let distinct = counted.len() as u64;
    if !asked && distinct > LEVELS_FEW && counted.values().all(|rows| *rows == 1) {
        identifier(notes);
        return None;
    }
    if tally.missing + tally.nan + tally.infinite > 0 {
        let absent = tally.missing + tally.nan + tally.infinite;
        notes.push(Note::of(
            "missing_level",
            name,
            format!("{name}: {absent} missing values have an input of their own"),
        ));
    }
    let most = options.max_categorical_levels as usize;
    let other = counted.len() > most;
    let levels = if other { most_frequent(counted, most) } else { counted.into_keys().collect() };
    if other {
        let message = format!(
            "{name} has {distinct} levels: the {most} most frequent have inputs of their own, the others share one"
        );
        notes.push(Note::of("other_levels", name, message));
    }
    let categorical = Categorical { column: name.clone(), levels, other };
    if !other && (categorical.levels.len() > LEVELS_MANY || (distinct > LEVELS_FEW && distinct * 2 > rows)) {
        let inputs = categorical.slots();
        let message = format!(
            "{name} has {distinct} different texts and makes {inputs} inputs; if it names rows, leave it out with \
             ignored_columns, or set max_categorical_levels"
        );
        notes.push(Note::of("many_levels", name, message));
    }
    Some(categorical)
}

/// Rows of each trimmed text, in byte order.
fn joined(levels: &[Level]) -> BTreeMap<String, u64> {
    let mut counted = BTreeMap::new();
    for level in levels {
        *counted.entry(level.value.to_string()).or_insert(0) += level.rows;
    }
    counted
}

/// Of equally frequent levels the first by bytes.
fn most_frequent(counted: BTreeMap<String, u64>, most: usize) -> Vec<String> {
    let mut counted: Vec<(String, u64)> = counted.into_iter().collect();
    counted.sort_by_key(|(_, rows)| std::cmp::Reverse(*rows)); // stable
    let mut levels: Vec<String> = counted.into_iter().take(most).map(|(level, _)| level).collect();
    levels.sort_unstable();
    levels
}
