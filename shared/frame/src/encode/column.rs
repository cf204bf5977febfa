//! One column of a shard as an encoding reads it: what its numbers or its dictionary codes become. Made once a shard.

use arrow_array::cast::AsArray;
use arrow_array::{Array, ArrayRef};
use arrow_schema::DataType;

use super::numeric::seconds;
use super::{Categorical, Numeric, Quantity, Target, Transform};
use crate::error::EncodingError;
use crate::reading::{Reading, is_missing_text};
use crate::schema::{ColumnKind, duration_unit};
use crate::shard::Shard;
use crate::time::{Calendar, Clock, TimePart, TimeType};
use crate::value::Value;

/// A column in pieces of [`Shard::piece_rows`], and how it becomes an input.
#[derive(Debug)]
pub(crate) struct NumericColumn {
    pub(crate) pieces: Vec<ArrayRef>,
    pub(crate) source: Source,
    pub(crate) transform: Transform,
    pub(crate) shift: f64,
    pub(crate) scale: f64,
    /// The input of a missing value.
    pub(crate) fill: f32,
}

/// Where the number of a row comes from.
#[derive(Debug)]
pub(crate) enum Source {
    /// The value.
    Value,
    /// Of each code of the shard's dictionary; NaN for what is missing.
    Codes(Vec<f64>),
    /// Whole numbers of a unit, times this many of another.
    Times(f64),
    Part(Calendar, TimePart),
    /// 1 where there is no finite number, else 0.
    Missing,
    /// The column is not there, or has no value: missing in every row.
    Absent,
}

#[derive(Debug)]
pub(crate) struct CodeColumn {
    pub(crate) pieces: Vec<ArrayRef>,
    pub(crate) inputs: Inputs,
    pub(crate) unseen: u32,
    pub(crate) missing: u32,
}

/// The input that is 1.
#[derive(Debug)]
pub(crate) enum Inputs {
    /// Of each code of the shard's dictionary.
    Codes(Vec<u32>),
    /// Of each value of a column that is no text.
    Values(ByValue<u32>),
    /// The column is not there, or has no value.
    Absent,
}

#[derive(Debug)]
pub(crate) enum TargetColumn {
    /// (y − mean) × inverse.
    Number { pieces: Vec<ArrayRef>, mean: f64, inverse: f64 },
    /// Of each code of the shard's dictionary: the class or the number; NaN for what is missing.
    Codes { pieces: Vec<ArrayRef>, targets: Vec<f32> },
    /// Of each value: the class.
    Values { pieces: Vec<ArrayRef>, classes: ByValue<f32> },
}

/// What values are called, to look them up by.
#[derive(Debug)]
pub(crate) struct ByValue<T> {
    /// In order.
    values: Vec<(Value, T)>,
    /// The same as f64; empty where that is not exact.
    numbers: Vec<(f64, T)>,
}

impl<T: Copy> ByValue<T> {
    fn new(mut values: Vec<(Value, T)>) -> Self {
        /// Whole numbers up to here are floats of 64 bits.
        const EXACT_MAX: f64 = 9_007_199_254_740_992.0;
        values.sort_by(|a, b| a.0.cmp(&b.0));
        values.dedup_by(|later, first| later.0.cmp(&first.0).is_eq()); // of several names of a value the first counts
        let number = |(value, to): &(Value, T)| Some((value.number().filter(|x| x.abs() < EXACT_MAX)?, *to));
        let numbers = values.iter().map(number).collect::<Option<_>>().unwrap_or_default();
        Self { values, numbers }
    }

    pub(crate) fn find(&self, value: &Value) -> Option<T> {
        let at = self.values.binary_search_by(|(known, _)| known.cmp(value)).ok()?;
        Some(self.values[at].1)
    }

    /// Whether every value is exact as f64, so that [`ByValue::find_number`] finds it.
    pub(crate) fn has_numbers(&self) -> bool {
        !self.numbers.is_empty()
    }

    pub(crate) fn find_number(&self, x: f64) -> Option<T> {
        let at = self.numbers.partition_point(|(known, _)| *known < x);
        self.numbers.get(at).filter(|(known, _)| *known == x).map(|(_, found)| *found)
    }
}

