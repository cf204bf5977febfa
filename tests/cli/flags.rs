//! Every flag of every command with nasty values: done, or one error that says which flag or value it does not like. The
//! flags are those of the golden help texts, so that a new one cannot be missed.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::process::ExitStatusExt;
use std::sync::Mutex;

use aquifer_harness::Golden;

use crate::bed::read_refusal;
use crate::ground::{Ground, commands};

/// Of the values below so many are tried of each flag of each command: others of one flag in other commands.
const VALUES: usize = 12;

fn nasty(folder: &str) -> Vec<OsString> {
    let texts = [
        "",
        " ",
        "-1",
        "0",
        "18446744073709551616",
        "1e400",
        "NaN",
        "../../etc/passwd",
        "\u{202e}x",
        "=",
        "--",
        "$(id)",
    ];
    let mut values: Vec<OsString> = texts.map(OsString::from).into();
    values.extend([OsStr::from_bytes(b"\xff\xfe").to_owned(), "x".repeat(100_000).into()]);
    values.extend(["/dev/zero", "/proc/self/mem", folder].map(OsString::from));
    values
}

/// The flags of the commands that do something, of those that take a value or none.
fn flags() -> Vec<(String, String)> {
    let mut all = Vec::new();
    for command in commands() {
        let text = Golden::new(&format!("tests/cli/help/{}.txt", command.replace(' ', "-"))).read();
        let lines = text.lines().filter_map(|line| line.trim_start().strip_prefix("--"));
        let flags = lines.filter_map(|line| line.split([' ', '[']).next()).filter(|flag| *flag != "help");
        all.extend(flags.map(|flag| (command.clone(), flag.to_owned())));
    }
    all
}

impl Ground {
    /// What is wrong with how it ended, if anything is.
    fn complaint(&self, command: &str, flag: &str, value: &OsStr) -> Option<String> {
        let folder = tempfile::Builder::new().prefix("flag-").tempdir_in(self.aquifer.file(".")).unwrap();
        let within = folder.path().join("a/b/c");
        std::fs::create_dir_all(&within).unwrap();
        let mut argument = OsString::from(format!("--{flag}="));
        argument.push(value);
        let mut words = self.words(command, flag, folder.path());
        words.push(argument);
        if flag != "output" {
            words.extend(["--output", "json"].map(OsString::from));
        }
        let (finished, lasts) = (self.end(command, &words, &within, ("", "")), Ground::lasts(command));
        let stderr = finished.stderr.trim();
        let shown = || stderr.chars().take(600).collect::<String>();
        if stderr.contains("panicked") || stderr.contains("this is a bug") {
            return Some(format!("a panic: {}", shown()));
        }
        match (finished.status.code(), finished.status.signal()) {
            // Before it was ready to be told, the signal itself ends it.
            (Some(0 | 143), _) | (None, Some(15)) if lasts => return None,
            (Some(0), _) => return None,
            (Some(1..=5), _) => {}
            _ => return Some(format!("ended with {}: {}", finished.status, shown())),
        }
        if flag == "output" {
            return (!stderr.starts_with("error: ")).then(|| format!("no error is said: {}", shown()));
        }
        let last = stderr.lines().last().unwrap_or_default();
        if !last.starts_with("{\"error\":") {
            return Some(format!("the error is no JSON: {}", shown()));
        }
        let refusal = read_refusal(last);
        // What it was asked for is not there, whatever the flag.
        if ["no_job", "no_frame", "no_cluster", "job_is_done"].contains(&refusal.code.as_str()) {
            return None;
        }
        let (text, value) = (refusal.text, value.to_string_lossy());
        let short: String = value.chars().take(8).collect();
        let named = [flag.to_owned(), flag.replace('-', "_"), flag.replace('-', " ")].iter().any(|name| text.contains(name))
            || text.contains(&short)
            || value.trim().is_empty() // nobody can name that
            || text.contains("u{202e}");
        (!named).then(|| format!("neither flag nor value is named: {}", text.chars().take(600).collect::<String>()))
    }
}

#[test]
fn every_flag_with_nasty_values() {
    let ground = Ground::new();
    let folder = ground.aquifer.file("folder");
    std::fs::create_dir(&folder).unwrap();
    let values = nasty(folder.to_str().unwrap());
    let flags = flags();
    assert!(flags.len() > 150, "the help texts name {} flags", flags.len());
    let cases: Vec<(usize, usize)> = (0..flags.len()).flat_map(|flag| (0..VALUES).map(move |at| (flag, at))).collect();
    let (next, complaints) = (Mutex::new(cases.iter()), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                loop {
                    let Some((flag, at)) = next.lock().unwrap().next().copied() else { break };
                    let (command, name) = &flags[flag];
                    let value = &values[(flag * 5 + at) % values.len()];
                    if let Some(complaint) = ground.complaint(command, name, value) {
                        let shown: String = value.to_string_lossy().chars().take(40).collect();
                        complaints.lock().unwrap().push(format!("{command} --{name}={shown:?}: {complaint}"));
                    }
                }
            });
        }
    });
    let complaints = complaints.into_inner().unwrap();
    assert!(complaints.is_empty(), "{} of {}:\n{}", complaints.len(), cases.len(), complaints.join("\n"));
}
