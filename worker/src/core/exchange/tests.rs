//! A few members, a queue of messages, a seed: no thread, no network.

use aquifer_frame::Philox;
use aquifer_model::Values;

use super::*;

fn vectors() -> Vec<VectorSpec> {
    let spec = |name: &str, value_type, len| VectorSpec { name: name.into(), value_type, len };
    vec![spec("w", ValueType::F32, 37), spec("loss", ValueType::F64, 1), spec("n", ValueType::U64, 2)]
}

/// What a rank gives in a round; rank 2 has no rows.
fn partial(round: u64, rank: u32) -> Option<Partial> {
    let value = |i: u32| 1.0 / (1.0 + f32::from(rank as u16) * 3.7 + i as f32 + round as f32);
    (rank != 2).then(|| Partial {
        weight: 1.0 + f64::from(rank) / 3.0,
        vectors: vec![
            Values::F32((0..37).map(value).collect()),
            Values::F64(vec![f64::from(value(5))]),
            Values::U64(vec![u64::from(rank), round]),
        ],
    })
}

/// The definition: leaves added in `tree(0, ranks)`.
fn expected(round: u64, node: Node) -> Option<Partial> {
    match node.children() {
        None => partial(round, node.lo as u32),
        Some((l, r)) => match (expected(round, l), expected(round, r)) {
            (Some(a), Some(b)) => Some(Partial::add(a, b)),
            (a, b) => a.or(b),
        },
    }
}

fn placement(ranks: u32, members: u32, me: usize) -> Placement {
    let cut = |k: u32| k * ranks / members;
    Placement { ranks: (0..members).map(|k| cut(k)..cut(k + 1)).collect(), me }
}

enum Step {
    Map(usize, u32),
    Deliver(usize, Outgoing),
}

/// Runs `rounds` rounds of all members, each next step picked by the seed; returns each member's totals.
fn run(ranks: u32, members: u32, rounds: u64, seed: u64) -> Vec<Vec<Option<Partial>>> {
    let random = Philox::new(seed, "schedule");
    let mut nodes: Vec<Exchange> =
        (0..members as usize).map(|me| Exchange::new(placement(ranks, members, me), ranks).unwrap()).collect();
    let mut totals = vec![Vec::new(); members as usize];
    let mut queue: Vec<Step> = Vec::new();
    let mut held: Vec<Step> = Vec::new(); // early arrivals: the shell keeps them until the round begins
    let begin = |who: usize, round: u64, node: &mut Exchange, queue: &mut Vec<Step>| {
        assert!(node.begin(round, vectors()).unwrap().total.is_none());
        queue.extend(node.own_ranks().map(|rank| Step::Map(who, rank)));
    };
    for (who, node) in nodes.iter_mut().enumerate() {
        begin(who, 0, node, &mut queue);
    }
    for turn in 0.. {
        if queue.is_empty() {
            break;
        }
        let pick = random.draw(turn, 0, 0)[0] as usize % queue.len();
        let (who, progress) = match queue.swap_remove(pick) {
            Step::Map(who, rank) => {
                (who, nodes[who].rank_mapped(rank, partial(totals[who].len() as u64, rank)).unwrap())
            }
            Step::Deliver(from, message) if message.round != totals[message.to].len() as u64 => {
                held.push(Step::Deliver(from, message));
                continue;
            }
            Step::Deliver(from, Outgoing { to, round, phase, nodes: sent }) => {
                (to, nodes[to].arrived(from, round, phase, sent).unwrap())
            }
        };
        queue.extend(progress.outgoing.into_iter().map(|message| Step::Deliver(who, message)));
        if let Some(total) = progress.total {
            totals[who].push(total);
            queue.append(&mut held);
            if (totals[who].len() as u64) < rounds {
                begin(who, totals[who].len() as u64, &mut nodes[who], &mut queue);
            }
        }
    }
    totals
}

#[test]
fn every_member_gets_the_tree_sum_in_any_order_of_arrival() {
    for (ranks, members) in [(1, 1), (3, 2), (8, 1), (8, 3), (8, 7), (13, 4), (33, 5)] {
        for seed in 0..40 {
            for totals in run(ranks, members, 3, seed) {
                assert_eq!(totals.len(), 3, "{ranks} ranks, {members} members, seed {seed}: stuck");
                for (round, total) in totals.iter().enumerate() {
                    let tree = expected(round as u64, Node { lo: 0, n: u64::from(ranks) });
                    assert_eq!(*total, tree, "{ranks} ranks, {members} members, seed {seed}, round {round}");
                }
            }
        }
    }
}

#[test]
fn refuses_a_peer_that_does_not_keep_to_the_round() {
    let mut node = Exchange::new(placement(4, 2, 0), 4).unwrap();
    node.begin(5, vectors()).unwrap();
    let nodes = |lo, n| vec![(Node { lo, n }, None)];
    let wrong = |e| matches!(e, Err(ExchangeError::WrongNodes { .. }));
    assert!(wrong(node.arrived(1, 5, Phase::ReduceScatter, nodes(0, 2))));
    assert!(wrong(node.arrived(1, 5, Phase::ReduceScatter, nodes(2, 1))));
    assert!(wrong(node.arrived(9, 5, Phase::ReduceScatter, nodes(2, 2))));
    let early = node.arrived(1, 7, Phase::ReduceScatter, nodes(2, 2));
    assert_eq!(early.unwrap_err(), ExchangeError::WrongRound { member: 1, round: 7, current: 5 });
    assert!(node.arrived(1, 5, Phase::ReduceScatter, nodes(2, 2)).is_ok());
    let twice = node.arrived(1, 5, Phase::ReduceScatter, nodes(2, 2));
    assert_eq!(twice.unwrap_err(), ExchangeError::Twice { member: 1, round: 5 });
}

#[test]
fn refuses_a_placement_that_does_not_share_out_the_ranks() {
    let refused = |ranks: Vec<Range<u32>>, me| Exchange::new(Placement { ranks, me }, 4).is_err();
    assert!(!refused(vec![0..2, 2..4], 1));
    assert!(refused(vec![0..2, 2..4], 2));
    assert!(refused(vec![0..2, 2..3], 0));
    assert!(refused(vec![0..2, 3..4], 0));
    assert!(refused(vec![0..4, 4..4], 0));
    assert!(refused(Vec::new(), 0));
}

#[test]
fn refuses_sums_that_do_not_belong_together() {
    let mut node = Exchange::new(placement(2, 2, 0), 2).unwrap();
    node.begin(0, vectors()).unwrap();
    node.rank_mapped(0, partial(0, 0)).unwrap();
    let leaf = |rank: u32| (Node { lo: u64::from(rank), n: 1 }, partial(0, rank).map(|p| node.segments[0].cut(&p)));
    let leaf = vec![leaf(1)];
    node.arrived(1, 0, Phase::ReduceScatter, leaf).unwrap();
    let shape = node.shape(0, Phase::AllGather, 1).unwrap();
    let vectors = shape.iter().map(|(value_type, len)| Values::zeros(*value_type, *len)).collect();
    let sum = vec![(Node { lo: 0, n: 2 }, Some(Partial { weight: 99.0, vectors }))];
    assert_eq!(node.arrived(1, 0, Phase::AllGather, sum).unwrap_err(), ExchangeError::Sums { round: 0 });
}
