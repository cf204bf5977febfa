//! Searches that are killed, interrupted, left and cancelled in their midst: what is done stays done, and the end is the same.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use aquifer_harness::{Aquifer, Cluster, Running, Signal, until};
use serde_json::Value;

use crate::search::{Found, found_alone, grid_arguments, same, write};
use crate::{aquifer, bytes, names_in, options};

/// Trials of [`long`]: of each candidate two folds and a final fit.
const TRIALS: usize = 10 * 3;
/// So many have ended when something happens to it.
const SOME: usize = 4;

/// A search whose candidates end one after the other.
fn long(source: &Path) -> String {
    let values = ["0.0", "1e-6", "2e-6", "3e-6", "4e-6", "5e-6", "6e-6", "7e-6", "8e-6", "9e-6"].join(", ");
    format!(
        "data = [{source:?}]\ntarget = \"income\"\n[params]\nhidden = [16]\nepochs = 1.5\n[search]\nparallelism = 2\n\
         [search.params]\nl2 = [{values}]\n[cross_validation]\nnfolds = 2\n"
    )
}

fn adult() -> PathBuf {
    aquifer_harness::data("adult/train.parquet")
}

/// What all others must equal: nothing happened to it.
fn undisturbed() -> &'static Found {
    static FOUND: OnceLock<Found> = OnceLock::new();
    FOUND.get_or_init(|| found_alone(&long(&adult())))
}

fn samples(result: &Value) -> u64 {
    result["samples"].as_u64().expect("rows trained on")
}

/// Trials that have ended, by the metric points of the job.
fn ended(job: &Path) -> usize {
    let points = std::fs::read_to_string(job.join("points.jsonl")).unwrap_or_default();
    points.lines().filter(|line| line.contains("\"ended\":true")).count()
}

/// Starts the search in `file`, and waits until some of its trials have ended. `dir` is where its job has a folder, and
/// `known` the jobs that had one before.
fn begun(aquifer: &Aquifer, file: &Path, more: &[OsString], dir: &Path, known: &[&str]) -> (Running, String) {
    let out = aquifer.file("never.safetensors");
    let mut running = aquifer.start(grid_arguments(file, more, &out));
    let jobs = dir.join("jobs");
    let job = until("some trials to end", || {
        if let Some(status) = running.ended() {
            panic!("the search ended with {status}:\n{}", running.stderr());
        }
        names_in(&jobs).into_iter().find(|job| !known.contains(&&job[..]) && ended(&jobs.join(job)) >= SOME)
    });
    (running, job)
}

#[track_caller]
fn in_its_midst(aquifer: &Aquifer, dir: &Path, job: &str) {
    let done = ended(&dir.join("jobs").join(job));
    assert!((SOME..TRIALS).contains(&done), "{done} of {TRIALS} trials had ended");
    assert!(!aquifer.file("never.safetensors").exists());
}

fn status(aquifer: &Aquifer, job: &str, more: &[OsString]) -> String {
    let list = [options(&["job", "ls", "--output", "json"]), more.into()].concat();
    let jobs = aquifer.run(list).ok().json()["jobs"].take();
    let found = jobs.as_array().expect("jobs").iter().find(|found| found["id"] == job);
    found.unwrap_or_else(|| panic!("no job {job}: {jobs}"))["status"].as_str().expect("a status").to_owned()
}

/// Goes on with a job; the end is that of the undisturbed search, and part of it was there already.
#[track_caller]
fn resumed(aquifer: &Aquifer, job: &str) {
    assert_eq!(status(aquifer, job, &[]), "interrupted");
    let said = aquifer.run(["job", "show", job]).ok().stdout;
    assert!(said.contains("interrupted") && said.contains(&format!("aquifer job resume {job}")), "{said}");
    resumes(aquifer, job);
    assert_eq!(status(aquifer, job, &[]), "done");
}

#[track_caller]
fn resumes(aquifer: &Aquifer, job: &str) {
    let out = aquifer.file("resumed.safetensors");
    let mut arguments = options(&["job", "resume", job, "--output", "json", "--out"]);
    arguments.push(out.clone().into());
    let result = aquifer.run(arguments).ok().json();
    let whole = undisturbed();
    same(&result, &whole.result);
    assert!(bytes(&out) == whole.model, "the best model's bytes");
    let (rest, all) = (samples(&result), samples(&whole.result));
    assert!(0 < rest && rest < all, "{rest} of {all} rows were trained on");
}

