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

/// Asks until there is an answer. What another attempt would meet again is an error, and so is what fails here.
pub(super) async fn patiently<T>(
    doing: &str,
    mut ask: impl AsyncFnMut() -> Result<Result<T, Status>, Report>,
) -> Result<T, Report> {
    let (began, mut retry) = (Instant::now(), RETRY);
    loop {
        match ask().await? {
            Ok(answer) => return Ok(answer),
            Err(status) if is_broken(&status) && began.elapsed() <= AWAY_MAX => {}
            Err(status) => return Err(from_status(&status, doing)),
        }
        tokio::time::sleep(retry).await;
        retry = (retry * 2).min(RETRY_MAX);
    }
}
