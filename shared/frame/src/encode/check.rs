//! Does other data fit an encoding? Asked of schemas before anything is read, and of statistics after.

use std::collections::BTreeSet;

use super::column::level_value;
use super::fit::{check_not_all_zero, check_weights};
use super::target::{check_finite, class_levels};
use super::{Apply, Categorical, Encoding, Note, Numeric, Quantity, Target};
use crate::error::{EncodingError, Error, list};
use crate::frame::{Frame, FrameColumn};
use crate::reading::{Reading, is_missing_text};
use crate::schema::{ColumnKind, SourceColumn, duration_unit};
use crate::shard::ShardRecord;
use crate::stats::{Level, Tally};
use crate::time::TimeType;
use crate::value::Value;

/// The type of a column without values.
const NULL: &str = "null";
/// Names of classes and levels shown in full.
const SHOWN: usize = 20;

impl Encoding {
    /// Are the columns there, and of a kind that can be read? Without a target (prediction) neither target nor weights
    /// matter. What texts say is seen when they are read.
    pub fn check_schema(&self, columns: &[SourceColumn], apply: Apply) -> Result<(), Error> {
        let find = |name: &str| columns.iter().find(|column| column.name == name);
        Ok(self.check_kinds(apply, |name| find(name).map(|column| (column.kind, column.source_type.as_str())))?)
    }

    /// Checks columns and statistics of another frame; notes say what was not seen in training.
    pub fn check(&self, frame: &Frame, apply: Apply) -> Result<Vec<Note>, Error> {
        self.check_kinds(apply, |name| frame.column(name).map(|c| (c.kind, c.source_type.as_str())))?;
        let weights = self.weights_column.as_ref().filter(|_| apply.with_target);
        if let Some(weights) = weights.and_then(|name| frame.column(name)) {
            check_not_all_zero(&weights.name, &weights.stats.tally)?;
        }
        self.numeric.iter().try_for_each(|numeric| check_texts(numeric, frame))?;
        let mut notes = Vec::new();
        if apply.with_target {
            self.check_target(frame, &mut notes)?;
        }
        self.numeric.iter().for_each(|numeric| notes.extend(self.numeric_note(numeric, frame, apply)));
        self.categorical.iter().for_each(|categorical| notes.extend(categorical_note(categorical, frame)));
        Ok(notes)
    }

    /// Of data that streams past, a shard at a time: can its target be scored? What else there is to say is said of the
    /// whole.
    pub fn check_shard(&self, record: &ShardRecord, apply: Apply) -> Result<(), Error> {
        let name = self.target.column();
        let column = record.columns.iter().find(|column| column.name == name).filter(|_| apply.with_target);
        let Some((column, stats)) = column.and_then(|column| Some((column, column.stats.as_ref()?))) else {
            return Ok(());
        };
        check_finite(name, &stats.tally)?;
        if let Target::Classes { levels, .. } = &self.target {
            check_classes(name, levels, column.kind, &stats.tally)?;
        }
        Ok(())
    }

    fn check_kinds<'a>(
        &self,
        apply: Apply,
        column: impl Fn(&str) -> Option<(ColumnKind, &'a str)>,
    ) -> Result<(), EncodingError> {
        let absent = |name: &str| match apply.impute_absent {
            true => Ok(()),
            false => Err(EncodingError::MissingColumn { column: name.to_owned() }),
        };
        for of in &self.numeric {
            match column(&of.column) {
                None => absent(&of.column)?,
                // What texts say is seen when they are read; a column without values says nothing.
                Some((ColumnKind::Text, _)) | Some((_, NULL)) => {}
                Some((kind, found)) if !of.takes_type(kind, found) => {
                    return Err(mismatch(&of.column, found, of.expected()));
                }
                Some(_) => {}
            }
        }
        for of in &self.categorical {
            match column(&of.column) {
                None => absent(&of.column)?,
                Some((ColumnKind::Text, _)) | Some((_, NULL)) => {}
                Some((kind, found)) => {
                    if duration_unit(found).is_some() || !of.levels.iter().any(|l| level_value(kind, l).is_some()) {
                        return Err(mismatch(&of.column, found, "categorical".to_owned()));
                    }
                }
            }
        }
        if !apply.with_target {
            return Ok(());
        }
        match (&self.target, column(self.target.column())) {
            (target, None) => Err(EncodingError::MissingTarget { column: target.column().to_owned() }),
            (Target::Regression { column, .. }, Some((ColumnKind::Time, found))) => {
                Err(mismatch(column, found, "numeric".to_owned()))
            }
            _ => Ok(()),
        }
    }

