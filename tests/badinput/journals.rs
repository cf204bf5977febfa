//! What a coordinator finds when it starts, damaged: its journals with what SQLite keeps beside them, frames, tokens. It
//! starts and answers, or says which file it is and what to do.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use aquifer_coordinator::{Config, Coordinator};
use aquifer_frame::Roots;
use aquifer_model::Report;
use aquifer_proto::v1::{GetJobRequest, ListFramesRequest, ListJobsRequest, jobs_client::JobsClient};
use aquifer_proto::{Callee, Tls, Token, TokenSender, connect};
use parquet::file::properties::WriterProperties;

use crate::case::{Case, Cases, Expect, Input, message};
use crate::mutate::mutate;
use crate::seeds::{Numbers, table, written};

const MUTATED: usize = 900;
const SECRET: &str = "0123456789abcdef";

/// A search with a job of its own, and its frame: what a data folder has in it.
pub(crate) fn prepare(folder: &Path) {
    let data = folder.join("table.parquet");
    std::fs::write(&data, written(&table(), WriterProperties::builder().build())).expect("a table");
    let search = folder.join("search.toml");
    let text = "target = \"f\"\n[params]\nepochs = 1\nhidden = [2]\n[search]\n[search.params]\nl2 = [0.0, 0.1]\n";
    std::fs::write(&search, format!("data = {data:?}\n{text}")).expect("a search");
    let dir = folder.join("dir");
    for words in [
        ["grid".as_ref(), search.as_os_str()].as_slice(),
        &["frame".as_ref(), "import".as_ref(), "f".as_ref(), data.as_os_str()],
    ] {
        let output = Command::new(env!("CARGO_BIN_EXE_aquifer")).args(words).arg("--dir").arg(&dir).output();
        let output = output.expect("a command");
        assert!(output.status.success(), "{words:?}: {}", String::from_utf8_lossy(&output.stderr));
    }
    // A lasting coordinator has its journal beside the rest.
    let jobs = std::fs::read_dir(dir.join("jobs")).expect("the jobs").flatten();
    let job = jobs.map(|job| job.path()).find(|job| job.join("models").exists()).expect("the search's folder");
    for entry in std::fs::read_dir(job).expect("its files").flatten().filter(|entry| entry.path().is_file()) {
        std::fs::copy(entry.path(), dir.join(entry.file_name())).expect("a copy");
    }
    std::fs::write(dir.join("tokens"), format!("# whose\nread {}\n", "a".repeat(64))).expect("tokens");
}

struct Journals {
    /// By their paths within the folder.
    files: Vec<(PathBuf, Vec<u8>)>,
}

pub(crate) fn cases(folder: &Path) -> Box<dyn Cases> {
    let (dir, mut files) = (folder.join("dir"), Vec::new());
    for within in ["", "frames", "frames/names"] {
        for entry in std::fs::read_dir(dir.join(within)).into_iter().flatten().flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            let is_state = ["sqlite", "sqlite-wal", "json"].iter().any(|end| name.ends_with(end)) || name == "tokens";
            if is_state && entry.path().is_file() {
                files.push((Path::new(within).join(name), std::fs::read(entry.path()).expect("a file")));
            }
        }
    }
    files.sort();
    assert!(files.len() >= 5, "{} files", files.len());
    Box::new(Journals { files })
}

impl Cases for Journals {
    fn count(&self) -> usize {
        1 + MUTATED
    }

    fn case(&self, at: usize, folder: &Path) -> Case {
        let mut files = self.files.clone();
        let mut what = "a folder as it is".to_owned();
        let mut damaged = String::new();
        if at > 0 {
            let mut numbers = Numbers(at as u64);
            let (path, bytes) = &mut files[at % self.files.len()];
            let way = mutate(bytes, &mut numbers);
            damaged = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            what = format!("{}: {way}", path.display());
        }
        let folder = folder.join("dir");
        let _ = std::fs::remove_dir_all(&folder);
        for (path, bytes) in files {
            let path = folder.join(path);
            std::fs::create_dir_all(path.parent().unwrap_or(&folder)).expect("a folder");
            std::fs::write(path, bytes).expect("a file");
        }
        let expect = if at == 0 { Expect::Right } else { Expect::Any };
        Case { what, input: Input::work(move || started(&folder, &damaged)), expect }
    }
}

/// Of a coordinator on this folder.
pub(crate) fn config(folder: &Path, token: &Token, tls: Option<Tls>) -> Config {
    Config {
        listen: ([127, 0, 0, 1], 0).into(),
        dir: folder.to_owned(),
        journal_dir: folder.to_owned(),
        roots: Roots::everything(),
        token: token.clone(),
        tokens: Some(folder.join("tokens")),
        tls,
        cache_bytes: Some(1 << 30),
        continues: true,
        no_worker_grace: Duration::from_secs(1),
        self_test: None,
        seams: Default::default(),
    }
}

/// A coordinator on this folder, asked for all that it has.
fn started(folder: &Path, damaged: &str) -> Result<Result<(), Report>, String> {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(|error| error.to_string())?;
    let token = Token::new(SECRET).expect("a token");
    runtime.block_on(async {
        let coordinator = match Coordinator::start(config(folder, &token, None)).await {
            Ok(coordinator) => coordinator,
            Err(error) => {
                let report = Report::from(error);
                let said = message(&report);
                let stem = damaged.trim_end_matches("-wal");
                return match report.hint.is_some() && said.contains(stem) {
                    true => Ok(Err(report)),
                    false => Err(format!("{damaged} is not named, or nothing is said about what to do: {said}")),
                };
            }
        };
        let asked = ask(coordinator.url(), &token).await;
        coordinator.stop().await;
        asked.map(Ok)
    })
}

async fn ask(url: &str, token: &Token) -> Result<(), String> {
    let channel = connect(url, None, Callee::Coordinator).await.map_err(|error| error.to_string())?;
    let mut client = JobsClient::with_interceptor(channel, TokenSender::new(token));
    let jobs = client.list_jobs(ListJobsRequest {}).await.map_err(|status| status.to_string())?.into_inner().jobs;
    for job in jobs {
        // What is damaged may be refused.
        let _ = client.get_job(GetJobRequest { job: job.id }).await;
    }
    let _ = client.list_frames(ListFramesRequest { cached: true }).await;
    Ok(())
}
