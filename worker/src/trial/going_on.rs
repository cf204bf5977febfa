//! Where a trial goes on: the state that it begins from, its own or fetched; and the states that are held when it stops.

use std::sync::Arc;

use aquifer_model::{Kind, Report, Snapshot};
use aquifer_proto::v1::{self, HeldState};
use aquifer_proto::{PROTOCOL_VERSION, STATE_LOST, StateFrom, from_status};
use tokio_stream::StreamExt;
use tonic::Status;
use tracing::{info, warn};

use super::Node;
use super::seat::Seat;

/// The largest state that is taken from another node: one of a billion weights and all that belongs to them.
const STATE_BYTES_MAX: usize = 16 << 30;

/// Puts every trial where the coordinator says that it goes on.
pub(super) async fn take_states(node: &Node, job: &str, seats: &mut [Seat]) -> Result<(), Report> {
    for seat in seats {
        let Some(from) = seat.plan.from.clone() else { continue };
        let identity = seat.plan.identity.clone();
        let snapshot = find(node, job, &identity, &from).await?;
        aquifer_fault::kill_point("worker.state.taken");
        seat.go_on_from(snapshot).map_err(|reason| lost(&identity, &from, &reason))?;
        info!(identity, round = from.round, "goes on");
    }
    Ok(())
}

async fn find(node: &Node, job: &str, identity: &str, from: &StateFrom) -> Result<Snapshot, Report> {
    let read = |bytes: &[u8]| {
        let read = Snapshot::from_bytes(bytes).map_err(|error| error.to_string())?;
        let named = read.identity == identity && read.state.record.round == from.round;
        named.then_some(read).ok_or_else(|| "it is another one than its name says".to_owned())
    };
    let mut reason = "nobody holds it".to_owned();
    let own: Option<Arc<Vec<u8>>> = node.states.get(identity, from.round);
    match own.map(|bytes| read(&bytes)) {
        Some(Ok(snapshot)) => return Ok(snapshot),
        Some(Err(error)) => reason = error,
        None => {}
    }
    for address in from.holders.iter().filter(|address| **address != node.shards.own_address) {
        match from_peer(node, address, identity, from.round).await.and_then(|bytes| read(&bytes)) {
            Ok(snapshot) => return Ok(snapshot),
            Err(error) => {
                warn!(identity, round = from.round, address, error, "a state could not be fetched");
                reason = error;
            }
        }
    }
    if from.checkpoint {
        match from_coordinator(node, job, identity, from.round).await.and_then(|bytes| read(&bytes)) {
            Ok(snapshot) => return Ok(snapshot),
            Err(error) => reason = error,
        }
    }
    Err(lost(identity, from, &reason))
}

fn lost(identity: &str, from: &StateFrom, reason: &str) -> Report {
    let message = format!("the state of trial {identity} in round {} cannot be had: {reason}", from.round);
    Report::new(Kind::Work, STATE_LOST, message)
}

async fn from_peer(node: &Node, address: &str, identity: &str, round: u64) -> Result<Vec<u8>, String> {
    let fetched = async {
        let mut client = node.shards.links.peer(address).await?;
        let header = v1::Header { protocol_version: PROTOCOL_VERSION, ..v1::Header::default() };
        let request = v1::FetchStateRequest { header: Some(header), identity: identity.to_owned(), round };
        let pieces = client.fetch_state(request).await.map_err(|status| from_status(&status, "fetching a state"))?;
        collect(pieces.into_inner(), |piece| piece.data).await
    };
    fetched.await.map_err(|report: Report| report.to_string())
}

async fn from_coordinator(node: &Node, job: &str, identity: &str, round: u64) -> Result<Vec<u8>, String> {
    let fetched = async {
        let mut client = node.shards.links.coordinator(&node.shards.coordinator).await?;
        let header = v1::Header { protocol_version: PROTOCOL_VERSION, ..v1::Header::default() };
        let state = Some(HeldState { identity: identity.to_owned(), round });
        let request = v1::FetchCheckpointRequest { header: Some(header), job: job.to_owned(), state };
        let pieces = client.fetch_checkpoint(request).await;
        let pieces = pieces.map_err(|status| from_status(&status, "fetching a checkpoint"))?;
        collect(pieces.into_inner(), |piece| piece.data).await
    };
    fetched.await.map_err(|report: Report| report.to_string())
}

async fn collect<T>(
    mut pieces: impl tokio_stream::Stream<Item = Result<T, Status>> + Unpin,
    data: impl Fn(T) -> Vec<u8>,
) -> Result<Vec<u8>, Report> {
    let mut bytes = Vec::new();
    while let Some(piece) = pieces.next().await {
        let piece = data(piece.map_err(|status| from_status(&status, "fetching a state"))?);
        if bytes.len() + piece.len() > STATE_BYTES_MAX {
            let message = format!("a state has at most {STATE_BYTES_MAX} bytes");
            return Err(Report::new(Kind::Work, "damaged_transfer", message));
        }
        bytes.extend_from_slice(&piece);
    }
    Ok(bytes)
}
