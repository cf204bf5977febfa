//! What has happened, as the driver saw it pass by: recent events for people, and counts for operators. Nothing is decided
//! from it, and it ends with the process; what must last is the journal's.

use std::collections::{BTreeSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use aquifer_proto::wall_clock_ms;
use tracing::{info, warn};

use crate::core::{Command, Effect, Event, JobId, State, TrialReport, WorkerId};

/// Older ones are forgotten.
const EVENTS_MAX: usize = 100;

/// Shared by the driver, which writes, and the services, which read. Cheap to clone.
#[derive(Clone, Default)]
pub(crate) struct Record(Arc<Mutex<Inner>>);

#[derive(Default)]
struct Inner {
    recent: VecDeque<Happening>,
    counts: Counts,
    /// Jobs that lost a worker, with the last one, until something of them is placed again.
    interrupted: Vec<(JobId, WorkerId)>,
    /// Members whose lease had run out at the last look.
    overdue: BTreeSet<WorkerId>,
}

/// An event of the cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Happening {
    /// By the coordinator's clock, for people.
    pub(crate) when_ms: u64,
    pub(crate) what: What,
    pub(crate) worker: Option<WorkerId>,
    pub(crate) job: Option<JobId>,
    pub(crate) why: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum What {
    Joined,
    /// It was told to end, and handed over what it had.
    Left,
    Lost,
    PlacedAgain,
}

impl What {
    pub(crate) fn word(self) -> &'static str {
        match self {
            What::Joined => "joined",
            What::Left => "left",
            What::Lost => "lost",
            What::PlacedAgain => "placed_again",
        }
    }
}

/// Since the process began.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) joined: u64,
    pub(crate) left: u64,
    /// Workers lost with their session, those whose lease ran out, and those that computed wrongly.
    pub(crate) lost_session: u64,
    pub(crate) lost_lease: u64,
    pub(crate) lost_quarantined: u64,
    pub(crate) placed_again: u64,
    pub(crate) submitted: u64,
    pub(crate) trials: u64,
    pub(crate) models: u64,
    pub(crate) checkpoints: u64,
    pub(crate) checkpoint_bytes: u64,
    pub(crate) imported_shards: u64,
    pub(crate) imported_rows: u64,
    pub(crate) imported_bytes: u64,
    pub(crate) commits: u64,
    pub(crate) commits_failed: u64,
}

impl Record {
    /// Before the core takes it: whoever is about to be lost is still a member.
    pub(crate) fn see_event(&self, state: &State, now: Duration, event: &Event) {
        let mut inner = self.lock();
        match event {
            Event::Tick => {
                let overdue = state.workers().iter().filter(|(_, worker)| worker.lease_until <= now);
                inner.overdue = overdue.map(|(worker, _)| worker.clone()).collect();
                for worker in inner.overdue.clone() {
                    inner.interrupt(state, &worker);
                }
            }
            Event::WorkerRegistered { worker, registration, .. } => {
                inner.counts.joined += 1;
                let why = format!("it registered from {}", registration.address);
                inner.push(What::Joined, Some(worker), None, why);
            }
            Event::WorkerLeaving { worker } => inner.interrupt(state, worker),
            Event::WorkerGone { worker, reason } => match state.workers().get(worker) {
                Some(member) if member.leaving => {
                    inner.counts.left += 1;
                    inner.push(What::Left, Some(worker), None, "it was told to end".into());
                }
                Some(_) => {
                    inner.counts.lost_session += 1;
                    inner.interrupt(state, worker);
                    inner.push(What::Lost, Some(worker), None, reason.clone());
                }
                None => {} // fenced off before
            },
            Event::Submitted { job, .. } => {
                inner.counts.submitted += 1;
                info!(%job, "submitted");
            }
            Event::ShardImported { result: Ok(made), .. } => {
                inner.counts.imported_shards += 1;
                inner.counts.imported_rows += made.rows.end - made.rows.start;
                inner.counts.imported_bytes += made.bytes;
            }
            // All of its members say so; one is enough.
            Event::TrialReported { job, worker, number, report: TrialReport::Finished { .. } } => {
                let incarnation = state.workers().get(worker).map(|worker| worker.incarnation);
                let first = state.holder_of_first_rank(job, *number);
                inner.counts.trials += u64::from(first.is_some() && first == incarnation);
            }
            Event::ModelStored { .. } => inner.counts.models += 1,
            _ => {}
        }
    }

    pub(crate) fn see_effect(&self, effect: &Effect) {
        match effect {
            Effect::Disconnect { worker, reason } => {
                let mut inner = self.lock();
                match inner.overdue.contains(worker) {
                    true => inner.counts.lost_lease += 1,
                    false => inner.counts.lost_quarantined += 1,
                }
                inner.push(What::Lost, Some(worker), None, reason.clone());
            }
            Effect::Send { worker, command: Command::StartTrial { job, .. } | Command::ImportShard { job, .. } } => {
                self.lock().placed(job, worker)
            }
            Effect::Notify { job, event } if event.is_last() => info!(%job, "a job ended"),
            _ => {}
        }
    }

