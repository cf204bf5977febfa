//! The session with the coordinator: registration, lease, commands. A broken session stops every trial, and is begun again.

use std::sync::Arc;
use std::time::Duration;

use aquifer_frame::{Plan, ShardRecord};
use aquifer_model::{Kind, Report};
use aquifer_proto::v1::{self, session_request, session_response, shard_imported};
use aquifer_proto::{CONTROL_BYTES_MAX, CohortPlan, from_status, on_own_thread};
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use tokio::sync::watch;
use tokio_stream::wrappers::UnboundedReceiverStream;
use tracing::{info, warn};

use crate::budget::Budget;
use crate::config::Config;
use crate::executor::Executor;
use crate::imports::Imports;
use crate::inbox::{GenerationId, Inbox};
use crate::registry::Registry;
use crate::resources::disk_free_bytes;
use crate::said::{Said, failure, request, speak};
use crate::shards::{Shards, Uploads};
use crate::trial::{self, Assignment, Node};

/// Between two attempts to reach the coordinator: twice as long after each that failed.
const RETRY: Duration = Duration::from_millis(500);
const RETRY_MAX: Duration = Duration::from_secs(5);
/// A worker that never reached its coordinator gives up after this long.
const FIRST_CONTACT: Duration = Duration::from_secs(30);
/// One that had reached it waits this long for it to come back.
const RECONNECT: Duration = Duration::from_secs(300);

/// Refusals that another attempt would meet again; whatever else breaks a session may have passed by then.
const FINAL: &[&str] = &["unauthenticated", "refused", "protocol_version", "self_test", "bad_url", "not_loopback"];

/// What a session needs, for as long as the worker lives.
pub(crate) struct Session {
    pub(crate) config: Config,
    pub(crate) shards: Shards,
    pub(crate) executor: Arc<dyn Executor>,
    pub(crate) budget: Arc<Budget>,
    pub(crate) clock: Arc<dyn aquifer_proto::Clock>,
    pub(crate) registry: Registry,
    pub(crate) imports: Imports,
    pub(crate) self_test: String,
}

impl Session {
    /// Keeps a session open until `stop`, or until the coordinator refuses this worker or stays away.
    pub(crate) async fn keep(&self, mut stop: watch::Receiver<bool>) -> Result<(), Report> {
        let mut last_contact = self.clock.now();
        let (mut patience, mut retry) = (FIRST_CONTACT, RETRY);
        loop {
            let ended = tokio::select! {
                _ = stop.wait_for(|stop| *stop) => {
                    self.registry.stop_all();
                    return Ok(());
                }
                ended = self.run() => ended,
            };
            self.registry.stop_all();
            match ended {
                Ok(()) => {
                    warn!("the session ended");
                    (last_contact, patience, retry) = (self.clock.now(), RECONNECT, RETRY);
                }
                Err(report) if FINAL.contains(&&*report.code) => return Err(report),
                Err(report) if self.clock.now() - last_contact > patience => return Err(report),
                Err(report) => warn!(%report, "the coordinator cannot be reached"),
            }
            tokio::time::sleep(retry).await;
            retry = (retry * 2).min(RETRY_MAX);
        }
    }

    /// One session. `Ok` once it had begun and broke.
    async fn run(&self) -> Result<(), Report> {
        let mut client = self.shards.links.coordinator(&self.config.coordinator).await?;
        let (said, words) = unbounded_channel::<Said>();
        let (requests, outgoing) = unbounded_channel();
        let _ = requests.send(self.register());
        let stream = client.session(UnboundedReceiverStream::new(outgoing)).await;
        let mut commands = stream.map_err(|status| from_status(&status, "registering"))?.into_inner();
        let welcome = commands.message().await.map_err(|status| from_status(&status, "registering"))?;
        let (term, welcome) = read_welcome(welcome)?;
        info!(worker = welcome.worker, term, "joined the cluster");
        self.registry.set_term(term);
        let node = Node {
            shards: self.shards.clone(),
            executor: self.executor.clone(),
            budget: self.budget.clone(),
            clock: self.clock.clone(),
            incarnation: welcome.incarnation,
            said: said.clone(),
        };
        let speaker = tokio::spawn(speak(words, requests, term, welcome.incarnation));
        let renewals = tokio::spawn(renew(said, Duration::from_millis(u64::from(welcome.lease_ms)) / 3));
        while let Ok(Some(command)) = commands.message().await {
            if command.header.as_ref().is_some_and(|header| header.term == term)
                && let Some(message) = command.message
            {
                self.obey(&node, message);
            }
        }
        renewals.abort();
        speaker.abort();
        Ok(())
    }

