//! The proleptic Gregorian calendar, and the clock of a zone, over whole numbers of a unit.
//!
//! Days and dates are turned into each other by Howard Hinnant's "chrono-compatible low-level date algorithms": eras of 400
//! years, each beginning on the 1st of March, so a leap day is a year's last.

use std::fmt::Write;

use super::zone::Zone;
use super::{Clock, TimePart, TimeType, TimeUnit};

/// Days either way of 1970 that have dates: 3 billion years, and no sum of them overflows.
const DAYS_MAX: i64 = 1 << 40;
const DAY_SECONDS: i64 = 86_400;
/// Days of 400 years.
const ERA_DAYS: i64 = 146_097;
/// Days from 0000-03-01 to 1970-01-01.
const EPOCH: i64 = 719_468;

/// What a clock shows for the numbers of one type.
#[derive(Clone, Copy, Debug)]
pub struct Calendar {
    clock: Clock,
    unit: TimeUnit,
    zone: Zone,
    zoned: bool,
}

/// What it shows for one of them.
#[derive(Clone, Copy, Debug)]
struct Shown {
    /// Since 1970-01-01.
    day: i64,
    /// Of the day.
    second: i64,
    /// Units since that second.
    rest: i64,
    /// Of the zone, in seconds.
    offset: i64,
}

impl Calendar {
    pub(super) fn new(of: &TimeType) -> Self {
        let zone = of.zone.as_deref().and_then(Zone::of).unwrap_or(Zone::UTC);
        Self { clock: of.clock, unit: of.unit, zone, zoned: of.zone.is_some() }
    }

    /// A part of a value; none if its type has no such part, a time of day is none of a day, or an instant is billions of
    /// years away.
    pub fn part(&self, raw: i64, part: TimePart) -> Option<f64> {
        let shown = self.shown(raw)?;
        let part = match (part, self.clock) {
            (TimePart::Hour | TimePart::Minute, Clock::Date) => return None,
            (TimePart::Hour, _) => shown.second / 3600,
            (TimePart::Minute, _) => shown.second / 60 % 60,
            (_, Clock::TimeOfDay) => return None,
            (TimePart::Weekday, _) => (shown.day + 3).rem_euclid(7), // 1970 began on a Thursday
            (TimePart::Year, _) => date(shown.day).0,
            (TimePart::Month, _) => date(shown.day).1,
            (TimePart::Day, _) => date(shown.day).2,
        };
        Some(part as f64)
    }

    pub(super) fn format(&self, raw: i64) -> String {
        let Some(shown) = self.shown(raw) else { return raw.to_string() };
        let mut text = String::new();
        // Writing to a string does not fail.
        if self.clock != Clock::TimeOfDay {
            let (year, month, day) = date(shown.day);
            let sign = if year < 0 {
                "-"
            } else if year > 9999 {
                "+"
            } else {
                ""
            };
            let _ = write!(text, "{sign}{:04}-{month:02}-{day:02}", year.abs());
        }
        if self.clock == Clock::Timestamp {
            text.push('T');
        }
        if let (Some(each), true) = (self.unit.per_second(), self.clock != Clock::Date) {
            let (hour, minute, second) = (shown.second / 3600, shown.second / 60 % 60, shown.second % 60);
            let _ = write!(text, "{hour:02}:{minute:02}:{second:02}");
            if shown.rest > 0 {
                let digits = each.ilog10() as usize;
                let fraction = format!("{:0digits$}", shown.rest);
                let _ = write!(text, ".{}", fraction.trim_end_matches('0'));
            }
        }
        if self.zoned {
            let (sign, size) = (if shown.offset < 0 { '-' } else { '+' }, shown.offset.abs());
            let _ = write!(text, "{sign}{:02}:{:02}", size / 3600, size / 60 % 60);
            if size % 60 > 0 {
                let _ = write!(text, ":{:02}", size % 60);
            }
        }
        text
    }

    fn shown(&self, raw: i64) -> Option<Shown> {
        let Some(each) = self.unit.per_second() else {
            return (-DAYS_MAX..=DAYS_MAX).contains(&raw).then_some(Shown { day: raw, second: 0, rest: 0, offset: 0 });
        };
        let (seconds, rest) = (raw.div_euclid(each), raw.rem_euclid(each));
        if !(-DAYS_MAX..=DAYS_MAX).contains(&seconds.div_euclid(DAY_SECONDS)) {
            return None;
        }
        let offset = match self.clock {
            Clock::Timestamp => self.zone.offset(seconds),
            Clock::TimeOfDay if (0..DAY_SECONDS).contains(&seconds) => 0,
            Clock::TimeOfDay => return None,
            Clock::Date => 0,
        };
        let local = seconds + offset;
        Some(Shown { day: local.div_euclid(DAY_SECONDS), second: local.rem_euclid(DAY_SECONDS), rest, offset })
    }
}

/// Year, month and day of a day since 1970-01-01.
fn date(day: i64) -> (i64, i64, i64) {
    let (era, of_era) = ((day + EPOCH).div_euclid(ERA_DAYS), (day + EPOCH).rem_euclid(ERA_DAYS));
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * of_year + 2) / 153;
    let day = of_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
    (era * 400 + year_of_era + i64::from(month <= 2), month, day)
}

/// The day since 1970-01-01 of a date; none if there is no such date.
pub(crate) fn day_of(year: i64, month: i64, day: i64) -> Option<i64> {
    if !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return None;
    }
    let from_march = (month + 9) % 12;
    let year_from_march = year - i64::from(month <= 2);
    let (era, year_of_era) = (year_from_march.div_euclid(400), year_from_march.rem_euclid(400));
    let of_year = (153 * from_march + 2) / 5 + day - 1;
    let of_era = 365 * year_of_era + year_of_era / 4 - year_of_era / 100 + of_year;
    let found = era * ERA_DAYS + of_era - EPOCH;
    // The 31st of April is a day, but another one.
    (date(found) == (year, month, day)).then_some(found)
}
