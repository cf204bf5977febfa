//! A cluster of real processes on a free port of loopback, ended with its test.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use crate::aquifer::Aquifer;
use crate::poll::until;
use crate::process::{Group, Running};

/// `aquifer cluster up`, ready: its address is known and its workers have registered.
pub struct Cluster {
    running: Running,
    dir: PathBuf,
}

/// What a cluster is started with.
pub struct ClusterBuilder<'a> {
    aquifer: &'a Aquifer,
    arguments: Vec<OsString>,
    environment: Vec<(OsString, OsString)>,
    log: &'a str,
    log_format: &'a str,
    /// The program that runs it, as `ip netns exec NAME`; none runs it itself.
    inside: Vec<OsString>,
}

impl Cluster {
    /// A cluster that can read the repository.
    pub fn up(aquifer: &Aquifer, workers: u32) -> Self {
        Self::with(aquifer, workers).start()
    }

    pub fn with(aquifer: &Aquifer, workers: u32) -> ClusterBuilder<'_> {
        let arguments = ["cluster", "up", "--workers", &workers.to_string()].map(OsString::from);
        let (environment, inside) = (Vec::new(), Vec::new());
        ClusterBuilder { aquifer, arguments: arguments.into(), environment, log: "info", log_format: "text", inside }
    }

    pub fn dir(&self) -> &Path {
        &self.dir
    }

    pub fn token_file(&self) -> PathBuf {
        self.dir.join("token")
    }

    /// Where the coordinator listens now.
    pub fn url(&self) -> String {
        until("the cluster's address", || std::fs::read_to_string(self.dir.join("address")).ok())
    }

    /// Of the supervisor.
    pub fn pid(&self) -> u32 {
        self.running.pid()
    }

    pub fn group(&self) -> Group {
        self.running.group()
    }

    /// What it and its children have logged so far.
    pub fn log(&self) -> String {
        self.running.stderr()
    }

    /// The options of a client that joins it.
    pub fn options(&self) -> Vec<OsString> {
        let token = self.token_file();
        let mut options = vec!["--cluster".into(), self.url().into(), "--token-file".into(), token.into()];
        let authority = self.dir.join("ca.pem");
        if authority.exists() {
            options.extend(["--ca-file".into(), authority.into()]);
        }
        options
    }

    /// `data` of `cluster status`, once the coordinator answers.
    pub fn status(&self, aquifer: &Aquifer) -> serde_json::Value {
        until("the cluster's status", || {
            let mut arguments: Vec<OsString> = ["cluster", "status", "--output", "json"].map(OsString::from).into();
            arguments.extend(self.options());
            let finished = aquifer.run(arguments);
            finished.status.success().then(|| finished.json())
        })
    }

    /// Waits for its own end, after it was told.
    pub fn finish(self) -> crate::Finished {
        self.running.finish()
    }
}

impl<'a> ClusterBuilder<'a> {
    /// What all of its processes log: `AQUIFER_LOG`.
    pub fn log(mut self, filter: &'a str) -> Self {
        self.log = filter;
        self
    }

    /// The form in which they log: `AQUIFER_LOG_FORMAT`.
    pub fn log_format(mut self, format: &'a str) -> Self {
        self.log_format = format;
        self
    }

    /// One more option of `cluster up`.
    pub fn option(mut self, name: &str, value: impl Into<OsString>) -> Self {
        self.arguments.extend([name.into(), value.into()]);
        self
    }

    /// One more variable, for all of its processes.
    pub fn variable(mut self, name: &str, value: impl Into<OsString>) -> Self {
        self.environment.push((name.into(), value.into()));
        self
    }

    /// Runs all of it inside of another program.
    pub fn inside(mut self, words: &[&str]) -> Self {
        self.inside = words.iter().map(OsString::from).collect();
        self
    }

    pub fn start(self) -> Cluster {
        let dir = self.aquifer.file("cluster");
        let mut arguments = self.arguments;
        arguments.extend(["--listen".into(), "127.0.0.1:0".into(), "--dir".into(), dir.clone().into()]);
        let mut command = self.aquifer.command(arguments);
        command.env("AQUIFER_LOG", self.log).env("AQUIFER_LOG_FORMAT", self.log_format).envs(self.environment);
        let command = crate::aquifer::inside(&self.inside, command);
        let mut running = Running::start(command);
        until("the cluster to be up", || {
            if let Some(status) = running.ended() {
                panic!("the cluster ended with {status} while starting:\n{}", running.stderr());
            }
            running.stdout().contains("Ctrl-C stops it").then_some(())
        });
        Cluster { running, dir }
    }
}
