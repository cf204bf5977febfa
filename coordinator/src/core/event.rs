//! What can happen, and what is to be done about it: two closed lists.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use aquifer_frame::{Note, Plan, ShardRecord, SourceOptions};
use aquifer_model::{CurvePoint, Report, Score};
use aquifer_proto::{JobEvent, ModelRef};
use serde::{Deserialize, Serialize};

use super::search::{Reported, TrialRow};
use super::{FileRef, JobId, JobRow, Registration, Request, StoredFrame, WorkerId};

#[derive(Debug)]
#[cfg_attr(test, derive(Clone))] // tests say things twice
pub enum Event {
    /// Time passes: leases, waits.
    Tick,
    WorkerRegistered {
        worker: WorkerId,
        incarnation: u64,
        registration: Registration,
    },
    WorkerRenewed {
        worker: WorkerId,
    },
    WorkerHolds {
        worker: WorkerId,
        shards: Vec<String>,
    },
    /// It holds states of trials that were at work on it.
    StatesHeld {
        worker: WorkerId,
        /// Identity and round.
        states: Vec<(String, u64)>,
    },
    /// It is about to end, and hands over what it has.
    WorkerLeaving {
        worker: WorkerId,
    },
    /// Its session ended; the one way to lose a worker besides its lease.
    WorkerGone {
        worker: WorkerId,
        reason: String,
    },
    Submitted {
        job: JobId,
        request: Box<Request>,
        workers_min: u32,
        created_ms: u64,
    },
    CancelRequested {
        job: JobId,
    },
    /// A frame of the job is kept, or could not be.
    FrameSaved {
        job: JobId,
        result: Result<(), Report>,
    },
    /// An effect could not be carried out: the disk is full, say.
    EffectFailed {
        job: JobId,
        report: Report,
    },
    /// Footers of a slot's files were read, and the plan was made; `stored` if the same files were imported before.
    Planned {
        job: JobId,
        slot: usize,
        result: Result<(Plan, Option<Box<StoredFrame>>), Report>,
    },
    /// A named frame was looked up; notes say whether its sources are what they were.
    FrameLoaded {
        job: JobId,
        slot: usize,
        result: Result<(Box<StoredFrame>, Vec<Note>), Report>,
    },
    /// Frames were removed, and no other has these shards.
    ShardsRemoved {
        shards: Vec<String>,
    },
    ShardImported {
        job: JobId,
        worker: WorkerId,
        slot: usize,
        shard: usize,
        result: Result<ShardRecord, Report>,
    },
    /// The worker undid its imports of a job that failed.
    ShardsDropped {
        job: JobId,
        worker: WorkerId,
    },
    TrialReported {
        job: JobId,
        worker: WorkerId,
        number: u64,
        report: TrialReport,
    },
    ModelStored {
        job: JobId,
        number: u64,
        trial: usize,
        model: StoredModel,
    },
    /// What was known of the trials of a job, and the states that were kept of those under way: identity and round.
    TrialsFound {
        job: JobId,
        rows: Vec<TrialRow>,
        checkpoints: BTreeMap<String, u64>,
    },
    /// The state of a trial lies in the coordinator's store.
    CheckpointStored {
        job: JobId,
        identity: String,
        round: u64,
    },
}

/// A model file that lies in the coordinator's store, checked.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StoredModel {
    pub path: PathBuf,
    pub model_blake3: String,
    pub fit_blake3: String,
    pub scores: Vec<Score>,
    pub numeric_class: String,
    /// The file is there.
    pub kept: bool,
}

impl StoredModel {
    pub(crate) fn reference(&self) -> ModelRef {
        ModelRef { blake3: self.model_blake3.clone(), fit_blake3: self.fit_blake3.clone(), kept: self.kept }
    }
}

/// What a member says of a trial.
#[derive(Debug)]
#[cfg_attr(test, derive(Clone))]
pub enum TrialReport {
    Progress {
        round: u64,
        position: u64,
        samples: u64,
        loss: Option<f64>,
        scoring: String,
    },
    /// A scoring while a trial of the cohort trained.
    Scored {
        trial: usize,
        point: CurvePoint,
    },
    /// A trial of the cohort is done.
    Finished {
        trial: usize,
        reported: Box<Reported>,
        memory_peak_bytes: u64,
    },
    /// A trial of the cohort has failed, or all of it that has not ended.
    Failed {
        trial: Option<usize>,
        report: Report,
        fit: Option<Fit>,
    },
    /// The state that a trial was to go on from is nowhere: whoever was thought to have it has answered that it has not.
    StateLost {
        identity: String,
        round: u64,
        report: Report,
    },
    Stopped,
    /// A peer's state differs from this member's, in a round that compares them.
    Differs {
        trial: usize,
        round: u64,
        check: u64,
    },
    /// The check of a member's state before the round that it was asked for.
    Checked {
        trial: usize,
        round: u64,
        check: u64,
    },
}

