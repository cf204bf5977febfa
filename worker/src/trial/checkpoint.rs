//! Checkpoints: now and then the holder of rank 0 sends a state to the coordinator, while rounds go on. One trial of the
//! cohort after the other, so that one state more is in memory at a time.

use std::sync::Arc;
use std::time::Duration;

use aquifer_model::{Report, SnapshotOf};
use aquifer_proto::v1::{self, HeldState};
use aquifer_proto::{CHUNK_BYTES, PROTOCOL_VERSION, RECEIVED_BYTES_MAX, from_status};
use tokio::runtime::Handle;
use tokio::sync::oneshot;
use tracing::{debug, warn};

use super::Node;
use crate::budget::Reservation;
use crate::inbox::GenerationId;

/// A checkpoint costs at most this share of the time between two: 2 %.
const SHARE: u32 = 50;
/// The least time between two.
const INTERVAL_MIN: Duration = Duration::from_secs(1);

/// When the next one is due.
pub(super) struct Checkpoints {
    /// Rounds are computed on threads that have none.
    runtime: Handle,
    due: Option<Duration>,
    /// Comes when the one under way has been sent, with what it took.
    under_way: Option<oneshot::Receiver<Duration>>,
    /// Which trial of the cohort is next.
    next: usize,
}

impl Checkpoints {
    pub(super) fn new(runtime: Handle) -> Self {
        Self { runtime, due: None, under_way: None, next: 0 }
    }

    /// Whether one is to be made now.
    pub(super) fn are_due(&mut self, now: Duration) -> bool {
        if let Some(sent) = &mut self.under_way {
            match sent.try_recv() {
                Err(oneshot::error::TryRecvError::Empty) => return false,
                Ok(took) => self.due = Some(now + (took * SHARE).max(INTERVAL_MIN)),
                Err(oneshot::error::TryRecvError::Closed) => self.due = Some(now + INTERVAL_MIN),
            }
            self.under_way = None;
        }
        *self.due.get_or_insert(now + INTERVAL_MIN) <= now
    }

    /// The trial whose turn it is, of those that are there.
    pub(super) fn turn(&mut self, trials: &[usize]) -> Option<usize> {
        let next = trials.iter().copied().find(|at| *at >= self.next).or(trials.first().copied())?;
        self.next = next + 1;
        Some(next)
    }

    /// Sends a state beside the rounds; without memory for it there is no checkpoint now.
    pub(super) fn send(&mut self, node: &Node, id: &GenerationId, snapshot: SnapshotOf<'_>) {
        let began = node.clock.now();
        if snapshot.size() > RECEIVED_BYTES_MAX as u64 {
            if self.due.replace(Duration::MAX) != Some(Duration::MAX) {
                warn!(
                    bytes = snapshot.size(),
                    limit = RECEIVED_BYTES_MAX,
                    "the state is too large for checkpoints: none is made"
                );
            }
            return;
        }
        let Ok(reserved) = node.budget.reserve(snapshot.size()) else {
            self.due = Some(began + INTERVAL_MIN);
            return;
        };
        let state = HeldState { identity: snapshot.identity.to_owned(), round: snapshot.state.record.round };
        let (sent, under_way) = oneshot::channel();
        self.under_way = Some(under_way);
        let (bytes, node, id) = (Arc::new(snapshot.to_bytes()), node.clone(), id.clone());
        self.runtime.spawn(async move {
            let _reserved: Reservation = reserved;
            let put = put(&node, &id, &state, bytes.clone()).await;
            let took = node.clock.now() - began;
            match put {
                Ok(()) => {
                    debug!(identity = state.identity, round = state.round, bytes = bytes.len(), ?took, "checkpoint")
                }
                Err(report) => {
                    warn!(identity = state.identity, round = state.round, report = %report.whole(), "a checkpoint is not kept")
                }
            }
            let _ = sent.send(took);
        });
    }
}

/// Sends a state to the coordinator, which keeps it.
pub(crate) async fn put(node: &Node, id: &GenerationId, state: &HeldState, bytes: Arc<Vec<u8>>) -> Result<(), Report> {
    let header = v1::Header { protocol_version: PROTOCOL_VERSION, term: id.term, incarnation: node.incarnation };
    let mut head = Some((header, v1::Generation::from(id), state.clone()));
    // Made as they are sent: the state is in memory once.
    let pieces = (0..bytes.len().div_ceil(CHUNK_BYTES)).map(move |piece| {
        let (header, generation, state) = match head.take() {
            Some((header, generation, state)) => (Some(header), Some(generation), Some(state)),
            None => (None, None, None),
        };
        let from = piece * CHUNK_BYTES;
        let data = bytes[from..bytes.len().min(from + CHUNK_BYTES)].to_vec();
        v1::PutCheckpointRequest { header, generation, state, data }
    });
    aquifer_fault::kill_point("worker.state.handed");
    let mut client = node.shards.links.coordinator(&node.shards.coordinator).await?;
    let sent = client.put_checkpoint(tokio_stream::iter(pieces)).await;
    sent.map(drop).map_err(|status| from_status(&status, "sending a checkpoint"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_checkpoint_costs_a_fiftieth_at_most() {
        let mut checkpoints = Checkpoints::new(Handle::current());
        let at = Duration::from_millis;
        assert!(!checkpoints.are_due(at(0)) && !checkpoints.are_due(at(999)) && checkpoints.are_due(at(1000)));
        let (sent, under_way) = oneshot::channel();
        checkpoints.under_way = Some(under_way);
        assert!(!checkpoints.are_due(at(60_000)), "one is under way");
        sent.send(at(100)).unwrap();
        assert!(!checkpoints.are_due(at(60_000)), "it is counted from its end");
        assert!(!checkpoints.are_due(at(64_999)) && checkpoints.are_due(at(65_000)));
    }

    #[tokio::test]
    async fn trials_take_turns() {
        let mut checkpoints = Checkpoints::new(Handle::current());
        let turns: Vec<_> = (0..5).filter_map(|_| checkpoints.turn(&[0, 2, 5])).collect();
        assert_eq!(turns, [0, 2, 5, 0, 2]);
        assert_eq!(checkpoints.turn(&[]), None);
    }
}
