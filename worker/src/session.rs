//! The session with the coordinator: registration, lease, commands. A session that breaks is begun again; until then trials go
//! on, and then their states are gone on from.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use aquifer_frame::{Plan, ShardRecord};
use aquifer_model::{Kind, Report};
use aquifer_proto::v1::{self, session_request, session_response, shard_imported};
use aquifer_proto::{CONTROL_BYTES_MAX, Clock, CohortPlan, Token, Tokens, from_status, in_place, on_own_thread};
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use tokio::sync::{Semaphore, watch};
use tokio_stream::wrappers::UnboundedReceiverStream;
use tracing::{Instrument, info, info_span, warn};

use crate::address::advertised;
use crate::budget::Budget;
use crate::config::Config;
use crate::counters::Counters;
use crate::executor::Executor;
use crate::imports::Imports;
use crate::inbox::{GenerationId, Inbox};
use crate::link::Links;
use crate::registry::Registry;
use crate::resources::disk_free_bytes;
use crate::said::{Said, failure, request, speak};
use crate::shards::{Shards, Uploads};
use crate::states::States;
use crate::trial::{self, Assignment, Node};

/// Between two attempts to reach the coordinator: twice as long after each that failed.
const RETRY: Duration = Duration::from_millis(500);
const RETRY_MAX: Duration = Duration::from_secs(5);
/// A worker that never reached its coordinator gives up after this long.
const FIRST_CONTACT: Duration = Duration::from_secs(30);
/// One that had reached it waits this long for it to come back.
const RECONNECT: Duration = Duration::from_secs(300);

/// A worker that leaves waits this long for the coordinator to have heard it.
const GOODBYE_MAX: Duration = Duration::from_secs(2);
/// Trials of a session that broke stop after what they are at.
const STOP_MAX: Duration = Duration::from_secs(30);
/// A worker that is told to end hands over what it has within this time.
const LEAVE_MAX: Duration = Duration::from_secs(20);

/// Refusals that another attempt would meet again; whatever else breaks a session may have passed by then.
const FINAL: &[&str] = &[
    "unauthenticated",
    "scope",
    "no_certificate",
    "refused",
    "protocol_version",
    "self_test",
    "quarantined",
    "bad_url",
    "not_loopback",
    "no_ca",
];

/// What a session needs, for as long as the worker lives.
pub(crate) struct Session {
    pub(crate) config: Config,
    pub(crate) listening: SocketAddr,
    pub(crate) shards: Shards,
    pub(crate) states: States,
    pub(crate) executor: Arc<dyn Executor>,
    pub(crate) budget: Arc<Budget>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) registry: Registry,
    pub(crate) tokens: Tokens,
    pub(crate) imports: Imports,
    /// Places for imports, as many as there is memory for.
    pub(crate) importing: Arc<Semaphore>,
    pub(crate) counters: Arc<Counters>,
    pub(crate) self_test: String,
    /// What tells it from others, wherever it listens.
    pub(crate) node: String,
}

impl Session {
    /// Keeps a session open until `stop`, or until the coordinator refuses this worker or stays away. Meanwhile trials go on.
    pub(crate) async fn keep(&self, mut stop: watch::Receiver<bool>) -> Result<(), Report> {
        let mut last_contact = self.clock.now();
        let (mut patience, mut retry) = (FIRST_CONTACT, RETRY);
        loop {
            let ended = self.run(stop.clone()).await;
            self.counters.set_term(None);
            if *stop.borrow() {
                self.registry.stop_all();
                return Ok(());
            }
            match ended {
                Ok(()) => {
                    warn!("the session ended: trials go on, and the coordinator is dialled again");
                    (last_contact, patience, retry) = (self.clock.now(), RECONNECT, RETRY);
                }
                Err(report) if FINAL.contains(&&*report.code) => return self.give_up(report),
                Err(report) if self.clock.now() - last_contact > patience => return self.give_up(report),
                Err(report) => {
                    let hint = report.hint.as_deref();
                    warn!(report = %report.whole(), hint, "the coordinator cannot be reached");
                }
            }
            let _ = tokio::time::timeout(retry, stop.wait_for(|stop| *stop)).await;
            retry = (retry * 2).min(RETRY_MAX);
        }
    }

