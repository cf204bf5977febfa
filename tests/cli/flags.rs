//! Every flag of every command with nasty values: done, or one error that says which flag or value it does not like. The
//! flags are those of the golden help texts, so that a new one cannot be missed.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use aquifer_harness::{Aquifer, Golden, Running, Signal, until};

use serde_json::Value;

use crate::bed::{bed, read_refusal, train};
use crate::tables::{regression, write};

/// Of the values below so many are tried of each flag of each command: others of one flag in other commands.
const VALUES: usize = 12;
const LIMIT: Duration = Duration::from_secs(20);
/// One that goes on is told to end after it has said something, or after this.
const SILENT_MAX: Duration = Duration::from_secs(2);
/// Address space: what has no end is an error before this.
const MEMORY_KIB: u64 = 3 << 20;
/// It measures for minutes, and has tests of its own.
const NOT_RUN: [&str; 1] = ["bench"];
const LASTING: [&str; 3] = ["coordinator", "worker", "cluster up"];

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

/// The commands that do something, with their flags that take a value.
fn flags() -> Vec<(String, String)> {
    let mut all = Vec::new();
    let mut names: Vec<String> = std::fs::read_dir(aquifer_harness::repository().join("tests/cli/help"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    for name in names {
        let text = Golden::new(&format!("tests/cli/help/{name}")).read();
        if text.contains("\nCommands:\n") {
            continue;
        }
        let command = name.trim_end_matches(".txt").replacen('-', " ", 1);
        let lines = text.lines().filter_map(|line| line.trim_start().strip_prefix("--"));
        let flags = lines.filter_map(|line| line.split([' ', '[']).next()).filter(|flag| *flag != "help");
        all.extend(flags.map(|flag| (command.clone(), flag.to_owned())));
    }
    all.retain(|(command, _)| !NOT_RUN.contains(&command.as_str()));
    all
}

struct Ground {
    aquifer: Aquifer,
    data: PathBuf,
    model: PathBuf,
    search: PathBuf,
    job: String,
}

impl Ground {
    fn new() -> Self {
        let aquifer = bed();
        let data = write(&aquifer, "data", regression(2000));
        let model = aquifer.file("model.safetensors");
        aquifer.run(train(&data, "y", &["--out", model.to_str().unwrap()])).ok();
        let search = aquifer.file("search.toml");
        let text = "target = \"y\"\n[params]\nepochs = 0.1\nhidden = [2]\n[search.params]\nl2 = [0.0]\n";
        std::fs::write(&search, format!("data = {data:?}\n{text}")).unwrap();
        let words = ["grid".as_ref(), search.as_os_str()];
        aquifer.run(words).ok();
        aquifer.run(["certs".as_ref(), "init".as_ref(), "--dir".as_ref(), aquifer.file("certs").as_os_str()]).ok();
        let jobs = aquifer.run(["job", "ls", "--output", "json"]).ok().json();
        let grid = |job: &&Value| job["kind"] == "grid";
        let job = jobs["jobs"].as_array().unwrap().iter().find(grid).unwrap()["id"].as_str().unwrap().to_owned();
        aquifer.run(["frame", "import", "f", data.to_str().unwrap()]).ok();
        Self { aquifer, data, model, search, job }
    }

    /// What a command needs, without this flag.
    fn words(&self, command: &str, flag: &str, folder: &Path) -> Vec<OsString> {
        let [data, model, search] = [&self.data, &self.model, &self.search].map(|path| path.to_str().unwrap());
        let out = folder.join("out");
        let out = out.to_str().unwrap();
        let dir = folder.join("dir");
        let dir = dir.to_str().unwrap();
        let (certs, token) = (self.aquifer.file("certs"), self.aquifer.file("certs/token"));
        let (certs, token) = (certs.to_str().unwrap(), token.to_str().unwrap());
        let with: &[&str] = match command {
            "certs init" => &["--dir", dir],
            "certs renew" => &["--dir", certs],
            "certs token" => &["--scope", "read", "--dir", dir],
            "cluster status" | "doctor" | "frame ls" | "job ls" => &[],
            "cluster up" | "coordinator" => &["--listen", "127.0.0.1:0", "--dir", dir],
            "worker" => &["--cluster", "http://127.0.0.1:1", "--token-file", token, "--dir", dir],
            "evaluate" => &[model, data],
            "frame import" => &["g", data],
            "frame rm" => &["none"],
            "frame show" => &[data],
            "grid" => &[search, "--out", out, "--dir", dir],
            "job cancel" => &["0"],
            "job resume" | "job show" | "job watch" => &[&self.job],
            "model export" => &[&self.job, "--out", out],
            "model show" => &[model],
            "predict" => &[model, data, "--out", out],
            "train" => &[data, "--target", "y", "--set", "epochs=0.1", "--set", "hidden=[2]", "--out", out],
            "verify" => &[model, "--data", data],
            new => panic!("`{new}` is new: say here what it needs"),
        };
        let mut words: Vec<OsString> = command.split(' ').map(OsString::from).collect();
        let mut left = with.iter();
        while let Some(word) = left.next() {
            let is_flag = *word == format!("--{flag}");
            let repeats = is_flag && ["set", "data"].contains(&flag);
            if is_flag && !repeats {
                left.next();
            } else {
                words.push(word.into());
            }
        }
        words
    }

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
        let plain = self.aquifer.command(&words);
        let mut limited = Command::new("sh");
        limited
            .args(["-c", &format!("ulimit -v {MEMORY_KIB}; exec \"$0\" \"$@\"")])
            .arg(plain.get_program())
            .args(&words);
        for (name, value) in plain.get_envs() {
            match value {
                Some(value) => limited.env(name, value),
                None => limited.env_remove(name),
            };
        }
        limited.env("MALLOC_ARENA_MAX", "1").current_dir(&within);
        let mut running = Running::start(limited);
        let lasts = LASTING.contains(&command);
        if lasts {
            let began = Instant::now();
            until("a command to start", || {
                let said = !running.stderr().is_empty() || !running.stdout().is_empty();
                (running.ended().is_some() || said || began.elapsed() > SILENT_MAX).then_some(())
            });
            running.group().send(Signal::Terminate);
        }
        let finished = running.finish_within(LIMIT);
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
        let named = flag.split('-').any(|word| text.contains(word))
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