    fn numeric_note(&self, of: &Numeric, frame: &Frame, apply: Apply) -> Option<Note> {
        // A prediction has every row.
        let skips = self.skip_missing && apply.with_target;
        let first = self.numeric.iter().find(|other| other.column == of.column);
        if first != Some(of) {
            return None; // said already
        }
        let name = &of.column;
        let Some(column) = frame.column(name) else {
            let message = format!("{name} is not there: every row has it missing, and gets what stands in for that");
            return Some(Note::of("column_absent", name, message));
        };
        let read = |reading| column.stats.readings.iter().find(|found| found.reading == reading);
        let tally = match column.kind {
            ColumnKind::Text => read(of.text_reading()).map_or(&column.stats.tally, |found| &found.summary.tally),
            _ => &column.stats.tally,
        };
        let ends = [&tally.min, &tally.max].into_iter().flatten().filter_map(Value::number);
        if of.quantity == Quantity::Value && ends.into_iter().any(|x| !of.reaches(x)) {
            let then = if skips { "leave their rows out" } else { "are filled in as missing ones are" };
            let message =
                format!("{name} has values that its transform or the range of inputs does not take: they {then}");
            return Some(Note::of("out_of_range", name, message));
        }
        let absent = tally.missing + tally.nan + tally.infinite;
        let message = match (absent, skips) {
            (0, _) => return None,
            (_, true) => format!("{name}: {absent} missing values leave their rows out"),
            (_, false) => format!("{name}: {absent} missing values are filled in as in training"),
        };
        Some(Note::of("imputed", name, message))
    }

    fn check_target(&self, frame: &Frame, notes: &mut Vec<Note>) -> Result<(), EncodingError> {
        let name = self.target.column();
        if let Some(column) = frame.column(name) {
            let tally = &column.stats.tally;
            check_finite(name, tally)?;
            let mut missing = tally.missing;
            match &self.target {
                Target::Classes { levels, .. } => check_classes(name, levels, column.kind, tally)?,
                Target::Regression { .. } if column.kind == ColumnKind::Text => {
                    let number = column.stats.readings.iter().find(|found| found.reading == Reading::Number);
                    missing = number.map_or(frame.rows, |found| found.summary.tally.missing);
                }
                Target::Regression { .. } => {}
            }
            if missing > 0 {
                notes.push(Note::of(
                    "rows_without_target",
                    name,
                    format!("{missing} rows without a target are left out"),
                ));
            }
        }
        let Some(weights) = &self.weights_column else { return Ok(()) };
        match frame.column(weights) {
            Some(column) => check_weights(weights, column.kind, &column.stats.tally),
            None => {
                let message = format!("{weights}, the weights column, is not there: every row weighs 1");
                notes.push(Note::of("no_weights", weights, message));
                Ok(())
            }
        }
    }
}

