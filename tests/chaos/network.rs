//! Partitions: a cluster in a network namespace of its own, whose loopback is cut, shortly and for longer than a lease; and
//! a worker that its peers cannot reach while its coordinator does.

use std::ffi::OsString;
use std::time::Duration;

use aquifer_harness::{Cluster, Running, inside, until};

use crate::bed::{assert_undisturbed, disturbed_for, skip};
use crate::netns::{NEEDS, Network};
use crate::work::{Work, aquifer};

/// What a coordinator says of each worker that becomes a member.
pub(crate) const JOINED: &str = "a worker joined";
/// Longer than a lease.
pub(crate) const LONG: Duration = Duration::from_secs(20);
const WORKERS: u32 = 3;

/// Nobody reaches anybody for a while. How many workers became members again; none where nothing can be cut.
fn cut_for(time: Duration) -> Option<usize> {
    let Some(network) = Network::new() else {
        skip(NEEDS);
        return None;
    };
    let aquifer = aquifer();
    let faults = aquifer.file("faults");
    let builder = Cluster::with(&aquifer, WORKERS).variable(aquifer_fault::FOLDER_VARIABLE, faults.clone());
    let cluster = builder.inside(&network.words()).start();
    let out = aquifer.file("model.safetensors");
    let mut words = Work::Steps.words(&aquifer, &out);
    words.extend(cluster.options());
    let begin = || network.start(&aquifer, words);
    let ended = disturbed_for(time, &faults, begin, || network.loopback("down"), || network.loopback("up"));
    assert!(ended.status.success(), "{}\nthe cluster:\n{}", ended.stderr, cluster.log());
    assert_undisturbed(Work::Steps, &out);
    Some(cluster.log().matches(JOINED).count() - WORKERS as usize)
}

#[test]
fn a_short_partition_changes_nothing() {
    let again = cut_for(Duration::from_secs(4));
    assert!(again.is_none_or(|again| again == 0), "{again:?} workers were fenced off");
}

#[test]
fn a_partition_longer_than_a_lease_is_recovered_from() {
    let again = cut_for(LONG);
    assert!(again.is_none_or(|again| again > 0), "nobody was fenced off");
}

/// Packets to one worker's address are lost: its session, which it dialled itself, stays. Its peers miss it, and say so.
#[test]
fn a_worker_that_its_peers_cannot_reach() {
    let Some(network) = Network::new() else { return skip(NEEDS) };
    let aquifer = aquifer();
    let (dir, faults) = (aquifer.file("cluster"), aquifer.file("faults"));
    let start = |words: &[&str]| {
        let mut command = aquifer.command(words);
        command.env(aquifer_fault::FOLDER_VARIABLE, &faults).env("AQUIFER_LOG", "info");
        Running::start(inside(&network.words().map(OsString::from), command))
    };
    let path = |name: &str| aquifer.file(name).display().to_string();
    let coordinator = start(&["coordinator", "--listen", "127.0.0.1:0", "--root", "/", "--dir", &path("cluster")]);
    let url = until("the coordinator's address", || std::fs::read_to_string(dir.join("address")).ok());
    let token = dir.join("token").display().to_string();
    let worker = |host: u8| {
        let (listen, folder) = (format!("127.0.0.{host}:0"), path(&format!("worker-{host}")));
        let words = ["--listen", &listen, "--dir", &folder, "--token-file", &token, "--root", "/", "--threads", "1"];
        start(&[&["worker", "--cluster", &url][..], &words].concat())
    };
    let workers = [worker(2), worker(3), worker(4)];
    let registered = || coordinator.stderr().matches("registered").count() == workers.len();
    until("the workers to be members", || registered().then_some(()));

    let out = aquifer.file("model.safetensors");
    let mut words = Work::Steps.words(&aquifer, &out);
    words.extend(["--cluster".into(), url.clone().into(), "--token-file".into(), token.clone().into()]);
    let begin = || network.start(&aquifer, words);
    let route = |what: &str| network.ip(&["route", what, "blackhole", "127.0.0.3/32", "table", "local"]);
    let ended = disturbed_for(LONG, &faults, begin, || route("add"), || route("del"));
    let said = || [&coordinator, &workers[0], &workers[1], &workers[2]].map(Running::stderr).join("\n");
    assert!(ended.status.success(), "{}\n{}", ended.stderr, said());
    assert_undisturbed(Work::Steps, &out);
    for peer in [&workers[0], &workers[2]] {
        let missed = |line: &str| line.contains("an exchange stream broke") && line.contains("http://127.0.0.3:");
        assert!(peer.stderr().lines().any(missed), "a peer does not say whom it misses:\n{}", peer.stderr());
    }
    assert_eq!(coordinator.stderr().matches(JOINED).count(), workers.len(), "its session stays:\n{}", said());
}
