//! Partitions: a cluster in a network namespace of its own, whose loopback is cut, shortly and for longer than a lease; and
//! a worker that its peers cannot reach while its coordinator does.

use std::ffi::OsString;
use std::time::{Duration, Instant};

use aquifer_harness::{Cluster, Running, inside, until};

use crate::bed::{assert_undisturbed, skip};
use crate::netns::{NEEDS, Network};
use crate::work::{Work, aquifer};

/// Nobody reaches anybody for a while.
fn cut_for(time: Duration) {
    let Some(network) = Network::new() else { return skip(NEEDS) };
    let aquifer = aquifer();
    let faults = aquifer.file("faults");
    let builder = Cluster::with(&aquifer, 3).variable(aquifer_fault::FOLDER_VARIABLE, faults.clone());
    let cluster = builder.inside(&network.words()).start();
    let out = aquifer.file("model.safetensors");
    let fault = crate::bed::arm(&faults, "worker.round.done", 10, aquifer_fault::Action::Stop);
    let mut words = Work::Steps.words(&aquifer, &out);
    words.extend(cluster.options());
    let running = network.start(&aquifer, words);
    let stopped = until("the training to be at work", || aquifer_fault::fired(&faults, &fault));
    assert!(network.loopback("down"), "the fault must happen");
    assert!(aquifer_harness::Signal::Continue.send(stopped));
    let began = Instant::now();
    until("the partition to last", || (began.elapsed() >= time).then_some(()));
    assert!(network.loopback("up"));
    let ended = running.finish();
    assert!(ended.status.success(), "{}\nthe cluster:\n{}", ended.stderr, cluster.log());
    assert_undisturbed(Work::Steps, &out);
}

#[test]
fn a_short_partition_changes_nothing() {
    cut_for(Duration::from_secs(4));
}

#[test]
fn a_partition_longer_than_a_lease_is_recovered_from() {
    cut_for(Duration::from_secs(20));
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
    let fault = crate::bed::arm(&faults, "worker.round.done", 10, aquifer_fault::Action::Stop);
    let mut words = Work::Steps.words(&aquifer, &out);
    words.extend(["--cluster".into(), url.clone().into(), "--token-file".into(), token.clone().into()]);
    let running = network.start(&aquifer, words);
    let stopped = until("the training to be at work", || aquifer_fault::fired(&faults, &fault));
    let cut = ["blackhole", "127.0.0.3/32", "table", "local"];
    assert!(network.ip(&[&["route", "add"][..], &cut].concat()), "the fault must happen");
    assert!(aquifer_harness::Signal::Continue.send(stopped));
    let began = Instant::now();
    until("the partition to last", || (began.elapsed() >= Duration::from_secs(20)).then_some(()));
    assert!(network.ip(&[&["route", "del"][..], &cut].concat()));
    let ended = running.finish();
    let said = || [&coordinator, &workers[0], &workers[1], &workers[2]].map(Running::stderr).join("\n");
    assert!(ended.status.success(), "{}\n{}", ended.stderr, said());
    assert_undisturbed(Work::Steps, &out);
}
