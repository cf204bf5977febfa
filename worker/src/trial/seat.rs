//! A trial of a cohort, and its place in it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use aquifer_frame::{Encoding, FoldSide, Folds};
use aquifer_learn::{Crew, Isa, PartRows, Prepared, RoundKind, Trial};
use aquifer_model::params::AveragingMode;
use aquifer_model::{CurvePoint, Kind, Model, Part, Partial, Report, Snapshot, SnapshotOf, State};
use aquifer_proto::v1::{ExchangeRequest, SegmentPart};
use aquifer_proto::{CohortPlan, TrialOutcome, TrialPlan};

use crate::core::{Exchange, Phase, Placement};

/// One trial under way.
pub(super) struct Seat {
    /// Its number in the cohort.
    pub(super) at: usize,
    pub(super) plan: TrialPlan,
    pub(super) trial: Trial,
    pub(super) state: State,
    pub(super) prepared: Prepared,
    /// Of its workspaces.
    pub(super) shape: Vec<usize>,
    /// Whoever maps its ranks gives the partials here.
    exchange: Mutex<Exchange>,
    /// The rows that it learns from and is held against, if it is a fold.
    learned: Option<FoldSide>,
    held_out: Option<FoldSide>,
    /// The round under way.
    pub(super) running: Option<RoundKind>,
    /// Its sum, once it is known.
    pub(super) total: Option<Option<Partial>>,
    /// Messages of a round that has not begun here.
    pub(super) early: Vec<ExchangeRequest>,
    /// Parts of messages that are not complete.
    pub(super) partly: BTreeMap<(Phase, usize), Vec<SegmentPart>>,
    /// Of its state before the round, in rounds that compare it; else 0.
    pub(super) own_check: u64,
    /// Sums of the held-out rows, of the state that is the model so far.
    pub(super) holdout: Option<Partial>,
    pub(super) train_time: Duration,
    pub(super) score_time: Duration,
    pub(super) ended: bool,
    /// No round of this generation is done here: members that go on from the state they had may still ask for it.
    pub(super) is_new: bool,
    /// Rounds between two comparisons of the members' states.
    pub(super) check_interval: u64,
}

impl Seat {
    pub(super) fn new(
        cohort: &CohortPlan,
        at: usize,
        encoding: &Arc<Encoding>,
        placement: &Placement,
    ) -> Result<Self, Report> {
        let plan = cohort.trials[at].clone();
        let rows = |part: Part| cohort.parts.iter().find(|p| p.part == part).map(|p| p.rows);
        let train = rows(Part::Train).unwrap_or(0);
        let rows = match plan.fold {
            Some(_) => PartRows { train, holdout: Some(train), validation: None, test: None },
            None => PartRows { train, holdout: None, validation: rows(Part::Validation), test: rows(Part::Test) },
        };
        let params = &plan.fit.params;
        let exchange = Exchange::new(placement.clone(), params.ranks);
        let exchange = exchange.map_err(|error| Report::new(Kind::Work, "placement", error.to_string()))?;
        let trial = Trial::new(params.clone(), encoding.clone(), rows, Isa::detect())?;
        let trial = trial.with_stopping(plan.fit.stopping.as_ref(), plan.fit.stop_at);
        let check_interval = check_interval(&trial);
        let (learned, held_out) = sides(cohort.folds.as_ref(), plan.fold)?.unzip();
        Ok(Self {
            at,
            state: trial.initial_state(),
            shape: trial.workspace_shape(),
            trial,
            plan,
            prepared: Prepared::default(),
            exchange: Mutex::new(exchange),
            learned,
            held_out,
            running: None,
            total: None,
            early: Vec::new(),
            partly: BTreeMap::new(),
            own_check: 0,
            holdout: None,
            train_time: Duration::ZERO,
            score_time: Duration::ZERO,
            ended: false,
            is_new: true,
            check_interval,
        })
    }

    pub(super) fn exchange(&self) -> MutexGuard<'_, Exchange> {
        self.exchange.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    /// The rows that a round reads.
    pub(super) fn side(&self, kind: RoundKind) -> Option<FoldSide> {
        match kind {
            RoundKind::Score { part: Part::Holdout } => self.held_out,
            RoundKind::Train(_) | RoundKind::Score { part: Part::Train } => self.learned,
            RoundKind::Score { .. } | RoundKind::Done => None,
        }
    }

