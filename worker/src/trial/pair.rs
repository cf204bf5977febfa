//! Two members of a trial that only exchange: real messages, real streams and services over loopback; no coordinator, no
//! rows, nothing mapped. What measures the exchange uses it; trials do not.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use aquifer_model::{Kind, Partial, Report, Values, VectorSpec};
use aquifer_proto::v1::peer_server::PeerServer;
use aquifer_proto::v1::{self, ExchangeRequest};
use aquifer_proto::{
    Access, Credentials, PROTOCOL_VERSION, Scope, Tcp, Token, Tokens, admit, bind, exchange_messages, read_parts,
};
use tokio::runtime::Handle;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::JoinHandle;
use tokio_stream::wrappers::UnboundedReceiverStream;

use super::stream::{from_wire, to_wire};
use crate::core::{Exchange, Outgoing, Placement, Progress};
use crate::inbox::{GenerationId, Inbox, TrialEvent};
use crate::link::Links;
use crate::peer::PeerService;
use crate::registry::Registry;
use crate::server::PEER_BYTES_MAX;
use crate::states::States;
use crate::store::Store;

/// A member waits no longer than this for a message of the other.
const MESSAGE_WAIT_MAX: Duration = Duration::from_secs(60);

/// Two members with one rank each, and their servers, until it is dropped.
pub struct Pair {
    members: [Member; 2],
    servers: Vec<JoinHandle<()>>,
    round: u64,
}

/// What one of them has of the other and of the exchange.
struct Member {
    me: usize,
    exchange: Exchange,
    events: UnboundedReceiver<TrialEvent>,
    runtime: Handle,
    peer: UnboundedSender<ExchangeRequest>,
}

impl Pair {
    /// Starts two peer services on free ports of loopback, and opens a stream from each member to the other. `dir` is the
    /// data folder of their stores. Must be called inside a tokio runtime, which serves them.
    pub async fn start(dir: &Path, token: &Token) -> Result<Self, Report> {
        let store = Store::open(dir)?;
        let registries = [Registry::default(), Registry::default()];
        let (mut urls, mut servers) = (Vec::new(), Vec::new());
        for registry in &registries {
            let (listener, address) = bind(&Tcp, SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0), None)?;
            let service = PeerServer::new(PeerService {
                registry: registry.clone(),
                store: store.clone(),
                states: States::default(),
            });
            let service = service.max_decoding_message_size(PEER_BYTES_MAX);
            let server = aquifer_proto::server()
                .layer(Access::new(Tokens::new(token, Scope::Worker), false))
                .add_service(service)
                .serve_with_incoming(admit(listener, None));
            urls.push(format!("http://{address}"));
            servers.push(tokio::spawn(async move { drop(server.await) }));
        }
        let credentials = Credentials { token: token.clone(), tls: None };
        let links = Links { network: Arc::new(Tcp), credentials, peers: token.clone() };
        let mut members = Vec::new();
        for (me, registry) in registries.iter().enumerate() {
            let (inbox, events) = unbounded_channel();
            registry.open(&generation(), Inbox { sender: inbox, stop: Arc::default() });
            let peer = open_stream(&urls[1 - me], &links).await?;
            let placement = Placement { ranks: vec![0..1, 1..2], me };
            let exchange = Exchange::new(placement, 2).map_err(|error| broken(&error.to_string()))?;
            members.push(Member { me, exchange, events, runtime: Handle::current(), peer });
        }
        let members = members.try_into().map_err(|_| broken("there are not two members"))?;
        Ok(Self { members, servers, round: 0 })
    }

    /// One round, on two threads: each member gives its rank's partial, and both get the sum. Each
    /// sends half of its partial, and then half of the sum: as many bytes of values as a partial has.
    pub fn round(&mut self, partials: [Partial; 2]) -> Result<[Partial; 2], Report> {
        let round = self.round;
        self.round += 1;
        let [a, b] = &mut self.members;
        let [of_a, of_b] = partials;
        let panicked = |_| Err(broken("a member panicked: this is a bug"));
        let (a, b) = std::thread::scope(|scope| {
            let other = scope.spawn(move || b.round(round, of_b));
            (a.round(round, of_a), other.join().unwrap_or_else(panicked))
        });
        Ok([a?, b?])
    }
}

impl Drop for Pair {
    fn drop(&mut self) {
        self.servers.iter().for_each(JoinHandle::abort);
    }
}

