//! What a user may choose about how columns become inputs.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

/// How columns become inputs. Part of what decides a model's bits.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EncodingOptions {
    pub scaling: Scaling,
    pub missing_values_handling: MissingValues,
    /// For `constant`: the number, in each column's own unit.
    pub missing_value: f64,
    /// A further input for each numeric column with gaps: 1 where the value is missing.
    pub missing_indicators: bool,
    /// Levels of a categorical column that have an input of their own; the others share one.
    pub max_categorical_levels: u32,
    pub time_features: TimeFeatures,
    /// Numeric columns of which the logarithm is taken, and which.
    pub transforms: BTreeMap<String, Transform>,
}

impl Default for EncodingOptions {
    fn default() -> Self {
        Self {
            scaling: Scaling::Standard,
            missing_values_handling: MissingValues::MeanImputation,
            missing_value: 0.0,
            missing_indicators: false,
            max_categorical_levels: crate::stats::LEVELS_MAX_TEXT as u32,
            time_features: TimeFeatures::Parts,
            transforms: BTreeMap::new(),
        }
    }
}

/// What numeric inputs are scaled to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scaling {
    /// Mean 0 and deviation 1.
    #[default]
    Standard,
    /// 0 at the least value of the training data, 1 at its greatest.
    MinMax,
    None,
}

/// What becomes of a missing number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MissingValues {
    #[default]
    MeanImputation,
    MedianImputation,
    /// The most frequent value; of equally frequent ones the least.
    ModeImputation,
    Constant,
    /// The row is left out of training and scoring; for a prediction the mean stands in.
    Skip,
}

/// What dates and times become.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TimeFeatures {
    /// Year, month, day, weekday, hour and minute, those of them that vary.
    #[default]
    Parts,
    /// One number: seconds.
    Number,
}

/// A function of a number, before it is scaled.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Transform {
    #[default]
    None,
    /// ln x, of numbers above 0.
    Log,
    /// sign(x) · ln(1 + |x|), of any number.
    SignedLog,
}

/// What a user says that a column means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Meaning {
    Numeric,
    Categorical,
    /// A date or time, in the one form that all its texts have.
    Time,
    /// Dates of which the day stands first: `31/01/2018`.
    DayFirst,
    /// Dates of which the month stands first: `01/31/2018`.
    MonthFirst,
    /// Free text: no feature.
    Text,
}

impl Meaning {
    pub const ALL: [Meaning; 6] =
        [Self::Numeric, Self::Categorical, Self::Time, Self::DayFirst, Self::MonthFirst, Self::Text];

    pub fn name(self) -> &'static str {
        match self {
            Self::Numeric => "numeric",
            Self::Categorical => "categorical",
            Self::Time => "time",
            Self::DayFirst => "day_first",
            Self::MonthFirst => "month_first",
            Self::Text => "text",
        }
    }
}

impl fmt::Display for Meaning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