    /// A transaction of the journal.
    pub(crate) fn committed(&self, done: bool) {
        let mut inner = self.lock();
        inner.counts.commits += 1;
        inner.counts.commits_failed += u64::from(!done);
    }

    /// A state of so many bytes was kept.
    pub(crate) fn checkpointed(&self, bytes: u64) {
        let mut inner = self.lock();
        inner.counts.checkpoints += 1;
        inner.counts.checkpoint_bytes += bytes;
    }

    /// The newest last.
    pub(crate) fn recent(&self) -> Vec<Happening> {
        self.lock().recent.iter().cloned().collect()
    }

    pub(crate) fn counts(&self) -> Counts {
        self.lock().counts.clone()
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

impl Inner {
    fn push(&mut self, what: What, worker: Option<&WorkerId>, job: Option<&JobId>, why: String) {
        let (worker, job) = (worker.cloned(), job.cloned());
        let (by, of) = (worker.as_ref().map(|worker| &*worker.0), job.as_ref().map(|job| &*job.0));
        match what {
            What::Lost => warn!(worker = by, why, "a worker is lost"),
            What::Joined => info!(worker = by, why, "a worker joined"),
            What::Left => info!(worker = by, why, "a worker left"),
            What::PlacedAgain => info!(worker = by, job = of, why, "a job is placed again"),
        }
        if self.recent.len() == EVENTS_MAX {
            self.recent.pop_front();
        }
        self.recent.push_back(Happening { when_ms: wall_clock_ms(), what, worker, job, why });
    }

    /// What a worker that is about to be lost had a part in.
    fn interrupt(&mut self, state: &State, worker: &WorkerId) {
        let jobs: BTreeSet<JobId> = state.trials_of(worker).into_iter().collect();
        self.interrupted.retain(|(job, _)| !jobs.contains(job) && state.job(job).is_some_and(|job| job.is_active()));
        self.interrupted.extend(jobs.into_iter().map(|job| (job, worker.clone())));
    }

    /// Something of a job is given to a worker: after a loss that is worth saying, once.
    fn placed(&mut self, job: &JobId, worker: &WorkerId) {
        let Some(at) = self.interrupted.iter().position(|(of, _)| of == job) else { return };
        let (_, lost) = self.interrupted.swap_remove(at);
        self.counts.placed_again += 1;
        self.push(What::PlacedAgain, Some(worker), Some(job), format!("{lost} is gone"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::Registration;

    fn registered(state: &mut State, record: &Record, name: &str) {
        let registration = Registration { address: "http://a".into(), ..Registration::default() };
        let event = Event::WorkerRegistered { worker: WorkerId(name.into()), incarnation: 1, registration };
        record.see_event(state, Duration::ZERO, &event);
        state.step(Duration::ZERO, event);
    }

    fn words(record: &Record) -> Vec<(&'static str, String)> {
        record.recent().into_iter().map(|it| (it.what.word(), it.worker.map_or("-".into(), |w| w.0))).collect()
    }

    #[test]
    fn a_worker_is_lost_once_whatever_ends_it() {
        let (mut state, record) = (State::new(1), Record::default());
        registered(&mut state, &record, "a");
        registered(&mut state, &record, "b");
        let gone = |worker: &str| Event::WorkerGone { worker: WorkerId(worker.into()), reason: "it stopped".into() };
        // The lease of one runs out; its session, which is then closed, is no second loss.
        let late = Duration::from_secs(1000);
        record.see_event(&state, Duration::ZERO, &gone("b"));
        state.step(Duration::ZERO, gone("b"));
        record.see_event(&state, late, &Event::Tick);
        state.step(late, Event::Tick).iter().for_each(|effect| record.see_effect(effect));
        record.see_event(&state, late, &gone("a"));
        assert_eq!(
            words(&record),
            [("joined", "a"), ("joined", "b"), ("lost", "b"), ("lost", "a")].map(|(what, by)| (what, by.to_owned()))
        );
        let counts = record.counts();
        assert_eq!((counts.joined, counts.lost_session, counts.lost_lease), (2, 1, 1));
        assert!(record.recent()[3].why.contains("lease"));
    }

    #[test]
    fn a_worker_that_says_so_leaves() {
        let (mut state, record) = (State::new(1), Record::default());
        registered(&mut state, &record, "a");
        let worker = WorkerId("a".into());
        for event in [
            Event::WorkerLeaving { worker: worker.clone() },
            Event::WorkerGone { worker, reason: "its session ended".into() },
        ] {
            record.see_event(&state, Duration::ZERO, &event);
            state.step(Duration::ZERO, event);
        }
        assert_eq!(words(&record), [("joined", "a".to_owned()), ("left", "a".to_owned())]);
        assert_eq!((record.counts().left, record.counts().lost_session), (1, 0));
    }

    #[test]
    fn only_recent_events_are_kept() {
        let (mut state, record) = (State::new(1), Record::default());
        for number in 0..EVENTS_MAX + 5 {
            registered(&mut state, &record, &format!("worker-{number}"));
        }
        let recent = record.recent();
        assert_eq!(recent.len(), EVENTS_MAX);
        assert_eq!(recent[0].worker, Some(WorkerId("worker-5".into())));
    }
}
