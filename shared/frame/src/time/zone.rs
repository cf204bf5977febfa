//! Time zones: what a clock on the wall shows beside UTC.

use chrono::{DateTime, Offset, TimeZone, Utc};
use chrono_tz::Tz;

/// A zone of the IANA data base of `chrono-tz`, whose version `Cargo.lock` pins: the future changes of clocks, and so the
/// parts of future instants, are what was decided when it was made. It lists changes up to the year 2100.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Zone {
    /// Seconds east of UTC.
    Fixed(i64),
    Named(Tz),
}

impl Zone {
    pub(super) const UTC: Zone = Zone::Fixed(0);

    /// `Europe/London`, `UTC`, `Z`, `+05:45`, `+0545` or `-08`.
    pub(super) fn of(text: &str) -> Option<Self> {
        match text {
            "Z" => Some(Self::UTC),
            _ => offset(text).map(Self::Fixed).or_else(|| text.parse().ok().map(Self::Named)),
        }
    }

    /// Seconds to add to an instant of UTC, in seconds since 1970.
    pub(super) fn offset(self, seconds: i64) -> i64 {
        match self {
            Self::Fixed(offset) => offset,
            Self::Named(zone) => {
                // Some 262,000 years either way; clocks are not known to change beyond.
                let (first, last) = (DateTime::<Utc>::MIN_UTC, DateTime::<Utc>::MAX_UTC);
                let seconds = seconds.clamp(first.timestamp(), last.timestamp());
                let instant = DateTime::from_timestamp(seconds, 0).unwrap_or(last).naive_utc();
                i64::from(zone.offset_from_utc_datetime(&instant).fix().local_minus_utc())
            }
        }
    }
}

/// Seconds of `±HH`, `±HHMM` or `±HH:MM`.
pub(crate) fn offset(text: &str) -> Option<i64> {
    let (sign, digits) = match text.as_bytes() {
        [b'+', digits @ ..] => (1, digits),
        [b'-', digits @ ..] => (-1, digits),
        _ => return None,
    };
    let (hours, minutes) = match digits {
        [a, b] => ([a, b], [&b'0'; 2]),
        [a, b, b':', c, d] | [a, b, c, d] => ([a, b], [c, d]),
        _ => return None,
    };
    let number = |digits: [&u8; 2], end: i64| {
        let [tens, ones] = digits.map(|digit| i64::from(digit.wrapping_sub(b'0')));
        (tens < 10 && ones < 10).then_some(tens * 10 + ones).filter(|number| *number < end)
    };
    Some(sign * (number(hours, 24)? * 3600 + number(minutes, 60)? * 60))
}
