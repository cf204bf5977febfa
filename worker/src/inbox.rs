//! What reaches a trial, and the name under which it is reached.

use aquifer_model::{Partial, Report};
use aquifer_proto::v1::{ExchangeRequest, Generation};

/// What arrives in a trial's inbox.
pub(crate) enum TrialEvent {
    Mapped { rank: u32, result: Box<Result<Option<Partial>, Report>> },
    Message(Box<ExchangeRequest>),
    PeerLost { member: usize, report: Report },
    Stop,
}

/// Term and number of a trial's generation.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct GenerationId {
    pub(crate) term: u64,
    pub(crate) trial: String,
    pub(crate) number: u64,
}

impl From<Generation> for GenerationId {
    fn from(generation: Generation) -> Self {
        Self { term: generation.term, trial: generation.trial, number: generation.number }
    }
}

impl From<&GenerationId> for Generation {
    fn from(id: &GenerationId) -> Self {
        Self { term: id.term, trial: id.trial.clone(), number: id.number }
    }
}
