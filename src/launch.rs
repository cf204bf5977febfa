//! Where a command's work is done: a cluster of one in this process, a coordinator here with worker processes, or a
//! running cluster. From then on all three are the same client of the same services.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use anyhow::Context;
use aquifer_coordinator::Coordinator;
use aquifer_frame::Roots;
use aquifer_learn::{Isa, self_test};
use aquifer_model::{Kind, Report};
use aquifer_proto::v1::submit_request;
use aquifer_proto::{JobEvent, PROTOCOL_VERSION, Token};
use aquifer_worker::Worker;
use tokio::process::{Child, Command};

use crate::client::Client;
use crate::dir;
use crate::failure::interrupted;
use crate::options::{ClusterOptions, cores, say_if_crowded};
use crate::output;
use crate::progress::Display;

pub(crate) const LOOPBACK: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

/// Members that are asked to stop do so after their round, and workers that make shards after the shard: longer than this is
/// not waited.
const STOP_MAX: Duration = Duration::from_secs(30);

/// What a command wants a cluster for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// To ask the coordinator: no worker is started.
    Ask,
    Import,
    Train,
}

/// A cluster that this command may use, and what of it ends with the command.
pub(crate) struct Launched {
    pub(crate) client: Client,
    pub(crate) dir: PathBuf,
    /// Workers to wait for before a job begins.
    workers: u32,
    /// The job that was submitted: what Ctrl-C has to cancel.
    job: Arc<Mutex<Option<String>>>,
    own: Option<Own>,
}

/// A cluster that lives for the length of this command.
struct Own {
    coordinator: Coordinator,
    worker: Option<Worker>,
    children: Vec<Child>,
    folder: JobFolder,
}

/// Journal, token and models of this command's jobs. Dropped without [`JobFolder::keep_journal`], it is gone.
struct JobFolder {
    path: PathBuf,
    kept: bool,
}

/// Starts or joins, as the options say.
async fn launch(options: &ClusterOptions, purpose: Purpose) -> anyhow::Result<Launched> {
    options.worker_memory()?;
    if purpose == Purpose::Train && options.cluster.is_none() && Isa::detect() == Isa::PORTABLE {
        output::say(
            "note: without AVX2 and FMA this processor takes the portable path: the same bits, many times slower",
        );
    }
    say_if_crowded(options.threads, options.workers.unwrap_or(1));
    let dir = options.dir.open()?;
    if let Some(url) = &options.cluster {
        let token_file = options.token_file.clone().unwrap_or_else(|| dir.join("token"));
        let client = Client::connect(url, &dir::read_token(&token_file)?).await?;
        return Ok(Launched { client, dir, workers: 1, job: Arc::default(), own: None });
    }
    let folder = JobFolder::create(&dir)?;
    let (client, own) = start(options, purpose, &dir, folder).await?;
    Ok(Launched { client, dir, workers: options.workers.unwrap_or(1), job: Arc::default(), own: Some(own) })
}