    fn give_up(&self, report: Report) -> Result<(), Report> {
        self.registry.stop_all();
        Err(report)
    }

    /// One session. `Ok` once it had begun and broke, or this worker has left the cluster.
    async fn run(&self, mut stop: watch::Receiver<bool>) -> Result<(), Report> {
        let reached = async {
            let client = self.shards.links.coordinator(&self.config.coordinator).await?;
            // A machine that was away may have come back under another address.
            Ok::<_, Report>((client, advertised(&self.config, self.listening).await?))
        };
        let (mut client, own_address) = tokio::select! {
            biased;
            reached = reached => reached?,
            _ = stop.wait_for(|stop| *stop) => return Ok(()),
        };
        let shards = Shards { own_address, ..self.shards.clone() };
        // What is left of an earlier session is stopped: its states are held, and gone on from.
        self.registry.stop_all();
        if tokio::time::timeout(STOP_MAX, self.registry.emptied()).await.is_err() {
            warn!("a trial of the session before does not stop");
        }
        let (said, words) = unbounded_channel::<Said>();
        let (requests, outgoing) = unbounded_channel();
        let _ = requests.send(self.register(&shards.own_address));
        aquifer_fault::kill_point("worker.session.dialled");
        let stream = client.session(UnboundedReceiverStream::new(outgoing)).await;
        let mut commands = stream.map_err(|status| from_status(&status, "registering"))?.into_inner();
        let welcome = commands.message().await.map_err(|status| from_status(&status, "registering"))?;
        let (term, welcome) = read_welcome(welcome)?;
        aquifer_fault::kill_point("worker.session.joined");
        info!(worker = welcome.worker, term, "joined the cluster");
        self.registry.set_term(term);
        let peers = Token::new(&welcome.peer_token).ok_or_else(|| wire("a welcome without a token for peers"))?;
        self.tokens.learn(&peers, &welcome.tokens);
        self.counters.sessions.add(1);
        self.counters.set_term(Some(term));
        let said_by = info_span!("session", term, worker = welcome.worker);
        let node = Node {
            shards: Shards { links: Links { peers, ..self.shards.links.clone() }, ..shards },
            states: self.states.clone(),
            executor: self.executor.clone(),
            budget: self.budget.clone(),
            clock: self.clock.clone(),
            incarnation: welcome.incarnation,
            said: said.clone(),
            counters: self.counters.clone(),
        };
        let mut speaker = tokio::spawn(speak(words, requests, term, welcome.incarnation));
        let renewals = tokio::spawn(renew(
            said,
            self.states.clone(),
            self.clock.clone(),
            Duration::from_millis(u64::from(welcome.lease_ms)) / 3,
        ));
        let obeyed = async {
            while let Ok(Some(command)) = commands.message().await {
                if command.header.as_ref().is_some_and(|header| header.term == term)
                    && let Some(message) = command.message
                {
                    said_by.in_scope(|| self.obey(&node, message, *stop.borrow()));
                }
            }
        };
        let mut told = stop.clone();
        let left = async {
            let _ = told.wait_for(|stop| *stop).await;
            if tokio::time::timeout(LEAVE_MAX, self.leave(&node, term)).await.is_err() {
                warn!("what is at work here could not be handed over within {} s", LEAVE_MAX.as_secs());
            }
        };
        let leaves = tokio::select! {
            biased;
            () = obeyed => false,
            () = left => true,
        };
        renewals.abort();
        if leaves {
            // What it said last arrives before the connection goes.
            drop((node, renewals.await));
            let gone = async {
                let _ = (&mut speaker).await;
                while let Ok(Some(_)) = commands.message().await {}
            };
            let _ = tokio::time::timeout(GOODBYE_MAX, gone).await;
        }
        speaker.abort();
        Ok(())
    }

    /// Hands over what is at work: the coordinator stops it, and keeps the states.
    async fn leave(&self, node: &Node, term: u64) {
        info!("leaving the cluster");
        let _ = node.said.send(Said::Leaving);
        self.registry.emptied().await;
        for (identity, held) in self.states.all() {
            let state = v1::HeldState { identity, round: held.round() };
            let id = GenerationId { term, trial: held.job, number: 0 };
            let bytes = Arc::new(in_place(|| held.snapshot.to_bytes()));
            if let Err(report) = trial::put_checkpoint(node, &id, &state, bytes).await {
                warn!(identity = state.identity, report = %report.whole(), "a state is not handed over");
            }
        }
    }

