//! What a worker is started with.

use std::net::SocketAddr;
use std::path::PathBuf;

use aquifer_frame::Roots;
use aquifer_proto::Token;

/// Checked settings of a worker.
#[derive(Clone, Debug)]
pub struct Config {
    /// The coordinator's URL.
    pub coordinator: String,
    pub token: Token,
    /// Where peers reach this worker; loopback only, port 0 picks a free one.
    pub listen: SocketAddr,
    /// The address that peers are told, if it is not the one listened on.
    pub advertise: Option<String>,
    /// Shards and uploads.
    pub dir: PathBuf,
    /// Files that a plan may name.
    pub roots: Roots,
    /// Bytes of its own memory that a trial may take; without a number what the machine has.
    pub memory_bytes: Option<u64>,
    /// Compute threads.
    pub threads: usize,
}
