//! Feeds: what each job has said so far, for any number of watchers, from any point on.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};

use aquifer_proto::JobEvent;
use tokio::sync::Notify;
use tokio::sync::futures::OwnedNotified;

use crate::core::JobId;

/// The feeds of all jobs of this start.
#[derive(Clone, Default)]
pub(crate) struct Feeds {
    jobs: Arc<Mutex<BTreeMap<JobId, Feed>>>,
    /// The token before the first one: those of a later start are larger than those of an earlier one.
    first: u64,
}

struct Feed {
    /// Events with their resume tokens, ascending; a progress event replaces the one before it.
    events: Vec<(u64, JobEvent)>,
    last: u64,
    /// Wakes watchers in the order in which they came: a simulation repeats itself.
    changed: Arc<Notify>,
}

/// An event and its token.
pub(crate) type Numbered = (u64, JobEvent);

impl Feed {
    fn new(first: u64) -> Self {
        Self { events: Vec::new(), last: first, changed: Arc::default() }
    }
}

impl Feeds {
    pub(crate) fn new(term: u64) -> Self {
        Self { first: term << 32, ..Self::default() }
    }

    pub(crate) fn open(&self, job: &JobId) {
        self.lock().entry(job.clone()).or_insert_with(|| Feed::new(self.first));
    }

    /// Begins anew the feed of a job that has ended and is taken up again.
    pub(crate) fn open_again(&self, job: &JobId) {
        let mut jobs = self.lock();
        let ended = |feed: &Feed| feed.events.last().is_some_and(|(_, event)| event.is_last());
        let last = match jobs.get(job) {
            // Who watched it before has a token of then: what comes is later.
            Some(feed) if ended(feed) => feed.last,
            Some(_) => return,
            None => self.first,
        };
        jobs.insert(job.clone(), Feed::new(last));
    }

    pub(crate) fn publish(&self, job: &JobId, event: JobEvent) {
        let mut jobs = self.lock();
        let Some(feed) = jobs.get_mut(job) else { return };
        feed.last += 1;
        let passing = matches!(
            event,
            JobEvent::Progress(_) | JobEvent::Searching(_) | JobEvent::Importing { .. } | JobEvent::Waiting { .. }
        );
        let same_kind = |last: &JobEvent| std::mem::discriminant(last) == std::mem::discriminant(&event);
        let replaces = |last: &JobEvent| passing && same_kind(last);
        feed.events.pop_if(|(_, last)| replaces(last));
        feed.events.push((feed.last, event));
        feed.changed.notify_waiters();
    }

    /// Events after a token, and a way to wait for more; `None` for a job that this start does not know.
    pub(crate) fn after(&self, job: &JobId, token: u64) -> Option<(Vec<Numbered>, OwnedNotified)> {
        let jobs = self.lock();
        let feed = jobs.get(job)?;
        let events = feed.events.iter().filter(|(at, _)| *at > token).cloned().collect();
        Some((events, feed.changed.clone().notified_owned()))
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<JobId, Feed>> {
        self.jobs.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

#[cfg(test)]
mod tests {
    use aquifer_model::{Kind, Report};

    use super::*;

    /// Whoever watched a job that failed hears all of it when it is taken up again.
    #[test]
    fn tokens_go_on_where_the_feed_before_ended() {
        let (feeds, job) = (Feeds::new(1), JobId("a".into()));
        feeds.open(&job);
        let waits = || JobEvent::Waiting { what: "x".into() };
        let failed = || JobEvent::Failed { report: Report::new(Kind::Work, "x", "x") };
        (0..100).for_each(|_| feeds.publish(&job, waits()));
        feeds.open_again(&job);
        let (events, _) = feeds.after(&job, 0).unwrap();
        assert_eq!(events.len(), 1, "it has not ended");
        feeds.publish(&job, failed());
        let last = feeds.after(&job, 0).unwrap().0.last().unwrap().0;
        feeds.open_again(&job);
        feeds.publish(&job, waits());
        feeds.publish(&job, failed());
        let (events, _) = feeds.after(&job, last).unwrap();
        assert_eq!(events.len(), 2, "both are new to who has heard the last of before");
    }
}
