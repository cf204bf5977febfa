//! Placement: which member maps which ranks. A function from numbers to numbers; the model is the same either way.

use std::ops::Range;

/// Contiguous ranges of ranks, as even as can be, for as many workers as there are ranks to share.
///
/// Shards are given to workers in the same proportion, so a rank's rows mostly lie where it is mapped.
pub fn place_ranks(ranks: u32, workers: usize) -> Vec<Range<u32>> {
    let members = (workers as u64).min(u64::from(ranks)).max(1);
    let cut = |k: u64| (k * u64::from(ranks) / members) as u32;
    (0..members).map(|k| cut(k)..cut(k + 1)).collect()
}

/// Which of `workers` imports a shard.
pub(super) fn place_shard(shard: usize, shards: usize, workers: usize) -> usize {
    (shard * workers / shards.max(1)).min(workers.saturating_sub(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rank_has_one_member_and_no_member_is_idle() {
        for ranks in 1..=33 {
            for workers in 1..=9 {
                let members = place_ranks(ranks, workers);
                assert!(members.iter().all(|r| !r.is_empty()));
                assert_eq!(members[0].start, 0);
                assert!(members.windows(2).all(|pair| pair[0].end == pair[1].start));
                assert_eq!(members.last().unwrap().end, ranks);
            }
        }
    }

    #[test]
    fn shards_go_to_workers_in_order() {
        let given: Vec<usize> = (0..7).map(|s| place_shard(s, 7, 3)).collect();
        assert_eq!(given, [0, 0, 0, 1, 1, 2, 2]);
        assert_eq!(place_shard(0, 1, 4), 0);
    }
}
