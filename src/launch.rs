//! Where a command's work is done: a cluster of one in this process, a coordinator here with worker processes, or a
//! running cluster. From then on all three are the same client of the same services.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::Stdio;

use anyhow::Context;
use aquifer_coordinator::Coordinator;
use aquifer_frame::Roots;
use aquifer_learn::{Isa, self_test};
use aquifer_model::{Kind, Report};
use aquifer_proto::{PROTOCOL_VERSION, Token};
use aquifer_worker::Worker;
use tokio::process::{Child, Command};

use crate::client::Client;
use crate::dir;
use crate::options::{ClusterOptions, cores};

pub(crate) const LOOPBACK: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

/// A cluster that this command may use, and what of it ends with the command.
pub(crate) struct Launched {
    pub(crate) client: Client,
    pub(crate) dir: PathBuf,
    /// Workers to wait for before a job begins.
    pub(crate) workers: u32,
    own: Option<Own>,
}

/// A cluster that lives for the length of this command.
struct Own {
    coordinator: Coordinator,
    worker: Option<Worker>,
    children: Vec<Child>,
    /// Journal, token and models of this command's jobs.
    folder: PathBuf,
}

/// Starts or joins, as the options say. `needs_workers` is false for commands that only ask the coordinator.
pub(crate) async fn launch(options: &ClusterOptions, needs_workers: bool) -> anyhow::Result<Launched> {
    let dir = options.dir.open()?;
    if let Some(url) = &options.cluster {
        let token_file = options.token_file.clone().unwrap_or_else(|| dir.join("token"));
        let client = Client::connect(url, &dir::read_token(&token_file)?).await?;
        return Ok(Launched { client, dir, workers: 1, own: None });
    }
    let folder = dir.join("jobs").join(new_id()?);
    std::fs::create_dir_all(&folder).map_err(|error| dir::unwritable(&folder, &error))?;
    let started = start(options, needs_workers, &dir, &folder).await;
    if started.is_err() {
        remove(&folder);
    }
    let (client, own) = started?;
    Ok(Launched { client, dir, workers: options.workers.unwrap_or(1), own: Some(own) })
}

async fn start(
    options: &ClusterOptions,
    needs_workers: bool,
    dir: &Path,
    folder: &Path,
) -> anyhow::Result<(Client, Own)> {
    let token = dir::new_token()?;
    let coordinator = Coordinator::start(aquifer_coordinator::Config {
        listen: LOOPBACK,
        dir: dir.to_owned(),
        journal_dir: folder.to_owned(),
        roots: Roots::everything(), // it acts for its own user alone
        token: token.clone(),
        self_test: expected_self_test(options.workers)?,
    });
    let coordinator = coordinator.await.map_err(Report::from)?;
    let url = format!("http://{}", coordinator.address());
    let client = Client::connect(&url, &token).await?;
    let mut own = Own { coordinator, worker: None, children: Vec::new(), folder: folder.to_owned() };
    match options.workers {
        _ if !needs_workers => {}
        None => own.worker = Some(start_worker(options, dir, &url, token).await?),
        Some(count) => own.children = spawn_workers(options, count, dir, folder, &url, &token)?,
    }
    Ok((client, own))
}

/// What worker processes must compute; the one worker inside this process computes the same as it.
pub(crate) fn expected_self_test(processes: Option<u32>) -> Result<Option<String>, Report> {
    processes.map(|_| self_test(Isa::detect()).map_err(Report::from)).transpose()
}

async fn start_worker(options: &ClusterOptions, dir: &Path, url: &str, token: Token) -> anyhow::Result<Worker> {
    let config = aquifer_worker::Config {
        coordinator: url.to_owned(),
        token,
        listen: LOOPBACK,
        advertise: None,
        dir: dir.to_owned(),
        roots: Roots::everything(),
        threads: options.threads.unwrap_or_else(cores) as usize,
    };
    Ok(Worker::start(config).await?)
}

