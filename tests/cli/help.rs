//! The help texts, kept as files so that every change of them is seen; `UPDATE=1` writes them again.

use aquifer_harness::{Golden, Running};

use crate::bed::bed;

#[test]
fn help_texts() {
    let aquifer = bed();
    for words in [
        "",
        "train",
        "grid",
        "predict",
        "evaluate",
        "verify",
        "model",
        "model show",
        "model export",
        "frame",
        "frame import",
        "frame ls",
        "frame show",
        "frame rm",
        "job",
        "job ls",
        "job show",
        "job watch",
        "job cancel",
        "job resume",
        "certs",
        "certs init",
        "certs renew",
        "certs token",
        "cluster",
        "cluster up",
        "cluster status",
        "coordinator",
        "worker",
        "bench",
        "doctor",
    ] {
        let mut command = aquifer.command(words.split_whitespace());
        command.arg("--help").env("COLUMNS", "100");
        let finished = Running::start(command).finish().ok();
        assert_eq!(finished.stderr, "");
        assert!(finished.stdout.contains("Usage: aquifer"), "{}", finished.stdout);
        let name = if words.is_empty() { "aquifer".to_owned() } else { words.replace(' ', "-") };
        Golden::new(&format!("tests/cli/help/{name}.txt")).check(&finished.stdout);
    }
    let version = aquifer.run(["--version"]).ok().stdout;
    assert_eq!(version, format!("aquifer {}\n", env!("CARGO_PKG_VERSION")));
}
