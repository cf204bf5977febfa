//! Processes that are killed while they train: the training goes on, and ends in the bytes of one that nothing happened to.

use std::ffi::OsString;
use std::path::Path;
use std::sync::OnceLock;

use aquifer_harness::{Aquifer, Cluster, Running, Signal, until};
use serde_json::Value;

use crate::wire::wait_for_rounds;
use crate::{ENDLESS, aquifer, bytes, options, train_adult};

/// A training of some seconds.
const LONG: [&str; 2] = ["ranks=8", "epochs=400"];

/// The model of the training that nothing happens to.
pub(crate) fn undisturbed() -> &'static [u8] {
    static MODEL: OnceLock<Vec<u8>> = OnceLock::new();
    MODEL.get_or_init(|| {
        let aquifer = aquifer();
        let out = aquifer.file("alone.safetensors");
        aquifer.run(train_long(&[], &out)).ok();
        bytes(&out)
    })
}

pub(crate) fn train_long(options: &[OsString], out: &Path) -> Vec<OsString> {
    train_adult(&LONG, options, out)
}

/// Starts the training, and waits until it has rounds behind it. Returns the status at that moment.
fn start_training(aquifer: &Aquifer, cluster: &Cluster) -> (Running, Value) {
    undisturbed(); // before anything is timed by it
    let out = aquifer.file("disturbed.safetensors");
    let training = aquifer.start(train_long(&cluster.options(), &out));
    let status = until("the trial on every worker", || {
        let status = cluster.status(aquifer);
        let at_work = |worker: &Value| worker["trials"].as_array().is_some_and(|trials| !trials.is_empty());
        workers(&status).iter().all(at_work).then_some(status)
    });
    wait_for_rounds(cluster, status["workers"][0]["trials"][0].as_str().expect("a job"));
    (training, status)
}

/// Starts a command with worker processes, and waits until it has a round behind it. Returns those processes too.
fn start_command(arguments: Vec<OsString>, aquifer: &Aquifer) -> (Running, Vec<u32>) {
    undisturbed(); // before anything is timed by it
    let mut command = aquifer.command(arguments);
    command.env("AQUIFER_LOG", "aquifer_worker=trace");
    let training = Running::start(command);
    until("the training to be at work", || training.stderr().contains("a round is done").then_some(()));
    let mut children = training.group().members();
    children.retain(|pid| *pid != training.pid());
    (training, children)
}