/// Real processes, which end when this one does: each reads its standard input until it closes.
fn spawn_workers(
    options: &ClusterOptions,
    count: u32,
    dir: &Path,
    folder: &Path,
    url: &str,
    token: &Token,
) -> anyhow::Result<Vec<Child>> {
    let token_file = folder.join("token");
    dir::write_token(&token_file, token)?;
    let threads = options.threads.unwrap_or_else(|| (cores() / count).max(1));
    let program = std::env::current_exe().context("this program's own path cannot be found")?;
    let spawn = |_| {
        let mut command = Command::new(&program);
        command.arg("worker").args(["--cluster", url, "--exit-with-parent", "--root", "/"]);
        command.arg("--dir").arg(dir).arg("--token-file").arg(&token_file);
        command.args(["--threads", &threads.to_string()]);
        if std::env::var_os("AQUIFER_LOG").is_none() {
            command.env("AQUIFER_LOG", "error");
        }
        command.stdin(Stdio::piped()).stdout(Stdio::null()).kill_on_drop(true);
        command.spawn().context("a worker process cannot be started")
    };
    (0..count).map(spawn).collect()
}

impl Launched {
    /// Waits until a worker process of this command ends, which it should not; for ever if there are none.
    pub(crate) async fn worker_died(&mut self) -> Report {
        let Some(own) = &mut self.own else { return std::future::pending().await };
        if let Some(worker) = &mut own.worker {
            return match worker.ended().await {
                Err(report) => report,
                Ok(()) => Report::new(Kind::Work, "worker_ended", "the worker ended"),
            };
        }
        loop {
            for (at, child) in own.children.iter_mut().enumerate() {
                if let Ok(Some(status)) = child.try_wait() {
                    let message = format!("worker process {} of {} ended: {status}", at + 1, own.children.len());
                    return Report::new(Kind::Work, "worker_lost", message).hint("start the command again");
                }
            }
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        }
    }

    /// Ends what was started for this command. Its journal is kept only if a job was done; the model has been fetched.
    pub(crate) async fn close(self, keep: bool) {
        let Some(own) = self.own else { return };
        if let Some(worker) = own.worker {
            worker.stop().await;
        }
        for mut child in own.children {
            drop(child.stdin.take()); // it ends when its input does
            if tokio::time::timeout(std::time::Duration::from_secs(5), child.wait()).await.is_err() {
                let _ = child.kill().await;
            }
        }
        own.coordinator.stop().await;
        match keep {
            true => remove_all_but_journal(&own.folder),
            false => remove(&own.folder),
        }
    }
}

/// Runs `work` with a cluster that ends afterwards, and leaves nothing of its own.
pub(crate) async fn with_cluster<T>(
    options: &ClusterOptions,
    needs_workers: bool,
    work: impl AsyncFnOnce(&mut Launched) -> anyhow::Result<T>,
) -> anyhow::Result<T> {
    let mut launched = launch(options, needs_workers).await?;
    let result = work(&mut launched).await;
    launched.close(false).await;
    result
}

fn remove_all_but_journal(folder: &Path) {
    let journal = |name: &std::ffi::OsStr| name.to_string_lossy().starts_with("journal.sqlite");
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        match entry.path() {
            path if path.is_dir() => drop(std::fs::remove_dir_all(path)),
            path if !journal(&entry.file_name()) => drop(std::fs::remove_file(path)),
            _ => {}
        }
    }
}

fn remove(folder: &Path) {
    let _ = std::fs::remove_dir_all(folder);
    // The folder of all jobs goes with its last job; if there are others, it stays.
    let _ = folder.parent().map(std::fs::remove_dir);
}

/// A random id of 12 hexadecimal digits.
pub(crate) fn new_id() -> anyhow::Result<String> {
    let token = dir::new_token()?;
    Ok(token.secret()[..12].to_owned())
}

/// The protocol that this binary speaks: for `doctor` and `cluster status`.
pub(crate) fn protocol() -> u32 {
    PROTOCOL_VERSION
}
