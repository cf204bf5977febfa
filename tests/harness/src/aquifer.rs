//! The binary under test, with a data folder of its own.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use crate::process::{Finished, Running};
use crate::repository;

/// Variables that would change what a command does.
const CLEARED: [&str; 12] = [
    "AQUIFER_CLUSTER",
    "AQUIFER_TOKEN_FILE",
    "AQUIFER_CA_FILE",
    "AQUIFER_CERT_FILE",
    "AQUIFER_KEY_FILE",
    "AQUIFER_LOG",
    "AQUIFER_LOG_FORMAT",
    "AQUIFER_DIR",
    "AQUIFER_CACHE_BYTES",
    "AQUIFER_FAULTS",
    "NO_COLOR",
    "COLUMNS",
];

/// Runs `aquifer` commands from the repository's root, with a temporary folder as `AQUIFER_DIR`.
pub struct Aquifer {
    program: PathBuf,
    folder: TempDir,
}

impl Aquifer {
    /// `program` is `env!("CARGO_BIN_EXE_aquifer")`, which only the test crates themselves know.
    pub fn new(program: &str) -> Self {
        let folder = tempfile::Builder::new().prefix("aquifer-test-").tempdir().expect("a temporary folder");
        Self { program: program.into(), folder }
    }

    pub fn program(&self) -> &Path {
        &self.program
    }

    /// The data folder: `AQUIFER_DIR`.
    pub fn dir(&self) -> PathBuf {
        let dir = self.folder.path().join("dir");
        std::fs::create_dir_all(&dir).expect("the data folder");
        dir
    }

    /// A path for a file of the test, beside the data folder.
    pub fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A command that has not begun yet.
    pub fn command<I: IntoIterator<Item: AsRef<OsStr>>>(&self, arguments: I) -> Command {
        let mut command = Command::new(&self.program);
        for name in CLEARED {
            command.env_remove(name);
        }
        command.env("AQUIFER_DIR", self.dir()).current_dir(repository()).args(arguments);
        command
    }

    pub fn start<I: IntoIterator<Item: AsRef<OsStr>>>(&self, arguments: I) -> Running {
        Running::start(self.command(arguments))
    }

    /// Runs a command to its end.
    pub fn run<I: IntoIterator<Item: AsRef<OsStr>>>(&self, arguments: I) -> Finished {
        self.start(arguments).finish()
    }
}

/// A command as the arguments of another program, in the same folder with the same variables.
pub fn inside(words: &[std::ffi::OsString], command: Command) -> Command {
    let Some((program, arguments)) = words.split_first() else { return command };
    let mut outer = Command::new(program);
    outer.args(arguments).arg(command.get_program()).args(command.get_args());
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => outer.env(name, value),
            None => outer.env_remove(name),
        };
    }
    outer.current_dir(command.get_current_dir().unwrap_or(&repository()));
    outer
}