impl NumericColumn {
    /// With `impute_absent` a column may be missing.
    pub(crate) fn new(shard: &Shard, of: &Numeric, impute_absent: bool) -> Result<Self, EncodingError> {
        let column = pieces(shard, &of.column);
        let (pieces, source) = match column {
            Some(pieces) => {
                let source = Source::new(shard, of, &pieces)?;
                (pieces, source)
            }
            None if impute_absent => (Vec::new(), Source::Absent),
            None => return Err(EncodingError::MissingColumn { column: of.column.clone() }),
        };
        let Numeric { transform, shift, scale, .. } = *of;
        Ok(Self { pieces, source, transform, shift, scale, fill: of.missing_input() })
    }
}

impl Source {
    fn new(shard: &Shard, of: &Numeric, pieces: &[ArrayRef]) -> Result<Self, EncodingError> {
        let name = &of.column;
        if is_empty(pieces) {
            return Ok(Self::Absent);
        }
        if pieces.iter().any(is_text) {
            return Ok(Self::Codes(codes(&dictionary(pieces), of)?));
        }
        let found = shard.unit_type(name);
        if of.quantity == Quantity::Missing {
            return Ok(Self::Missing);
        }
        let refused = || {
            let found = found.map_or_else(|| type_name(pieces), str::to_owned);
            Err(mismatch(name, &found, of))
        };
        if let Some(unit) = of.time.as_deref().and_then(duration_unit) {
            let here = found.and_then(duration_unit);
            return here.map_or_else(refused, |here| Ok(Self::Times(seconds(here) / seconds(unit))));
        }
        if !of.is_of_time() {
            return if found.is_none() { Ok(Self::Value) } else { refused() };
        }
        let Some(time) = found.and_then(TimeType::parse).filter(|time| of.takes(time)) else { return refused() };
        match of.quantity {
            Quantity::Seconds => Ok(Self::Times(seconds(time.unit))),
            Quantity::Part(part) if time.parts().contains(&part) => {
                // Parts are those of the clock that training read, whatever zone the same instants have here.
                let zone = of.time_type().and_then(|time| time.zone);
                Ok(Self::Part(TimeType { zone, ..time }.calendar(), part))
            }
            _ => refused(),
        }
    }
}

impl Numeric {
    /// Whether it is read from dates or times.
    pub(super) fn is_of_time(&self) -> bool {
        let dates = self.reading.is_some_and(|reading| reading != Reading::Number);
        self.quantity.is_of_time() || dates || self.time_type().is_some()
    }

    /// Of a column of dates or times in training.
    fn time_type(&self) -> Option<TimeType> {
        self.time.as_deref().and_then(TimeType::parse)
    }

    /// Whether values of this type mean what those of training did: instants are no clocks on a wall.
    pub(super) fn takes(&self, time: &TimeType) -> bool {
        let trained = self.time_type().or_else(|| self.reading.and_then(Reading::time_type));
        trained.is_some_and(|trained| {
            let of_day = |time: &TimeType| time.clock == Clock::TimeOfDay;
            of_day(&trained) == of_day(time) && trained.zone.is_some() == time.zone.is_some()
        })
    }

    /// Whether its column held durations in training.
    pub(super) fn is_of_durations(&self) -> bool {
        self.time.as_deref().and_then(duration_unit).is_some()
    }

    /// Whether text can say the same: as it is read, a date has no zone, and a number no unit.
    pub(super) fn takes_text(&self) -> bool {
        let zoned = || self.time_type().is_some_and(|time| time.zone.is_some());
        self.reading.is_some() || !(self.is_of_durations() || zoned())
    }

    /// How text is read.
    pub(super) fn text_reading(&self) -> Reading {
        match self.time_type() {
            _ if self.reading.is_some() => self.reading.unwrap_or(Reading::Number),
            Some(time) if time.clock == Clock::TimeOfDay => Reading::TimeOfDay,
            Some(_) => Reading::YearFirst,
            None => Reading::Number,
        }
    }

    pub(super) fn expected(&self) -> String {
        match (&self.time, self.reading) {
            (Some(time), _) => time.clone(),
            (None, Some(reading)) => format!("text of {}", reading.words()),
            (None, None) => "numeric".to_owned(),
        }
    }
}

