//! Who may read what of the folder of certificates and tokens, and what becomes of it when `up` is typed again.

use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::path::Path;
use std::process::{Command, Output};

use aquifer_harness::{Aquifer, repository};

use crate::aquifer;
use crate::engine::{docker, found, run};
use crate::image::image;
use crate::project::{Project, members};

/// As whom nodes run, and the group of the coordinator's files.
const NODES: u32 = 65532;

fn set_mode(path: &Path, mode: u32) {
    std::fs::set_permissions(path, PermissionsExt::from_mode(mode)).expect("permissions");
}

#[test]
fn workers_read_no_secret_of_others_in_the_data_that_they_see() {
    if !found() {
        return;
    }
    let aquifer = aquifer();
    let state = aquifer.file("state");
    let data = state.parent().expect("the folder in which `up` is typed").to_owned();
    set_mode(&data, 0o755);
    let project = Project::new(&aquifer).set("PWD", &data);
    set_mode(&state, 0o755);
    let project = project.up(1);
    project.until(&aquifer, "a worker", |status| members(status).len() == 1);
    let [worker] = &project.containers("worker")[..] else { panic!("one worker") };
    let [coordinator] = &project.containers("coordinator")[..] else { panic!("one coordinator") };
    let reads = |container: &str, name: &str| {
        let path = state.join(name);
        assert!(path.exists(), "there is no {name}");
        let mut cat = Command::new("docker");
        cat.args(["exec", container, "cat"]).arg(&path).output().expect("an end").status.success()
    };
    assert!(reads(worker, "ca.pem") || reads(coordinator, "ca.pem"), "the folder is where both see it");
    for secret in ["token", "tokens", "coordinator.key", "ca.key", "worker.key"] {
        assert!(!reads(worker, secret), "a worker reads {secret}");
    }
    assert!(reads(worker, "worker/worker-token") && !reads(coordinator, "worker.key"));

    // The authority's key is kept elsewhere, and nobody else may enter the folder: the next `up` makes do with that.
    std::fs::rename(state.join("ca.key"), aquifer.file("ca.key")).expect("a key that is taken away");
    set_mode(&state, 0o700);
    let project = project.up(1);
    project.until(&aquifer, "a worker once more", |status| members(status).len() == 1);
    let [coordinator] = &project.containers("coordinator")[..] else { panic!("one coordinator") };
    docker(["exec", coordinator, "test", "-r", "/state/token"]);
    let found = state.metadata().expect("the folder");
    assert_eq!((found.mode() & 0o777, found.gid()), (0o710, NODES));
}

/// What prepares a state, without a cluster.
fn init(state: &Path) -> Output {
    let mut init = Command::new("docker");
    init.args(["run", "--rm", "--user", "0:0", "--network", "none", "--env", "AQUIFER_DIR=/tmp"]);
    init.arg("--volume").arg(format!("{}:/state", state.display()));
    init.args(["--entrypoint", "aquifer-init", image(), "/state"]).output().expect("an end")
}

fn state_of(aquifer: &Aquifer) -> std::path::PathBuf {
    let state = aquifer.file("state");
    std::fs::create_dir(&state).expect("a folder");
    state
}

#[test]
fn certificates_are_renewed_while_the_authority_is_there() {
    if !found() {
        return;
    }
    let aquifer = aquifer();
    let state = state_of(&aquifer);
    assert!(init(&state).status.success());
    let certificate = || std::fs::read(state.join("coordinator.pem")).expect("a certificate");
    let age = || _ = run(Command::new("touch").args(["--date", "61 days ago"]).arg(state.join("coordinator.pem")));
    let made = certificate();
    age();
    std::fs::rename(state.join("ca.key"), aquifer.file("ca.key")).expect("a key that is taken away");
    let without = init(&state);
    let said = String::from_utf8_lossy(&without.stderr);
    assert!(without.status.success() && said.contains("put ca.key back"), "{said}");
    assert!(certificate() == made);
    std::fs::rename(aquifer.file("ca.key"), state.join("ca.key")).expect("the key");
    assert!(init(&state).status.success());
    assert!(certificate() != made);
    let worker = |name: &str| std::fs::read(state.join("worker").join(name)).expect("a worker's file");
    assert!(worker("worker.pem") == std::fs::read(state.join("worker.pem")).expect("a certificate"));
}

#[test]
fn a_state_of_the_nodes_own_user_is_refused() {
    if !found() {
        return;
    }
    let aquifer = aquifer();
    let state = state_of(&aquifer);
    chown(&state, Some(NODES), None).expect("another owner");
    let refused = init(&state);
    assert!(!refused.status.success());
    assert!(String::from_utf8_lossy(&refused.stderr).contains("65532"), "it says why");
    assert_eq!(std::fs::read_dir(&state).expect("the folder").count(), 0, "nothing is made");
}

#[test]
fn an_image_is_built_without_secrets() {
    if !found() {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let write = |name: &str, text: &[u8]| {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("folders");
        std::fs::write(path, text).expect("a file");
    };
    write(".dockerignore", &std::fs::read(repository().join(".dockerignore")).expect("what is left out"));
    let needed = ["Cargo.toml", "deploy/init.sh", "shared/src/tokens.rs"];
    let secret =
        ["deploy/state/token", "deploy/mine/ca.pem", "mine/tokens", "mine/worker/worker-token", "mine/ca.key", "token"];
    needed.iter().chain(&secret).for_each(|name| write(name, b""));
    write("Dockerfile", format!("FROM {}\nCOPY . /context\n", image()).as_bytes());
    let built = run(Command::new("docker").args(["build", "--quiet"]).arg(folder.path()));
    let files = docker(["run", "--rm", "--entrypoint", "find", &built, "/context", "-type", "f"]);
    docker(["image", "rm", &built]);
    let there = |name: &&str| files.lines().any(|line| line == format!("/context/{name}"));
    assert!(needed.iter().all(&there), "{files}");
    assert!(!secret.iter().any(there), "{files}");
}
