//! What a rank does in a scoring round: forward without dropout over its blocks of the part.

use aquifer_frame::{Batch, block_count, rank_blocks};
use aquifer_model::{Accumulator, Family, Part, Partial, Score, Scoring, State, VectorSpec};

use super::{Trial, Workspace};
use crate::objective::Outcome;
use crate::{Error, Rows};

impl Trial {
    pub(super) fn score_vectors(&self) -> Vec<VectorSpec> {
        Scoring::of(&self.encoding).vectors()
    }

    /// A part has blocks of its own; with fewer of them than ranks some ranks have none.
    pub(super) fn map_score(
        &self,
        state: &State,
        part: Part,
        rank: u32,
        rows: &mut dyn Rows,
        workspace: &mut Workspace,
    ) -> Result<Partial, Error> {
        let weights = self.vector(state, "weights")?;
        let mut accumulator = Scoring::of(&self.encoding).accumulator();
        let blocks = block_count(self.rows_of(part).unwrap_or(0));
        for block in rank_blocks(rank, self.params.ranks, blocks) {
            rows.block(block, &mut workspace.batch).map_err(|source| Error::Read { rank, source })?;
            self.score_batch(state, weights, workspace, &mut accumulator)?;
            accumulator.end_block(block);
        }
        Ok(accumulator.into_partial())
    }

    pub(super) fn update_score(&self, state: &mut State, part: Part, total: Option<Partial>) {
        let scoring = Scoring::of(&self.encoding);
        let total = total.unwrap_or_else(|| scoring.accumulator().into_partial());
        let metrics = scoring.metrics(&total);
        state.record.scores.push(Score { part, position: state.record.position, metrics });
    }

    fn score_batch(
        &self,
        state: &State,
        weights: &[f32],
        workspace: &mut Workspace,
        accumulator: &mut Accumulator,
    ) -> Result<(), Error> {
        let Workspace { batch, buffers, outputs, derivatives, losses, .. } = workspace;
        outputs.clear();
        self.network.predict_into(weights, batch, buffers, outputs);
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
                    accumulator.add_regression(self.network.value(z[0]), self.network.value(*y), *weight);
                }
            }
        }
    }
}
