//! The exchange of a trial's rounds: reduce-scatter by segments, then all-gather, between the members of a generation.
//!
//! A pure state machine over what was mapped here and what arrived from peers, in any order. A peer can be at most one
//! round ahead, because it needs this member's segment to go on; what comes early waits here.

use std::collections::BTreeMap;
use std::ops::Range;

use aquifer_frame::{Fold, Node};
use aquifer_model::{Partial, ValueType, Values, VectorSpec};

use super::segment::{Segment, join, segments};

/// Who maps which ranks: one range a member, in order, together `0..ranks`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Placement {
    pub ranks: Vec<Range<u32>>,
    pub me: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    /// Nodes for the receiver's segment.
    ReduceScatter,
    /// The sum of the sender's segment.
    AllGather,
}

/// Nodes for a member: to be sent whole, in order.
#[derive(Clone, Debug, PartialEq)]
pub struct Outgoing {
    pub to: usize,
    pub round: u64,
    pub phase: Phase,
    pub nodes: Vec<(Node, Option<Partial>)>,
}

/// A peer that does not keep to the round.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum ExchangeError {
    #[error("member {member} sent round {round} while round {current} is running")]
    WrongRound { member: usize, round: u64, current: u64 },
    #[error("member {member} sent its part of round {round} twice")]
    Twice { member: usize, round: u64 },
    #[error("member {member} sent nodes that are not the ones of its ranks in round {round}")]
    WrongNodes { member: usize, round: u64 },
    #[error("the sums of round {round} do not belong together")]
    Sums { round: u64 },
    #[error("the placement does not share out {ranks} ranks in order")]
    Placement { ranks: u32 },
}

/// Neighbours in the tree of all ranks, in order.
pub(crate) type Nodes = Vec<(Node, Option<Partial>)>;

/// The running round, and early arrivals of the next.
pub struct Exchange {
    placement: Placement,
    vectors: Vec<VectorSpec>,
    segments: Vec<Segment>,
    round: Option<u64>,
    /// Ranks mapped here, from the first of each run on, that wait for one before them.
    mapped: BTreeMap<u32, (u32, Nodes)>,
    next_rank: u32,
    own: Fold<Partial>,
    arrived: BTreeMap<(u64, Phase, usize), Nodes>,
    reduced: bool,
    /// Memory of partials that have been added to others, to make the next ones in.
    spare: Vec<Vec<f32>>,
}

/// What a step of the exchange led to.
#[derive(Debug, Default)]
pub struct Progress {
    pub outgoing: Vec<Outgoing>,
    /// The round's total, once it is known; `Some(None)` if every rank was skipped.
    pub total: Option<Option<Partial>>,
}

impl Exchange {
    /// For a trial of `ranks` ranks; the placement comes from the wire.
    pub fn new(placement: Placement, ranks: u32) -> Result<Self, ExchangeError> {
        let mut next = 0;
        let in_order = placement.ranks.iter().all(|own| {
            let fits = own.start == next && own.start < own.end;
            next = own.end;
            fits
        });
        if !in_order || next != ranks || placement.me >= placement.ranks.len() {
            return Err(ExchangeError::Placement { ranks });
        }
        Ok(Self {
            placement,
            vectors: Vec::new(),
            segments: Vec::new(),
            round: None,
            mapped: BTreeMap::new(),
            next_rank: 0,
            own: Fold::default(),
            arrived: BTreeMap::new(),
            reduced: false,
            spare: Vec::new(),
        })
    }

    /// The ranks to be mapped here.
    pub fn own_ranks(&self) -> Range<u32> {
        self.placement.ranks[self.placement.me].clone()
    }

    fn members(&self) -> usize {
        self.placement.ranks.len()
    }

    fn rank_count(&self) -> u64 {
        self.placement.ranks.last().map_or(0, |last| u64::from(last.end))
    }

    /// Every own rank has been mapped: from now on only peers are waited for.
    pub fn own_done(&self) -> bool {
        self.next_rank == self.own_ranks().end
    }

    /// Members that this one still waits for, with the phase: for messages.
    pub fn waiting_for(&self) -> Vec<(usize, Phase)> {
        let Some(round) = self.round else { return Vec::new() };
        let phase = if self.reduced { Phase::AllGather } else { Phase::ReduceScatter };
        let missing = |k: &usize| *k != self.placement.me && !self.arrived.contains_key(&(round, phase, *k));
        (0..self.members()).filter(missing).map(|k| (k, phase)).collect()
    }

