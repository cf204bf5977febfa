//! One column of a shard as an encoding reads it: what its numbers or its dictionary codes become. Made once a shard.

use arrow_array::cast::AsArray;
use arrow_array::{Array, ArrayRef};
use arrow_schema::DataType;

use super::numeric::seconds;
use super::{Categorical, Numeric, Quantity, Target, Transform};
use crate::error::EncodingError;
use crate::reading::{Reading, is_missing_text};
use crate::shard::Shard;
use crate::time::{Calendar, TimePart};
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
    /// Whole numbers of a time's unit, in seconds.
    Seconds(f64),
    Part(Calendar, TimePart),
    /// 1 where there is no finite number, else 0.
    Missing,
    /// The column is not there: missing in every row.
    Absent,
}

#[derive(Debug)]
pub(crate) struct CodeColumn {
    pub(crate) pieces: Vec<ArrayRef>,
    /// Of each code of the shard's dictionary: the input that is 1.
    pub(crate) inputs: Vec<u32>,
    /// Of a column that is no text: of each value, in order.
    pub(crate) values: Vec<(Value, u32)>,
    pub(crate) unseen: u32,
    pub(crate) missing: u32,
}

#[derive(Debug)]
pub(crate) enum TargetColumn {
    /// (y − mean) × inverse.
    Number { pieces: Vec<ArrayRef>, mean: f64, inverse: f64 },
    /// Of each code of the shard's dictionary: the class or the number; NaN for what is missing.
    Codes { pieces: Vec<ArrayRef>, targets: Vec<f32> },
    /// Of each value, in order: the class.
    Values { pieces: Vec<ArrayRef>, classes: Vec<(Value, f32)> },
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
        let time = shard.time_type(name);
        if pieces.iter().any(is_text) {
            let numbers = of.reading == Some(Reading::Number) || !of.is_of_time();
            return Ok(Self::Codes(codes(name, &dictionary(pieces), of, numbers)?));
        }
        match (of.quantity, time) {
            (Quantity::Missing, _) => Ok(Self::Missing),
            (Quantity::Value, None) if !of.is_of_time() => Ok(Self::Value),
            (Quantity::Seconds, Some(time)) => Ok(Self::Seconds(seconds(time.unit))),
            (Quantity::Part(part), Some(time)) if time.parts().contains(&part) => Ok(Self::Part(time.calendar(), part)),
            (_, Some(time)) => Err(mismatch(name, &time.to_string(), of)),
            (_, None) => Err(mismatch(name, &type_name(pieces), of)),
        }
    }
}

impl Numeric {
    /// Whether it is read from dates or times. An indicator alone does not tell, and takes what there is.
    pub(super) fn is_of_time(&self) -> bool {
        self.quantity.is_of_time() || self.reading.is_some_and(|reading| reading != Reading::Number)
    }

    pub(super) fn expected(&self) -> &'static str {
        if self.is_of_time() { "a date or time" } else { "numeric" }
    }
}

/// The quantity of each text. A model that was trained on other than text takes text only if all of it reads, times as
/// dates with the year first.
fn codes(name: &str, texts: &[&str], of: &Numeric, numbers: bool) -> Result<Vec<f64>, EncodingError> {
    let reading = of.reading.unwrap_or(if numbers { Reading::Number } else { Reading::YearFirst });
    let time = reading.time_type();
    let quantity = |text: &&str| -> Result<f64, EncodingError> {
        let value = reading.read(text);
        if value.is_none() && of.reading.is_none() && of.quantity != Quantity::Missing && !is_missing_text(text) {
            return Err(mismatch(name, &format!("text such as {text:?}"), of));
        }
        Ok(match (of.quantity, value, &time) {
            (Quantity::Missing, value, _) => f64::from(u8::from(value.is_none())),
            (_, None, _) => f64::NAN,
            (Quantity::Value, Some(value), _) => value,
            (Quantity::Seconds, Some(value), Some(time)) => value * seconds(time.unit),
            (Quantity::Part(part), Some(value), Some(time)) => {
                time.calendar().part(value as i64, part).unwrap_or(f64::NAN)
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
        let (mut inputs, mut values) = (Vec::new(), Vec::new());
        let found = match pieces(shard, &of.column) {
            Some(pieces) => pieces,
            None if impute_absent => Vec::new(),
            None => return Err(EncodingError::MissingColumn { column: of.column.clone() }),
        };
        match found.first() {
            None => {}
            Some(piece) if is_text(piece) => {
                inputs = dictionary(&found).iter().map(|text| input(of.slot(text))).collect();
            }
            Some(_) if shard.time_type(&of.column).is_some() => {
                let (column, found) = (of.column.clone(), "a date or time".to_owned());
                return Err(EncodingError::KindMismatch { column, found, expected: "categorical" });
            }
            Some(piece) if !of.has_values() => {
                let (column, found) = (of.column.clone(), piece.data_type().to_string().to_lowercase());
                return Err(EncodingError::KindMismatch { column, found, expected: "text" });
            }
            Some(piece) => {
                let value = |(slot, level): (usize, &String)| Some((parse(piece.data_type(), level)?, input(slot)));
                values = of.levels.iter().enumerate().filter_map(value).collect();
                values.sort_by(|a, b| a.0.cmp(&b.0));
            }
        }
        Ok(Self { pieces: found, inputs, values, unseen, missing })
    }
}

impl TargetColumn {
    pub(super) fn new(shard: &Shard, target: &Target) -> Result<Self, EncodingError> {
        let name = target.column();
        let pieces = pieces(shard, name).ok_or_else(|| EncodingError::MissingTarget { column: name.to_owned() })?;
        let text = pieces.first().is_some_and(is_text);
        match target {
            Target::Regression { reading, mean, deviation, .. } if text => {
                let mut numbers = Numeric::plain(name, 0.0, *mean, 1.0 / deviation);
                numbers.reading = *reading;
                let numbers = codes(name, &dictionary(&pieces), &numbers, true)?;
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
                let class = |(at, level): (usize, &String)| Some((parse(&data_type, level)?, at as f32));
                let mut classes: Vec<(Value, f32)> = levels.iter().enumerate().filter_map(class).collect();
                classes.sort_by(|a, b| a.0.cmp(&b.0));
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

/// A level as a value of a stored type; none if that type cannot hold it.
fn parse(data_type: &DataType, level: &str) -> Option<Value> {
    match data_type {
        DataType::Boolean => level.parse().ok().map(Value::Bool),
        DataType::Float32 | DataType::Float64 => level.parse().ok().filter(|x: &f64| x.is_finite()).map(Value::float),
        _ => level.parse().ok().map(Value::Int).or_else(|| level.parse().ok().map(Value::unsigned)),
    }
}

/// The texts of a shard's codes: all its pieces share one dictionary.
fn dictionary(pieces: &[ArrayRef]) -> Vec<&str> {
    let values = pieces.first().and_then(|piece| piece.as_any_dictionary_opt()).map(|dictionary| dictionary.values());
    let texts = values.and_then(|values| values.as_string_opt::<i32>());
    texts.map_or_else(Vec::new, |texts| texts.iter().map(Option::unwrap_or_default).collect())
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
