//! The client of a cluster's services.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use aquifer_model::{Kind, Report};
use aquifer_proto::v1::jobs_client::JobsClient;
use aquifer_proto::v1::{self, submit_request};
use aquifer_proto::{
    CONTROL_BYTES_MAX, JobEvent, PROTOCOL_VERSION, Token, TokenSender, connect, file_chunks, from_status,
};
use tokio_stream::StreamExt;
use tonic::service::interceptor::InterceptedService;
use tonic::transport::Channel;

use crate::dir::unwritable;

/// A watched job says something each second; a silence as long as this is a lost cluster.
const SILENCE_MAX: Duration = Duration::from_secs(30);

/// A connection to a coordinator.
#[derive(Clone)]
pub(crate) struct Client {
    pub(crate) jobs: JobsClient<InterceptedService<Channel, TokenSender>>,
    pub(crate) url: String,
}

impl Client {
    pub(crate) async fn connect(url: &str, token: &Token) -> Result<Self, Report> {
        let channel = connect(url).await?;
        let jobs = JobsClient::with_interceptor(channel, TokenSender::new(token));
        Ok(Self { jobs: jobs.max_decoding_message_size(CONTROL_BYTES_MAX), url: url.to_owned() })
    }

    /// Uploads those files that the cluster cannot read itself.
    pub(crate) async fn offer(&mut self, files: &mut [v1::SourceFile]) -> Result<(), Report> {
        let request = v1::ProbeFilesRequest { files: files.to_vec() };
        let response =
            self.jobs.probe_files(request).await.map_err(|status| from_status(&status, "asking for files"))?;
        for at in response.into_inner().missing {
            let Some(file) = files.get_mut(at as usize) else { continue };
            let pieces = file_chunks(Path::new(&file.path)).await.map_err(|error| {
                Report::new(Kind::Data, "io", format!("cannot read {}", file.path)).caused_by(&error)
            })?;
            // A file that cannot be read to its end must not arrive as a shorter one.
            let broken = Arc::new(AtomicBool::new(false));
            let seen = broken.clone();
            let pieces = pieces.map_while(move |piece| {
                seen.fetch_or(piece.is_err(), Ordering::Relaxed);
                piece.ok().map(|data| v1::UploadRequest { data })
            });
            let sent = self.jobs.upload(pieces).await.map_err(|status| from_status(&status, "uploading a file"))?;
            if broken.load(Ordering::Relaxed) {
                return Err(Report::new(Kind::Data, "io", format!("cannot read {} to its end", file.path)));
            }
            file.upload = sent.into_inner().upload;
        }
        Ok(())
    }

    pub(crate) async fn submit(
        &mut self,
        request_id: String,
        workers_min: u32,
        job: submit_request::Job,
    ) -> Result<String, Report> {
        let request = v1::SubmitRequest { protocol_version: PROTOCOL_VERSION, request_id, workers_min, job: Some(job) };
        let response = self.jobs.submit(request).await.map_err(|status| from_status(&status, "submitting the job"))?;
        Ok(response.into_inner().job)
    }

    /// Hands each event to `see` until the last one, which is returned.
    pub(crate) async fn watch(&mut self, job: &str, mut see: impl FnMut(&JobEvent)) -> Result<JobEvent, Report> {
        let lost = |why: &str| {
            Report::new(Kind::Access, "unreachable", format!("the cluster at {} stopped answering: {why}", self.url))
                .hint("is it running? `aquifer cluster status` asks it")
        };
        let request = v1::WatchRequest { job: job.to_owned(), resume_token: 0 };
        let watching = self.jobs.watch(request).await.map_err(|status| from_status(&status, "watching the job"))?;
        let mut events = watching.into_inner();
        loop {
            let next = tokio::time::timeout(SILENCE_MAX, events.message()).await;
            let next = next.map_err(|_| lost("it said nothing for 30 s"))?;
            let message = next.map_err(|status| lost(status.message()))?.ok_or_else(|| lost("the stream ended"))?;
            if message.event_json.is_empty() {
                continue; // a keep-alive
            }
            let event: JobEvent = serde_json::from_str(&message.event_json).map_err(|error| {
                Report::new(Kind::Work, "wire", "an event of the job cannot be read").caused_by(&error)
            })?;
            if event.is_last() {
                return Ok(event);
            }
            see(&event);
        }
    }

    pub(crate) async fn resume(&mut self, job: &str) -> Result<(), Report> {
        let request = v1::ResumeRequest { job: job.to_owned() };
        self.jobs.resume(request).await.map(drop).map_err(|status| from_status(&status, "resuming the job"))
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
        let request = v1::FetchModelRequest { job: job.to_owned(), model: model.to_owned() };
        let pieces =
            self.jobs.fetch_model(request).await.map_err(|status| from_status(&status, "fetching the model"))?;
        let mut pieces = pieces.into_inner();
        let mut file = crate::newfile::NewFile::begin(path)?;
        while let Some(piece) = pieces.message().await.map_err(|status| from_status(&status, "fetching the model"))? {
            std::io::Write::write_all(&mut file, &piece.data).map_err(|error| unwritable(path, &error))?;
        }
        file.finish()
    }
}
