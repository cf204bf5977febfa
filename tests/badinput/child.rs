//! A child: works through the cases of a group, and says before each which one it is.

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use rustix::process::{Resource, Rlimit, setrlimit};

use crate::GROUPS;
use crate::case::{PANICS, outcome};

const MEMORY_BYTES: u64 = 512 << 20;
/// As threads have it that import.
const STACK_BYTES: usize = 2 << 20;
const VARIABLE: &str = "AQUIFER_BADINPUT";

/// What a child has to do: its group, the first case, and how far it is to the next.
pub(crate) struct Order {
    pub(crate) group: String,
    pub(crate) first: usize,
    pub(crate) step: usize,
    /// What was prepared, and a folder of its own.
    pub(crate) prepared: PathBuf,
    pub(crate) own: PathBuf,
}

impl Order {
    pub(crate) fn environment(&self) -> (&'static str, String) {
        let (prepared, own) = (self.prepared.display(), self.own.display());
        (VARIABLE, format!("{}\n{}\n{}\n{prepared}\n{own}", self.group, self.first, self.step))
    }

    pub(crate) fn from_environment() -> Option<Self> {
        let order = std::env::var(VARIABLE).ok()?;
        let [group, first, step, prepared, own] = order.split('\n').collect::<Vec<_>>()[..] else { return None };
        let (first, step) = (first.parse().ok()?, step.parse().ok()?);
        Some(Self { group: group.into(), first, step, prepared: prepared.into(), own: own.into() })
    }
}

pub(crate) fn run(order: &Order) -> ExitCode {
    let group = GROUPS.iter().find(|group| group.name == order.group).expect("a group");
    let cases = (group.cases)(&order.prepared);
    let limit = Rlimit { current: Some(MEMORY_BYTES), maximum: Some(MEMORY_BYTES) };
    setrlimit(Resource::As, limit).expect("a limit on memory");
    std::panic::set_hook(Box::new(|panic| {
        if !aquifer_frame::is_guarded() {
            eprintln!("{panic}");
            if let Ok(mut panics) = PANICS.lock() {
                panics.push(panic.to_string());
            }
        }
    }));
    let work = || {
        for at in (order.first..cases.count()).step_by(order.step) {
            say(&format!("begin {at}"));
            let case = cases.case(at, &order.own);
            let what = case.what.clone();
            match outcome(case, &order.own) {
                Ok(code) => say(&format!("end {code} {what}")),
                Err(complaint) => say(&format!("complain {what}: {}", complaint.replace('\n', "\\n"))),
            }
        }
        say("done");
    };
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().stack_size(STACK_BYTES).spawn_scoped(scope, work);
        thread.expect("a thread").join().expect("the cases");
    });
    ExitCode::SUCCESS
}

fn say(line: &str) {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{line}").and_then(|()| out.flush()).expect("a parent that listens");
}