async fn start(
    options: &ClusterOptions,
    purpose: Purpose,
    dir: &Path,
    folder: JobFolder,
) -> anyhow::Result<(Client, Own)> {
    let token = dir::new_token()?;
    let coordinator = Coordinator::start(aquifer_coordinator::Config {
        listen: LOOPBACK,
        dir: dir.to_owned(),
        journal_dir: folder.path.clone(),
        roots: Roots::everything(), // it acts for its own user alone
        token: token.clone(),
        cache_bytes: options.cache.cache_bytes,
        self_test: expected_self_test(options.workers)?,
    });
    let coordinator = coordinator.await.map_err(Report::from)?;
    let url = format!("http://{}", coordinator.address());
    let client = Client::connect(&url, &token).await?;
    let mut own = Own { coordinator, worker: None, children: Vec::new(), folder };
    match options.workers {
        _ if purpose == Purpose::Ask => {}
        None => own.worker = Some(start_worker(options, dir, &url, token).await?),
        Some(count) => own.children = spawn_workers(options, count, dir, &own.folder.path, &url, &token)?,
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
        memory_bytes: options.worker_memory()?,
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
    let memory = options.worker_memory()?;
    let program = std::env::current_exe().context("this program's own path cannot be found")?;
    let spawn = |_| {
        let mut command = Command::new(&program);
        command.arg("worker").args(["--cluster", url, "--exit-with-parent", "--root", "/"]);
        command.arg("--dir").arg(dir).arg("--token-file").arg(&token_file);
        command.args(["--threads", &threads.to_string()]);
        if let Some(bytes) = memory {
            command.args(["--memory", &bytes.to_string()]);
        }
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
    async fn worker_died(&mut self) -> Report {
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
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    /// Ends what was started for this command. Its journal is kept only if a job was done; the model has been fetched.
    async fn close(self, keep: bool) {
        let Some(own) = self.own else { return };
        if let Some(worker) = own.worker {
            worker.stop().await;
        }
        for mut child in own.children {
            drop(child.stdin.take()); // it ends when its input does
            if tokio::time::timeout(Duration::from_secs(5), child.wait()).await.is_err() {
                let _ = child.kill().await;
            }
        }
        own.coordinator.stop().await;
        if keep {
            own.folder.keep_journal();
        }
    }

    /// Submits a job and shows its events until the last one; a job that failed or was cancelled is an error.
    pub(crate) async fn run_job(
        &mut self,
        job: submit_request::Job,
        display: &mut Display,
    ) -> anyhow::Result<JobEvent> {
        let mut client = self.client.clone();
        let id = client.submit(new_id()?, self.workers, job).await?;
        if let Ok(mut job) = self.job.lock() {
            *job = Some(id.clone());
        }
        let ended = tokio::select! {
            ended = client.watch(&id, |event| display.show(event)) => ended?,
            report = self.worker_died() => return Err(report.into()),
        };
        display.finish();
        match ended {
            JobEvent::Failed { report } => Err(report.into()),
            JobEvent::Cancelled => Err(interrupted().into()),
            done => Ok(done),
        }
    }

    /// The job that was submitted last.
    pub(crate) fn job(&self) -> String {
        self.job.lock().ok().and_then(|job| job.clone()).unwrap_or_default()
    }
}

/// Cancels what was submitted, and waits until nothing of it is left.
async fn cancel(mut client: Client, job: Option<String>) {
    let Some(job) = job else { return };
    let stop = async {
        client.cancel(&job).await?;
        client.watch(&job, |_| {}).await
    };
    let _ = tokio::time::timeout(STOP_MAX, stop).await;
}

/// Runs `work` with a cluster that ends afterwards. The journal of a training that was done is kept, else nothing is. Ctrl-C,
/// at any moment, cancels the job and cleans up.
pub(crate) async fn with_cluster<T>(
    options: &ClusterOptions,
    purpose: Purpose,
    work: impl AsyncFnOnce(&mut Launched) -> anyhow::Result<T>,
) -> anyhow::Result<T> {
    let mut pressed = std::pin::pin!(tokio::signal::ctrl_c());
    let mut launched = tokio::select! {
        launched = launch(options, purpose) => launched?,
        _ = &mut pressed => return Err(interrupted().into()),
    };
    let (client, job) = (launched.client.clone(), launched.job.clone());
    let result = tokio::select! {
        result = work(&mut launched) => result,
        _ = &mut pressed => {
            let job = job.lock().ok().and_then(|job| job.clone());
            cancel(client, job).await;
            Err(interrupted().into())
        }
    };
    launched.close(purpose == Purpose::Train && result.is_ok()).await;
    result
}

impl JobFolder {
    fn create(dir: &Path) -> anyhow::Result<Self> {
        let path = dir.join("jobs").join(new_id()?);
        std::fs::create_dir_all(&path).map_err(|error| dir::unwritable(&path, &error))?;
        Ok(Self { path, kept: false })
    }

    /// The model has been fetched and the token is spent: the journal says what was done.
    fn keep_journal(mut self) {
        self.kept = true;
        let journal = |name: &std::ffi::OsStr| name.to_string_lossy().starts_with("journal.sqlite");
        for entry in std::fs::read_dir(&self.path).into_iter().flatten().flatten() {
            match entry.path() {
                path if path.is_dir() => drop(std::fs::remove_dir_all(path)),
                path if !journal(&entry.file_name()) => drop(std::fs::remove_file(path)),
                _ => {}
            }
        }
    }
}

impl Drop for JobFolder {
    fn drop(&mut self) {
        if !self.kept {
            let _ = std::fs::remove_dir_all(&self.path);
            // The folder of all jobs goes with its last job; if there are others, it stays.
            let _ = self.path.parent().map(std::fs::remove_dir);
        }
    }
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
