//! Members of a trial whose states differ: none of them is believed. The trial goes back to its last checkpoint, with its
//! ranks on other members; who had another state than the one that comes out then computes wrongly.

use std::collections::BTreeMap;

use crate::core::WorkerId;

/// A trial that is disputed more often than this has failed.
pub(in crate::core) const DISPUTES_MAX: u32 = 3;

#[derive(Clone, Debug, Default)]
pub(in crate::core) struct Dispute {
    /// Before this round the states differed.
    pub(in crate::core) round: u64,
    /// What each member had.
    pub(in crate::core) checks: BTreeMap<WorkerId, u64>,
    /// How often there was one.
    pub(in crate::core) count: u32,
}

impl Dispute {
    /// Who had another state than the one that was computed again.
    pub(in crate::core) fn culprits(&self, check: u64) -> Vec<WorkerId> {
        self.checks.iter().filter(|(_, had)| **had != check).map(|(worker, _)| worker.clone()).collect()
    }
}