/// The quantity of each text, NaN for a missing one. What cannot be read is missing only if it was so in training.
fn codes(texts: &[&str], of: &Numeric) -> Result<Vec<f64>, EncodingError> {
    let reading = of.text_reading();
    let calendar = reading.time_type().map(|time| (seconds(time.unit), time.calendar()));
    let quantity = |text: &&str| -> Result<f64, EncodingError> {
        let value = reading.read(text).filter(|_| of.takes_text());
        if value.is_none() && !of.lenient && of.quantity != Quantity::Missing && !is_missing_text(text) {
            return Err(mismatch(&of.column, &format!("text such as {text:?}"), of));
        }
        Ok(match (of.quantity, value, &calendar) {
            (Quantity::Missing, value, _) => f64::from(u8::from(value.is_none())),
            (_, None, _) => f64::NAN,
            (Quantity::Value, Some(value), _) => value,
            (Quantity::Seconds, Some(value), Some((seconds, _))) => value * seconds,
            (Quantity::Part(part), Some(value), Some((_, calendar))) => {
                calendar.part(value as i64, part).unwrap_or(f64::NAN)
            }
            (_, Some(_), None) => f64::NAN,
        })
    };
    texts.iter().map(quantity).collect()
}

impl CodeColumn {
    /// `offset` is the input of the first slot.
    pub(super) fn new(
        shard: &Shard,
        of: &Categorical,
        offset: usize,
        impute_absent: bool,
    ) -> Result<Self, EncodingError> {
        let input = |slot: usize| (offset + slot) as u32;
        let (unseen, missing) = (input(of.levels.len()), input(of.missing_slot()));
        let found = match pieces(shard, &of.column) {
            Some(pieces) => pieces,
            None if impute_absent => Vec::new(),
            None => return Err(EncodingError::MissingColumn { column: of.column.clone() }),
        };
        let refused = |found: String| {
            Err(EncodingError::KindMismatch { column: of.column.clone(), found, expected: "categorical".to_owned() })
        };
        let inputs = match found.first() {
            None => Inputs::Absent,
            Some(_) if is_empty(&found) => Inputs::Absent,
            Some(piece) if is_text(piece) => {
                Inputs::Codes(dictionary(&found).iter().map(|text| input(of.slot(text))).collect())
            }
            Some(_) if shard.unit_type(&of.column).is_some() => return refused("a date, time or duration".to_owned()),
            Some(piece) => {
                let kind = kind_of(piece.data_type());
                let value = |(slot, level): (usize, &String)| Some((level_value(kind, level)?, input(slot)));
                let values: Vec<(Value, u32)> = of.levels.iter().enumerate().filter_map(value).collect();
                if values.is_empty() {
                    return refused(type_name(&found));
                }
                Inputs::Values(ByValue::new(values))
            }
        };
        Ok(Self { pieces: found, inputs, unseen, missing })
    }
}

impl TargetColumn {
    pub(crate) fn new(shard: &Shard, target: &Target) -> Result<Self, EncodingError> {
        let name = target.column();
        let pieces = pieces(shard, name).ok_or_else(|| EncodingError::MissingTarget { column: name.to_owned() })?;
        let text = pieces.first().is_some_and(is_text);
        match target {
            Target::Regression { reading, mean, deviation, .. } if text => {
                // What was no number in training was no target either.
                let mut numbers = Numeric::plain(name, 0.0, *mean, 1.0 / deviation);
                (numbers.reading, numbers.lenient) = (*reading, reading.is_some());
                let numbers = codes(&dictionary(&pieces), &numbers)?;
                let scaled = |y: f64| ((y - mean) * (1.0 / deviation)) as f32;
                let targets: Vec<f32> =
                    numbers.iter().map(|y| if y.is_nan() { f32::NAN } else { scaled(*y) }).collect();
                match targets.iter().any(|y| y.is_infinite()) {
                    true => Err(EncodingError::ValuesOutOfRange { column: name.to_owned() }),
                    false => Ok(Self::Codes { pieces, targets }),
                }
            }
            Target::Regression { mean, deviation, .. } => {
                Ok(Self::Number { pieces, mean: *mean, inverse: 1.0 / deviation })
            }
            Target::Classes { levels, .. } if text => {
                let class = |text: &&str| levels.iter().position(|level| level == text.trim());
                let texts = dictionary(&pieces);
                let classes: Option<Vec<usize>> = texts.iter().map(class).collect();
                let unseen = || unseen_class(target, texts.iter().find(|text| class(text).is_none()).unwrap_or(&""));
                let targets = classes.ok_or_else(unseen)?.into_iter().map(|class| class as f32).collect();
                Ok(Self::Codes { pieces, targets })
            }
            Target::Classes { levels, .. } => {
                let data_type = pieces.first().map_or(DataType::Null, |piece| piece.data_type().clone());
                let kind = kind_of(&data_type);
                let class = |(at, level): (usize, &String)| Some((level_value(kind, level)?, at as f32));
                let classes = ByValue::new(levels.iter().enumerate().filter_map(class).collect());
                Ok(Self::Values { pieces, classes })
            }
        }
    }
}

