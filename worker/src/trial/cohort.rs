//! The rounds of a cohort: its trials side by side, those that are behind first, all that are in the same round in one pass
//! over its rows. With peers each of them exchanges for itself; the order is the same everywhere, as it follows from records.

mod keeping;
mod messages;
mod saying;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use aquifer_frame::Encoding;
use aquifer_learn::{Alone, Crew, RoundKind};
use aquifer_model::{CurvePoint, Kind, Part, Report};
use aquifer_proto::{CohortPlan, PEER_LOST, v1};
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::time::{Interval, interval};
use tracing::{Span, trace};

use super::checkpoint::Checkpoints;
use super::data::{Readers, open_readers};
use super::going_on::take_states;
use super::mapping::{Mapped, Mapping, Workspaces};
use super::memory::{fitting, memory_of, side_by_side};
use super::seat::Seat;
use super::{Assignment, End, Node, Peers};
use crate::budget::Reservation;
use crate::core::{ExchangeError, Placement};
use crate::inbox::{GenerationId, Inbox, TrialEvent};

/// A wait for peers is looked at this often.
const WAIT_STEP: Duration = Duration::from_millis(500);
/// No peer is waited for longer than this: a lost one is noticed by its session or its stream long before.
const PEER_WAIT_MAX: Duration = Duration::from_secs(1800);

/// What a scoring while training found, if there was one.
type Updated = Result<Option<CurvePoint>, Report>;

/// Trials under way.
pub(super) struct Cohort<'a> {
    node: &'a Node,
    id: GenerationId,
    members: Vec<v1::Member>,
    me: usize,
    encoding: Arc<Encoding>,
    seats: Vec<Seat>,
    readers: Readers,
    side_by_side: usize,
    workspaces: Workspaces,
    peers: Peers,
    events: UnboundedReceiver<TrialEvent>,
    /// The waits for events are looked at when it ticks.
    waits: Interval,
    stop: Arc<AtomicBool>,
    _reserved: Reservation,
    /// The seats that are in the round under way, and when it began.
    group: Vec<usize>,
    began: Duration,
    /// Members that may lack something of what was sent to them.
    undelivered: BTreeSet<usize>,
    last_progress: Option<Duration>,
    checkpoints: Checkpoints,
    /// Trials that have ended here since anybody was told.
    ended: Ended,
    /// Why there is no more after that.
    broken: Option<End>,
}

/// Trials that have ended, and how.
type Ended = Vec<(usize, Result<(), Report>)>;

/// Why rounds do not go on.
enum Pause {
    /// There is none left.
    Done,
    /// What a peer sends is needed first.
    Waits,
    /// Others that wait for the executor come first, or somebody is to be told something.
    Yields,
}

impl<'a> Cohort<'a> {
    /// Opens shards; nothing is computed yet.
    pub(super) async fn begin(
        node: &'a Node,
        assignment: Assignment,
        peers: Peers,
        events: UnboundedReceiver<TrialEvent>,
        inbox: &Inbox,
    ) -> Result<Self, End> {
        let Assignment { id, members, me, plan } = assignment;
        let ranks = members.iter().map(|m| m.rank_first..m.rank_first.saturating_add(m.rank_count)).collect();
        let placement = Placement { ranks, me };
        let encoding = Arc::new(plan.encoding.clone());
        check_alike(&plan)?;
        let seats = (0..plan.trials.len()).map(|at| Seat::new(&plan, at, &encoding, &placement));
        let mut seats = seats.collect::<Result<Vec<Seat>, Report>>()?;
        let threads = node.executor.crew().threads();
        let own_ranks = placement.ranks.get(me).cloned().unwrap_or(0..0);
        let side_by_side = side_by_side(own_ranks.len(), seats.len(), threads);
        let reserved = node.budget.reserve(memory_of(&seats, threads, own_ranks.len(), side_by_side));
        let reserved = reserved.map_err(|report| {
            let (fit, others) = (fitting(&node.budget, &seats, threads, own_ranks.len()), node.budget.is_shared());
            End::TooLarge { report, fit, others }
        })?;
        take_states(node, &id.trial, &mut seats).await?;
        aquifer_fault::kill_point("worker.shards.open");
        let readers = open_readers(node, &plan, &encoding, own_ranks, side_by_side).await?;
        let undelivered = (0..peers.len()).filter(|member| peers[*member].is_some()).collect();
        Ok(Self {
            node,
            id,
            members,
            me,
            encoding,
            seats,
            readers,
            side_by_side,
            workspaces: Workspaces::default(),
            peers,
            events,
            waits: interval(WAIT_STEP),
            stop: inbox.stop.clone(),
            _reserved: reserved,
            group: Vec::new(),
            began: Duration::ZERO,
            undelivered,
            last_progress: None,
            checkpoints: Checkpoints::new(tokio::runtime::Handle::current()),
            ended: Vec::new(),
            broken: None,
        })
    }

