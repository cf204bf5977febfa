//! `algorithm = "deeplearning"`: a trial of a feed-forward network.
//!
//! A trial is a chain of pure rounds, `state = update(state, reduce over ranks of map(state, rank))`. [`Trial::round`]
//! tells from a state's record what comes next; `map` (map.rs, score.rs) is what a rank does, `update` (update.rs) what
//! everybody does with the sum.

mod check;
mod initial;
mod map;
mod memory;
mod prepare;
mod score;
mod stopping;
mod update;
mod workspace;

use std::ops::Range;
use std::sync::Arc;

use aquifer_frame::{Encoding, Mixing};
use aquifer_model::params::{AveragingMode, DeepLearning};
use aquifer_model::{Part, Partial, Record, State, Tensor, ValueType, VectorSpec};

use crate::optimizer::{StepAt, is_constant, moment_names, rate};
use crate::round::{RoundKind, Schedule};
use crate::{Alone, Crew, Error, Isa, Network, Rows};
pub use memory::Memory;
pub use prepare::Prepared;
pub use workspace::Workspace;

/// One fit: what stays the same in all its rounds.
#[derive(Clone, Debug)]
pub struct Trial {
    params: DeepLearning,
    encoding: Arc<Encoding>,
    rows: PartRows,
    network: Network,
    schedule: Schedule,
    watch: Option<stopping::Watch>,
    stop_at: Option<u64>,
}

/// Rows of each part of the data, whether they pass the filter or not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PartRows {
    pub train: u64,
    pub validation: Option<u64>,
    /// Of a fold: the frame's rows, of which those that are held out are scored, and no other part is at the end.
    pub holdout: Option<u64>,
    pub test: Option<u64>,
}

/// What a rank is mapped in.
pub struct Context<'a> {
    pub state: &'a State,
    /// Of this state.
    pub prepared: &'a Prepared,
    /// Who may share the work of this rank.
    pub crew: &'a dyn Crew,
    /// Memory of an earlier round, to make the partial's vectors in.
    pub spare: &'a mut Vec<Vec<f32>>,
}

impl Trial {
    /// A trial over resolved parameters; what cannot be trained is an error here.
    pub fn new(params: DeepLearning, encoding: Arc<Encoding>, rows: PartRows, isa: Isa) -> Result<Self, Error> {
        check::check(&params, rows.train)?;
        let network = Network::new(&params, &encoding, isa)?;
        let batch = params.mini_batch_size as u64;
        let quantum = match params.averaging_mode {
            AveragingMode::Average => params.averaging_interval / u64::from(params.ranks),
            AveragingMode::Gradient => batch,
        };
        let schedule = Schedule::new(rows.train, params.ranks, quantum, batch, params.epochs);
        if schedule.last_position() == 0 {
            return Err(Error::Params { key: "epochs" }); // nothing would be learned, and be called a model
        }
        Ok(Self { params, encoding, rows, network, schedule, watch: None, stop_at: None })
    }

    pub fn network(&self) -> &Network {
        &self.network
    }

    /// The weights of a state as the arrays of a model file.
    pub fn tensors(&self, state: &State) -> Result<Vec<Tensor>, Error> {
        Ok(self.network.tensors(self.scored_weights(state)?))
    }

    pub fn params(&self) -> &DeepLearning {
        &self.params
    }

    pub fn encoding(&self) -> &Arc<Encoding> {
        &self.encoding
    }

    /// The position at which training ends, unless it stops before.
    pub fn last_position(&self) -> u64 {
        self.schedule.last_position().min(self.stop_at.unwrap_or(u64::MAX))
    }

    /// What the round after this record does: training until it ends, with scorings between; then each part is scored once.
    pub fn round(&self, record: &Record) -> RoundKind {
        let round = self.training_round(record);
        if let Some(part) = self.due(record, round.is_none()) {
            return RoundKind::Score { part };
        }
        if let Some(round) = round {
            return RoundKind::Train(round);
        }
        let at = self.model_position(record);
        let scored = |part| record.scores.iter().any(|s| s.part == part && s.position == at);
        let parts: &[Part] = match self.rows.holdout {
            Some(_) => &[Part::Holdout],
            None => &[Part::Train, Part::Validation, Part::Test],
        };
        let next = parts.iter().find(|part| self.rows_of(**part).is_some() && !scored(**part));
        next.map_or(RoundKind::Done, |part| RoundKind::Score { part: *part })
    }

    /// The epoch and the rows of a rank's order that a training round passes.
    pub fn rows_of_round(&self, kind: RoundKind, rank: u32) -> Option<(u64, Range<u64>)> {
        match kind {
            RoundKind::Train(round) => Some((round.epoch, self.schedule.rows(round, rank))),
            _ => None,
        }
    }

    /// The vectors of a round's partials, in order.
    pub fn vectors(&self, kind: &RoundKind) -> Vec<VectorSpec> {
        let spec = |name: &str, value_type, len| VectorSpec { name: name.into(), value_type, len };
        let mut vectors = Vec::new();
        match kind {
            RoundKind::Train(_) => {
                match self.params.averaging_mode {
                    AveragingMode::Average => {
                        let names = ["weights"].iter().chain(moment_names(self.params.optimizer));
                        vectors.extend(names.map(|name| spec(name, ValueType::F32, self.network.len())));
                    }
                    AveragingMode::Gradient => vectors.push(spec("gradient", ValueType::F32, self.network.len())),
                }
                vectors.extend([spec("loss", ValueType::F64, 1), spec("samples", ValueType::U64, 1)]);
            }
            RoundKind::Score { .. } => vectors = self.score_vectors(),
            RoundKind::Done => (),
        }
        vectors
    }

