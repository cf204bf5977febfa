//! What a column is: its kind, the type of its values, and the type that holds the values of two columns.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::time::{Clock, TimeType, TimeUnit};

/// What values a column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ColumnKind {
    Bool,
    Int,
    Float,
    Text,
    /// Dates, times of day and instants: whole numbers of the unit that `source_type` names ([`crate::TimeType`]).
    Time,
}

impl fmt::Display for ColumnKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Bool => "bool",
            Self::Int => "int",
            Self::Float => "float",
            Self::Text => "text",
            Self::Time => "time",
        })
    }
}

/// A column of a frame, as the sources have it: the widest type of all files.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceColumn {
    /// Unique in the frame.
    pub name: String,
    pub kind: ColumnKind,
    /// `bool`, `int8` … `uint64`, `float16` … `float64`, `decimal(P, S)`, `duration[UNIT]`, `text`, `null`, or as a
    /// [`crate::TimeType`] is written.
    pub source_type: String,
    /// Where it is found in a file; absent: the column of this name.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub origin: Option<Origin>,
}

/// Where a column comes from, if not from the one column of its name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Origin {
    /// The `nth` column (from 0) of those that are named `column` in a file, under another name.
    Renamed { column: String, nth: usize },
    /// One element of a list of fixed size.
    Element { column: String, nth: usize, at: usize },
    /// The value of `NAME=value` in the paths of the files.
    Partition,
}

/// A column of the sources that is no column of the frame.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeftOut {
    pub name: String,
    pub source_type: String,
    pub reason: String,
}

/// A column that some files lack: all their rows are missing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Absent {
    pub name: String,
    /// How many files lack it; those without rows are not counted.
    pub files: u64,
}

/// The type of a column's values, in a file or in the frame: what `source_type` says as text.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum SourceType {
    /// No value at all.
    Null,
    Bool,
    Int {
        signed: bool,
        bits: u8,
    },
    Float {
        bits: u8,
    },
    /// A whole number divided by 10^scale.
    Decimal {
        precision: i32,
        scale: i32,
    },
    Duration(TimeUnit),
    Time(TimeType),
    Text,
    /// 16 bytes, that are text as people write them.
    Uuid,
}

/// Digits that every decimal of them has room for in `i64`.
const INT_DIGITS_MAX: i32 = 18;

impl SourceType {
    pub(crate) const DOUBLE: Self = Self::Float { bits: 64 };

