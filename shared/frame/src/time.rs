//! Dates and times as whole numbers of a unit, and the parts that features are made of.
//!
//! Start at [`TimeType`]; [`Calendar`] reads many numbers of one type.

mod calendar;
mod zone;

use std::fmt;

use serde::{Deserialize, Serialize};

pub use calendar::Calendar;
pub(crate) use calendar::day_of;
use zone::Zone;
pub(crate) use zone::offset;

/// What a number of a time column counts from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Clock {
    /// Days since 1970-01-01; the unit is the day.
    Date,
    /// Since midnight.
    TimeOfDay,
    /// Since 1970-01-01T00:00, in UTC where there is a zone, else as the clock on the wall showed it.
    Timestamp,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum TimeUnit {
    Day,
    Second,
    Milli,
    Micro,
    Nano,
}

/// The type of a time column. Written `date`, `time[us]`, `timestamp[ms]` or `timestamp[us, Europe/London]`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct TimeType {
    pub clock: Clock,
    pub unit: TimeUnit,
    /// A name of the IANA data base, or an offset `+01:00`: the parts of an instant are those of the clock there.
    pub zone: Option<String>,
}

/// A part of a date or time that can be a feature.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TimePart {
    Year,
    /// 1 to 12.
    Month,
    /// 1 to 31.
    Day,
    /// 0 for Monday to 6.
    Weekday,
    Hour,
    Minute,
}

impl TimePart {
    pub const ALL: [TimePart; 6] =
        [TimePart::Year, TimePart::Month, TimePart::Day, TimePart::Weekday, TimePart::Hour, TimePart::Minute];
}

impl fmt::Display for TimePart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Year => "year",
            Self::Month => "month",
            Self::Day => "day",
            Self::Weekday => "weekday",
            Self::Hour => "hour",
            Self::Minute => "minute",
        })
    }
}

impl TimeUnit {
    /// Units in a second; none of a day.
    fn per_second(self) -> Option<i64> {
        (self != Self::Day).then(|| self.per_day() / 86_400)
    }

    /// Units in a day.
    pub fn per_day(self) -> i64 {
        match self {
            Self::Day => 1,
            Self::Second => 86_400,
            Self::Milli => 86_400_000,
            Self::Micro => 86_400_000_000,
            Self::Nano => 86_400_000_000_000,
        }
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Day => "d",
            Self::Second => "s",
            Self::Milli => "ms",
            Self::Micro => "us",
            Self::Nano => "ns",
        }
    }

    pub(crate) fn of_name(name: &str) -> Option<Self> {
        [Self::Second, Self::Milli, Self::Micro, Self::Nano].into_iter().find(|unit| unit.name() == name)
    }
}

impl TimeType {
    pub const DATE: TimeType = TimeType { clock: Clock::Date, unit: TimeUnit::Day, zone: None };

    /// Reads what `Display` writes; none for the type of another column.
    pub fn parse(text: &str) -> Option<Self> {
        if text == "date" {
            return Some(Self::DATE);
        }
        let (clock, rest) = match text.split_once('[')? {
            ("time", rest) => (Clock::TimeOfDay, rest),
            ("timestamp", rest) => (Clock::Timestamp, rest),
            _ => return None,
        };
        let inside = rest.strip_suffix(']')?;
        let (unit, zone) = match inside.split_once(", ") {
            Some((unit, zone)) => (unit, Some(zone.to_owned())),
            None => (inside, None),
        };
        Some(Self { clock, unit: TimeUnit::of_name(unit)?, zone })
    }

    /// The parts that its values have.
    pub fn parts(&self) -> &'static [TimePart] {
        match self.clock {
            Clock::Date => &TimePart::ALL[..4],
            Clock::TimeOfDay => &TimePart::ALL[4..],
            Clock::Timestamp => &TimePart::ALL,
        }
    }

    /// Whether the zone is one; the parts of instants in another are those of UTC.
    pub fn zone_is_known(&self) -> bool {
        self.zone.as_deref().is_none_or(|zone| Zone::of(zone).is_some())
    }

    /// What reads the values of a column of this type.
    pub fn calendar(&self) -> Calendar {
        Calendar::new(self)
    }

    /// A part of one value, as [`Calendar::part`].
    pub fn part(&self, raw: i64, part: TimePart) -> Option<f64> {
        self.calendar().part(raw, part)
    }

    /// Seconds since 1970 or midnight.
    pub fn instant(&self, raw: i64) -> f64 {
        match self.unit.per_second() {
            // Whole seconds are exact, whatever the unit.
            Some(each) => raw.div_euclid(each) as f64 + raw.rem_euclid(each) as f64 / each as f64,
            None => raw as f64 * 86_400.0,
        }
    }

    /// For people: `2018-01-31`, `23:59:59.5`, `2018-01-31T23:59:59+01:00`; the number itself if no calendar has it.
    pub fn format(&self, raw: i64) -> String {
        self.calendar().format(raw)
    }
}

impl fmt::Display for TimeType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let unit = self.unit.name();
        match (self.clock, &self.zone) {
            (Clock::Date, _) => f.write_str("date"),
            (Clock::TimeOfDay, _) => write!(f, "time[{unit}]"),
            (Clock::Timestamp, None) => write!(f, "timestamp[{unit}]"),
            (Clock::Timestamp, Some(zone)) => write!(f, "timestamp[{unit}, {zone}]"),
        }
    }
}

#[cfg(test)]
mod tests;
