//! `aquifer cluster`: a cluster on this machine, and what a cluster says of itself.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::{Duration, Instant};

use anyhow::Context;
use aquifer_model::{Kind, Report};
use aquifer_proto::v1::{ClusterEvent, StatusRequest, StatusResponse};
use aquifer_proto::{Tcp, bind, from_status};
use clap::{Args, Subcommand};
use tokio::process::{Child, Command};

use super::coordinator::until_told;
use crate::client::Client;
use crate::credentials::{self, AUTHORITY, COORDINATOR, NodeTls, WORKER, certificate_of, is_tls, key_of};
use crate::dir;
use crate::dir::DirOption;
use crate::failure::usage;
use crate::options::{CacheOption, ClusterOptions, GraceOption, MemoryOption, cores};
use crate::output::{self, Format, Table, bytes, second};

/// A child that dies is started again after this long, then twice as long each time.
const BACK_OFF_FIRST: Duration = Duration::from_millis(500);
const BACK_OFF_MAX: Duration = Duration::from_secs(30);
/// One that lived this long had started well.
const STEADY: Duration = Duration::from_secs(60);
/// The cluster is up within this, or it is not.
const START_MAX: Duration = Duration::from_secs(30);
/// Children that were told to end do so within this, or are killed.
const STOP_MAX: Duration = Duration::from_secs(25);
/// Events below the table.
const EVENTS_SHOWN: usize = 20;

/// Start a cluster on this machine, or show a running one
#[derive(Args)]
pub(crate) struct Cluster {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
    /// Start a coordinator and workers as child processes, and keep them running
    Up(Up),
    /// Show the coordinator and its workers
    Status {
        #[command(flatten)]
        cluster: ClusterOptions,
    },
}

#[derive(Args)]
struct Up {
    /// Worker processes
    #[arg(long, default_value_t = 1, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1024))]
    workers: u32,
    /// Address of the coordinator: loopback, or any after `certs init` in --dir; port 0 picks a free one
    #[arg(long, default_value = "127.0.0.1:7400", value_name = "ADDRESS")]
    listen: SocketAddr,
    /// Folder whose files clients may name; may be repeated [default: the current folder]
    #[arg(long, value_name = "FOLDER")]
    root: Vec<PathBuf>,
    /// Compute threads of each worker [default: all cores, shared out]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=4096))]
    threads: Option<u32>,
    #[command(flatten)]
    memory: MemoryOption,
    #[command(flatten)]
    cache: CacheOption,
    #[command(flatten)]
    grace: GraceOption,
    #[command(flatten)]
    dir: DirOption,
}

impl Cluster {
    pub(crate) async fn run(self, format: Format) -> anyhow::Result<()> {
        match self.verb {
            Verb::Up(up) => up.run(format).await,
            Verb::Status { cluster } => {
                let status = ask_status(&mut join(&cluster).await?).await?;
                print_status(&status, format)?;
                if format == Format::Table {
                    print_events(&status.events);
                }
                Ok(())
            }
        }
    }
}

/// The cluster that the options name, or the one whose address lies in the data folder.
pub(crate) async fn join(options: &ClusterOptions) -> anyhow::Result<Client> {
    let dir = options.dir.open()?;
    let url = match &options.cluster {
        Some(url) => url.clone(),
        None => read_address(&dir)?,
    };
    Ok(Client::connect(&url, &options.credentials(&url, &dir)?).await?)
}

fn read_address(dir: &Path) -> anyhow::Result<String> {
    let none = |_| {
        Report::new(Kind::Access, "no_cluster", format!("no cluster is running in {}", dir.display()))
            .hint("start one with `aquifer cluster up`, or give --cluster URL or the cluster's --dir")
    };
    Ok(crate::given::read_text(&dir.join("address")).map(|url| url.trim().to_owned()).map_err(none)?)
}

async fn ask_status(client: &mut Client) -> Result<StatusResponse, Report> {
    let status = client.jobs.status(StatusRequest {}).await;
    Ok(status.map_err(|status| from_status(&status, "asking for the status"))?.into_inner())
}

fn print_status(status: &StatusResponse, format: Format) -> anyhow::Result<()> {
    if format == Format::Json {
        let worker = |worker: &aquifer_proto::v1::WorkerStatus| {
            serde_json::json!({ "id": worker.id, "pid": worker.pid, "role": "worker", "address": worker.address,
                "threads": worker.threads, "devices": worker.devices, "memory_bytes": worker.memory_bytes,
                "disk_free_bytes": worker.disk_free_bytes, "shards": worker.shards, "trials": worker.trials })
        };
        let event = |event: &ClusterEvent| {
            let ClusterEvent { when_ms, what, worker, job, why } = event;
            let (worker, job) = (named(worker), named(job));
            serde_json::json!({ "when": when_ms, "what": what, "worker": worker, "job": job, "why": why })
        };
        let data = serde_json::json!({
            "coordinator": { "pid": status.pid, "role": "coordinator", "address": status.address, "term": status.term,
                "protocol_version": status.protocol_version },
            "workers": status.workers.iter().map(worker).collect::<Vec<_>>(),
            "events": status.events.iter().map(event).collect::<Vec<_>>(),
        });
        return output::json("ClusterStatus", &data);
    }
    let mut table =
        Table::new(["node", "pid", "address", "devices", "threads", "memory", "disk free", "shards", "trials"]);
    let dash = || "-".to_owned();
    let pid = status.pid.to_string();
    table.row(["coordinator".into(), pid, status.address.clone(), dash(), dash(), dash(), dash(), dash(), dash()]);
    for worker in &status.workers {
        table.row([
            worker.id.clone(),
            worker.pid.to_string(),
            worker.address.clone(),
            worker.devices.join(" "),
            worker.threads.to_string(),
            bytes(worker.memory_bytes),
            bytes(worker.disk_free_bytes),
            worker.shards.to_string(),
            worker.trials.join(" "),
        ]);
    }
    table.print(format);
    Ok(())
}

