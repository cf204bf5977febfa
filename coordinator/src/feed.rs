//! Feeds: what each job has said so far, for any number of watchers, from any point on.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard};

use aquifer_proto::JobEvent;
use tokio::sync::Notify;
use tokio::sync::futures::OwnedNotified;

use crate::core::JobId;

/// Feeds of jobs that have ended, and are kept for who still reads: of others the last event is in their row.
const ENDED_MAX: usize = 64;

/// The feeds of the jobs of this start.
#[derive(Clone, Default)]
pub(crate) struct Feeds(Arc<Mutex<Inner>>);

#[derive(Default)]
struct Inner {
    jobs: BTreeMap<JobId, Feed>,
    /// Those that have ended, in that order; one may have begun again.
    ended: VecDeque<JobId>,
    /// The token before the first one of a new feed: larger than any of an earlier start, or of a feed that is gone.
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

    fn has_ended(&self) -> bool {
        self.events.last().is_some_and(|(_, event)| event.is_last())
    }
}

impl Feeds {
    pub(crate) fn new(term: u64) -> Self {
        Self(Arc::new(Mutex::new(Inner { first: term << 32, ..Inner::default() })))
    }

    pub(crate) fn open(&self, job: &JobId) {
        let Inner { jobs, first, .. } = &mut *self.lock();
        jobs.entry(job.clone()).or_insert_with(|| Feed::new(*first));
    }

    /// Begins anew the feed of a job that has ended and is taken up again.
    pub(crate) fn open_again(&self, job: &JobId) {
        let Inner { jobs, first, .. } = &mut *self.lock();
        let last = match jobs.get(job) {
            // Who watched it before has a token of then: what comes is later.
            Some(feed) if feed.has_ended() => feed.last,
            Some(_) => return,
            None => *first,
        };
        jobs.insert(job.clone(), Feed::new(last));
    }

    pub(crate) fn publish(&self, job: &JobId, event: JobEvent) {
        let Inner { jobs, ended, first } = &mut *self.lock();
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
        if feed.has_ended() {
            ended.push_back(job.clone());
        }
        while ended.len() > ENDED_MAX {
            let oldest = ended.pop_front();
            if let Some((id, feed)) = oldest.and_then(|oldest| jobs.remove_entry(&oldest)) {
                match feed.has_ended() {
                    true => *first = feed.last.max(*first),
                    false => drop(jobs.insert(id, feed)),
                }
            }
        }
    }

    /// Events after a token, and a way to wait for more; `None` for a job that this start does not know.
    pub(crate) fn after(&self, job: &JobId, token: u64) -> Option<(Vec<Numbered>, OwnedNotified)> {
        let inner = self.lock();
        let feed = inner.jobs.get(job)?;
        let events = feed.events.iter().filter(|(at, _)| *at > token).cloned().collect();
        Some((events, feed.changed.clone().notified_owned()))
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

#[cfg(test)]
mod tests {
    use aquifer_model::{Kind, Report};

    use super::*;

    /// Of many jobs the latest are kept, and a token of one that is gone is older than whatever its next feed says.
    #[test]
    fn feeds_of_jobs_that_ended_long_ago_are_gone() {
        let feeds = Feeds::new(1);
        let job = |n: usize| JobId(format!("{n:04}"));
        let failed = || JobEvent::Failed { report: Report::new(Kind::Work, "x", "x") };
        let end = |n: usize| {
            feeds.open(&job(n));
            (0..10).for_each(|_| feeds.publish(&job(n), JobEvent::Waiting { what: "x".into() }));
            feeds.publish(&job(n), failed());
        };
        end(0);
        let last = feeds.after(&job(0), 0).unwrap().0.last().unwrap().0;
        feeds.open(&job(9999));
        (1..=ENDED_MAX).for_each(end);
        assert!(feeds.after(&job(0), 0).is_none() && feeds.after(&job(1), 0).is_some());
        assert!(feeds.after(&job(9999), 0).is_some(), "it is at work");
        feeds.open(&job(0));
        feeds.publish(&job(0), failed());
        assert_eq!(feeds.after(&job(0), last).unwrap().0.len(), 1);
    }

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