    fn register(&self, own_address: &str) -> v1::SessionRequest {
        let register = v1::Register {
            address: own_address.to_owned(),
            pid: std::process::id(),
            threads: self.config.threads as u32,
            devices: vec!["cpu".into()],
            memory_bytes: self.budget.bytes(),
            disk_free_bytes: disk_free_bytes(&self.config.dir),
            self_test: self.self_test.clone(),
            shards: self.shards.store.list().into_iter().collect(),
            states: self.states.list(),
            node: self.node.clone(),
        };
        request(0, 0, session_request::Message::Register(register))
    }

    fn obey(&self, node: &Node, message: session_response::Message, leaving: bool) {
        match message {
            session_response::Message::Registered(_) => {}
            session_response::Message::ImportShard(import) => self.import(node, import),
            session_response::Message::StartTrial(start) => self.start_trial(node, start, leaving),
            session_response::Message::ForgetStates(forget) if forget.identities.is_empty() => {
                self.states.forget_job(&forget.job);
            }
            session_response::Message::ForgetStates(forget) => {
                forget.identities.iter().for_each(|identity| self.states.forget(identity));
            }
            session_response::Message::StopTrial(stop) => {
                let v1::StopTrial { generation: Some(generation), trial } = stop else { return };
                match trial {
                    Some(trial) => self.registry.drop_trial(&generation.into(), trial as usize),
                    // What it had to say it has said, but for this, which the coordinator waits for.
                    None if !self.registry.stop(&generation.clone().into()) => say_stopped(node, generation),
                    None => {}
                }
            }
            session_response::Message::DropShards(drop) => self.drop_shards(node, drop),
        }
    }

    fn import(&self, node: &Node, import: v1::ImportShard) {
        let (shards, executor, said) = (node.shards.clone(), node.executor.clone(), node.said.clone());
        let (imports, counters, importing) = (self.imports.clone(), self.counters.clone(), self.importing.clone());
        imports.begin(&import.job, || shards.store.list());
        let uploads: Uploads = import.uploads.iter().map(|file| (file.path.clone(), file.upload.clone())).collect();
        tokio::spawn(async move {
            let fetched = match imports.is_dropped(&import.job) {
                true => Ok(()),
                false => shards.fetch_uploads(&uploads).await,
            };
            // The places are never taken away.
            let place = importing.acquire_owned().await;
            executor.submit(Box::new(move || {
                aquifer_fault::kill_point("worker.import.begin");
                let _place = place;
                let made = match imports.is_dropped(&import.job) {
                    true => Err(Report::new(Kind::Interrupted, "dropped", "the job has failed elsewhere")),
                    false => fetched.and_then(|()| make_shard(&shards, &import, &uploads)),
                };
                aquifer_fault::kill_point("worker.import.made");
                let hash = made.as_ref().ok().map(|record| record.hash.clone());
                counters.imported(made.as_ref().ok().map(|record| record.bytes));
                let result = match made.and_then(|record| record_json(&record)) {
                    Ok(json) => shard_imported::Result::RecordJson(json),
                    Err(report) => shard_imported::Result::Failure(failure(&report)),
                };
                let v1::ImportShard { job, slot, shard, .. } = import;
                let dropped = v1::ShardsDropped { job: job.clone() };
                // While it counts as at work: that nothing of the job is left is never said before that this was made.
                let _ = said.send(Said::Shard(v1::ShardImported { job, slot, shard, result: Some(result) }));
                aquifer_fault::kill_point("worker.import.reported");
                let drops = imports.end(&dropped.job, hash.as_deref(), |hash| shards.store.remove(hash));
                (0..drops).for_each(|_| drop(said.send(Said::Dropped(dropped.clone()))));
            }));
        });
    }

    fn drop_shards(&self, node: &Node, drop: v1::DropShards) {
        self.shards.drop_all(&drop.shards);
        // Nobody waits for shards that go without a job.
        if !drop.job.is_empty() && self.imports.drop_job(&drop.job) {
            let _ = node.said.send(Said::Dropped(v1::ShardsDropped { job: drop.job }));
        }
    }

