//! Every command on common ground: what each needs to do its work, and how it is run to its end.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use aquifer_harness::{Aquifer, Finished, Golden, Running, Signal, inside, repository, until};
use serde_json::Value;

use crate::bed::{bed, train};
use crate::tables::{regression, write};

/// They go on until they are told to end; `bench` for longer than a test.
const LASTING: [&str; 4] = ["bench", "coordinator", "worker", "cluster up"];
/// One that goes on is told to end after it has said something, or after this.
const SILENT_MAX: Duration = Duration::from_secs(2);
const LIMIT: Duration = Duration::from_secs(20);
/// Address space: what has no end is an error before this.
const MEMORY_KIB: u64 = 3 << 20;

/// The commands that do something: those of the golden help texts, so that a new one cannot be missed.
pub(crate) fn commands() -> Vec<String> {
    let entries = std::fs::read_dir(repository().join("tests/cli/help")).unwrap();
    let mut names: Vec<String> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names.retain(|name| !Golden::new(&format!("tests/cli/help/{name}")).read().contains("\nCommands:\n"));
    names.into_iter().map(|name| name.trim_end_matches(".txt").replacen('-', " ", 1)).collect()
}

pub(crate) struct Ground {
    pub(crate) aquifer: Aquifer,
    data: PathBuf,
    model: PathBuf,
    search: PathBuf,
    job: String,
}

impl Ground {
    pub(crate) fn new() -> Self {
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

    /// A command with what it needs, without this flag.
    pub(crate) fn words(&self, command: &str, flag: &str, folder: &Path) -> Vec<OsString> {
        let [data, model, search] = [&self.data, &self.model, &self.search].map(|path| path.to_str().unwrap());
        let out = folder.join("out");
        let out = out.to_str().unwrap();
        let dir = folder.join("dir");
        let dir = dir.to_str().unwrap();
        let (certs, token) = (self.aquifer.file("certs"), self.aquifer.file("certs/token"));
        let (certs, token) = (certs.to_str().unwrap(), token.to_str().unwrap());
        let files = ["ca.pem", "coordinator.pem", "coordinator.key"].map(|name| format!("{certs}/{name}"));
        let [ca, cert, key] = [0, 1, 2].map(|at| files[at].as_str());
        let with: &[&str] = match command {
            "bench" => &["--dir", dir, "--only", "limits", "--quick"],
            "certs init" => &["--dir", dir],
            "certs renew" => &["--dir", certs],
            "certs token" => &["--scope", "read", "--dir", dir],
            "cluster status" | "doctor" | "frame ls" | "job ls" => &[],
            "cluster up" => &["--listen", "127.0.0.1:0", "--dir", dir],
            "coordinator" => {
                &["--listen", "127.0.0.1:0", "--dir", dir, "--ca-file", ca, "--cert-file", cert, "--key-file", key]
            }
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

    pub(crate) fn lasts(command: &str) -> bool {
        LASTING.contains(&command)
    }

    /// Runs it in a folder to its end, with bounds of memory and time; a shell does this `before`, and that to its streams.
    pub(crate) fn end(
        &self,
        command: &str,
        words: &[OsString],
        folder: &Path,
        (before, streams): (&str, &str),
    ) -> Finished {
        let shell = format!("ulimit -v {MEMORY_KIB}; {before} exec \"$0\" \"$@\" {streams}");
        let mut limited = inside(&["sh", "-c", &shell].map(OsString::from), self.aquifer.command(words));
        limited.env("MALLOC_ARENA_MAX", "1").current_dir(folder);
        let mut running = Running::start(limited);
        if Self::lasts(command) {
            let began = Instant::now();
            until("a command to start", || {
                let said = !running.stderr().is_empty() || !running.stdout().is_empty();
                (running.ended().is_some() || said || began.elapsed() > SILENT_MAX).then_some(())
            });
            running.group().send(Signal::Terminate);
        }
        running.finish_within(LIMIT)
    }
}
