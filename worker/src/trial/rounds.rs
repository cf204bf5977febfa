//! The rounds of a trial: map the own ranks, exchange, update; until the trial is done.
//!
//! All that computes runs on the executor ([`Rounds::advance`]), as many rounds as go without waiting; the trial's own
//! thread waits for what peers send.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::Duration;

use aquifer_learn::{Isa, PartRows, Prepared, RoundKind, Trial};
use aquifer_model::{Kind, Model, Part, Partial, Report, State, ValueType};
use aquifer_proto::v1::{self, ExchangeRequest, SegmentPart};
use aquifer_proto::{CHUNK_BYTES, PEER_LOST, PROTOCOL_VERSION, TrialPlan, exchange_messages, read_parts};
use tracing::trace;

use super::data::{Readers, open_readers};
use super::mapping::{Mapping, Workspaces};
use super::stream::{from_wire, to_wire};
use super::{Assignment, End, Node, Peers};
use crate::budget::Reservation;
use crate::core::{Exchange, ExchangeError, Outgoing, Phase, Placement, Progress};
use crate::inbox::{GenerationId, Inbox, TrialEvent};
use crate::said::Said;

/// Rounds between two comparisons of the members' states.
const STATE_CHECK_ROUNDS: u64 = 64;
/// A trial goes on so long before others that wait for the executor have their turn.
const TURN: Duration = Duration::from_millis(50);
/// One progress message in this time.
const PROGRESS_INTERVAL: Duration = Duration::from_millis(250);
/// A wait for peers is looked at this often.
const WAIT_STEP: Duration = Duration::from_millis(500);
/// No peer is waited for longer than this: a lost one is noticed by its session or its stream long before.
const PEER_WAIT_MAX: Duration = Duration::from_secs(1800);

/// A trial under way.
pub(super) struct Rounds<'a> {
    node: &'a Node,
    id: GenerationId,
    members: Vec<v1::Member>,
    me: usize,
    plan: TrialPlan,
    trial: Trial,
    state: State,
    prepared: Prepared,
    exchange: Exchange,
    readers: Readers,
    workspaces: Workspaces,
    peers: Peers,
    events: Receiver<TrialEvent>,
    stop: Arc<AtomicBool>,
    _reserved: Reservation,
    /// The round under way, and when it began.
    running: Option<(RoundKind, Duration)>,
    /// Its sum, once it is known.
    total: Option<Option<Partial>>,
    /// Messages of a round that has not begun here.
    early: Vec<ExchangeRequest>,
    /// Parts of messages that are not complete.
    partly: BTreeMap<(Phase, usize), Vec<SegmentPart>>,
    own_check: u64,
    last_progress: Duration,
    train_time: Duration,
    score_time: Duration,
}

/// Why rounds do not go on.
enum Pause {
    /// There is none left.
    Done,
    /// What a peer sends is needed first.
    Waits,
    /// Others that wait for the executor come first.
    Yields,
}

impl<'a> Rounds<'a> {
    /// Opens shards; nothing is computed yet.
    pub(super) fn begin(
        node: &'a Node,
        assignment: Assignment,
        peers: Peers,
        events: Receiver<TrialEvent>,
        inbox: &Inbox,
    ) -> Result<Self, End> {
        let Assignment { id, members, me, plan } = assignment;
        let ranks = members.iter().map(|m| m.rank_first..m.rank_first.saturating_add(m.rank_count)).collect();
        let exchange = Exchange::new(Placement { ranks, me }, plan.fit.params.ranks);
        let exchange = exchange.map_err(|error| Report::new(Kind::Work, "placement", error.to_string()))?;
        let rows = |part: Part| plan.parts.iter().find(|p| p.part == part).map(|p| p.rows);
        let rows = PartRows {
            train: rows(Part::Train).unwrap_or(0),
            validation: rows(Part::Validation),
            test: rows(Part::Test),
        };
        let encoding = Arc::new(plan.encoding.clone());
        let trial = Trial::new(plan.fit.params.clone(), encoding.clone(), rows, Isa::detect()).map_err(Report::from)?;
        let reserved = node.budget.reserve(&trial, node.executor.crew().threads(), exchange.own_ranks().len())?;
        let readers = open_readers(node, &plan, &encoding, exchange.own_ranks())?;
        let state = trial.initial_state();
        Ok(Self {
            node,
            id,
            members,
            me,
            plan,
            trial,
            state,
            prepared: Prepared::default(),
            exchange,
            readers,
            workspaces: Workspaces::default(),
            peers,
            events,
            stop: inbox.stop.clone(),
            _reserved: reserved,
            running: None,
            total: None,
            early: Vec::new(),
            partly: BTreeMap::new(),
            own_check: 0,
            last_progress: Duration::ZERO,
            train_time: Duration::ZERO,
            score_time: Duration::ZERO,
        })
    }