/// Nothing where there is nothing, as an empty word says on the wire.
fn named(word: &str) -> Option<&str> {
    (!word.is_empty()).then_some(word)
}

/// The last few, below the table of nodes; `--output json` has all that are kept.
fn print_events(events: &[ClusterEvent]) {
    if events.is_empty() {
        return;
    }
    output::line("");
    let mut table = Table::new(["when (UTC)", "event", "worker", "job", "why"]);
    for event in &events[events.len().saturating_sub(EVENTS_SHOWN)..] {
        let or_dash = |word: &str| named(word).unwrap_or("-").to_owned();
        let (what, why) = (event.what.replace('_', " "), event.why.clone());
        table.row([second(event.when_ms), what, or_dash(&event.worker), or_dash(&event.job), why]);
    }
    table.print(Format::Table);
}

impl Up {
    async fn run(self, format: Format) -> anyhow::Result<()> {
        let folder = self.dir.open()?;
        dir::token_of(&folder)?;
        let worker_token = dir::worker_token_of(&folder)?;
        self.check_free(&folder)?;
        let mut coordinator = Supervised::start("coordinator", self.coordinator(&folder, &self.listen.to_string())?)?;
        let url = wait_for_address(&folder, &mut coordinator).await?;
        // Started again it listens where workers and clients know it, whichever port was free the first time.
        let port = url.rsplit_once(':').and_then(|(_, port)| port.parse().ok()).unwrap_or(self.listen.port());
        coordinator.launch = self.coordinator(&folder, &SocketAddr::new(self.listen.ip(), port).to_string())?;
        let mut client = Client::connect(&url, &credentials::of_client(&url, None, None, &folder)?).await?;
        let mut workers = Vec::new();
        for at in 1..=self.workers {
            workers.push(Supervised::start(&format!("worker {at}"), self.worker(&folder, &worker_token, &url, at)?)?);
        }
        let status = self.wait_for_workers(&mut client, &mut workers).await?;
        print_status(&status, format)?;
        if format == Format::Table {
            output::line("");
            output::line(&format!("cluster at {url}; its token is in {}", folder.join("token").display()));
            output::line("Ctrl-C stops it");
        }
        let supervise = async {
            loop {
                tokio::time::sleep(Duration::from_millis(200)).await;
                coordinator.look_after();
                workers.iter_mut().for_each(Supervised::look_after);
            }
        };
        tokio::select! {
            () = until_told(false) => {}
            () = supervise => {}
        }
        let children = workers.into_iter().chain([coordinator]);
        close_all(children.collect()).await;
        Ok(())
    }

    /// What would stop the coordinator from starting is said here, once.
    fn check_free(&self, folder: &Path) -> anyhow::Result<()> {
        let free = dir::lock(folder)?;
        let _ = std::fs::remove_file(folder.join("address"));
        drop(free);
        let tls = NodeTls::default().find(folder, COORDINATOR)?;
        bind(&Tcp, self.listen, tls.as_ref()).map(drop).map_err(Report::from)?;
        self.roots().map(drop)
    }

    fn coordinator(&self, folder: &Path, listen: &str) -> anyhow::Result<Launch> {
        let mut arguments = vec!["coordinator".into(), "--listen".into(), listen.into()];
        arguments.extend(["--exit-with-parent".into(), "--dir".into(), folder.into()]);
        arguments.extend(["--no-worker-grace".into(), self.grace.no_worker_grace.to_string().into()]);
        arguments.extend(self.roots()?);
        if let Some(bytes) = self.cache.cache_bytes {
            arguments.extend(["--cache-bytes".into(), bytes.to_string().into()]);
        }
        Ok(Launch { arguments })
    }

