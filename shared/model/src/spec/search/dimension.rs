//! What a searched key may become: a list of values, or a range. Values are checked as those of the key itself.

use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};
use toml::Value;

use super::super::keys::{self, AVERAGING, Key, Table};
use super::super::read::{choice, show, sub_table};
use super::super::{Spec, SpecError};

/// Values of a key that is searched.
#[derive(Clone, Debug, PartialEq)]
pub enum Dimension {
    /// At least one.
    Choices(Vec<Value>),
    /// From `min` to `max`, both included.
    Range {
        min: f64,
        max: f64,
        /// Drawn evenly of logarithms; `min` is above 0.
        log: bool,
        /// Whole numbers alone.
        integer: bool,
    },
}

const EXPECTED: &str =
    "a list of values such as [0.1, 0.2], or a range such as { min = 0.0001, max = 0.1, scale = \"log\" },";
/// Whole numbers up to here are floats of 64 bits.
const EXACT_MAX: u64 = 1 << 53;

impl Dimension {
    pub(super) fn choices(&self) -> Option<&[Value]> {
        match self {
            Dimension::Choices(choices) => Some(choices),
            Dimension::Range { .. } => None,
        }
    }

    /// All values, or the two ends.
    pub(super) fn samples(&self) -> Vec<Value> {
        match *self {
            Dimension::Choices(ref choices) => choices.clone(),
            Dimension::Range { min, max, integer, .. } => [min, max].map(|end| number(end, integer)).into(),
        }
    }

    fn read(key: &str, value: &Value) -> Result<Self, SpecError> {
        match value {
            Value::Array(choices) if !choices.is_empty() => Ok(Dimension::Choices(choices.clone())),
            Value::Table(range) => Self::read_range(key, value, range),
            _ => Err(wrong(key, value, EXPECTED)),
        }
    }

    fn read_range(key: &str, value: &Value, range: &toml::Table) -> Result<Self, SpecError> {
        let known = range.keys().all(|name| matches!(&name[..], "min" | "max" | "scale"));
        let (Some(min), Some(max), true) = (range.get("min"), range.get("max"), known) else {
            return Err(wrong(key, value, EXPECTED));
        };
        let log = match range.get("scale") {
            Some(scale) => choice(&format!("{key}.scale"), scale, &[("linear", false), ("log", true)])?,
            None => false,
        };
        let integer = min.is_integer() && max.is_integer();
        let exact = [min, max].iter().all(|end| end.as_integer().is_none_or(|end| end.unsigned_abs() <= EXACT_MAX));
        let number = |end: &Value| end.as_float().or_else(|| end.as_integer().map(|end| end as f64));
        match (number(min), number(max)) {
            (Some(min), Some(max)) if min.is_finite() && max.is_finite() && min < max && exact => {
                if log && min <= 0.0 {
                    return Err(wrong(key, value, "a range of numbers above 0, as `scale` is \"log\","));
                }
                Ok(Dimension::Range { min: min + 0.0, max: max + 0.0, log, integer })
            }
            _ => Err(wrong(key, value, "a range of two numbers, `min` below `max`, whole ones up to 2^53,")),
        }
    }
}

impl Spec {
    /// Reads `[search.params]`.
    pub(in super::super) fn assign_dimensions(&mut self, value: &Value) -> Result<(), SpecError> {
        for (name, value) in sub_table("search.params", value)? {
            self.assign_dimension(name, value)?;
        }
        Ok(())
    }

    /// Reads one key of `[search.params]`, and tries its values on a spec of its own.
    pub(in super::super) fn assign_dimension(&mut self, name: &str, value: &Value) -> Result<(), SpecError> {
        if name == AVERAGING {
            for (inner, value) in sub_table(name, value).map_err(searched)? {
                self.assign_dimension(&format!("{AVERAGING}.{inner}"), value)?;
            }
            return Ok(());
        }
        let key = searchable(name)?;
        let dimension = Dimension::read(key.name, value).map_err(searched)?;
        for value in dimension.samples() {
            Spec::default().assign(key.name, &value).map_err(searched)?;
        }
        self.search.get_or_insert_default().params.insert(key.name.into(), dimension);
        Ok(())
    }
}

/// The key that a name of `[search.params]` or of a point is.
pub(super) fn searchable(name: &str) -> Result<&'static Key, SpecError> {
    let place = "[search.params]";
    match keys::find(name) {
        Some(key) if matches!(key.table, Table::Encoding | Table::Params) => Ok(key),
        Some(key) => Err(SpecError::Misplaced { key: name.into(), place: place.into(), belongs: key.table.place() }),
        None => {
            let tables = [Table::Params, Table::Encoding];
            let valid =
                || tables.into_iter().flat_map(|table| keys::names(Some(table))).filter(|key| *key != AVERAGING);
            let suggestion = keys::suggest(name, valid()).map(|key| format!("`{key}`"));
            let error =
                SpecError::UnknownKey { key: name.into(), place: place.into(), suggestion, valid: valid().collect() };
            Err(searched(error))
        }
    }
}

/// Says where a value stood.
pub(super) fn searched(error: SpecError) -> SpecError {
    SpecError::Searched { error: Box::new(error) }
}

fn wrong(key: &str, value: &Value, expected: &'static str) -> SpecError {
    SpecError::WrongType { key: key.into(), value: show(value), expected }
}

fn number(x: f64, integer: bool) -> Value {
    if integer { Value::Integer(x as i64) } else { Value::Float(x) }
}

impl Serialize for Dimension {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match *self {
            Dimension::Choices(ref choices) => choices.serialize(serializer),
            Dimension::Range { min, max, log, integer } => {
                let mut range = serializer.serialize_map(None)?;
                range.serialize_entry("min", &number(min, integer))?;
                range.serialize_entry("max", &number(max, integer))?;
                if log {
                    range.serialize_entry("scale", "log")?;
                }
                range.end()
            }
        }
    }
}
