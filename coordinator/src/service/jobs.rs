//! What clients ask.

use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use aquifer_frame::{Listed, Roots, SourceOptions, is_hash, short_hash, source_notes, survey_beneath};
use aquifer_model::{Kind, Report, Spec};
use aquifer_proto::v1::jobs_server::Jobs;
use aquifer_proto::v1::{self, submit_request};
use aquifer_proto::{JobEvent, PROTOCOL_VERSION, blocking, file_chunks, next_piece, wall_clock_ms};
use tokio_stream::{Stream, StreamExt, wrappers::ReceiverStream};
use tonic::{Request, Response, Status, Streaming};

use super::{status, stopping};
use crate::core::{Event, FileRef, JobId, JobRow, JobStatus, Request as JobRequest, Source, State};
use crate::driver::Handle;
use crate::planning::local_path;
use crate::record::Happening;
use crate::store::{Incoming, Kept, Removed, Store, StoreError, check_room, source_changes};

/// A watcher hears something at least this often.
const KEEP_ALIVE: Duration = Duration::from_secs(1);
/// Watchers that do not read are waited for, not buffered for.
const STREAM_BUFFER: usize = 16;

const FRAME_NAME_BYTES_MAX: usize = 200;
/// What a user writes; the longest searches have some thousand.
const SPEC_BYTES_MAX: usize = 1 << 20;

pub(crate) struct JobsService {
    pub(crate) handle: Handle,
    pub(crate) store: Store,
    pub(crate) roots: Arc<Roots>,
    pub(crate) address: String,
}

type Responses<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>;

#[tonic::async_trait]
impl Jobs for JobsService {
    async fn probe_files(
        &self,
        request: Request<v1::ProbeFilesRequest>,
    ) -> Result<Response<v1::ProbeFilesResponse>, Status> {
        let files: Vec<FileRef> = request.into_inner().files.into_iter().map(file_ref).collect();
        let (store, roots) = (self.store.clone(), self.roots.clone());
        let probe = move || {
            let readable = store.readable(&roots)?;
            let missing = |(_, file): &(usize, FileRef)| !can_read(&store, &roots, &readable, file);
            Ok::<_, StoreError>(files.into_iter().enumerate().filter(missing).map(|(at, _)| at as u32).collect())
        };
        let missing = blocking(probe).await.ok_or_else(stopping)?.map_err(status)?;
        Ok(Response::new(v1::ProbeFilesResponse { missing }))
    }

    async fn upload(
        &self,
        request: Request<Streaming<v1::UploadRequest>>,
    ) -> Result<Response<v1::UploadResponse>, Status> {
        let mut pieces = request.into_inner();
        let folder = self.store.upload_path("x").parent().map(PathBuf::from).unwrap_or_default();
        let mut file = Incoming::begin(&folder).map_err(status)?;
        while let Some(piece) = next_piece(&mut pieces).await? {
            check_room(&folder, piece.data.len()).map_err(status)?;
            file =
                blocking(move || file.write(&piece.data).map(|()| file)).await.ok_or_else(stopping)?.map_err(status)?;
        }
        let store = self.store.clone();
        let finish = move || file.finish(|hash| store.upload_path(hash));
        let (_, upload) = blocking(finish).await.ok_or_else(stopping)?.map_err(status)?;
        Ok(Response::new(v1::UploadResponse { upload }))
    }

    async fn submit(&self, request: Request<v1::SubmitRequest>) -> Result<Response<v1::SubmitResponse>, Status> {
        let request = request.into_inner();
        if request.protocol_version != PROTOCOL_VERSION {
            return Err(status(other_version("client", request.protocol_version)));
        }
        if request.request_id.is_empty() {
            return Err(status(Report::new(Kind::Config, "request_id", "a submission needs a request id")));
        }
        // The id is a function of the request's: the same request again is the same job.
        let job = JobId(blake3::hash(request.request_id.as_bytes()).to_hex()[..12].to_owned());
        aquifer_fault::kill_point("coordinator.submit.received");
        let work = job_request(request.job).map_err(status)?;
        self.begin(job.clone(), work, request.workers_min, wall_clock_ms()).await?;
        aquifer_fault::kill_point("coordinator.submit.taken");
        Ok(Response::new(v1::SubmitResponse { job: job.0 }))
    }

