//! Codes of failures that nodes tell apart. What passes is the world's: another node, or another time, may do what failed.

use aquifer_model::Report;

/// A member missed a peer: a consequence of what happened to that peer, or to the way to it.
pub const PEER_LOST: &str = "peer_lost";
/// A member found a state nowhere that it was to go on from.
pub const STATE_LOST: &str = "state_lost";
/// Members' states differ.
pub const STATES_DIFFER: &str = "states_differ";
/// A worker is gone.
pub const WORKER_LOST: &str = "worker_lost";

/// Of the way between nodes: nobody is at fault, and what each of them has is as good as before.
const OF_THE_WAY: &[&str] =
    &[PEER_LOST, "exchange", "peer_timeout", "refused", "stopping", "unauthenticated", "unreachable"];
/// Of one node: another one may do it.
const OF_A_NODE: &[&str] = &["disk_full", "io"];
/// Of what was on its way, or of who is gone.
const PASSED: &[&str] = &[STATE_LOST, WORKER_LOST, "damaged_transfer", "leaving"];

/// Nodes could not reach each other, or did not know each other any more.
pub fn is_of_the_way(report: &Report) -> bool {
    OF_THE_WAY.contains(&&*report.code)
}

/// A node's own disk, say.
pub fn is_of_a_node(report: &Report) -> bool {
    OF_A_NODE.contains(&&*report.code)
}

/// It may be tried again.
pub fn is_passing(report: &Report) -> bool {
    is_of_the_way(report) || is_of_a_node(report) || PASSED.contains(&&*report.code)
}
