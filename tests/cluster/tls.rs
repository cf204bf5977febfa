//! A cluster that speaks TLS: made by `certs init`, joined by who believes its authority, and by nobody else.

use std::ffi::OsString;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use aquifer_harness::{Aquifer, Cluster, until};
use aquifer_proto::Tls;

use crate::access_matrix::refused_with;
use crate::wire::{self, block_on};
use crate::{aquifer, bytes, options, train_adult};

/// Certificates in the data folder of a cluster that is not up yet.
fn certify(aquifer: &Aquifer, folder: &Path) {
    aquifer.run(["certs".as_ref(), "init".as_ref(), "--dir".as_ref(), folder.as_os_str()]).ok();
}

fn cluster(aquifer: &Aquifer, workers: u32) -> Cluster {
    certify(aquifer, &aquifer.file("cluster"));
    Cluster::up(aquifer, workers)
}

fn status(aquifer: &Aquifer, cluster: &Cluster, url: &str, authority: Option<&Path>) -> aquifer_harness::Finished {
    let mut arguments = options(&["cluster", "status", "--cluster", url, "--token-file"]);
    arguments.push(cluster.token_file().into());
    if let Some(authority) = authority {
        arguments.extend(["--ca-file".into(), authority.into()]);
    }
    aquifer.run(arguments)
}

#[test]
fn keys_are_secrets_and_nothing_is_overwritten() {
    let aquifer = aquifer();
    let folder = aquifer.file("certs");
    certify(&aquifer, &folder);
    for (name, mode) in [("ca.key", 0o600), ("coordinator.key", 0o600), ("worker.key", 0o600), ("token", 0o600)] {
        let found = std::fs::metadata(folder.join(name)).expect(name).permissions().mode();
        assert_eq!(found & 0o777, mode, "{name}");
    }
    let before = bytes(&folder.join("ca.pem"));
    let again = aquifer.run(["certs".as_ref(), "init".as_ref(), "--dir".as_ref(), folder.as_os_str()]);
    again.code(2).says(&["is there already", "certs renew"]);
    assert_eq!(bytes(&folder.join("ca.pem")), before);
}

/// Coordinator, workers and the exchange between them.
#[test]
fn the_same_bits_behind_tls() {
    let aquifer = aquifer();
    let cluster = cluster(&aquifer, 2);
    assert!(cluster.url().starts_with("https://127.0.0.1:"), "{}", cluster.url());
    let shared = cluster.status(&aquifer);
    for worker in shared["workers"].as_array().expect("workers") {
        assert!(worker["address"].as_str().expect("an address").starts_with("https://"), "{worker}");
    }
    let (behind, without) = (aquifer.file("behind.safetensors"), aquifer.file("without.safetensors"));
    aquifer.run(train_adult(&["ranks=4"], &cluster.options(), &behind)).ok();
    aquifer.run(train_adult(&["ranks=4"], &[], &without)).ok();
    assert!(bytes(&behind) == bytes(&without), "the model differs");
}

/// What is listened on is reached by other addresses too, and a worker tells peers the one that leads to the coordinator.
#[test]
fn all_addresses_are_for_tls() {
    let aquifer = aquifer();
    let folder = aquifer.file("state");
    certify(&aquifer, &folder);
    let mut coordinator: Vec<OsString> = options(&["coordinator", "--listen", "0.0.0.0:0", "--dir"]);
    coordinator.push(folder.clone().into());
    let _coordinator = aquifer.start(coordinator);
    let url = until("its address", || std::fs::read_to_string(folder.join("address")).ok());
    assert!(url.starts_with("https://127.0.0.1:"), "{url}");
    let mut worker = options(&["worker", "--listen", "0.0.0.0:0", "--threads", "1", "--cluster", &url, "--dir"]);
    worker.push(folder.clone().into());
    let _worker = aquifer.start(worker);
    let mut status = options(&["cluster", "status", "--output", "json", "--dir"]);
    status.push(folder.into());
    let address = until("the worker", || {
        let status = aquifer.run(status.clone()).ok().json();
        status["workers"][0]["address"].as_str().map(str::to_owned)
    });
    assert!(address.starts_with("https://127.0.0.1:"), "{address}");
}

