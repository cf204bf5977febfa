//! What text may mean besides itself: numbers, and dates in one of a few forms.
//!
//! White space around a text never matters. Forms are strict, as a column is read by a form if all of its texts have it:
//! `1,234`, `12 %`, `$5`, `0x1F` and `inf` are no numbers, `31/02/2018` is no date, and years have four digits.

mod date;

use serde::{Deserialize, Serialize};

use crate::time::{Clock, TimeType, TimeUnit};

/// A way to read text as numbers or times. A time of day is `H:MM`, `HH:MM:SS` or `HH:MM:SS.fraction`, below 24:00, with
/// up to nine digits that are cut to microseconds; or below 13:00 with `am` or `pm` in any case, but not after a date with
/// the year first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reading {
    /// A decimal number: `-12`, `1.5`, `.5`, `1.`, `6.02e23`.
    Number,
    /// `2018-01-31`, `2018/1/31`, each with or without a time of day, that with or without an offset: `Z`, `UTC`, `+01:00`,
    /// `+0100`, `+01`. With an offset it is an instant of UTC, without one what the clock on the wall showed.
    YearFirst,
    /// `31/01/2018`, `31-01-2018`, `31.1.2018`, with or without a time of day.
    DayFirst,
    /// `01/31/2018`, `1-31-2018`, with or without a time of day.
    MonthFirst,
    /// `31-Jan-2018`, `31 January 2018`, `Jan 31, 2018`, with or without a time of day.
    MonthName,
    /// `23:59`, `23:59:59`, `11:59 PM`.
    TimeOfDay,
}

impl Reading {
    /// Of dates and times; at most two of them read the same text, and none reads a number.
    pub(crate) const DATES: [Reading; 5] =
        [Self::YearFirst, Self::DayFirst, Self::MonthFirst, Self::MonthName, Self::TimeOfDay];

    /// The number, or the microseconds since 1970 or midnight, that a text stands for; none if it cannot be read so. Years
    /// from 2256 on have more microseconds than a float holds: they are rounded to the nearest it does hold.
    pub fn read(self, text: &str) -> Option<f64> {
        match self {
            Self::Number => number(text),
            _ => self.micros(text).map(|micros| micros as f64),
        }
    }

    /// The microseconds exactly; none for numbers.
    pub fn micros(self, text: &str) -> Option<i64> {
        date::micros(self, text)
    }

    /// What the values are under it; none for numbers.
    pub fn time_type(self) -> Option<TimeType> {
        let clock = match self {
            Self::Number => return None,
            Self::TimeOfDay => Clock::TimeOfDay,
            _ => Clock::Timestamp,
        };
        Some(TimeType { clock, unit: TimeUnit::Micro, zone: None })
    }

    /// What such texts are, for people.
    pub(crate) fn words(self) -> &'static str {
        match self {
            Self::Number => "numbers",
            Self::YearFirst => "dates with the year first",
            Self::DayFirst => "dates with the day first",
            Self::MonthFirst => "dates with the month first",
            Self::MonthName => "dates with the month's name",
            Self::TimeOfDay => "times of day",
        }
    }
}

/// Whether a text stands for a missing value under any reading: the spellings that pandas, R, H2O, SQL and UCI's files use.
/// To the text itself, its levels and its classes, it is a text like others.
pub fn is_missing_text(text: &str) -> bool {
    let text = text.trim();
    // Most texts are longer than all of these.
    text.len() <= 5
        && matches!(
            text,
            "" | "-"
                | "--"
                | "."
                | "?"
                | "NA"
                | "N/A"
                | "n/a"
                | "na"
                | "#N/A"
                | "#NA"
                | "<NA>"
                | "NaN"
                | "nan"
                | "-NaN"
                | "-nan"
                | "NaT"
                | "NULL"
                | "Null"
                | "null"
                | "None"
                | "none"
                | "nil"
                | "\\N"
        )
}

/// A finite decimal number.
fn number(text: &str) -> Option<f64> {
    let text = text.trim();
    // The standard library reads `inf` and `nan` as well: all else that it reads begins like this.
    let first = text.trim_start_matches(['+', '-']).as_bytes().first()?;
    let begins = first.is_ascii_digit() || *first == b'.';
    begins.then(|| text.parse().ok()).flatten().filter(|x: &f64| x.is_finite())
}

/// Whether a number has a leading zero before another digit, as codes have: `007`, but not `0` or `0.5`.
pub(crate) fn is_padded(text: &str) -> bool {
    let digits = text.trim().trim_start_matches(['+', '-']).as_bytes();
    matches!(digits, [b'0', next, ..] if next.is_ascii_digit())
}

/// Whether a number has more digits than any 64-bit float needs to be told from its neighbours.
pub(crate) fn is_rounded(text: &str) -> bool {
    const DIGITS_MAX: usize = 17;
    let text = text.trim();
    if text.len() <= DIGITS_MAX {
        return false;
    }
    let mantissa = text.split(['e', 'E']).next().unwrap_or_default();
    let digits: String = mantissa.chars().filter(char::is_ascii_digit).collect();
    digits.trim_matches('0').len() > DIGITS_MAX
}

#[cfg(test)]
mod tests;
