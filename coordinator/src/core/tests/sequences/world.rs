//! The world of a sequence: nodes, what is on its way between them and the coordinator, the disk, and time.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use aquifer_frame::{Philox, below, unit};
use aquifer_model::{Metrics, Score};
use aquifer_proto::{PEER_LOST, TrialPlan};

use super::super::*;
use super::Frames;
use super::invariants::{Ended, Observer};
use super::node::{Asked, Node, Part, RunId, rounds};
use crate::core::search::TrialRow;
use crate::journal::{Journal, Left, MemoryJournal};

const TRAINING: &str = "target = \"income\"\n[params]\nranks = 3\nepochs = 2\n";
const SEARCH: &str = "target = \"income\"\n[params]\nranks = 2\nepochs = 1\n[search]\nsort_by = \"auc\"\n[search.params]\n\
                      l2 = [0.0, 1e-4]\n[cross_validation]\nnfolds = 2\n";
const HOSTS_MAX: usize = 5;
/// Something happens in so many turns; then all is left to itself.
const CHAOS: u32 = 260;
const TURNS_MAX: u32 = 12_000;

pub(super) struct World<'a> {
    frames: &'a Frames,
    core: State,
    journal: MemoryJournal,
    /// What the next crash at a commit leaves of it.
    crash: Left,
    now: Duration,
    random: Philox,
    drawn: u32,
    nodes: Vec<Node>,
    /// Sessions of this term, and of all: incarnations differ.
    sessions: u64,
    /// Answers of the coordinator's own helpers, and what closed sessions have said: in any order.
    loose: Vec<Event>,
    /// Effects that wait to be carried out.
    effects: VecDeque<Effect>,
    checkpoints: BTreeMap<JobId, BTreeMap<String, u64>>,
    /// The last thing that a worker said, which may be said again.
    repeated: Option<Event>,
    observer: Observer,
    trace: Vec<String>,
    lost: u32,
}

impl<'a> World<'a> {
    pub(super) fn new(seed: u64, frames: &'a Frames) -> Self {
        let mut world = Self {
            frames,
            core: State::new(0),
            journal: MemoryJournal::default(),
            crash: Left::Nothing,
            now: Duration::ZERO,
            random: Philox::new(seed, "sequence"),
            drawn: 0,
            nodes: Vec::new(),
            sessions: 0,
            loose: Vec::new(),
            effects: VecDeque::new(),
            checkpoints: BTreeMap::new(),
            repeated: None,
            observer: Observer::default(),
            trace: Vec::new(),
            lost: 0,
        };
        world.start();
        (0..3).for_each(|_| world.add_node());
        for (job, spec) in [("training", TRAINING), ("search", SEARCH)] {
            let request = Request::Train { spec_toml: spec.into(), train: source(), validation: None, test: None };
            let (job, request) = (JobId(job.into()), Box::new(request));
            world.step(Event::Submitted { job, request, workers_min: 1, created_ms: 0 });
        }
        world
    }

    fn draw(&mut self, n: usize) -> usize {
        self.drawn += 1;
        below(self.random.draw(self.drawn, 0, 0)[0], n as u32) as usize
    }

    fn say(&mut self, what: impl FnOnce() -> String) {
        let now = self.now.as_millis();
        self.trace.push(format!("{now:>7} {}", what()));
    }

    /// A start of the coordinator: with the journal, and nothing else.
    fn start(&mut self) {
        self.journal.restart();
        let term = self.journal.begin_term().expect("a disk");
        let rows = self.journal.jobs().expect("a disk");
        let (core, running) = State::new(term).with_past(rows).continued();
        self.core = core;
        self.effects.clear();
        self.loose.clear();
        self.observer.restarted();
        for node in &mut self.nodes {
            node.session = None;
            node.commands.clear();
            node.said.clear();
        }
        self.repeated = None;
        self.say(|| format!("START of term {term}"));
        self.observer.told(&self.core.rows());
        for JobRow { id, request, created_ms, .. } in running {
            let request = Box::new(request.expect("what was asked for"));
            self.step(Event::Submitted { job: id, request, workers_min: 1, created_ms });
        }
    }

    fn add_node(&mut self) {
        self.nodes.push(Node::new(self.nodes.len() as u32 + 1));
        self.register(self.nodes.len() - 1);
    }

