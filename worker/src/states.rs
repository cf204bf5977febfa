//! States that this worker holds of trials which are not at work here at the moment: of cohorts that were stopped, so that
//! whoever goes on with them can have the state, from here or over the network.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use aquifer_model::Snapshot;
use aquifer_proto::v1::HeldState;

/// Nobody asks for a state that is older: its job has ended while its coordinator was away.
const HELD_MAX: Duration = Duration::from_secs(3600);

/// Cheap to clone.
#[derive(Clone, Default)]
pub(crate) struct States(Arc<Mutex<BTreeMap<String, Held>>>);

#[derive(Clone)]
pub(crate) struct Held {
    pub(crate) job: String,
    pub(crate) snapshot: Arc<Snapshot>,
    since: Duration,
}

impl Held {
    pub(crate) fn round(&self) -> u64 {
        self.snapshot.state.record.round
    }
}

impl States {
    /// Holds a state from `now` on, unless a newer one of the same trial is held.
    pub(crate) fn hold(&self, job: &str, snapshot: Snapshot, now: Duration) -> HeldState {
        self.prune(now);
        let (identity, round) = (snapshot.identity.clone(), snapshot.state.record.round);
        let mut states = self.lock();
        if states.get(&identity).is_none_or(|held| held.round() < round) {
            let snapshot = Arc::new(snapshot);
            states.insert(identity.clone(), Held { job: job.to_owned(), snapshot, since: now });
        }
        HeldState { identity, round }
    }

    /// Lets those go that nobody has asked for in a long time.
    pub(crate) fn prune(&self, now: Duration) {
        self.lock().retain(|_, held| held.since + HELD_MAX > now);
    }

    pub(crate) fn get(&self, identity: &str, round: u64) -> Option<Arc<Snapshot>> {
        self.lock().get(identity).filter(|held| held.round() == round).map(|held| held.snapshot.clone())
    }

    pub(crate) fn forget(&self, identity: &str) {
        self.lock().remove(identity);
    }

    pub(crate) fn forget_job(&self, job: &str) {
        self.lock().retain(|_, held| held.job != job);
    }

    pub(crate) fn all(&self) -> Vec<(String, Held)> {
        self.lock().iter().map(|(identity, held)| (identity.clone(), held.clone())).collect()
    }

    /// What is said of them at registration.
    pub(crate) fn list(&self) -> Vec<HeldState> {
        let state = |(identity, held): (&String, &Held)| HeldState { identity: identity.clone(), round: held.round() };
        self.lock().iter().map(state).collect()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Held>> {
        self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

#[cfg(test)]
mod tests {
    use aquifer_model::{Record, State};

    use super::*;

    #[test]
    fn the_newest_state_of_a_trial_is_held_until_it_is_forgotten() {
        let states = States::default();
        let state = |round| State { record: Record { round, ..Record::default() }, vectors: Vec::new() };
        let hold = |round, now| {
            let (identity, state, seconds) = ("a".to_owned(), state(round), 0.0);
            let (train_seconds, score_seconds) = (seconds, seconds);
            let snapshot = Snapshot { identity, state, holdout: None, train_seconds, score_seconds };
            states.hold("job", snapshot, Duration::from_secs(now))
        };
        assert_eq!(hold(5, 0).round, 5);
        hold(4, 1);
        assert!(states.get("a", 4).is_none() && states.get("b", 5).is_none());
        let held = states.get("a", 5).unwrap();
        assert_eq!((held.identity.as_str(), held.state.record.round), ("a", 5));
        hold(3, 4000);
        assert_eq!(
            states.list(),
            [HeldState { identity: "a".into(), round: 3 }],
            "the older one was held for too long"
        );
        states.forget_job("another");
        assert_eq!(states.all().len(), 1);
        states.forget_job("job");
        assert!(states.all().is_empty());
        hold(1, 5000);
        states.forget("a");
        assert!(states.all().is_empty());
    }
}
