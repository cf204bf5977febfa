//! The command line beside a running cluster: joining it, and what stands in the way.

use aquifer_harness::{Cluster, Running, data};

use crate::bed::{bed, read_refusal, refused};
use crate::tables::{regression, write};

#[test]
fn a_client_of_a_cluster() {
    let aquifer = bed();
    let cluster = Cluster::up(&aquifer, 3);
    let (url, token) = (cluster.url(), cluster.token_file());
    let token = token.to_str().unwrap();
    let status = cluster.status(&aquifer);
    let coordinator = &status["coordinator"];
    assert_eq!((&coordinator["role"], &coordinator["address"]), (&"coordinator".into(), &url.as_str().into()));
    assert!(coordinator["pid"].as_u64().is_some() && coordinator["term"] == 1, "{coordinator}");
    let workers = status["workers"].as_array().unwrap();
    assert_eq!(workers.len(), 3);
    assert_eq!(status["events"].as_array().map(Vec::len), Some(3), "{status}");
    for worker in workers {
        assert!(worker["id"].is_string() && worker["pid"].as_u64().is_some() && worker["role"] == "worker", "{worker}");
        assert!(worker["address"].as_str().unwrap().starts_with("http://127.0.0.1:"), "{worker}");
        assert_eq!(worker["devices"], serde_json::json!(["cpu"]));
    }
    // Beside its folder neither address nor token need be said.
    let table = aquifer.run(["cluster", "status", "--dir", cluster.dir().to_str().unwrap()]).ok();
    assert_eq!(table.stdout.lines().count(), 12, "four nodes, and that three workers joined: {}", table.stdout);

    let out = aquifer.file("c.safetensors");
    let adult = data("adult/train.parquet");
    let mut words =
        vec!["train", adult.to_str().unwrap(), "--target", "income", "--cluster", &url, "--token-file", token];
    words.extend(["--set", "epochs=0.2", "--out", out.to_str().unwrap()]);
    aquifer.run(&words).ok();
    assert!(out.exists());
    std::fs::remove_file(&out).unwrap();

    // A word is a frame of that cluster, not of the client's own folder.
    let path = write(&aquifer, "data", regression(2000));
    let options = ["--cluster", &url, "--token-file", token];
    aquifer.run(["frame", "import", "far", path.to_str().unwrap()].iter().chain(&options)).ok();
    refused(&aquifer, ["frame", "show", "far"], 2, "no_frame", &["`far`"]);
    aquifer.run(["frame", "show", "far"].iter().chain(&options)).ok();
    let misspelt = ["train", "fra", "--target", "y"];
    refused(&aquifer, misspelt.iter().chain(&options), 2, "no_frame", &["did you mean `far`?"]);
    let columns = aquifer.run(["train", "far"].iter().chain(&options)).code(2);
    assert!(columns.stdout.contains("colour"), "{}", columns.stdout);

    // The wrong token, none, and one that is no token.
    let other = aquifer.file("other");
    std::fs::write(&other, "0123456789abcdef").unwrap();
    let status = ["cluster", "status", "--cluster", &url, "--token-file"];
    let with = |file: &str| status.into_iter().chain([file]).map(str::to_owned).collect::<Vec<_>>();
    refused(&aquifer, with(other.to_str().unwrap()), 4, "unauthenticated", &["token is wrong", "--token-file"]);
    std::fs::write(&other, "\n").unwrap();
    refused(&aquifer, with(other.to_str().unwrap()), 4, "no_token", &["holds no token"]);
    let none = aquifer.file("none");
    refused(&aquifer, with(none.to_str().unwrap()), 4, "no_token", &["none", "--token-file"]);

    // Its port and its folder are taken.
    let port = url.strip_prefix("http://").unwrap();
    let dir = aquifer.file("second");
    let up = ["cluster", "up", "--listen", port, "--dir", dir.to_str().unwrap(), "--output", "json"];
    let refusal = read_refusal(&aquifer.run(up).code(2).stderr);
    assert_eq!(refusal.code, "port_taken");
    assert!(refusal.text.contains(port) && refusal.text.contains("--listen"), "{}", refusal.text);
    let alone = ["coordinator", "--listen", port, "--dir", dir.to_str().unwrap()];
    aquifer.run(alone).code(2).says(&["cannot listen on", port, "--listen"]);
    let up = ["cluster", "up", "--listen", "127.0.0.1:0", "--dir", cluster.dir().to_str().unwrap()];
    aquifer.run(up).code(2).says(&["in use by another coordinator", "--dir"]);
    assert_eq!(cluster.url(), url, "the cluster that holds the folder is as it was");
}

#[test]
fn a_cluster_that_is_not_there() {
    let aquifer = bed();
    refused(&aquifer, ["cluster", "status"], 4, "no_cluster", &["no cluster is running in", "aquifer cluster up"]);
    let token = aquifer.file("secret");
    std::fs::write(&token, "0123456789abcdef").unwrap();
    let token = token.to_str().unwrap();
    let status = |url: &str| ["cluster", "status", "--cluster", url, "--token-file", token].map(str::to_owned);
    refused(&aquifer, status("http://127.0.0.1:1"), 4, "unreachable", &["nothing answers at http://127.0.0.1:1"]);
    refused(&aquifer, status("http://192.0.2.1:7400"), 2, "not_loopback", &["TLS", "SSH"]);
    refused(&aquifer, status("https://127.0.0.1:7400"), 2, "no_ca", &["TLS", "--ca-file", "certs init"]);
    refused(&aquifer, status("not an address"), 2, "bad_url", &["not an address"]);
}

#[test]
fn nothing_listens_on_other_addresses() {
    let aquifer = bed();
    let dir = aquifer.file("open");
    let dir = dir.to_str().unwrap();
    for words in [
        ["cluster", "up", "--listen", "0.0.0.0:0", "--dir", dir].as_slice(),
        &["coordinator", "--listen", "0.0.0.0:0", "--dir", dir],
    ] {
        let mut command = aquifer.command(words);
        command.args(["--output", "json"]);
        let refusal = read_refusal(&Running::start(command).finish().code(2).stderr);
        assert_eq!(refusal.code, "not_loopback");
        assert!(refusal.text.contains("0.0.0.0:0") && refusal.text.contains("TLS"), "{}", refusal.text);
    }
    let missing = ["cluster", "up", "--listen", "127.0.0.1:0", "--dir", dir, "--root", "/no/such/folder"];
    aquifer.run(missing).code(2).says(&["--root", "/no/such/folder"]);
}