    type WatchStream = Responses<v1::WatchResponse>;

    async fn watch(&self, request: Request<v1::WatchRequest>) -> Result<Response<Self::WatchStream>, Status> {
        let request = request.into_inner();
        let (job, mut token) = (JobId(request.job), request.resume_token);
        let feeds = self.handle.feeds.clone();
        if feeds.after(&job, token).is_none() {
            // Of a former start: how it ended is known.
            let row = self.row(job.0.clone()).await?;
            let last: Option<JobEvent> = row.result.as_deref().and_then(|json| serde_json::from_str(json).ok());
            let last = last.filter(JobEvent::is_last).ok_or_else(|| status(interrupted(&job)))?;
            feeds.open(&job);
            feeds.publish(&job, last);
        }
        let (sender, receiver) = tokio::sync::mpsc::channel(STREAM_BUFFER);
        tokio::spawn(async move {
            while let Some((events, more)) = feeds.after(&job, token) {
                let keep_alive = events.is_empty().then(|| (token, String::new()));
                let texts = events.iter().map(|(at, event)| (*at, serde_json::to_string(event).unwrap_or_default()));
                let texts: Vec<_> = texts.chain(keep_alive).collect();
                for (resume_token, event_json) in texts {
                    token = resume_token;
                    if sender.send(Ok(v1::WatchResponse { resume_token, event_json })).await.is_err() {
                        return;
                    }
                }
                if events.last().is_some_and(|(_, event)| event.is_last()) {
                    return;
                }
                let _ = tokio::time::timeout(KEEP_ALIVE, more).await;
            }
        });
        Ok(Response::new(Box::pin(ReceiverStream::new(receiver))))
    }

    async fn cancel(&self, request: Request<v1::CancelRequest>) -> Result<Response<v1::CancelResponse>, Status> {
        let job = JobId(request.into_inner().job);
        self.handle.send(Event::CancelRequested { job });
        self.handle.ask(|_| ()).await.ok_or_else(stopping)?;
        Ok(Response::new(v1::CancelResponse {}))
    }

    async fn list_jobs(&self, _: Request<v1::ListJobsRequest>) -> Result<Response<v1::ListJobsResponse>, Status> {
        let rows = self.handle.ask(State::rows).await.ok_or_else(stopping)?;
        Ok(Response::new(v1::ListJobsResponse { jobs: rows.iter().map(job_summary).collect() }))
    }

    async fn get_job(&self, request: Request<v1::GetJobRequest>) -> Result<Response<v1::GetJobResponse>, Status> {
        let row = self.row(request.into_inner().job).await?;
        let id = row.id.clone();
        let so_far = self.handle.ask(move |state| state.leaderboard(&id)).await.ok_or_else(stopping)?;
        let so_far = so_far.map(|summary| JobEvent::Searched(Box::new(summary)));
        let so_far = so_far.and_then(|event| serde_json::to_string(&event).ok());
        Ok(Response::new(v1::GetJobResponse {
            job: Some(job_summary(&row)),
            request: row.request.as_ref().and_then(train_job),
            event_json: so_far.or(row.result).unwrap_or_default(),
        }))
    }

    async fn resume(&self, request: Request<v1::ResumeRequest>) -> Result<Response<v1::ResumeResponse>, Status> {
        let row = self.row(request.into_inner().job).await?;
        if row.status == JobStatus::Running {
            return Ok(Response::new(v1::ResumeResponse {}));
        }
        let request = row.request.clone().filter(|_| row.can_resume()).ok_or_else(|| {
            let message = format!("job {} is of the kind {}, which cannot be taken up again", row.id, row.kind);
            status(Report::new(Kind::Config, "no_resume", message).hint("submit it again"))
        })?;
        self.begin(row.id, request, 1, row.created_ms).await?;
        Ok(Response::new(v1::ResumeResponse {}))
    }