    /// Applies the sum of the round under way. What a scoring while training found is returned.
    pub(super) fn update(&mut self, crew: &dyn Crew) -> Result<Option<CurvePoint>, Report> {
        let Some(mut total) = self.total.take() else { return Ok(None) };
        let (points, kind) = (self.state.record.curve.len(), self.running.take());
        self.trial.update(&mut self.state, total.as_mut(), crew)?;
        self.is_new = false;
        let record = &self.state.record;
        if matches!(kind, Some(RoundKind::Score { part: Part::Holdout })) {
            let kept =
                record.scores.iter().any(|score| score.part == Part::Holdout && score.position == record.position);
            if kept || self.holdout.is_none() {
                self.holdout = total.take();
            }
        }
        if let Some(total) = total {
            self.exchange().use_again(total);
        }
        Ok(self.state.record.curve.get(points).copied())
    }

    /// Whether members compare their states before the round that is next: in the first one of a generation, before scoring,
    /// and now and then.
    pub(super) fn compares(&self, kind: RoundKind) -> bool {
        let round = self.state.record.round;
        self.is_new || round.is_multiple_of(self.check_interval) || matches!(kind, RoundKind::Score { .. })
    }

    /// Takes its state away, with all that belongs to it: no round of it comes any more.
    pub(super) fn take_snapshot(&mut self) -> Snapshot {
        let state = State { record: self.state.record.clone(), vectors: std::mem::take(&mut self.state.vectors) };
        Snapshot {
            identity: self.plan.identity.clone(),
            state,
            holdout: self.holdout.take(),
            train_seconds: self.train_time.as_secs_f64(),
            score_seconds: self.score_time.as_secs_f64(),
        }
    }

    /// Its state, with all that belongs to it.
    pub(super) fn snapshot(&self) -> SnapshotOf<'_> {
        SnapshotOf {
            identity: &self.plan.identity,
            state: &self.state,
            holdout: self.holdout.as_ref(),
            train_seconds: self.train_time.as_secs_f64(),
            score_seconds: self.score_time.as_secs_f64(),
        }
    }

    /// Takes a state that the trial had somewhere; the reason if it cannot be one of this trial.
    pub(super) fn go_on_from(&mut self, snapshot: Snapshot) -> Result<(), String> {
        let Snapshot { state, holdout, train_seconds, score_seconds, .. } = snapshot;
        let shape = |state: &State| -> Vec<(String, usize)> {
            state.vectors.iter().map(|vector| (vector.name.clone(), vector.values.len())).collect()
        };
        if shape(&state) != shape(&self.state) {
            return Err("its vectors are not those of this trial".into());
        }
        let seconds = |seconds: f64| Duration::try_from_secs_f64(seconds).map_err(|error| error.to_string());
        (self.train_time, self.score_time) = (seconds(train_seconds)?, seconds(score_seconds)?);
        (self.state, self.holdout) = (state, holdout);
        Ok(())
    }

    pub(super) fn outcome(&self) -> TrialOutcome {
        let record = &self.state.record;
        TrialOutcome {
            scores: record.scores.clone(),
            curve: record.curve.clone(),
            position: record.position,
            model_position: self.trial.model_position(record),
            stopped: record.stopped,
            samples: record.samples,
        }
    }

    /// The model file, once every round is done.
    pub(super) fn model(&self, encoding: &Encoding) -> Result<Vec<u8>, Report> {
        let tensors = self.trial.tensors(&self.state)?;
        let (spec, scores) = (self.plan.fit.clone(), self.state.record.scores.clone());
        Ok(Model::new(tensors, spec, encoding.clone(), scores).to_bytes()?)
    }
}

/// A comparison reads the whole state: it is made every 64 rounds, or more often where rounds are long.
const CHECK_ROUNDS_MAX: u64 = 64;
/// Work between two comparisons, about a second of a few cores.
const CHECK_FLOPS: u64 = 64_000_000_000;

/// A function of the trial alone, so that all members compare in the same rounds.
fn check_interval(trial: &Trial) -> u64 {
    let params = trial.params();
    let rows = match params.averaging_mode {
        AveragingMode::Average => params.averaging_interval,
        AveragingMode::Gradient => params.mini_batch_size as u64 * u64::from(params.ranks),
    };
    let of_round = trial.flops_of_row().saturating_mul(rows).max(1);
    (CHECK_FLOPS / of_round).clamp(1, CHECK_ROUNDS_MAX)
}

/// What the rows of a fold are.
fn sides(folds: Option<&Folds>, fold: Option<u32>) -> Result<Option<(FoldSide, FoldSide)>, Report> {
    let Some(fold) = fold else { return Ok(None) };
    let folds = folds.filter(|folds| fold < folds.count());
    let none = || Report::new(Kind::Work, "fold", format!("there is no fold {fold}: this is a bug"));
    folds.map(|folds| Some((folds.learned(fold), folds.held_out(fold)))).ok_or_else(none)
}