    /// Goes on until trials have ended, and returns them; `None` once all have.
    pub(super) async fn next_ended(&mut self) -> Result<Option<Ended>, End> {
        let (executor, said_by) = (self.node.executor.clone(), Span::current());
        loop {
            if let Some(end) = self.broken.take() {
                return Err(end);
            }
            if self.stop.load(Ordering::Relaxed) {
                return Err(End::Stopped);
            }
            aquifer_fault::kill_point("worker.round.turn");
            let mut pause = Ok(Pause::Waits);
            executor.enter(&mut || said_by.in_scope(|| pause = self.advance()));
            if !self.ended.is_empty() {
                self.broken = pause.err();
                return Ok(Some(std::mem::take(&mut self.ended)));
            }
            match pause? {
                Pause::Done if self.undelivered.is_empty() => return Ok(None),
                Pause::Done => {
                    // A member that is done first would not miss one that still waits for what was lost on its way there.
                    self.peers.iter_mut().for_each(|way| *way = None);
                    self.wait().await?;
                }
                Pause::Waits => self.wait().await?,
                Pause::Yields if executor.rest() > Duration::ZERO => tokio::time::sleep(executor.rest()).await,
                Pause::Yields => {}
            }
        }
    }

    /// Goes on as long as nothing is waited for.
    fn advance(&mut self) -> Result<Pause, End> {
        let until = self.node.clock.now() + self.node.executor.turn();
        loop {
            while let Ok(event) = self.events.try_recv() {
                self.take(event)?;
            }
            if self.group.is_empty() {
                match self.next_group() {
                    Some(kind) => self.begin_round(kind)?,
                    None if self.ended.is_empty() => return Ok(Pause::Done),
                    None => return Ok(Pause::Yields),
                }
            }
            if self.group.iter().any(|at| self.seats[*at].total.is_none()) {
                return Ok(Pause::Waits);
            }
            self.end_round();
            if !self.ended.is_empty() || self.node.clock.now() >= until {
                return Ok(Pause::Yields);
            }
        }
    }

    /// Ends the trials that have no round left, and gathers those that come next: the ones that are behind, and all that are
    /// in the same round.
    fn next_group(&mut self) -> Option<RoundKind> {
        let mut next: Vec<(usize, RoundKind)> = Vec::new();
        for at in 0..self.seats.len() {
            let seat = &self.seats[at];
            match seat.trial.round(&seat.state.record) {
                _ if seat.ended => {}
                RoundKind::Done => self.end(at, Ok(())),
                kind => next.push((at, kind)),
            }
        }
        let behind = |(at, kind): &&(usize, RoundKind)| {
            (self.seats[*at].state.record.position, matches!(kind, RoundKind::Train(_)), *at)
        };
        let (_, kind) = *next.iter().min_by_key(behind)?;
        self.group = next.into_iter().filter(|(_, other)| *other == kind).map(|(at, _)| at).collect();
        Some(kind)
    }

