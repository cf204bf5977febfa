//! A client that gives up nothing: it asks again until it has its job's end, and the model.

use std::time::Duration;

use aquifer_frame::{SourceFile, SourceOptions, survey};
use aquifer_model::{Kind, Report, Spec};
use aquifer_proto::v1::jobs_client::JobsClient;
use aquifer_proto::v1::{self, submit_request};
use aquifer_proto::{Callee, JobEvent, PROTOCOL_VERSION, TokenSender, connect_through, file_chunks, from_status};
use tokio::time::{Instant, sleep, timeout};
use tokio_stream::StreamExt;
use tonic::service::interceptor::InterceptedService;
use tonic::transport::Channel;

use crate::bed;
use crate::network::Turmoil;
use crate::node::{COORDINATOR, token, url};
use crate::notes::Notes;

/// No answer is waited for longer.
const ANSWER_MAX: Duration = Duration::from_secs(20);
/// A question is asked again for so long.
const PATIENCE: Duration = Duration::from_secs(300);
const AGAIN: Duration = Duration::from_millis(300);

type Jobs = JobsClient<InterceptedService<Channel, TokenSender>>;

/// What a client asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Job {
    pub(crate) name: &'static str,
    pub(crate) file: &'static str,
    pub(crate) spec: &'static str,
}

/// What came of it.
#[derive(Clone, Debug)]
pub(crate) struct Found {
    pub(crate) event: JobEvent,
    /// The file of the best model.
    pub(crate) model: Vec<u8>,
}

pub(crate) struct Client {
    pub(crate) name: String,
    pub(crate) notes: Notes,
}

impl Client {
    pub(crate) async fn run(&self, job: Job) -> Result<Found, Report> {
        let request = submit_request::Job::Train(self.patiently("offering", || self.offered(job)).await?);
        let submit = async || {
            let request = v1::SubmitRequest {
                protocol_version: PROTOCOL_VERSION,
                request_id: job.name.into(),
                workers_min: 1,
                job: Some(request.clone()),
            };
            answer("submitting", self.jobs().await?.submit(request)).await
        };
        let id = self.patiently("submitting", submit).await?.job;
        self.notes.trace(&format!("{} submitted {} as {id}", self.name, job.name));
        let mut token = 0;
        let watching = Instant::now();
        let event = loop {
            match self.watch(&id, &mut token).await {
                Ok(event) => break event,
                Err(report) if watching.elapsed() > PATIENCE || is_final(&report) => return Err(report),
                Err(report) => self.notes.trace(&format!("{} watches again: {}", self.name, report.code)),
            }
            sleep(AGAIN).await;
        };
        let best = match &event {
            JobEvent::Trained(trained) => Some(trained.model_blake3.clone()),
            JobEvent::Searched(found) => {
                found.leaderboard.first().and_then(|entry| entry.model.as_ref()).map(|model| model.blake3.clone())
            }
            _ => None,
        };
        let model = match best {
            Some(hash) => self.patiently("fetching", || self.fetch(&id, &hash)).await?,
            None => Vec::new(),
        };
        Ok(Found { event, model })
    }

    /// What the cluster says of itself.
    pub(crate) async fn status(&self) -> Result<v1::StatusResponse, Report> {
        answer("asking", self.jobs().await?.status(v1::StatusRequest {})).await
    }

    async fn jobs(&self) -> Result<Jobs, Report> {
        let channel =
            timeout(ANSWER_MAX, connect_through(&Turmoil, &url(COORDINATOR), None, Callee::Coordinator)).await;
        Ok(JobsClient::with_interceptor(channel.map_err(|_| silence("dialling"))??, TokenSender::new(&token())))
    }

    /// Asks until there is an answer.
    async fn patiently<T>(&self, what: &str, ask: impl AsyncFn() -> Result<T, Report>) -> Result<T, Report> {
        let began = Instant::now();
        loop {
            match ask().await {
                Ok(answer) => return Ok(answer),
                Err(report) if began.elapsed() > PATIENCE || is_final(&report) => return Err(report),
                Err(report) => self.notes.trace(&format!("{} goes on {what}: {}", self.name, report.code)),
            }
            sleep(AGAIN).await;
        }
    }

