//! Fitting an encoding to the statistics of a frame. No row is read.

use std::collections::BTreeSet;

use super::categorical::fit_levels;
use super::meaning::{Sense, sense};
use super::numeric::{fit_numbers, fit_times};
use super::{Encoding, Form, Meaning, MissingValues, Note, Roles, Transform, target};
use crate::error::{EncodingError, Error};
use crate::frame::{Frame, FrameColumn};
use crate::insight::target_notes;
use crate::schema::{ColumnKind, duration_unit};
use crate::stats::Tally;
use crate::time::TimeType;

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
            let transform = roles.of(&options.transforms, name).unwrap_or_default();
            let sense = sense(column, roles, &mut notes)?;
            if transform != Transform::None && !matches!(sense, Sense::Number(..)) {
                let reason = "it is not read as numbers".to_owned();
                return Err(EncodingError::NoTransform { column: name.clone(), reason }.into());
            }
            match sense {
                Sense::Number(reading, summary) => {
                    let lenient = reading.is_some() && roles.of(&roles.types, name) == Some(Meaning::Numeric);
                    let form = Form { reading, lenient, time: duration(column) };
                    encoding.numeric.extend(fit_numbers(name, &form, summary, transform, options, &mut notes)?);
                }
                Sense::Time(reading, unit, summary) => {
                    let time = reading.is_none().then(|| column.source_type.clone());
                    note_zone(column, &mut notes);
                    let form = Form { reading, lenient: false, time };
                    encoding.numeric.extend(fit_times(name, &form, unit, summary, options, &mut notes)?);
                }
                Sense::Levels => {
                    let listed = roles.features.iter().flatten().any(|feature| feature == name);
                    let said = roles.of(&roles.types, name);
                    let asked = listed || said == Some(Meaning::Categorical);
                    if asked && column.stats.tally.levels.is_none() {
                        let reason = "it has too many different values to count them, or very long ones".to_owned();
                        return Err(EncodingError::TypeMismatch { column: name.clone(), meaning: said, reason }.into());
                    }
                    encoding.categorical.extend(fit_levels(column, frame.rows, asked, options, &mut notes));
                }
                Sense::Free => notes.push(Note::dropped(name, "it is free text")),
            }
        }
        if encoding.inputs() == 0 {
            return Err(EncodingError::NoFeatures.into());
        }
        let used: BTreeSet<&str> = encoding.columns().collect();
        if let Some(column) = roles.options.transforms.keys().find(|column| !roles.is_used(column, &used)) {
            let reason = "it is no feature of numbers".to_owned();
            return Err(EncodingError::NoTransform { column: column.clone(), reason }.into());
        }
        notes.extend(target_notes(frame, &encoding.target, |column| used.contains(column.name.as_str())));
        Ok((encoding, notes))
    }
}

/// The type of a column of durations: whole numbers of a unit.
fn duration(column: &FrameColumn) -> Option<String> {
    duration_unit(&column.source_type).map(|_| column.source_type.clone())
}

fn note_zone(column: &FrameColumn, notes: &mut Vec<Note>) {
    let time = TimeType::parse(&column.source_type);
    if let Some(zone) = time.filter(|time| !time.zone_is_known()).and_then(|time| time.zone) {
        let message = format!("{}: the zone {zone:?} is not known; its instants are read as UTC", column.name);
        notes.push(Note::of("unknown_zone", &column.name, message));
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