    /// Maps the own ranks.
    fn begin_round(&mut self, kind: RoundKind) -> Result<(), End> {
        self.began = self.node.clock.now();
        aquifer_fault::kill_point("worker.round.begin");
        self.say_progress(&kind);
        let crew = self.node.executor.crew();
        let several = self.members.len() > 1;
        for at in self.group.clone() {
            let seat = &mut self.seats[at];
            let round = seat.state.record.round;
            seat.own_check = if several && seat.compares(kind) { seat.state.check() } else { 0 };
            if seat.plan.check_at == Some(round) {
                self.say_checked(at);
            }
            let seat = &mut self.seats[at];
            seat.running = Some(kind);
            let begun = seat.exchange().begin(round, seat.trial.vectors(&kind)).map_err(broken)?;
            self.follow(at, begun);
            let seat = &mut self.seats[at];
            seat.trial.prepare(&seat.state, &mut seat.prepared, crew).map_err(Report::from)?;
        }
        let seats: Vec<&Seat> = self.group.iter().map(|at| &self.seats[*at]).collect();
        let mapping = Mapping {
            seats: &seats,
            kind,
            readers: &self.readers,
            side_by_side: self.side_by_side,
            workspaces: &self.workspaces,
            crew,
            stop: &self.stop,
        };
        let Mapped { progress, failed } = mapping.run();
        aquifer_fault::kill_point("worker.round.mapped");
        if self.stop.load(Ordering::Relaxed) {
            return Err(End::Stopped);
        }
        let group = self.group.clone();
        progress.into_iter().for_each(|(place, progress)| self.follow(group[place], progress));
        for (place, (_, report)) in failed {
            // What a trial led itself to is its own; what its rows are is everybody's.
            if !OWN_FAILURES.contains(&&*report.code) {
                return Err(End::Failed(report));
            }
            self.end(group[place], Err(report));
        }
        for at in self.group.clone() {
            let early = std::mem::take(&mut self.seats[at].early);
            early.into_iter().try_for_each(|message| self.take_message(message))?;
        }
        Ok(())
    }

    /// Every sum is here: all states are updated.
    fn end_round(&mut self) {
        self.keep_checkpoint();
        let crew = self.node.executor.crew();
        aquifer_fault::kill_point("worker.round.summed");
        let group = std::mem::take(&mut self.group);
        let kind = group.first().and_then(|at| self.seats[*at].running);
        let samples = self.samples_of(&group);
        let seats = self.seats.iter_mut().filter(|seat| group.contains(&seat.at));
        let work: Vec<Mutex<(&mut Seat, Updated)>> = seats.map(|seat| Mutex::new((seat, Ok(None)))).collect();
        let update = |at: usize, crew: &dyn Crew| {
            let mut work = work[at].lock().unwrap_or_else(|poisoned| poisoned.into_inner());
            work.1 = work.0.update(crew);
        };
        match work.len() >= crew.threads() {
            true => crew.run(work.len(), &|at| update(at, &Alone)),
            false => (0..work.len()).for_each(|at| update(at, crew)),
        }
        let updated: Vec<(usize, Updated)> = work
            .into_iter()
            .map(|work| work.into_inner().unwrap_or_else(|poisoned| poisoned.into_inner()))
            .map(|(seat, updated)| (seat.at, updated))
            .collect();
        let took = (self.node.clock.now() - self.began).as_secs_f64();
        let flops = |at: &usize| self.seats[*at].trial.flops_of_row() as f64;
        let all: f64 = group.iter().map(flops).sum::<f64>().max(1.0);
        for at in &group {
            // For people: of the time that all took, its share of the work.
            let share = Duration::from_secs_f64(took * self.seats[*at].trial.flops_of_row() as f64 / all);
            match kind {
                Some(RoundKind::Train(_)) => self.seats[*at].train_time += share,
                _ => self.seats[*at].score_time += share,
            }
        }
        self.count_round(&group, samples);
        let round = group.first().map(|at| self.round(*at));
        aquifer_fault::kill_point("worker.round.done");
        trace!(round, trials = group.len(), ?kind, "a round is done");
        self.release(&group);
        for (at, updated) in updated {
            match updated {
                Ok(Some(point)) => self.say_scored(at, point),
                Ok(None) => {}
                Err(report) => self.end(at, Err(report)),
            }
        }
    }

