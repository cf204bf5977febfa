//! What a worker says to its coordinator, and how it is written down.

use aquifer_model::Report;
use aquifer_proto::PROTOCOL_VERSION;
use aquifer_proto::v1::{self, session_request};
use tokio::sync::mpsc::UnboundedSender;

/// What a worker says in its session.
pub(crate) enum Said {
    Renew,
    Shard(v1::ShardImported),
    Dropped(v1::ShardsDropped),
    /// Shards that a trial brought into the store.
    Held(Vec<String>),
    Progress(v1::TrialProgress),
    Scored(v1::TrialScored),
    Finished(v1::TrialFinished),
    Failed(v1::TrialFailed),
    Checked(v1::TrialChecked),
    /// It is about to end.
    Leaving,
}

/// Turns what is said into messages until the session breaks.
pub(crate) async fn speak(
    mut words: tokio::sync::mpsc::UnboundedReceiver<Said>,
    requests: UnboundedSender<v1::SessionRequest>,
    term: u64,
    incarnation: u64,
) {
    while let Some(said) = words.recv().await {
        let message = match said {
            Said::Renew => session_request::Message::Renew(v1::Renew {}),
            Said::Shard(imported) => session_request::Message::ShardImported(imported),
            Said::Dropped(dropped) => session_request::Message::ShardsDropped(dropped),
            Said::Held(shards) => session_request::Message::ShardsHeld(v1::ShardsHeld { shards }),
            Said::Progress(progress) => session_request::Message::TrialProgress(progress),
            Said::Scored(scored) => session_request::Message::TrialScored(scored),
            Said::Finished(finished) => session_request::Message::TrialFinished(finished),
            Said::Checked(checked) => session_request::Message::TrialChecked(checked),
            Said::Leaving => session_request::Message::Leaving(v1::Leaving {}),
            Said::Failed(failed) => session_request::Message::TrialFailed(failed),
        };
        if requests.send(request(term, incarnation, message)).is_err() {
            return;
        }
    }
}

pub(crate) fn request(term: u64, incarnation: u64, message: session_request::Message) -> v1::SessionRequest {
    let header = v1::Header { protocol_version: PROTOCOL_VERSION, term, incarnation };
    v1::SessionRequest { header: Some(header), message: Some(message) }
}

pub(crate) fn failure(report: &Report) -> v1::Failure {
    v1::Failure { report_json: serde_json::to_string(report).unwrap_or_default() }
}
