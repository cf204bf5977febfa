//! Workers' sessions: their word becomes events, the core's commands become messages.

use std::pin::Pin;

use aquifer_model::{Kind, Model, Report, Score, Snapshot, fit_hash};
use aquifer_proto::v1::membership_server::Membership;
use aquifer_proto::v1::{self, session_request, session_response};
use aquifer_proto::{PROTOCOL_VERSION, Scope, Shown, Token, Tokens, in_place, next_piece, to_status};
use std::sync::{Arc, Mutex};
use tokio::sync::Semaphore;
use tokio_stream::{Stream, StreamExt, wrappers::UnboundedReceiverStream};
use tonic::{Request, Response, Status, Streaming};
use tracing::{Instrument, info_span, warn};

use super::checks::{check_event, check_registration};
use super::jobs::{other_version, stored_file};
use super::received::Received;
use super::words::{events_of, message_of, registration};
use super::{status, stopping};
use crate::core::{Event, FileRef, JobId, LEASE, StoredModel, WorkerId};
use crate::driver::Handle;
use crate::store::{Store, check_room};

/// Words of a worker that wait for the driver: one that says more, and faster, is listened to more slowly.
const UNREAD_MAX: usize = 64;

pub(crate) struct MembershipService {
    pub(crate) handle: Handle,
    pub(crate) store: Store,
    pub(crate) term: u64,
    /// The hash that a worker's self-test must give: the first worker's, unless it was set.
    pub(crate) self_test: Mutex<Option<String>>,
    pub(crate) next_worker: Arc<Mutex<u64>>,
    pub(crate) peer_token: Token,
    pub(crate) tokens: Tokens,
    /// Whoever sends a checkpoint has it.
    pub(crate) checkpoints: Semaphore,
    /// … or a model.
    pub(crate) models: Semaphore,
}

type Responses<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>;

#[tonic::async_trait]
impl Membership for MembershipService {
    type SessionStream = Responses<v1::SessionResponse>;

    async fn session(
        &self,
        request: Request<Streaming<v1::SessionRequest>>,
    ) -> Result<Response<Self::SessionStream>, Status> {
        let shown = Shown::of(request.metadata());
        let mut messages = request.into_inner();
        let first = next_piece(&mut messages)
            .await?
            .ok_or_else(|| Status::invalid_argument("a session begins with Register"))?;
        let version = first.header.as_ref().map_or(0, |header| header.protocol_version);
        if version != PROTOCOL_VERSION {
            return Err(status(other_version("worker", version)));
        }
        let Some(session_request::Message::Register(register)) = first.message else {
            return Err(Status::invalid_argument("a session begins with Register"));
        };
        let self_test = register.self_test.clone();
        let registration = registration(register);
        check_registration(&registration, &self_test).map_err(status)?;
        self.check_self_test(&self_test).map_err(status)?;
        let node = registration.node.clone();
        let refusal = self.handle.ask(move |state| state.refusal(&node)).await.ok_or_else(stopping)?;
        refusal.map_or(Ok(()), |report| Err(status(report)))?;
        aquifer_fault::kill_point("coordinator.worker.registers");
        let (worker, incarnation) = self.next_worker();
        let commands = self.handle.open_session(&worker);
        self.handle.send(Event::WorkerRegistered { worker: worker.clone(), incarnation, registration });

        let handle = self.handle.clone();
        let reader = worker.clone();
        let said_by = info_span!("session", term = self.term, %worker);
        let tokens = self.tokens.clone();
        let may_stay = move || {
            let scope = shown.as_ref().and_then(|shown| tokens.scope_now(shown));
            scope.is_some_and(|scope| scope.allows(Scope::Worker))
        };
        let read = async move {
            let mut unread = 0;
            let reason = loop {
                match messages.message().await {
                    Ok(Some(v1::SessionRequest { message: Some(session_request::Message::Renew(_)), .. }))
                        if !may_stay() =>
                    {
                        break "its token was struck out".to_owned();
                    }
                    Ok(Some(message)) => {
                        let events = message.message.map_or_else(Vec::new, |message| events_of(&reader, message));
                        if let Err(wrong) = events.iter().try_for_each(check_event) {
                            warn!(wrong, "the worker is disconnected: it sent what no worker sends");
                            break format!("it was disconnected, for it sent {wrong}");
                        }
                        events.into_iter().for_each(|event| handle.send(event));
                        unread += 1;
                        if unread == UNREAD_MAX {
                            unread = 0;
                            if handle.ask(|_| ()).await.is_none() {
                                break "the coordinator is stopping".to_owned();
                            }
                        }
                    }
                    Ok(None) => break "its session ended: the process stopped or was killed".to_owned(),
                    Err(error) => break format!("its session broke: {}", error.message()),
                }
            };
            handle.close_session(&reader);
            handle.send(Event::WorkerGone { worker: reader, reason });
        };
        tokio::spawn(read.instrument(said_by));

        let term = self.term;
        let welcome = session_response::Message::Registered(v1::Registered {
            worker: worker.0,
            incarnation,
            lease_ms: LEASE.as_millis() as u32,
            peer_token: self.peer_token.secret().to_owned(),
            tokens: self.tokens.lines(),
        });
        let commands = UnboundedReceiverStream::new(commands).map(move |command| message_of(term, command));
        let header = move |message| {
            let header = v1::Header { protocol_version: PROTOCOL_VERSION, term, incarnation: 0 };
            Ok(v1::SessionResponse { header: Some(header), message: Some(message) })
        };
        let stream = tokio_stream::once(welcome).chain(commands).map(header);
        Ok(Response::new(Box::pin(stream)))
    }