    /// A cohort has a thread of its own, which mostly waits.
    fn start_trial(&self, node: &Node, start: v1::StartTrial, leaving: bool) {
        let Some(generation) = start.generation else { return };
        let id = GenerationId::from(generation.clone());
        let failed = |report: Report| {
            let failed =
                v1::TrialFailed { generation: Some(generation), failure: Some(failure(&report)), ..Default::default() };
            let _ = node.said.send(Said::Failed(failed));
        };
        if leaving {
            return failed(Report::new(Kind::Work, "leaving", "this worker is leaving the cluster"));
        }
        aquifer_fault::kill_point("worker.trial.asked");
        let plan = match serde_json::from_str::<CohortPlan>(&start.cohort_json) {
            Ok(plan) => plan,
            Err(error) => return failed(unreadable("cohort", &error)),
        };
        let (sender, events) = unbounded_channel();
        let inbox = Inbox { sender, stop: Arc::default() };
        self.registry.open(&id, inbox.clone());
        let (node, registry) = (node.clone(), self.registry.clone());
        let assignment = Assignment { id: id.clone(), members: start.members, me: start.me as usize, plan };
        let said_by = info_span!("cohort", job = id.trial, generation = id.number);
        let run = async move {
            let ended = trial::run(&node, assignment, events, &inbox).await;
            registry.close(&id);
            if ended && inbox.is_told_to_stop() {
                say_stopped(&node, (&id).into()); // it was told when it had nothing left to do
            }
        };
        on_own_thread(run.instrument(said_by));
    }
}

fn say_stopped(node: &Node, generation: v1::Generation) {
    let stopped = v1::TrialFailed { generation: Some(generation), stopped: true, ..v1::TrialFailed::default() };
    let _ = node.said.send(Said::Failed(stopped));
}

fn make_shard(shards: &Shards, import: &v1::ImportShard, uploads: &Uploads) -> Result<ShardRecord, Report> {
    let work = std::panic::AssertUnwindSafe(|| {
        shards.check_writable()?;
        let plan: Plan = serde_json::from_str(&import.plan_json).map_err(|error| unreadable("plan", &error))?;
        shards.import(&plan, import.shard as usize, uploads)
    });
    let panicked = |_| Err(Report::new(Kind::Work, "panic", "the import panicked: this is a bug"));
    std::panic::catch_unwind(work).unwrap_or_else(panicked)
}

/// A message that is too long would break the session, and be made again in the next.
fn record_json(record: &ShardRecord) -> Result<String, Report> {
    /// For what stands around it.
    const MARGIN: usize = 1 << 16;
    let json = serde_json::to_string(record).unwrap_or_default();
    if json.len() <= CONTROL_BYTES_MAX - MARGIN {
        return Ok(json);
    }
    let columns = record.columns.len();
    let message = format!("the statistics of {columns} columns are too large: {} MiB in one shard", json.len() >> 20);
    Err(Report::new(Kind::Data, "too_many_columns", message).hint("leave columns out with --ignore"))
}

async fn renew(said: UnboundedSender<Said>, states: States, clock: Arc<dyn Clock>, interval: Duration) {
    loop {
        tokio::time::sleep(interval).await;
        states.prune(clock.now());
        if said.send(Said::Renew).is_err() {
            return;
        }
    }
}

fn read_welcome(message: Option<v1::SessionResponse>) -> Result<(u64, v1::Registered), Report> {
    let unreachable = || Report::new(Kind::Access, "unreachable", "the coordinator closed the session");
    let message = message.ok_or_else(unreachable)?;
    let term = message.header.as_ref().map_or(0, |header| header.term);
    match message.message {
        Some(session_response::Message::Registered(welcome)) => Ok((term, welcome)),
        _ => Err(wire("a session begins with Registered")),
    }
}

fn wire(message: &str) -> Report {
    Report::new(Kind::Work, "wire", message)
}

fn unreadable(what: &str, error: &serde_json::Error) -> Report {
    Report::new(Kind::Work, "wire", format!("the {what} that the coordinator sent cannot be read")).caused_by(error)
}
