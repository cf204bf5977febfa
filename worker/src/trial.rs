//! A trial on this worker: one thread that takes it through its rounds. It maps nothing itself: ranks go to the executor,
//! partials to the exchange, messages to the peers.

use std::collections::BTreeMap;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use aquifer_frame::{EncodedFrame, Encoding, Reader, block_count, block_rows, rank_blocks};
use aquifer_learn::{Isa, PartRows, RoundKind, Trial, Workspace};
use aquifer_model::{Kind, Model, Part, Partial, Report, State};
use aquifer_proto::v1::{self, ExchangePhase, ExchangeRequest, SegmentPart};
use aquifer_proto::{CHUNK_BYTES, Clock, PROTOCOL_VERSION, Token, TrialPlan, exchange_messages, read_parts};
use tokio::sync::mpsc::UnboundedSender;
use tokio_stream::wrappers::UnboundedReceiverStream;
use tracing::{debug, warn};

use crate::core::{Exchange, Outgoing, Phase, Placement, Progress};
use crate::executor::Executor;
use crate::link;
use crate::registry::GenerationId;
use crate::session::Said;
use crate::shards::Shards;

/// Rounds between two comparisons of the members' states.
const STATE_CHECK_ROUNDS: u64 = 64;
/// One progress message in this time.
const PROGRESS_INTERVAL: Duration = Duration::from_millis(250);
/// A wait for peers is looked at this often.
const WAIT_STEP: Duration = Duration::from_millis(500);
/// No peer is waited for longer than this: a lost one is noticed by its session or its stream long before.
const PEER_WAIT_MAX: Duration = Duration::from_secs(1800);

/// What arrives in a trial's inbox.
pub(crate) enum TrialEvent {
    Mapped { rank: u32, result: Box<Result<Option<Partial>, Report>> },
    Message(Box<ExchangeRequest>),
    PeerLost { member: usize, report: Report },
    Stop,
}

/// How a trial ends early.
enum End {
    Stopped,
    Failed(Report),
}

impl From<Report> for End {
    fn from(report: Report) -> Self {
        End::Failed(report)
    }
}

/// What this worker lends to every trial.
#[derive(Clone)]
pub(crate) struct Node {
    pub(crate) shards: Shards,
    pub(crate) executor: Arc<dyn Executor>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) runtime: tokio::runtime::Handle,
    pub(crate) incarnation: u64,
    pub(crate) said: UnboundedSender<Said>,
}

/// What the coordinator said of this trial.
pub(crate) struct Assignment {
    pub(crate) id: GenerationId,
    pub(crate) members: Vec<v1::Member>,
    pub(crate) me: usize,
    pub(crate) plan: TrialPlan,
}

/// Runs a trial to its end, and says how it ended.
pub(crate) fn run(node: &Node, assignment: Assignment, events: Receiver<TrialEvent>, inbox: Sender<TrialEvent>) {
    let id = assignment.id.clone();
    let generation = || Some((&id).into());
    let ended = TrialRun::begin(node, assignment, events, inbox).and_then(TrialRun::run);
    let said = match ended {
        Ok(finished) => Said::Finished(v1::TrialFinished { generation: generation(), ..finished }),
        Err(End::Stopped) => {
            Said::Failed(v1::TrialFailed { generation: generation(), failure: None, stopped: true })
        }
        Err(End::Failed(report)) => {
            let failure = Some(v1::Failure { report_json: serde_json::to_string(&report).unwrap_or_default() });
            Said::Failed(v1::TrialFailed { generation: generation(), failure, stopped: false })
        }
    };
    // Without a session the coordinator knows already that this worker is lost.
    let _ = node.said.send(said);
}

struct TrialRun<'a> {
    node: &'a Node,
    id: GenerationId,
    members: Vec<v1::Member>,
    me: usize,
    plan: TrialPlan,
    trial: Arc<Trial>,
    state: Arc<State>,
    exchange: Exchange,
    readers: BTreeMap<(Part, u32), Arc<Mutex<Reader>>>,
    workspaces: Arc<Mutex<Vec<Workspace>>>,
    /// By member; none for this one.
    peers: Vec<Option<UnboundedSender<ExchangeRequest>>>,
    events: Receiver<TrialEvent>,
    inbox: Sender<TrialEvent>,
    /// Messages of the round after this one.
    early: Vec<ExchangeRequest>,
    /// Parts of messages that are not complete.
    partly: BTreeMap<(Phase, usize), Vec<SegmentPart>>,
    own_check: u64,
    last_progress: Duration,
    train_time: Duration,
    score_time: Duration,
}