    async fn put_model(
        &self,
        request: Request<Streaming<v1::PutModelRequest>>,
    ) -> Result<Response<v1::PutModelResponse>, Status> {
        let mut pieces = request.into_inner();
        let mut first = next_piece(&mut pieces).await?;
        let head = first.as_ref().and_then(|message| message.header.zip(message.generation.clone()));
        let (header, generation) = self.check_head(head)?;
        let trial = first.as_ref().map_or(0, |message| message.trial) as usize;
        let job = JobId(generation.trial);
        let (of, number) = (job.clone(), generation.number);
        // Only the holder of rank 0 of the generation that runs has a model to give.
        let holder = self.handle.ask(move |state| state.holder_of_first_rank(&of, number)).await;
        if holder.ok_or_else(stopping)? != Some(header.incarnation) {
            return Err(Status::failed_precondition("the sender does not hold rank 0 of a running trial"));
        }
        let _one = self.models.acquire().await.map_err(|_| stopping())?;
        aquifer_fault::kill_point("coordinator.model.begun");
        let mut received = Received::new(self.store.begin_model(&job).map_err(status)?);
        let mut scores_json = Vec::new();
        while let Some(piece) = first.take() {
            received.take(&piece.data)?;
            received.count(piece.scores_json.len())?;
            scores_json.extend_from_slice(&piece.scores_json);
            first = next_piece(&mut pieces).await?;
        }
        let Received { file, bytes, .. } = received;
        // Workers are trusted less than the coordinator: what they call a model is read before it is one.
        aquifer_fault::kill_point("coordinator.model.received");
        let read = in_place(|| Model::from_bytes(&bytes));
        let model = read.map_err(|error| to_status(&error.into()))?;
        let scores = read_scores(&scores_json, &model)?;
        let (path, model_blake3) =
            in_place(|| file.finish(|hash| self.store.model_path(&job, hash))).map_err(status)?;
        let fit_blake3 = fit_hash(&model).map_err(|error| to_status(&error.into()))?;
        let model =
            StoredModel { path, model_blake3, fit_blake3, scores, numeric_class: model.numeric_class, kept: true };
        aquifer_fault::kill_point("coordinator.model.unsaid");
        self.handle.send(Event::ModelStored { job, number, trial, model });
        aquifer_fault::kill_point("coordinator.model.stored");
        Ok(Response::new(v1::PutModelResponse {}))
    }

    async fn put_checkpoint(
        &self,
        request: Request<Streaming<v1::PutCheckpointRequest>>,
    ) -> Result<Response<v1::PutCheckpointResponse>, Status> {
        let mut pieces = request.into_inner();
        let mut first = next_piece(&mut pieces).await?;
        let head = first.as_ref().and_then(|message| message.header.zip(message.generation.clone()));
        let (header, generation) = self.check_head(head)?;
        let state = first.as_ref().and_then(|message| message.state.clone()).unwrap_or_default();
        let job = JobId(generation.trial);
        let (of, identity) = (job.clone(), state.identity.clone());
        let is_needed = self.handle.ask(move |state| state.needs_state(&of, &identity, header.incarnation));
        if self.store.checkpoint_path(&job, &state.identity, state.round).is_none()
            || !is_needed.await.ok_or_else(stopping)?
        {
            return Err(Status::failed_precondition("there is no such trial at work"));
        }
        // One after the other: each is in memory until it is believed.
        let _one = self.checkpoints.acquire().await.map_err(|_| stopping())?;
        aquifer_fault::kill_point("coordinator.checkpoint.begun");
        let mut received = Received::new(self.store.begin_checkpoint(&job).map_err(status)?);
        let folder = self.store.checkpoint_folder(&job);
        while let Some(piece) = first.take() {
            in_place(|| check_room(&folder, piece.data.len())).map_err(status)?;
            received.take(&piece.data)?;
            first = next_piece(&mut pieces).await?;
        }
        let Received { file, bytes, .. } = received;
        // It is read before it is believed.
        let read = in_place(|| Snapshot::verify(&bytes)).map_err(|error| status(unreadable("state", &error)))?;
        let v1::HeldState { identity, round } = state;
        if read != (identity.clone(), round) {
            return Err(Status::invalid_argument("the state is another one than its name says"));
        }
        let kept = in_place(|| self.store.keep_checkpoint(file, &job, &identity, round));
        kept.map_err(status)?;
        self.handle.record.checkpointed(bytes.len() as u64);
        aquifer_fault::kill_point("coordinator.checkpoint.stored");
        self.handle.send(Event::CheckpointStored { job, identity, round });
        self.handle.ask(|_| ()).await.ok_or_else(stopping)?;
        Ok(Response::new(v1::PutCheckpointResponse {}))
    }