    /// The job, whose files the coordinator has or can read.
    async fn offered(&self, job: Job) -> Result<v1::TrainJob, Report> {
        let options = SourceOptions::default();
        let found = survey(&[bed::data().join(job.file).into()], &options)?;
        let file = |file: &SourceFile| v1::SourceFile {
            path: file.path.clone(),
            size_bytes: file.bytes,
            footer_hash: file.footer.clone(),
            ..v1::SourceFile::default()
        };
        let mut files: Vec<v1::SourceFile> = found.files.iter().map(file).collect();
        let mut jobs = self.jobs().await?;
        let probe = v1::ProbeFilesRequest { files: files.clone() };
        for at in answer("probing", jobs.probe_files(probe)).await?.missing {
            let pieces = file_chunks(files[at as usize].path.as_ref()).await.expect("the data");
            let pieces = pieces.map(|piece| v1::UploadRequest { data: piece.expect("the data") });
            files[at as usize].upload = answer("uploading", jobs.upload(pieces)).await?.upload;
        }
        let train = v1::DataSource { files, ..v1::DataSource::default() };
        let spec_toml = Spec::parse(job.spec)?.to_toml();
        Ok(v1::TrainJob { spec_toml, train: Some(train), ..v1::TrainJob::default() })
    }

    /// Watches until the last event, or until the stream breaks. Tokens only rise.
    async fn watch(&self, job: &str, token: &mut u64) -> Result<JobEvent, Report> {
        let request = v1::WatchRequest { job: job.to_owned(), resume_token: *token };
        let mut jobs = self.jobs().await?;
        let watching = timeout(ANSWER_MAX, jobs.watch(request)).await.map_err(|_| silence("watching"))?;
        let mut events = watching.map_err(|status| from_status(&status, "watching"))?.into_inner();
        loop {
            let next = timeout(ANSWER_MAX, events.message()).await.map_err(|_| silence("watching"))?;
            let next = next.map_err(|status| from_status(&status, "watching"))?;
            let message = next.ok_or_else(|| Report::new(Kind::Access, "ended", "the stream ended"))?;
            if message.event_json.is_empty() {
                continue;
            }
            if message.resume_token <= *token {
                self.notes.wrong(format!("token {} follows token {token}", message.resume_token));
            }
            *token = message.resume_token;
            let event: JobEvent = serde_json::from_str(&message.event_json).expect("an event");
            self.notes.trace(&format!("{} hears {}", self.name, name_of(&message.event_json)));
            if event.is_last() {
                return Ok(event);
            }
        }
    }

    async fn fetch(&self, job: &str, model: &str) -> Result<Vec<u8>, Report> {
        let request = v1::FetchModelRequest { job: job.to_owned(), model: model.to_owned() };
        let mut pieces = answer("fetching", self.jobs().await?.fetch_model(request)).await?;
        let mut bytes = Vec::new();
        loop {
            let piece = timeout(ANSWER_MAX, pieces.message()).await.map_err(|_| silence("fetching"))?;
            match piece.map_err(|status| from_status(&status, "fetching"))? {
                Some(piece) => bytes.extend(piece.data),
                None => break,
            }
        }
        match blake3::hash(&bytes).to_hex().as_str() == model {
            true => Ok(bytes),
            false => Err(Report::new(Kind::Work, "damaged", "the model is not what it is called")),
        }
    }
}

fn name_of(event_json: &str) -> String {
    let event: serde_json::Value = serde_json::from_str(event_json).unwrap_or_default();
    event["event"].as_str().unwrap_or_default().to_owned()
}

async fn answer<T>(
    doing: &str,
    asked: impl Future<Output = Result<tonic::Response<T>, tonic::Status>>,
) -> Result<T, Report> {
    let answered = timeout(ANSWER_MAX, asked).await.map_err(|_| silence(doing))?;
    answered.map(tonic::Response::into_inner).map_err(|status| from_status(&status, doing))
}

/// Another answer would be the same.
fn is_final(report: &Report) -> bool {
    matches!(report.kind, Kind::Config | Kind::Data)
}

fn silence(doing: &str) -> Report {
    Report::new(Kind::Access, "silence", format!("no answer while {doing}"))
}
