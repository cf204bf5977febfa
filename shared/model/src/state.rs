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
    /// What scoring while training has found, oldest first: of the stopping part alone.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub curve: Vec<CurvePoint>,
    /// The best of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub best: Option<BestPoint>,
    /// Training has ended before its last position.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub stopped: bool,
    /// Weight and summed training loss since the last point of the curve.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<(f64, f64)>,
}

/// What one scoring while training has found.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct CurvePoint {
    pub position: u64,
    /// Mean training loss of the rounds since the point before, before penalties.
    pub loss: Option<f64>,
    /// The stopping metric.
    pub value: f64,
}

/// Where the stopping metric was best.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct BestPoint {
    pub position: u64,
    pub value: f64,
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
    /// The rows of a fold, which its model does not learn from.
    Holdout,
    Test,
}

impl std::fmt::Display for Part {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Part::Train => "train",
            Part::Validation => "validation",
            Part::Holdout => "holdout",
            Part::Test => "test",
        })
    }
}

impl State {
    /// A 64-bit multiply-add over every bit of the record and the vectors, in order: two workers whose states differ in
    /// one bit differ here.
    pub fn check(&self) -> u64 {
        let mut check = Check(0);
        let Record { round, position, samples, loss, scores, curve, best, stopped, since } = &self.record;
        [*round, *position, *samples, scores.len() as u64].into_iter().for_each(|number| check.add(number));
        check.add_float(*loss);
        for Score { part, position, metrics } in scores {
            check.add(*part as u64);
            check.add(*position);
            check.add_metrics(metrics);
        }
        check.add(curve.len() as u64);
        for CurvePoint { position, loss, value } in curve {
            check.add(*position);
            check.add_float(*loss);
            check.add_float(Some(*value));
        }
        check.add(best.map_or(0, |best| best.position));
        check.add_float(best.map(|best| best.value));
        check.add((*stopped).into());
        check.add_float(since.map(|(weight, _)| weight));
        check.add_float(since.map(|(_, loss)| loss));
        for vector in &self.vectors {
            check.add(vector.values.len() as u64);
            vector.values.iter().for_each(|value| check.add(value.to_bits().into()));
        }
        check.0
    }
}

struct Check(u64);

impl Check {
    fn add(&mut self, number: u64) {
        const MULTIPLIER: u64 = 0x9E37_79B9_7F4A_7C15; // odd: multiplication loses nothing
        self.0 = self.0.wrapping_mul(MULTIPLIER).wrapping_add(number).wrapping_add(1);
    }

    fn add_float(&mut self, number: Option<f64>) {
        self.add(number.is_some().into());
        self.add(number.map_or(0, f64::to_bits));
    }

    /// As JSON, which has every digit of a number and every field that is there.
    fn add_metrics(&mut self, metrics: &Metrics) {
        let text = serde_json::to_vec(metrics).unwrap_or_default();
        self.add(text.len() as u64);
        text.into_iter().for_each(|byte| self.add(byte.into()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_bit_counts() {
        let metrics = Metrics { rows: 7, logloss: Some(0.5), confusion: Some(vec![3, 4]), ..Metrics::default() };
        let scores = vec![Score { part: Part::Train, position: 10, metrics }];
        let curve = vec![
            CurvePoint { position: 5, loss: None, value: 0.5 },
            CurvePoint { position: 10, loss: Some(0.25), value: 0.75 },
        ];
        let best = Some(BestPoint { position: 5, value: 0.5 });
        let record = Record {
            round: 3,
            position: 10,
            samples: 9,
            loss: Some(0.25),
            scores,
            curve,
            best,
            stopped: false,
            since: None,
        };
        let state = State { record, vectors: vec![StateVector { name: "weights".into(), values: vec![1.0, -2.0] }] };
        let mut seen = std::collections::BTreeSet::from([state.check()]);
        let mut differs = |change: &dyn Fn(&mut State)| {
            let mut other = state.clone();
            change(&mut other);
            assert!(seen.insert(other.check()), "{other:?}");
        };
        differs(&|state| state.record.round += 1);
        (0..64).for_each(|bit| differs(&|state| state.record.position ^= 1 << bit));
        differs(&|state| state.record.samples += 1);
        differs(&|state| state.record.loss = None);
        differs(&|state| state.record.loss = Some(0.25f64.next_up()));
        differs(&|state| state.record.scores.clear());
        differs(&|state| state.record.scores[0].part = Part::Test);
        differs(&|state| state.record.scores[0].part = Part::Holdout);
        differs(&|state| state.record.scores[0].position += 1);
        differs(&|state| state.record.scores[0].metrics.rows += 1);
        differs(&|state| state.record.scores[0].metrics.logloss = Some(0.5f64.next_up()));
        differs(&|state| state.record.scores[0].metrics.auc = Some(0.5));
        differs(&|state| state.record.scores[0].metrics.confusion = Some(vec![4, 3]));
        differs(&|state| state.record.curve.clear());
        differs(&|state| state.record.curve.truncate(1));
        differs(&|state| state.record.curve[0].position += 1);
        differs(&|state| state.record.curve[0].loss = Some(0.0));
        differs(&|state| state.record.curve[1].loss = Some(0.25f64.next_up()));
        differs(&|state| state.record.curve[1].value = 0.75f64.next_up());
        differs(&|state| state.record.best = None);
        differs(&|state| state.record.best = Some(BestPoint { position: 10, value: 0.5 }));
        differs(&|state| state.record.best = Some(BestPoint { position: 5, value: 0.5f64.next_up() }));
        differs(&|state| state.record.stopped = true);
        differs(&|state| state.record.since = Some((1.0, 0.5)));
        differs(&|state| state.record.since = Some((0.5, 1.0)));
        (0..32).for_each(|bit| {
            differs(&|state| state.vectors[0].values[0] = f32::from_bits(1.0f32.to_bits() ^ 1 << bit));
        });
        differs(&|state| state.vectors[0].values.swap(0, 1));
        differs(&|state| state.vectors[0].values.push(0.0));
    }

    #[test]
    fn a_record_without_scoring_is_written_as_it_was() {
        let text = serde_json::to_string(&Record::default()).unwrap();
        assert_eq!(text, r#"{"round":0,"position":0,"samples":0,"loss":null,"scores":[]}"#);
        assert_eq!(serde_json::from_str::<Record>(&text).unwrap(), Record::default());
        let curve = vec![CurvePoint { position: 5, loss: Some(0.1), value: 0.5 }];
        let best = Some(BestPoint { position: 5, value: 0.5 });
        let record = Record { curve, best, stopped: true, ..Record::default() };
        assert_eq!(serde_json::from_str::<Record>(&serde_json::to_string(&record).unwrap()).unwrap(), record);
        assert_eq!(serde_json::to_string(&Part::Holdout).unwrap(), format!("\"{}\"", Part::Holdout));
    }
}
