//! Real requests of every method, as client and worker make them: names and numbers are of things that are there, so what is
//! changed in them gets past the first check.

use std::collections::BTreeMap;

use aquifer_frame::{Frame, SourceOptions, import_shard_in_memory, list, plan, survey};
use aquifer_harness::until;
use aquifer_proto::{JobEvent, PROTOCOL_VERSION, v1};
use prost::Message;
use v1::session_request::Message as Said;

use crate::bed::{Bed, block_on};
use crate::call::Node;

/// What there is in a cluster, to be named in requests.
pub(crate) struct Known {
    /// A training that is done, what was asked for, and its model.
    pub(crate) done: String,
    pub(crate) asked: v1::TrainJob,
    pub(crate) model: String,
    pub(crate) model_bytes: Vec<u8>,
    pub(crate) scores_json: String,
    /// A training without end, and a state that was kept of it.
    pub(crate) running: String,
    pub(crate) state: v1::HeldState,
    pub(crate) state_bytes: Vec<u8>,
    pub(crate) frame: String,
    pub(crate) record_json: String,
    pub(crate) shard: String,
    pub(crate) upload: String,
    pub(crate) upload_bytes: Vec<u8>,
    pub(crate) self_test: String,
}

/// One call: its messages.
pub(crate) type Call = Vec<Vec<u8>>;

/// Asks as a client does.
pub(crate) async fn ask<T: Message + Default>(node: &Node, path: &str, requests: &[&dyn Encoded]) -> T {
    let heard = node.call(path, requests.iter().map(|request| request.encoded()).collect()).await;
    assert!(matches!(heard.end, Some(Ok(()))), "{path}: {:?}", heard.end);
    T::decode(heard.answers[0].as_slice()).expect("an answer")
}

pub(crate) trait Encoded: Sync {
    fn encoded(&self) -> Vec<u8>;
}

impl<T: Message> Encoded for T {
    fn encoded(&self) -> Vec<u8> {
        self.encode_to_vec()
    }
}

pub(crate) const ENDLESS: &str = "version = 1\ntarget = \"y\"\n[params]\nhidden = [4]\nepochs = 100000000\nranks = 2\n";

impl Known {
    /// Makes what is to be known.
    pub(crate) fn of(bed: &Bed) -> Self {
        let import = ["frame".as_ref(), "import".as_ref(), "kept".as_ref(), bed.source().into_os_string().as_os_str()]
            .map(std::ffi::OsStr::to_owned);
        bed.aquifer.run(import.into_iter().chain(bed.cluster.options())).ok();
        let self_test = bed.self_test();
        let model_bytes = bed.train();
        block_on(async {
            let node = bed.coordinator().await;
            let jobs: v1::ListJobsResponse = ask(&node, "/aquifer.v1.Jobs/ListJobs", &[&v1::ListJobsRequest {}]).await;
            let trained = jobs.jobs.iter().find(|job| job.kind == "train").expect("a training");
            let done = trained.id.clone();
            let get = v1::GetJobRequest { job: done.clone() };
            let got: v1::GetJobResponse = ask(&node, "/aquifer.v1.Jobs/GetJob", &[&get]).await;
            let asked = got.request.clone().expect("a request");
            let Ok(JobEvent::Trained(summary)) = serde_json::from_str(&got.event_json) else { panic!("{got:?}") };
            let get = v1::GetFrameRequest { name: "kept".into() };
            let got: v1::GetFrameResponse = ask(&node, "/aquifer.v1.Jobs/GetFrame", &[&get]).await;
            let frame: Frame = serde_json::from_str(&got.frame_json).expect("a frame");
            let upload_bytes = std::fs::read(bed.source()).expect("the file");
            let piece = v1::UploadRequest { data: upload_bytes.clone() };
            let uploaded: v1::UploadResponse = ask(&node, "/aquifer.v1.Jobs/Upload", &[&piece]).await;
            let running = submit(&node, "endless", v1::TrainJob { spec_toml: ENDLESS.into(), ..asked.clone() }).await;
            let (state, state_bytes) = until("a checkpoint", || checkpoint(bed, &running));
            Self {
                done,
                asked,
                model: summary.model_blake3.clone(),
                model_bytes,
                scores_json: serde_json::to_string(&summary.scores).expect("scores"),
                running,
                state,
                state_bytes,
                frame: "kept".into(),
                record_json: record_json(bed),
                shard: frame.shards[0].hash.clone(),
                upload: uploaded.upload,
                upload_bytes,
                self_test,
            }
        })
    }