/// It was at work when the fault came, and ends as if there had been none.
#[track_caller]
fn ends_undisturbed(aquifer: &Aquifer, training: Running) {
    let result = training.finish().ok().json();
    assert!(bytes(&aquifer.file("disturbed.safetensors")) == undisturbed(), "the fault is in the bytes: {result}");
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

#[test]
fn a_training_goes_on_without_a_killed_worker() {
    let aquifer = aquifer();
    let cluster = Cluster::up(&aquifer, 3);
    let (mut training, status) = start_training(&aquifer, &cluster);
    let lost = &workers(&status)[1];
    assert!(training.ended().is_none() && Signal::Kill.send(pid(lost)), "the fault must hit a training");
    wait_for_workers(&aquifer, &cluster, 3, pid(lost));
    ends_undisturbed(&aquifer, training);
}

#[test]
fn a_training_goes_on_when_every_worker_was_killed() {
    let aquifer = aquifer();
    let cluster = Cluster::up(&aquifer, 2);
    let (mut training, status) = start_training(&aquifer, &cluster);
    assert!(training.ended().is_none(), "the fault must hit a training");
    assert!(workers(&status).iter().all(|worker| Signal::Kill.send(pid(worker))), "the fault must hit processes");
    ends_undisturbed(&aquifer, training);
}

#[test]
fn a_training_goes_on_without_a_worker_that_leaves() {
    let aquifer = aquifer();
    let cluster = Cluster::up(&aquifer, 2);
    let (mut training, status) = start_training(&aquifer, &cluster);
    let leaves = &workers(&status)[0];
    assert!(training.ended().is_none() && Signal::Terminate.send(pid(leaves)), "the fault must hit a training");
    wait_for_workers(&aquifer, &cluster, 2, pid(leaves));
    ends_undisturbed(&aquifer, training);
    assert!(cluster.log().contains("leaving the cluster"), "{}", cluster.log());
}

/// Its workers go on without it, and the next one takes what they hold; the client waits.
#[test]
fn a_training_goes_on_when_its_coordinator_was_killed() {
    let aquifer = aquifer();
    let cluster = Cluster::up(&aquifer, 2);
    let (mut training, status) = start_training(&aquifer, &cluster);
    let (url, old) = (cluster.url(), pid(&status["coordinator"]));
    assert!(training.ended().is_none() && Signal::Kill.send(old), "the fault must hit a training");
    let status = until("another coordinator with the workers", || {
        let status = cluster.status(&aquifer);
        (pid(&status["coordinator"]) != old && workers(&status).len() == 2).then_some(status)
    });
    assert_eq!(cluster.url(), url, "workers and clients know this address");
    assert_eq!(status["coordinator"]["term"], 2, "a new start is a new term");
    ends_undisturbed(&aquifer, training);
}

/// Worker processes of one command: it goes on with those that are left.
#[test]
fn a_command_goes_on_without_a_killed_worker() {
    let aquifer = aquifer();
    let out = aquifer.file("disturbed.safetensors");
    let (mut training, children) = start_command(train_long(&options(&["--workers", "3"]), &out), &aquifer);
    assert_eq!(children.len(), 3, "worker processes");
    assert!(training.ended().is_none() && Signal::Kill.send(children[1]), "the fault must hit a training");
    ends_undisturbed(&aquifer, training);
}

/// With none left it ends, and can be taken up again.
#[test]
fn a_command_without_workers_ends_and_is_resumed() {
    let aquifer = aquifer();
    let out = aquifer.file("disturbed.safetensors");
    let (training, children) = start_command(train_long(&options(&["--workers", "2"]), &out), &aquifer);
    assert!(children.iter().all(|pid| Signal::Kill.send(*pid)), "the fault must hit processes");
    let ended = training.finish().code(1).says(&["\"error\"", "worker"]);
    assert_eq!(ended.survivors, [0u32; 0], "processes left behind");
    assert!(!out.exists());
    resumes(&aquifer);
}

/// Goes on with the only job of the data folder.
#[track_caller]
pub(crate) fn resumes(aquifer: &Aquifer) {
    let jobs = aquifer.run(["job", "ls", "--output", "json"]).ok().json()["jobs"].take();
    assert_eq!(jobs.as_array().map(Vec::len), Some(1), "{jobs}");
    assert_eq!(jobs[0]["status"], "interrupted");
    let job = jobs[0]["id"].as_str().expect("an id");
    let out = aquifer.file("resumed.safetensors");
    let mut arguments = options(&["job", "resume", job, "--output", "json", "--out"]);
    arguments.push(out.clone().into());
    aquifer.run(arguments).ok();
    assert!(bytes(&out) == undisturbed(), "the interruption is in the bytes");
}

/// The command itself is killed: its workers notice, and end.
#[test]
fn workers_do_not_outlive_a_killed_command() {
    let aquifer = aquifer();
    let out = aquifer.file("never.safetensors");
    let (training, children) = start_command(train_adult(&ENDLESS, &options(&["--workers", "2"]), &out), &aquifer);
    assert_eq!(children.len(), 2);
    assert!(Signal::Kill.send(training.pid()));
    until("the workers to end", || training.group().members().is_empty().then_some(()));
}

/// Nobody is there to do it: that is said at once, and not when it is given up.
#[test]
fn a_job_without_workers_says_what_it_waits_for() {
    let aquifer = aquifer();
    let dir = aquifer.dir();
    let mut coordinator = options(&["coordinator", "--listen", "127.0.0.1:0", "--no-worker-grace", "4", "--dir"]);
    coordinator.push(dir.clone().into());
    let coordinator = aquifer.start(coordinator);
    let address =
        until("an address", || std::fs::read_to_string(dir.join("address")).ok().filter(|address| !address.is_empty()));
    let data = aquifer_harness::data("wisconsin/wisconsin.parquet");
    let mut training = options(&["train", data.to_str().unwrap(), "--target", "class", "--cluster", address.trim()]);
    training.extend(["--dir".into(), dir.into()]);
    let training = aquifer.start(training);
    until("a word of it", || training.stderr().contains("waiting for workers: 0 of 1").then_some(()));
    training.finish().code(1).says(&["0 of 1 workers registered within 4 s"]);
    drop(coordinator);
}

/// A worker whose token is struck out is a member no longer, though its session was there before.
#[test]
fn a_token_that_is_struck_out_ends_the_session_of_its_worker() {
    let aquifer = aquifer();
    let cluster = Cluster::up(&aquifer, 1);
    let token = aquifer.file("token");
    let dir: OsString = cluster.dir().into();
    let mut words = options(&["certs", "token", "--scope", "worker", "--dir"]);
    words.push(dir.clone());
    std::fs::write(&token, aquifer.run(words).ok().stdout).unwrap();
    let mut words = options(&["worker", "--cluster", &cluster.url(), "--token-file"]);
    words.extend([token.clone().into(), "--dir".into(), aquifer.file("worker").into()]);
    let worker = aquifer.start(words);
    let count = || cluster.status(&aquifer)["workers"].as_array().map_or(0, Vec::len);
    until("the worker", || (count() == 2).then_some(()));
    let tokens = cluster.dir().join("tokens");
    let lines = std::fs::read_to_string(&tokens).unwrap();
    let (last, others) = lines.trim_end().rsplit_once('\n').unwrap();
    assert!(others.starts_with("worker "), "{others} after {last}");
    std::fs::write(&tokens, format!("{last}\n")).unwrap();
    until("it to go", || (count() == 1).then_some(()));
    assert!(cluster.log().contains("its token was struck out"), "{}", cluster.log());
    worker.finish().code(4).says(&["token"]);
}