impl<'a> TrialRun<'a> {
    /// Opens shards and streams; nothing is computed yet.
    fn begin(
        node: &'a Node,
        assignment: Assignment,
        events: Receiver<TrialEvent>,
        inbox: Sender<TrialEvent>,
    ) -> Result<Self, End> {
        let Assignment { id, members, me, plan } = assignment;
        let ranks = members.iter().map(|m| m.rank_first..m.rank_first + m.rank_count).collect();
        let exchange = Exchange::new(Placement { ranks, me });
        let rows = |part: Part| plan.parts.iter().find(|p| p.part == part).map(|p| p.rows);
        let rows = PartRows {
            train: rows(Part::Train).unwrap_or(0),
            validation: rows(Part::Validation),
            test: rows(Part::Test),
        };
        let encoding = Arc::new(plan.encoding.clone());
        let trial = Trial::new(plan.fit.params.clone(), encoding.clone(), rows, Isa::detect()).map_err(Report::from)?;
        let readers = open_readers(node, &plan, &encoding, exchange.own_ranks())?;
        let peers = members.iter().enumerate();
        let peers = peers.map(|(k, m)| (k != me).then(|| dial(node, &id, k, m, inbox.clone()))).collect();
        let state = Arc::new(trial.initial_state());
        Ok(Self {
            node,
            id,
            members,
            me,
            plan,
            trial: Arc::new(trial),
            state,
            exchange,
            readers,
            workspaces: Arc::default(),
            peers,
            events,
            inbox,
            early: Vec::new(),
            partly: BTreeMap::new(),
            own_check: 0,
            last_progress: Duration::ZERO,
            train_time: Duration::ZERO,
            score_time: Duration::ZERO,
        })
    }

    fn run(mut self) -> Result<v1::TrialFinished, End> {
        loop {
            let kind = self.trial.round(&self.state.record);
            if kind == RoundKind::Done {
                break;
            }
            let began = self.node.clock.now();
            self.say_progress(&kind);
            let total = self.reduce(&kind)?;
            let state = Arc::make_mut(&mut self.state);
            self.trial.update(state, total).map_err(Report::from)?;
            let took = self.node.clock.now() - began;
            match kind {
                RoundKind::Train { .. } => self.train_time += took,
                _ => self.score_time += took,
            }
        }
        if self.me == 0 {
            self.put_model()?;
        }
        Ok(v1::TrialFinished {
            generation: None,
            samples: self.state.record.samples,
            train_seconds: self.train_time.as_secs_f64(),
            score_seconds: self.score_time.as_secs_f64(),
        })
    }

    /// One round: map the own ranks, exchange, and return the total.
    fn reduce(&mut self, kind: &RoundKind) -> Result<Option<Partial>, End> {
        let round = self.state.record.round;
        self.own_check = if round.is_multiple_of(STATE_CHECK_ROUNDS) { self.state.check() } else { 0 };
        let begun = self.exchange.begin(round, self.trial.vectors(kind));
        let mut total = self.follow(begun);
        self.exchange.own_ranks().for_each(|rank| self.submit(kind, rank));
        for message in std::mem::take(&mut self.early) {
            total = self.take_message(message)?.or(total);
        }
        while total.is_none() {
            total = match self.next_event()? {
                TrialEvent::Mapped { rank, result } => {
                    let progress = self.exchange.rank_mapped(rank, (*result)?);
                    self.follow(progress)
                }
                TrialEvent::Message(message) => self.take_message(*message)?,
                TrialEvent::PeerLost { member, report } => {
                    let worker = self.members.get(member).map_or("a peer", |m| &m.worker);
                    let message = format!("the exchange with {worker} broke in round {round}: {report}");
                    return Err(End::Failed(Report::new(Kind::Work, "peer_lost", message)));
                }
                TrialEvent::Stop => return Err(End::Stopped),
            };
        }
        Ok(total.flatten())
    }

    fn next_event(&mut self) -> Result<TrialEvent, End> {
        let began = self.node.clock.now();
        loop {
            if let Ok(event) = self.events.try_recv() {
                return Ok(event);
            }
            if self.node.executor.drive() {
                continue;
            }
            match self.events.recv_timeout(WAIT_STEP) {
                Ok(event) => return Ok(event),
                Err(RecvTimeoutError::Disconnected) => return Err(End::Stopped),
                Err(RecvTimeoutError::Timeout) => {}
            }
            let waited = self.node.clock.now() - began;
            if waited > PEER_WAIT_MAX {
                let waiting = self.exchange.waiting_for();
                let names: Vec<&str> = waiting.iter().map(|(k, _)| &*self.members[*k].worker).collect();
                let (round, seconds) = (self.state.record.round, waited.as_secs());
                let message = format!("waited {seconds} s for {} in round {round}", names.join(", "));
                return Err(End::Failed(Report::new(Kind::Work, "peer_timeout", message)));
            }
        }
    }