    /// Reads what `Display` writes.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let inside = |head: &str| text.strip_prefix(head)?.strip_suffix(']');
        let bits = |text: &str, known: &[u8]| text.parse().ok().filter(|bits| known.contains(bits));
        if let Some(bits) = text.strip_prefix("int").and_then(|text| bits(text, &[8, 16, 32, 64])) {
            return Some(Self::Int { signed: true, bits });
        }
        if let Some(bits) = text.strip_prefix("uint").and_then(|text| bits(text, &[8, 16, 32, 64])) {
            return Some(Self::Int { signed: false, bits });
        }
        if let Some(bits) = text.strip_prefix("float").and_then(|text| bits(text, &[16, 32, 64])) {
            return Some(Self::Float { bits });
        }
        if let Some((precision, scale)) =
            text.strip_prefix("decimal(").and_then(|text| text.strip_suffix(')')?.split_once(", "))
        {
            return Some(Self::Decimal { precision: precision.parse().ok()?, scale: scale.parse().ok()? });
        }
        match text {
            "null" => Some(Self::Null),
            "bool" => Some(Self::Bool),
            "text" => Some(Self::Text),
            _ => match inside("duration[") {
                Some(unit) => TimeUnit::of_name(unit).map(Self::Duration),
                None => TimeType::parse(text).map(Self::Time),
            },
        }
    }

    pub(crate) fn kind(&self) -> ColumnKind {
        match self {
            Self::Bool => ColumnKind::Bool,
            Self::Int { .. } | Self::Duration(_) => ColumnKind::Int,
            Self::Decimal { precision, scale } if *scale <= 0 && precision - scale <= INT_DIGITS_MAX => ColumnKind::Int,
            Self::Null | Self::Float { .. } | Self::Decimal { .. } => ColumnKind::Float,
            Self::Time(_) => ColumnKind::Time,
            Self::Text | Self::Uuid => ColumnKind::Text,
        }
    }

    /// What a whole number counts.
    pub(crate) fn unit(&self) -> Option<TimeUnit> {
        match self {
            Self::Duration(unit) | Self::Time(TimeType { unit, .. }) => Some(*unit),
            _ => None,
        }
    }

    /// Bytes of a value while a shard is gathered; text counts its dictionary code.
    pub(crate) fn bytes(&self) -> u64 {
        match self {
            Self::Bool => 1,
            Self::Int { bits, .. } => u64::from(*bits / 8),
            Self::Float { bits } => u64::from(*bits / 8).max(4),
            Self::Text | Self::Uuid => 4,
            Self::Null | Self::Decimal { .. } | Self::Duration(_) | Self::Time(_) => 8,
        }
    }

    /// The type that holds the values of both, none of them changed; what no type can promise, the import checks value by
    /// value: integers among floats, unsigned ones of 64 bits among signed ones, times in finer units.
    pub(crate) fn widen(&self, other: &Self) -> Option<Self> {
        Some(match (self, other) {
            (a, b) if a == b => a.clone(),
            (Self::Null, other) | (other, Self::Null) => other.clone(),
            (Self::Text | Self::Uuid, Self::Text | Self::Uuid) => Self::Text,
            (Self::Int { signed: a, bits: m }, Self::Int { signed: b, bits: n }) if a == b => {
                Self::Int { signed: *a, bits: *m.max(n) }
            }
            (Self::Int { signed: true, bits: m }, Self::Int { bits: n, .. })
            | (Self::Int { bits: n, .. }, Self::Int { bits: m, .. }) => {
                // One that is signed and has a bit more than the unsigned one.
                Self::Int { signed: true, bits: (*m).max(n.saturating_mul(2)).min(64) }
            }
            (Self::Float { bits: m }, Self::Float { bits: n }) => Self::Float { bits: *m.max(n) },
            (Self::Float { .. }, Self::Int { .. } | Self::Decimal { .. })
            | (Self::Int { .. } | Self::Decimal { .. }, Self::Float { .. }) => Self::DOUBLE,
            (Self::Int { .. } | Self::Decimal { .. }, Self::Int { .. } | Self::Decimal { .. }) => {
                let ((digits_a, scale_a), (digits_b, scale_b)) = (self.digits()?, other.digits()?);
                let scale = scale_a.max(scale_b);
                Self::Decimal { precision: digits_a.max(digits_b) + scale, scale }
            }
            (Self::Duration(a), Self::Duration(b)) => Self::Duration(*a.max(b)),
            (Self::Time(a), Self::Time(b)) => Self::Time(widen_time(a, b)?),
            _ => return None,
        })
    }

    /// Digits before the decimal point, and the scale.
    fn digits(&self) -> Option<(i32, i32)> {
        match self {
            Self::Decimal { precision, scale } => Some((precision - scale, *scale)),
            Self::Int { signed, bits } => {
                let digits = match bits {
                    8 => 3,
                    16 => 5,
                    32 => 10,
                    _ => 19 + i32::from(!signed),
                };
                Some((digits, 0))
            }
            _ => None,
        }
    }
}

/// A date is midnight on the wall, which is no instant: where a zone is given, the two do not mix.
fn widen_time(a: &TimeType, b: &TimeType) -> Option<TimeType> {
    let unit = a.unit.max(b.unit);
    let zone = match (&a.zone, &b.zone) {
        (a, b) if a == b => a.clone(),
        (Some(_), Some(_)) => Some("UTC".to_owned()),
        _ => return None,
    };
    let clock = match (a.clock, b.clock) {
        (a, b) if a == b => a,
        (Clock::Date, Clock::Timestamp) | (Clock::Timestamp, Clock::Date) => Clock::Timestamp,
        _ => return None,
    };
    Some(TimeType { clock, unit, zone })
}

