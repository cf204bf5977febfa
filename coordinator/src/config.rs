//! What a coordinator is started with.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use aquifer_frame::Roots;
use aquifer_proto::{Clock, Monotonic, Network, Tcp, Tls, Token};

use crate::journal::Journal;

/// Checked settings of a coordinator.
#[derive(Debug)]
pub struct Config {
    /// Loopback, unless there is TLS; port 0 picks a free one.
    pub listen: SocketAddr,
    /// Frames, uploads and models.
    pub dir: PathBuf,
    /// Journal and models of running jobs: `dir` for a lasting coordinator, a folder of its own for an embedded one.
    pub journal_dir: PathBuf,
    /// Files that clients may name.
    pub roots: Roots,
    /// Good for everything.
    pub token: Token,
    /// Weaker tokens, by their hashes: a file that may come to be later.
    pub tokens: Option<PathBuf>,
    pub tls: Option<Tls>,
    /// Bytes that the shards of frames without a name may have; `None`: 50 GB, or a fifth of the disk if that is less.
    pub cache_bytes: Option<u64>,
    /// Jobs that a former start left running go on; else they are ended, and can be taken up again.
    pub continues: bool,
    /// How long a job waits for workers before it fails.
    pub no_worker_grace: Duration,
    /// Workers whose self-test differs are refused; `None` takes the first worker's as the measure.
    pub self_test: Option<String>,
    pub seams: Seams,
}

/// What a coordinator stands on; by default the machine.
pub struct Seams {
    pub network: Arc<dyn Network>,
    pub clock: Arc<dyn Clock>,
    /// Without one SQLite files in the folders.
    pub journal: Option<Box<dyn Journal>>,
}

impl Default for Seams {
    fn default() -> Self {
        Self { network: Arc::new(Tcp), clock: Arc::new(Monotonic::default()), journal: None }
    }
}

impl std::fmt::Debug for Seams {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Seams").finish_non_exhaustive()
    }
}
