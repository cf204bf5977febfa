//! A simulated cluster, from its beginning until every client has what it asked for and the nodes are at rest.

use std::cell::RefCell;
use std::collections::{BTreeSet, VecDeque};
use std::path::PathBuf;
use std::rc::Rc;
use std::time::Duration;

use aquifer_frame::Roots;
use aquifer_model::{Kind, Report};
use aquifer_proto::v1;
use tempfile::TempDir;
use turmoil::Sim;

use crate::case::Case;
use crate::client::{Client, Found, Job};
use crate::faults::{self, Action};
use crate::journal::Disk;
use crate::node::{COORDINATOR, Dials, Node};
use crate::notes::Notes;
use crate::{bed, notes};

/// What each client was told in the end.
type Answers = Rc<RefCell<Vec<Option<Result<Found, Report>>>>>;

const TICK: Duration = Duration::from_millis(5);
/// A job has ended so long after the last fault is over, whatever the faults were.
pub(crate) const END_WITHIN: Duration = Duration::from_secs(180);
/// Nodes are at rest so long after the last job.
const REST_WITHIN: Duration = Duration::from_secs(90);

/// What a simulation came to.
pub(crate) struct Run {
    pub(crate) found: Vec<(Job, Result<Found, Report>)>,
    /// What the cluster said of itself at the end.
    pub(crate) status: Option<v1::StatusResponse>,
    pub(crate) disk: Disk,
    /// One folder a node.
    pub(crate) dirs: Vec<PathBuf>,
    pub(crate) trace: Vec<String>,
    pub(crate) wrong: Vec<String>,
    pub(crate) took: Duration,
    /// How often the coordinator died at a commit.
    pub(crate) deaths: usize,
    _folder: TempDir,
}

struct Host {
    name: String,
    dir: PathBuf,
    dials: Dials,
}

struct Cluster<'a> {
    sim: Sim<'a>,
    hosts: Vec<Host>,
    disk: Disk,
    notes: Notes,
    deaths: usize,
}

pub(crate) fn run(case: &Case) -> Run {
    notes::panics();
    let (folder, notes) = (bed::folder(), Notes::default());
    let mut cluster = Cluster::build(case, &folder, notes.clone());
    let found = cluster.add_clients(case);
    let mut course: VecDeque<_> = case.course.iter().cloned().collect();
    let calm = course.back().map_or(Duration::ZERO, |(at, _)| *at);
    let took = cluster.until(calm + END_WITHIN, &mut course);
    if took.is_none() {
        notes.wrong(format!("a job has not ended {} s after the last fault", END_WITHIN.as_secs()));
    }
    // Whatever has begun ends.
    course.into_iter().for_each(|(_, action)| cluster.act(&action));
    let status = cluster.rest(case);
    if notes::panics() > 0 {
        notes.wrong("something panicked".into());
    }
    let Cluster { sim, hosts, disk, deaths, .. } = cluster;
    drop(sim);
    let none = || Err(Report::new(Kind::Work, "no_end", "the job has not ended"));
    let found = found.take().into_iter().map(|found| found.unwrap_or_else(none));
    let found = case.jobs.iter().copied().zip(found).collect();
    let noted = std::mem::take(&mut *notes.lock());
    Run {
        found,
        status,
        disk,
        dirs: hosts.into_iter().map(|host| host.dir).collect(),
        trace: noted.trace,
        wrong: noted.wrong,
        took: took.unwrap_or_default(),
        deaths,
        _folder: folder,
    }
}

