//! `aquifer job`: jobs of this data folder, and of a running cluster.

use std::path::{Path, PathBuf};

use aquifer_coordinator::core::JobStatus;
use aquifer_frame::Note;
use aquifer_model::{Kind, Report, model_file_name};
use aquifer_proto::{JobEvent, TrainSummary};
use clap::{Args, Subcommand};

use crate::client::Client;
use crate::commands::cluster::join;
use crate::commands::grid::{ResultArgs, take_result};
use crate::failure::{interrupted, usage};
use crate::jobs::{Found, find, find_all, no_job};
use crate::launch::{Launched, Planned, with_cluster};
use crate::leaderboard::{Board, models_folder};
use crate::options::ClusterOptions;
use crate::output::{self, Format, Table, moment};
use crate::progress::Display;
use crate::scores::Trained;

/// List, show, follow, cancel and resume jobs
#[derive(Args)]
pub(crate) struct Job {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
    /// List the jobs of this data folder, and of the cluster that runs in it or is named
    Ls(Plain),
    /// Show what a job has found, or has found so far
    Show(Named),
    /// Follow a job at work
    Watch(Named),
    /// Stop a job, and remove what it has made
    Cancel(Named),
    /// Go on with a training or search that was interrupted: what is done is not done again
    Resume(Resume),
}

#[derive(Args)]
struct Plain {
    #[command(flatten)]
    cluster: ClusterOptions,
}

#[derive(Args)]
struct Named {
    /// The job's id
    job: String,
    #[command(flatten)]
    cluster: ClusterOptions,
}

#[derive(Args)]
struct Resume {
    /// The job's id
    job: String,
    #[command(flatten)]
    result: ResultArgs,
    #[command(flatten)]
    cluster: ClusterOptions,
}

/// A line of `job ls`.
struct Line {
    id: String,
    kind: String,
    status: String,
    created_ms: u64,
    place: &'static str,
}

impl Job {
    pub(crate) async fn run(self, format: Format) -> anyhow::Result<()> {
        match self.verb {
            Verb::Ls(Plain { cluster }) => list(&cluster, format).await,
            Verb::Show(Named { job, cluster }) => show(&job, &cluster, format).await,
            Verb::Watch(Named { job, cluster }) => watch(&job, &cluster, format).await,
            Verb::Cancel(Named { job, cluster }) => cancel(&job, &cluster).await,
            Verb::Resume(resume) => resume.run(format).await,
        }
    }
}

async fn list(cluster: &ClusterOptions, format: Format) -> anyhow::Result<()> {
    let dir = cluster.dir.open()?;
    let own = |found: Found| Line {
        id: found.row.id.0.clone(),
        kind: found.row.kind.clone(),
        status: name(found.status()),
        created_ms: found.row.created_ms,
        place: "here",
    };
    let mut lines: Vec<Line> = find_all(&dir).into_iter().map(own).collect();
    if cluster.cluster.is_some() || dir.join("address").exists() {
        let jobs = join(cluster).await?.list_jobs().await?;
        let of_cluster = jobs.into_iter().map(|job| Line {
            id: job.id,
            kind: job.kind,
            status: job.status,
            created_ms: job.created_ms,
            place: "cluster",
        });
        lines.extend(of_cluster);
    }
    lines.sort_by(|a, b| (a.created_ms, &a.id).cmp(&(b.created_ms, &b.id)));
    if format == Format::Json {
        let job = |line: &Line| {
            serde_json::json!({ "id": line.id, "kind": line.kind, "status": line.status, "created": line.created_ms,
                "place": line.place })
        };
        return output::json("JobList", &serde_json::json!({ "jobs": lines.iter().map(job).collect::<Vec<_>>() }));
    }
    let mut table = Table::new(["job", "kind", "status", "created", "place"]);
    for Line { id, kind, status, created_ms, place } in lines {
        table.row([id, kind, status, moment(created_ms), place.to_owned()]);
    }
    table.print(format);
    Ok(())
}

/// Where a job is found.
enum Place {
    /// In a folder of its own; with its coordinator, if it is at work.
    Here(Box<Found>, Option<Client>),
    Cluster(Client),
}

