//! Fitting an encoding to the statistics of a frame. No row is read.

use std::collections::BTreeSet;

use super::categorical::fit_levels;
use super::meaning::{Sense, sense};
use super::numeric::{fit_numbers, fit_times};
use super::{Encoding, Meaning, MissingValues, Note, Roles, target};
use crate::error::{EncodingError, Error};
use crate::frame::Frame;
use crate::insight::target_notes;
use crate::schema::ColumnKind;
use crate::stats::Tally;

impl Encoding {
    /// The encoding of a frame under these roles, and notes of what was decided. Features keep the frame's order, in
    /// whichever order they were listed.
    pub fn fit(frame: &Frame, roles: &Roles) -> Result<(Self, Vec<Note>), Error> {
        roles.check(frame)?;
        let mut notes = Vec::new();
        let target = target::fit(frame, roles, &mut notes)?;
        if let Some(column) = roles.weights_column.as_ref().and_then(|name| frame.column(name)) {
            check_weights(&column.name, column.kind, &column.stats.tally)?;
            check_not_all_zero(&column.name, &column.stats.tally)?;
        }
        let options = &roles.options;
        let mut encoding = Self {
            numeric: Vec::new(),
            categorical: Vec::new(),
            target,
            weights_column: roles.weights_column.clone(),
            skip_missing: options.missing_values_handling == MissingValues::Skip,
        };
        for column in &frame.columns {
            let name = &column.name;
            if !roles.takes(name, &mut notes) {
                continue;
            }
            match sense(column, roles, &mut notes)? {
                Sense::Number(reading, summary) => {
                    encoding.numeric.extend(fit_numbers(name, reading, summary, options, &mut notes)?);
                }
                Sense::Time(reading, unit, summary) => {
                    encoding.numeric.extend(fit_times(name, (reading, unit), summary, options, &mut notes)?);
                }
                Sense::Levels => {
                    let listed = roles.features.iter().flatten().any(|feature| feature == name);
                    let asked = listed || roles.types.get(name) == Some(&Meaning::Categorical);
                    encoding.categorical.extend(fit_levels(column, frame.rows, asked, options, &mut notes));
                }
                Sense::Free => notes.push(Note::dropped(name, "it is free text")),
            }
        }
        if encoding.inputs() == 0 {
            return Err(EncodingError::NoFeatures.into());
        }
        let used: BTreeSet<&str> = encoding.columns().collect();
        notes.extend(target_notes(frame, &encoding.target, |column| used.contains(column.name.as_str())));
        Ok((encoding, notes))
    }
}

pub(super) fn check_weights(column: &str, kind: ColumnKind, tally: &Tally) -> Result<(), EncodingError> {
    let bad = |reason: String| Err(EncodingError::BadWeights { column: column.to_owned(), reason });
    let Tally { missing, nan, infinite, min, max, .. } = tally;
    if kind == ColumnKind::Text {
        return bad("is text".into());
    }
    if missing + nan + infinite > 0 {
        return bad(format!("has {missing} null, {nan} NaN and {infinite} infinite values"));
    }
    let number = |value: &Option<crate::value::Value>| value.as_ref().and_then(|value| value.number()).unwrap_or(0.0);
    let (min, max) = (number(min), number(max));
    if min < 0.0 {
        return bad(format!("has negative values, down to {min}"));
    }
    if !(max as f32).is_finite() || (max > 0.0 && max as f32 == 0.0) {
        return bad("has values out of the range of 32-bit floats".into());
    }
    Ok(())
}

/// Of a whole frame: a part of it may have no weight.
pub(super) fn check_not_all_zero(column: &str, tally: &Tally) -> Result<(), EncodingError> {
    match tally.max.as_ref().and_then(|max| max.number()) {
        Some(max) if max > 0.0 => Ok(()),
        _ => Err(EncodingError::BadWeights { column: column.to_owned(), reason: "is 0 in every row".into() }),
    }
}