    /// Runs every round. What it returns lacks the generation.
    pub(super) fn run(&mut self) -> Result<v1::TrialFinished, End> {
        let executor = self.node.executor.clone();
        loop {
            let mut pause = Ok(Pause::Waits);
            if self.stop.load(Ordering::Relaxed) {
                return Err(End::Stopped);
            }
            executor.enter(&mut || pause = self.advance());
            match pause? {
                Pause::Done => break,
                Pause::Waits => self.wait()?,
                Pause::Yields => {}
            }
        }
        Ok(v1::TrialFinished {
            generation: None,
            samples: self.state.record.samples,
            train_seconds: self.train_time.as_secs_f64(),
            score_seconds: self.score_time.as_secs_f64(),
            memory_peak_bytes: self.node.budget.peak_bytes(),
        })
    }

    /// Goes on as long as nothing is waited for.
    fn advance(&mut self) -> Result<Pause, End> {
        let until = self.node.clock.now() + TURN;
        loop {
            if self.running.is_none() && self.node.clock.now() > until {
                return Ok(Pause::Yields);
            }
            while let Ok(event) = self.events.try_recv() {
                self.take(event)?;
            }
            if self.running.is_none() {
                match self.trial.round(&self.state.record) {
                    RoundKind::Done => return Ok(Pause::Done),
                    kind => self.begin_round(kind)?,
                }
            }
            match self.total.take() {
                Some(total) => self.end_round(total)?,
                None => return Ok(Pause::Waits),
            }
        }
    }

    /// Maps the own ranks.
    fn begin_round(&mut self, kind: RoundKind) -> Result<(), End> {
        let (now, round) = (self.node.clock.now(), self.state.record.round);
        self.running = Some((kind, now));
        self.say_progress(&kind);
        let compares = round.is_multiple_of(STATE_CHECK_ROUNDS) || matches!(kind, RoundKind::Score { .. });
        self.own_check = if compares && self.members.len() > 1 { self.state.check() } else { 0 };
        let begun = self.exchange.begin(round, self.trial.vectors(&kind)).map_err(broken)?;
        self.follow(begun);
        let crew = self.node.executor.crew();
        self.trial.prepare(&self.state, &mut self.prepared, crew).map_err(Report::from)?;
        let mapping = Mapping {
            trial: &self.trial,
            state: &self.state,
            prepared: &self.prepared,
            kind,
            readers: &self.readers,
            workspaces: &self.workspaces,
            crew,
            stop: &self.stop,
        };
        let mapped = mapping.run(&mut self.exchange);
        if self.stop.load(Ordering::Relaxed) {
            return Err(End::Stopped);
        }
        mapped?.into_iter().for_each(|progress| self.follow(progress));
        std::mem::take(&mut self.early).into_iter().try_for_each(|message| self.take_message(message))
    }

    fn end_round(&mut self, mut total: Option<Partial>) -> Result<(), End> {
        self.trial.update(&mut self.state, total.as_mut(), self.node.executor.crew()).map_err(Report::from)?;
        if let Some(total) = total {
            self.exchange.use_again(total);
        }
        trace!(round = self.state.record.round, "a round is done");
        if let Some((kind, began)) = self.running.take() {
            let took = self.node.clock.now() - began;
            match kind {
                RoundKind::Train { .. } => self.train_time += took,
                _ => self.score_time += took,
            }
        }
        Ok(())
    }