    /// Begins a round whose partials have these vectors.
    pub fn begin(&mut self, round: u64, vectors: Vec<VectorSpec>) -> Result<Progress, ExchangeError> {
        assert!(self.round.is_none(), "one round at a time");
        self.segments = segments(&vectors, self.members());
        self.vectors = vectors;
        self.round = Some(round);
        self.next_rank = self.own_ranks().start;
        self.reduced = false;
        self.advance()
    }

    /// One of the own ranks was mapped; `None` if it had no rows.
    pub fn rank_mapped(&mut self, rank: u32, partial: Option<Partial>) -> Result<Progress, ExchangeError> {
        self.ranks_mapped(rank..rank + 1, vec![(Node { lo: u64::from(rank), n: 1 }, partial)])
    }

    /// Some of the own ranks were mapped, and pre-added to whole nodes.
    pub fn ranks_mapped(&mut self, ranks: Range<u32>, nodes: Nodes) -> Result<Progress, ExchangeError> {
        debug_assert!(self.own_ranks().start <= ranks.start && ranks.end <= self.own_ranks().end);
        debug_assert!(nodes.iter().all(|(node, _)| is_whole(*node)), "an owner adds up whole nodes only");
        self.mapped.insert(ranks.start, (ranks.end, nodes));
        while let Some((end, nodes)) = self.mapped.remove(&self.next_rank) {
            for (node, partial) in nodes {
                self.own.push(node, partial, |left, right| add(left, right, &mut self.spare));
            }
            self.next_rank = end;
        }
        let mut progress = Progress::default();
        if self.own_done() && self.members() > 1 {
            progress.outgoing = self.scatter();
        }
        let more = self.advance()?;
        progress.outgoing.extend(more.outgoing);
        Ok(Progress { total: more.total, ..progress })
    }

    /// Memory to make two partials in: vectors as long as those of earlier ones, as far as there are any.
    pub fn spare(&mut self) -> Vec<Vec<f32>> {
        let count = 2 * self.vectors.iter().filter(|vector| vector.value_type == ValueType::F32).count();
        self.spare.split_off(self.spare.len().saturating_sub(count))
    }

    /// Takes back the memory of a total that was applied.
    pub fn use_again(&mut self, total: Partial) {
        reuse(total, &mut self.spare);
    }

    /// Takes back what is left of [`Exchange::spare`].
    pub(crate) fn give_back(&mut self, spare: Vec<Vec<f32>>) {
        self.spare.extend(spare);
        self.spare.truncate(SPARE_MAX);
    }

    /// The most nodes that a member sends for a phase: what a receiver makes room for.
    pub fn nodes_max(&self, phase: Phase, from: usize) -> usize {
        match phase {
            Phase::ReduceScatter => self.placement.ranks.get(from).map_or(0, |ranks| ranks.len()),
            Phase::AllGather => 1,
        }
    }

    /// The shape of what `phase` brings here: to read messages with. `None` while that round has not begun.
    pub fn shape(&self, round: u64, phase: Phase, from: usize) -> Option<Vec<(ValueType, usize)>> {
        let segment = match phase {
            Phase::ReduceScatter => self.placement.me,
            Phase::AllGather => from,
        };
        let running = self.round == Some(round);
        running.then(|| self.segments.get(segment).map(|s| s.shape(&self.vectors))).flatten()
    }

    /// All that a member sends for a phase of a round has arrived.
    pub fn arrived(&mut self, from: usize, round: u64, phase: Phase, nodes: Nodes) -> Result<Progress, ExchangeError> {
        let current = self.round.unwrap_or(round);
        if round != current {
            return Err(ExchangeError::WrongRound { member: from, round, current });
        }
        if !self.nodes_fit(from, phase, &nodes) {
            return Err(ExchangeError::WrongNodes { member: from, round });
        }
        if self.arrived.insert((round, phase, from), nodes).is_some() {
            return Err(ExchangeError::Twice { member: from, round });
        }
        self.advance()
    }

