//! What a rank does in a scoring round: forward without dropout over its blocks of the part.

use std::ops::Range;

use aquifer_frame::{Batch, Target, block_count, rank_blocks};
use aquifer_model::params::Loss;
use aquifer_model::{Accumulator, Family, Part, Partial, Scoring, State, VectorSpec};

use super::{Context, Trial, Workspace};
use crate::crew::Crew;
use crate::objective::Outcome;
use crate::optimizer::moment_names;
use crate::{Error, Rows};

impl Trial {
    pub(super) fn score_vectors(&self) -> Vec<VectorSpec> {
        Scoring::of(&self.encoding).vectors()
    }

    /// A part has blocks of its own; with fewer of them than ranks some ranks have none.
    pub(super) fn map_score(
        &self,
        mut context: Context<'_>,
        part: Part,
        rank: u32,
        rows: &mut dyn Rows,
        workspace: &mut Workspace,
    ) -> Result<Partial, Error> {
        let mut accumulator = self.accumulator();
        for block in self.blocks(part, rank) {
            self.score_block(&mut context, (rank, block), rows, workspace, &mut accumulator)?;
        }
        Ok(accumulator.into_partial())
    }

    /// The blocks of a part that a rank scores.
    pub fn blocks(&self, part: Part, rank: u32) -> Range<u64> {
        rank_blocks(rank, self.params.ranks, block_count(self.rows_of(part).unwrap_or(0)))
    }

    /// What the blocks of a rank are summed up in; [`Accumulator::into_partial`] makes of it what [`Trial::map`] returns.
    pub fn accumulator(&self) -> Accumulator {
        Scoring::of(&self.encoding).accumulator()
    }

    /// Scores one of a rank's blocks, which come in ascending order: for who reads a block once for several trials.
    pub fn score_block(
        &self,
        context: &mut Context<'_>,
        (rank, block): (u32, u64),
        rows: &mut dyn Rows,
        workspace: &mut Workspace,
        accumulator: &mut Accumulator,
    ) -> Result<(), Error> {
        workspace.fit(&self.network, moment_names(self.params.optimizer).len(), self.params.lazy_adam);
        rows.block(block, &mut workspace.batch).map_err(|source| Error::Read { rank, source })?;
        let weights = self.scored_weights(context.state)?;
        self.score_batch(context.crew, (context.state, weights), workspace, accumulator)?;
        accumulator.end_block(block);
        Ok(())
    }

    pub(super) fn update_score(&self, state: &mut State, part: Part, total: Option<&Partial>) -> Result<(), Error> {
        let scoring = Scoring::of(&self.encoding);
        let metrics = match total {
            Some(total) => scoring.metrics(total),
            None => scoring.metrics(&scoring.accumulator().into_partial()),
        };
        self.take_score(state, part, metrics)
    }

    fn score_batch(
        &self,
        crew: &dyn Crew,
        (state, weights): (&State, &[f32]),
        workspace: &mut Workspace,
        accumulator: &mut Accumulator,
    ) -> Result<(), Error> {
        let Workspace { batch, buffers, outputs, derivatives, losses, .. } = workspace;
        outputs.clear();
        self.network.predict_into(crew, weights, batch, buffers, outputs);
        // Weights are finite, but sums of large ones may not be.
        if !outputs.iter().all(|z| z.is_finite()) {
            return Err(self.diverged(state));
        }
        derivatives.resize(outputs.len(), 0.0);
        losses.resize(batch.rows, 0.0);
        let outcome =
            Outcome { outputs, row: self.network.outputs(), targets: &batch.targets, weights: &batch.weights };
        self.network.objective().loss(self.network.isa(), outcome, derivatives, losses);
        self.add_rows(batch, outputs, losses, accumulator);
        Ok(())
    }

    fn add_rows(&self, batch: &Batch, outputs: &[f32], losses: &[f64], accumulator: &mut Accumulator) {
        let family = Scoring::of(&self.encoding).family;
        let rows = outputs.chunks_exact(self.network.outputs()).zip(&batch.targets).zip(&batch.weights).zip(losses);
        for (((z, y), weight), loss) in rows {
            match family {
                Family::Binomial => accumulator.add_binomial(z[0], *y as usize, *weight, *loss),
                Family::Multinomial { .. } => accumulator.add_multinomial(z, *y as usize, *weight, *loss),
                Family::Regression => {
                    let (prediction, actual) = (self.network.value(z[0]), self.network.value(*y));
                    accumulator.add_regression(prediction, actual, *weight, self.deviance(prediction - actual, *loss));
                }
            }
        }
    }

    /// What a row of a regression adds to the mean residual deviance (H2O's): the loss in use, in the target's own unit
    /// and without the ½ of a square. For the quadratic loss that is the squared error.
    fn deviance(&self, error: f64, loss: f64) -> f64 {
        match (self.params.loss, &self.encoding.target) {
            (Loss::Absolute, _) => error.abs(),
            (Loss::Huber { .. }, Target::Regression { deviation, .. }) => 2.0 * loss * (deviation * deviation),
            _ => error * error,
        }
    }
}

#[cfg(test)]
mod tests {
    use aquifer_model::Metrics;
    use aquifer_model::params::DeepLearning;

    use super::*;
    use crate::Isa;
    use crate::self_test::train;
    use crate::synthetic::Synthetic;

    fn scored(loss: Loss) -> Metrics {
        let data = Synthetic { rows: 2100, numeric: 5, slots: vec![3], classes: None, weighted: true, left_out: None };
        let params =
            DeepLearning { loss, hidden: vec![8], epochs: 1.0, averaging_interval: 1024, ..DeepLearning::default() };
        let trial = Trial::new(params, data.encoding(), data.part_rows(), Isa::detect()).unwrap();
        train(&trial, &data).unwrap().record.scores.remove(0).metrics
    }

    /// The target's deviation is 3, so an error of δ is one of 3 δ in its own unit.
    #[test]
    fn the_deviance_is_that_of_the_loss_in_use() {
        let near = |loss: Loss, of: &dyn Fn(&Metrics) -> f64| {
            let metrics = scored(loss);
            let (found, expected) = (metrics.mean_residual_deviance.unwrap(), of(&metrics));
            assert!((found - expected).abs() < 1e-5 * expected, "{loss:?}: {found}, not {expected}");
        };
        near(Loss::Auto, &|m| m.mse.unwrap());
        near(Loss::Absolute, &|m| m.mae.unwrap());
        // All errors are within δ, or (nearly) all beyond it.
        near(Loss::Huber { delta: 1e6 }, &|m| m.mse.unwrap());
        let small = 3.0 * 1e-6;
        near(Loss::Huber { delta: 1e-6 }, &|m| small * (2.0 * m.mae.unwrap() - small));
    }
}
