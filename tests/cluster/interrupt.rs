//! Ctrl-C: exit code 130, no process left behind. A training goes on from where it was; of an import nothing is left.

use aquifer_harness::{Aquifer, Cluster, Running, Signal, until};

use crate::faults::{resumes, train_long, undisturbed};
use crate::frames::write_wide;
use crate::{aquifer, names_in, options};

/// How the signal comes.
#[derive(Clone, Copy)]
enum To {
    /// As from a terminal: every process of the command gets it.
    Group,
    /// As from `kill`: the command alone gets it.
    Command,
}

fn interrupted(texts: &[&str], workers: usize, to: To) {
    let aquifer = aquifer();
    let out = aquifer.file("model.safetensors");
    undisturbed();
    let mut command = aquifer.command(train_long(&options(texts), &out));
    command.env("AQUIFER_LOG", "aquifer_worker=trace");
    let training = Running::start(command);
    until("the training to be at work", || training.stderr().contains("a round is done").then_some(()));
    assert_eq!(training.group().members().len(), 1 + workers, "the command and its workers");
    match to {
        To::Group => assert!(training.group().send(Signal::Interrupt)),
        To::Command => assert!(Signal::Interrupt.send(training.pid())),
    }
    let ended = training.finish().code(130).says(&["interrupted", "aquifer job resume"]);
    assert_eq!(ended.stdout, "", "no result");
    assert_eq!(ended.survivors, [0u32; 0], "processes left behind");
    assert!(!out.exists(), "a model file");
    let job = aquifer.dir().join("jobs").join(&names_in(&aquifer.dir().join("jobs"))[0]);
    assert_eq!(names_in(&job.join("checkpoints")).len(), 1, "its state was handed over");
    resumes(&aquifer);
    no_parts(&aquifer);
}

/// Neither a job nor a file with a temporary name.
fn nothing_unfinished(aquifer: &Aquifer) {
    assert_eq!(names_in(&aquifer.dir().join("jobs")), [""; 0], "left in jobs/");
    no_parts(aquifer);
}

fn no_parts(aquifer: &Aquifer) {
    for folder in ["", "shards", "frames", "uploads", "models"] {
        let part = |name: &String| name.starts_with(".part-");
        let parts: Vec<_> = names_in(&aquifer.dir().join(folder)).into_iter().filter(part).collect();
        assert_eq!(parts, [""; 0], "left in {folder}/");
    }
}

#[test]
fn embedded() {
    interrupted(&[], 0, To::Group);
}

#[test]
fn with_workers_from_a_terminal() {
    interrupted(&["--workers", "2"], 2, To::Group);
}

#[test]
fn with_workers_by_a_signal_to_the_command_alone() {
    interrupted(&["--workers", "2"], 2, To::Command);
}

/// One of two workers has made its shard, the other one is held up: what is there goes, and what is begun is not ended.
#[test]
fn an_import() {
    let aquifer = aquifer();
    let cluster = Cluster::up(&aquifer, 2);
    let source = aquifer.file("wide.parquet");
    write_wide(&source);
    let status = cluster.status(&aquifer);
    let held_up = status["workers"][1]["pid"].as_u64().expect("a process") as u32;
    assert!(Signal::Stop.send(held_up));
    let mut arguments = options(&["frame", "import", "wide", source.to_str().expect("a path")]);
    arguments.extend(cluster.options());
    let importing = aquifer.start(arguments);
    let shards = |worker: u32| names_in(&cluster.dir().join(format!("workers/{worker}/shards")));
    let is_shard = |name: &String| name.ends_with(".arrow");
    until("a shard", || (1..=2).any(|worker| shards(worker).iter().any(is_shard)).then_some(()));
    assert!(Signal::Interrupt.send(importing.pid()));
    assert!(Signal::Continue.send(held_up));
    let ended = importing.finish().code(130).says(&["interrupted"]);
    assert_eq!(ended.stdout, "", "no result");
    assert_eq!((shards(1), shards(2)), (Vec::new(), Vec::new()), "shards of an import that was cancelled");
    assert_eq!(names_in(&cluster.dir().join("frames")), ["names"], "no frame");
    nothing_unfinished(&aquifer);
}

/// The supervisor takes its children with it, and the address of a cluster that is gone does not stay.
#[test]
fn a_cluster() {
    for to in [To::Group, To::Command] {
        let aquifer = aquifer();
        let cluster = Cluster::up(&aquifer, 2);
        let dir = cluster.dir().to_owned();
        assert!(dir.join("address").exists());
        assert_eq!(cluster.group().members().len(), 4, "supervisor, coordinator, two workers");
        match to {
            To::Group => assert!(cluster.group().send(Signal::Interrupt)),
            To::Command => assert!(Signal::Interrupt.send(cluster.pid())),
        }
        let ended = cluster.finish().ok();
        assert_eq!(ended.survivors, [0u32; 0], "processes left behind");
        assert!(!dir.join("address").exists(), "the address of a cluster that is gone");
    }
}
