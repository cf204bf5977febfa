//! Connections that have shown no token yet. They stay while there is room; where there is none the one that has been there
//! longest goes for the next, so that callers who say nothing keep nobody out: who has a token shows it at once.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, Weak};

use tokio::sync::Notify;
use tokio::sync::futures::OwnedNotified;

/// What a connection has shown of itself.
#[derive(Debug, Default)]
pub(crate) struct Standing {
    known: AtomicBool,
    away: Arc<Notify>,
}

impl Standing {
    pub(crate) fn is_known(&self) -> bool {
        self.known.load(Ordering::Relaxed)
    }

    /// It has shown a token that is good for something.
    pub(crate) fn know(&self) {
        self.known.store(true, Ordering::Relaxed);
    }

    /// Done when its place is needed for another one.
    pub(crate) fn sent_away(&self) -> OwnedNotified {
        self.away.clone().notified_owned()
    }
}

/// In the order in which they came; those that are known, or gone, go when they are come upon.
#[derive(Default)]
pub(crate) struct Strangers(Mutex<VecDeque<Weak<Standing>>>);

impl Strangers {
    /// A new one, beside at most so many others.
    pub(crate) fn enter(&self, others_max: usize) -> Arc<Standing> {
        let standing = Arc::new(Standing::default());
        let mut waiting = self.lock();
        if waiting.len() > 2 * others_max {
            waiting.retain(|other| other.upgrade().is_some_and(|other| !other.is_known()));
        }
        waiting.push_back(Arc::downgrade(&standing));
        standing
    }

    /// Tells the oldest one to go; false if there is none.
    pub(crate) fn send_oldest_away(&self) -> bool {
        let mut waiting = self.lock();
        while let Some(oldest) = waiting.pop_front() {
            if let Some(oldest) = oldest.upgrade().filter(|oldest| !oldest.is_known()) {
                oldest.away.notify_one();
                return true;
            }
        }
        false
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<Weak<Standing>>> {
        self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_oldest_who_is_unknown_and_there_goes_first() {
        let strangers = Strangers::default();
        let [gone, known, oldest, other] = std::array::from_fn(|_| strangers.enter(4));
        drop(gone);
        known.know();
        assert!(strangers.send_oldest_away());
        oldest.sent_away().await;
        assert!(strangers.send_oldest_away());
        other.sent_away().await;
        assert!(!strangers.send_oldest_away());
    }

    #[test]
    fn who_is_gone_is_not_remembered() {
        let strangers = Strangers::default();
        (0..1000).for_each(|_| drop(strangers.enter(4)));
        assert!(strangers.lock().len() <= 10);
    }
}
