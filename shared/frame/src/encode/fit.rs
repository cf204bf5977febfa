//! Fitting an encoding to the statistics of a frame. No row is read.

use super::levels::text_levels;
use super::{Categorical, Encoding, Note, Numeric, Roles, target};
use crate::error::{EncodingError, Error};
use crate::frame::{Frame, FrameColumn};
use crate::schema::ColumnKind;
use crate::stats::{LEVELS_MAX_TEXT, Tally};

/// Levels of a feature above which a note says what they cost.
const LEVELS_MANY: usize = 1000;
/// Fewer levels than this are never said to name rows, however few rows there are.
const LEVELS_FEW: u64 = 50;

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
        let mut encoding =
            Self { numeric: Vec::new(), categorical: Vec::new(), target, weights_column: roles.weights_column.clone() };
        for column in &frame.columns {
            if !roles.takes(&column.name, &mut notes) {
                continue;
            }
            match column.kind {
                ColumnKind::Text => encoding.categorical.extend(fit_categorical(column, frame.rows, &mut notes)),
                _ => encoding.numeric.extend(fit_numeric(column, roles.standardize, &mut notes)?),
            }
        }
        if encoding.inputs() == 0 {
            return Err(EncodingError::NoFeatures.into());
        }
        Ok((encoding, notes))
    }
}

fn fit_numeric(
    column: &FrameColumn,
    standardize: bool,
    notes: &mut Vec<Note>,
) -> Result<Option<Numeric>, EncodingError> {
    let name = &column.name;
    let Tally { missing, nan, infinite, min, max, .. } = &column.stats.tally;
    let (Some(moments), Some(min), Some(max)) = (column.stats.moments, min, max) else {
        notes.push(dropped(name, "it has no values"));
        return Ok(None);
    };
    if min == max {
        notes.push(dropped(name, &format!("every value is {min}")));
        return Ok(None);
    }
    if moments.deviation() == 0.0 {
        // Squares of their differences are nothing in f64: to a network they are one value.
        notes.push(dropped(name, &format!("its values, {min} to {max}, are too close together to tell apart")));
        return Ok(None);
    }
    let out_of_range = || EncodingError::ValuesOutOfRange { column: name.clone() };
    let (fill, deviation) = (moments.mean, moments.deviation());
    let (shift, scale) = if standardize { (fill, 1.0 / deviation) } else { (0.0, 1.0) };
    let encodes = |x: Option<f64>| x.is_some_and(|x| (((x - shift) * scale) as f32).is_finite());
    if !(scale.is_finite() && scale > 0.0 && encodes(min.number()) && encodes(max.number()) && encodes(Some(fill))) {
        return Err(out_of_range());
    }
    let absent = missing + nan;
    if absent > 0 {
        let message = format!("{name}: {absent} missing values become the mean, {fill}");
        notes.push(Note::of("imputed", name, message));
    }
    if *infinite > 0 {
        let message = format!("{name}: {infinite} infinite values count as missing and become the mean, {fill}");
        notes.push(Note::of("infinite_as_missing", name, message));
    }
    Ok(Some(Numeric { column: name.clone(), fill, shift, scale }))
}

fn fit_categorical(column: &FrameColumn, rows: u64, notes: &mut Vec<Note>) -> Option<Categorical> {
    let name = &column.name;
    let tally = &column.stats.tally;
    let Some(levels) = &tally.levels else {
        notes.push(dropped(name, &format!("it has more than {LEVELS_MAX_TEXT} different texts, or very long ones")));
        return None;
    };
    let levels = text_levels(levels);
    match &levels[..] {
        [] => {
            notes.push(dropped(name, "it has no values"));
            return None;
        }
        [one] if tally.missing == 0 => {
            notes.push(dropped(name, &format!("every value is {one:?}")));
            return None;
        }
        _ => {}
    }
    if tally.missing > 0 {
        let message = format!("{name}: {} missing values have an input of their own", tally.missing);
        notes.push(Note::of("missing_level", name, message));
    }
    let categorical = Categorical { column: name.clone(), levels };
    let distinct = categorical.levels.len() as u64;
    if categorical.levels.len() > LEVELS_MANY || (distinct > LEVELS_FEW && distinct * 2 > rows) {
        let inputs = categorical.slots();
        let message = format!(
            "{name} has {} different texts and makes {inputs} inputs; if it names rows, leave it out with ignored_columns",
            categorical.levels.len()
        );
        notes.push(Note::of("many_levels", name, message));
    }
    Some(categorical)
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

fn dropped(column: &str, why: &str) -> Note {
    Note::of("dropped", column, format!("{column} is dropped: {why}"))
}
