//! Machines: a network namespace for each, with its own address on one switch, TLS between them, and a token for workers that
//! lets them work alone. One is cut off both ways, one can hear and not speak, one comes back under another address.

use aquifer_fault::FOLDER_VARIABLE;
use aquifer_harness::{Aquifer, Running, inside, until};

use crate::bed::{assert_undisturbed, disturbed_for, skip};
use crate::netns::{NEEDS, Network};
use crate::network::{JOINED, LONG};
use crate::work::{Work, aquifer};

const COORDINATOR: &str = "10.77.0.1";
const WORKERS: [&str; 3] = ["10.77.0.2", "10.77.0.3", "10.77.0.4"];
/// The address that a machine comes back under.
const OTHER: &str = "10.77.0.33/24";

/// Machines at one switch.
struct Machines {
    _switch: Network,
    coordinator: Network,
    workers: Vec<Network>,
}

impl Machines {
    fn new() -> Option<Self> {
        let switch = Network::new()?;
        switch.ip(&["link", "add", "switch", "type", "bridge"]).then_some(())?;
        switch.ip(&["link", "set", "switch", "up"]).then_some(())?;
        let coordinator = machine(&switch, COORDINATOR)?;
        let workers = WORKERS.iter().map(|address| machine(&switch, address)).collect::<Option<_>>()?;
        Some(Self { _switch: switch, coordinator, workers })
    }
}

/// One more, with a cable to the switch.
fn machine(switch: &Network, address: &str) -> Option<Network> {
    let machine = Network::new()?;
    let port = format!("port{}", address.rsplit('.').next()?);
    let cable = ["type", "veth", "peer", "name", "eth0", "netns", machine.name()];
    switch.ip(&[&["link", "add", &port][..], &cable].concat()).then_some(())?;
    switch.ip(&["link", "set", &port, "master", "switch", "up"]).then_some(())?;
    machine.ip(&["addr", "add", &format!("{address}/24"), "dev", "eth0"]).then_some(())?;
    machine.ip(&["link", "set", "eth0", "up"]).then_some(machine)
}

/// A training across machines, of which one is disturbed while it is at work, for a time. What everybody said.
fn disturbed(disturb: impl Fn(&Network) -> bool, restore: impl Fn(&Network) -> bool) -> Option<String> {
    let machines = Machines::new()?;
    let aquifer = aquifer();
    let (certs, faults) = (aquifer.file("certs"), aquifer.file("faults"));
    let path = |name: &str| aquifer.file(name).display().to_string();
    aquifer.run(["certs", "init", "--dir", &path("certs"), "--host", COORDINATOR]).ok();
    let start = |machine: &Network, words: &[&str]| {
        let mut command = aquifer.command(words);
        command.env(FOLDER_VARIABLE, &faults).env("AQUIFER_LOG", "info");
        Running::start(inside(&machine.words().map(Into::into), command))
    };
    let url = format!("https://{COORDINATOR}:7400");
    let listen = format!("{COORDINATOR}:7400");
    let words = ["coordinator", "--listen", &listen, "--root", "/", "--dir", &path("certs")];
    let coordinator = start(&machines.coordinator, &words);
    until("the coordinator's address", || certs.join("address").exists().then_some(()));
    let workers: Vec<Running> = machines
        .workers
        .iter()
        .enumerate()
        .map(|(at, machine)| {
            let folder = worker_folder(&aquifer, at);
            let words = ["worker", "--cluster", &url, "--dir", &folder, "--listen", "0.0.0.0:0", "--root", "/"];
            start(machine, &[&words[..], &["--threads", "1"]].concat())
        })
        .collect();
    let joined = || coordinator.stderr().matches(JOINED).count() == workers.len();
    until("the workers to be members", || joined().then_some(()));

    let out = aquifer.file("model.safetensors");
    let mut words = Work::Steps.words(&aquifer, &out);
    words.extend(
        ["--cluster", &url, "--token-file", &path("certs/token"), "--ca-file", &path("certs/ca.pem")].map(Into::into),
    );
    let begin = || machines.coordinator.start(&aquifer, words);
    let victim = &machines.workers[1];
    let ended = disturbed_for(LONG, &faults, begin, || disturb(victim), || restore(victim));
    let said = || workers.iter().chain([&coordinator]).map(Running::stderr).collect::<Vec<_>>().join("\n");
    assert!(ended.status.success(), "{}\n{}", ended.stderr, said());
    assert_undisturbed(Work::Steps, &out);
    let again = WORKERS.len() + 1;
    until("the machine to be a member again", || (coordinator.stderr().matches(JOINED).count() >= again).then_some(()));
    Some(said())
}

/// With the files that a worker is given, and no others.
fn worker_folder(aquifer: &Aquifer, at: usize) -> String {
    let folder = aquifer.file(&format!("worker-{at}"));
    std::fs::create_dir(&folder).unwrap();
    for name in ["ca.pem", "worker.pem", "worker.key", "worker-token"] {
        std::fs::copy(aquifer.file("certs").join(name), folder.join(name)).unwrap();
    }
    folder.display().to_string()
}

#[test]
fn a_machine_that_is_cut_off() {
    let link = |state: &'static str| move |machine: &Network| machine.ip(&["link", "set", "eth0", state]);
    if disturbed(link("down"), link("up")).is_none() {
        skip(NEEDS);
    }
}

/// Whatever it sends goes to a card that is not there.
#[test]
fn a_machine_that_hears_and_cannot_speak() {
    let others = [COORDINATOR, WORKERS[0], WORKERS[2]];
    let nowhere = ["lladdr", "02:00:00:00:00:99", "nud", "permanent"];
    let silence = |machine: &Network| {
        others.iter().all(|to| machine.ip(&[&["neigh", "replace", to, "dev", "eth0"][..], &nowhere].concat()))
    };
    let speech = |machine: &Network| others.iter().all(|to| machine.ip(&["neigh", "del", to, "dev", "eth0"]));
    if disturbed(silence, speech).is_none() {
        skip(NEEDS);
    }
}

#[test]
fn a_machine_that_comes_back_under_another_address() {
    let away = |machine: &Network| machine.ip(&["addr", "flush", "dev", "eth0"]);
    let back = |machine: &Network| machine.ip(&["addr", "add", OTHER, "dev", "eth0"]);
    match disturbed(away, back) {
        Some(said) => assert!(said.contains("it registered from https://10.77.0.33:"), "{said}"),
        None => skip(NEEDS),
    }
}
