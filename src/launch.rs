//! Where a command's work is done: a cluster of one in this process, a coordinator here with worker processes, or a
//! running cluster. From then on all three are the same client of the same services.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use anyhow::Context;
use aquifer_coordinator::Coordinator;
use aquifer_coordinator::core::NO_WORKER_GRACE;
use aquifer_frame::Roots;
use aquifer_learn::{Isa, self_test};
use aquifer_model::{Kind, Report};
use aquifer_proto::v1::submit_request;
use aquifer_proto::{Credentials, JobEvent, PROTOCOL_VERSION, Token, WORKER_LOST};
use aquifer_worker::Worker;
use tokio::process::{Child, Command};

use crate::client::Client;
use crate::dir;
use crate::failure::interrupted;
use crate::jobs::{JobFolder, job_id};
use crate::options::{ClusterOptions, cores, say_if_crowded};
use crate::output;
use crate::progress::Display;

pub(crate) const LOOPBACK: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

/// Members that are asked to stop do so after their round, and workers that make shards after the shard: longer than this is
/// not waited.
const STOP_MAX: Duration = Duration::from_secs(30);
/// Worker processes that were told to end hand over what they have, or are killed.
const LEAVE_MAX: Duration = Duration::from_secs(25);

/// What a command wants a cluster for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// To ask the coordinator: no worker is started.
    Ask,
    Import,
    /// States that are kept, and trials that are done, are not made again: the job can be taken up again.
    Train,
    /// So it can, and what it found stays when it has ended.
    Search,
    /// To train again what was trained before: nothing of it is kept.
    Verify,
}

impl Purpose {
    fn can_resume(self) -> bool {
        matches!(self, Purpose::Train | Purpose::Search)
    }
}

/// The job that a command submits, before it is known.
#[derive(Clone, Debug)]
pub(crate) struct Planned {
    purpose: Purpose,
    /// What its id is made of; the same request is the same job.
    request: String,
    /// It was submitted before.
    again: Option<String>,
    /// Where its model is to lie.
    out: Option<PathBuf>,
}

impl Planned {
    /// Of a request that is like no other.
    pub(crate) fn new(purpose: Purpose) -> anyhow::Result<Self> {
        Ok(Self { purpose, request: new_id()?, again: None, out: None })
    }

    /// Of a request that may have been made before.
    pub(crate) fn of(purpose: Purpose, request: String) -> Self {
        Self { purpose, request, again: None, out: None }
    }

    /// A job that is taken up again.
    pub(crate) fn again(job: &str) -> Self {
        Self { purpose: Purpose::Search, request: String::new(), again: Some(job.to_owned()), out: None }
    }

    /// Whoever goes on with it has its model written there.
    pub(crate) fn with_out(self, out: Option<&Path>) -> Self {
        Self { out: out.map(Path::to_owned), ..self }
    }

    fn id(&self) -> String {
        self.again.clone().unwrap_or_else(|| job_id(&self.request))
    }
}

/// A cluster that this command may use, and what of it ends with the command.
pub(crate) struct Launched {
    pub(crate) client: Client,
    pub(crate) dir: PathBuf,
    /// Workers to wait for before a job begins.
    workers: u32,
    /// The job that was submitted: what Ctrl-C has to cancel.
    job: Arc<Mutex<Option<String>>>,
    planned: Planned,
    own: Option<Own>,
}

/// A cluster that lives for the length of this command.
struct Own {
    coordinator: Coordinator,
    worker: Option<Worker>,
    children: Vec<Child>,
    folder: JobFolder,
}