    type FetchModelStream = Responses<v1::FetchModelResponse>;

    async fn fetch_model(
        &self,
        request: Request<v1::FetchModelRequest>,
    ) -> Result<Response<Self::FetchModelStream>, Status> {
        let v1::FetchModelRequest { job, model } = request.into_inner();
        let row = self.row(job).await?;
        if !is_hash(&model) {
            return Err(status(Report::new(Kind::Config, "model", "a model is named by 64 hexadecimal digits")));
        }
        let path = self.store.model_path(&row.id, &model);
        if !path.exists() {
            let message = format!("job {} keeps no model {}", row.id, short_hash(&model));
            return Err(status(Report::new(Kind::Config, "no_model", message)));
        }
        let pieces = stored_file(&path).await?;
        Ok(Response::new(Box::pin(pieces.map(|data| Ok(v1::FetchModelResponse { data: data? })))))
    }

    async fn list_frames(
        &self,
        request: Request<v1::ListFramesRequest>,
    ) -> Result<Response<v1::ListFramesResponse>, Status> {
        let (store, cached) = (self.store.clone(), request.into_inner().cached);
        let listed = blocking(move || store.list(cached)).await.ok_or_else(stopping)?;
        let frames = listed.map_err(status)?.into_iter().map(frame_summary);
        Ok(Response::new(v1::ListFramesResponse { frames: frames.collect() }))
    }

    async fn get_frame(&self, request: Request<v1::GetFrameRequest>) -> Result<Response<v1::GetFrameResponse>, Status> {
        let (store, roots, name) = (self.store.clone(), self.roots.clone(), request.into_inner().name);
        let load = move || {
            let stored = store.load(&name)?;
            let changed = source_changes(&stored, &name, &roots);
            Ok::<_, StoreError>((
                stored.frame,
                changed.into_iter().chain(source_notes(&stored.plan)).collect::<Vec<_>>(),
            ))
        };
        let (frame, notes) = blocking(load).await.ok_or_else(stopping)?.map_err(status)?;
        let internal = |error: serde_json::Error| Status::internal(error.to_string());
        let frame_json = serde_json::to_string(&frame).map_err(internal)?;
        let notes_json = serde_json::to_string(&notes).map_err(internal)?;
        Ok(Response::new(v1::GetFrameResponse { frame_json, notes_json }))
    }

    async fn remove_frames(
        &self,
        request: Request<v1::RemoveFramesRequest>,
    ) -> Result<Response<v1::RemoveFramesResponse>, Status> {
        let (store, v1::RemoveFramesRequest { names, cached }) = (self.store.clone(), request.into_inner());
        // In the driver's own thread: no job begins to use a frame meanwhile.
        let removed = self.handle.ask(move |state| store.remove(&names, cached, &state.shards_in_use())).await;
        let Removed { frames, bytes, shards } = removed.ok_or_else(stopping)?.map_err(status)?;
        self.handle.send(Event::ShardsRemoved { shards });
        self.handle.ask(|_| ()).await.ok_or_else(stopping)?;
        Ok(Response::new(v1::RemoveFramesResponse { frames, size_bytes: bytes }))
    }

    async fn status(&self, _: Request<v1::StatusRequest>) -> Result<Response<v1::StatusResponse>, Status> {
        let record = self.handle.record.clone();
        let answer = self.handle.ask(move |state| {
            let worker = |(id, worker): (&crate::core::WorkerId, &crate::core::Worker)| v1::WorkerStatus {
                id: id.0.clone(),
                pid: worker.registration.pid,
                address: worker.registration.address.clone(),
                threads: worker.registration.threads,
                devices: worker.registration.devices.clone(),
                memory_bytes: worker.registration.memory_bytes,
                disk_free_bytes: worker.registration.disk_free_bytes,
                shards: worker.registration.shards.len() as u32,
                trials: state.trials_of(id).into_iter().map(|job| job.0).collect(),
            };
            (state.term, state.workers().iter().map(worker).collect(), record.recent())
        });
        let (term, workers, events) = answer.await.ok_or_else(stopping)?;
        Ok(Response::new(v1::StatusResponse {
            term,
            pid: std::process::id(),
            address: self.address.clone(),
            protocol_version: PROTOCOL_VERSION,
            workers,
            events: events.into_iter().map(cluster_event).collect(),
        }))
    }
}

