//! The folder of faults. `DIR/armed/POINT` is a fault that waits: its id, at which passing of a process it happens, and what.
//! Who claims it renames it to `DIR/fired/POINT.ID.PID`: one process gets it, whoever passes at the same time.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, OnceLock, PoisonError};

use rustix::process::{Signal, getpid, kill_process};

/// Names the folder; without it no point does anything.
pub const FOLDER_VARIABLE: &str = "AQUIFER_FAULTS";

/// Every I/O point of a role, as `io.worker`; and every one there is.
const ALL: &str = "io";

/// What happens at a point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// The process ends by SIGKILL; in the midst of a write half of it is written.
    Kill,
    /// The process does nothing more until somebody sends SIGCONT.
    Stop,
    /// An I/O call fails: the device is broken …
    Eio,
    /// … or full …
    Enospc,
    /// … or takes half of what it is given, and the rest when it is asked again.
    Short,
}

impl Action {
    pub const ALL: [Action; 5] = [Action::Kill, Action::Stop, Action::Eio, Action::Enospc, Action::Short];

    pub fn name(self) -> &'static str {
        match self {
            Action::Kill => "kill",
            Action::Stop => "stop",
            Action::Eio => "eio",
            Action::Enospc => "enospc",
            Action::Short => "short",
        }
    }
}

/// A fault that is to happen once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Tells it from others of the same point.
    pub id: u64,
    /// The name of a point; of I/O also `io`, `io.worker` or `io.coordinator`.
    pub point: String,
    /// At which passing by a process, counted from 1 since it was armed.
    pub passing: u64,
    pub action: Action,
}

impl Fault {
    fn text(&self) -> String {
        format!("{} {} {}", self.id, self.passing, self.action.name())
    }

    fn read(point: &str, text: &str) -> Option<Self> {
        let mut words = text.split_whitespace();
        let (id, passing) = (words.next()?.parse().ok()?, words.next()?.parse().ok()?);
        let name = words.next()?;
        let action = Action::ALL.into_iter().find(|action| action.name() == name)?;
        Some(Self { id, point: point.to_owned(), passing, action })
    }
}

/// Arms a fault in a folder; another that waits at the same point is replaced.
pub fn arm(folder: &Path, fault: &Fault) -> io::Result<()> {
    for name in ["armed", "fired"] {
        std::fs::create_dir_all(folder.join(name))?;
    }
    // By a rename as well: nobody reads half of it.
    let part = folder.join(format!(".{}", fault.id));
    std::fs::write(&part, fault.text())?;
    std::fs::rename(part, folder.join("armed").join(&fault.point))
}

/// Takes a fault back; true if it had not happened.
pub fn disarm(folder: &Path, fault: &Fault) -> bool {
    std::fs::remove_file(folder.join("armed").join(&fault.point)).is_ok()
}

/// The process that a fault has happened to.
pub fn fired(folder: &Path, fault: &Fault) -> Option<u32> {
    let begins = format!("{}.{}.", fault.point, fault.id);
    let entries = std::fs::read_dir(folder.join("fired")).ok()?;
    let names = entries.flatten().filter_map(|entry| entry.file_name().into_string().ok());
    names.filter_map(|name| name.strip_prefix(&begins)?.parse().ok()).next()
}

/// Passings by this process, of the fault that waits there.
type Passings = Mutex<BTreeMap<String, (u64, u64)>>;

/// The folder that the environment names, and what this process has passed.
struct Here {
    folder: PathBuf,
    passings: Passings,
}

fn here() -> Option<&'static Here> {
    static HERE: OnceLock<Option<Here>> = OnceLock::new();
    let read = || {
        let folder = std::env::var_os(FOLDER_VARIABLE).filter(|folder| !folder.is_empty())?;
        Some(Here { folder: folder.into(), passings: Mutex::default() })
    };
    HERE.get_or_init(read).as_ref()
}

impl Here {
    /// What happens at this passing, claimed for this process. `possible`: what can happen there at all.
    fn pass(&self, point: &str, possible: &[Action]) -> Option<Action> {
        let armed = self.folder.join("armed").join(point);
        let fault = Fault::read(point, &std::fs::read_to_string(&armed).ok()?)?;
        if !possible.contains(&fault.action) {
            return None;
        }
        let passing = {
            let mut passings = self.passings.lock().unwrap_or_else(PoisonError::into_inner);
            let (id, count) = passings.entry(point.to_owned()).or_default();
            if *id != fault.id {
                (*id, *count) = (fault.id, 0);
            }
            *count += 1;
            *count
        };
        if passing < fault.passing {
            return None;
        }
        let claimed = format!("{point}.{}.{}", fault.id, std::process::id());
        std::fs::rename(armed, self.folder.join("fired").join(claimed)).ok()?;
        Some(fault.action)
    }

