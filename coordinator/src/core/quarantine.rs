//! Workers that compute wrongly: found by members whose states differ, and kept out.

use std::collections::BTreeSet;
use std::time::Duration;

use aquifer_model::{Kind, Report};
use aquifer_proto::STATES_DIFFER;

use super::search::{DISPUTES_MAX, Left, stop_run};
use super::{Effect, JobId, State, WorkerId};

impl State {
    /// Why this node may not register.
    pub fn refusal(&self, node: &str) -> Option<Report> {
        self.quarantined.contains(node).then(|| {
            let message = format!("the node {node} computed other states than the rest of the cluster");
            Report::new(Kind::Access, "quarantined", message)
                .hint("check this machine's memory and processor; the coordinator forgets it when it is started again")
        })
    }

    /// A member has found another state at a peer.
    pub(super) fn states_differ(
        &mut self,
        now: Duration,
        id: &JobId,
        worker: &WorkerId,
        number: u64,
        trial: usize,
        (round, check): (u64, u64),
    ) -> Vec<Effect> {
        let Some(search) = self.jobs.get_mut(id).and_then(|job| job.search.as_mut()) else { return Vec::new() };
        let Some(run) = search.runs.get_mut(&number) else { return Vec::new() };
        let Some(key) = run.trials.get(trial).copied() else { return Vec::new() };
        let first = run.stopping.is_none();
        run.disputed = true;
        let effects = stop_run(id, number, run, Some(worker), Left::Placed, now);
        let dispute = search.disputes.entry(key).or_default();
        if first {
            dispute.count += 1;
        }
        if dispute.round != round {
            dispute.round = round;
            dispute.checks.clear();
        }
        dispute.checks.insert(worker.clone(), check);
        if dispute.count > DISPUTES_MAX {
            let names: Vec<&str> = dispute.checks.keys().map(|worker| worker.0.as_str()).collect();
            let message = format!("the states of {} differed again and again, in round {round}", names.join(" and "));
            let report = Report::new(Kind::Work, STATES_DIFFER, message)
                .hint("one of these machines computes wrongly: check their memory and processors");
            search.fail(key.candidate, report);
        } else if first {
            search.swaps += 1;
        }
        effects
    }

    /// A member of the trial that is computed again says what it has: whoever is wrong is kept out.
    pub(super) fn state_checked(
        &mut self,
        now: Duration,
        id: &JobId,
        worker: &WorkerId,
        number: u64,
        trial: usize,
        (round, check): (u64, u64),
    ) -> Vec<Effect> {
        let Some(search) = self.jobs.get_mut(id).and_then(|job| job.search.as_mut()) else { return Vec::new() };
        let Some(run) = search.runs.get(&number) else { return Vec::new() };
        let members: BTreeSet<WorkerId> = run.members.iter().map(|member| member.worker.clone()).collect();
        let Some(key) = run.trials.get(trial).copied().filter(|_| members.contains(worker)) else {
            return Vec::new();
        };
        let Some(dispute) = search.disputes.get_mut(&key).filter(|dispute| dispute.round == round) else {
            return Vec::new();
        };
        let culprits = dispute.checked(number, &members, worker, check);
        let mut effects = Vec::new();
        for worker in culprits {
            let Some(at) = self.workers.get(&worker) else { continue };
            self.quarantined.insert(at.registration.node.clone());
            let reason = format!("before round {round} it had a state that nobody could compute again");
            effects.push(Effect::Disconnect { worker: worker.clone(), reason: reason.clone() });
            effects.extend(self.worker_gone(now, &worker, &reason));
        }
        effects
    }
}