async fn locate(id: &str, cluster: &ClusterOptions) -> anyhow::Result<Place> {
    let dir = cluster.dir.open()?;
    if cluster.cluster.is_none()
        && let Some(found) = find(&dir, id)
    {
        let client = if found.at_work { Some(found.connect().await?) } else { None };
        return Ok(Place::Here(Box::new(found), client));
    }
    if cluster.cluster.is_none() && !dir.join("address").exists() {
        return Err(no_job(id).into());
    }
    Ok(Place::Cluster(join(cluster).await?))
}

async fn show(id: &str, cluster: &ClusterOptions, format: Format) -> anyhow::Result<()> {
    let (status, kind, event) = match locate(id, cluster).await? {
        Place::Here(found, None) => {
            (name(found.status()), found.row.kind.clone(), found.row.result.clone().unwrap_or_default())
        }
        Place::Here(_, Some(mut client)) | Place::Cluster(mut client) => {
            let answer = client.get_job(id).await?;
            let job = answer.job.unwrap_or_default();
            (job.status, job.kind, answer.event_json)
        }
    };
    let event: Option<JobEvent> = serde_json::from_str(&event).ok();
    if format == Format::Table {
        output::line(&format!("job     {id}"));
        output::line(&format!("kind    {kind}"));
        output::line(&format!("status  {status}"));
        output::line("");
    }
    match event {
        Some(JobEvent::Searched(summary)) if status == "running" => {
            Board::new(*summary, Vec::new()).print_so_far(format)
        }
        Some(JobEvent::Searched(summary)) => Board::new(*summary, Vec::new()).print(format),
        Some(JobEvent::Trained(summary)) => Trained { summary: *summary, notes: Vec::new() }.print(None, format),
        Some(JobEvent::Failed { report }) => Err(report.into()),
        _ if format == Format::Json => {
            output::json("JobResult", &serde_json::json!({ "id": id, "kind": kind, "status": status }))
        }
        _ if format == Format::Table && status == "interrupted" => {
            output::line(&format!("go on with `aquifer job resume {id}`"));
            Ok(())
        }
        _ => Ok(()),
    }
}

async fn watch(id: &str, cluster: &ClusterOptions, format: Format) -> anyhow::Result<()> {
    let mut client = match locate(id, cluster).await? {
        Place::Here(_, None) => return show(id, cluster, format).await,
        Place::Here(_, Some(client)) | Place::Cluster(client) => client,
    };
    let mut display = Display::new(format != Format::Table);
    let ended = client.watch(id, |event| display.show(event)).await?;
    display.finish();
    match ended {
        JobEvent::Searched(summary) => Board::new(*summary, display.notes).print(format),
        JobEvent::Trained(summary) => Trained { summary: *summary, notes: display.notes }.print(None, format),
        JobEvent::Failed { report } => Err(report.into()),
        JobEvent::Cancelled => Err(Report::new(Kind::Work, "cancelled", format!("job {id} was cancelled")).into()),
        _ => Ok(()),
    }
}

async fn cancel(id: &str, cluster: &ClusterOptions) -> anyhow::Result<()> {
    match locate(id, cluster).await? {
        Place::Here(_, Some(mut client)) | Place::Cluster(mut client) => {
            let known = client.get_job(id).await?; // an id that nobody knows is an error
            check_not_done(id, known.job.is_some_and(|job| job.status == name(JobStatus::Done)))?;
            client.cancel(id).await?;
        }
        Place::Here(found, None) => {
            check_not_done(id, found.row.status == JobStatus::Done)?;
            // Nobody works on it: what is left of it goes.
            let trials = cluster.dir.open()?.join("trials.sqlite");
            if trials.exists() {
                let mut journal =
                    aquifer_coordinator::SqliteJournal::open(&found.folder.join("journal.sqlite"), &trials)
                        .map_err(|error| Report::from(&error))?;
                aquifer_coordinator::Journal::forget(&mut journal, &found.row.id)
                    .map_err(|error| Report::from(&error))?;
            }
            std::fs::remove_dir_all(&found.folder)
                .map_err(|error| crate::failure::unwritable(&found.folder, &error))?;
        }
    }
    output::say(&format!("job {id} is cancelled, and what it had made is removed"));
    Ok(())
}

/// What a job has found is not thrown away by a word that ends work.
fn check_not_done(id: &str, is_done: bool) -> Result<(), Report> {
    match is_done {
        true => Err(usage("job_is_done", format!("job {id} is done: there is nothing to cancel"))
            .hint(format!("`aquifer job show {id}` shows what it found"))),
        false => Ok(()),
    }
}