    fn take(&mut self, event: TrialEvent) -> Result<(), End> {
        match event {
            TrialEvent::Message(message) => self.take_message(*message),
            TrialEvent::PeerLost { member, report } => {
                let worker = self.members.get(member).map_or("a peer", |m| &m.worker);
                let round = self.state.record.round;
                let message = format!("the exchange with {worker} broke in round {round}: {report}");
                let lost = Report::new(Kind::Work, PEER_LOST, message);
                Err(End::Failed(lost.hint("that worker may have ended: look at its log, and train again")))
            }
            TrialEvent::Stop => Err(End::Stopped),
        }
    }

    /// Waits for an event, and takes it.
    fn wait(&mut self) -> Result<(), End> {
        let began = self.node.clock.now();
        loop {
            match self.events.recv_timeout(WAIT_STEP) {
                Ok(event) => return self.take(event),
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

    /// Sends what the exchange wants sent.
    fn follow(&mut self, progress: Progress) {
        for outgoing in progress.outgoing {
            self.send(outgoing);
        }
        self.total = progress.total.or(self.total.take());
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
    fn take_message(&mut self, message: ExchangeRequest) -> Result<(), End> {
        let round = self.state.record.round;
        let from = message.member as usize;
        let bad = |reason: String| {
            let worker = self.members.get(from).map_or("an unknown member", |m| &m.worker);
            End::Failed(Report::new(Kind::Work, "exchange", format!("{worker} in round {round}: {reason}")))
        };
        let sender = self.members.get(from).filter(|_| from != self.me);
        let incarnation = message.header.as_ref().map_or(0, |header| header.incarnation);
        if sender.is_none_or(|sender| sender.incarnation != incarnation) {
            return Err(bad("it is no member of this generation".into()));
        }
        // A peer may have begun the round that is next here, or the one after that which is running.
        if self.running.is_none() || message.round == round + 1 {
            self.early.push(message);
            return Ok(());
        }
        if message.state_check != self.own_check {
            return Err(bad("its state differs from this worker's: one of the two machines computes wrongly".into()));
        }
        let phase = from_wire(message.phase()).ok_or_else(|| bad("phase: unspecified".into()))?;
        let shape = self.exchange.shape(message.round, phase, from);
        let shape = shape.ok_or_else(|| bad(format!("it sent round {} too early or too late", message.round)))?;
        let nodes_max = self.exchange.nodes_max(phase, from);
        let parts = self.partly.entry((phase, from)).or_default();
        parts.extend(message.parts);
        if parts.len() > parts_max(&shape, nodes_max) {
            return Err(bad("it sent more than the round has".into()));
        }
        if !message.last {
            return Ok(());
        }
        let nodes = read_parts(std::mem::take(parts), &shape, nodes_max).map_err(|error| bad(error.to_string()))?;
        let arrived = self.exchange.arrived(from, message.round, phase, nodes);
        let progress = arrived.map_err(|error| bad(error.to_string()))?;
        self.follow(progress);
        Ok(())
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

    /// The model, once every round is done.
    pub(super) fn model(&self) -> Result<Vec<u8>, Report> {
        let tensors = self.trial.tensors(&self.state)?;
        let (spec, encoding) = (self.plan.fit.clone(), self.plan.encoding.clone());
        Ok(Model::new(tensors, spec, encoding, self.state.record.scores.clone()).to_bytes()?)
    }

    /// All metrics: the model file keeps a few of them.
    pub(super) fn scores_json(&self) -> Vec<u8> {
        serde_json::to_vec(&self.state.record.scores).unwrap_or_default()
    }
}

/// Parts of at most a chunk each, one at least for every vector of every node.
fn parts_max(shape: &[(ValueType, usize)], nodes_max: usize) -> usize {
    let parts = |(value_type, len): &(ValueType, usize)| 1 + len * value_type.bytes() / CHUNK_BYTES;
    nodes_max * (1 + shape.iter().map(parts).sum::<usize>())
}

fn broken(error: ExchangeError) -> End {
    End::Failed(Report::new(Kind::Work, "exchange", error.to_string()))
}