    /// A session begins: what was at work is stopped, and its states are said.
    fn register(&mut self, at: usize) {
        self.sessions += 1;
        let (incarnation, node) = (self.sessions, &mut self.nodes[at]);
        node.session = None;
        node.stop_all();
        node.commands.clear();
        node.said.clear();
        // Numbers of runs begin again with a term: what it has done was of others.
        node.done.clear();
        let worker = WorkerId(format!("worker-{incarnation:04}"));
        node.session = Some((worker.clone(), incarnation));
        let (address, states) = (node.address.clone(), node.states.clone());
        self.say(|| format!("{address} registers as {worker}"));
        let registration = Registration { address, threads: 1, states, ..Registration::default() };
        self.step(Event::WorkerRegistered { worker, incarnation, registration });
    }

    /// Takes a step of the core: durable effects first.
    fn step(&mut self, event: Event) {
        let effects = self.core.step(self.now, event);
        let (mut jobs, mut trials): (Vec<JobRow>, Vec<TrialRow>) = Default::default();
        for effect in &effects {
            match effect {
                Effect::Persist(row) => jobs.push((**row).clone()),
                Effect::PersistTrial(row) => trials.push((**row).clone()),
                _ => {}
            }
        }
        if !(jobs.is_empty() && trials.is_empty()) {
            if self.journal.commit(&jobs, &trials).is_err() {
                let left = self.crash;
                self.say(|| format!("the coordinator dies at a commit, of which it leaves {left:?}"));
                self.observer.committed(left.of(&jobs), left.of_trials(&trials));
                return self.start();
            }
            self.observer.committed(&jobs, &trials);
        }
        let kept = self.journal.jobs().unwrap_or_default();
        for effect in &effects {
            self.observer.sees(&self.core, effect, &kept);
        }
        self.effects.extend(effects);
    }

    /// Carries out what was decided, to the last.
    fn carry_out(&mut self) {
        while let Some(effect) = self.effects.pop_front() {
            match effect {
                Effect::Plan { job, slot, .. } => {
                    let stored = &self.frames.stored;
                    let known = self.draw(2) == 0;
                    let result = Ok((stored.plan.clone(), known.then(|| Box::new(stored.clone()))));
                    self.loose.push(Event::Planned { job, slot, result });
                }
                Effect::FindTrials { job, data, mine } => {
                    let rows = self.journal.trials(&data).expect("a disk");
                    let rows = rows.into_iter().filter(|row| !mine || row.job == job).collect();
                    let checkpoints = self.checkpoints.get(&job).cloned().unwrap_or_default();
                    self.loose.push(Event::TrialsFound { job, rows, checkpoints });
                }
                Effect::SaveFrame { job, .. } => self.loose.push(Event::FrameSaved { job, result: Ok(()) }),
                Effect::RemoveCheckpoints { job, identities } => {
                    let kept = self.checkpoints.entry(job).or_default();
                    kept.retain(|id, _| identities.as_ref().is_some_and(|gone| !gone.contains(id)));
                }
                Effect::ClearSums { identities, .. } => self.journal.clear_sums(&identities).unwrap_or_default(),
                Effect::Send { worker, command } => {
                    if let Some(node) = self.nodes.iter_mut().find(|node| node.id().as_ref() == Some(&worker)) {
                        node.commands.push_back(command);
                    }
                }
                Effect::Disconnect { worker, .. } => self.close(&worker),
                _ => {}
            }
        }
    }

    /// A session ends; what it has said may still come.
    fn close(&mut self, worker: &WorkerId) {
        if let Some(node) = self.nodes.iter_mut().find(|node| node.id().as_ref() == Some(worker)) {
            node.session = None;
            node.commands.clear();
            self.loose.extend(node.said.drain(..));
        }
    }

    /// The coordinator hears that a session has broken, after all that was said in it.
    fn lose(&mut self, at: usize, reason: &str) {
        let Some(worker) = self.nodes[at].id() else { return };
        self.say(|| format!("{worker}: {reason}"));
        self.lost += 1;
        let said: Vec<Event> = self.nodes[at].said.drain(..).collect();
        self.close(&worker);
        let heard = self.draw(said.len() + 1);
        said.into_iter().take(heard).for_each(|event| self.hear(event));
        self.step(Event::WorkerGone { worker, reason: reason.into() });
    }