    fn register(&self) -> v1::SessionRequest {
        let register = v1::Register {
            address: self.shards.own_address.clone(),
            pid: std::process::id(),
            threads: self.config.threads as u32,
            devices: vec!["cpu".into()],
            memory_bytes: self.budget.bytes(),
            disk_free_bytes: disk_free_bytes(&self.config.dir),
            self_test: self.self_test.clone(),
            shards: self.shards.store.list().into_iter().collect(),
        };
        request(0, 0, session_request::Message::Register(register))
    }

    fn obey(&self, node: &Node, message: session_response::Message) {
        match message {
            session_response::Message::Registered(_) => {}
            session_response::Message::ImportShard(import) => self.import(node, import),
            session_response::Message::StartTrial(start) => self.start_trial(node, start),
            session_response::Message::StopTrial(stop) => {
                let v1::StopTrial { generation: Some(generation), trial } = stop else { return };
                match trial {
                    Some(trial) => self.registry.drop_trial(&generation.into(), trial as usize),
                    None => self.registry.stop(&generation.into()),
                }
            }
            session_response::Message::DropShards(drop) => self.drop_shards(node, drop),
        }
    }

    fn import(&self, node: &Node, import: v1::ImportShard) {
        let (shards, executor, said) = (node.shards.clone(), node.executor.clone(), node.said.clone());
        let imports = self.imports.clone();
        imports.begin(&import.job, || shards.store.list());
        let uploads: Uploads = import.uploads.iter().map(|file| (file.path.clone(), file.upload.clone())).collect();
        tokio::spawn(async move {
            let fetched = match imports.is_dropped(&import.job) {
                true => Ok(()),
                false => shards.fetch_uploads(&uploads).await,
            };
            executor.submit(Box::new(move || {
                let made = match imports.is_dropped(&import.job) {
                    true => Err(Report::new(Kind::Interrupted, "dropped", "the job has failed elsewhere")),
                    false => fetched.and_then(|()| make_shard(&shards, &import, &uploads)),
                };
                let hash = made.as_ref().ok().map(|record| record.hash.clone());
                let result = match made.and_then(|record| record_json(&record)) {
                    Ok(json) => shard_imported::Result::RecordJson(json),
                    Err(report) => shard_imported::Result::Failure(failure(&report)),
                };
                let v1::ImportShard { job, slot, shard, .. } = import;
                let dropped = v1::ShardsDropped { job: job.clone() };
                // While it counts as at work: that nothing of the job is left is never said before that this was made.
                let _ = said.send(Said::Shard(v1::ShardImported { job, slot, shard, result: Some(result) }));
                let drops = imports.end(&dropped.job, hash.as_deref(), |hash| shards.store.remove(hash));
                (0..drops).for_each(|_| drop(said.send(Said::Dropped(dropped.clone()))));
            }));
        });
    }

    fn drop_shards(&self, node: &Node, drop: v1::DropShards) {
        self.shards.drop_all(&drop.shards);
        if self.imports.drop_job(&drop.job) {
            let _ = node.said.send(Said::Dropped(v1::ShardsDropped { job: drop.job }));
        }
    }

    /// A cohort has a thread of its own, which mostly waits.
    fn start_trial(&self, node: &Node, start: v1::StartTrial) {
        let Some(generation) = start.generation else { return };
        let id = GenerationId::from(generation.clone());
        let failed = |report: Report| {
            let failed =
                v1::TrialFailed { generation: Some(generation), failure: Some(failure(&report)), ..Default::default() };
            let _ = node.said.send(Said::Failed(failed));
        };
        let plan = match serde_json::from_str::<CohortPlan>(&start.cohort_json) {
            Ok(plan) => plan,
            Err(error) => return failed(unreadable("cohort", &error)),
        };
        let (sender, events) = unbounded_channel();
        let inbox = Inbox { sender, stop: Arc::default() };
        self.registry.open(&id, inbox.clone());
        let (node, registry) = (node.clone(), self.registry.clone());
        let assignment = Assignment { id: id.clone(), members: start.members, me: start.me as usize, plan };
        on_own_thread(async move {
            trial::run(&node, assignment, events, &inbox).await;
            registry.close(&id);
        });
    }
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

async fn renew(said: UnboundedSender<Said>, interval: Duration) {
    loop {
        tokio::time::sleep(interval).await;
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
        _ => Err(Report::new(Kind::Work, "wire", "a session begins with Registered")),
    }
}

fn unreadable(what: &str, error: &serde_json::Error) -> Report {
    Report::new(Kind::Work, "wire", format!("the {what} that the coordinator sent cannot be read")).caused_by(error)
}
