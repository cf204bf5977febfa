//! The doors of the services: without the token, with another one, of another version, computing other bits.

use aquifer_harness::{Cluster, until};
use aquifer_proto::v1::jobs_client::JobsClient;
use aquifer_proto::v1::membership_client::MembershipClient;
use aquifer_proto::v1::peer_client::PeerClient;
use aquifer_proto::{PROTOCOL_VERSION, Token, TokenSender, connect, v1};
use tonic::{Code, Request, Status};
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_client::HealthClient;
use tonic_reflection::pb::v1::ServerReflectionRequest;
use tonic_reflection::pb::v1::server_reflection_client::ServerReflectionClient;
use tonic_reflection::pb::v1::server_reflection_request::MessageRequest;

use crate::aquifer;
use crate::wire::{self, block_on};

/// How a caller comes to a service.
#[derive(Clone, Copy, Debug)]
enum Caller<'a> {
    WithoutToken,
    With(&'a Token),
}

impl Caller<'_> {
    fn request<T>(self, message: T) -> Request<T> {
        let mut request = Request::new(message);
        if let Caller::With(token) = self {
            let sent = tonic::service::Interceptor::call(&mut TokenSender::new(token), Request::new(()));
            *request.metadata_mut() = sent.expect("a header").metadata().clone();
        }
        request
    }
}

/// One method of every service of a coordinator, and what it answers.
async fn ask_coordinator(url: &str, caller: Caller<'_>) -> Vec<(&'static str, Code)> {
    let channel = || async { connect(url).await.expect("a coordinator") };
    let mut answers = Vec::new();
    let mut jobs = JobsClient::new(channel().await);
    answers.push(("Jobs.Status", code(jobs.status(caller.request(v1::StatusRequest {})).await)));
    let list = v1::ListFramesRequest::default();
    answers.push(("Jobs.ListFrames", code(jobs.list_frames(caller.request(list)).await)));
    let remove = v1::RemoveFramesRequest::default();
    answers.push(("Jobs.RemoveFrames", code(jobs.remove_frames(caller.request(remove)).await)));
    let submit = v1::SubmitRequest { protocol_version: PROTOCOL_VERSION, ..v1::SubmitRequest::default() };
    answers.push(("Jobs.Submit", code(jobs.submit(caller.request(submit)).await)));
    let upload = tokio_stream::once(v1::UploadRequest { data: b"text".into() });
    answers.push(("Jobs.Upload", code(jobs.upload(caller.request(upload)).await)));
    let mut membership = MembershipClient::new(channel().await);
    let session = tokio_stream::once(v1::SessionRequest::default());
    answers.push(("Membership.Session", code(membership.session(caller.request(session)).await)));
    let fetch = v1::FetchUploadRequest { header: None, upload: "0".repeat(64) };
    answers.push(("Membership.FetchUpload", code(membership.fetch_upload(caller.request(fetch)).await)));
    let model = tokio_stream::once(v1::PutModelRequest::default());
    answers.push(("Membership.PutModel", code(membership.put_model(caller.request(model)).await)));
    let mut health = HealthClient::new(channel().await);
    let check = HealthCheckRequest { service: String::new() };
    answers.push(("Health.Check", code(health.check(caller.request(check)).await)));
    let mut reflection = ServerReflectionClient::new(channel().await);
    let list = reflection.server_reflection_info(caller.request(tokio_stream::once(list_services()))).await;
    answers.push(("ServerReflection", code(list)));
    answers
}

fn list_services() -> ServerReflectionRequest {
    let list = MessageRequest::ListServices(String::new());
    ServerReflectionRequest { host: String::new(), message_request: Some(list) }
}

/// One method of every service of a worker, and what it answers.
async fn ask_worker(url: &str, caller: Caller<'_>) -> Vec<(&'static str, Code)> {
    let channel = || async { connect(url).await.expect("a worker") };
    let header = Some(v1::Header { protocol_version: PROTOCOL_VERSION, term: 1, incarnation: 1 });
    let mut peer = PeerClient::new(channel().await);
    let fetch = v1::FetchShardRequest { header, shard: "0".repeat(64) };
    let fetch = code(peer.fetch_shard(caller.request(fetch)).await);
    let exchange = tokio_stream::once(v1::ExchangeRequest::default());
    let exchange = code(peer.exchange(caller.request(exchange)).await);
    let mut health = HealthClient::new(channel().await);
    let check = HealthCheckRequest { service: String::new() };
    let check = code(health.check(caller.request(check)).await);
    let mut reflection = ServerReflectionClient::new(channel().await);
    let list = reflection.server_reflection_info(caller.request(tokio_stream::once(list_services()))).await;
    let list = ("ServerReflection", code(list));
    vec![list, ("Peer.FetchShard", fetch), ("Peer.Exchange", exchange), ("Health.Check", check)]
}

