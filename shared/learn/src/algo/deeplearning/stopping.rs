//! Scoring while training: when a part is scored, when training ends before its last position, and which state is the model.
//! All of it is decided in `update`, from the record alone: every worker decides the same.

use aquifer_model::params::Stopping;
use aquifer_model::{BestPoint, CurvePoint, MetricName, Metrics, Part, Record, Score, State, has_stalled};

use super::Trial;
use crate::Error;
use crate::round::TrainRound;

/// The state's copy of the best weights.
pub(super) const BEST: &str = "best";

/// Settings of a trial that scores while it trains.
#[derive(Clone, Debug)]
pub(super) struct Watch {
    part: Part,
    metric: MetricName,
    /// Positions between two scorings.
    every: u64,
    rounds: usize,
    tolerance: f64,
    pub(super) keeps_best: bool,
}

impl Trial {
    /// Scores while it trains: the rows that are held out, else validation data, else the training rows. `stop_at` is the
    /// most positions that are passed: training ends before the first round that would pass more, but not before one.
    pub fn with_stopping(mut self, stopping: Option<&Stopping>, stop_at: Option<u64>) -> Self {
        let part = match (self.rows.holdout, self.rows.validation) {
            (Some(_), _) => Part::Holdout,
            (None, Some(_)) => Part::Validation,
            (None, None) => Part::Train,
        };
        self.watch = stopping.map(|stopping| Watch {
            part,
            metric: stopping.metric.unwrap_or_else(|| MetricName::auto(&self.encoding.target)),
            every: stopping.score_interval.positions(self.rows.train),
            rounds: stopping.rounds as usize,
            tolerance: stopping.tolerance,
            keeps_best: stopping.overwrite_with_best_model,
        });
        self.stop_at = stop_at;
        self
    }

    /// The metric that is watched while it trains.
    pub fn watched(&self) -> Option<MetricName> {
        self.watch.as_ref().map(|watch| watch.metric)
    }

    /// The training round after a record; none once training has ended.
    pub(super) fn training_round(&self, record: &Record) -> Option<TrainRound> {
        let round = self.schedule.at(record.position).filter(|_| !record.stopped)?;
        let after = record.position + self.schedule.passed(round);
        let too_far = record.position > 0 && self.stop_at.is_some_and(|stop_at| after > stop_at);
        (!too_far).then_some(round)
    }

    /// The part that is scored before training goes on, or once it is over.
    pub(super) fn due(&self, record: &Record, over: bool) -> Option<Part> {
        let watch = self.watch.as_ref()?;
        let last = record.curve.last().map_or(0, |point| point.position);
        let due = if over { last != record.position } else { record.position / watch.every > last / watch.every };
        due.then_some(watch.part)
    }

    /// The position of the state that is the model, once training is over.
    pub fn model_position(&self, record: &Record) -> u64 {
        let best = record.best.filter(|_| self.watch.as_ref().is_some_and(|watch| watch.keeps_best));
        best.map_or(record.position, |best| best.position)
    }

    /// The weights that the next scoring is of, or that are the model.
    pub(super) fn scored_weights<'a>(&self, state: &'a State) -> Result<&'a [f32], Error> {
        let record = &state.record;
        let over = self.training_round(record).is_none();
        let is_best = over && self.due(record, over).is_none() && self.model_position(record) != record.position;
        self.vector(state, if is_best { BEST } else { "weights" })
    }

    /// Takes what a scoring found. Of the part that is watched the record keeps the score of the model so far.
    pub(super) fn take_score(&self, state: &mut State, part: Part, metrics: Metrics) -> Result<(), Error> {
        let over = self.training_round(&state.record).is_none();
        let record = &mut state.record;
        let watch = match (&self.watch, self.due(record, over)) {
            (Some(watch), Some(due)) if due == part => watch,
            _ => {
                let position = self.model_position(record);
                record.scores.push(Score { part, position, metrics });
                return Ok(());
            }
        };
        let value = watch.metric.of(&metrics);
        let value = value.ok_or(Error::NoMetric { part, metric: watch.metric.name(), rows: metrics.rows })?;
        let position = record.position;
        let loss = record.since.take().map(|(weight, losses)| losses / weight);
        record.curve.push(CurvePoint { position, loss, value });
        let improved = record.best.is_none_or(|best| watch.metric.better(value, best.value));
        if improved {
            record.best = Some(BestPoint { position, value });
        }
        if improved || !watch.keeps_best {
            record.scores.retain(|score| score.part != part);
            record.scores.push(Score { part, position, metrics });
        }
        let values: Vec<f64> = record.curve.iter().map(|point| point.value).collect();
        record.stopped |= has_stalled(&values, watch.rounds, watch.tolerance, watch.metric.larger_is_better());
        if improved && watch.keeps_best {
            let weights = self.vector(state, "weights")?.to_vec();
            self.vector_mut(state, BEST)?.copy_from_slice(&weights);
        }
        Ok(())
    }
}
