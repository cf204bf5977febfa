//! What a model is: its spec, its state, what ranks return, its metrics and its file. Bytes in, bytes out: no files here.

mod metric;
pub mod params;
mod partial;
mod report;
mod state;

pub use metric::Metrics;
pub use partial::{Partial, ValueType, Values, VectorSpec};
pub use report::{Kind, Report};
pub use state::{Part, Record, Score, State, StateVector};
