//! Docker by its own commands.

use std::ffi::OsStr;
use std::process::{Command, Output};

/// Runs a command to its end; panics with all it said unless it went well.
#[track_caller]
pub(crate) fn run(command: &mut Command) -> String {
    let output = command.output().unwrap_or_else(|error| panic!("cannot start {command:?}: {error}"));
    assert!(output.status.success(), "{command:?} ended with {}:\n{}", output.status, said(&output));
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

#[track_caller]
pub(crate) fn docker<I: IntoIterator<Item: AsRef<OsStr>>>(arguments: I) -> String {
    run(Command::new("docker").args(arguments))
}

/// A field of what the engine knows of a container.
#[track_caller]
pub(crate) fn inspect(container: &str, format: &str) -> String {
    docker(["inspect", "--format", format, container])
}

/// How Compose is called here: v2 is a plug-in of the client, 1.29 a program of its own.
pub(crate) fn compose() -> Option<Vec<&'static str>> {
    let works = |words: &[&str]| {
        let output = Command::new(words[0]).args(&words[1..]).arg("version").output();
        output.is_ok_and(|output| output.status.success())
    };
    [vec!["docker", "compose"], vec!["docker-compose"]].into_iter().find(|words| works(words))
}

/// Why the suite cannot run here.
pub(crate) fn missing() -> Option<String> {
    let server = Command::new("docker").args(["version", "--format", "{{.Server.Version}}"]).output();
    if !server.is_ok_and(|output| output.status.success()) {
        return Some("no Docker engine is found".into());
    }
    if compose().is_none() {
        return Some("there is neither `docker compose` nor `docker-compose`".into());
    }
    crate::image::missing()
}

/// True if the test that asks is to run; else it says why not.
pub(crate) fn found() -> bool {
    let Some(reason) = missing() else { return true };
    let required = std::env::var_os("AQUIFER_CONTAINERS").is_some_and(|value| value == "required");
    assert!(!required, "the container suite is required, and {reason}");
    eprintln!("skipped: {reason}");
    false
}
