//! Waiting for something that happens in another process.

use std::time::{Duration, Instant};

/// What a test waits for at most: far more than anything here takes, so that a slow machine fails no test.
pub const LIMIT: Duration = Duration::from_secs(60);

/// Between two looks.
const STEP: Duration = Duration::from_millis(10);

/// Asks until there is an answer; panics with what was waited for after [`LIMIT`].
pub fn until<T>(what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
    let began = Instant::now();
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(began.elapsed() < LIMIT, "waited {} s for {what}", LIMIT.as_secs());
        std::thread::sleep(STEP);
    }
}
