//! The client of a cluster's services.

mod patience;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use aquifer_model::{Kind, Report};
use aquifer_proto::v1::jobs_client::JobsClient;
use aquifer_proto::v1::{self, submit_request};
use aquifer_proto::{
    CONTROL_BYTES_MAX, Callee, Credentials, JobEvent, PROTOCOL_VERSION, TokenSender, connect, file_chunks, from_status,
};
use tokio_stream::StreamExt;
use tonic::Status;
use tonic::service::interceptor::InterceptedService;
use tonic::transport::Channel;

use crate::failure::unwritable;
use patience::{AWAY_MAX, RETRY, RETRY_MAX, is_broken, patiently};

/// A watched job says something each second; a silence as long as this is a lost cluster.
const SILENCE_MAX: Duration = Duration::from_secs(30);

/// How watching came to an end.
enum Watched {
    Ended(JobEvent),
    /// The cluster stopped answering.
    Lost(String),
}

fn silence() -> String {
    format!("it said nothing for {} s", SILENCE_MAX.as_secs())
}

/// A connection to a coordinator.
#[derive(Clone)]
pub(crate) struct Client {
    pub(crate) jobs: JobsClient<InterceptedService<Channel, TokenSender>>,
    pub(crate) url: String,
}

impl Client {
    pub(crate) async fn connect(url: &str, credentials: &Credentials) -> Result<Self, Report> {
        let channel = connect(url, credentials.tls.as_ref(), Callee::Coordinator).await?;
        let jobs = JobsClient::with_interceptor(channel, TokenSender::new(&credentials.token));
        Ok(Self { jobs: jobs.max_decoding_message_size(CONTROL_BYTES_MAX), url: url.to_owned() })
    }

    /// Uploads those files that the cluster cannot read itself.
    pub(crate) async fn offer(&mut self, files: &mut [v1::SourceFile]) -> Result<(), Report> {
        let request = v1::ProbeFilesRequest { files: files.to_vec() };
        let probe = async || Ok(self.jobs.probe_files(request.clone()).await);
        let probed = patiently("asking for files", probe).await?;
        for at in probed.into_inner().missing {
            let Some(file) = files.get_mut(at as usize) else { continue };
            file.upload = self.upload(&file.path).await?;
        }
        Ok(())
    }

    async fn upload(&mut self, path: &str) -> Result<String, Report> {
        let cannot = |how: &str| Report::new(Kind::Data, "io", format!("cannot read {path}{how}"));
        let upload = async || {
            let pieces = file_chunks(Path::new(path)).await.map_err(|error| cannot("").caused_by(&error))?;
            // A file that cannot be read to its end must not arrive as a shorter one.
            let broken = Arc::new(AtomicBool::new(false));
            let seen = broken.clone();
            let pieces = pieces.map_while(move |piece| {
                seen.fetch_or(piece.is_err(), Ordering::Relaxed);
                piece.ok().map(|data| v1::UploadRequest { data })
            });
            let sent = self.jobs.upload(pieces).await;
            match broken.load(Ordering::Relaxed) {
                true => Err(cannot(" to its end")),
                false => Ok(sent),
            }
        };
        Ok(patiently("uploading a file", upload).await?.into_inner().upload)
    }

    pub(crate) async fn submit(
        &mut self,
        request_id: String,
        workers_min: u32,
        job: submit_request::Job,
    ) -> Result<String, Report> {
        let request = v1::SubmitRequest { protocol_version: PROTOCOL_VERSION, request_id, workers_min, job: Some(job) };
        // The same request is the same job, however often it is made.
        let submit = async || Ok(self.jobs.submit(request.clone()).await);
        Ok(patiently("submitting the job", submit).await?.into_inner().job)
    }

    /// Hands each event to `see` until the last one, which is returned. A coordinator that goes away is waited for.
    pub(crate) async fn watch(&mut self, job: &str, mut see: impl FnMut(&JobEvent)) -> Result<JobEvent, Report> {
        let (mut token, mut decided) = (0, false);
        let mut heard = Instant::now();
        let mut retry = RETRY;
        loop {
            let (from, before) = (token, heard);
            let mut hear = |at: u64, event: &JobEvent| {
                token = at.max(token);
                heard = Instant::now();
                // A coordinator that was started again decides the same once more.
                let again = matches!(event, JobEvent::Decided(_)) && std::mem::replace(&mut decided, true);
                if !again {
                    see(event);
                }
            };
            let lost = match self.watch_from(job, from, &mut hear).await? {
                Watched::Ended(event) => return Ok(event),
                Watched::Lost(why) => why,
            };
            if heard != before {
                retry = RETRY; // it was there meanwhile
            }
            if heard.elapsed() > AWAY_MAX {
                let message =
                    format!("the cluster at {} has not answered for {} s: {lost}", self.url, AWAY_MAX.as_secs());
                return Err(Report::new(Kind::Access, "unreachable", message).hint(format!(
                    "the job goes on if its coordinator does: `aquifer job watch {job} --cluster {}` follows it",
                    self.url
                )));
            }
            if retry == RETRY {
                see(&JobEvent::Waiting { what: "the coordinator, which stopped answering".to_owned() });
            }
            tokio::time::sleep(retry).await;
            retry = (retry * 2).min(RETRY_MAX);
        }
    }

