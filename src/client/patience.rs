//! Waiting for a coordinator that is away: it may be started again. Every request may be made twice: what it asks for has an
//! id, or changes nothing.

use std::time::{Duration, Instant};

use aquifer_model::Report;
use aquifer_proto::from_status;
use tonic::Status;

/// A coordinator that is away is waited for so long.
pub(super) const AWAY_MAX: Duration = Duration::from_secs(300);
/// Between two attempts: twice as long after each that failed.
pub(super) const RETRY: Duration = Duration::from_millis(100);
pub(super) const RETRY_MAX: Duration = Duration::from_secs(2);

/// The way to the coordinator is broken, and not what was asked of it refused.
pub(super) fn is_broken(status: &Status) -> bool {
    use tonic::Code::{Cancelled, DeadlineExceeded, Unavailable, Unknown};
    let stopping = from_status(status, "").code == "stopping";
    stopping || matches!(status.code(), Cancelled | DeadlineExceeded | Unavailable | Unknown)
}

/// Of one request.
pub(super) struct Patience {
    began: Instant,
    retry: Duration,
}

impl Patience {
    pub(super) fn new() -> Self {
        Self { began: Instant::now(), retry: RETRY }
    }

    /// Returns when it is time for another attempt; what another attempt would meet again is an error.
    pub(super) async fn another(&mut self, status: &Status, doing: &str) -> Result<(), Report> {
        if !is_broken(status) || self.began.elapsed() > AWAY_MAX {
            return Err(from_status(status, doing));
        }
        tokio::time::sleep(self.retry).await;
        self.retry = (self.retry * 2).min(RETRY_MAX);
        Ok(())
    }
}