/// What a worker says where a cohort does not fit into its memory.
#[derive(Clone, Copy, Debug)]
pub struct Fit {
    /// So many of its first trials would.
    pub trials: usize,
    /// Others had memory reserved.
    pub others: bool,
}

#[derive(Debug)]
pub enum Effect {
    /// Durable before any other effect of the same step.
    Persist(Box<JobRow>),
    PersistTrial(Box<TrialRow>),
    /// Of a cancelled job: its trials, models, checkpoints and metric points.
    Forget {
        job: JobId,
    },
    /// Of trials that have ended, or of the whole job.
    RemoveCheckpoints {
        job: JobId,
        identities: Option<Vec<String>>,
    },
    /// The sums of these trials are not needed any more.
    ClearSums {
        job: JobId,
        identities: Vec<String>,
    },
    /// Looks up what is known of trials on this data; `mine`: by this job alone.
    FindTrials {
        job: JobId,
        data: String,
        mine: bool,
    },
    /// Adds a line to the job's metric points.
    AppendPoint {
        job: JobId,
        line: String,
    },
    /// A model that is not among the best.
    RemoveModel {
        job: JobId,
        path: PathBuf,
    },
    Send {
        worker: WorkerId,
        command: Command,
    },
    /// Fences a worker off: its session is closed.
    Disconnect {
        worker: WorkerId,
        reason: String,
    },
    Plan {
        job: JobId,
        slot: usize,
        files: Vec<FileRef>,
        options: SourceOptions,
        shuffle: Option<u64>,
    },
    LoadFrame {
        job: JobId,
        slot: usize,
        name: String,
    },
    /// Keeps an imported frame, under a name if it has one.
    SaveFrame {
        job: JobId,
        frame: Box<StoredFrame>,
        name: Option<String>,
    },
    Notify {
        job: JobId,
        event: JobEvent,
    },
}

impl Effect {
    /// The job that it is for: not carried out where what that job decided cannot be written down.
    pub fn job(&self) -> Option<&JobId> {
        match self {
            Effect::Persist(row) => Some(&row.id),
            Effect::Send { command, .. } => match command {
                Command::ImportShard { job, .. }
                | Command::StartTrial { job, .. }
                | Command::ForgetStates { job, .. } => Some(job),
                // They end something: always right.
                Command::StopTrial { .. } | Command::DropShards { .. } | Command::RemoveShards { .. } => None,
            },
            Effect::PersistTrial(row) => Some(&row.job),
            // What is removed is what a row on disk stands for, or is no use without it.
            Effect::Forget { job }
            | Effect::FindTrials { job, .. }
            | Effect::AppendPoint { job, .. }
            | Effect::RemoveModel { job, .. }
            | Effect::ClearSums { job, .. }
            | Effect::RemoveCheckpoints { job, .. } => Some(job),
            Effect::Disconnect { .. } => None,
            Effect::Plan { job, .. }
            | Effect::LoadFrame { job, .. }
            | Effect::SaveFrame { job, .. }
            | Effect::Notify { job, .. } => Some(job),
        }
    }
}

/// What a worker is told.
#[derive(Clone, Debug)]
pub enum Command {
    ImportShard {
        job: JobId,
        slot: usize,
        shard: usize,
        plan: Arc<Plan>,
        uploads: Vec<FileRef>,
    },
    StartTrial {
        job: JobId,
        number: u64,
        members: Vec<Member>,
        me: usize,
        cohort_json: Arc<str>,
    },
    StopTrial {
        job: JobId,
        number: u64,
        /// One trial of the cohort; or all of them.
        trial: Option<usize>,
    },
    /// The job's imports have failed: stop those at work, and remove these shards.
    DropShards {
        job: JobId,
        shards: Vec<String>,
    },
    /// No frame has these shards any more.
    RemoveShards {
        shards: Vec<String>,
    },
    /// Nobody goes on from states of these trials of the job any more; none are named: of all its trials.
    ForgetStates {
        job: JobId,
        identities: Vec<String>,
    },
}

/// A worker's part in a generation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    pub worker: WorkerId,
    pub address: String,
    pub incarnation: u64,
    pub rank_first: u32,
    pub rank_count: u32,
}