    fn some_node(&mut self, suits: impl Fn(&Node) -> bool) -> Option<usize> {
        let suited: Vec<usize> = (0..self.nodes.len()).filter(|at| suits(&self.nodes[*at])).collect();
        (!suited.is_empty()).then(|| suited[self.draw(suited.len())])
    }

    /// To the end; with chaos all kinds of things happen on the way.
    pub(super) fn run(mut self, chaos: bool) -> Ended {
        let jobs = vec![JobId("training".into()), JobId("search".into())];
        for turn in 0..TURNS_MAX {
            self.carry_out();
            let chaos = chaos && turn < CHAOS;
            if !chaos && turn == CHAOS {
                self.heal();
            }
            if jobs.iter().all(|job| self.observer.ends.contains_key(job)) && self.effects.is_empty() {
                break;
            }
            match self.draw(32) {
                0..3 => self.pass(20, 250),
                3..10 => self.hear_loose(),
                10..17 => self.hear_session(),
                17..24 => self.obey(),
                24..31 => self.work(),
                _ if chaos => self.disturb(),
                _ => self.pass(100, 1_000),
            }
        }
        // A job that has ended has no runs any more.
        let running = |job: &Job| job.search.as_ref().is_some_and(|search| !search.runs.is_empty());
        let at_work =
            self.core.jobs.iter().filter(|(_, job)| running(job)).map(|(id, _)| format!("job {id} is at work"));
        let at_work = at_work.collect();
        Ended { at_work, observer: self.observer, trace: self.trace, lost: self.lost, jobs }
    }

    fn heal(&mut self) {
        self.say(|| "nothing more happens".into());
        for at in 0..self.nodes.len() {
            self.nodes[at].silent = false;
        }
        if self.nodes.iter().all(|node| !node.alive || node.leaving) {
            self.add_node();
        }
    }

    /// Time passes; who can renews.
    fn pass(&mut self, least: usize, most: usize) {
        let passed = least + self.draw(most - least);
        self.now += Duration::from_millis(passed as u64);
        for at in 0..self.nodes.len() {
            let node = &self.nodes[at];
            match node.id() {
                Some(worker) if node.alive && !node.silent => self.step(Event::WorkerRenewed { worker }),
                None if node.alive && !node.silent && !node.leaving => self.register(at),
                _ => {}
            }
        }
        self.step(Event::Tick);
    }

    fn hear_loose(&mut self) {
        if !self.loose.is_empty() {
            let at = self.draw(self.loose.len());
            let event = self.loose.swap_remove(at);
            self.step(event);
        }
    }

    fn hear_session(&mut self) {
        let Some(at) = self.some_node(|node| !node.silent && !node.said.is_empty()) else { return };
        let Some(event) = self.nodes[at].said.pop_front() else { return };
        self.hear(event);
    }

    /// What a worker says, in its session or by a call.
    fn hear(&mut self, event: Event) {
        self.repeated = Some(event.clone());
        self.step(event);
    }

    fn obey(&mut self) {
        let ready = |node: &Node| node.alive && !node.silent && !node.commands.is_empty();
        let Some(at) = self.some_node(ready) else { return };
        let Some(command) = self.nodes[at].commands.pop_front() else { return };
        let Command::StartTrial { job, number, .. } = &command else {
            return self.nodes[at].obey(command, &self.frames.record);
        };
        let run = (job.clone(), *number);
        let kept = self.checkpoints.get(job).cloned().unwrap_or_default();
        let answering = |(other, node): &(usize, &Node)| *other == at || (node.alive && !node.silent);
        let others: BTreeMap<String, BTreeMap<String, u64>> = self
            .nodes
            .iter()
            .enumerate()
            .filter(answering)
            .map(|(_, node)| (node.address.clone(), node.states.clone()))
            .collect();
        let own = self.nodes[at].address.clone();
        let ask = |plan: &TrialPlan| {
            let Some(from) = &plan.from else { return Asked::Had };
            let holds = |address: &String| {
                others.get(address).is_some_and(|states| states.get(&plan.identity) == Some(&from.round))
            };
            let had = from.holders.iter().chain([&own]).any(holds) || kept.get(&plan.identity) == Some(&from.round);
            match had {
                true => Asked::Had,
                false if from.holders.iter().all(|address| others.contains_key(address)) => Asked::Nowhere,
                false => Asked::Unanswered,
            }
        };
        let text = format!("{own} begins {command:?}");
        self.nodes[at].begin(command, ask);
        // It may have refused.
        if let Some(begun) = self.nodes[at].at_work.get(&run) {
            begun.seats.iter().for_each(|seat| self.observer.goes_on(&seat.plan.identity, seat.round));
        }
        let shown: String = text.chars().take(160).collect();
        self.say(|| shown);
    }