fn cluster_event(event: Happening) -> v1::ClusterEvent {
    let Happening { when_ms, what, worker, job, why } = event;
    let (worker, job) = (worker.map_or_else(String::new, |it| it.0), job.map_or_else(String::new, |it| it.0));
    v1::ClusterEvent { when_ms, what: what.word().into(), worker, job, why }
}

impl JobsService {
    /// Begins a job, unless it is at work or nothing of it is left to do.
    async fn begin(&self, job: JobId, work: JobRequest, workers_min: u32, created_ms: u64) -> Result<(), Status> {
        let of = job.clone();
        let known = move |state: &State| state.row(&of).map(|row| (row.can_begin_again(), row.status.has_ended()));
        match self.handle.ask(known).await.ok_or_else(stopping)? {
            Some((true, _)) => self.handle.feeds.open_again(&job),
            Some((false, true)) => return Ok(()), // how it ended is known
            Some((false, false)) | None => self.handle.feeds.open(&job),
        }
        self.handle.send(Event::Submitted { job, request: Box::new(work), workers_min, created_ms });
        self.handle.ask(|_| ()).await.ok_or_else(stopping)
    }

    async fn row(&self, job: String) -> Result<JobRow, Status> {
        let job = JobId(job);
        let of = job.clone();
        let row = self.handle.ask(move |state| state.row(&of).cloned()).await.ok_or_else(stopping)?;
        row.ok_or_else(|| status(no_job(&job)))
    }
}

fn job_summary(row: &JobRow) -> v1::JobSummary {
    let status = serde_json::to_value(row.status).ok().and_then(|status| status.as_str().map(str::to_owned));
    let (id, kind, status) = (row.id.0.clone(), row.kind.clone(), status.unwrap_or_default());
    v1::JobSummary { id, kind, status, created_ms: row.created_ms }
}

/// What was submitted, as it was.
fn train_job(request: &JobRequest) -> Option<v1::TrainJob> {
    let JobRequest::Train { spec_toml, train, validation, test } = request else { return None };
    Some(v1::TrainJob {
        spec_toml: spec_toml.clone(),
        train: Some(wire_source(train)),
        validation: validation.as_ref().map(wire_source),
        test: test.as_ref().map(wire_source),
    })
}

/// A source as clients name it.
pub fn wire_source(source: &Source) -> v1::DataSource {
    match source {
        Source::Frame(name) => v1::DataSource { frame: name.clone(), ..v1::DataSource::default() },
        Source::Files { files, options, shuffle } => {
            let partition =
                |(key, value): &(String, Option<String>)| v1::Partition { key: key.clone(), value: value.clone() };
            let file = |file: &FileRef| v1::SourceFile {
                path: file.path.clone(),
                size_bytes: file.size_bytes,
                footer_hash: file.footer_hash.clone(),
                upload: file.upload.clone().unwrap_or_default(),
                partitions: file.partitions.iter().map(partition).collect(),
            };
            v1::DataSource {
                files: files.iter().map(file).collect(),
                frame: String::new(),
                options_json: serde_json::to_string(options).unwrap_or_default(),
                shuffle: *shuffle,
            }
        }
    }
}

/// The pieces of a file of the store.
pub(super) async fn stored_file(path: &Path) -> Result<ReceiverStream<Result<Vec<u8>, Status>>, Status> {
    file_chunks(path).await.map_err(|error| {
        status(Report::new(Kind::Work, "io", format!("cannot read {}", path.display())).caused_by(&error))
    })
}

