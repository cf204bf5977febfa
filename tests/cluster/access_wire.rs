//! The doors of the services: of another version, computing other bits.

use aquifer_harness::{Cluster, until};
use aquifer_proto::{PROTOCOL_VERSION, v1};

use crate::aquifer;
use crate::wire::{self, block_on};

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
    let fetch = block_on(async { wire::peer(worker, &wire::worker_token_of(&cluster)).await.fetch_shard(fetch).await });
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