/// The error of a class that training did not have.
pub(crate) fn unseen_class(target: &Target, found: &str) -> EncodingError {
    let known = match target {
        Target::Classes { levels, .. } => crate::error::list(levels),
        Target::Regression { .. } => String::new(),
    };
    let (unseen, found) = (found.to_owned(), found.to_owned());
    EncodingError::UnseenClasses { column: target.column().to_owned(), unseen, found, known }
}

fn kind_of(data_type: &DataType) -> ColumnKind {
    match data_type {
        DataType::Boolean => ColumnKind::Bool,
        DataType::Float32 | DataType::Float64 => ColumnKind::Float,
        _ => ColumnKind::Int,
    }
}

/// A level as a value of a kind of columns that are no text, if it says the same; none if that kind cannot hold it.
pub(super) fn level_value(kind: ColumnKind, level: &str) -> Option<Value> {
    let flag = || level.parse::<bool>().ok();
    let number = || level.parse::<f64>().ok().filter(|x| x.is_finite());
    let whole = || number().filter(|x| x.fract() == 0.0 && x.abs() < 9e15).map(|x| Value::Int(x as i64));
    match kind {
        ColumnKind::Bool => {
            flag().or_else(|| number().filter(|x| *x == 0.0 || *x == 1.0).map(|x| x == 1.0)).map(Value::Bool)
        }
        ColumnKind::Float => number().or_else(|| flag().map(|flag| f64::from(u8::from(flag)))).map(Value::float),
        ColumnKind::Int => {
            let exact = level.parse().ok().map(Value::Int).or_else(|| level.parse().ok().map(Value::unsigned));
            exact.or_else(whole).or_else(|| flag().map(|flag| Value::Int(flag.into())))
        }
        ColumnKind::Text | ColumnKind::Time => None,
    }
}

/// The texts of a shard's codes: all its pieces share one dictionary.
fn dictionary(pieces: &[ArrayRef]) -> Vec<&str> {
    let values = pieces.first().and_then(|piece| piece.as_any_dictionary_opt()).map(|dictionary| dictionary.values());
    let texts = values.and_then(|values| values.as_string_opt::<i32>());
    texts.map_or_else(Vec::new, |texts| texts.iter().map(Option::unwrap_or_default).collect())
}

/// Whether no row has a value.
fn is_empty(pieces: &[ArrayRef]) -> bool {
    pieces.iter().all(|piece| piece.null_count() == piece.len())
}

pub(super) fn pieces(shard: &Shard, name: &str) -> Option<Vec<ArrayRef>> {
    Some(shard.column(name)?.into_iter().cloned().collect())
}

pub(super) fn is_text(piece: &ArrayRef) -> bool {
    matches!(piece.data_type(), DataType::Dictionary(..))
}

fn type_name(pieces: &[ArrayRef]) -> String {
    pieces.first().map_or_else(|| "empty".to_owned(), |piece| piece.data_type().to_string().to_lowercase())
}

fn mismatch(column: &str, found: &str, of: &Numeric) -> EncodingError {
    EncodingError::KindMismatch { column: column.to_owned(), found: found.to_owned(), expected: of.expected() }
}
