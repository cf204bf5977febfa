//! What other workers ask of this one.

use std::pin::Pin;

use aquifer_model::{Kind, Report};
use aquifer_proto::v1;
use aquifer_proto::v1::peer_server::Peer;
use aquifer_proto::{CHUNK_BYTES, PROTOCOL_VERSION, file_chunks, from_status, in_place, next_piece, to_status};
use tokio::sync::mpsc::UnboundedSender;
use tokio_stream::{Stream, StreamExt};
use tonic::{Request, Response, Status, Streaming};
use tracing::warn;

use crate::inbox::{GenerationId, TrialEvent};
use crate::registry::Registry;
use crate::states::States;
use crate::store::Store;

pub(crate) struct PeerService {
    pub(crate) registry: Registry,
    pub(crate) store: Store,
    pub(crate) states: States,
}

/// What a trial hears from a peer. That it broke is said however it did: read as an error, or the call was dropped together with
/// its connection. What was on its way is lost then, and the peer may have ended: nobody else would say so.
struct Heard {
    inbox: UnboundedSender<TrialEvent>,
    job: String,
    member: usize,
    /// Why, until the stream has come to its end.
    broke: Option<Report>,
}

impl Drop for Heard {
    fn drop(&mut self) {
        let Some(report) = self.broke.take() else { return };
        let lost = TrialEvent::PeerLost { member: self.member, report: report.clone() };
        // A trial that has ended misses nothing.
        if self.inbox.send(lost).is_ok() {
            warn!(job = self.job, member = self.member, report = %report.whole(), "a stream from a peer broke");
        }
    }
}

#[tonic::async_trait]
impl Peer for PeerService {
    async fn exchange(
        &self,
        request: Request<Streaming<v1::ExchangeRequest>>,
    ) -> Result<Response<v1::ExchangeResponse>, Status> {
        let mut messages = request.into_inner();
        let Some(first) = next_piece(&mut messages).await? else { return Ok(Response::new(v1::ExchangeResponse {})) };
        let generation = first.generation.clone().ok_or_else(|| Status::invalid_argument("generation: missing"))?;
        let id: GenerationId = generation.into();
        let inbox = self.registry.wait_for(&id).await.map_err(|report| to_status(&report))?;
        let (job, member) = (id.trial.clone(), first.member as usize);
        let report = Report::new(Kind::Access, "exchange", "exchange: the connection ended");
        let mut heard = Heard { inbox, job, member, broke: Some(report) };
        let mut next = Some(first);
        while let Some(message) = next {
            check_version(message.header.as_ref())?;
            if message.generation.clone().map(Into::into).as_ref() != Some(&id) {
                return Err(Status::failed_precondition("a stream carries one generation"));
            }
            // The inbox is bounded by the exchange itself: a peer is at most one round ahead.
            let told = heard.inbox.send(TrialEvent::Message(Box::new(message)));
            told.map_err(|_| Status::cancelled("the trial has ended"))?;
            next =
                messages.message().await.inspect_err(|status| heard.broke = Some(from_status(status, "exchange")))?;
        }
        heard.broke = None;
        Ok(Response::new(v1::ExchangeResponse {}))
    }

    type FetchShardStream = Pin<Box<dyn Stream<Item = Result<v1::FetchShardResponse, Status>> + Send>>;

    async fn fetch_shard(
        &self,
        request: Request<v1::FetchShardRequest>,
    ) -> Result<Response<Self::FetchShardStream>, Status> {
        let request = request.into_inner();
        check_version(request.header.as_ref())?;
        aquifer_fault::kill_point("worker.shard.asked");
        let path = self.store.shard_path(&request.shard).ok_or_else(|| Status::invalid_argument("shard: no hash"))?;
        let pieces = file_chunks(&path).await.map_err(|_| Status::not_found("no such shard here"))?;
        Ok(Response::new(Box::pin(pieces.map(|data| Ok(v1::FetchShardResponse { data: data? })))))
    }

    type FetchStateStream = Pin<Box<dyn Stream<Item = Result<v1::FetchStateResponse, Status>> + Send>>;

    async fn fetch_state(
        &self,
        request: Request<v1::FetchStateRequest>,
    ) -> Result<Response<Self::FetchStateStream>, Status> {
        let v1::FetchStateRequest { header, identity, round } = request.into_inner();
        check_version(header.as_ref())?;
        aquifer_fault::kill_point("worker.state.asked");
        let held = self.states.get(&identity, round).ok_or_else(|| Status::not_found("no such state here"))?;
        let bytes = in_place(|| held.to_bytes());
        let pieces = (0..bytes.len().div_ceil(CHUNK_BYTES)).map(move |piece| {
            let from = piece * CHUNK_BYTES;
            Ok(v1::FetchStateResponse { data: bytes[from..bytes.len().min(from + CHUNK_BYTES)].to_vec() })
        });
        Ok(Response::new(Box::pin(tokio_stream::iter(pieces))))
    }
}

fn check_version(header: Option<&v1::Header>) -> Result<(), Status> {
    match header.map_or(0, |header| header.protocol_version) {
        PROTOCOL_VERSION => Ok(()),
        other => Err(Status::failed_precondition(format!("protocol version {other}, expected {PROTOCOL_VERSION}"))),
    }
}
