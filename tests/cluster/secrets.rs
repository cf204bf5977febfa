//! Secrets stay where they are: neither log nor output ever shows a token or a key, however much is logged.

use std::os::unix::fs::PermissionsExt;

use aquifer_harness::{Cluster, Running, until};

use crate::wire;
use crate::{aquifer, train_adult};

/// Only its owner may read it.
#[test]
fn the_token_is_a_secret() {
    let aquifer = aquifer();
    let cluster = Cluster::up(&aquifer, 1);
    for file in ["token", "worker-token", "tokens"] {
        let mode = std::fs::metadata(cluster.dir().join(file)).expect(file).permissions();
        assert_eq!(mode.mode() & 0o777, 0o600, "{file}");
    }
    for token in [wire::token_of(&cluster), wire::worker_token_of(&cluster)] {
        assert_eq!(token.secret().len(), 64, "256 bits in hexadecimal");
        let known = std::fs::read_to_string(cluster.dir().join("tokens")).expect("a list");
        assert!(!known.contains(token.secret()), "only hashes are kept");
    }
}

/// Everything that a cluster and a client say at the finest level, while all of them speak TLS with each other.
#[test]
fn no_secret_is_ever_logged() {
    let aquifer = aquifer();
    let dir = aquifer.file("cluster");
    aquifer.run(["certs".as_ref(), "init".as_ref(), "--dir".as_ref(), dir.as_os_str()]).ok();
    let cluster = Cluster::with(&aquifer, 2).log("trace").start();
    let mut train = aquifer.command(train_adult(&["ranks=2", "epochs=0.05"], &cluster.options(), &aquifer.file("m")));
    train.env("AQUIFER_LOG", "trace");
    let client = Running::start(train).finish().ok();
    until("a log that is as detailed as it can be", || {
        (cluster.log().contains("TRACE") && client.stderr.contains("TRACE")).then_some(())
    });
    let said = [cluster.log(), client.stdout, client.stderr].concat();
    let token = wire::token_of(&cluster);
    let mut secrets = vec![token.secret().to_owned(), token.for_peers().secret().to_owned()];
    secrets.push(wire::worker_token_of(&cluster).secret().to_owned());
    for key in ["ca.key", "coordinator.key", "worker.key"] {
        let pem = std::fs::read_to_string(dir.join(key)).expect(key);
        secrets.extend(pem.lines().filter(|line| line.len() > 40 && !line.starts_with('-')).map(str::to_owned));
    }
    assert!(secrets.len() >= 6, "three tokens, and at least a line of each key");
    for secret in secrets {
        assert!(!said.contains(&secret), "a secret that begins with {} was said", &secret[..8]);
    }
    assert!(!said.contains("PRIVATE KEY"));
}