#[test]
fn who_is_not_believed_is_told_apart() {
    let aquifer = aquifer();
    let cluster = cluster(&aquifer, 1);
    let url = cluster.url();
    let own = cluster.dir().join("ca.pem");
    status(&aquifer, &cluster, &url, Some(&own)).ok();
    status(&aquifer, &cluster, &url, None).code(2).says(&["no authority is given", "--ca-file"]);
    let other = aquifer.file("other");
    certify(&aquifer, &other);
    let foreign = status(&aquifer, &cluster, &url, Some(&other.join("ca.pem")));
    foreign.code(4).says(&["cannot be trusted", "of this very cluster"]);
    // Its certificate is good for 127.0.0.1, and for no other address of loopback.
    let elsewhere = url.replace("127.0.0.1", "127.0.0.2");
    let elsewhere = status(&aquifer, &cluster, &elsewhere, Some(&own));
    elsewhere.code(4);
    let plain = status(&aquifer, &cluster, &url.replace("https", "http"), Some(&own));
    plain.code(4).says(&["https:// where it has certificates"]);
    let broken = aquifer.file("broken.pem");
    std::fs::write(&broken, "no certificate").expect("a file");
    status(&aquifer, &cluster, &url, Some(&broken)).code(2).says(&["holds no certificate"]);
}

/// A worker of another authority is let in by nobody, and neither is one that shows the coordinator's certificate.
#[test]
fn a_worker_needs_a_certificate_of_a_worker() {
    let aquifer = aquifer();
    let cluster = cluster(&aquifer, 1);
    let other = aquifer.file("other");
    certify(&aquifer, &other);
    let join = |folder: &Path, role: &str| {
        let url = cluster.url();
        let mut arguments = options(&["worker", "--cluster", &url, "--dir"]);
        arguments.push(aquifer.file("worker").into());
        for (option, path) in [
            ("--token-file", cluster.token_file()),
            ("--ca-file", cluster.dir().join("ca.pem")),
            ("--cert-file", folder.join(format!("{role}.pem"))),
            ("--key-file", folder.join(format!("{role}.key"))),
        ] {
            arguments.extend([option.into(), path.into()]);
        }
        aquifer.start(arguments)
    };
    for (folder, role) in [(&other, "worker"), (&cluster.dir().to_owned(), "coordinator")] {
        let refused = join(folder, role);
        until("its refusal", || refused.stderr().contains("cannot be reached").then_some(()));
        drop(refused);
    }
    let status = cluster.status(&aquifer);
    assert_eq!(status["workers"].as_array().map(Vec::len), Some(1), "{status}");
}

/// A token alone makes no worker where there is TLS; a client needs no certificate.
#[test]
fn only_clients_come_without_a_certificate() {
    let aquifer = aquifer();
    let cluster = cluster(&aquifer, 1);
    let tls = Tls::client(&cluster.dir().join("ca.pem")).expect("an authority");
    let ask = |path| {
        let token = wire::token_of(&cluster);
        block_on(async { refused_with(Some(&tls), &cluster.url(), path, Some(&token)).await })
    };
    assert_eq!(ask("/aquifer.v1.Jobs/Status"), None);
    for path in ["/aquifer.v1.Membership/Session", "/aquifer.v1.Membership/FetchUpload", "/aquifer.v1.Peer/FetchShard"]
    {
        assert_eq!(ask(path).as_deref(), Some("no_certificate"), "{path}");
    }
}

/// New certificates are taken by processes that run: here those of a whole other authority, so that it is seen.
#[test]
fn renewed_certificates_are_taken_without_a_restart() {
    let aquifer = aquifer();
    let cluster = cluster(&aquifer, 1);
    let (before, after) = (aquifer.file("before.pem"), aquifer.file("other").join("ca.pem"));
    std::fs::copy(cluster.dir().join("ca.pem"), &before).expect("a copy");
    certify(&aquifer, &aquifer.file("other"));
    for name in ["ca.pem", "ca.key", "coordinator.key", "coordinator.pem", "worker.key", "worker.pem"] {
        std::fs::copy(aquifer.file("other").join(name), cluster.dir().join(name)).expect("a copy");
    }
    let url = cluster.url();
    status(&aquifer, &cluster, &url, Some(&before)).code(4).says(&["cannot be trusted"]);
    status(&aquifer, &cluster, &url, Some(&after)).ok();
    let renew = ["certs".as_ref(), "renew".as_ref(), "--dir".as_ref(), cluster.dir().as_os_str()];
    aquifer.run(renew).ok();
    status(&aquifer, &cluster, &url, Some(&after)).ok();
}
