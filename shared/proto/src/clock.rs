//! The clock of a node: time since its process began. It decides when a wait ends, never what a model is.

use std::sync::Mutex;
use std::time::{Duration, Instant};

/// Monotonic time; no two hosts' clocks are ever compared.
pub trait Clock: Send + Sync {
    fn now(&self) -> Duration;
}

/// The machine's monotonic clock.
#[derive(Debug)]
pub struct Monotonic(Instant);

impl Default for Monotonic {
    fn default() -> Self {
        Self(Instant::now())
    }
}

impl Clock for Monotonic {
    fn now(&self) -> Duration {
        self.0.elapsed()
    }
}

/// The time of the runtime that it was made in: in a simulation it passes as the simulation says.
#[derive(Debug)]
pub struct Simulated(tokio::time::Instant);

impl Default for Simulated {
    fn default() -> Self {
        Self(tokio::time::Instant::now())
    }
}

impl Clock for Simulated {
    fn now(&self) -> Duration {
        self.0.elapsed()
    }
}

/// A clock that a test moves.
#[derive(Debug, Default)]
pub struct Manual(Mutex<Duration>);

impl Manual {
    pub fn advance(&self, by: Duration) {
        if let Ok(mut now) = self.0.lock() {
            *now += by;
        }
    }
}

impl Clock for Manual {
    fn now(&self) -> Duration {
        self.0.lock().map(|now| *now).unwrap_or_default()
    }
}

/// Milliseconds since 1970, for people to read; nothing compares it.
#[allow(clippy::disallowed_methods)] // the one wall clock
pub fn wall_clock_ms() -> u64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    since.map_or(0, |since| since.as_millis() as u64)
}
