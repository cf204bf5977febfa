//! The parent: two children at a time, one for the even cases of a group and one for the odd. A child that ends or does
//! not come to an end is replaced, and its last case has failed.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use crate::case::Group;
use crate::child::Order;

const LANES: usize = 2;
/// For a case, and for getting ready.
const TIME: Duration = Duration::from_secs(10);
/// After so many the rest is not of interest.
const FAILURES_MAX: usize = 50;
/// So many are shown one by one.
const FEW: usize = 100;

/// What came of the cases of a group.
#[derive(Default)]
pub(crate) struct Tally {
    /// By code.
    outcomes: BTreeMap<String, usize>,
    pub(crate) failures: Vec<String>,
    took: Duration,
    /// What each case was and what came of it.
    cases: BTreeMap<usize, String>,
}

impl Tally {
    pub(crate) fn print(&self, name: &str) {
        let result = if self.failures.is_empty() { "ok" } else { "FAILED" };
        println!("test {name} ... {result}");
        let cases: usize = self.outcomes.values().sum();
        let outcomes: Vec<String> = self.outcomes.iter().map(|(code, count)| format!("{count} {code}")).collect();
        println!("    {cases} cases in {:.1} s: {}", self.took.as_secs_f64(), outcomes.join(", "));
        if self.cases.len() <= FEW {
            self.cases.iter().for_each(|(at, case)| println!("    case {at}: {case}"));
        }
        self.failures.iter().for_each(|failure| println!("    {failure}"));
    }

    fn add(&mut self, other: Self) {
        other.outcomes.into_iter().for_each(|(code, count)| *self.outcomes.entry(code).or_default() += count);
        self.failures.extend(other.failures);
        self.cases.extend(other.cases);
    }
}

/// Runs a group, or one case of it.
pub(crate) fn run(group: &Group, only: Option<usize>) -> Tally {
    let (began, prepared) = (Instant::now(), tempfile::tempdir().expect("a folder"));
    (group.prepare)(prepared.path());
    let mut all = Tally::default();
    std::thread::scope(|scope| {
        let prepared = prepared.path();
        let lanes: Vec<_> = match only {
            Some(case) => vec![scope.spawn(move || lane(group, prepared, case, usize::MAX))],
            None => (0..LANES).map(|first| scope.spawn(move || lane(group, prepared, first, LANES))).collect(),
        };
        lanes.into_iter().for_each(|lane| all.add(lane.join().expect("a lane")));
    });
    all.took = began.elapsed();
    all
}

fn lane(group: &Group, prepared: &Path, first: usize, step: usize) -> Tally {
    let (mut tally, mut next) = (Tally::default(), first);
    while let Some(failed) = child(group, prepared, next, step, &mut tally) {
        if tally.failures.len() >= FAILURES_MAX {
            tally.failures.push("… and there it was given up".into());
            break;
        }
        let Some(after) = failed.and_then(|failed| failed.checked_add(step)) else { break };
        next = after;
    }
    tally
}

/// One child, to the end of its cases or of itself. Returns the case that ended it.
fn child(group: &Group, prepared: &Path, first: usize, step: usize, tally: &mut Tally) -> Option<Option<usize>> {
    let own = tempfile::tempdir().expect("a folder");
    let (group, prepared) = (group.name.to_owned(), prepared.to_owned());
    let order = Order { group, first, step, prepared, own: own.path().to_owned() };
    let errors = own.path().join("stderr");
    let this = std::env::current_exe().expect("this program");
    let (variable, value) = order.environment();
    // A file over its limit is an error to a child, not a signal; what is ignored stays ignored in what a shell becomes.
    let mut child = Command::new("/bin/sh")
        .args(["-c", "trap '' XFSZ; exec \"$0\""])
        .arg(this)
        .env(variable, value)
        .env("MALLOC_ARENA_MAX", "1") // each takes 64 MiB of address space, whether or not it is used
        .stdout(Stdio::piped())
        .stderr(File::create(&errors).expect("a file for errors"))
        .spawn()
        .expect("a child");
    let lines = lines(child.stdout.take().expect("a pipe"));
    let mut current = None;
    let ended = loop {
        let line = match lines.recv_timeout(TIME) {
            Ok(line) => line,
            Err(RecvTimeoutError::Timeout) => {
                child.kill().expect("a child to end");
                child.wait().expect("a child that ended");
                break format!("is not done after {} s", TIME.as_secs());
            }
            Err(RecvTimeoutError::Disconnected) => {
                let status = child.wait().expect("a child that ended");
                let said = std::fs::read_to_string(&errors).unwrap_or_default();
                break format!("ends the process with {status}: {}", said.trim().lines().next().unwrap_or_default());
            }
        };
        match line.split_once(' ') {
            None if line == "done" => {
                child.wait().expect("a child that ended");
                return None;
            }
            Some(("begin", number)) => current = number.parse().ok(),
            Some(("end", outcome)) => {
                let (code, what) = outcome.split_once(' ').unwrap_or((outcome, ""));
                *tally.outcomes.entry(code.to_owned()).or_default() += 1;
                tally.cases.extend(current.map(|at| (at, format!("{what}: {code}"))));
            }
            Some(("complain", complaint)) => tally.fail(current, complaint),
            _ => tally.fail(current, &format!("says {line:?}")),
        }
    };
    tally.fail(current, &ended);
    Some(current)
}

impl Tally {
    fn fail(&mut self, case: Option<usize>, how: &str) {
        let case = case.map_or("before the first case".into(), |case| format!("case {case}"));
        *self.outcomes.entry("failed".into()).or_default() += 1;
        self.failures.push(format!("{case} {how}"));
    }
}

fn lines(from: impl std::io::Read + Send + 'static) -> Receiver<String> {
    let (to, lines) = channel();
    std::thread::spawn(move || {
        for line in BufReader::new(from).lines().map_while(Result::ok) {
            if to.send(line).is_err() {
                break;
            }
        }
    });
    lines
}
