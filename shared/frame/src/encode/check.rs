//! Does other data fit an encoding? Asked of schemas before anything is read, and of statistics after.

use std::collections::BTreeSet;

use super::fit::{check_not_all_zero, check_weights};
use super::target::{check_finite, class_levels};
use super::{Encoding, Note, Target};
use crate::error::{EncodingError, Error, list};
use crate::frame::Frame;
use crate::schema::{ColumnKind, SourceColumn};
use crate::shard::ShardRecord;
use crate::stats::Tally;

/// Names of classes and levels shown in full.
const SHOWN: usize = 20;

impl Encoding {
    /// Are the columns there, and of the right kind? Without `with_target` (prediction) neither target nor weights matter.
    pub fn check_schema(&self, columns: &[SourceColumn], with_target: bool) -> Result<(), Error> {
        Ok(self.check_kinds(with_target, |name| {
            let column = columns.iter().find(|column| column.name == name)?;
            Some((column.kind, column.source_type.as_str()))
        })?)
    }

    /// Checks columns and statistics of another frame; notes say what was not seen in training.
    pub fn check(&self, frame: &Frame, with_target: bool) -> Result<Vec<Note>, Error> {
        self.check_kinds(with_target, |name| frame.column(name).map(|c| (c.kind, c.source_type.as_str())))?;
        if let Some(weights) = self.weights_column.as_ref().filter(|_| with_target).and_then(|name| frame.column(name))
        {
            check_not_all_zero(&weights.name, &weights.stats.tally)?;
        }
        Ok(self.check_values(with_target, |name| frame.column(name).map(|c| (c.kind, &c.stats.tally)))?)
    }

    /// The same for one shard with its statistics: data that is streamed has no frame.
    pub fn check_shard(&self, record: &ShardRecord, with_target: bool) -> Result<Vec<Note>, Error> {
        let column = |name: &str| record.columns.iter().find(|column| column.name == name);
        self.check_kinds(with_target, |name| column(name).map(|c| (c.kind, c.stored_type.as_str())))?;
        Ok(self.check_values(with_target, |name| column(name).and_then(|c| Some((c.kind, &c.stats.as_ref()?.tally))))?)
    }

    fn check_kinds<'a>(
        &self,
        with_target: bool,
        column: impl Fn(&str) -> Option<(ColumnKind, &'a str)>,
    ) -> Result<(), EncodingError> {
        let expect = |name: &str, text: bool| match column(name) {
            None => Err(EncodingError::MissingColumn { column: name.to_owned() }),
            Some((kind, source_type)) if (kind == ColumnKind::Text) != text => {
                Err(mismatch(name, source_type, if text { "text" } else { "numeric" }))
            }
            Some(_) => Ok(()),
        };
        self.numeric.iter().try_for_each(|numeric| expect(&numeric.column, false))?;
        self.categorical.iter().try_for_each(|categorical| expect(&categorical.column, true))?;
        if !with_target {
            return Ok(());
        }
        match (&self.target, column(self.target.column())) {
            (target, None) => Err(EncodingError::MissingTarget { column: target.column().to_owned() }),
            (Target::Regression { column, .. }, Some((ColumnKind::Text, source_type))) => {
                Err(mismatch(column, source_type, "numeric"))
            }
            _ => Ok(()),
        }
    }

    fn check_values<'a>(
        &self,
        with_target: bool,
        column: impl Fn(&str) -> Option<(ColumnKind, &'a Tally)>,
    ) -> Result<Vec<Note>, EncodingError> {
        let mut notes = Vec::new();
        if with_target {
            self.check_target(&column, &mut notes)?;
        }
        for numeric in &self.numeric {
            let Some((_, tally)) = column(&numeric.column) else { continue };
            let absent = tally.missing + tally.nan + tally.infinite;
            if absent > 0 {
                let message = format!("{}: {absent} missing values become the training mean", numeric.column);
                notes.push(Note::of("imputed", &numeric.column, message));
            }
        }
        for categorical in &self.categorical {
            let Some((_, tally)) = column(&categorical.column) else { continue };
            let name = &categorical.column;
            let message = match &tally.levels {
                None => format!("{name} has very many texts; those not seen in training count as missing"),
                Some(levels) => {
                    let unseen =
                        || levels.iter().filter(|l| categorical.slot(&l.value.to_string()) == categorical.levels.len());
                    match (unseen().count(), unseen().map(|level| level.rows).sum::<u64>()) {
                        (0, _) => continue,
                        (n, rows) => {
                            format!("{name}: {rows} rows have {n} values not seen in training; they count as missing")
                        }
                    }
                }
            };
            notes.push(Note::of("unseen_levels", name, message));
        }
        Ok(notes)
    }

    fn check_target<'a>(
        &self,
        column: impl Fn(&str) -> Option<(ColumnKind, &'a Tally)>,
        notes: &mut Vec<Note>,
    ) -> Result<(), EncodingError> {
        let name = self.target.column();
        if let Some((kind, tally)) = column(name) {
            check_finite(name, tally)?;
            if let Target::Classes { levels, .. } = &self.target {
                check_classes(name, levels, kind, tally)?;
            }
            if tally.missing > 0 {
                let message = format!("{} rows without a target are left out", tally.missing);
                notes.push(Note::of("rows_without_target", name, message));
            }
        }
        let Some(weights) = &self.weights_column else { return Ok(()) };
        match column(weights) {
            Some((kind, tally)) => check_weights(weights, kind, tally),
            None => {
                let message = format!("{weights}, the weights column, is not there: every row weighs 1");
                notes.push(Note::of("no_weights", weights, message));
                Ok(())
            }
        }
    }
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