    /// Does one round of a cohort without peers; false where there is none left.
    #[cfg(test)]
    pub(super) fn one_round(&mut self) -> Result<bool, End> {
        let Some(kind) = self.next_group() else { return Ok(false) };
        self.begin_round(kind)?;
        self.end_round();
        Ok(true)
    }

    #[cfg(test)]
    pub(super) fn take_ended(&mut self) -> Vec<usize> {
        std::mem::take(&mut self.ended).into_iter().map(|(at, _)| at).collect()
    }

    fn end(&mut self, at: usize, ended: Result<(), Report>) {
        if !std::mem::replace(&mut self.seats[at].ended, true) {
            self.ended.push((at, ended));
            self.group.retain(|other| *other != at);
        }
    }

    fn take(&mut self, event: TrialEvent) -> Result<(), End> {
        match event {
            TrialEvent::Message(message) => self.take_message(*message),
            TrialEvent::Delivered { member } => {
                self.undelivered.remove(&member);
                Ok(())
            }
            TrialEvent::PeerLost { member, report } => {
                let worker = self.members.get(member).map_or("a peer", |m| &m.worker);
                let round = self.seats.iter().map(|seat| seat.state.record.round).max().unwrap_or(0);
                let message = format!("the exchange with {worker} broke in round {round}: {report}");
                let lost = Report::new(Kind::Work, PEER_LOST, message);
                Err(End::Failed(lost.hint("that worker may have ended: look at its log")))
            }
            TrialEvent::Drop { trial } => {
                if let Some(seat) = self.seats.get_mut(trial) {
                    seat.ended = true; // who said so knows
                    self.group.retain(|other| *other != trial);
                }
                Ok(())
            }
            TrialEvent::Stop => Err(End::Stopped),
        }
    }

    /// Waits for an event, and takes it.
    async fn wait(&mut self) -> Result<(), End> {
        let began = self.node.clock.now();
        loop {
            let event = tokio::select! {
                biased;
                event = self.events.recv() => Some(event),
                _ = self.waits.tick() => None,
            };
            match event {
                Some(Some(event)) => return self.take(event),
                Some(None) => return Err(End::Stopped),
                None => {}
            }
            let waited = self.node.clock.now() - began;
            if waited > PEER_WAIT_MAX {
                let seat = self.group.iter().map(|at| &self.seats[*at]).find(|seat| seat.total.is_none());
                let waiting: Vec<usize> = match seat {
                    Some(seat) => seat.exchange().waiting_for().into_iter().map(|(member, _)| member).collect(),
                    None => self.undelivered.iter().copied().collect(),
                };
                let names: Vec<&str> = waiting.iter().map(|member| &*self.members[*member].worker).collect();
                let (round, seconds) = (seat.map_or(0, |seat| seat.state.record.round), waited.as_secs());
                let message = format!("waited {seconds} s for {} in round {round}", names.join(", "));
                return Err(End::Failed(Report::new(Kind::Work, "peer_timeout", message)));
            }
        }
    }
}

/// Failures of a trial itself: others of its cohort go on.
const OWN_FAILURES: &[&str] = &["diverged", "no_metric", "inconsistent_state"];

/// Trials of a cohort pass the same rows in the same rounds.
fn check_alike(plan: &CohortPlan) -> Result<(), Report> {
    let alike = plan.trials.windows(2).all(|pair| pair[0].fit.params.shares_rounds(&pair[1].fit.params));
    match alike && !plan.trials.is_empty() && plan.parts.iter().any(|part| part.part == Part::Train) {
        true => Ok(()),
        false => Err(Report::new(Kind::Work, "cohort", "these trials are no cohort: this is a bug")),
    }
}

fn broken(error: ExchangeError) -> End {
    End::Failed(Report::new(Kind::Work, "exchange", error.to_string()))
}
