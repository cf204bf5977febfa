//! The time that the coordinator was awake: a machine that was suspended for a day must not find that all leases have run out.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use aquifer_proto::Clock;

/// The driver looks twice a second: between two looks that are further apart than this it could not have heard a renewal.
const GAP_MAX: Duration = Duration::from_secs(5);

/// Counts no more than [`GAP_MAX`] between two looks.
pub(crate) struct Awake {
    clock: Arc<dyn Clock>,
    looked: Mutex<Looked>,
}

#[derive(Default)]
struct Looked {
    at: Duration,
    awake: Duration,
}

impl Awake {
    pub(crate) fn new(clock: Arc<dyn Clock>) -> Self {
        let looked = Mutex::new(Looked { at: clock.now(), awake: clock.now() });
        Self { clock, looked }
    }
}

impl Clock for Awake {
    fn now(&self) -> Duration {
        let mut looked = self.looked.lock().unwrap_or_else(PoisonError::into_inner);
        let now = self.clock.now();
        let awake = looked.awake + now.saturating_sub(looked.at).min(GAP_MAX);
        *looked = Looked { at: now, awake };
        awake
    }
}

#[cfg(test)]
mod tests {
    use aquifer_proto::Manual;

    use super::*;

    #[test]
    fn a_day_asleep_is_a_moment() {
        let clock = Arc::new(Manual::default());
        let awake = Awake::new(clock.clone());
        let mut passed = Duration::ZERO;
        for (by, counted) in [(100, 100), (4_999, 4_999), (86_400_000, 5_000), (1, 1)] {
            clock.advance(Duration::from_millis(by));
            passed += Duration::from_millis(counted);
            assert_eq!((awake.now(), awake.now()), (passed, passed));
        }
    }
}