    /// Events after `token`, until the last one, or until the cluster stops answering.
    async fn watch_from(
        &mut self,
        job: &str,
        token: u64,
        hear: &mut impl FnMut(u64, &JobEvent),
    ) -> Result<Watched, Report> {
        let request = v1::WatchRequest { job: job.to_owned(), resume_token: token };
        let watching = match tokio::time::timeout(SILENCE_MAX, self.jobs.watch(request)).await {
            Ok(Ok(watching)) => watching,
            Ok(Err(status)) if is_broken(&status) => return Ok(Watched::Lost(status.message().to_owned())),
            Ok(Err(status)) => return Err(from_status(&status, "watching the job")),
            Err(_) => return Ok(Watched::Lost(silence())),
        };
        let mut events = watching.into_inner();
        loop {
            let message = match tokio::time::timeout(SILENCE_MAX, events.message()).await {
                Ok(Ok(Some(message))) => message,
                Ok(Ok(None)) => return Ok(Watched::Lost("its stream ended".into())),
                Ok(Err(status)) => return Ok(Watched::Lost(status.message().to_owned())),
                Err(_) => return Ok(Watched::Lost(silence())),
            };
            if message.event_json.is_empty() {
                continue; // a keep-alive
            }
            let event: JobEvent = serde_json::from_str(&message.event_json).map_err(|error| {
                Report::new(Kind::Work, "wire", "an event of the job cannot be read").caused_by(&error)
            })?;
            if event.is_last() {
                return Ok(Watched::Ended(event));
            }
            hear(message.resume_token, &event);
        }
    }

    pub(crate) async fn resume(&mut self, job: &str) -> Result<(), Report> {
        let resume = async || Ok(self.jobs.resume(v1::ResumeRequest { job: job.to_owned() }).await);
        patiently("resuming the job", resume).await.map(drop)
    }

    pub(crate) async fn get_job(&mut self, job: &str) -> Result<v1::GetJobResponse, Report> {
        let request = v1::GetJobRequest { job: job.to_owned() };
        let answer = self.jobs.get_job(request).await.map_err(|status| from_status(&status, "asking for the job"))?;
        Ok(answer.into_inner())
    }

    pub(crate) async fn list_jobs(&mut self) -> Result<Vec<v1::JobSummary>, Report> {
        let answer = self.jobs.list_jobs(v1::ListJobsRequest {}).await;
        Ok(answer.map_err(|status| from_status(&status, "listing jobs"))?.into_inner().jobs)
    }

    pub(crate) async fn cancel(&mut self, job: &str) -> Result<(), Report> {
        let request = v1::CancelRequest { job: job.to_owned() };
        self.jobs.cancel(request).await.map(drop).map_err(|status| from_status(&status, "cancelling the job"))
    }

    /// Writes a model of a job to `path`: a temporary file beside it, synced, then renamed.
    pub(crate) async fn fetch_model(&mut self, job: &str, model: &str, path: &Path) -> Result<(), Report> {
        patiently("fetching the model", async || self.fetch_model_once(job, model, path).await).await
    }

    /// The inner error is the way's, the outer one this machine's.
    async fn fetch_model_once(&mut self, job: &str, model: &str, path: &Path) -> Result<Result<(), Status>, Report> {
        let request = v1::FetchModelRequest { job: job.to_owned(), model: model.to_owned() };
        let mut pieces = match self.jobs.fetch_model(request).await {
            Ok(pieces) => pieces.into_inner(),
            Err(status) => return Ok(Err(status)),
        };
        let mut file = crate::newfile::NewFile::begin(path)?;
        loop {
            match pieces.message().await {
                Ok(Some(piece)) => std::io::Write::write_all(&mut file, &piece.data),
                Ok(None) => return file.finish().map(Ok),
                Err(status) => return Ok(Err(status)),
            }
            .map_err(|error| unwritable(path, &error))?;
        }
    }
}
