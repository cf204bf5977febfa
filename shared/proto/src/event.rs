//! What a job tells the client that watches it.

use aquifer_frame::{Frame, Note};
use aquifer_model::{Report, Score};
use serde::{Deserialize, Serialize};

/// One entry of a job's event stream.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum JobEvent {
    /// What the job waits for, or does next.
    Waiting {
        what: String,
    },
    /// Shards made so far.
    Importing {
        what: String,
        shards_done: u64,
        shards: u64,
    },
    /// All that was decided before training.
    Decided(Box<Decisions>),
    Progress(Progress),
    Trained(Box<TrainSummary>),
    Imported {
        /// Empty for a frame of the cache.
        name: String,
        frame: Box<Frame>,
        /// The same files had been imported before: nothing was read.
        reused: bool,
        /// What of the sources is not simply in the frame.
        notes: Vec<Note>,
    },
    Failed {
        report: Report,
    },
    Cancelled,
}

impl JobEvent {
    /// No event follows this one.
    pub fn is_last(&self) -> bool {
        matches!(self, JobEvent::Trained(_) | JobEvent::Imported { .. } | JobEvent::Failed { .. } | JobEvent::Cancelled)
    }
}

/// What `train` prints before it trains.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Decisions {
    pub rows: u64,
    pub task: String,
    pub numeric: u64,
    pub categorical: u64,
    pub inputs: u64,
    pub parameters: u64,
    pub ranks: u32,
    pub workers: u32,
    pub threads: u32,
    pub epochs: f64,
    pub mini_batch_size: u64,
    pub notes: Vec<Note>,
    /// The resolved spec, as TOML: `train --spec FILE` takes it back.
    pub spec_toml: String,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Progress {
    pub round: u64,
    pub position: u64,
    pub position_end: u64,
    pub rows: u64,
    pub loss: Option<f64>,
    /// The part being scored; empty while training.
    pub scoring: String,
}

/// The end of a training job.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct TrainSummary {
    pub model_blake3: String,
    pub fit_blake3: String,
    pub scores: Vec<Score>,
    pub rows: u64,
    pub features: u64,
    pub inputs: u64,
    pub parameters: u64,
    pub seconds: Seconds,
    /// Rows trained on, each as often as it was.
    pub samples: u64,
    pub bytes_read: u64,
    /// Most own memory that a worker of the job had: neither page cache nor mapped files.
    #[serde(default)]
    pub memory_peak_bytes: u64,
    pub ranks: u32,
    pub workers: u32,
    pub device: String,
    pub numeric_class: String,
}

#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub struct Seconds {
    pub import: f64,
    pub train: f64,
    pub score: f64,
    pub total: f64,
}