fn code<T>(answer: Result<T, Status>) -> Code {
    answer.err().map_or(Code::Ok, |status| status.code())
}

#[test]
fn every_service_asks_for_the_token() {
    let aquifer = aquifer();
    let cluster = Cluster::up(&aquifer, 1);
    let status = cluster.status(&aquifer);
    let worker = status["workers"][0]["address"].as_str().expect("a worker's address");
    let (right, wrong) = (wire::token_of(&cluster), Token::new("wrong").expect("a token"));
    let ask = |caller| {
        block_on(async {
            let mut answers = ask_coordinator(&cluster.url(), caller).await;
            answers.extend(ask_worker(worker, caller).await);
            answers
        })
    };
    for caller in [Caller::WithoutToken, Caller::With(&wrong)] {
        for (service, code) in ask(caller) {
            assert_eq!(code, Code::Unauthenticated, "{service} {caller:?}");
        }
    }
    // With the token each gets as far as the request itself: the refusals above are the token's.
    for (service, code) in ask(Caller::With(&right)) {
        assert_ne!(code, Code::Unauthenticated, "{service} with the token");
    }
}

#[test]
fn another_protocol_version_is_refused_by_name() {
    let aquifer = aquifer();
    let cluster = Cluster::up(&aquifer, 1);
    let refused = wire::register(&cluster.url(), &wire::token_of(&cluster), PROTOCOL_VERSION + 1, "any")
        .expect_err("another version");
    let said = format!("this worker speaks protocol version {}, the coordinator speaks", PROTOCOL_VERSION + 1);
    assert!(refused.message().starts_with(&said), "{refused}");

    let submit = v1::SubmitRequest { protocol_version: 0, ..v1::SubmitRequest::default() };
    let refused = block_on(async { wire::jobs(&cluster).await.submit(submit).await }).expect_err("another version");
    assert!(refused.message().starts_with("this client speaks protocol version 0"), "{refused}");

    let status = cluster.status(&aquifer);
    let worker = status["workers"][0]["address"].as_str().expect("a worker's address");
    let header = v1::Header { protocol_version: PROTOCOL_VERSION + 1, term: 1, incarnation: 1 };
    let fetch = v1::FetchShardRequest { header: Some(header), shard: "0".repeat(64) };
    let fetch = block_on(async { wire::peer(worker, &wire::token_of(&cluster)).await.fetch_shard(fetch).await });
    let refused = fetch.map(drop).expect_err("another version");
    assert!(refused.message().contains("protocol version"), "{refused}");
}

/// Equal bits are proven before a rank is given, by the first worker as by any other.
#[test]
fn a_worker_that_computes_other_bits_is_refused() {
    let aquifer = aquifer();
    let _coordinator = aquifer.start(["coordinator", "--listen", "127.0.0.1:0"]);
    let url = until("its address", || std::fs::read_to_string(aquifer.dir().join("address")).ok());
    let token = wire::read_token(&aquifer.dir().join("token"));
    let refused = wire::register(&url, &token, PROTOCOL_VERSION, "0000").expect_err("another self-test");
    assert!(refused.message().contains("self-test gave 0000"), "{refused}");
    let status = aquifer.run(["cluster", "status", "--output", "json"]).ok().json();
    assert_eq!(status["workers"].as_array().map(Vec::len), Some(0), "it is no member");

    // With the right one it is let in: the refusal was the self-test's.
    let doctor = aquifer.run(["doctor", "--output", "json"]).ok().json();
    let welcome = wire::register(&url, &token, PROTOCOL_VERSION, doctor["self_test"].as_str().expect("a hash"));
    let welcome = welcome.expect("a welcome").message;
    assert!(matches!(welcome, Some(v1::session_response::Message::Registered(_))), "{welcome:?}");
}
