//! What a rank does in a training round: local steps, or one gradient.

use aquifer_model::params::AveragingMode;
use aquifer_model::{Partial, State, Values};

use super::{Context, Trial, Workspace};
use crate::crew::Crew;
use crate::kernels::Loop;
use crate::optimizer::{Lazy, Step, StepAt, moment_names, step};
use crate::round::TrainRound;
use crate::{Error, Rows};

/// What a rank's batches of a round add up to.
#[derive(Default)]
struct Sums {
    /// Σ row weights.
    weight: f64,
    /// Σ weighted losses.
    loss: f64,
    /// Rows computed on.
    samples: u64,
}

impl Trial {
    pub(super) fn map_train(
        &self,
        context: Context<'_>,
        round: TrainRound,
        rank: u32,
        rows: &mut dyn Rows,
        workspace: &mut Workspace,
    ) -> Result<Partial, Error> {
        let (state, crew, spare) = (context.state, context.crew, context.spare);
        let averages = self.params.averaging_mode == AveragingMode::Average;
        if averages {
            self.load(state, workspace)?;
        }
        let mut gradient = Vec::new();
        if !averages {
            gradient = spare.pop().unwrap_or_default();
            gradient.resize(self.network.len(), 0.0);
        }
        let mut sums = Sums::default();
        let range = self.schedule.rows(round, rank);
        for start in range.clone().step_by(self.params.mini_batch_size) {
            let end = range.end.min(start + self.params.mini_batch_size as u64);
            let batch = self.read(rows, round.epoch, start..end, workspace);
            let (weight, samples) = batch.map_err(|source| Error::Read { rank, source })?;
            if weight > 0.0 {
                let loss = if averages {
                    let loss = self.local_gradient(crew, round.epoch, workspace);
                    self.local_step(crew, self.step_at(round.epoch, start, weight), workspace);
                    loss
                } else {
                    let of = (&*context.prepared.weights, &*context.prepared.transposed);
                    self.gradient_into(crew, round.epoch, of, workspace, (&mut gradient, false))
                };
                sums.add(weight, samples, loss);
            }
        }
        let mut vectors = match averages {
            true => self.differences(state, sums.weight, workspace, spare)?,
            false => {
                if sums.weight == 0.0 {
                    gradient.fill(0.0);
                }
                vec![Values::F32(gradient)]
            }
        };
        vectors.extend([Values::F64(vec![sums.loss]), Values::U64(vec![sums.samples])]);
        Ok(Partial { weight: sums.weight, vectors })
    }

    /// Reads a batch; its weight and rows.
    fn read(
        &self,
        rows: &mut dyn Rows,
        epoch: u64,
        range: std::ops::Range<u64>,
        workspace: &mut Workspace,
    ) -> Result<(f64, usize), crate::ReadError> {
        let (weights, samples) = if self.reads_columns() {
            rows.columns(epoch, range, &mut workspace.columns)?;
            (&workspace.columns.weights, workspace.columns.with_target)
        } else {
            rows.shuffled(epoch, range, &mut workspace.batch)?;
            (&workspace.batch.weights, workspace.batch.rows)
        };
        Ok((weights.iter().map(|w| f64::from(*w)).sum(), samples))
    }

    /// Local copies of the state.
    fn load(&self, state: &State, workspace: &mut Workspace) -> Result<(), Error> {
        workspace.weights.copy_from_slice(self.vector(state, "weights")?);
        for (name, local) in moment_names(self.params.optimizer).iter().zip(&mut workspace.moments) {
            local.copy_from_slice(self.vector(state, name)?);
        }
        Ok(())
    }

    /// The transposed copies are made here, of weights that are others at every gradient.
    fn local_gradient(&self, crew: &dyn Crew, epoch: u64, workspace: &mut Workspace) -> f64 {
        // Taken out for the length of the call, as the gradient is written beside them.
        let weights = std::mem::take(&mut workspace.weights);
        let mut transposed = std::mem::take(&mut workspace.transposed);
        let mut gradient = std::mem::take(&mut workspace.gradient);
        if !self.reads_columns() {
            self.network.transpose(crew, &weights, &mut transposed);
        }
        let to = (&mut *gradient, self.params.lazy_adam);
        let loss = self.gradient_into(crew, epoch, (&weights, &transposed), workspace, to);
        (workspace.weights, workspace.transposed, workspace.gradient) = (weights, transposed, gradient);
        loss
    }

    /// The gradient of the batch that was read.
    fn gradient_into(
        &self,
        crew: &dyn Crew,
        epoch: u64,
        weights: (&[f32], &[f32]),
        workspace: &mut Workspace,
        (gradient, sparse): (&mut [f32], bool),
    ) -> f64 {
        let Workspace { batch, columns, buffers, linear, .. } = workspace;
        match self.reads_columns() {
            true => self.network.columns_gradient(weights.0, columns, linear, gradient),
            false => self.network.gradient(crew, weights, (batch, epoch), buffers, (gradient, sparse)),
        }
    }

    fn local_step(&self, crew: &dyn Crew, at: StepAt, workspace: &mut Workspace) {
        let Workspace { batch, columns, weights, moments, gradient, touched, .. } = workspace;
        touched.clear();
        if self.params.lazy_adam {
            touched.extend(if self.reads_columns() { &columns.indices } else { &batch.indices });
            touched.sort_unstable();
            touched.dedup();
        }
        let first = self.network.numeric();
        let lazy = self.params.lazy_adam.then_some(Lazy { first, touched });
        let (isa, layout) = (self.network.isa(), self.network.layout());
        step(crew, Step { isa, params: &self.params, layout, at, gradient, lazy, diverged: None }, weights, moments);
        // The gradient of one-hot inputs is zero again when the next one begins.
        for input in touched.iter().map(|input| *input as usize) {
            for panel in layout.layers()[0].panels() {
                gradient[panel.rows(input..input + 1)].fill(0.0);
            }
        }
    }

    /// Weight · (local − start) of weights and moments; the local ones themselves with a single rank.
    fn differences(
        &self,
        state: &State,
        weight: f64,
        workspace: &Workspace,
        spare: &mut Vec<Vec<f32>>,
    ) -> Result<Vec<Values>, Error> {
        let names = ["weights"].iter().chain(moment_names(self.params.optimizer));
        let locals = std::iter::once(&workspace.weights).chain(&workspace.moments);
        names
            .zip(locals)
            .map(|(name, local)| {
                let mut to = spare.pop().unwrap_or_default();
                to.resize(local.len(), 0.0);
                if self.params.ranks == 1 {
                    to.copy_from_slice(local);
                } else {
                    let (weight, start) = (weight as f32, self.vector(state, name)?);
                    self.network.isa().run(Difference { weight, local, start, to: &mut to });
                }
                Ok(Values::F32(to))
            })
            .collect()
    }
}

impl Sums {
    fn add(&mut self, weight: f64, rows: usize, loss: f64) {
        self.weight += weight;
        self.loss += loss;
        self.samples += rows as u64;
    }
}

/// weight · (local − start)
struct Difference<'a> {
    weight: f32,
    local: &'a [f32],
    start: &'a [f32],
    to: &'a mut [f32],
}

impl Loop for Difference<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        for ((to, local), start) in self.to.iter_mut().zip(self.local).zip(self.start) {
            *to = self.weight * (local - start);
        }
    }
}
