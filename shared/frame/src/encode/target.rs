//! Which task a target makes, and its classes or its scale.

use super::levels::text_levels;
use super::{Meaning, Note, Roles, Target, TaskChoice};
use crate::error::{EncodingError, Error};
use crate::frame::{Frame, FrameColumn};
use crate::reading::Reading;
use crate::schema::ColumnKind;
use crate::stats::{ColumnSummary, Level, ReadingSummary, Tally};
use crate::value::Value;

/// Whole numbers of so few values may be the names of classes.
const FEW_VALUES: usize = 20;

/// Classes of a target, at most: a confusion matrix, which every rank makes, has their square.
pub const CLASSES_MAX: usize = 1024;

pub(crate) fn fit(frame: &Frame, roles: &Roles, notes: &mut Vec<Note>) -> Result<Target, Error> {
    // `Roles::check` has found it.
    let missing = || EncodingError::MissingTarget { column: roles.target.clone() };
    let column = frame.column(&roles.target).ok_or_else(missing)?;
    let (name, tally) = (&column.name, &column.stats.tally);
    if tally.missing == frame.rows {
        return Err(EncodingError::TargetAllNull { column: name.clone(), rows: frame.rows }.into());
    }
    check_finite(name, tally)?;
    if tally.missing > 0 {
        let message = format!("{} rows without a target are left out", tally.missing);
        notes.push(Note::of("rows_without_target", name, message));
    }
    let typed = roles.of(&roles.types, name);
    Ok(match number_of_text(column, roles.task, typed, notes)? {
        Some(numbers) => {
            let absent = numbers.summary.tally.missing - tally.missing;
            if absent > 0 {
                let message = format!("{absent} rows whose target is no number are left out");
                notes.push(Note::of("rows_without_target", name, message));
            }
            regression(name, Some(numbers.reading), &numbers.summary)?
        }
        None if is_classification(column, roles.task, typed, notes)? => classes(column)?,
        None => regression(name, None, &column.stats)?,
    })
}

pub(super) fn check_finite(column: &str, tally: &Tally) -> Result<(), EncodingError> {
    let Tally { nan, infinite, .. } = *tally;
    if nan + infinite > 0 {
        return Err(EncodingError::TargetNotFinite { column: column.to_owned(), nan, infinite });
    }
    Ok(())
}

/// The names of a column's classes: numbers by value, text trimmed and by bytes.
pub(super) fn class_levels(kind: ColumnKind, levels: &[Level]) -> Vec<String> {
    match kind {
        ColumnKind::Text => text_levels(levels),
        _ => levels.iter().map(|level| level.value.to_string()).collect(),
    }
}

/// The numbers of a text target, if it is to be learned as one. Whole numbers of few values are names of classes rather.
fn number_of_text<'a>(
    column: &'a FrameColumn,
    task: TaskChoice,
    typed: Option<Meaning>,
    notes: &mut Vec<Note>,
) -> Result<Option<&'a ReadingSummary>, EncodingError> {
    let name = &column.name;
    let not_numeric = || EncodingError::TargetNotNumeric { column: name.clone() };
    let wanted = task == TaskChoice::Regression || typed == Some(Meaning::Numeric);
    if column.kind != ColumnKind::Text || task == TaskChoice::Classification || typed == Some(Meaning::Categorical) {
        return if wanted && column.kind == ColumnKind::Text { Err(not_numeric()) } else { Ok(None) };
    }
    let found = column.stats.readings.iter().find(|found| found.reading == Reading::Number);
    let Some(found) = found.filter(|found| found.unread == 0 || typed == Some(Meaning::Numeric)) else {
        return if wanted { Err(not_numeric()) } else { Ok(None) };
    };
    let few = match &found.summary.tally.levels {
        Some(levels) => levels.len() == 2 || (levels.len() <= FEW_VALUES && levels.iter().all(|l| is_whole(&l.value))),
        None => false,
    };
    if !wanted && (few || found.padded) {
        return Ok(None);
    }
    let message = format!("{name} is text that is all numbers, and is learned as a number");
    notes.push(Note::of("text_as_numbers", name, message));
    Ok(Some(found))
}

