//! The encoding: from columns to a network's inputs. Fitted once on all rows of the training frame; travels inside the model.

mod check;
mod fit;
mod levels;
mod note;
mod roles;
mod table;
mod target;

use serde::{Deserialize, Serialize};

pub use note::Note;
pub use roles::{Roles, TaskChoice};
pub use table::EncodedFrame;
pub(crate) use table::{NumericColumn, ShardTable, TargetColumn, unseen_class};
pub use target::CLASSES_MAX;

/// How each input, the target and the row weights are read. Input order: numerics, then the slots of each categorical.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Encoding {
    pub numeric: Vec<Numeric>,
    pub categorical: Vec<Categorical>,
    pub target: Target,
    /// The column of loss weights.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub weights_column: Option<String>,
}

/// A numeric (or boolean) column: `f32((x − shift) × scale)` computed in f64. A value that is missing, not finite, or not
/// finite after that becomes `fill` before.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Numeric {
    pub column: String,
    pub fill: f64,
    pub shift: f64,
    pub scale: f64,
}

/// A text column: one input a level, and a last one for what is missing or was not seen.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Categorical {
    pub column: String,
    /// Trimmed of white space, sorted by bytes.
    pub levels: Vec<String>,
}

/// What is learned.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Target {
    /// A number, learned as `(y − mean) × (1 / deviation)`.
    Regression { column: String, mean: f64, deviation: f64 },
    /// One of the classes, sorted (numbers by value, text by bytes).
    Classes { column: String, levels: Vec<String> },
}

impl Numeric {
    /// The input of a value.
    pub fn input(&self, x: f64) -> f32 {
        let input = ((x - self.shift) * self.scale) as f32;
        if input.is_finite() { input } else { ((self.fill - self.shift) * self.scale) as f32 }
    }
}

impl Categorical {
    /// Inputs of this column: its levels, and one for what is missing or unseen.
    pub fn slots(&self) -> usize {
        self.levels.len() + 1
    }

    /// The slot of a text, which need not be trimmed.
    pub fn slot(&self, text: &str) -> usize {
        self.levels.binary_search_by(|level| level.as_str().cmp(text.trim())).unwrap_or(self.levels.len())
    }
}

impl Target {
    pub fn column(&self) -> &str {
        match self {
            Self::Regression { column, .. } | Self::Classes { column, .. } => column,
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
}