    fn nodes_fit(&self, from: usize, phase: Phase, nodes: &Nodes) -> bool {
        let Some(ranks) = self.placement.ranks.get(from) else { return false };
        let expected = match phase {
            Phase::ReduceScatter => u64::from(ranks.start)..u64::from(ranks.end),
            Phase::AllGather => 0..self.rank_count(),
        };
        let mut next = expected.start;
        let in_order = nodes.iter().all(|(node, _)| {
            let fits = node.lo == next && node.n > 0 && (phase == Phase::AllGather || is_whole(*node));
            next = next.saturating_add(node.n);
            fits
        });
        in_order && next == expected.end && nodes.len() <= self.nodes_max(phase, from)
    }

    /// Own ranks are done: every other member gets its segment of the own nodes.
    fn scatter(&mut self) -> Vec<Outgoing> {
        let Some(round) = self.round else { return Vec::new() };
        let nodes = std::mem::take(&mut self.own).into_nodes();
        let cut = |segment: &Segment| -> Nodes {
            nodes.iter().map(|(node, partial)| (*node, partial.as_ref().map(|p| segment.cut(p)))).collect()
        };
        let me = self.placement.me;
        let outgoing = |to| Outgoing { to, round, phase: Phase::ReduceScatter, nodes: cut(&self.segments[to]) };
        let messages = (0..self.members()).filter(|to| *to != me).map(outgoing).collect();
        let own = cut(&self.segments[me]);
        self.arrived.insert((round, Phase::ReduceScatter, me), own);
        messages
    }

    fn take_all(&mut self, round: u64, phase: Phase) -> Option<Vec<Nodes>> {
        let all = (0..self.members()).all(|k| self.arrived.contains_key(&(round, phase, k)));
        all.then(|| (0..self.members()).filter_map(|k| self.arrived.remove(&(round, phase, k))).collect())
    }

    /// Sums the own segment once all nodes are here, and joins the segments once all sums are.
    fn advance(&mut self) -> Result<Progress, ExchangeError> {
        let mut progress = Progress::default();
        let Some(round) = self.round else { return Ok(progress) };
        if self.members() == 1 {
            // There is nobody to exchange with.
            if self.own_done() {
                let sum = std::mem::take(&mut self.own);
                progress.total = Some(sum.finish(|left, right| add(left, right, &mut self.spare)));
                self.round = None;
            }
            return Ok(progress);
        }
        if !self.reduced
            && let Some(all) = self.take_all(round, Phase::ReduceScatter)
        {
            self.reduced = true;
            let mut sum = Fold::default();
            for (node, partial) in all.into_iter().flatten() {
                sum.push(node, partial, Partial::add);
            }
            let nodes = vec![(Node { lo: 0, n: self.rank_count() }, sum.finish(Partial::add))];
            let me = self.placement.me;
            let outgoing = |to| Outgoing { to, round, phase: Phase::AllGather, nodes: nodes.clone() };
            progress.outgoing = (0..self.members()).filter(|to| *to != me).map(outgoing).collect();
            self.arrived.insert((round, Phase::AllGather, me), nodes);
        }
        if self.reduced
            && let Some(all) = self.take_all(round, Phase::AllGather)
        {
            let parts: Vec<Partial> = all.into_iter().flatten().filter_map(|(_, partial)| partial).collect();
            // Weight and skipping are decided by all ranks: the same in every segment, or somebody computes wrongly.
            let agree = parts.windows(2).all(|pair| pair[0].weight.to_bits() == pair[1].weight.to_bits());
            if !agree || (!parts.is_empty() && parts.len() != self.members()) {
                return Err(ExchangeError::Sums { round });
            }
            progress.total = Some(join(parts, &self.vectors));
            self.round = None;
        }
        Ok(progress)
    }
}

/// Vectors that are kept to be used again.
const SPARE_MAX: usize = 12;

/// The sum of two neighbours; the memory of the right one is kept.
pub(crate) fn add(mut left: Partial, right: Partial, spare: &mut Vec<Vec<f32>>) -> Partial {
    left.add_from(&right);
    reuse(right, spare);
    left
}

fn reuse(partial: Partial, spare: &mut Vec<Vec<f32>>) {
    let floats = partial.vectors.into_iter().filter_map(|values| match values {
        Values::F32(values) if !values.is_empty() => Some(values),
        _ => None,
    });
    spare.extend(floats.take(SPARE_MAX - spare.len().min(SPARE_MAX)));
}

/// A node that any sharing of the ranks may pre-add: an aligned power of two.
fn is_whole(node: Node) -> bool {
    node.n.is_power_of_two() && node.lo.is_multiple_of(node.n)
}

#[cfg(test)]
mod tests;