    /// Hands one rank to the executor. The state is shared, never copied.
    fn submit(&self, kind: &RoundKind, rank: u32) {
        let part = match kind {
            RoundKind::Score { part } => *part,
            _ => Part::Train,
        };
        let Some(reader) = self.readers.get(&(part, rank)).cloned() else { return };
        let (trial, state, inbox) = (self.trial.clone(), self.state.clone(), self.inbox.clone());
        let workspaces = self.workspaces.clone();
        self.node.executor.submit(Box::new(move || {
            let failed = || Report::new(Kind::Work, "panic", format!("rank {rank} panicked: this is a bug"));
            let mapped = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
                let mut reader = reader.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
                let free = workspaces.lock().ok().and_then(|mut free| free.pop());
                let mut workspace = free.unwrap_or_default();
                let result = trial.map(&state, rank, &mut *reader, &mut workspace).map_err(Report::from);
                if let Ok(mut free) = workspaces.lock() {
                    free.push(workspace);
                }
                result
            }));
            // The state must be free again when the round's last result arrives.
            drop((trial, state));
            let result = mapped.unwrap_or_else(|_| Err(failed()));
            let result = result.map(|partial| (partial.weight != 0.0).then_some(partial));
            let _ = inbox.send(TrialEvent::Mapped { rank, result: Box::new(result) });
        }));
    }

    /// Sends what the exchange wants sent.
    fn follow(&mut self, progress: Progress) -> Option<Option<Partial>> {
        for outgoing in progress.outgoing {
            self.send(outgoing);
        }
        progress.total
    }

    fn send(&self, outgoing: Outgoing) {
        let Some(Some(peer)) = self.peers.get(outgoing.to) else { return };
        let mut messages = exchange_messages(&outgoing.nodes);
        let last = messages.len() - 1;
        for (at, parts) in messages.drain(..).enumerate() {
            // A peer that is gone is reported by its stream.
            let _ = peer.send(ExchangeRequest {
                header: Some(v1::Header {
                    protocol_version: PROTOCOL_VERSION,
                    term: self.id.term,
                    incarnation: self.node.incarnation,
                }),
                generation: Some((&self.id).into()),
                member: self.me as u32,
                round: outgoing.round,
                phase: to_wire(outgoing.phase) as i32,
                parts,
                last: at == last,
                state_check: self.own_check,
            });
        }
    }

    /// Takes a piece of what a peer sends; once the peer has sent all of it, the exchange goes on.
    fn take_message(&mut self, message: ExchangeRequest) -> Result<Option<Option<Partial>>, End> {
        let round = self.state.record.round;
        let from = message.member as usize;
        if message.round == round + 1 {
            self.early.push(message);
            return Ok(None);
        }
        let bad = |reason: String| {
            let worker = self.members.get(from).map_or("an unknown member", |m| &m.worker);
            End::Failed(Report::new(Kind::Work, "exchange", format!("{worker} in round {round}: {reason}")))
        };
        let sender = self.members.get(from).filter(|_| from != self.me);
        let incarnation = message.header.as_ref().map_or(0, |header| header.incarnation);
        if sender.is_none_or(|sender| sender.incarnation != incarnation) {
            return Err(bad("it is no member of this generation".into()));
        }
        if message.state_check != self.own_check {
            return Err(bad("its state differs from this worker's: one of the two machines computes wrongly".into()));
        }
        let phase = from_wire(message.phase()).ok_or_else(|| bad("phase: unspecified".into()))?;
        let parts = self.partly.entry((phase, from)).or_default();
        parts.extend(message.parts);
        if !message.last {
            return Ok(None);
        }
        let parts = std::mem::take(parts);
        let shape = self.exchange.shape(round, phase, from);
        let shape = shape.ok_or_else(|| bad(format!("it sent round {} too early or too late", message.round)))?;
        let mut nodes = Vec::new();
        read_parts(&mut nodes, parts, &shape).map_err(|error| bad(error.to_string()))?;
        let arrived = self.exchange.arrived(from, message.round, phase, nodes);
        let progress = arrived.map_err(|error| bad(error.to_string()))?;
        Ok(self.follow(progress))
    }

    fn say_progress(&mut self, kind: &RoundKind) {
        let now = self.node.clock.now();
        if self.me != 0 || now < self.last_progress + PROGRESS_INTERVAL {
            return;
        }
        self.last_progress = now;
        let record = &self.state.record;
        let _ = self.node.said.send(Said::Progress(v1::TrialProgress {
            generation: Some((&self.id).into()),
            round: record.round,
            position: record.position,
            samples: record.samples,
            loss: record.loss,
            scoring: match kind {
                RoundKind::Score { part } => part.to_string(),
                _ => String::new(),
            },
        }));
    }

    /// The holder of rank 0 writes the model and streams it to the coordinator.
    fn put_model(&self) -> Result<(), End> {
        let tensors = self.trial.tensors(&self.state).map_err(Report::from)?;
        let (spec, encoding) = (self.plan.fit.clone(), self.plan.encoding.clone());
        let model = Model::new(tensors, spec, encoding, self.state.record.scores.clone());
        let bytes = model.to_bytes().map_err(Report::from)?;
        debug!(bytes = bytes.len(), "the model is sent");
        let generation = Some((&self.id).into());
        let (url, token) = (self.node.shards.coordinator.clone(), self.node.shards.token.clone());
        let send = async move {
            let mut client = link::coordinator(&url, &token).await?;
            let mut generation = generation;
            let pieces: Vec<_> = bytes
                .chunks(CHUNK_BYTES)
                .map(|data| v1::PutModelRequest { header: None, generation: generation.take(), data: data.to_vec() })
                .collect();
            let sent = client.put_model(tokio_stream::iter(pieces)).await;
            sent.map(drop).map_err(|status| aquifer_proto::from_status(&status, "sending the model"))
        };
        self.node.runtime.block_on(send).map_err(End::Failed)
    }
}

