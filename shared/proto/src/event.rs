//! What a job tells the client that watches it.

use std::collections::BTreeMap;

use aquifer_frame::{Folds, Frame, Note, Side};
use aquifer_model::{CurvePoint, Metrics, Report, Score};
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
    /// How far a search is, or a cross-validation.
    Searching(Box<SearchProgress>),
    Trained(Box<TrainSummary>),
    Searched(Box<SearchSummary>),
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
        matches!(
            self,
            JobEvent::Trained(_)
                | JobEvent::Searched(_)
                | JobEvent::Imported { .. }
                | JobEvent::Failed { .. }
                | JobEvent::Cancelled
        )
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
    /// Of a cross-validation; else 0.
    #[serde(default)]
    pub folds: u32,
    /// Of a search; else 1.
    #[serde(default)]
    pub candidates: u64,
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
    #[serde(default)]
    pub cross_validation: Option<CrossValidation>,
    /// Scorings while it trained.
    #[serde(default)]
    pub curve: Vec<CurvePoint>,
    /// The metric of the curve.
    #[serde(default)]
    pub metric: String,
}

#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub struct Seconds {
    pub import: f64,
    pub train: f64,
    pub score: f64,
    pub total: f64,
}

/// What a cross-validation found of one set of parameters.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct CrossValidation {
    pub folds: Vec<FoldResult>,
    /// By the name of the metric, of the folds that have it.
    pub mean: BTreeMap<String, f64>,
    /// Sample standard deviations (n − 1).
    pub deviation: BTreeMap<String, f64>,
    /// Of all held-out rows together, each predicted by the fold that held it out; of candidates that were done.
    #[serde(default)]
    pub pooled: Option<Metrics>,
    /// Which fold holds out which row, and the rows that are trained on: where predictions of them are kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub assignment: Option<Folds>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub side: Option<Side>,
}

/// One fold, scored on the rows that it held out.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct FoldResult {
    pub fold: u32,
    pub metrics: Metrics,
    /// Passes over the rows after which its model was the best.
    pub epochs: f64,
    pub seconds: f64,
    pub curve: Vec<CurvePoint>,
    /// Where it is kept.
    #[serde(default)]
    pub model: Option<ModelRef>,
}

/// How far a search is.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SearchProgress {
    pub candidates: u64,
    pub running: u64,
    pub done: u64,
    pub failed: u64,
    /// Trials (folds and final fits) under way.
    pub trials_running: u64,
    /// Rows trained on so far by all of them.
    pub samples: u64,
    /// Of the work, estimated from positions.
    pub share_done: f64,
    pub workers: u64,
    pub metric: String,
    pub best: Option<BestSoFar>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct BestSoFar {
    pub candidate: u32,
    pub params: BTreeMap<String, serde_json::Value>,
    pub value: f64,
    pub deviation: Option<f64>,
}

/// The end of a search.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SearchSummary {
    pub job: String,
    /// What the leaderboard is sorted by.
    pub metric: String,
    /// What curves are of.
    #[serde(default)]
    pub watched: String,
    /// Of the training frame.
    pub rows: u64,
    /// Best first.
    pub leaderboard: Vec<LeaderboardEntry>,
    /// Candidates that never began, and why.
    pub not_begun: u64,
    pub not_begun_reason: Option<String>,
    pub failed: u64,
    pub seconds: f64,
    pub samples: u64,
    pub workers: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CandidateStatus {
    Done,
    /// Left behind at a rung.
    Stopped,
    Failed,
}

/// A candidate that has ended.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct LeaderboardEntry {
    /// None for one that failed.
    pub place: Option<u32>,
    /// Its number in plan order.
    pub candidate: u32,
    /// What of its parameters is searched.
    pub params: BTreeMap<String, serde_json::Value>,
    pub value: Option<f64>,
    pub deviation: Option<f64>,
    pub cross_validation: Option<CrossValidation>,
    /// Of the final fit.
    pub scores: Vec<Score>,
    /// Passes of the final fit.
    pub epochs: f64,
    /// Of all its trials, as one thread's worth of a cohort.
    pub seconds: f64,
    pub status: CandidateStatus,
    pub reason: Option<Report>,
    pub model: Option<ModelRef>,
    /// Where the final fit's training ends, if not where `epochs` says.
    pub stop_at: Option<u64>,
    /// Scorings while the final fit trained.
    pub curve: Vec<CurvePoint>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModelRef {
    pub blake3: String,
    pub fit_blake3: String,
    /// The file is there; others are made again on export.
    pub kept: bool,
}
