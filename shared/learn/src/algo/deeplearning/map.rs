//! What a rank does in a training round: local steps, or one gradient.

use aquifer_model::params::AveragingMode;
use aquifer_model::{Partial, State, Values};

use super::{Trial, Workspace};
use crate::kernels::Loop;
use crate::optimizer::{StepAt, moment_names, step};
use crate::round::TrainRound;
use crate::{Error, Isa, Rows};

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
        state: &State,
        round: TrainRound,
        rank: u32,
        rows: &mut dyn Rows,
        workspace: &mut Workspace,
    ) -> Result<Partial, Error> {
        let averages = self.params.averaging_mode == AveragingMode::Average;
        self.load(state, averages, workspace)?;
        let mut sums = Sums::default();
        let range = self.schedule.rows(round, rank);
        for start in range.clone().step_by(self.params.mini_batch_size) {
            let end = range.end.min(start + self.params.mini_batch_size as u64);
            let batch = &mut workspace.batch;
            rows.shuffled(round.epoch, start..end, batch).map_err(|source| Error::Read { rank, source })?;
            let weight: f64 = batch.weights.iter().map(|w| f64::from(*w)).sum();
            if weight > 0.0 {
                sums.add(weight, batch.rows, self.batch_gradient(round.epoch, workspace));
                if averages {
                    self.local_step(self.step_at(round.epoch, start, weight), workspace);
                }
            }
        }
        let mut vectors = match averages {
            true => self.differences(state, sums.weight, workspace)?,
            false if sums.weight > 0.0 => vec![Values::F32(workspace.gradient.to_vec())],
            false => vec![Values::F32(vec![0.0; self.network.len()])],
        };
        vectors.extend([Values::F64(vec![sums.loss]), Values::U64(vec![sums.samples])]);
        Ok(Partial { weight: sums.weight, vectors })
    }

    /// Local copies of the state. Without local steps no moment is looked at.
    fn load(&self, state: &State, averages: bool, workspace: &mut Workspace) -> Result<(), Error> {
        workspace.weights.copy_from_slice(self.vector(state, "weights")?);
        if !averages {
            return Ok(());
        }
        for (name, local) in moment_names(self.params.optimizer).iter().zip(&mut workspace.moments) {
            local.copy_from_slice(self.vector(state, name)?);
        }
        Ok(())
    }

    /// The transposed copies are made here, of weights that are others at every gradient.
    fn batch_gradient(&self, epoch: u64, workspace: &mut Workspace) -> f64 {
        let Workspace { batch, weights, transposed, gradient, buffers, .. } = workspace;
        self.network.transpose(weights, transposed);
        self.network.gradient((weights, transposed), batch, epoch, buffers, gradient)
    }

    fn local_step(&self, at: StepAt, workspace: &mut Workspace) {
        let Workspace { weights, moments, gradient, .. } = workspace;
        step(self.network.isa(), &self.params, self.network.layout(), at, weights, moments, gradient);
    }

    /// Weight · (local − start) of weights and moments; the local ones themselves with a single rank.
    fn differences(&self, state: &State, weight: f64, workspace: &Workspace) -> Result<Vec<Values>, Error> {
        let names = ["weights"].iter().chain(moment_names(self.params.optimizer));
        let locals = std::iter::once(&workspace.weights).chain(&workspace.moments);
        names
            .zip(locals)
            .map(|(name, local)| match self.params.ranks {
                1 => Ok(Values::F32(local.to_vec())),
                _ => Ok(Values::F32(difference(self.network.isa(), weight as f32, local, self.vector(state, name)?))),
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
fn difference(isa: Isa, weight: f32, local: &[f32], start: &[f32]) -> Vec<f32> {
    let mut difference = local.to_vec();
    isa.run(Difference { weight, local: &mut difference, start });
    difference
}

struct Difference<'a> {
    weight: f32,
    local: &'a mut [f32],
    start: &'a [f32],
}

impl Loop for Difference<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        self.local.iter_mut().zip(self.start).for_each(|(local, start)| *local = self.weight * (*local - start));
    }
}