impl Member {
    fn round(&mut self, round: u64, partial: Partial) -> Result<Partial, Report> {
        let failed = |error: crate::core::ExchangeError| broken(&error.to_string());
        let begun = self.exchange.begin(round, vectors(&partial)).map_err(failed)?;
        let mut total = self.follow(begun)?;
        let mapped = self.exchange.rank_mapped(self.me as u32, Some(partial)).map_err(failed)?;
        total = self.follow(mapped)?.or(total);
        let mut parts = Vec::new();
        while total.is_none() {
            let message = self.next_message()?;
            let phase = from_wire(message.phase()).ok_or_else(|| broken("a message without a phase"))?;
            parts.extend(message.parts);
            if message.last {
                let from = 1 - self.me;
                let shape = self.exchange.shape(message.round, phase, from);
                let shape = shape.ok_or_else(|| broken("a message of another round"))?;
                let nodes = read_parts(std::mem::take(&mut parts), &shape, self.exchange.nodes_max(phase, from));
                let nodes = nodes.map_err(|error| broken(&error.to_string()))?;
                let progress = self.exchange.arrived(from, message.round, phase, nodes).map_err(failed)?;
                total = self.follow(progress)?;
            }
        }
        total.flatten().ok_or_else(|| broken("a round without a sum"))
    }

    /// Sends what the exchange wants sent.
    fn follow(&self, progress: Progress) -> Result<Option<Option<Partial>>, Report> {
        progress.outgoing.into_iter().try_for_each(|outgoing| self.send(&outgoing))?;
        Ok(progress.total)
    }

    fn send(&self, outgoing: &Outgoing) -> Result<(), Report> {
        let messages = exchange_messages(&outgoing.nodes);
        let last = messages.len() - 1;
        for (at, parts) in messages.into_iter().enumerate() {
            let message = ExchangeRequest {
                header: Some(v1::Header { protocol_version: PROTOCOL_VERSION, term: 1, incarnation: self.me as u64 }),
                generation: Some((&generation()).into()),
                member: self.me as u32,
                round: outgoing.round,
                phase: to_wire(outgoing.phase) as i32,
                parts,
                last: at == last,
                state_check: 0,
                trial: 0,
            };
            self.peer.send(message).map_err(|_| broken("the stream to the other member broke"))?;
        }
        Ok(())
    }

    fn next_message(&mut self) -> Result<ExchangeRequest, Report> {
        let next = async { tokio::time::timeout(MESSAGE_WAIT_MAX, self.events.recv()).await };
        match self.runtime.block_on(next) {
            Ok(Some(TrialEvent::Message(message))) => Ok(*message),
            Ok(_) => Err(broken("the other member stopped")),
            Err(_) => Err(broken(&format!("the other member sent nothing for {} s", MESSAGE_WAIT_MAX.as_secs()))),
        }
    }
}

/// What is sent goes out in order; a stream that breaks is noticed by the next message, or by the wait for one.
async fn open_stream(url: &str, links: &Links) -> Result<UnboundedSender<ExchangeRequest>, Report> {
    let (sender, receiver) = unbounded_channel();
    let mut client = links.peer(url).await?;
    tokio::spawn(async move { drop(client.exchange(UnboundedReceiverStream::new(receiver)).await) });
    Ok(sender)
}

fn vectors(partial: &Partial) -> Vec<VectorSpec> {
    let spec = |(at, values): (usize, &Values)| VectorSpec {
        name: at.to_string(),
        value_type: values.value_type(),
        len: values.len(),
    };
    partial.vectors.iter().enumerate().map(spec).collect()
}

fn generation() -> GenerationId {
    GenerationId { term: 1, trial: "pair".into(), number: 1 }
}

fn broken(reason: &str) -> Report {
    Report::new(Kind::Work, "exchange", format!("the exchange of two members over loopback: {reason}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn both_members_get_the_sum_of_every_round() {
        let folder = tempfile::tempdir().unwrap();
        let mut pair = Pair::start(folder.path(), &Token::new("t").unwrap()).await.unwrap();
        for round in 0..3 {
            // More than one message of 1 MiB each way.
            let partial = |x: f32| Partial { weight: 1.0, vectors: vec![Values::F32(vec![x; 700_001])] };
            let partials = [partial(1.0), partial(round as f32)];
            let sums = tokio::task::block_in_place(|| pair.round(partials)).unwrap();
            for sum in sums {
                assert_eq!(
                    (sum.weight, &sum.vectors[0].slice(699_999..700_001)),
                    (2.0, &Values::F32(vec![1.0 + round as f32; 2]))
                );
            }
        }
    }
}
