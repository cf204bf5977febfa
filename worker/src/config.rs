//! What a worker is started with.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use aquifer_frame::Roots;
use aquifer_proto::{Clock, Credentials, Monotonic, Network, Tcp};

use crate::executor::Executor;

/// Checked settings of a worker.
#[derive(Clone, Debug)]
pub struct Config {
    /// The coordinator's URL.
    pub coordinator: String,
    pub credentials: Credentials,
    /// Where peers reach this worker: loopback, unless there is TLS; port 0 picks a free one.
    pub listen: SocketAddr,
    /// The URL that peers are told, if it is not that of the address listened on.
    pub advertise: Option<String>,
    /// Shards and uploads.
    pub dir: PathBuf,
    /// Files that a plan may name.
    pub roots: Roots,
    /// Bytes of its own memory that a trial may take; without a number what the machine has.
    pub memory_bytes: Option<u64>,
    /// Compute threads.
    pub threads: usize,
    pub seams: Seams,
}

/// What a worker stands on; by default the machine.
#[derive(Clone)]
pub struct Seams {
    pub network: Arc<dyn Network>,
    pub clock: Arc<dyn Clock>,
    /// Without one a pool of threads.
    pub executor: Option<Arc<dyn Executor>>,
}

impl Default for Seams {
    fn default() -> Self {
        Self { network: Arc::new(Tcp), clock: Arc::new(Monotonic::default()), executor: None }
    }
}

impl std::fmt::Debug for Seams {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Seams").finish_non_exhaustive()
    }
}
