//! One value of a column, as statistics and classes name it.

use std::cmp::Ordering;
use std::fmt;

use serde::{Deserialize, Serialize};

/// Values of one column compare by value, text by bytes. Floats are finite, and −0 counts as 0.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Value {
    Bool(bool),
    Int(i64),
    /// Only above `i64::MAX`.
    Unsigned(u64),
    Float(f64),
    Text(String),
}

impl Value {
    pub(crate) fn unsigned(value: u64) -> Self {
        i64::try_from(value).map_or(Self::Unsigned(value), Self::Int)
    }

    pub(crate) fn float(value: f64) -> Self {
        Self::Float(value + 0.0)
    }

    /// As a number; none for text.
    pub fn number(&self) -> Option<f64> {
        Some(match self {
            Self::Bool(value) => f64::from(*value),
            Self::Int(value) => *value as f64,
            Self::Unsigned(value) => *value as f64,
            Self::Float(value) => *value,
            Self::Text(_) => return None,
        })
    }

    fn integer(&self) -> i128 {
        match self {
            Self::Int(value) => i128::from(*value),
            Self::Unsigned(value) => i128::from(*value),
            _ => 0,
        }
    }

    fn order(&self) -> u8 {
        match self {
            Self::Bool(_) => 0,
            Self::Int(_) | Self::Unsigned(_) => 1,
            Self::Float(_) => 2,
            Self::Text(_) => 3,
        }
    }
}

/// The canonical text of a value, and so the name of a class: 2, 0.5, true, trimmed text. A float that is an integer reads
/// as one, so the classes of a column do not depend on how it was stored.
impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bool(value) => value.fmt(f),
            Self::Int(value) => value.fmt(f),
            Self::Unsigned(value) => value.fmt(f),
            Self::Float(value) => value.fmt(f),
            Self::Text(value) => f.write_str(value.trim()),
        }
    }
}

impl Ord for Value {
    fn cmp(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::Bool(a), Self::Bool(b)) => a.cmp(b),
            (Self::Float(a), Self::Float(b)) => a.total_cmp(b),
            (Self::Text(a), Self::Text(b)) => a.cmp(b),
            _ => (self.order(), self.integer()).cmp(&(other.order(), other.integer())),
        }
    }
}

impl PartialOrd for Value {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Value {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Value {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn has_one_text_whatever_the_storage() {
        let check = |value: Value, expected| assert_eq!(value.to_string(), expected);
        check(Value::Int(1), "1");
        check(Value::float(1.0), "1");
        check(Value::float(-0.0), "0");
        check(Value::float(0.5), "0.5");
        check(Value::unsigned(u64::MAX), "18446744073709551615");
        check(Value::Bool(true), "true");
        check(Value::Text(" a b ".into()), "a b");
    }

    #[test]
    fn orders_by_value() {
        assert!(Value::Int(-1) < Value::Int(2) && Value::Int(2) < Value::unsigned(u64::MAX));
        assert!(Value::float(-2.0) < Value::float(10.0));
        assert!(Value::Text("B".into()) < Value::Text("a".into()));
    }
}
