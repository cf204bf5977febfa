//! What is said of a cohort's trials: how far they are, and what came of them.

use std::time::Duration;

use aquifer_learn::RoundKind;
use aquifer_model::{CurvePoint, Report};
use aquifer_proto::{pack_sums, v1};

use super::Cohort;
use crate::said::Said;

/// One progress message in this time; the first at once.
const PROGRESS_INTERVAL: Duration = Duration::from_millis(250);
/// A model file, and scores as JSON.
pub(in crate::trial) type ModelAndScores = (Vec<u8>, Vec<u8>);

impl Cohort<'_> {
    /// Where the trials are that are behind; rows are all trials' together.
    pub(super) fn say_progress(&mut self, kind: &RoundKind) {
        let now = self.node.clock.now();
        if self.me != 0 || self.last_progress.is_some_and(|last| now < last + PROGRESS_INTERVAL) {
            return;
        }
        self.last_progress = Some(now);
        let Some(record) = self.group.first().map(|at| &self.seats[*at].state.record) else { return };
        let _ = self.node.said.send(Said::Progress(v1::TrialProgress {
            generation: Some((&self.id).into()),
            round: record.round,
            position: record.position,
            samples: self.seats.iter().map(|seat| seat.state.record.samples).sum(),
            loss: record.loss.filter(|_| self.seats.len() == 1),
            scoring: match kind {
                RoundKind::Score { part } => part.to_string(),
                _ => String::new(),
            },
        }));
    }

    /// The check of a state that members disagreed about once.
    pub(super) fn say_checked(&self, at: usize) {
        let state = &self.seats[at].state;
        let _ = self.node.said.send(Said::Checked(v1::TrialChecked {
            generation: Some((&self.id).into()),
            trial: at as u32,
            round: state.record.round,
            state_check: state.check(),
        }));
    }

    /// Rows that these trials have trained on.
    pub(super) fn samples_of(&self, group: &[usize]) -> u64 {
        group.iter().map(|at| self.seats[*at].state.record.samples).sum()
    }

    /// For operators. Rows are counted by one member, so that the sum over workers is what was trained on.
    pub(super) fn count_round(&self, group: &[usize], samples_before: u64) {
        let counters = &self.node.counters;
        counters.rounds.add(group.len() as u64);
        if self.me == 0 {
            counters.samples.add(self.samples_of(group).saturating_sub(samples_before));
        }
    }

    pub(super) fn say_scored(&self, at: usize, point: CurvePoint) {
        aquifer_fault::kill_point("worker.trial.scored");
        if self.me == 0 {
            let point_json = serde_json::to_string(&point).unwrap_or_default();
            let (generation, trial) = (Some((&self.id).into()), at as u32);
            let _ = self.node.said.send(Said::Scored(v1::TrialScored { generation, trial, point_json }));
        }
    }

    /// What is said of a trial that is done; it lacks the generation.
    pub(in crate::trial) fn finished(&self, at: usize) -> v1::TrialFinished {
        let seat = &self.seats[at];
        v1::TrialFinished {
            generation: None,
            samples: seat.state.record.samples,
            train_seconds: seat.train_time.as_secs_f64(),
            score_seconds: seat.score_time.as_secs_f64(),
            memory_peak_bytes: self.node.budget.peak_bytes(),
            trial: at as u32,
            outcome_json: serde_json::to_string(&seat.outcome()).unwrap_or_default(),
            holdout: seat.holdout.as_ref().filter(|_| self.me == 0).map(pack_sums),
            held: None,
        }
    }

    /// The round that a trial is at.
    pub(in crate::trial) fn round(&self, at: usize) -> u64 {
        self.seats[at].state.record.round
    }

    #[cfg(test)]
    pub(in crate::trial) fn sums(&self, at: usize) -> Option<&aquifer_model::Partial> {
        self.seats[at].holdout.as_ref()
    }

    /// The model of a trial that is done, and all its metrics: the model file keeps a few of them. None of a fold.
    pub(in crate::trial) fn model(&self, at: usize) -> Result<Option<ModelAndScores>, Report> {
        let seat = &self.seats[at];
        if !seat.plan.keeps_model {
            return Ok(None);
        }
        let scores = serde_json::to_vec(&seat.state.record.scores).unwrap_or_default();
        Ok(Some((seat.model(&self.encoding)?, scores)))
    }
}
