//! The encoding: from columns to a network's inputs. Fitted once on all rows of the training frame; travels inside the model.

mod categorical;
mod check;
mod column;
mod fit;
mod levels;
mod meaning;
mod note;
mod numeric;
mod options;
mod roles;
mod table;
mod target;
mod transform;

use serde::{Deserialize, Serialize};

pub(crate) use column::{ByValue, CodeColumn, Inputs, NumericColumn, Source, TargetColumn, unseen_class};
pub(crate) use meaning::{Sense, sense};
pub use note::Note;
pub(crate) use numeric::seconds;
pub use options::{EncodingOptions, Meaning, MissingValues, Scaling, TimeFeatures, Transform};
pub use roles::{Roles, TaskChoice};
pub(crate) use table::ShardTable;
pub use table::{Apply, EncodedFrame};
pub use target::CLASSES_MAX;
pub(crate) use target::fit as fit_target;

use crate::reading::Reading;
use crate::time::TimePart;

/// How each input, the target and the row weights are read. Input order: numerics, then the slots of each categorical.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Encoding {
    pub numeric: Vec<Numeric>,
    pub categorical: Vec<Categorical>,
    pub target: Target,
    /// The column of loss weights.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub weights_column: Option<String>,
    /// Rows with a missing feature are left out of training and scoring.
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    pub skip_missing: bool,
}

/// A numeric input: `f32((transform(x) − shift) × scale)` computed in f64, x being the quantity of the column's value. One
/// that is missing, not finite, or not finite after that has `fill` in the place of `transform(x)`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Numeric {
    pub column: String,
    /// How text becomes a value; absent for columns that were no text in training.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub reading: Option<Reading>,
    /// Texts that cannot be read so count as missing, as the user asked for; else they are an error.
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    pub lenient: bool,
    /// The type of a column of times or durations in training: its clock, zone and unit are what values are read by.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub time: Option<String>,
    #[serde(skip_serializing_if = "Quantity::is_value", default)]
    pub quantity: Quantity,
    #[serde(skip_serializing_if = "Transform::is_none", default)]
    pub transform: Transform,
    pub fill: f64,
    pub shift: f64,
    pub scale: f64,
}

/// In which form a column holds its numbers or times: the fields of that name in [`Numeric`].
#[derive(Clone, Debug, Default, PartialEq)]
struct Form {
    reading: Option<Reading>,
    lenient: bool,
    time: Option<String>,
}

/// What of a value is the number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Quantity {
    /// The number itself; false is 0 and true 1.
    #[default]
    Value,
    /// 1 where the value is missing, else 0.
    Missing,
    /// Of a time: seconds since 1970 or midnight.
    Seconds,
    /// Of a time: a part of it.
    Part(TimePart),
}

/// A column of levels: one input a level, one for all `other` levels if there were too many, and a last one for what is
/// missing, or was not seen where there is no `other`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Categorical {
    pub column: String,
    /// Trimmed of white space, sorted by bytes.
    pub levels: Vec<String>,
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    pub other: bool,
}

/// What is learned.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Target {
    /// A number, learned as `(y − mean) × (1 / deviation)`.
    Regression {
        column: String,
        /// How text becomes the number.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        reading: Option<Reading>,
        mean: f64,
        deviation: f64,
    },
    /// One of the classes, sorted (numbers by value, text by bytes).
    Classes { column: String, levels: Vec<String> },
}

impl Numeric {
    /// Of a column in a form, neither filled nor scaled.
    fn of(column: &str, form: &Form) -> Self {
        let Form { reading, lenient, time } = form.clone();
        let (quantity, transform) = (Quantity::Value, Transform::None);
        Self {
            column: column.to_owned(),
            reading,
            lenient,
            time,
            quantity,
            transform,
            fill: 0.0,
            shift: 0.0,
            scale: 1.0,
        }
    }

    /// Of a column's own numbers.
    pub fn plain(column: &str, fill: f64, shift: f64, scale: f64) -> Self {
        Self { fill, shift, scale, ..Self::of(column, &Form::default()) }
    }

