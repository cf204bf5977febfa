//! What reaches a trial, and the name under which it is reached.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use aquifer_model::Report;
use aquifer_proto::v1::{ExchangeRequest, Generation};
use tokio::sync::mpsc::UnboundedSender;

/// What arrives in a trial's inbox.
pub(crate) enum TrialEvent {
    Message(Box<ExchangeRequest>),
    /// A member has all that was sent to it.
    Delivered {
        member: usize,
    },
    PeerLost {
        member: usize,
        report: Report,
    },
    /// One trial of the cohort is not needed any more, or has failed elsewhere.
    Drop {
        trial: usize,
    },
    Stop,
}

/// The way to a trial.
#[derive(Clone)]
pub(crate) struct Inbox {
    pub(crate) sender: UnboundedSender<TrialEvent>,
    /// Set before [`TrialEvent::Stop`] is sent: work that takes long looks at it.
    pub(crate) stop: Arc<AtomicBool>,
}

impl Inbox {
    pub(crate) fn is_told_to_stop(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    /// Asks the trial to end.
    pub(crate) fn stop(&self) {
        self.stop.store(true, Ordering::Relaxed);
        let _ = self.sender.send(TrialEvent::Stop);
    }
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
