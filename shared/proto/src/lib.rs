//! The wire: generated types, and their one conversion to and from ours.
//!
//! What is a format of its own (specs, frames, plans, reports) crosses the wire as the JSON that it also has on disk.

/// Generated from `proto/aquifer/v1`.
#[allow(clippy::all, unreachable_pub, missing_docs)]
pub mod v1 {
    tonic::include_proto!("aquifer.v1");
}

mod accept;
mod access;
mod auth;
mod chunks;
mod clock;
mod convert;
mod event;
mod failures;
mod metrics;
mod names;
mod network;
mod operations;
mod parts;
mod status;
mod strangers;
mod threads;
mod tls;
mod tokens;
mod transport;
mod trial;

pub use accept::{Admitted, Caller, admit};
pub use access::{Access, Checked, Scope, scope_of};
pub use auth::{Credentials, Token, TokenSender};
pub use chunks::{file_chunks, next_piece};
pub use clock::{Clock, Manual, Monotonic, Simulated, wall_clock_ms};
pub use convert::{WireError, exchange_messages, pack_sums, read_parts, sums_from_bytes, sums_to_bytes, unpack_sums};
pub use event::{
    BestSoFar, CandidateStatus, CrossValidation, Decisions, FoldResult, JobEvent, LeaderboardEntry, ModelRef, Progress,
    SearchProgress, SearchSummary, Seconds, TrainSummary,
};
pub use failures::{PEER_LOST, STATE_LOST, STATES_DIFFER, WORKER_LOST, is_of_a_node, is_of_the_way, is_passing};
pub use metrics::Metrics;
pub use names::names_of;
pub use network::{Connection, Incoming, Later, Network, Tcp};
pub use operations::{Operated, with_operations};
pub use parts::{new_part, sweep_parts};
pub use status::{from_status, to_status};
pub use threads::{beside, blocking, in_place, on_own_thread};
pub use tls::{Callee, Tls, TlsError, WORKER_NAME};
pub use tokens::{Shown, Tokens, TokensError, token_line};
pub use transport::{BindError, ConnectError, bind, check_url, connect, connect_through, server, url};
pub use trial::{CohortPlan, PartPlan, ShardHolders, StateFrom, TrialOutcome, TrialPlan};

/// Nodes of one version work together; others are refused politely.
pub const PROTOCOL_VERSION: u32 = 5;
/// Values in one exchange message, and bytes in one chunk of a file.
pub const CHUNK_BYTES: usize = 1 << 20;
/// Of a model or a state that a node sends another: what is read into memory before it is believed. A billion weights.
pub const RECEIVED_BYTES_MAX: usize = 4 << 30;
/// Control messages carry plans of up to tens of thousands of files, and statistics of as many columns.
pub const CONTROL_BYTES_MAX: usize = 256 << 20;
/// What somebody asks of health and reflection: a name.
pub const QUESTION_BYTES_MAX: usize = 4 << 10;
/// The descriptors of all services, for reflection.
pub const DESCRIPTORS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/descriptors.bin"));
