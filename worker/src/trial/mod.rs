//! A cohort of trials on this worker: one task, on a thread of its own, that takes it through its rounds. What they compute is
//! computed on the executor; partials go to the exchanges, messages to the peers.

mod checkpoint;
mod cohort;
mod data;
mod going_on;
mod mapping;
mod memory;
mod pair;
mod seat;
mod stream;
#[cfg(test)]
mod tests;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;

use aquifer_model::{Kind, Report};
use aquifer_proto::v1::{self, ExchangeRequest};
use aquifer_proto::{CHUNK_BYTES, Clock, CohortPlan, PROTOCOL_VERSION, from_status, is_of_the_way};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender};
use tracing::{debug, info, warn};

use crate::budget::Budget;
use crate::counters::Counters;
use crate::executor::Executor;
use crate::inbox::{GenerationId, Inbox, TrialEvent};
use crate::said::{Said, failure};
use crate::shards::Shards;
use crate::states::States;
pub(crate) use checkpoint::put as put_checkpoint;
use cohort::Cohort;
pub use pair::Pair;
use stream::dial;

/// How a cohort ends early.
#[derive(Debug)]
enum End {
    Stopped,
    Failed(Report),
    /// A peer's state differs from this member's.
    Differs {
        trial: usize,
        round: u64,
        check: u64,
    },
    /// A state that was to be gone on from is nowhere.
    StateLost {
        state: Box<v1::HeldState>,
        report: Report,
    },
    /// So many of its first trials would fit into memory.
    TooLarge {
        report: Report,
        fit: usize,
        /// Others had memory reserved.
        others: bool,
    },
}

impl<E: Into<Report>> From<E> for End {
    fn from(error: E) -> Self {
        End::Failed(error.into())
    }
}

impl End {
    /// Whether trials may go on from the states that they have here.
    fn keeps_states(&self) -> bool {
        match self {
            End::Stopped => true,
            End::Failed(report) => is_of_the_way(report),
            End::Differs { .. } | End::StateLost { .. } | End::TooLarge { .. } => false,
        }
    }
}

/// Ways to the members, in their order; none to this one.
type Peers = Vec<Option<UnboundedSender<ExchangeRequest>>>;

/// What this worker lends to every trial.
#[derive(Clone)]
pub(crate) struct Node {
    pub(crate) shards: Shards,
    pub(crate) states: States,
    pub(crate) executor: Arc<dyn Executor>,
    pub(crate) budget: Arc<Budget>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) incarnation: u64,
    pub(crate) said: UnboundedSender<Said>,
    pub(crate) counters: Arc<Counters>,
}

/// What the coordinator said of this trial.
pub(crate) struct Assignment {
    pub(crate) id: GenerationId,
    pub(crate) members: Vec<v1::Member>,
    pub(crate) me: usize,
    pub(crate) plan: CohortPlan,
}

/// Why a cohort ended early, and the states that are held of it from now on.
type Early = Box<(End, Vec<v1::HeldState>)>;

fn early(end: End) -> Early {
    Box::new((end, Vec::new()))
}

/// Runs a cohort to its end, and says how each of its trials ended. False if it ended early, and has said so.
pub(crate) async fn run(
    node: &Node,
    assignment: Assignment,
    events: UnboundedReceiver<TrialEvent>,
    inbox: &Inbox,
) -> bool {
    let id = assignment.id.clone();
    node.counters.cohorts.add(1);
    info!(trials = assignment.plan.trials.len(), members = assignment.members.len(), "a cohort begins");
    let mut rounds = pin!(run_rounds(node, assignment, events, inbox));
    let ended = std::future::poll_fn(|context| {
        let panicked =
            |_| Err(early(End::Failed(Report::new(Kind::Work, "panic", "the trial panicked: this is a bug"))));
        let polled = catch_unwind(AssertUnwindSafe(|| rounds.as_mut().poll(context)));
        polled.unwrap_or_else(|panic| Poll::Ready(panicked(panic)))
    });
    let (end, held) = match ended.await {
        Ok(()) => return true,
        Err(early) => *early,
    };
    if let End::Failed(report) | End::StateLost { report, .. } | End::TooLarge { report, .. } = &end {
        node.counters.cohorts_failed.add(1);
        warn!(report = %report.whole(), "a cohort ended");
    }
    let failed = v1::TrialFailed { generation: Some((&id).into()), held, ..v1::TrialFailed::default() };
    let failed = match end {
        End::Stopped => v1::TrialFailed { stopped: true, ..failed },
        End::Failed(report) => v1::TrialFailed { failure: Some(failure(&report)), ..failed },
        End::StateLost { state, report } => {
            v1::TrialFailed { lost: Some(*state), failure: Some(failure(&report)), ..failed }
        }
        End::Differs { trial, round, check } => {
            v1::TrialFailed { trial: Some(trial as u32), round: Some(round), state_check: check, ..failed }
        }
        End::TooLarge { report, fit, others } => {
            v1::TrialFailed { failure: Some(failure(&report)), fit: Some(fit as u32), others, ..failed }
        }
    };
    // Without a session the coordinator knows already that this worker is lost.
    let _ = node.said.send(Said::Failed(failed));
    false
}

