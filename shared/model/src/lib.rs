//! What a model is: its spec, its state, what ranks return, its metrics and its file. Bytes in, bytes out: no files here.

mod file;
mod metric;
mod nearest;
pub mod params;
mod partial;
mod report;
mod snapshot;
mod spec;
mod state;

pub use file::{
    EXACT, MODEL_FORMAT, Model, ModelFileError, Tensor, fit_hash, model_file_name, model_hash, tensor_hash,
};
pub use metric::{
    Accumulator, AtThreshold, Best, BestThresholds, Counts, Family, GainsGroup, MetricName, Metrics, Scoring,
    has_stalled,
};
pub use nearest::nearest;
pub use params::{ScoreInterval, Stopping};
pub use partial::{Partial, ValueType, Values, VectorSpec};
pub use report::{Kind, Report, readable};
pub use snapshot::{Snapshot, SnapshotError, SnapshotOf};
pub use spec::{
    Algorithm, Device, Dimension, FitSpec, FoldAssignment, FoldChoice, RawAveraging, RawCrossValidation, RawEncoding,
    RawInitialWeights, RawLoss, RawOptimizer, RawParams, RawSearch, RawStopping, Search, Spec, SpecError, SplitChoice,
    StoppingMetric, Strategy, defaults_page,
};
pub use state::{BestPoint, CurvePoint, Part, Record, Score, State, StateVector};
/// A value of a searched key, as TOML has it.
pub use toml::Value as SpecValue;