#[test]
fn a_search_whose_every_process_was_killed_is_resumed() {
    let aquifer = aquifer();
    let file = write(&aquifer, "search.toml", &long(&adult()));
    let (running, job) = begun(&aquifer, &file, &options(&["--workers", "2"]), &aquifer.dir(), &[]);
    assert_eq!(running.group().members().len(), 3, "the command and its workers");
    assert!(running.group().send(Signal::Kill), "the fault must hit the search");
    let group = running.group();
    drop(running);
    until("every process to end", || group.members().is_empty().then_some(()));
    in_its_midst(&aquifer, &aquifer.dir(), &job);
    resumed(&aquifer, &job);
}

#[test]
fn a_search_goes_on_without_a_killed_worker() {
    let aquifer = aquifer();
    let cluster = Cluster::up(&aquifer, 2);
    let file = write(&aquifer, "search.toml", &long(&adult()));
    let (mut running, job) = begun(&aquifer, &file, &cluster.options(), cluster.dir(), &[]);
    let lost = until("a worker with trials", || {
        let workers = cluster.status(&aquifer)["workers"].take();
        let busy = |worker: &&Value| worker["trials"].as_array().is_some_and(|trials| !trials.is_empty());
        workers.as_array()?.iter().find(busy)?["pid"].as_u64()
    });
    in_its_midst(&aquifer, cluster.dir(), &job);
    assert!(running.ended().is_none() && Signal::Kill.send(lost as u32), "the fault must hit the search");
    let result = running.finish().ok().json();
    same(&result, &undisturbed().result);
    assert!(bytes(&aquifer.file("never.safetensors")) == undisturbed().model, "the best model's bytes");
    assert!(cluster.log().contains("SIGKILL"), "{}", cluster.log());
}

#[test]
fn a_search_goes_on_without_a_killed_worker_of_its_command() {
    let aquifer = aquifer();
    let file = write(&aquifer, "search.toml", &long(&adult()));
    let (running, job) = begun(&aquifer, &file, &options(&["--workers", "2"]), &aquifer.dir(), &[]);
    let mut children = running.group().members();
    children.retain(|pid| *pid != running.pid());
    in_its_midst(&aquifer, &aquifer.dir(), &job);
    assert!(Signal::Kill.send(children[0]), "the fault must hit a process");
    same(&running.finish().ok().json(), &undisturbed().result);
}

#[test]
fn an_interrupted_search_is_resumed() {
    for workers in [&[][..], &["--workers", "2"]] {
        let aquifer = aquifer();
        let file = write(&aquifer, "search.toml", &long(&adult()));
        let (running, job) = begun(&aquifer, &file, &options(workers), &aquifer.dir(), &[]);
        assert!(running.group().send(Signal::Interrupt));
        let ended = running.finish().code(130).says(&["interrupted", &format!("aquifer job resume {job}")]);
        assert_eq!((&ended.stdout[..], &ended.survivors[..]), ("", &[][..]), "no result, and no process left behind");
        in_its_midst(&aquifer, &aquifer.dir(), &job);
        resumed(&aquifer, &job);
    }
}

/// What a job was asked for is another thing once its data is.
#[test]
fn a_search_is_not_resumed_on_data_that_changed() {
    let aquifer = aquifer();
    let source = aquifer.file("adult.parquet");
    std::fs::copy(adult(), &source).expect("a copy");
    let file = write(&aquifer, "search.toml", &long(&source));
    let (running, job) = begun(&aquifer, &file, &[], &aquifer.dir(), &[]);
    assert!(Signal::Interrupt.send(running.pid()));
    running.finish().code(130);
    std::fs::copy(aquifer_harness::data("adult/test.parquet"), &source).expect("other data");
    let refused = aquifer.run(["job", "resume", &job]).code(3).says(&["adult.parquet", "has changed"]);
    assert_eq!(refused.stdout, "");
    std::fs::copy(adult(), &source).expect("the data as it was");
    resumes(&aquifer, &job);
}