impl fmt::Display for SourceType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => f.write_str("null"),
            Self::Bool => f.write_str("bool"),
            Self::Int { signed: true, bits } => write!(f, "int{bits}"),
            Self::Int { signed: false, bits } => write!(f, "uint{bits}"),
            Self::Float { bits } => write!(f, "float{bits}"),
            Self::Decimal { precision, scale } => write!(f, "decimal({precision}, {scale})"),
            Self::Duration(unit) => write!(f, "duration[{}]", unit.name()),
            Self::Time(time) => time.fmt(f),
            Self::Text | Self::Uuid => f.write_str("text"),
        }
    }
}

/// The unit of a column of durations, by its source type; none for other columns.
pub(crate) fn duration_unit(source_type: &str) -> Option<TimeUnit> {
    match SourceType::parse(source_type)? {
        SourceType::Duration(unit) => Some(unit),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> SourceType {
        let found = SourceType::parse(text).unwrap_or_else(|| panic!("{text}"));
        assert_eq!(found.to_string(), text);
        found
    }

    #[test]
    fn what_holds_both_does_not_depend_on_the_order() {
        let check = |a: &str, b: &str, expected: Option<&str>| {
            let wide = expected.map(of);
            assert_eq!((of(a).widen(&of(b)), of(b).widen(&of(a))), (wide.clone(), wide.clone()), "{a} and {b}");
            if let Some(wide) = wide {
                assert_eq!((of(a).widen(&wide), wide.widen(&of(b))), (Some(wide.clone()), Some(wide.clone())));
            }
        };
        check("int8", "int32", Some("int32"));
        check("uint8", "uint64", Some("uint64"));
        check("uint8", "int8", Some("int16"));
        check("uint32", "int8", Some("int64"));
        check("uint64", "int8", Some("int64"));
        check("int8", "float32", Some("float64"));
        check("float16", "float32", Some("float32"));
        check("decimal(5, 2)", "decimal(5, 0)", Some("decimal(7, 2)"));
        check("decimal(5, -2)", "decimal(3, 1)", Some("decimal(8, 1)"));
        check("decimal(4, 2)", "int32", Some("decimal(12, 2)"));
        check("decimal(4, 2)", "float32", Some("float64"));
        check("null", "bool", Some("bool"));
        check("bool", "int8", None);
        check("text", "int8", None);
        check("duration[s]", "duration[us]", Some("duration[us]"));
        check("duration[s]", "int64", None);
        check("date", "timestamp[ms]", Some("timestamp[ms]"));
        check("date", "timestamp[ms, UTC]", None);
        check("time[s]", "time[ns]", Some("time[ns]"));
        check("time[s]", "timestamp[s]", None);
        check("timestamp[s, Europe/London]", "timestamp[ns, Europe/London]", Some("timestamp[ns, Europe/London]"));
        check("timestamp[s, Europe/London]", "timestamp[s, +01:00]", Some("timestamp[s, UTC]"));
        check("timestamp[s, UTC]", "timestamp[s]", None);
    }

    #[test]
    fn kinds_and_texts_of_types() {
        assert_eq!(of("decimal(18, 0)").kind(), ColumnKind::Int);
        assert_eq!(of("decimal(16, -2)").kind(), ColumnKind::Int);
        assert_eq!(of("decimal(19, 0)").kind(), ColumnKind::Float);
        assert_eq!(of("decimal(4, 1)").kind(), ColumnKind::Float);
        assert_eq!(of("duration[ns]").kind(), ColumnKind::Int);
        for text in ["int", "int7", "uint128", "float8", "decimal(1)", "duration[d]", "time", "list", ""] {
            assert_eq!(SourceType::parse(text), None, "{text}");
        }
    }
}