impl Cluster<'_> {
    fn build(case: &Case, folder: &TempDir, notes: Notes) -> Self {
        let mut builder = turmoil::Builder::new();
        builder.rng_seed(case.seed).tick_duration(TICK).simulation_duration(Duration::MAX);
        builder.min_message_latency(case.latency[0]).max_message_latency(case.latency[1]);
        builder.tcp_capacity(1 << 14);
        if case.any_order {
            builder.enable_random_order();
        }
        let mut sim = builder.build();
        let disk = Disk::new(notes.clone());
        let names = (1..=case.shape.workers).map(|number| format!("worker-{number}"));
        let mut hosts = Vec::new();
        for (at, name) in std::iter::once(COORDINATOR.to_owned()).chain(names).enumerate() {
            let (dir, dials) = (folder.path().join(&name), Dials::default());
            dials.rest(case.rest);
            std::fs::create_dir(&dir).expect("a folder");
            let roots = if case.uploads { Roots::default() } else { Roots::new(&[bed::data()]).expect("roots") };
            let node = Node {
                seed: case.seed + at as u64,
                dir: dir.clone(),
                roots,
                dials: dials.clone(),
                notes: notes.clone(),
            };
            let (disk, of_host) = (disk.clone(), name.clone());
            match at {
                faults::COORDINATOR => sim.host(name.clone(), move || node.clone().coordinator(disk.clone())),
                _ => sim.host(name.clone(), move || node.clone().worker(of_host.clone())),
            }
            hosts.push(Host { name, dir, dials });
        }
        Self { sim, hosts, disk, notes, deaths: 0 }
    }

    fn add_clients(&mut self, case: &Case) -> Answers {
        let found = Rc::new(RefCell::new(vec![None; case.jobs.len()]));
        for (at, job) in case.jobs.iter().copied().enumerate() {
            let client = Client { name: format!("client-{}", at + 1), notes: self.notes.clone() };
            let found = found.clone();
            self.hosts.push(Host { name: client.name.clone(), dir: PathBuf::new(), dials: Dials::default() });
            self.sim.client(client.name.clone(), async move {
                let ended = client.run(job).await;
                client.notes.trace(&format!("{} has its end", client.name));
                found.borrow_mut()[at] = Some(ended);
                Ok(())
            });
        }
        found
    }

    /// Steps until all clients are done; when that was, if it was before `limit`.
    fn until(&mut self, limit: Duration, course: &mut VecDeque<(Duration, Action)>) -> Option<Duration> {
        while self.sim.elapsed() < limit {
            while course.front().is_some_and(|(at, _)| *at <= self.sim.elapsed()) {
                course.pop_front().iter().for_each(|(_, action)| self.act(action));
            }
            match self.sim.step() {
                Ok(true) => return Some(self.sim.elapsed()),
                Ok(false) => {}
                Err(error) => {
                    self.notes.wrong(format!("a node ended: {error}"));
                    return None;
                }
            }
            if std::mem::take(&mut self.notes.lock().died) {
                self.deaths += 1;
                self.sim.crash(COORDINATOR);
                self.act(&Action::Restart(faults::COORDINATOR, faults::Disk::Old));
            }
        }
        None
    }

    /// What the cluster says of itself, once nothing is at work any more.
    fn rest(&mut self, case: &Case) -> Option<v1::StatusResponse> {
        let auditor = Client { name: "auditor".into(), notes: self.notes.clone() };
        let (said, workers) = (Rc::new(RefCell::new(None)), case.shape.workers);
        let answer = said.clone();
        self.sim.client("auditor", async move {
            loop {
                if let Ok(status) = auditor.status().await {
                    let resting = status.workers.iter().all(|worker| worker.trials.is_empty());
                    // One that is gone may still be in the list, and another one not yet.
                    let there: BTreeSet<&str> = status.workers.iter().map(|worker| &*worker.address).collect();
                    let all = status.workers.len() == workers && there.len() == workers;
                    *answer.borrow_mut() = Some(status);
                    if resting && all {
                        return Ok(());
                    }
                }
                tokio::time::sleep(Duration::from_millis(500)).await;
            }
        });
        let limit = self.sim.elapsed() + REST_WITHIN;
        self.until(limit, &mut VecDeque::new());
        said.take()
    }

    fn act(&mut self, action: &Action) {
        self.notes.lock().trace.push(format!("{:>7} FAULT: {action:?}", self.sim.elapsed().as_millis()));
        let name = |host: &usize| &*self.hosts[*host].name;
        let sim = &mut self.sim;
        match action {
            Action::Crash(host) => sim.crash(name(host)),
            Action::Restart(host, disk) => {
                // Another fault's end may have come first.
                if sim.is_host_running(name(host)) {
                    return;
                }
                if *disk == faults::Disk::Empty {
                    let dir = &self.hosts[*host].dir;
                    std::fs::remove_dir_all(dir).and_then(|()| std::fs::create_dir(dir)).expect("an empty folder");
                }
                sim.bounce(name(host));
            }
            Action::Cut(a, b) => sim.partition(name(a), name(b)),
            Action::CutOneWay(a, b) => sim.partition_oneway(name(a), name(b)),
            Action::Hold(a, b) => sim.hold(name(a), name(b)),
            Action::Mend(a, b) => {
                sim.release(name(a), name(b));
                sim.repair(name(a), name(b));
            }
            Action::Lossy(a, b, rate) => sim.set_link_fail_rate(name(a), name(b), *rate),
            Action::Slow(a, b, most) => sim.set_link_max_message_latency(name(a), name(b), *most),
            Action::Rest(host, rest) => self.hosts[*host].dials.rest(*rest),
            Action::Leap(host, by) => self.hosts[*host].dials.jump(*by),
            Action::DieAtCommit(death) => self.disk.die(*death),
            Action::ForgetDeath => self.disk.forget_death(),
        }
    }
}
