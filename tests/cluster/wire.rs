//! Clients of the services themselves, without the command line.

use aquifer_harness::Cluster;
use aquifer_proto::v1::jobs_client::JobsClient;
use aquifer_proto::v1::membership_client::MembershipClient;
use aquifer_proto::v1::peer_client::PeerClient;
use aquifer_proto::{Callee, JobEvent, Token, TokenSender, connect, v1};
use tokio_stream::StreamExt;
use tonic::service::interceptor::InterceptedService;
use tonic::transport::Channel;
use tonic::{Code, Status};

type Link = InterceptedService<Channel, TokenSender>;

/// Runs what only waits for the network.
pub(crate) fn block_on<T>(work: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let limited = runtime.block_on(async { tokio::time::timeout(aquifer_harness::LIMIT, work).await });
    limited.expect("an answer within the limit")
}

pub(crate) fn token_of(cluster: &Cluster) -> Token {
    read_token(&cluster.token_file())
}

/// What the workers of `cluster up` bring, and so know themselves.
pub(crate) fn worker_token_of(cluster: &Cluster) -> Token {
    read_token(&cluster.dir().join("worker-token"))
}

pub(crate) fn read_token(file: &std::path::Path) -> Token {
    let text = std::fs::read_to_string(file).expect("the cluster's token");
    Token::new(&text).expect("a token")
}

pub(crate) async fn jobs(cluster: &Cluster) -> JobsClient<Link> {
    let channel = connect(&cluster.url(), None, Callee::Coordinator).await.expect("a coordinator");
    JobsClient::with_interceptor(channel, TokenSender::new(&token_of(cluster)))
}

pub(crate) async fn membership(url: &str, token: &Token) -> MembershipClient<Link> {
    MembershipClient::with_interceptor(
        connect(url, None, Callee::Coordinator).await.expect("a coordinator"),
        TokenSender::new(token),
    )
}

pub(crate) async fn peer(url: &str, token: &Token) -> PeerClient<Link> {
    PeerClient::with_interceptor(connect(url, None, Callee::Worker).await.expect("a worker"), TokenSender::new(token))
}

/// Waits until a job has rounds behind it.
pub(crate) fn wait_for_rounds(cluster: &Cluster, job: &str) {
    block_on(async {
        let request = v1::WatchRequest { job: job.to_owned(), resume_token: 0 };
        let mut events = jobs(cluster).await.watch(request).await.expect("events").into_inner();
        while let Some(event) = events.message().await.expect("an event") {
            if event.event_json.is_empty() {
                continue; // a keep-alive
            }
            match serde_json::from_str(&event.event_json).expect("a known event") {
                JobEvent::Progress(progress) if progress.round > 0 => return,
                event => assert!(!event.is_last(), "the job ended before the test had begun: {event:?}"),
            }
        }
        panic!("the events ended");
    });
}

/// What a session answers to a worker's first message.
pub(crate) fn register(url: &str, token: &Token, version: u32, self_test: &str) -> Result<v1::SessionResponse, Status> {
    let register = v1::Register {
        address: "http://127.0.0.1:9".into(),
        pid: std::process::id(),
        threads: 1,
        self_test: self_test.into(),
        node: "0".repeat(32),
        ..v1::Register::default()
    };
    let first = v1::SessionRequest {
        header: Some(v1::Header { protocol_version: version, term: 0, incarnation: 0 }),
        message: Some(v1::session_request::Message::Register(register)),
    };
    block_on(async {
        // The stream stays open: it is the answer that ends the test.
        let requests = tokio_stream::once(first).chain(tokio_stream::pending());
        let mut answers = membership(url, token).await.session(requests).await?.into_inner();
        answers.message().await?.ok_or_else(|| Status::new(Code::Unknown, "the session ended"))
    })
}