fn frame_summary(kept: Kept) -> v1::FrameSummary {
    v1::FrameSummary {
        rows: kept.rows(),
        columns: kept.columns() as u32,
        shards: kept.shards().len() as u32,
        size_bytes: kept.bytes(),
        source: kept.source().to_owned(),
        source_files: kept.source_files() as u32,
        used_ms: kept.used_ms,
        name: kept.name.unwrap_or_default(),
    }
}

fn can_read(store: &Store, roots: &Roots, readable: &Roots, file: &FileRef) -> bool {
    let same = |path| {
        let listed = Listed { path, partitions: Vec::new() };
        let options = SourceOptions { rename: true, ..SourceOptions::default() }; // of the file itself, whatever its names
        survey_beneath(readable, &[listed], &options).is_ok_and(|found| {
            found.files.iter().all(|found| found.footer == file.footer_hash && found.bytes == file.size_bytes)
        })
    };
    local_path(store, roots, file).is_ok_and(same)
}

fn job_request(job: Option<submit_request::Job>) -> Result<JobRequest, Report> {
    let missing = |what: &str| Report::new(Kind::Config, "request", format!("the request has no {what}"));
    match job.ok_or_else(|| missing("job"))? {
        submit_request::Job::Import(import) => {
            if import.name.len() > FRAME_NAME_BYTES_MAX {
                let message = "a frame's name has at most 200 bytes";
                return Err(Report::new(Kind::Config, "frame_name", message));
            }
            let from = source(import.source.ok_or_else(|| missing("source"))?)?;
            Ok(JobRequest::Import { name: import.name, source: from })
        }
        submit_request::Job::Train(train) if train.spec_toml.len() > SPEC_BYTES_MAX => {
            Err(Report::new(Kind::Config, "spec_too_long", format!("a spec has at most {SPEC_BYTES_MAX} bytes")))
        }
        submit_request::Job::Train(train) => Ok(JobRequest::Train {
            // It is refused here if it cannot be read, and kept as it is.
            spec_toml: Spec::parse(&train.spec_toml).map(|_| train.spec_toml)?,
            train: source(train.train.ok_or_else(|| missing("training data"))?)?,
            validation: train.validation.map(source).transpose()?,
            test: train.test.map(source).transpose()?,
        }),
    }
}

fn source(source: v1::DataSource) -> Result<Source, Report> {
    if !source.frame.is_empty() {
        return Ok(Source::Frame(source.frame));
    }
    let options = match source.options_json.as_str() {
        "" => SourceOptions::default(),
        json => serde_json::from_str(json).map_err(|error| {
            Report::new(Kind::Config, "request", "the way to read the data cannot be read").caused_by(&error)
        })?,
    };
    let files = source.files.into_iter().map(file_ref).collect();
    Ok(Source::Files { files, options, shuffle: source.shuffle })
}

fn file_ref(file: v1::SourceFile) -> FileRef {
    FileRef {
        path: file.path,
        size_bytes: file.size_bytes,
        footer_hash: file.footer_hash,
        upload: (!file.upload.is_empty()).then_some(file.upload),
        partitions: file.partitions.into_iter().map(|partition| (partition.key, partition.value)).collect(),
    }
}

pub(super) fn other_version(who: &str, version: u32) -> Report {
    let message = format!("this {who} speaks protocol version {version}, the coordinator speaks {PROTOCOL_VERSION}");
    Report::new(Kind::Access, "protocol_version", message).hint("run the same aquifer on every node")
}

fn interrupted(job: &JobId) -> Report {
    Report::new(Kind::Work, "interrupted", format!("job {job} was interrupted, and nobody is at work on it"))
        .hint(format!("go on with `aquifer job resume {job}`"))
}

fn no_job(job: &JobId) -> Report {
    Report::new(Kind::Config, "no_job", format!("the coordinator knows no job {job} with a model or events"))
}