async fn run_rounds(
    node: &Node,
    assignment: Assignment,
    events: UnboundedReceiver<TrialEvent>,
    inbox: &Inbox,
) -> Result<(), Early> {
    let (id, me) = (assignment.id.clone(), assignment.me);
    let others = assignment.members.iter().enumerate();
    let peers = others.map(|(k, m)| (k != me).then(|| dial(node, &id, k, m, inbox.sender.clone()))).collect();
    aquifer_fault::kill_point("worker.trial.begin");
    let mut cohort = Cohort::begin(node, assignment, peers, events, inbox).await.map_err(early)?;
    let ended = match to_the_end(node, &id, me, &mut cohort).await {
        // It was told to stop, and waits for no answer but this.
        Ok(()) if inbox.is_told_to_stop() => Err(End::Stopped),
        ended => ended,
    };
    ended.map_err(|end| {
        aquifer_fault::kill_point("worker.trial.stopped");
        let held = if end.keeps_states() { cohort.hold() } else { Vec::new() };
        Box::new((end, held))
    })
}

async fn to_the_end(node: &Node, id: &GenerationId, me: usize, cohort: &mut Cohort<'_>) -> Result<(), End> {
    let generation = || Some(id.into());
    while let Some(ended) = cohort.next_ended().await? {
        for (at, ended) in ended {
            // The model is there before it is said that there is one.
            aquifer_fault::kill_point("worker.trial.trained");
            let model = ended.and_then(|()| cohort.model(at));
            let ended = match model {
                Ok(Some((model, scores))) if me == 0 => put_model(node, id, at, model, scores).await,
                other => other.map(drop),
            };
            if let Err(report) = &ended
                && is_of_the_way(report)
            {
                // It is done, and the coordinator does not know: that is gone on from.
                cohort.reopen(at);
                return Err(End::Failed(report.clone()));
            }
            match &ended {
                Ok(()) => info!(trial = at, round = cohort.round(at), "a trial is done"),
                Err(report) => warn!(trial = at, round = cohort.round(at), report = %report.whole(), "a trial failed"),
            }
            aquifer_fault::kill_point("worker.trial.unsaid");
            let _ = node.said.send(match ended {
                Ok(()) => {
                    let finished = cohort.finished(at);
                    let held = Some(cohort.hold_done(at));
                    Said::Finished(v1::TrialFinished { generation: generation(), held, ..finished })
                }
                Err(report) => Said::Failed(v1::TrialFailed {
                    generation: generation(),
                    failure: Some(failure(&report)),
                    trial: Some(at as u32),
                    ..v1::TrialFailed::default()
                }),
            });
        }
    }
    Ok(())
}

/// The holder of rank 0 streams the model to the coordinator, and after it the scores.
async fn put_model(node: &Node, id: &GenerationId, at: usize, bytes: Vec<u8>, scores: Vec<u8>) -> Result<(), Report> {
    aquifer_fault::kill_point("worker.model.before");
    debug!(bytes = bytes.len(), "the model is sent");
    let header = v1::Header { protocol_version: PROTOCOL_VERSION, term: id.term, incarnation: node.incarnation };
    let mut head = Some((header, id.into()));
    let piece = |data: &[u8]| {
        let (header, generation) = head.take().unzip();
        v1::PutModelRequest { header, generation, data: data.to_vec(), trial: at as u32, ..Default::default() }
    };
    let score = |data: &[u8]| v1::PutModelRequest { scores_json: data.to_vec(), ..v1::PutModelRequest::default() };
    let pieces = bytes.chunks(CHUNK_BYTES).map(piece).chain(scores.chunks(CHUNK_BYTES).map(score));
    let pieces: Vec<_> = pieces.collect();
    let mut client = node.shards.links.coordinator(&node.shards.coordinator).await?;
    let pieces = pieces.into_iter().inspect(|_| aquifer_fault::kill_point("worker.model.piece"));
    let sent = client.put_model(tokio_stream::iter(pieces)).await;
    aquifer_fault::kill_point("worker.model.sent");
    sent.map(drop).map_err(|status| from_status(&status, "sending the model"))
}
