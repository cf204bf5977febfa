//! Streams to peers: what the exchange wants sent goes out in order, what breaks is reported to the inbox.

use aquifer_proto::v1::{self, ExchangePhase, ExchangeRequest};
use tokio::sync::mpsc::UnboundedSender;
use tokio_stream::wrappers::UnboundedReceiverStream;
use tracing::warn;

use super::Node;
use crate::core::Phase;
use crate::inbox::{GenerationId, TrialEvent};

/// Opens the stream to a member; what is sent goes out in order.
pub(super) fn dial(
    node: &Node,
    id: &GenerationId,
    member: usize,
    to: &v1::Member,
    inbox: UnboundedSender<TrialEvent>,
) -> UnboundedSender<ExchangeRequest> {
    let (sender, receiver) = tokio::sync::mpsc::unbounded_channel();
    let (address, links) = (to.address.clone(), node.shards.links.clone());
    let job = id.trial.clone();
    tokio::spawn(async move {
        let exchange = async {
            let mut client = links.peer(&address).await?;
            let sent = client.exchange(UnboundedReceiverStream::new(receiver)).await;
            sent.map(drop).map_err(|status| aquifer_proto::from_status(&status, "exchange"))
        };
        let event = match exchange.await {
            Ok(()) => TrialEvent::Delivered { member },
            Err(report) => {
                warn!(job, address, report = %report.whole(), "an exchange stream broke");
                TrialEvent::PeerLost { member, report }
            }
        };
        let _ = inbox.send(event);
    });
    sender
}

pub(super) fn to_wire(phase: Phase) -> ExchangePhase {
    match phase {
        Phase::ReduceScatter => ExchangePhase::ReduceScatter,
        Phase::AllGather => ExchangePhase::AllGather,
    }
}

pub(super) fn from_wire(phase: ExchangePhase) -> Option<Phase> {
    match phase {
        ExchangePhase::Unspecified => None,
        ExchangePhase::ReduceScatter => Some(Phase::ReduceScatter),
        ExchangePhase::AllGather => Some(Phase::AllGather),
    }
}
