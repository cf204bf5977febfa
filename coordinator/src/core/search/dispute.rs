//! Members of a trial whose states differ: none of them is believed. The trial goes back to its last checkpoint, with its
//! ranks on other members; who had, or has, another state than most of them then computes wrongly.

use std::collections::{BTreeMap, BTreeSet};

use crate::core::WorkerId;

/// A trial that is disputed more often than this has failed.
pub(in crate::core) const DISPUTES_MAX: u32 = 3;

#[derive(Clone, Debug, Default)]
pub(in crate::core) struct Dispute {
    /// Before this round the states differed.
    pub(in crate::core) round: u64,
    /// What each member had.
    pub(in crate::core) checks: BTreeMap<WorkerId, u64>,
    /// The run that computes it again, and what its members have said so far.
    pub(in crate::core) again: (u64, BTreeMap<WorkerId, u64>),
    /// How often there was one.
    pub(in crate::core) count: u32,
}

impl Dispute {
    /// A member of the run that computes it again says what it has. Once all have: who is wrong. Nobody is where most of them do
    /// not agree, or where nobody but one has said so, then or before: one word stands against another.
    pub(in crate::core) fn checked(
        &mut self,
        run: u64,
        members: &BTreeSet<WorkerId>,
        worker: &WorkerId,
        check: u64,
    ) -> BTreeSet<WorkerId> {
        if self.again.0 != run {
            self.again = (run, BTreeMap::new());
        }
        let said = &mut self.again.1;
        said.insert(worker.clone(), check);
        if !members.iter().all(|member| said.contains_key(member)) {
            return BTreeSet::new();
        }
        let most = said.values().find(|check| 2 * said.values().filter(|other| other == check).count() > said.len());
        let Some(most) = most.copied() else { return BTreeSet::new() };
        let all = || said.iter().chain(&self.checks);
        let agree: BTreeSet<&WorkerId> = all().filter(|(_, check)| **check == most).map(|(worker, _)| worker).collect();
        if agree.len() < 2 {
            return BTreeSet::new();
        }
        let wrong = all().filter(|(_, check)| **check != most).map(|(worker, _)| worker.clone()).collect();
        self.checks.clear();
        wrong
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn workers(names: &[&str]) -> BTreeSet<WorkerId> {
        names.iter().map(|name| WorkerId((*name).to_owned())).collect()
    }

    /// Who is wrong, of members that had the first checks, and those that say the second ones again.
    fn wrong(before: &[(&str, u64)], again: &[(&str, u64)]) -> Vec<String> {
        let checks = before.iter().map(|(name, check)| (WorkerId((*name).to_owned()), *check)).collect();
        let mut dispute = Dispute { round: 1, checks, ..Dispute::default() };
        let members = workers(&again.iter().map(|(name, _)| *name).collect::<Vec<_>>());
        let say = |(name, check): &(&str, u64)| dispute.checked(7, &members, &WorkerId((*name).to_owned()), *check);
        let found: Vec<BTreeSet<WorkerId>> = again.iter().map(say).collect();
        let (last, earlier) = found.split_last().unwrap();
        assert!(earlier.iter().all(BTreeSet::is_empty), "nobody is wrong before all have spoken");
        last.iter().map(|worker| worker.0.clone()).collect()
    }

    #[test]
    fn who_differs_from_most_is_wrong() {
        assert_eq!(wrong(&[("a", 1), ("b", 2)], &[("a", 1), ("b", 1)]), ["b"], "it was");
        assert_eq!(wrong(&[("a", 1), ("b", 2)], &[("a", 1), ("b", 3), ("c", 1)]), ["b"], "it was, and is");
        assert_eq!(wrong(&[("a", 1), ("b", 2)], &[("c", 1)]), ["b"], "two have it");
    }

    #[test]
    fn one_word_against_another_convicts_nobody() {
        assert!(wrong(&[("a", 1), ("b", 2)], &[("b", 2), ("a", 1)]).is_empty());
        assert!(wrong(&[("a", 1), ("b", 2)], &[("b", 2)]).is_empty(), "it says what it said");
        assert!(wrong(&[("a", 1), ("b", 2)], &[("c", 3)]).is_empty(), "nobody else has that");
        assert!(wrong(&[("a", 1), ("b", 2)], &[("a", 1), ("b", 2), ("c", 3)]).is_empty());
    }
}
