//! Every method of every service × every token: none, a wrong one, each scope. Made from the descriptors that the services
//! are made from, so a method that nobody has thought of fails here.

use aquifer_harness::{Aquifer, Cluster};
use aquifer_model::Report;
use aquifer_proto::{Callee, Scope, Tls, Token, connect, from_status, scope_of};
use prost::Message;
use prost_types::FileDescriptorSet;
use tonic::Request;
use tonic::codegen::http::uri::PathAndQuery;
use tonic_prost::ProstCodec;

use crate::aquifer;
use crate::wire::{self, block_on};

/// `/service/method` of all that a node may serve.
fn methods() -> Vec<String> {
    let sets = [
        aquifer_proto::DESCRIPTORS,
        tonic_health::pb::FILE_DESCRIPTOR_SET,
        tonic_reflection::pb::v1::FILE_DESCRIPTOR_SET,
    ];
    let files = sets.iter().flat_map(|set| FileDescriptorSet::decode(*set).expect("descriptors").file);
    let mut methods = Vec::new();
    for file in files {
        for service in &file.service {
            let of_service = service.method.iter();
            methods
                .extend(of_service.map(|method| format!("/{}.{}/{}", file.package(), service.name(), method.name())));
        }
    }
    methods.sort();
    methods.dedup();
    assert!(methods.len() > 20, "{methods:?}");
    methods
}

/// Calls with an empty message, and looks no further than the first answer. The codes of a refusal at the door are its own.
async fn refused(url: &str, path: &str, token: Option<&Token>) -> Option<String> {
    refused_with(None, url, path, token).await
}

/// The same for a caller who speaks TLS.
pub(crate) async fn refused_with(tls: Option<&Tls>, url: &str, path: &str, token: Option<&Token>) -> Option<String> {
    let channel = connect(url, tls, Callee::Coordinator).await.expect("a node");
    let mut client = tonic::client::Grpc::new(channel);
    client.ready().await.expect("a node that answers");
    let mut request = Request::new(tokio_stream::once(()));
    if let Some(token) = token {
        let value = format!("Bearer {}", token.secret()).parse().expect("a header");
        request.metadata_mut().insert("authorization", value);
    }
    let path = PathAndQuery::try_from(path).expect("a path");
    let answer = client.streaming(request, path, ProstCodec::<(), ()>::default()).await;
    let Report { code, .. } = from_status(&answer.err()?, "calling");
    ["unauthenticated", "scope", "no_certificate"].contains(&code.as_str()).then_some(code)
}

/// A token that `certs token` makes for the cluster, whether it runs or not.
fn new_token(aquifer: &Aquifer, scope: Scope) -> Token {
    let folder = aquifer.file("cluster");
    let words = ["certs", "token", "--scope", scope.name(), "--dir"];
    let made = aquifer.run(words.map(AsRef::as_ref).into_iter().chain([folder.as_os_str()]));
    Token::new(&made.ok().stdout).expect("a token")
}

/// One node against all methods and tokens. What is let in gets as far as the request itself: the refusals are the token's.
async fn check_all(url: &str, unknown: &[Option<&Token>], known: &[(Scope, Token)]) {
    for path in methods() {
        let needed = scope_of(&path).expect("a scope");
        for token in unknown {
            assert_eq!(refused(url, &path, *token).await.as_deref(), Some("unauthenticated"), "{path}");
        }
        for (scope, token) in known {
            let expected = (!scope.allows(needed)).then_some("scope");
            let code = refused(url, &path, Some(token)).await;
            assert_eq!(code.as_deref(), expected, "{path} with a token of scope {}", scope.name());
        }
    }
}

#[test]
fn every_method_has_a_scope() {
    let without: Vec<String> = methods().into_iter().filter(|path| scope_of(path).is_none()).collect();
    assert!(without.is_empty(), "these stand in no line of shared/proto/src/access.rs: {without:?}");
}

#[test]
fn every_method_refuses_what_a_token_is_too_weak_for() {
    let aquifer = aquifer();
    let mut tokens = Scope::ALL.map(|scope| (scope, new_token(&aquifer, scope)));
    let cluster = Cluster::up(&aquifer, 1);
    let status = cluster.status(&aquifer);
    let worker = status["workers"][0]["address"].as_str().expect("a worker's address");
    let wrong = Token::new("0123456789abcdef").expect("a token");
    block_on(check_all(&cluster.url(), &[None, Some(&wrong)], &tokens));
    // Workers know the clients' tokens from the coordinator. Among themselves they have one of their own.
    let of_worker = std::mem::replace(&mut tokens[3].1, wire::token_of(&cluster).for_peers());
    block_on(check_all(worker, &[None, Some(&wrong), Some(&of_worker)], &tokens));
}

/// A line that is struck out of the list is a token that is good for nothing, at once.
#[test]
fn a_token_can_be_taken_back() {
    let aquifer = aquifer();
    let cluster = Cluster::up(&aquifer, 1);
    let token = new_token(&aquifer, Scope::Read);
    let ask = || block_on(refused(&cluster.url(), "/aquifer.v1.Jobs/Status", Some(&token)));
    assert_eq!(ask(), None);
    let list = cluster.dir().join("tokens");
    let kept = std::fs::read_to_string(&list).expect("a list");
    let struck: Vec<&str> = kept.lines().filter(|line| !line.starts_with("read ")).collect();
    assert!(!kept.contains(token.secret()), "only hashes are kept");
    std::fs::write(&list, struck.join("\n")).expect("the list");
    assert_eq!(ask().as_deref(), Some("unauthenticated"));
}
