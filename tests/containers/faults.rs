//! A search on a cluster of containers, while they are killed, cut off and started again: the same bytes as without.

use std::ffi::OsString;
use std::path::Path;
use std::time::Duration;

use aquifer_harness::{data, until};
use serde_json::Value;

use crate::aquifer;
use crate::engine::{docker, found, inspect};
use crate::project::{Project, members, tells};

/// The whole search, with a lease that has to run out in it, on a machine with two cores.
const SEARCH_MAX: Duration = Duration::from_secs(240);

/// What each worker may have of a core. As three of them share two cores at most, the search takes as long on any machine, and
/// outlasts a lease and a restart.
const CORES: &str = "--cpus=0.6";

/// A search of more than a minute under that limit.
fn grid(out: &Path, options: Vec<OsString>) -> Vec<OsString> {
    let mut arguments = vec!["grid".into(), data("adult/search.toml").into_os_string()];
    for setting in ["epochs=120", "stopping_rounds=0", "nfolds=2"] {
        arguments.extend(["--set".into(), setting.into()]);
    }
    arguments.extend(["--out".into(), out.into(), "--output".into(), "json".into()]);
    arguments.extend(options);
    arguments
}

/// What must not depend on faults: who won, by what, and the model of each.
fn found_by(result: &Value) -> Vec<Value> {
    let places = result["leaderboard"].as_array().expect("a leaderboard");
    places.iter().map(|place| serde_json::json!([place["params"], place["metrics"], place["model"]])).collect()
}

#[test]
fn a_search_outlives_its_containers() {
    if !found() {
        return;
    }
    let aquifer = aquifer();
    let (alone, out) = (aquifer.file("alone.safetensors"), aquifer.file("out.safetensors"));
    let expected = aquifer.start(grid(&alone, Vec::new())).finish_within(SEARCH_MAX).ok().json();

    let project = Project::new(&aquifer).up(3);
    let status = project.until(&aquifer, "three workers", |status| members(status).len() == 3);
    is_closed(&project);
    let [killed, cut, _] = &project.containers("worker")[..] else { panic!("three containers") };
    let [coordinator] = &project.containers("coordinator")[..] else { panic!("one coordinator") };
    let (killed_id, cut_id) = (project.worker_of(&status, killed), project.worker_of(&status, cut));
    assert_ne!(project.ip(killed), project.ip(cut), "each has an address of its own");
    project.containers("worker").iter().for_each(|worker| drop(docker(["update", CORES, worker])));

    let mut search = aquifer.start(grid(&out, project.options()));
    let at_work = |worker: &Value| worker["trials"].as_array().is_some_and(|trials| !trials.is_empty());
    project.until(&aquifer, "trials on every worker", |status| members(status).iter().all(at_work));

    assert!(search.ended().is_none(), "the fault must hit a search");
    docker(["kill", killed]);
    assert_eq!(inspect(killed, "{{.State.ExitCode}} {{.State.Running}}"), "137 false");
    docker(["network", "disconnect", &project.network(), cut]);
    assert_eq!(inspect(cut, "{{len .NetworkSettings.Networks}}"), "0", "it is on no network");
    let status = project.until(&aquifer, "both losses to be told of", |status| {
        tells(status, "lost", &killed_id) && tells(status, "lost", &cut_id)
    });
    assert_eq!(members(&status).len(), 1, "{status}");

    assert!(search.ended().is_none(), "the fault must hit a search");
    docker(["kill", coordinator]);
    assert_eq!(inspect(coordinator, "{{.State.ExitCode}} {{.State.Running}}"), "137 false");
    docker(["start", coordinator]);
    project.until(&aquifer, "another term with the worker that is left", |status| {
        status["coordinator"]["term"] == 2 && members(status).len() == 1
    });
    docker(["network", "connect", &project.network(), cut]);
    docker(["start", killed]);
    project.until(&aquifer, "all workers to be back", |status| members(status).len() == 3);

    assert!(search.ended().is_none(), "what came back should have something to do");
    let result = search.finish_within(SEARCH_MAX).ok().json();
    assert_eq!(found_by(&result), found_by(&expected));
    let (alone, out) = (std::fs::read(alone).expect("a model"), std::fs::read(out).expect("a model"));
    assert!(alone == out, "the model differs from that of the undisturbed run");
}

/// What a node may do: little.
fn is_closed(project: &Project) {
    let [coordinator] = &project.containers("coordinator")[..] else { panic!("one coordinator") };
    let published = docker(["port", coordinator]);
    assert!(published.lines().all(|line| line.contains("-> 127.0.0.1:")) && !published.is_empty(), "{published}");
    for container in project.containers("worker").iter().chain([coordinator]) {
        assert_eq!(docker(["exec", container, "id", "-u"]), "65532");
        let closed = "{{.HostConfig.ReadonlyRootfs}} {{.HostConfig.CapDrop}} {{.HostConfig.SecurityOpt}}";
        assert_eq!(inspect(container, closed), "true [ALL] [no-new-privileges:true]");
    }
    let sees = |container: &str, test: &str| docker(["exec", container, "sh", "-c", test]);
    sees(
        coordinator,
        "test ! -w /state && test ! -r /state/ca.key && test ! -r /state/worker.key && test -r /state/token",
    );
    for worker in project.containers("worker") {
        // Its own files alone: no token that submits, and nobody else's key.
        assert_eq!(sees(&worker, "cd /state && ls -A | tr '\\n' ' '"), "ca.pem worker-token worker.key worker.pem");
        sees(&worker, "test ! -w /state");
    }
    assert!(project.containers("worker").iter().all(|worker| docker(["port", worker]).is_empty()));
    let [init] = &project.containers("init")[..] else { panic!("one that prepares") };
    until("the one that prepares to have ended", || {
        (inspect(init, "{{.State.ExitCode}} {{.State.Running}}") == "0 false").then_some(())
    });
}