    fn worker(&self, folder: &Path, worker_token: &Path, url: &str, at: u32) -> anyhow::Result<Launch> {
        let threads = self.threads.unwrap_or_else(|| (cores() / self.workers).max(1));
        let mut arguments = vec!["worker".into(), "--cluster".into(), url.into(), "--exit-with-parent".into()];
        arguments.extend(["--dir".into(), folder.join("workers").join(at.to_string()).into()]);
        arguments.extend(["--token-file".into(), worker_token.into()]);
        if is_tls(url) {
            for (option, name) in [
                ("--ca-file", AUTHORITY.to_owned()),
                ("--cert-file", certificate_of(WORKER)),
                ("--key-file", key_of(WORKER)),
            ] {
                arguments.extend([option.into(), folder.join(name).into()]);
            }
            // Peers of other machines reach it where the coordinator is reached.
            arguments.extend(["--listen".into(), SocketAddr::new(self.listen.ip(), 0).to_string().into()]);
        }
        arguments.extend(["--threads".into(), threads.to_string().into()]);
        if let Some(bytes) = self.memory.of(self.workers.into())? {
            arguments.extend(["--memory".into(), bytes.to_string().into()]);
        }
        arguments.extend(self.roots()?);
        Ok(Launch { arguments })
    }

    fn roots(&self) -> anyhow::Result<Vec<std::ffi::OsString>> {
        let folders = match self.root.is_empty() {
            true => vec![std::env::current_dir().context("the current folder cannot be found")?],
            false => self.root.clone(),
        };
        super::coordinator::roots(&folders)?;
        Ok(folders.into_iter().flat_map(|folder| ["--root".into(), folder.into()]).collect())
    }

    async fn wait_for_workers(
        &self,
        client: &mut Client,
        workers: &mut [Supervised],
    ) -> anyhow::Result<StatusResponse> {
        let began = Instant::now();
        loop {
            let status = ask_status(client).await?;
            if status.workers.len() >= self.workers as usize {
                return Ok(status);
            }
            if let Some(ended) = workers.iter_mut().find_map(Supervised::ended) {
                return Err(
                    Report::new(Kind::Work, "worker_lost", format!("a worker ended while starting: {ended}")).into()
                );
            }
            if began.elapsed() > START_MAX {
                let (have, want) = (status.workers.len(), self.workers);
                let message = format!("{have} of {want} workers registered within {} s", START_MAX.as_secs());
                return Err(Report::new(Kind::Work, "no_workers", message).into());
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

async fn wait_for_address(folder: &Path, coordinator: &mut Supervised) -> anyhow::Result<String> {
    let began = Instant::now();
    loop {
        if let Ok(url) = read_address(folder)
            && Client::connect(&url, &credentials::of_client(&url, None, None, folder)?).await.is_ok()
        {
            return Ok(url);
        }
        if coordinator.ended().is_some() {
            // It has said why on standard error, which it shares with this process.
            return Err(usage("coordinator_ended", "the coordinator could not start").into());
        }
        if began.elapsed() > START_MAX {
            let message = format!("the coordinator did not answer within {} s", START_MAX.as_secs());
            return Err(Report::new(Kind::Work, "coordinator_slow", message).into());
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Ends all children together: their standard input closes.
async fn close_all(mut children: Vec<Supervised>) {
    for child in &mut children {
        drop(child.child.stdin.take());
    }
    let until = tokio::time::Instant::now() + STOP_MAX;
    for mut child in children {
        if tokio::time::timeout_at(until, child.child.wait()).await.is_err() {
            let _ = child.child.kill().await;
        }
    }
}

/// How a child is started.
struct Launch {
    arguments: Vec<std::ffi::OsString>,
}

impl Launch {
    fn spawn(&self) -> anyhow::Result<Child> {
        let program = std::env::current_exe().context("this program's own path cannot be found")?;
        let mut command = Command::new(program);
        command.args(&self.arguments).stdin(Stdio::piped()).stdout(Stdio::null()).kill_on_drop(true);
        if std::env::var_os("AQUIFER_LOG").is_none() {
            command.env("AQUIFER_LOG", "warn"); // the table says who is there
        }
        command.spawn().context("a child process cannot be started")
    }
}

/// A child that is started again when it ends.
struct Supervised {
    name: String,
    launch: Launch,
    child: Child,
    began: Instant,
    back_off: Duration,
    again_at: Option<Instant>,
}

impl Supervised {
    fn start(name: &str, launch: Launch) -> anyhow::Result<Self> {
        let child = launch.spawn()?;
        let name = name.to_owned();
        Ok(Self { name, launch, child, began: Instant::now(), back_off: BACK_OFF_FIRST, again_at: None })
    }

    fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().ok().flatten()
    }

    fn look_after(&mut self) {
        if let Some(at) = self.again_at {
            if Instant::now() < at {
                return;
            }
            self.again_at = None;
            self.began = Instant::now();
            match self.launch.spawn() {
                Ok(child) => {
                    tracing::warn!(name = self.name, pid = child.id(), "started again");
                    self.child = child;
                }
                Err(error) => {
                    tracing::error!(name = self.name, %error, "cannot be started");
                    self.again_at = Some(Instant::now() + self.back_off);
                }
            }
        } else if let Some(status) = self.ended() {
            if self.began.elapsed() > STEADY {
                self.back_off = BACK_OFF_FIRST;
            }
            tracing::warn!(name = self.name, %status, again_in = ?self.back_off, "ended");
            self.again_at = Some(Instant::now() + self.back_off);
            self.back_off = (self.back_off * 2).min(BACK_OFF_MAX);
        }
    }
}