    /// Whether a quantity has an input of its own.
    pub(crate) fn reaches(&self, x: f64) -> bool {
        (((self.transform.apply(x) - self.shift) * self.scale) as f32).is_finite()
    }

    /// The input of a missing value.
    pub fn missing_input(&self) -> f32 {
        match self.quantity {
            Quantity::Missing => 1.0,
            _ => ((self.fill - self.shift) * self.scale) as f32,
        }
    }
}

impl Quantity {
    fn is_value(&self) -> bool {
        *self == Self::Value
    }

    pub(crate) fn is_of_time(self) -> bool {
        matches!(self, Self::Seconds | Self::Part(_))
    }
}

impl Transform {
    fn is_none(&self) -> bool {
        *self == Self::None
    }
}

impl Categorical {
    /// Inputs of this column: its levels, all others if there are any, and what is missing.
    pub fn slots(&self) -> usize {
        self.levels.len() + usize::from(self.other) + 1
    }

    /// The slot of a text, which need not be trimmed.
    pub fn slot(&self, text: &str) -> usize {
        self.known(text).unwrap_or(self.levels.len())
    }

    /// The slot of a level that has one of its own.
    pub(crate) fn known(&self, text: &str) -> Option<usize> {
        self.levels.binary_search_by(|level| level.as_str().cmp(text.trim())).ok()
    }

    /// The slot of a missing value.
    pub fn missing_slot(&self) -> usize {
        self.slots() - 1
    }
}

impl Target {
    pub fn column(&self) -> &str {
        match self {
            Self::Regression { column, .. } | Self::Classes { column, .. } => column,
        }
    }

    /// The task, for people: with a few of the classes.
    pub fn task(&self) -> String {
        const SHOWN: usize = 10;
        match self {
            Self::Regression { column, .. } => format!("regression on `{column}`"),
            Self::Classes { column, levels } if levels.len() <= SHOWN => {
                format!("classification of `{column}` ({})", levels.join(", "))
            }
            Self::Classes { column, levels } => {
                format!("classification of `{column}` ({}, … {} classes)", levels[..SHOWN].join(", "), levels.len())
            }
        }
    }

    /// How many classes it has; none for a number.
    pub fn classes(&self) -> Option<usize> {
        match self {
            Self::Regression { .. } => None,
            Self::Classes { levels, .. } => Some(levels.len()),
        }
    }

    /// Outputs of a network that learns this target: one for a number and for two classes, else one a class.
    pub fn outputs(&self) -> usize {
        match self {
            Self::Regression { .. } => 1,
            Self::Classes { levels, .. } if levels.len() <= 2 => 1,
            Self::Classes { levels, .. } => levels.len(),
        }
    }
}

impl Encoding {
    /// Inputs of a network that reads this encoding.
    pub fn inputs(&self) -> usize {
        self.numeric.len() + self.categorical.iter().map(Categorical::slots).sum::<usize>()
    }

    /// Columns that are read as features; those of several inputs as often.
    fn columns(&self) -> impl Iterator<Item = &str> {
        let numeric = self.numeric.iter().map(|numeric| numeric.column.as_str());
        numeric.chain(self.categorical.iter().map(|categorical| categorical.column.as_str()))
    }

    /// The names of features, as inputs have them: of a time one for each part.
    pub fn feature_names(&self) -> Vec<String> {
        let numeric = self.numeric.iter().map(|numeric| match numeric.quantity {
            Quantity::Value | Quantity::Seconds => numeric.column.clone(),
            Quantity::Missing => format!("{} is missing", numeric.column),
            Quantity::Part(part) => format!("{} ({part})", numeric.column),
        });
        numeric.chain(self.categorical.iter().map(|categorical| categorical.column.clone())).collect()
    }

    /// How many columns are read as features.
    pub fn features(&self) -> usize {
        self.columns().collect::<std::collections::BTreeSet<_>>().len()
    }
}