    type FetchCheckpointStream = Responses<v1::FetchCheckpointResponse>;

    async fn fetch_checkpoint(
        &self,
        request: Request<v1::FetchCheckpointRequest>,
    ) -> Result<Response<Self::FetchCheckpointStream>, Status> {
        let v1::FetchCheckpointRequest { job, state, .. } = request.into_inner();
        let (job, v1::HeldState { identity, round }) = (JobId(job), state.unwrap_or_default());
        let of = job.clone();
        let known = self.handle.ask(move |state| state.job(&of).is_some()).await.ok_or_else(stopping)?;
        aquifer_fault::kill_point("coordinator.checkpoint.fetched");
        let path = self.store.checkpoint_path(&job, &identity, round).filter(|path| known && path.exists());
        let path = path.ok_or_else(|| Status::not_found("there is no such state here"))?;
        let pieces = stored_file(&path).await?;
        Ok(Response::new(Box::pin(pieces.map(|data| Ok(v1::FetchCheckpointResponse { data: data? })))))
    }

    type FetchUploadStream = Responses<v1::FetchUploadResponse>;

    async fn fetch_upload(
        &self,
        request: Request<v1::FetchUploadRequest>,
    ) -> Result<Response<Self::FetchUploadStream>, Status> {
        let file = FileRef {
            path: String::new(),
            size_bytes: 0,
            footer_hash: String::new(),
            upload: Some(request.into_inner().upload),
            partitions: Vec::new(),
        };
        let path = crate::planning::local_path(&self.store, &aquifer_frame::Roots::default(), &file).map_err(status)?;
        let pieces = stored_file(&path).await?;
        Ok(Response::new(Box::pin(pieces.map(|data| Ok(v1::FetchUploadResponse { data: data? })))))
    }
}

/// All scores of a model, which must be those that its file keeps a part of.
fn read_scores(json: &[u8], model: &Model) -> Result<Vec<Score>, Status> {
    let scores: Vec<Score> = serde_json::from_slice(json).map_err(|error| status(unreadable("scores", &error)))?;
    let kept = scores.iter().map(|score| Score { metrics: score.metrics.kept(), ..score.clone() });
    match kept.eq(model.scores.iter().cloned()) {
        true => Ok(scores),
        false => Err(Status::invalid_argument("the scores are not those of the model file")),
    }
}

fn unreadable(what: &str, error: &(dyn std::error::Error + 'static)) -> Report {
    Report::new(Kind::Data, "wire", format!("the {what} cannot be read")).caused_by(error)
}

impl MembershipService {
    /// A worker that computes other bits than the cluster would change a model: it is refused.
    fn check_self_test(&self, given: &str) -> Result<(), Report> {
        let mut expected = self.self_test.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        let expected = expected.get_or_insert_with(|| given.to_owned());
        if expected == given {
            return Ok(());
        }
        let message =
            format!("the worker's self-test gave {given}, the cluster's gives {expected}: it computes other bits");
        Err(Report::new(Kind::Access, "self_test", message)
            .hint("run the same aquifer on every node; if it is the same, this machine's arithmetic is at fault"))
    }

    /// The first message of a file says whose it is, in this term.
    fn check_head(&self, head: Option<(v1::Header, v1::Generation)>) -> Result<(v1::Header, v1::Generation), Status> {
        let (header, generation) = head.ok_or_else(|| Status::invalid_argument("the first message has no header"))?;
        match header.protocol_version == PROTOCOL_VERSION && generation.term == self.term {
            true => Ok((header, generation)),
            false => Err(Status::failed_precondition("the message is of another version or term")),
        }
    }

    fn next_worker(&self) -> (WorkerId, u64) {
        let mut next = self.next_worker.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        *next += 1;
        // Zero-padded, so that the order of names is the order of registration.
        (WorkerId(format!("worker-{:04}", *next)), *next)
    }
}
