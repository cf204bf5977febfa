//! Callers who mean no good, or do not know better: words that no worker says, connections that say
//! nothing, more of them than there are descriptors.

use std::ffi::OsString;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::Command;

use aquifer_harness::{Aquifer, Cluster, LIMIT, Running, until};
use aquifer_proto::v1::membership_client::MembershipClient;
use aquifer_proto::v1::session_request::Message;
use aquifer_proto::{Callee, PROTOCOL_VERSION, TokenSender, connect, v1};
use tokio_stream::StreamExt;

use crate::aquifer;
use crate::wire::{self, block_on};

/// Says one thing after it has registered as an honest worker does, and waits until the coordinator ends the session.
fn say(url: &str, token: &aquifer_proto::Token, self_test: &str, words: Message) {
    let register = v1::Register {
        address: "http://127.0.0.1:9".into(),
        self_test: self_test.into(),
        node: "0".repeat(32),
        ..Default::default()
    };
    let header = Some(v1::Header { protocol_version: PROTOCOL_VERSION, term: 0, incarnation: 0 });
    let said =
        [Message::Register(register), words].map(|message| v1::SessionRequest { header, message: Some(message) });
    block_on(async {
        let channel = connect(url, None, Callee::Coordinator).await.expect("a coordinator");
        let mut membership = MembershipClient::with_interceptor(channel, TokenSender::new(token));
        let said = tokio_stream::iter(said).chain(tokio_stream::pending());
        let mut commands = membership.session(said).await.expect("a welcome").into_inner();
        while let Ok(Some(_)) = commands.message().await {}
    });
}

#[test]
fn a_worker_that_says_what_no_worker_says_is_disconnected() {
    let aquifer = aquifer();
    let cluster = Cluster::up(&aquifer, 1);
    let doctor = aquifer.run(["doctor", "--output", "json"]).ok().json();
    let self_test = doctor["self_test"].as_str().expect("a hash");
    let token = wire::worker_token_of(&cluster);
    let generation = Some(v1::Generation { trial: "x".into(), term: 1, number: 1 });
    let progress = |loss| v1::TrialProgress { generation: generation.clone(), loss: Some(loss), ..Default::default() };
    let outcome_json = r#"{"scores":[],"curve":[],"position":1,"model_position":2,"stopped":false,"samples":1}"#.into();
    for (words, why) in [
        (Message::ShardsHeld(v1::ShardsHeld { shards: vec!["../../etc".into()] }), "shards that are none"),
        (Message::TrialProgress(progress(f64::NAN)), "a loss that is no number"),
        (
            Message::TrialFinished(v1::TrialFinished {
                generation: generation.clone(),
                outcome_json,
                ..Default::default()
            }),
            "more points than a trial has",
        ),
    ] {
        say(&cluster.url(), &token, self_test, words);
        let status = cluster.status(&aquifer);
        let events = status["events"].to_string();
        assert!(events.contains(&format!("it was disconnected, for it sent {why}")), "{events}");
        assert_eq!(status["workers"].as_array().map(Vec::len), Some(1), "the honest one stays");
    }
}

/// A coordinator that may open few files, and waits for whom its tests send.
fn coordinator(aquifer: &Aquifer, descriptors: u32) -> (Running, String) {
    let mut command = Command::new("sh");
    let script = format!("ulimit -n {descriptors} && exec \"$@\"");
    let own = aquifer.command(["coordinator", "--listen", "127.0.0.1:0"]);
    command.arg("-c").arg(script).arg("sh").arg(own.get_program()).args(own.get_args());
    command.envs(own.get_envs().filter_map(|(name, value)| Some((name, value?))));
    let running = Running::start(command);
    let url = until("its address", || std::fs::read_to_string(aquifer.dir().join("address")).ok());
    (running, url)
}

fn status(aquifer: &Aquifer) -> bool {
    let arguments: Vec<OsString> = ["cluster", "status"].map(OsString::from).into();
    aquifer.run(arguments).status.success()
}

/// Reads until the other side closes; true if it does.
fn is_closed(mut stream: &TcpStream) -> bool {
    stream.set_read_timeout(Some(LIMIT)).expect("a limit");
    let mut answer = Vec::new();
    match stream.read_to_end(&mut answer) {
        Ok(_) => true,
        Err(error) => error.kind() == std::io::ErrorKind::ConnectionReset,
    }
}

#[test]
fn a_connection_that_says_nothing_is_closed() {
    let aquifer = aquifer();
    let (_coordinator, url) = coordinator(&aquifer, 1024);
    let address = url.strip_prefix("http://").expect("an address");
    let mut connections: Vec<TcpStream> = (0..32).map(|_| TcpStream::connect(address).expect("a connection")).collect();
    // One says half of what HTTP/2 begins with, one speaks a language of its own, and never ends.
    connections[0].write_all(b"PRI * HTTP").expect("a few bytes");
    connections[1].write_all(b"GET / HTTP/1.1\r\nX-Slow: ").expect("a few bytes");
    assert!(status(&aquifer), "others are served meanwhile");
    assert!(connections.iter().all(is_closed));
}

#[test]
fn without_descriptors_the_coordinator_waits_for_some() {
    let aquifer = aquifer();
    let (mut coordinator, url) = coordinator(&aquifer, 64);
    let address = url.strip_prefix("http://").expect("an address");
    let connections: Vec<TcpStream> = (0..100).map(|_| TcpStream::connect(address).expect("a connection")).collect();
    until("the lack to be noticed", || coordinator.stderr().contains("a connection cannot be accepted").then_some(()));
    drop(connections);
    until("it to serve again", || status(&aquifer).then_some(()));
    assert!(coordinator.ended().is_none());
}
