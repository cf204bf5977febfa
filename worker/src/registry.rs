//! Running trials of this worker, and the way to their inboxes.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use aquifer_model::{Kind, Report};
use tokio::sync::Notify;
use tokio::sync::mpsc::UnboundedSender;

use crate::inbox::{GenerationId, Inbox, TrialEvent};

/// A peer may know of a generation before this worker does; it waits this long for the coordinator's word.
const BEGIN_GRACE: Duration = Duration::from_secs(60);

/// Inboxes by generation.
#[derive(Clone, Default)]
pub(crate) struct Registry {
    inner: Arc<Mutex<Inner>>,
    /// Wakes those who wait in the order in which they came: a simulation repeats itself.
    changed: Arc<Notify>,
}

#[derive(Default)]
struct Inner {
    /// The newest term that this worker has registered with.
    term: u64,
    inboxes: BTreeMap<GenerationId, Inbox>,
}

impl Registry {
    pub(crate) fn set_term(&self, term: u64) {
        let mut inner = self.lock();
        inner.term = inner.term.max(term);
    }

    pub(crate) fn open(&self, id: &GenerationId, inbox: Inbox) {
        self.lock().inboxes.insert(id.clone(), inbox);
        self.changed.notify_waiters();
    }

    pub(crate) fn close(&self, id: &GenerationId) {
        self.lock().inboxes.remove(id);
        self.changed.notify_waiters();
    }

    /// Cohorts that have begun here and not ended.
    pub(crate) fn len(&self) -> usize {
        self.lock().inboxes.len()
    }

    /// Tells a cohort to stop. False if it is not at work here, or not any more.
    pub(crate) fn stop(&self, id: &GenerationId) -> bool {
        self.lock().inboxes.get(id).inspect(|inbox| inbox.stop()).is_some()
    }

    /// Drops one trial of a cohort.
    pub(crate) fn drop_trial(&self, id: &GenerationId, trial: usize) {
        if let Some(inbox) = self.lock().inboxes.get(id) {
            let _ = inbox.sender.send(TrialEvent::Drop { trial });
        }
    }

    pub(crate) fn stop_all(&self) {
        self.lock().inboxes.values().for_each(Inbox::stop);
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.lock().inboxes.is_empty()
    }

    /// Waits until no trial is at work here.
    pub(crate) async fn emptied(&self) {
        loop {
            let changed = self.changed.notified();
            if self.is_empty() {
                return;
            }
            changed.await;
        }
    }

    /// Waits until the generation has begun here.
    pub(crate) async fn wait_for(&self, id: &GenerationId) -> Result<UnboundedSender<TrialEvent>, Report> {
        let found = async {
            loop {
                let changed = self.changed.notified();
                if let Some(found) = self.find(id)? {
                    return Ok(found);
                }
                changed.await;
            }
        };
        match tokio::time::timeout(BEGIN_GRACE, found).await {
            Ok(found) => found,
            Err(_) => Err(stale(id)),
        }
    }

    fn find(&self, id: &GenerationId) -> Result<Option<UnboundedSender<TrialEvent>>, Report> {
        let inner = self.lock();
        match id.term < inner.term {
            true => Err(stale(id)),
            false => Ok(inner.inboxes.get(id).map(|inbox| inbox.sender.clone())),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

fn stale(id: &GenerationId) -> Report {
    let GenerationId { term, trial, number } = id;
    Report::new(
        Kind::Work,
        "stale_generation",
        format!("generation {number} of trial {trial} in term {term} is not running here"),
    )
}
