//! Does other data fit an encoding? Asked of schemas before anything is read, and of statistics after.

use std::collections::BTreeSet;

use super::fit::{check_not_all_zero, check_weights};
use super::target::{check_finite, class_levels};
use super::{Apply, Categorical, Encoding, Note, Numeric, Quantity, Target};
use crate::error::{EncodingError, Error, list};
use crate::frame::{Frame, FrameColumn};
use crate::reading::Reading;
use crate::schema::{ColumnKind, SourceColumn};
use crate::shard::ShardRecord;
use crate::stats::{ReadingSummary, Tally};

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
        self.numeric.iter().for_each(|numeric| notes.extend(self.numeric_note(numeric, frame)));
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
            let fits = match column(&of.column) {
                None => {
                    absent(&of.column)?;
                    continue;
                }
                Some((ColumnKind::Text, _)) => true,
                Some((ColumnKind::Time, _)) => of.quantity == Quantity::Missing || of.is_of_time(),
                Some(_) => !of.is_of_time(),
            };
            if let Some((_, found)) = column(&of.column).filter(|_| !fits) {
                return Err(mismatch(&of.column, found, of.expected()));
            }
        }
        for of in &self.categorical {
            match column(&of.column) {
                None => absent(&of.column)?,
                Some((ColumnKind::Text, _)) => {}
                Some((ColumnKind::Time, found)) => return Err(mismatch(&of.column, found, "categorical")),
                Some(_) if of.has_values() => {}
                Some((_, found)) => return Err(mismatch(&of.column, found, "text")),
            }
        }
        if !apply.with_target {
            return Ok(());
        }
        match (&self.target, column(self.target.column())) {
            (target, None) => Err(EncodingError::MissingTarget { column: target.column().to_owned() }),
            (Target::Regression { column, .. }, Some((ColumnKind::Time, found))) => {
                Err(mismatch(column, found, "numeric"))
            }
            _ => Ok(()),
        }
    }

    fn numeric_note(&self, of: &Numeric, frame: &Frame) -> Option<Note> {
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
        let tally = match (column.kind, of.reading) {
            (ColumnKind::Text, reading) => &read(reading.unwrap_or(Reading::Number))?.summary.tally,
            _ => &column.stats.tally,
        };
        let absent = tally.missing + tally.nan + tally.infinite;
        let message = match (absent, self.skip_missing) {
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

/// A model of numbers or times takes text that says the same, all of it.
fn check_texts(of: &Numeric, frame: &Frame) -> Result<(), EncodingError> {
    let text = |column: &&FrameColumn| column.kind == ColumnKind::Text && of.reading.is_none();
    let Some(column) = frame.column(&of.column).filter(text) else { return Ok(()) };
    let reading = if of.is_of_time() { Reading::YearFirst } else { Reading::Number };
    let found = column.stats.readings.iter().find(|found| found.reading == reading);
    let tally = &column.stats.tally;
    match found {
        Some(found) if found.unread == 0 => Ok(()),
        Some(ReadingSummary { unread_example: Some(text), .. }) => {
            Err(mismatch(&of.column, &format!("text such as {text:?}"), of.expected()))
        }
        _ if tally.levels.as_ref().is_some_and(|levels| levels.is_empty()) => Ok(()),
        _ => Err(mismatch(&of.column, "text", of.expected())),
    }
}

impl Categorical {
    /// Whether a column of numbers or booleans can hold any of its levels.
    pub(super) fn has_values(&self) -> bool {
        let is_value = |level: &String| level.parse::<f64>().is_ok() || level.parse::<bool>().is_ok();
        self.levels.iter().any(is_value)
    }
}

fn categorical_note(of: &Categorical, frame: &Frame) -> Option<Note> {
    let name = &of.column;
    let Some(column) = frame.column(name) else {
        let message = format!("{name} is not there: every row has it missing");
        return Some(Note::of("column_absent", name, message));
    };
    let become_ = if of.other { "share the input of the other levels" } else { "count as missing" };
    let message = match &column.stats.tally.levels {
        None => format!("{name} has very many values; those not seen in training {become_}"),
        Some(levels) => {
            let unseen = || levels.iter().filter(|level| of.known(&level.value.to_string()).is_none());
            match (unseen().count(), unseen().map(|level| level.rows).sum::<u64>()) {
                (0, _) => return None,
                (_, _) if of.other => return None, // those of training that share an input are among them
                (n, rows) => format!("{name}: {rows} rows have {n} values not seen in training; they {become_}"),
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

fn mismatch(column: &str, found: &str, expected: &'static str) -> EncodingError {
    EncodingError::KindMismatch { column: column.to_owned(), found: found.to_owned(), expected }
}