/// Texts say what those of training did, all of them, unless the user took some for missing.
fn check_texts(of: &Numeric, frame: &Frame) -> Result<(), EncodingError> {
    let text =
        |column: &&FrameColumn| column.kind == ColumnKind::Text && !of.lenient && of.quantity != Quantity::Missing;
    let Some(column) = frame.column(&of.column).filter(text) else { return Ok(()) };
    let found = column.stats.readings.iter().find(|found| found.reading == of.text_reading());
    let says_something = |level: &Level| !is_missing_text(&level.value.to_string());
    let unread = |level: &&Level| {
        let text = level.value.to_string();
        !is_missing_text(&text) && (of.text_reading().read(&text).is_none() || !of.takes_text())
    };
    let levels = column.stats.tally.levels.as_deref();
    let example = match found {
        Some(found) if found.unread == 0 && of.takes_text() => return Ok(()),
        Some(found) if found.unread > 0 => found.unread_example.clone(),
        None if levels.is_some_and(|levels| !levels.iter().any(says_something)) => return Ok(()),
        _ => levels.and_then(|levels| levels.iter().find(unread)).map(|level| level.value.to_string()),
    };
    let found = example.map_or_else(|| "other text".to_owned(), |text| format!("text such as {text:?}"));
    Err(mismatch(&of.column, &found, of.expected()))
}

impl Numeric {
    /// Whether a column of this kind and type, which is no text, has what is read.
    fn takes_type(&self, kind: ColumnKind, source_type: &str) -> bool {
        match (kind, TimeType::parse(source_type)) {
            _ if self.quantity == Quantity::Missing => true,
            (ColumnKind::Time, Some(time)) => self.is_of_time() && self.takes(&time),
            (ColumnKind::Time, None) => false,
            _ => !self.is_of_time() && self.is_of_durations() == duration_unit(source_type).is_some(),
        }
    }
}

fn categorical_note(of: &Categorical, frame: &Frame) -> Option<Note> {
    let name = &of.column;
    let Some(column) = frame.column(name) else {
        let message = format!("{name} is not there: every row has it missing");
        return Some(Note::of("column_absent", name, message));
    };
    let become_ = if of.other { "share the input of the other levels" } else { "count as missing" };
    let what = if of.other { "no input of their own" } else { "not seen in training" };
    let message = match &column.stats.tally.levels {
        None => format!("{name} has very many values; those not seen in training {become_}"),
        Some(levels) => {
            // As rows are read: text by its letters, other columns by their values.
            let mut values: Vec<_> = of.levels.iter().filter_map(|level| level_value(column.kind, level)).collect();
            values.sort();
            let is_known = |value: &Value| match column.kind {
                ColumnKind::Text => of.known(&value.to_string()).is_some(),
                _ => values.binary_search(value).is_ok(),
            };
            let unseen = || levels.iter().filter(|level| !is_known(&level.value));
            match (unseen().count(), unseen().map(|level| level.rows).sum::<u64>()) {
                (0, _) => return None,
                (n, rows) if of.other => format!("{name}: {rows} rows have {n} values with {what}; they {become_}"),
                (n, rows) => format!("{name}: {rows} rows have {n} values {what}; they {become_}"),
            }
        }
    };
    Some(Note::of("unseen_levels", name, message))
}

fn check_classes(column: &str, known: &[String], kind: ColumnKind, tally: &Tally) -> Result<(), EncodingError> {
    let unseen_classes = |unseen: String, found: String| {
        Err(EncodingError::UnseenClasses { column: column.to_owned(), unseen, found, known: list(known) })
    };
    let Some(levels) = &tally.levels else {
        return unseen_classes("many".into(), "too many to list".into());
    };
    let found = class_levels(kind, levels);
    let seen: BTreeSet<&String> = known.iter().collect();
    let unseen: Vec<String> = found.iter().filter(|level| !seen.contains(level)).take(SHOWN + 1).cloned().collect();
    if unseen.is_empty() { Ok(()) } else { unseen_classes(list(&unseen), list(&found)) }
}

fn mismatch(column: &str, found: &str, expected: String) -> EncodingError {
    EncodingError::KindMismatch { column: column.to_owned(), found: found.to_owned(), expected }
}
