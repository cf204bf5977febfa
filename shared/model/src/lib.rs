//! What a model is: its spec, its state, what ranks return, its metrics and its file. Bytes in, bytes out: no files here.

mod file;
mod metric;
mod nearest;
pub mod params;
mod partial;
mod report;
mod spec;
mod state;

pub use file::{EXACT, MODEL_FORMAT, Model, ModelFileError, Tensor, fit_hash, model_hash, tensor_hash};
pub use metric::{Accumulator, AtThreshold, Best, BestThresholds, Counts, Family, GainsGroup, Metrics, Scoring};
pub use nearest::nearest;
pub use partial::{Partial, ValueType, Values, VectorSpec};
pub use report::{Kind, Report};
pub use spec::{
    Algorithm, Device, FitSpec, RawAveraging, RawEncoding, RawInitialWeights, RawLoss, RawOptimizer, RawParams, Spec,
    SpecError, SplitChoice, defaults_page,
};
pub use state::{Part, Record, Score, State, StateVector};
