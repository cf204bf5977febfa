//! The encoding: from columns to a network's inputs. Fitted once on all rows of the training frame; travels inside the model.

use serde::{Deserialize, Serialize};

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

/// A numeric (or boolean) column: `f32((x − shift) × scale)` computed in f64; a missing value becomes `fill` before that.
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

impl Categorical {
    /// Inputs of this column: its levels, and one for what is missing or unseen.
    pub fn slots(&self) -> usize {
        self.levels.len() + 1
    }
}

impl Encoding {
    /// Inputs of a network that reads this encoding.
    pub fn inputs(&self) -> usize {
        self.numeric.len() + self.categorical.iter().map(Categorical::slots).sum::<usize>()
    }
}
