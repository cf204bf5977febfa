//! Processes that are killed while they train: a clear end within a limit, and a cluster that works again.

use aquifer_harness::{Aquifer, Cluster, Running, Signal, until};
use serde_json::Value;

use crate::wire::wait_for_rounds;
use crate::{ENDLESS, aquifer, bytes, options, train_adult};

/// Starts a training that does not end, and waits until it has rounds behind it. Returns the status at that moment.
fn start_training(aquifer: &Aquifer, cluster: &Cluster) -> (Running, Value) {
    let out = aquifer.file("never.safetensors");
    let training = aquifer.start(train_adult(&ENDLESS, &cluster.options(), &out));
    let status = until("the trial on every worker", || {
        let status = cluster.status(aquifer);
        let at_work = |worker: &Value| worker["trials"].as_array().is_some_and(|trials| !trials.is_empty());
        workers(&status).iter().all(at_work).then_some(status)
    });
    wait_for_rounds(cluster, status["workers"][0]["trials"][0].as_str().expect("a job"));
    (training, status)
}

fn workers(status: &Value) -> &[Value] {
    status["workers"].as_array().expect("workers")
}

fn pid(node: &Value) -> u32 {
    node["pid"].as_u64().expect("a pid") as u32
}

/// Waits until `count` workers are members, none of them with the pid.
fn wait_for_workers(aquifer: &Aquifer, cluster: &Cluster, count: usize, but: u32) -> Value {
    until("the workers to be back", || {
        let status = cluster.status(aquifer);
        let all = workers(&status);
        (all.len() == count && all.iter().all(|worker| pid(worker) != but)).then_some(status)
    })
}

/// The next training ends, with the bits of a process alone.
fn trains_again(aquifer: &Aquifer, cluster: &Cluster) {
    let (alone, again) = (aquifer.file("alone.safetensors"), aquifer.file("again.safetensors"));
    aquifer.run(train_adult(&["ranks=8"], &[], &alone)).ok();
    aquifer.run(train_adult(&["ranks=8"], &cluster.options(), &again)).ok();
    assert!(bytes(&alone) == bytes(&again), "the bytes after the fault differ from those without one");
}

#[test]
fn a_killed_worker_of_a_cluster_ends_the_job_and_is_replaced() {
    let aquifer = aquifer();
    let cluster = Cluster::up(&aquifer, 3);
    let (mut training, status) = start_training(&aquifer, &cluster);
    let lost = &workers(&status)[1];
    assert!(training.ended().is_none(), "the fault must hit a training");
    assert!(Signal::Kill.send(pid(lost)), "the fault must hit a process");
    // Peers miss its messages first; the command still names the worker that was lost, and why.
    training.finish().code(1).says(&["worker_lost", lost["id"].as_str().expect("an id"), "was lost while job"]);
    assert!(!aquifer.file("never.safetensors").exists());

    wait_for_workers(&aquifer, &cluster, 3, pid(lost));
    trains_again(&aquifer, &cluster);
}

#[test]
fn a_killed_coordinator_ends_the_command_and_is_replaced() {
    let aquifer = aquifer();
    let cluster = Cluster::up(&aquifer, 2);
    let (mut training, status) = start_training(&aquifer, &cluster);
    let (url, old) = (cluster.url(), pid(&status["coordinator"]));
    assert!(training.ended().is_none(), "the fault must hit a training");
    assert!(Signal::Kill.send(old), "the fault must hit a process");
    training.finish().code(4).says(&["stopped answering"]);
    assert!(!aquifer.file("never.safetensors").exists());

    let status = until("another coordinator with the workers", || {
        let status = cluster.status(&aquifer);
        (pid(&status["coordinator"]) != old && workers(&status).len() == 2).then_some(status)
    });
    assert_eq!(cluster.url(), url, "workers and clients know this address");
    assert_eq!(status["coordinator"]["term"], 2, "a new start is a new term");
    trains_again(&aquifer, &cluster);
}

/// Worker processes of one command: it ends, and takes the others with it.
#[test]
fn a_killed_worker_of_a_command_ends_it() {
    let aquifer = aquifer();
    let out = aquifer.file("never.safetensors");
    let mut command = aquifer.command(train_adult(&ENDLESS, &options(&["--workers", "3"]), &out));
    command.env("AQUIFER_LOG", "aquifer_worker=trace");
    let training = Running::start(command);
    until("the training to be at work", || training.stderr().contains("a round is done").then_some(()));
    let mut children = training.group().members();
    children.retain(|pid| *pid != training.pid());
    assert_eq!(children.len(), 3, "worker processes");
    assert!(Signal::Kill.send(children[1]), "the fault must hit a process");
    let ended = training.finish().code(1).says(&["\"error\"", "worker"]);
    assert_eq!(ended.survivors, [0u32; 0], "processes left behind");
    assert!(!out.exists());
}

/// The command itself is killed: its workers notice, and end.
#[test]
fn workers_do_not_outlive_a_killed_command() {
    let aquifer = aquifer();
    let out = aquifer.file("never.safetensors");
    let mut command = aquifer.command(train_adult(&ENDLESS, &options(&["--workers", "2"]), &out));
    command.env("AQUIFER_LOG", "aquifer_worker=trace");
    let training = Running::start(command);
    until("the training to be at work", || training.stderr().contains("a round is done").then_some(()));
    assert_eq!(training.group().members().len(), 3);
    assert!(Signal::Kill.send(training.pid()));
    until("the workers to end", || training.group().members().is_empty().then_some(()));
}