/// With a cluster, Ctrl-C ends the command alone.
#[test]
fn a_search_that_its_client_left_goes_on_in_the_cluster() {
    let aquifer = aquifer();
    let cluster = Cluster::up(&aquifer, 2);
    let file = write(&aquifer, "search.toml", &long(&adult()));
    let (running, job) = begun(&aquifer, &file, &cluster.options(), cluster.dir(), &[]);
    assert!(running.group().send(Signal::Interrupt));
    running.finish().code(130).says(&["goes on", &format!("aquifer job watch {job}"), &cluster.url()]);
    in_its_midst(&aquifer, cluster.dir(), &job);
    assert_eq!(status(&aquifer, &job, &cluster.options()), "running");
    let of_job = |verb: &str| [options(&["job", verb, &job, "--output", "json"]), cluster.options()].concat();
    let so_far = aquifer.run(of_job("show")).ok().json();
    assert!(so_far["leaderboard"].as_array().is_some_and(|entries| entries.len() < 10), "{so_far}");
    same(&aquifer.run(of_job("watch")).ok().json(), &undisturbed().result);
    same(&aquifer.run(of_job("show")).ok().json(), &undisturbed().result);
    assert_eq!(status(&aquifer, &job, &cluster.options()), "done");
}

/// Nothing that it found is left: the same search trains all of it again.
#[test]
fn a_cancelled_search_leaves_nothing() {
    let aquifer = aquifer();
    let cluster = Cluster::up(&aquifer, 2);
    let file = write(&aquifer, "search.toml", &long(&adult()));
    let (running, job) = begun(&aquifer, &file, &cluster.options(), cluster.dir(), &[]);
    in_its_midst(&aquifer, cluster.dir(), &job);
    aquifer.run([options(&["job", "cancel", &job]), cluster.options()].concat()).ok();
    let ended = running.finish().code(130);
    assert_eq!(ended.stdout, "", "no result");
    assert_eq!(status(&aquifer, &job, &cluster.options()), "cancelled");
    assert_eq!(names_in(&cluster.dir().join("jobs").join(&job)), [""; 0], "left in the job's folder");
    let out = aquifer.file("again.safetensors");
    let again = aquifer.run(grid_arguments(&file, &cluster.options(), &out)).ok().json();
    assert_eq!((&again["job"], samples(&again)), (&Value::from(&job[..]), samples(&undisturbed().result)));
    same(&again, &undisturbed().result);
}

/// Of a command of its own: another command cancels it, at work or interrupted.
#[test]
fn a_search_of_a_command_is_cancelled_from_outside() {
    let aquifer = aquifer();
    let file = write(&aquifer, "search.toml", &long(&adult()));
    let (running, job) = begun(&aquifer, &file, &[], &aquifer.dir(), &[]);
    assert_eq!(status(&aquifer, &job, &[]), "running");
    aquifer.run(["job", "resume", &job, "--out", "x.safetensors", "--workers", "0"]).code(2);
    aquifer.run(["job", "cancel", &job]).ok();
    running.finish().code(130);
    assert_eq!(names_in(&aquifer.dir().join("jobs")), [""; 0], "left in jobs/");

    let (running, job) = begun(&aquifer, &file, &[], &aquifer.dir(), &[]);
    assert!(Signal::Interrupt.send(running.pid()));
    running.finish().code(130);
    aquifer.run(["job", "cancel", &job]).ok();
    assert_eq!(names_in(&aquifer.dir().join("jobs")), [""; 0], "left in jobs/");
    let out = aquifer.file("again.safetensors");
    let again = aquifer.run(grid_arguments(&file, &[], &out)).ok().json();
    assert_eq!(samples(&again), samples(&undisturbed().result), "rows trained on");
}

/// The client waits, and the next coordinator goes on with the job by itself.
#[test]
fn a_search_goes_on_when_its_coordinator_was_killed() {
    let aquifer = aquifer();
    let cluster = Cluster::up(&aquifer, 2);
    let file = write(&aquifer, "search.toml", &long(&adult()));
    let (running, job) = begun(&aquifer, &file, &cluster.options(), cluster.dir(), &[]);
    let old = cluster.status(&aquifer)["coordinator"]["pid"].as_u64().expect("a pid");
    in_its_midst(&aquifer, cluster.dir(), &job);
    assert!(Signal::Kill.send(old as u32), "the fault must hit a process");
    let result = running.finish().ok().json();
    assert_ne!(cluster.status(&aquifer)["coordinator"]["pid"].as_u64(), Some(old));
    same(&result, &undisturbed().result);
    assert!(bytes(&aquifer.file("never.safetensors")) == undisturbed().model, "the best model's bytes");
    assert!(samples(&result) < samples(&undisturbed().result), "all was trained again");
    assert_eq!(status(&aquifer, &job, &cluster.options()), "done");
}
