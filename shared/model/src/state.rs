//! State: all that training carries from round to round.

use serde::{Deserialize, Serialize};

use crate::metric::Metrics;

/// Named flat arrays and a small record. Every worker of a trial holds the same one after every round.
#[derive(Clone, Debug, PartialEq)]
pub struct State {
    pub record: Record,
    pub vectors: Vec<StateVector>,
}

/// One array of a state: parameters, moments, outer momentum.
#[derive(Clone, Debug, PartialEq)]
pub struct StateVector {
    pub name: String,
    pub values: Vec<f32>,
}

/// The integers and f64 of a state.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// Rounds done, training and scoring alike.
    pub round: u64,
    /// Rows of the order passed so far by all ranks, whether they pass the filter or not.
    pub position: u64,
    /// Rows with a target that training rounds have computed on.
    pub samples: u64,
    /// Mean training loss of the last training round, before penalties.
    pub loss: Option<f64>,
    /// What the scoring rounds so far have found, one entry a scored part.
    pub scores: Vec<Score>,
}

/// Metrics of one part of the data at one position.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Score {
    pub part: Part,
    pub position: u64,
    pub metrics: Metrics,
}

/// The parts of the data that a trial may read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Part {
    Train,
    Validation,
    Test,
}

impl std::fmt::Display for Part {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Part::Train => "train",
            Part::Validation => "validation",
            Part::Test => "test",
        })
    }
}

impl State {
    /// A 64-bit multiply-add over the record's position and every bit of the vectors, in order: two workers whose
    /// states differ in one bit differ here.
    pub fn check(&self) -> u64 {
        const MULTIPLIER: u64 = 0x9E37_79B9_7F4A_7C15; // odd: multiplication loses nothing
        let mut check = self.record.round ^ (self.record.position << 20);
        for vector in &self.vectors {
            for value in &vector.values {
                check = check.wrapping_mul(MULTIPLIER).wrapping_add(u64::from(value.to_bits()) + 1);
            }
        }
        check
    }
}