    /// Some node takes a trial of a run one round further, if its peers let it.
    fn work(&mut self) {
        let busy = |node: &Node| node.alive && !node.at_work.is_empty();
        let Some(at) = self.some_node(busy) else { return };
        let runs: Vec<RunId> = self.nodes[at].at_work.keys().cloned().collect();
        let run = runs[self.draw(runs.len())].clone();
        let Some(part) = self.nodes[at].at_work.get(&run) else { return };
        let Some(seat) =
            (0..part.seats.len()).filter(|seat| !part.seats[*seat].ended).min_by_key(|seat| part.seats[*seat].round)
        else {
            self.nodes[at].at_work.remove(&run);
            return;
        };
        match self.peers(at, part, &run, seat) {
            Peers::Ready => self.advance(at, &run, seat),
            Peers::Behind => {}
            Peers::Missing => {
                let report = Report::new(Kind::Work, PEER_LOST, "nothing answers");
                self.nodes[at].stop(&run, TrialReport::Failed { trial: None, report, fit: None });
            }
        }
    }

    fn peers(&self, at: usize, part: &Part, run: &RunId, seat: usize) -> Peers {
        let round = part.seats[seat].round;
        let mut found = Peers::Ready;
        for member in part.members.iter().filter(|member| member.address != self.nodes[at].address) {
            let Some(peer) = self.nodes.iter().find(|node| node.address == member.address && node.alive) else {
                return Peers::Missing;
            };
            if peer.done.contains(&(run.clone(), seat)) {
                continue;
            }
            // Numbers begin again with a term.
            match peer.at_work.get(run).filter(|theirs| theirs.members == part.members) {
                Some(theirs) if theirs.seats[seat].round >= round || theirs.seats[seat].ended => {}
                Some(_) => found = Peers::Behind,
                // It may not have been told yet.
                None if peer.session.as_ref().is_some_and(|(_, number)| *number == member.incarnation)
                    && peer.commands.iter().any(|command| is_start(command, run)) =>
                {
                    found = Peers::Behind;
                }
                None => return Peers::Missing,
            }
        }
        found
    }

    fn advance(&mut self, at: usize, run: &RunId, seat: usize) {
        let (job, number) = run.clone();
        let node = &mut self.nodes[at];
        let Some(part) = node.at_work.get_mut(run) else { return };
        let first = part.me == 0;
        // It may have had no round left.
        part.seats[seat].round = (part.seats[seat].round + 1).min(rounds(&part.seats[seat].plan));
        let (plan, round) = (part.seats[seat].plan.clone(), part.seats[seat].round);
        let reached = self.observer.reached.entry(plan.identity.clone()).or_default();
        *reached = round.max(*reached);
        if round < rounds(&plan) {
            if first && node.session.is_some() {
                let report = TrialReport::Progress {
                    round,
                    position: round,
                    samples: round,
                    loss: None,
                    scoring: String::new(),
                };
                node.say(|worker| Event::TrialReported { job: job.clone(), worker, number, report });
                if self.draw(4) == 0 {
                    let identity = plan.identity;
                    let kept = self.checkpoints.entry(job.clone()).or_default().entry(identity.clone()).or_default();
                    *kept = round.max(*kept);
                    self.hear(Event::CheckpointStored { job, identity, round });
                }
            }
            return;
        }
        // It is done. The model is there before it is said that there is one.
        let incarnation = node.session.as_ref().map(|(_, incarnation)| *incarnation);
        if first && plan.keeps_model {
            if node.silent || incarnation.is_none() || self.core.holder_of_first_rank(&job, number) != incarnation {
                let report = Report::new(Kind::Access, "refused", "the sender does not hold rank 0");
                return self.nodes[at].stop(run, TrialReport::Failed { trial: None, report, fit: None });
            }
            let model = model(&plan);
            self.hear(Event::ModelStored { job: job.clone(), number, trial: seat, model });
        }
        let node = &mut self.nodes[at];
        let Some(part) = node.at_work.get_mut(run) else { return };
        part.seats[seat].ended = true;
        let held = (plan.identity.clone(), part.seats[seat].round);
        node.done.insert((run.clone(), seat));
        node.hold(&run.0, vec![held]);
        let reported = Reported { outcome: outcome(&plan), train_seconds: 1.0, score_seconds: 0.0, sums: None };
        let report = TrialReport::Finished { trial: seat, reported: Box::new(reported), memory_peak_bytes: 1 };
        node.say(|worker| Event::TrialReported { job, worker, number, report });
    }