    pub(crate) fn header(&self) -> Option<v1::Header> {
        Some(v1::Header { protocol_version: PROTOCOL_VERSION, term: 1, incarnation: 1 })
    }

    fn generation(&self) -> Option<v1::Generation> {
        Some(v1::Generation { trial: self.running.clone(), term: 1, number: 1 })
    }

    pub(crate) fn words(&self, message: Said) -> Vec<u8> {
        v1::SessionRequest { header: self.header(), message: Some(message) }.encode_to_vec()
    }

    fn register(&self) -> Vec<u8> {
        self.register_at("http://127.0.0.1:9")
    }

    /// As a worker does that peers reach there.
    pub(crate) fn register_at(&self, address: &str) -> Vec<u8> {
        let register = v1::Register {
            address: address.into(),
            pid: 1,
            threads: 1,
            devices: vec!["cpu".into()],
            memory_bytes: 1 << 30,
            disk_free_bytes: 1 << 30,
            self_test: self.self_test.clone(),
            shards: vec![self.shard.clone()],
            states: vec![self.state.clone()],
            node: "0".repeat(32),
        };
        self.words(Said::Register(register))
    }

    /// Calls of each method.
    pub(crate) fn calls(&self) -> BTreeMap<&'static str, Vec<Call>> {
        let mut calls = BTreeMap::new();
        self.jobs(&mut calls);
        self.membership(&mut calls);
        self.peer(&mut calls);
        let service = || "aquifer.v1.Jobs".to_owned();
        let check = tonic_health::pb::HealthCheckRequest { service: service() }.encode_to_vec();
        calls.insert("/grpc.health.v1.Health/Check", vec![vec![check.clone()]]);
        calls.insert("/grpc.health.v1.Health/Watch", vec![vec![check]]);
        calls.insert("/grpc.health.v1.Health/List", vec![vec![Vec::new()]]);
        use tonic_reflection::pb::v1::server_reflection_request::MessageRequest;
        let asked = [
            MessageRequest::ListServices(String::new()),
            MessageRequest::FileContainingSymbol(service()),
            MessageRequest::FileByFilename("aquifer/v1/jobs.proto".into()),
        ];
        let reflection = |asked| {
            let request =
                tonic_reflection::pb::v1::ServerReflectionRequest { host: "x".into(), message_request: Some(asked) };
            request.encode_to_vec()
        };
        calls.insert(
            "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
            asked.into_iter().map(|asked| vec![reflection(asked)]).collect(),
        );
        calls
    }

    fn jobs(&self, calls: &mut BTreeMap<&'static str, Vec<Call>>) {
        let mut add = |path, requests: &[&dyn Encoded]| {
            calls.insert(path, requests.iter().map(|request| vec![request.encoded()]).collect::<Vec<Call>>());
        };
        let source = self.asked.train.clone().unwrap_or_default();
        let uploaded = |mut source: v1::DataSource| {
            source.files.iter_mut().for_each(|file| file.upload = self.upload.clone());
            source
        };
        let partitions = vec![v1::Partition { key: "part".into(), value: Some("1".into()) }];
        let mut source = source;
        source.files.iter_mut().for_each(|file| file.partitions = partitions.clone());
        source.shuffle = Some(7);
        let frame = v1::DataSource { frame: self.frame.clone(), ..Default::default() };
        let submission = |job| v1::SubmitRequest {
            protocol_version: PROTOCOL_VERSION,
            request_id: "a request".into(),
            workers_min: 1,
            job: Some(job),
        };
        let import = |name: &str, source| {
            submission(v1::submit_request::Job::Import(v1::ImportJob { name: name.into(), source: Some(source) }))
        };
        let (validation, test) = (Some(frame.clone()), Some(uploaded(source.clone())));
        let train = v1::TrainJob { train: Some(source.clone()), validation, test, ..self.asked.clone() };
        add(
            "/aquifer.v1.Jobs/Submit",
            &[
                &submission(v1::submit_request::Job::Train(self.asked.clone())),
                &submission(v1::submit_request::Job::Train(train)),
                &import("imported", source.clone()),
                &import("", uploaded(source.clone())),
            ],
        );
        let files = [source.files.clone(), uploaded(source).files].concat();
        let job = || self.done.clone();
        add("/aquifer.v1.Jobs/ProbeFiles", &[&v1::ProbeFilesRequest { files }]);
        add("/aquifer.v1.Jobs/Watch", &[&v1::WatchRequest { job: job(), resume_token: 1 }]);
        add("/aquifer.v1.Jobs/Cancel", &[&v1::CancelRequest { job: job() }]);
        add("/aquifer.v1.Jobs/FetchModel", &[&v1::FetchModelRequest { job: job(), model: self.model.clone() }]);
        add("/aquifer.v1.Jobs/ListJobs", &[&v1::ListJobsRequest {}]);
        add("/aquifer.v1.Jobs/GetJob", &[&v1::GetJobRequest { job: job() }]);
        add("/aquifer.v1.Jobs/Resume", &[&v1::ResumeRequest { job: job() }]);
        add("/aquifer.v1.Jobs/ListFrames", &[&v1::ListFramesRequest { cached: true }]);
        add("/aquifer.v1.Jobs/GetFrame", &[&v1::GetFrameRequest { name: self.frame.clone() }]);
        let names = vec!["no frame".to_owned(), "nor this".to_owned()];
        add("/aquifer.v1.Jobs/RemoveFrames", &[&v1::RemoveFramesRequest { names, cached: false }]);
        add("/aquifer.v1.Jobs/Status", &[&v1::StatusRequest {}]);
        let piece = |data: &[u8]| v1::UploadRequest { data: data.to_vec() }.encode_to_vec();
        calls.insert("/aquifer.v1.Jobs/Upload", vec![self.upload_bytes.chunks(4096).map(piece).collect()]);
    }

    fn membership(&self, calls: &mut BTreeMap<&'static str, Vec<Call>>) {
        let (header, generation) = (self.header(), self.generation());
        let session = |said: &Said| vec![self.register(), self.words(said.clone())];
        calls.insert("/aquifer.v1.Membership/Session", self.said().iter().map(session).collect());
        let data = |from: usize, to: usize| self.model_bytes[from..to].to_vec();
        let (half, whole) = (self.model_bytes.len() / 2, self.model_bytes.len());
        let pieces = [
            v1::PutModelRequest { header, generation: generation.clone(), data: data(0, half), ..Default::default() },
            v1::PutModelRequest { data: data(half, whole), ..Default::default() },
            v1::PutModelRequest { scores_json: self.scores_json.clone().into(), ..Default::default() },
        ];
        calls.insert("/aquifer.v1.Membership/PutModel", vec![pieces.iter().map(Message::encode_to_vec).collect()]);
        let (first, second) = self.state_bytes.split_at(self.state_bytes.len() / 2);
        let state = Some(self.state.clone());
        let pieces = [
            v1::PutCheckpointRequest { header, generation, state: state.clone(), data: first.to_vec() },
            v1::PutCheckpointRequest { data: second.to_vec(), ..Default::default() },
        ];
        calls.insert("/aquifer.v1.Membership/PutCheckpoint", vec![pieces.iter().map(Message::encode_to_vec).collect()]);
        let fetch = v1::FetchCheckpointRequest { header, job: self.running.clone(), state };
        calls.insert("/aquifer.v1.Membership/FetchCheckpoint", vec![vec![fetch.encode_to_vec()]]);
        let fetch = v1::FetchUploadRequest { header, upload: self.upload.clone() };
        calls.insert("/aquifer.v1.Membership/FetchUpload", vec![vec![fetch.encode_to_vec()]]);
    }

    /// Everything that a worker says.
    pub(crate) fn said(&self) -> Vec<Said> {
        self.said_of(&self.generation())
    }

    /// The same of another generation.
    pub(crate) fn said_of(&self, generation: &Option<v1::Generation>) -> Vec<Said> {
        let job = generation.as_ref().map_or_else(String::new, |generation| generation.trial.clone());
        let result = |result| v1::ShardImported { job: job.clone(), slot: 0, shard: 0, result: Some(result) };
        let report = r#"{"kind":"work","code":"peer_lost","message":"a peer","hint":null,"causes":["it"]}"#;
        let failure = || v1::Failure { report_json: report.into() };
        let outcome = r#"{"scores":[],"curve":[{"position":1,"loss":0.5,"value":0.5}],"position":2,"model_position":1,"stopped":false,"samples":9}"#;
        let (scoring, part) = (String::new(), v1::shard_imported::Result::Failure(failure()));
        let values = [1.0f64, 2.0].iter().flat_map(|x| x.to_le_bytes()).collect();
        let vector = v1::SparseVector { value_type: v1::ValueType::F64.into(), length: 8, places: vec![0, 7], values };
        vec![
            Said::Renew(v1::Renew {}),
            Said::ShardImported(result(v1::shard_imported::Result::RecordJson(self.record_json.clone()))),
            Said::ShardImported(result(part)),
            Said::TrialProgress(v1::TrialProgress {
                generation: generation.clone(),
                round: 1,
                position: 1,
                samples: 9,
                loss: Some(0.5),
                scoring,
            }),
            Said::TrialScored(v1::TrialScored {
                generation: generation.clone(),
                trial: 0,
                point_json: r#"{"position":1,"loss":0.5,"value":0.5}"#.into(),
            }),
            Said::TrialFinished(v1::TrialFinished {
                held: Some(self.state.clone()),
                generation: generation.clone(),
                samples: 9,
                train_seconds: 1.0,
                score_seconds: 1.0,
                memory_peak_bytes: 1,
                trial: 0,
                outcome_json: outcome.into(),
                holdout: Some(v1::Sums { weight: 3.0, vectors: vec![vector] }),
            }),
            Said::TrialFailed(v1::TrialFailed {
                lost: None,
                generation: generation.clone(),
                failure: Some(failure()),
                stopped: false,
                trial: Some(0),
                fit: Some(1),
                others: true,
                held: vec![self.state.clone()],
                round: None,
                state_check: 3,
            }),
            Said::TrialFailed(v1::TrialFailed {
                lost: None,
                generation: generation.clone(),
                trial: Some(0),
                round: Some(1),
                state_check: 3,
                ..Default::default()
            }),
            Said::ShardsHeld(v1::ShardsHeld { shards: vec![self.shard.clone()] }),
            Said::ShardsDropped(v1::ShardsDropped { job }),
            Said::TrialChecked(v1::TrialChecked { generation: generation.clone(), trial: 0, round: 1, state_check: 3 }),
            Said::Leaving(v1::Leaving {}),
        ]
    }

    fn peer(&self, calls: &mut BTreeMap<&'static str, Vec<Call>>) {
        let header = self.header();
        let part = v1::SegmentPart {
            node_first_rank: 1,
            node_ranks: 1,
            skipped: false,
            weight: 1.0,
            vector: 0,
            value_type: v1::ValueType::F32.into(),
            offset: 0,
            values: vec![0; 16],
        };
        let exchange = |round, last| {
            let message = v1::ExchangeRequest {
                header,
                generation: self.generation(),
                member: 1,
                round,
                phase: v1::ExchangePhase::ReduceScatter.into(),
                parts: vec![part.clone(); 2],
                last,
                state_check: 1,
                trial: 0,
            };
            message.encode_to_vec()
        };
        calls.insert("/aquifer.v1.Peer/Exchange", vec![vec![exchange(1, false), exchange(1, true), exchange(2, true)]]);
        let fetch = v1::FetchShardRequest { header, shard: self.shard.clone() };
        calls.insert("/aquifer.v1.Peer/FetchShard", vec![vec![fetch.encode_to_vec()]]);
        let fetch = v1::FetchStateRequest { header, identity: self.state.identity.clone(), round: self.state.round };
        calls.insert("/aquifer.v1.Peer/FetchState", vec![vec![fetch.encode_to_vec()]]);
    }
}