fn is_classification(
    column: &FrameColumn,
    task: TaskChoice,
    typed: Option<Meaning>,
    notes: &mut Vec<Note>,
) -> Result<bool, EncodingError> {
    let levels = column.stats.tally.levels.as_deref();
    if typed == Some(Meaning::Categorical) && task == TaskChoice::Regression || column.kind == ColumnKind::Time {
        return Err(EncodingError::TargetNotNumeric { column: column.name.clone() });
    }
    match typed {
        None => {}
        Some(Meaning::Categorical) => return Ok(true),
        Some(Meaning::Numeric) if task != TaskChoice::Classification => return Ok(false),
        Some(_) => {
            let reason = "a target is `numeric` or `categorical`, as the task is".to_owned();
            return Err(EncodingError::TypeMismatch { column: column.name.clone(), meaning: typed, reason });
        }
    }
    match (task, column.kind, levels) {
        (TaskChoice::Regression, ..) => Ok(false),
        (TaskChoice::Classification, ..) | (TaskChoice::Auto, ColumnKind::Text | ColumnKind::Bool, _) => Ok(true),
        (TaskChoice::Auto, _, Some([a, b])) => {
            let message = format!(
                "{} has two values, {} and {}: they are learned as classes (task = regression learns a number)",
                column.name, a.value, b.value
            );
            notes.push(Note::of("two_values_as_classes", &column.name, message));
            Ok(true)
        }
        (TaskChoice::Auto, _, Some(levels))
            if levels.len() <= FEW_VALUES && levels.iter().all(|l| is_whole(&l.value)) =>
        {
            let message = format!(
                "{} has {} distinct whole values and is learned as a number (task = classification learns classes)",
                column.name,
                levels.len()
            );
            notes.push(Note::of("few_values_as_number", &column.name, message));
            Ok(false)
        }
        (TaskChoice::Auto, ..) => Ok(false),
    }
}

fn is_whole(value: &Value) -> bool {
    value.number().is_some_and(|number| number.fract() == 0.0)
}

fn classes(column: &FrameColumn) -> Result<Target, EncodingError> {
    let name = column.name.clone();
    let too_many = |found| EncodingError::TooManyClasses { column: column.name.clone(), found, limit: CLASSES_MAX };
    let Some(levels) = &column.stats.tally.levels else {
        return Err(too_many(match column.kind {
            ColumnKind::Text => "too many distinct texts to count, or very long ones".into(),
            _ => "too many distinct values to count".into(),
        }));
    };
    let mut levels = class_levels(column.kind, levels);
    match levels.len() {
        count if count > CLASSES_MAX => Err(too_many(format!("{count} classes"))),
        1 => Err(EncodingError::TargetConstant { column: name, value: levels.remove(0) }),
        _ => Ok(Target::Classes { column: name, levels }),
    }
}

fn regression(name: &str, reading: Option<Reading>, summary: &ColumnSummary) -> Result<Target, EncodingError> {
    let name = name.to_owned();
    let Tally { min, max, .. } = &summary.tally;
    let (Some(moments), Some(min), Some(max)) = (summary.moments, min, max) else {
        return Err(EncodingError::ValuesOutOfRange { column: name });
    };
    if min == max {
        return Err(EncodingError::TargetConstant { column: name, value: min.to_string() });
    }
    let (mean, deviation) = (moments.mean, moments.deviation());
    let encodes = |y: Option<f64>| y.is_some_and(|y| (((y - mean) * (1.0 / deviation)) as f32).is_finite());
    if !(deviation > 0.0 && (deviation as f32).is_finite() && encodes(min.number()) && encodes(max.number())) {
        return Err(EncodingError::ValuesOutOfRange { column: name });
    }
    Ok(Target::Regression { column: name, reading, mean, deviation })
}
