//! What all ranks of a round read, made once.

use aquifer_model::State;
use aquifer_model::params::AveragingMode;

use super::Trial;
use crate::Error;
use crate::crew::{Crew, each};
use crate::network::Aligned;
use crate::round::RoundKind;

/// Copies of a state's weights, for rounds in which they stay the same: those of gradients. Memory that is used again.
#[derive(Debug, Default)]
pub struct Prepared {
    pub(super) weights: Aligned,
    pub(super) transposed: Aligned,
}

/// Floats that one thread copies at once.
const PIECE: usize = 1 << 14;

impl Trial {
    /// Prepares the round after this state.
    pub fn prepare(&self, state: &State, prepared: &mut Prepared, crew: &dyn Crew) -> Result<(), Error> {
        let gradient = self.params.averaging_mode == AveragingMode::Gradient;
        if !gradient || !matches!(self.round(&state.record), RoundKind::Train(_)) {
            return Ok(());
        }
        let layout = self.network.layout();
        if prepared.weights.len() != layout.len() || prepared.transposed.len() != layout.transposed_len() {
            prepared.weights = Aligned::zeroed(layout.len());
            prepared.transposed = Aligned::zeroed(layout.transposed_len());
        }
        let weights = self.vector(state, "weights")?;
        let pieces = weights.chunks(PIECE).zip(prepared.weights.chunks_mut(PIECE)).collect();
        each(crew, pieces, |(from, to): (&[f32], &mut [f32])| to.copy_from_slice(from));
        if !self.reads_columns() {
            self.network.transpose(crew, weights, &mut prepared.transposed);
        }
        Ok(())
    }
}