/// The job of a request.
pub(crate) async fn submit(node: &Node, request_id: &str, job: v1::TrainJob) -> String {
    let job = Some(v1::submit_request::Job::Train(job));
    let request =
        v1::SubmitRequest { protocol_version: PROTOCOL_VERSION, request_id: request_id.into(), workers_min: 1, job };
    ask::<v1::SubmitResponse>(node, "/aquifer.v1.Jobs/Submit", &[&request]).await.job
}

/// A state that is kept of a job, by its file's name.
fn checkpoint(bed: &Bed, job: &str) -> Option<(v1::HeldState, Vec<u8>)> {
    let folder = bed.cluster.dir().join("jobs").join(job).join("checkpoints");
    let path = std::fs::read_dir(folder).ok()?.flatten().map(|entry| entry.path());
    let path = path.into_iter().find(|path| path.extension().is_some_and(|extension| extension == "state"))?;
    let (identity, round) = path.file_stem()?.to_str()?.split_once('-')?;
    let state = v1::HeldState { identity: identity.to_owned(), round: round.parse().ok()? };
    Some((state, std::fs::read(path).ok()?))
}

/// What a worker says of the only shard of the file.
fn record_json(bed: &Bed) -> String {
    let files = list(&[bed.source().display().to_string()]).expect("the file");
    let plan = plan(survey(&files, &SourceOptions::default()).expect("its footer"));
    let (_, record) = import_shard_in_memory(&plan, 0).expect("a shard");
    serde_json::to_string(&record).expect("a record")
}
