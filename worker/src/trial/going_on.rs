//! Where a trial goes on: the state that it begins from, its own or fetched.

use aquifer_model::{Kind, Report, Snapshot};
use aquifer_proto::v1::{self, HeldState};
use aquifer_proto::{
    PEER_LOST, PROTOCOL_VERSION, RECEIVED_BYTES_MAX, STATE_LOST, StateFrom, from_status, is_of_the_way,
};
use tokio_stream::StreamExt;
use tonic::Status;
use tracing::{info, warn};

use super::seat::Seat;
use super::{End, Node};

/// Puts every trial where the coordinator says that it goes on.
pub(super) async fn take_states(node: &Node, job: &str, seats: &mut [Seat]) -> Result<(), End> {
    for seat in seats {
        let Some(from) = seat.plan.from.clone() else { continue };
        let identity = seat.plan.identity.clone();
        let snapshot = find(node, job, &identity, &from).await?;
        aquifer_fault::kill_point("worker.state.taken");
        seat.go_on_from(snapshot).map_err(|reason| nowhere(&identity, &from, &reason))?;
        info!(identity, round = from.round, "goes on");
    }
    Ok(())
}

/// Asks whoever may have it. What nobody has is lost; who could not be asked may still have it.
async fn find(node: &Node, job: &str, identity: &str, from: &StateFrom) -> Result<Snapshot, End> {
    if let Some(own) = node.states.get(identity, from.round) {
        return Ok(Snapshot::clone(&own));
    }
    let read = |bytes: Vec<u8>| {
        let damaged = |reason: String| Report::new(Kind::Work, "damaged_transfer", reason);
        let read = Snapshot::from_bytes(&bytes).map_err(|error| damaged(error.to_string()))?;
        let named = read.identity == identity && read.state.record.round == from.round;
        named.then_some(read).ok_or_else(|| damaged("it is another one than its name says".into()))
    };
    let (mut unasked, mut reason) = (None, "nobody holds it".to_owned());
    let others = from.holders.iter().filter(|address| **address != node.shards.own_address);
    // A holder that has left meanwhile has handed it to the coordinator.
    for place in others.map(Some).chain([None]) {
        let fetched = match place {
            Some(address) => from_peer(node, address, identity, from.round).await,
            None => from_coordinator(node, job, identity, from.round).await,
        };
        match fetched.and_then(read) {
            Ok(snapshot) => return Ok(snapshot),
            Err(report) => {
                let place = place.map_or("the coordinator", |address| address);
                warn!(identity, round = from.round, place, report = %report.whole(), "a state is not had from there");
                match is_of_the_way(&report) {
                    true => unasked = Some(format!("{place}: {report}")),
                    false => reason = format!("{place}: {report}"),
                }
            }
        }
    }
    match unasked {
        Some(why) => {
            let message =
                format!("who may hold the state of trial {identity} in round {} is not reached: {why}", from.round);
            Err(End::Failed(Report::new(Kind::Work, PEER_LOST, message)))
        }
        None => Err(nowhere(identity, from, &reason)),
    }
}

fn nowhere(identity: &str, from: &StateFrom, reason: &str) -> End {
    let message = format!("the state of trial {identity} in round {} cannot be had: {reason}", from.round);
    let state = HeldState { identity: identity.to_owned(), round: from.round };
    End::StateLost { state: Box::new(state), report: Report::new(Kind::Work, STATE_LOST, message) }
}

async fn from_peer(node: &Node, address: &str, identity: &str, round: u64) -> Result<Vec<u8>, Report> {
    let mut client = node.shards.links.peer(address).await?;
    let header = v1::Header { protocol_version: PROTOCOL_VERSION, ..v1::Header::default() };
    let request = v1::FetchStateRequest { header: Some(header), identity: identity.to_owned(), round };
    let pieces = client.fetch_state(request).await.map_err(|status| from_status(&status, FETCHING))?;
    collect(pieces.into_inner(), |piece| piece.data).await
}

async fn from_coordinator(node: &Node, job: &str, identity: &str, round: u64) -> Result<Vec<u8>, Report> {
    let mut client = node.shards.links.coordinator(&node.shards.coordinator).await?;
    let header = v1::Header { protocol_version: PROTOCOL_VERSION, ..v1::Header::default() };
    let state = Some(HeldState { identity: identity.to_owned(), round });
    let request = v1::FetchCheckpointRequest { header: Some(header), job: job.to_owned(), state };
    let pieces = client.fetch_checkpoint(request).await.map_err(|status| from_status(&status, FETCHING))?;
    collect(pieces.into_inner(), |piece| piece.data).await
}

const FETCHING: &str = "fetching a state";

async fn collect<T>(
    mut pieces: impl tokio_stream::Stream<Item = Result<T, Status>> + Unpin,
    data: impl Fn(T) -> Vec<u8>,
) -> Result<Vec<u8>, Report> {
    let mut bytes = Vec::new();
    while let Some(piece) = pieces.next().await {
        let piece = data(piece.map_err(|status| from_status(&status, FETCHING))?);
        if bytes.len() + piece.len() > RECEIVED_BYTES_MAX {
            let message = format!("a state has at most {RECEIVED_BYTES_MAX} bytes");
            return Err(Report::new(Kind::Work, "damaged_transfer", message));
        }
        bytes.extend_from_slice(&piece);
    }
    Ok(bytes)
}