/// Starts or joins, as the options say.
async fn launch(options: &ClusterOptions, planned: Planned) -> anyhow::Result<Launched> {
    options.worker_memory()?;
    let purpose = planned.purpose;
    let trains = purpose.can_resume() || purpose == Purpose::Verify;
    if trains && options.cluster.is_none() && Isa::detect() == Isa::PORTABLE {
        output::say(
            "note: without AVX2 and FMA this processor takes the portable path: the same bits, many times slower",
        );
    }
    say_if_crowded(options.threads, options.workers.unwrap_or(1));
    let dir = options.dir.open()?;
    if let Some(url) = &options.cluster {
        let client = Client::connect(url, &options.credentials(url, &dir)?).await?;
        return Ok(Launched { client, dir, workers: 1, job: Arc::default(), planned, own: None });
    }
    let folder = JobFolder::open(&dir, &planned.id(), purpose.can_resume())?;
    let (client, own) = start(options, purpose, &dir, folder).await?;
    Ok(Launched { client, dir, workers: options.workers.unwrap_or(1), job: Arc::default(), planned, own: Some(own) })
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
        journal_dir: folder.path().to_owned(),
        roots: Roots::everything(), // it acts for its own user alone
        token: token.clone(),
        tokens: None,
        tls: None, // loopback, and a token that nobody else knows
        cache_bytes: options.cache.cache_bytes,
        continues: false, // the command says so itself
        no_worker_grace: NO_WORKER_GRACE,
        self_test: expected_self_test(options.workers)?,
        seams: Default::default(),
    });
    let coordinator = coordinator.await.map_err(Report::from)?;
    let url = coordinator.url().to_owned();
    if purpose.can_resume() {
        folder.publish(&url, &token)?;
    }
    let client = Client::connect(&url, &Credentials { token: token.clone(), tls: None }).await?;
    let mut own = Own { coordinator, worker: None, children: Vec::new(), folder };
    match options.workers {
        _ if purpose == Purpose::Ask => {}
        None => own.worker = Some(start_worker(options, dir, &url, token).await?),
        Some(count) => own.children = spawn_workers(options, count, dir, own.folder.path(), &url, &token)?,
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
        credentials: Credentials { token, tls: None },
        listen: LOOPBACK,
        advertise: None,
        dir: dir.to_owned(),
        roots: Roots::everything(),
        memory_bytes: options.worker_memory()?,
        threads: options.threads.unwrap_or_else(cores) as usize,
        seams: Default::default(),
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
        let job = self.job();
        let Some(own) = &mut self.own else { return std::future::pending().await };
        if let Some(worker) = &mut own.worker {
            return match worker.ended().await {
                Err(report) => report,
                Ok(()) => Report::new(Kind::Work, "worker_ended", "the worker ended"),
            };
        }
        // The work goes on with those that are left.
        let patient = self.planned.purpose.can_resume();
        loop {
            let alive =
                own.children.iter_mut().filter_map(|child| matches!(child.try_wait(), Ok(None)).then_some(())).count();
            for (at, child) in own.children.iter_mut().enumerate().filter(|_| !patient || alive == 0) {
                if let Ok(Some(status)) = child.try_wait() {
                    let message = format!("worker process {} of {} ended: {status}", at + 1, own.children.len());
                    let hint = match patient && !job.is_empty() {
                        true => format!("go on with `aquifer job resume {job}`"),
                        false => "start the command again".to_owned(),
                    };
                    return Report::new(Kind::Work, WORKER_LOST, message).hint(hint);
                }
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    /// Ends what was started for this command.
    async fn close(self, keep: Keep) {
        let Some(own) = self.own else { return };
        if let Some(worker) = own.worker {
            worker.stop().await;
        }
        let mut children = own.children;
        children.iter_mut().for_each(|child| drop(child.stdin.take())); // they end when their input does
        for mut child in children {
            if tokio::time::timeout(LEAVE_MAX, child.wait()).await.is_err() {
                let _ = child.kill().await;
            }
        }
        own.coordinator.stop().await;
        match keep {
            Keep::Nothing => drop(own.folder),
            Keep::Journal => own.folder.keep_journal(),
            Keep::All => own.folder.keep_all(),
        }
    }

    /// Submits a job and shows its events until the last one; a job that failed or was cancelled is an error.
    pub(crate) async fn run_job(
        &mut self,
        job: submit_request::Job,
        display: &mut Display,
    ) -> anyhow::Result<JobEvent> {
        let mut client = self.client.clone();
        let id = client.submit(self.planned.request.clone(), self.workers, job).await?;
        self.watch(id, display).await
    }

    /// Takes a job up again and shows its events until the last one.
    pub(crate) async fn resume_job(&mut self, display: &mut Display) -> anyhow::Result<JobEvent> {
        let id = self.planned.id();
        self.client.resume(&id).await?;
        self.watch(id, display).await
    }

    /// Shows the events of a job until the last one.
    pub(crate) async fn watch(&mut self, id: String, display: &mut Display) -> anyhow::Result<JobEvent> {
        let mut client = self.client.clone();
        if let Ok(mut job) = self.job.lock() {
            *job = Some(id.clone());
        }
        let ended = tokio::select! {
            ended = client.watch(&id, |event| display.show(event)) => ended?,
            report = self.worker_died() => return Err(report.into()),
        };
        display.finish();
        let failed = matches!(ended, JobEvent::Failed { .. } | JobEvent::Cancelled);
        if let Some(own) = &mut self.own {
            (own.folder.over, own.folder.ended) = (true, !failed);
        }
        match ended {
            JobEvent::Failed { report } => Err(report.into()),
            JobEvent::Cancelled => Err(interrupted().into()),
            done => Ok(done),
        }
    }

    /// Its job has ended with a result: whatever fails from then on, what it found is there.
    fn has_ended(&self) -> bool {
        self.own.as_ref().is_some_and(|own| own.folder.ended)
    }

    /// What is submitted next is another job.
    pub(crate) fn renew(&mut self) -> anyhow::Result<()> {
        self.planned.request = new_id()?;
        Ok(())
    }

    /// Its job has ended, one way or the other.
    fn is_over(&self) -> bool {
        self.own.as_ref().is_some_and(|own| own.folder.over)
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

/// What of a job's folder stays when its command ends.
enum Keep {
    Nothing,
    Journal,
    All,
}

/// Runs `work` with a cluster that ends afterwards. The journal of a training that was done is kept, and all of a search or
/// training that has begun; else nothing is. After Ctrl-C, at any moment, they can be taken up again; what else is at work is
/// cancelled and cleaned up.
pub(crate) async fn with_cluster<T>(
    options: &ClusterOptions,
    planned: Planned,
    work: impl AsyncFnOnce(&mut Launched) -> anyhow::Result<T>,
) -> anyhow::Result<T> {
    let mut pressed = std::pin::pin!(tokio::signal::ctrl_c());
    let mut launched = tokio::select! {
        launched = launch(options, planned.clone()) => launched?,
        _ = &mut pressed => return Err(interrupted().into()),
    };
    let (client, job) = (launched.client.clone(), launched.job.clone());
    let result = tokio::select! {
        result = work(&mut launched) => result,
        _ = &mut pressed => {
            let job = job.lock().ok().and_then(|job| job.clone());
            match (planned.purpose, &job) {
                (purpose, Some(job)) if purpose.can_resume() => {
                    launched.close(Keep::All).await;
                    return Err(to_be_resumed(job, options, planned.out.as_deref()).into());
                }
                _ => cancel(client, job).await,
            }
            Err(interrupted().into())
        }
    };
    let keep = match planned.purpose {
        Purpose::Train if result.is_ok() => Keep::Journal,
        // What failed by itself would fail again.
        Purpose::Train if job_begun(&result) && !launched.is_over() => Keep::All,
        Purpose::Search if result.is_ok() || job_begun(&result) || launched.has_ended() => Keep::All,
        _ => Keep::Nothing,
    };
    launched.close(keep).await;
    result
}

/// Whether what failed is the work of a job, and not what was asked for.
fn job_begun<T>(result: &anyhow::Result<T>) -> bool {
    let report = result.as_ref().err().and_then(|error| error.downcast_ref::<Report>());
    report.is_some_and(|report| matches!(report.kind, Kind::Work | Kind::Partly | Kind::Access))
}

/// A job that was left can be gone on with.
fn to_be_resumed(job: &str, options: &ClusterOptions, out: Option<&Path>) -> Report {
    let given = options.given();
    let out = out.map_or_else(String::new, |out| format!(" --out {}", out.display()));
    match &options.cluster {
        None => Report::new(Kind::Interrupted, "interrupted", format!("interrupted: job {job} keeps what is done"))
            .hint(format!("go on with `aquifer job resume {job}{out}{given}`")),
        Some(_) => {
            let message = format!("detached: job {job} goes on in the cluster");
            Report::new(Kind::Interrupted, "detached", message).hint(format!(
                "`aquifer job watch {job}{given}` follows it, `aquifer job resume {job}{out}{given}` waits for its \
                 model, `aquifer job cancel {job}{given}` ends it"
            ))
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
