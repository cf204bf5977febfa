//! What a column is taken for: what the user says, else what its type and its texts say.

use super::{Meaning, Note, Roles};
use crate::error::EncodingError;
use crate::frame::FrameColumn;
use crate::reading::Reading;
use crate::schema::ColumnKind;
use crate::stats::{ColumnSummary, ReadingSummary};
use crate::time::{TimeType, TimeUnit};

/// A column as a feature, or as the target.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Sense<'a> {
    /// Numbers, with their statistics: the column's own, or those of its texts under a reading.
    Number(Option<Reading>, &'a ColumnSummary),
    /// Dates or times, in this unit, with their statistics.
    Time(Option<Reading>, TimeUnit, &'a ColumnSummary),
    Levels,
    /// No feature.
    Free,
}

/// What a column means under the roles; notes say what was decided about its texts.
pub(crate) fn sense<'a>(
    column: &'a FrameColumn,
    roles: &Roles,
    notes: &mut Vec<Note>,
) -> Result<Sense<'a>, EncodingError> {
    let said = roles.of(&roles.types, &column.name);
    let refuse =
        |reason: String| Err(EncodingError::TypeMismatch { column: column.name.clone(), meaning: said, reason });
    match (column.kind, said) {
        (_, Some(Meaning::Text)) => Ok(Sense::Free),
        (ColumnKind::Text, Some(said)) => text_as(column, said, notes),
        (ColumnKind::Text, None) => Ok(text_as_it_reads(column, notes)),
        (ColumnKind::Time, None | Some(Meaning::Time)) => match TimeType::parse(&column.source_type) {
            Some(time) => Ok(Sense::Time(None, time.unit, &column.stats)),
            None => refuse(format!("{} is no type of times", column.source_type)),
        },
        (ColumnKind::Time, Some(_)) => {
            refuse("it holds dates or times: `time` is what it can be, or `text` to leave it out".into())
        }
        (_, None | Some(Meaning::Numeric)) => Ok(Sense::Number(None, &column.stats)),
        (_, Some(Meaning::Categorical)) if column.stats.tally.levels.is_some() => Ok(Sense::Levels),
        (_, Some(Meaning::Categorical)) => refuse("it has too many distinct numbers to count them".to_owned()),
        (kind, Some(_)) => refuse(format!("it is {kind}, and a number alone names no instant")),
    }
}

fn reading(column: &FrameColumn, reading: Reading) -> Option<&ReadingSummary> {
    column.stats.readings.iter().find(|summary| summary.reading == reading)
}

fn text_as<'a>(column: &'a FrameColumn, said: Meaning, notes: &mut Vec<Note>) -> Result<Sense<'a>, EncodingError> {
    let name = &column.name;
    let refuse =
        |reason: String| Err(EncodingError::TypeMismatch { column: name.clone(), meaning: Some(said), reason });
    let dated = |found: Option<&'a ReadingSummary>, form: &str| match found {
        Some(found) => Ok(Sense::Time(Some(found.reading), TimeUnit::Micro, &found.summary)),
        None => refuse(format!("not all of its texts are {form}")),
    };
    match said {
        Meaning::Categorical => Ok(Sense::Levels),
        Meaning::Text => Ok(Sense::Free),
        Meaning::DayFirst => dated(reading(column, Reading::DayFirst), "dates with the day first, as 31/01/2018"),
        Meaning::MonthFirst => dated(reading(column, Reading::MonthFirst), "dates with the month first, as 01/31/2018"),
        Meaning::Time => match &dates(column)[..] {
            [one] => dated(Some(one), ""),
            [] => dated(None, "dates or times of one form, as 2018-01-31, 31/01/2018 or 31-Jan-2018"),
            _ => refuse("day and month cannot be told apart in it: say `day_first` or `month_first`".into()),
        },
        Meaning::Numeric => match reading(column, Reading::Number) {
            None => refuse("none of its texts is a number".into()),
            Some(found) => {
                if found.unread > 0 {
                    let example = found.unread_example.as_deref().unwrap_or_default();
                    let message = format!(
                        "{name}: {} texts are no numbers, such as {example:?}, and count as missing",
                        found.unread
                    );
                    notes.push(Note::of("unread_texts", name, message));
                }
                Ok(Sense::Number(Some(Reading::Number), &found.summary))
            }
        },
    }
}

/// Text is what all of it reads as: numbers, dates of one form, else levels.
fn text_as_it_reads<'a>(column: &'a FrameColumn, notes: &mut Vec<Note>) -> Sense<'a> {
    let name = &column.name;
    if let Some(found) = reading(column, Reading::Number).filter(|found| found.unread == 0) {
        if !found.padded {
            let message = format!("{name} is text that is all numbers, and is read as numbers");
            notes.push(Note::of("text_as_numbers", name, message));
            return Sense::Number(Some(Reading::Number), &found.summary);
        }
        let message = format!(
            "{name} is text of digits with leading zeros, and is taken for codes (--type '{name}=numeric' reads numbers)"
        );
        notes.push(Note::of("padded_codes", name, message));
        return Sense::Levels;
    }
    note_almost_numbers(column, notes);
    match &dates(column)[..] {
        [one] => {
            let message = format!("{name} is text that is all {}, and is read so", one.reading.words());
            notes.push(Note::of("text_as_time", name, message));
            Sense::Time(Some(one.reading), TimeUnit::Micro, &one.summary)
        }
        [] => Sense::Levels,
        _ => {
            let message = format!(
                "{name} is text of dates in which day and month cannot be told apart, and is taken for categories; \
                 --type '{name}=day_first' or '{name}=month_first' reads dates"
            );
            notes.push(Note::of("ambiguous_dates", name, message));
            Sense::Levels
        }
    }
}

/// A few odd texts among numbers make a column of levels: one word would make it a number.
fn note_almost_numbers(column: &FrameColumn, notes: &mut Vec<Note>) {
    const ODD_SHARE_MAX: f64 = 0.1;
    let Some(found) = reading(column, Reading::Number) else { return };
    let read = found.summary.moments.map_or(0, |moments| moments.count);
    if found.unread > 0 && (found.unread as f64) <= ODD_SHARE_MAX * (found.unread + read) as f64 {
        let (name, odd) = (&column.name, found.unread);
        let example = found.unread_example.as_deref().unwrap_or_default();
        let message = format!(
            "{name} is text, taken for levels, as {odd} rows are no numbers, such as {example:?}; --type '{name}=numeric' \
             reads numbers, and those as missing"
        );
        notes.push(Note::of("almost_numbers", name, message));
    }
}

/// Forms of dates that all texts have. Texts under a reading are in microseconds.
fn dates(column: &FrameColumn) -> Vec<&ReadingSummary> {
    let is_date = |found: &&ReadingSummary| found.reading != Reading::Number && found.unread == 0;
    column.stats.readings.iter().filter(is_date).collect()
}
