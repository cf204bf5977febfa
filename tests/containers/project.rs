//! A cluster of `deploy/compose.yaml`, taken down with its test.

use std::ffi::OsString;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

use aquifer_harness::{Aquifer, repository, until};
use serde_json::Value;

use crate::engine::{compose, docker, inspect, run};
use crate::image::image;

/// Where the certificates say that the coordinator is.
const LOOPBACK: &str = "127.0.0.1";

pub(crate) struct Project {
    name: String,
    state: PathBuf,
    port: u16,
    /// What the compose files read from the environment.
    settings: Vec<(&'static str, OsString)>,
}

impl Project {
    /// Nothing runs yet.
    pub(crate) fn new(aquifer: &Aquifer) -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let name = format!("aquifer-test-{}-{}", std::process::id(), NUMBER.fetch_add(1, Ordering::Relaxed));
        let state = aquifer.file("state");
        std::fs::create_dir_all(&state).expect("the folder of certificates");
        let free = TcpListener::bind((LOOPBACK, 0)).expect("a port");
        let port = free.local_addr().expect("its address").port();
        let settings = vec![
            ("AQUIFER_IMAGE", image().into()),
            ("AQUIFER_STATE", state.clone().into()),
            ("AQUIFER_PORT", port.to_string().into()),
            ("PWD", repository().into()),
        ];
        Self { name, state, port, settings }
    }

    pub(crate) fn set(mut self, name: &'static str, value: impl Into<OsString>) -> Self {
        self.settings.push((name, value.into()));
        self
    }

    /// As the README types it.
    pub(crate) fn up(self, workers: usize) -> Self {
        run(self.compose().args(["up", "-d", "--scale", &format!("worker={workers}")]));
        self
    }

    pub(crate) fn compose(&self) -> Command {
        let words = compose().expect("Compose");
        let mut command = Command::new(words[0]);
        command.args(&words[1..]).args(["-p", &self.name, "-f", "deploy/compose.yaml"]);
        command.current_dir(repository()).envs(self.settings.iter().map(|(name, value)| (name, value)));
        command
    }

    /// Names of a service's containers.
    pub(crate) fn containers(&self, service: &str) -> Vec<String> {
        let project = format!("label=com.docker.compose.project={}", self.name);
        let service = format!("label=com.docker.compose.service={service}");
        let format = ["--format", "{{.Names}}"];
        let names = docker(["ps", "--all", "--filter", &project, "--filter", &service].into_iter().chain(format));
        let mut names: Vec<String> = names.lines().map(str::to_owned).collect();
        names.sort();
        names
    }

    pub(crate) fn network(&self) -> String {
        format!("{}_default", self.name)
    }

    /// The address of a container in the cluster's network.
    pub(crate) fn ip(&self, container: &str) -> String {
        inspect(container, "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}")
    }

    pub(crate) fn url(&self) -> String {
        format!("https://{LOOPBACK}:{}", self.port)
    }

    pub(crate) fn token_file(&self) -> PathBuf {
        self.state.join("token")
    }

    pub(crate) fn ca_file(&self) -> PathBuf {
        self.state.join("ca.pem")
    }

    /// The options of a client on the host.
    pub(crate) fn options(&self) -> Vec<OsString> {
        let (token, authority): (&Path, &Path) = (&self.token_file(), &self.ca_file());
        let named = [("--cluster", self.url().into()), ("--token-file", token.into()), ("--ca-file", authority.into())];
        named.into_iter().flat_map(|(name, value): (&str, OsString)| [name.into(), value]).collect()
    }

    /// `data` of `cluster status`, if there is an answer.
    pub(crate) fn try_status(&self, aquifer: &Aquifer) -> Option<Value> {
        let mut arguments: Vec<OsString> = ["cluster", "status", "--output", "json"].map(OsString::from).into();
        arguments.extend(self.options());
        let finished = aquifer.run(arguments);
        finished.status.success().then(|| finished.json())
    }

    /// Waits for a status that is as it should be.
    pub(crate) fn until(&self, aquifer: &Aquifer, what: &str, is: impl Fn(&Value) -> bool) -> Value {
        until(what, || self.try_status(aquifer).filter(|status| is(status)))
    }

    /// The id under which the worker of a container is a member.
    pub(crate) fn worker_of(&self, status: &Value, container: &str) -> String {
        let address = format!("https://{}:", self.ip(container));
        let here = |worker: &&Value| worker["address"].as_str().is_some_and(|own| own.starts_with(&address));
        let worker = members(status).iter().find(here);
        worker.and_then(|worker| worker["id"].as_str()).expect("a member at its address").to_owned()
    }
}

impl Drop for Project {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let logs = self.compose().args(["logs", "--no-color", "--tail", "40"]).output();
            eprintln!("{}", logs.map_or_else(|e| e.to_string(), |o| String::from_utf8_lossy(&o.stdout).into_owned()));
        }
        let down = self.compose().args(["down", "--volumes", "--timeout", "1"]).output();
        assert!(std::thread::panicking() || down.is_ok_and(|down| down.status.success()), "the cluster stays");
    }
}

/// Workers of a status.
pub(crate) fn members(status: &Value) -> &[Value] {
    status["workers"].as_array().expect("workers")
}

/// Whether it tells of such an event of a worker.
pub(crate) fn tells(status: &Value, what: &str, worker: &str) -> bool {
    let events = status["events"].as_array().expect("events");
    events.iter().any(|event| event["what"] == what && event["worker"] == worker)
}
