//! The doors as a user meets them: tokens, addresses, ports, and their exit codes.

use std::ffi::OsString;
use std::net::TcpListener;

use aquifer_harness::{Aquifer, Cluster, data};

use crate::{aquifer, options, train_adult};

/// Commands that speak to a cluster.
fn commands(aquifer: &Aquifer) -> Vec<Vec<OsString>> {
    let model = aquifer.file("model.safetensors");
    let source = data("adult/train.parquet");
    vec![
        train_adult(&[], &[], &model),
        options(&["cluster", "status"]),
        options(&["frame", "ls"]),
        vec!["frame".into(), "import".into(), "adult".into(), source.into()],
        options(&["worker"]),
    ]
}

fn all_refuse(with: impl Fn(&Aquifer, &Cluster) -> Vec<OsString>, says: &str) {
    let aquifer = aquifer();
    let cluster = Cluster::up(&aquifer, 1);
    for mut command in commands(&aquifer) {
        command.extend(["--cluster".into(), cluster.url().into()]);
        command.extend(with(&aquifer, &cluster));
        aquifer.run(command).code(4).says(&[says]);
    }
    assert!(!aquifer.file("model.safetensors").exists());
}

#[test]
fn a_wrong_token_is_refused() {
    all_refuse(
        |aquifer, _| {
            let wrong = aquifer.file("wrong");
            std::fs::write(&wrong, "0123456789abcdef").expect("a token file");
            vec!["--token-file".into(), wrong.into()]
        },
        "the token is wrong",
    );
}

#[test]
fn no_token_is_refused() {
    all_refuse(|_, _| Vec::new(), "cannot read the token file");
}

#[test]
fn an_empty_token_is_refused() {
    all_refuse(
        |aquifer, _| {
            let empty = aquifer.file("empty");
            std::fs::write(&empty, "\n").expect("a token file");
            vec!["--token-file".into(), empty.into()]
        },
        "holds no token",
    );
}

#[test]
fn nothing_at_the_address_is_told_apart_from_a_bad_address() {
    let aquifer = aquifer();
    std::fs::write(aquifer.dir().join("token"), "0123456789abcdef").expect("a token file");
    // Bound and dropped: nobody listens there.
    let free = TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("its address");
    let out = aquifer.file("model.safetensors");
    let train = |url: &str| aquifer.run(train_adult(&[], &options(&["--cluster", url]), &out));
    train(&format!("http://{free}")).code(4).says(&["nothing answers at"]);
    train("http://192.0.2.1:7400").code(2).says(&["is not a loopback address"]);
    train("ftp://127.0.0.1:7400").code(2).says(&["must begin with http:// or https://"]);
}

#[test]
fn other_addresses_than_loopback_are_refused() {
    let aquifer = aquifer();
    std::fs::write(aquifer.dir().join("token"), "0123456789abcdef").expect("a token file");
    for address in ["0.0.0.0:0", "[::]:0", "192.0.2.1:7400"] {
        let worker = ["worker", "--cluster", "http://127.0.0.1:9", "--listen", address];
        for command in [&worker[..], &["coordinator", "--listen", address], &["cluster", "up", "--listen", address]] {
            aquifer.run(command).code(2).says(&["is not a loopback address"]);
        }
    }
    assert!(!aquifer.dir().join("address").exists());
}

#[test]
fn a_taken_port_is_refused() {
    let aquifer = aquifer();
    std::fs::write(aquifer.dir().join("token"), "0123456789abcdef").expect("a token file");
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = taken.local_addr().expect("its address").to_string();
    let worker = ["worker", "--cluster", "http://127.0.0.1:9", "--listen", &address];
    for command in [&worker[..], &["coordinator", "--listen", &address], &["cluster", "up", "--listen", &address]] {
        aquifer.run(command).code(2).says(&["cannot listen on", "choose another with --listen"]);
    }
}

/// Two coordinators in one folder would write the same journal.
#[test]
fn a_folder_has_one_coordinator() {
    let aquifer = aquifer();
    let cluster = Cluster::up(&aquifer, 1);
    let second = aquifer.run([
        "coordinator".as_ref(),
        "--listen".as_ref(),
        "127.0.0.1:0".as_ref(),
        "--dir".as_ref(),
        cluster.dir().as_os_str(),
    ]);
    second.code(2).says(&["is in use by another coordinator"]);
    assert_eq!(cluster.status(&aquifer)["workers"].as_array().map(Vec::len), Some(1), "the first goes on");
}
