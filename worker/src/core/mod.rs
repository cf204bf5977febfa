//! The worker's decisions, pure: no async, network, clock or file.

mod exchange;
mod segment;

pub(crate) use exchange::add;
pub use exchange::{Exchange, ExchangeError, Outgoing, Phase, Placement, Progress};
pub use segment::{Segment, segments};