/// Readers of the own ranks, for each part.
fn open_readers(
    node: &Node,
    plan: &TrialPlan,
    encoding: &Arc<Encoding>,
    ranks: std::ops::Range<u32>,
) -> Result<BTreeMap<(Part, u32), Arc<Mutex<Reader>>>, Report> {
    let params = &plan.fit.params;
    let mut readers = BTreeMap::new();
    for part in &plan.parts {
        let blocks = |rank| rank_blocks(rank, params.ranks, block_count(part.rows));
        let rows: Vec<_> = ranks
            .clone()
            .map(blocks)
            .filter(|blocks| !blocks.is_empty())
            .map(|blocks| block_rows(blocks.start, part.rows).start..block_rows(blocks.end - 1, part.rows).end)
            .collect();
        let shards = node.shards.open(part, &rows, &node.runtime)?;
        let frame = Arc::new(EncodedFrame::new(part.rows, shards, encoding.clone(), true)?);
        for rank in ranks.clone() {
            let reader = Reader::new(frame.clone(), blocks(rank), rank, params.seed);
            readers.insert((part.part, rank), Arc::new(Mutex::new(reader)));
        }
    }
    Ok(readers)
}

/// Opens the stream to a member; what is sent goes out in order.
fn dial(
    node: &Node,
    id: &GenerationId,
    member: usize,
    to: &v1::Member,
    inbox: Sender<TrialEvent>,
) -> UnboundedSender<ExchangeRequest> {
    let (sender, receiver) = tokio::sync::mpsc::unbounded_channel();
    let (address, token): (String, Token) = (to.address.clone(), node.shards.token.clone());
    let trial = id.trial.clone();
    node.runtime.spawn(async move {
        let exchange = async {
            let mut client = link::peer(&address, &token).await?;
            let sent = client.exchange(UnboundedReceiverStream::new(receiver)).await;
            sent.map(drop).map_err(|status| aquifer_proto::from_status(&status, "exchange"))
        };
        if let Err(report) = exchange.await {
            warn!(trial, address, %report, "an exchange stream broke");
            let _ = inbox.send(TrialEvent::PeerLost { member, report });
        }
    });
    sender
}

fn to_wire(phase: Phase) -> ExchangePhase {
    match phase {
        Phase::ReduceScatter => ExchangePhase::ReduceScatter,
        Phase::AllGather => ExchangePhase::AllGather,
    }
}

fn from_wire(phase: ExchangePhase) -> Option<Phase> {
    match phase {
        ExchangePhase::Unspecified => None,
        ExchangePhase::ReduceScatter => Some(Phase::ReduceScatter),
        ExchangePhase::AllGather => Some(Phase::AllGather),
    }
}