impl Resume {
    async fn run(self, format: Format) -> anyhow::Result<()> {
        let dir = self.cluster.dir.open()?;
        let here = find(&dir, &self.job).filter(|_| self.cluster.cluster.is_none());
        let Some(found) = here else { return self.in_cluster(format).await };
        if found.at_work {
            return watch(&self.job, &self.cluster, format).await;
        }
        self.result.check(found.request().as_ref())?;
        if found.row.status == JobStatus::Done {
            // There is nothing left to do, and nothing that could be lost by doing it again.
            return self.is_done(format).await;
        }
        let work = async |launched: &mut Launched| {
            let mut display = Display::new(format != Format::Table);
            let ended = launched.resume_job(&mut display).await?;
            let Launched { client, dir, .. } = launched;
            Ended::take(client, dir, &self.job, ended, &self.result, display.notes).await
        };
        with_cluster(&self.cluster, Planned::again(&self.job), work).await?.print(format)
    }

    async fn is_done(&self, format: Format) -> anyhow::Result<()> {
        if self.result.out.is_some() || self.result.plot.is_some() {
            let job = &self.job;
            return Err(usage("job_is_done", format!("job {job} is done: there is nothing to resume"))
                .hint(format!("`aquifer model export {job} --out FILE` writes its best model"))
                .into());
        }
        show(&self.job, &self.cluster, format).await
    }

    async fn in_cluster(&self, format: Format) -> anyhow::Result<()> {
        let dir = self.cluster.dir.open()?;
        if self.cluster.cluster.is_none() && !dir.join("address").exists() {
            return Err(no_job(&self.job).into());
        }
        let mut client = join(&self.cluster).await?;
        let known = client.get_job(&self.job).await?;
        self.result.check(known.request.as_ref())?;
        if known.job.is_some_and(|job| job.status == name(JobStatus::Done)) {
            return self.is_done(format).await;
        }
        client.resume(&self.job).await?;
        let mut display = Display::new(format != Format::Table);
        let ended = tokio::select! {
            ended = client.watch(&self.job, |event| display.show(event)) => ended?,
            _ = tokio::signal::ctrl_c() => return Err(interrupted().into()),
        };
        display.finish();
        let ended = match ended {
            JobEvent::Searched(_) | JobEvent::Trained(_) => ended,
            JobEvent::Failed { report } => return Err(report.into()),
            _ => return Err(interrupted().into()),
        };
        Ended::take(&mut client, &dir, &self.job, ended, &self.result, display.notes).await?.print(format)
    }
}

/// A resumed job that is done.
enum Ended {
    Search(Box<Board>),
    Training(Box<Trained>, PathBuf),
}

impl Ended {
    async fn take(
        client: &mut Client,
        dir: &Path,
        job: &str,
        ended: JobEvent,
        result: &ResultArgs,
        notes: Vec<Note>,
    ) -> anyhow::Result<Self> {
        match ended {
            JobEvent::Trained(summary) => {
                let path = fetch_trained(client, job, &summary, result.out.as_deref(), dir).await?;
                Ok(Ended::Training(Box::new(Trained { summary: *summary, notes }), path))
            }
            ended => Ok(Ended::Search(Box::new(take_result(client, dir, ended, result, notes).await?))),
        }
    }

    fn print(&self, format: Format) -> anyhow::Result<()> {
        match self {
            Ended::Search(board) => board.print(format),
            Ended::Training(trained, path) => trained.print(Some(path), format),
        }
    }
}

/// Writes the model of a training: where it is asked for, or under its hash.
pub(crate) async fn fetch_trained(
    client: &mut Client,
    job: &str,
    summary: &TrainSummary,
    out: Option<&Path>,
    dir: &Path,
) -> anyhow::Result<PathBuf> {
    let path = match out {
        Some(out) => out.to_owned(),
        None => models_folder(dir)?.join(model_file_name(&summary.model_blake3)),
    };
    client.fetch_model(job, &summary.model_blake3, &path).await?;
    Ok(path)
}

fn name(status: JobStatus) -> String {
    let name = serde_json::to_value(status).ok();
    name.and_then(|name| name.as_str().map(str::to_owned)).unwrap_or_default()
}