    /// Something happens.
    fn disturb(&mut self) {
        match self.draw(12) {
            0 | 1 => self.crash_node(),
            2 | 3 => self.break_session(),
            4 => self.silence(),
            5 => self.wake(),
            6 => self.leave(),
            7 if self.nodes.len() < HOSTS_MAX => self.add_node(),
            8 => self.start(),
            9 | 10 => {
                let (commits, left) = (self.draw(4) as u32, Left::ALL[self.draw(Left::ALL.len())]);
                self.journal.crash_after(commits, left);
                self.crash = left;
            }
            11 => {
                // It is heard twice.
                if let Some(event) = self.repeated.clone() {
                    self.say(|| format!("again {event:?}").chars().take(160).collect());
                    self.step(event);
                }
            }
            _ => self.pass(1_000, 20_000),
        }
    }

    fn crash_node(&mut self) {
        let Some(at) = self.some_node(|node| node.alive) else { return };
        let number = self.nodes.len() as u32;
        self.lose(at, "its session ended: the process was killed");
        // It begins again as another process at another address, sometimes.
        self.nodes[at].alive = false;
        if self.draw(4) > 0 && self.nodes.iter().filter(|node| node.alive).count() < HOSTS_MAX {
            self.nodes.push(Node::new(number + 1));
        }
    }

    fn break_session(&mut self) {
        let Some(at) = self.some_node(|node| node.alive && node.session.is_some()) else { return };
        self.lose(at, "its session broke");
    }

    fn silence(&mut self) {
        if let Some(at) = self.some_node(|node| node.alive && !node.silent) {
            self.nodes[at].silent = true;
            let address = self.nodes[at].address.clone();
            self.say(|| format!("{address} is silent"));
        }
    }

    fn wake(&mut self) {
        if let Some(at) = self.some_node(|node| node.silent) {
            self.nodes[at].silent = false;
        }
    }

    fn leave(&mut self) {
        if self.nodes.iter().filter(|node| node.alive && !node.leaving).count() < 2 {
            return;
        }
        let Some(at) = self.some_node(|node| node.alive && !node.leaving && node.session.is_some()) else { return };
        self.nodes[at].leaving = true;
        self.nodes[at].say(|worker| Event::WorkerLeaving { worker });
    }
}

enum Peers {
    Ready,
    /// They come to it.
    Behind,
    Missing,
}

fn is_start(command: &Command, run: &RunId) -> bool {
    matches!(command, Command::StartTrial { job, number, .. } if (job, number) == (&run.0, &run.1))
}

/// What a trial finds: a function of what it is.
fn outcome(plan: &TrialPlan) -> TrialOutcome {
    let words = Philox::new(7, &plan.identity).draw(0, 0, 0);
    let metrics = Metrics { rows: 100, auc: Some(f64::from(unit(words[0]))), ..Metrics::default() };
    use aquifer_model::Part::{Holdout, Train};
    let part = if plan.fold.is_some() { Holdout } else { Train };
    let position = plan.fit.stop_at.unwrap_or(8_000);
    TrialOutcome {
        scores: vec![Score { part, position, metrics }],
        position,
        model_position: position,
        samples: position,
        ..TrialOutcome::default()
    }
}

fn model(plan: &TrialPlan) -> StoredModel {
    StoredModel {
        path: plan.identity.clone().into(),
        model_blake3: plan.identity.clone(),
        fit_blake3: plan.identity.clone(),
        scores: outcome(plan).scores,
        numeric_class: "exact".into(),
        kept: true,
    }
}