    /// What a rank does in the round after this state: a pure function of (state, rank) and the rows, which are those
    /// of the round's part and this rank. The workspace and what is prepared hold memory, no values of their own.
    pub fn map(
        &self,
        context: Context<'_>,
        rank: u32,
        rows: &mut dyn Rows,
        workspace: &mut Workspace,
    ) -> Result<Partial, Error> {
        workspace.fit(&self.network, moment_names(self.params.optimizer).len(), self.params.lazy_adam);
        match self.round(&context.state.record) {
            RoundKind::Train(round) => self.map_train(context, round, rank, rows, workspace),
            RoundKind::Score { part } => self.map_score(context, part, rank, rows, workspace),
            RoundKind::Done => Ok(Partial { weight: 0.0, vectors: Vec::new() }),
        }
    }

    /// [`Trial::map`] by the calling thread alone.
    pub fn map_alone(
        &self,
        state: &State,
        rank: u32,
        rows: &mut dyn Rows,
        workspace: &mut Workspace,
    ) -> Result<Partial, Error> {
        let mut prepared = Prepared::default();
        self.prepare(state, &mut prepared, &Alone)?;
        self.map(Context { state, prepared: &prepared, crew: &Alone, spare: &mut Vec::new() }, rank, rows, workspace)
    }

    /// [`Trial::update`] by the calling thread alone.
    pub fn update_alone(&self, state: &mut State, mut total: Option<Partial>) -> Result<(), Error> {
        self.update(state, total.as_mut(), &Alone)
    }

    /// Whether the work of one rank in such a round is large enough to be shared out between threads.
    pub fn shares(&self, kind: RoundKind) -> bool {
        /// Weights of a network that makes a block of rows worth sharing out.
        const WORTH: usize = 1 << 11;
        match kind {
            RoundKind::Train(_) => !self.reads_columns() && self.params.shares_steps(self.network.len() as u64),
            RoundKind::Score { .. } => self.network.len() >= WORTH,
            RoundKind::Done => false,
        }
    }

    /// What everybody does with the sum of the ranks' partials, which is none where all had weight 0. What is left of
    /// the sum has no meaning.
    pub fn update(&self, state: &mut State, total: Option<&mut Partial>, crew: &dyn Crew) -> Result<(), Error> {
        let kind = self.round(&state.record);
        let total = total.filter(|total| total.weight > 0.0);
        if let Some(total) = &total
            && !self
                .vectors(&kind)
                .iter()
                .map(|spec| (spec.value_type, spec.len))
                .eq(total.vectors.iter().map(|values| (values.value_type(), values.len())))
        {
            return Err(Error::Total { round: state.record.round });
        }
        match kind {
            RoundKind::Train(round) => self.update_train(state, round, total, crew)?,
            RoundKind::Score { part } => self.update_score(state, part, total.as_deref())?,
            RoundKind::Done => return Ok(()),
        }
        state.record.round += 1;
        Ok(())
    }

    /// Whether training reads columns as they lie.
    fn reads_columns(&self) -> bool {
        self.params.shuffle == Mixing::Blocks && self.network.is_linear()
    }

    /// The step that a batch of this weight at `offset` of any rank's order is: its number and rate are functions of the
    /// position, equal for all ranks and in both modes.
    fn step_at(&self, epoch: u64, offset: u64, weight: f64) -> StepAt {
        let rate = match is_constant(&self.params) {
            true => self.params.learning_rate,
            false => rate(&self.params, self.schedule.positions(epoch, offset), self.schedule.last_position()),
        };
        StepAt { number: self.schedule.step_number(epoch, offset), rate, scale: (1.0 / weight) as f32 }
    }

    /// Whether a state has an outer momentum: several ranks that are averaged.
    fn has_outer_step(&self) -> bool {
        self.params.ranks > 1 && self.params.averaging_mode == AveragingMode::Average
    }

    fn rows_of(&self, part: Part) -> Option<u64> {
        match part {
            Part::Train => Some(self.rows.train),
            Part::Validation => self.rows.validation,
            Part::Holdout => self.rows.holdout,
            Part::Test => self.rows.test,
        }
    }

    /// A state's vector by name, checked to be of this trial.
    fn vector<'a>(&self, state: &'a State, name: &str) -> Result<&'a [f32], Error> {
        let found =
            state.vectors.iter().find(|vector| vector.name == name && vector.values.len() == self.network.len());
        found.map(|vector| &*vector.values).ok_or_else(|| self.no_vector(name))
    }

    fn vector_mut<'a>(&self, state: &'a mut State, name: &str) -> Result<&'a mut Vec<f32>, Error> {
        let len = self.network.len();
        let found = state.vectors.iter_mut().find(|vector| vector.name == name && vector.values.len() == len);
        found.map(|vector| &mut vector.values).ok_or_else(|| self.no_vector(name))
    }

    /// The error of what a state led to.
    fn diverged(&self, state: &State) -> Error {
        let Record { round, position, loss, .. } = state.record;
        Error::Diverged { round, position, last_loss: loss }
    }

    fn no_vector(&self, name: &str) -> Error {
        Error::State { name: name.into(), len: self.network.len() }
    }
}

#[cfg(test)]
mod tests;