    /// The point itself, all of its role, all.
    fn pass_io(&self, point: &str, possible: &[Action]) -> Option<Action> {
        let role = point.split('.').next().unwrap_or_default();
        let names = [point.to_owned(), format!("{ALL}.{role}"), ALL.to_owned()];
        names.iter().find_map(|name| self.pass(name, possible))
    }
}

pub(crate) fn kill_point(name: &str) {
    if let Some(action) = here().and_then(|here| here.pass(name, &[Action::Kill, Action::Stop])) {
        signal(action);
    }
}

pub(crate) fn io_point(name: &str) -> io::Result<()> {
    let possible = [Action::Kill, Action::Stop, Action::Eio, Action::Enospc];
    match here().and_then(|here| here.pass_io(name, &possible)) {
        None => Ok(()),
        Some(action) => act(action),
    }
}

/// What happens to a write of a buffer that can be halved.
pub(crate) fn write_point(name: &str) -> Option<Action> {
    here().and_then(|here| here.pass_io(name, &Action::ALL))
}

/// Does it, if it is nothing that a writer does.
pub(crate) fn act(action: Action) -> io::Result<()> {
    match action {
        Action::Eio => Err(io::Error::from_raw_os_error(rustix::io::Errno::IO.raw_os_error())),
        Action::Enospc => Err(io::Error::from_raw_os_error(rustix::io::Errno::NOSPC.raw_os_error())),
        Action::Kill | Action::Stop => {
            signal(action);
            Ok(())
        }
        Action::Short => Ok(()),
    }
}

fn signal(action: Action) {
    let (signal, ends) = match action {
        Action::Stop => (Signal::STOP, false),
        _ => (Signal::KILL, true),
    };
    let sent = kill_process(getpid(), signal);
    // The signal arrives on the way back to this thread; nothing may happen here until then.
    while ends && sent.is_ok() {
        std::thread::park();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn here(folder: &Path) -> Here {
        Here { folder: folder.to_owned(), passings: Mutex::default() }
    }

    fn fault(id: u64, point: &str, passing: u64, action: Action) -> Fault {
        Fault { id, point: point.into(), passing, action }
    }

    #[test]
    fn a_fault_happens_once_at_its_passing() {
        let folder = tempfile::tempdir().unwrap();
        let (here, other) = (here(folder.path()), here(folder.path()));
        assert_eq!(here.pass("a", &Action::ALL), None, "nothing is armed");
        let first = fault(1, "a", 3, Action::Kill);
        arm(folder.path(), &first).unwrap();
        let passed: Vec<_> = (0..5).map(|_| here.pass("a", &Action::ALL)).collect();
        assert_eq!(passed, [None, None, Some(Action::Kill), None, None]);
        assert_eq!((0..5).find_map(|_| other.pass("a", &Action::ALL)), None, "it was claimed");
        assert_eq!(fired(folder.path(), &first), Some(std::process::id()));
        assert!(!disarm(folder.path(), &first));
        // Armed again it counts anew.
        let second = fault(2, "a", 2, Action::Eio);
        arm(folder.path(), &second).unwrap();
        assert_eq!(here.pass("a", &[Action::Kill]), None, "an error cannot happen there");
        assert_eq!([here.pass("a", &Action::ALL), here.pass("a", &Action::ALL)], [None, Some(Action::Eio)]);
        let third = fault(3, "a", 1, Action::Stop);
        arm(folder.path(), &third).unwrap();
        assert!(disarm(folder.path(), &third) && here.pass("a", &Action::ALL).is_none());
        assert_eq!(fired(folder.path(), &third), None);
    }

    #[test]
    fn all_io_of_a_role_counts_together() {
        let folder = tempfile::tempdir().unwrap();
        let here = here(folder.path());
        arm(folder.path(), &fault(1, "io.worker", 2, Action::Eio)).unwrap();
        assert_eq!(here.pass_io("worker.a", &Action::ALL), None);
        assert_eq!(here.pass_io("coordinator.a", &Action::ALL), None);
        assert_eq!(here.pass_io("worker.b", &Action::ALL), Some(Action::Eio));
        arm(folder.path(), &fault(2, "io", 2, Action::Short)).unwrap();
        assert_eq!(here.pass_io("worker.a", &[Action::Eio]), None, "a short write only counts writes");
        assert_eq!(here.pass_io("worker.a", &Action::ALL), None);
        assert_eq!(here.pass_io("coordinator.a", &Action::ALL), Some(Action::Short));
    }
}
