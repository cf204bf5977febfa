//! What the trials of a cohort take together.

use std::collections::BTreeMap;

use aquifer_frame::Reader;

use super::seat::Seat;
use crate::budget::Budget;

/// Bytes: each has its state and partials; trials of equal shape work in the same memory, and all read the same rows.
pub(super) fn memory_of(seats: &[Seat], threads: usize, own_ranks: usize, side_by_side: usize) -> u64 {
    let mut total = 0;
    let mut workspaces: BTreeMap<&[usize], u64> = BTreeMap::new();
    let mut windows = 0;
    for seat in seats {
        let memory = seat.trial.memory(threads as u64, own_ranks as u64);
        total += memory.state + memory.partials;
        let places = if seats.len() > 1 { memory.workspaces * side_by_side as u64 } else { memory.workspaces };
        let of_shape = workspaces.entry(&seat.shape).or_default();
        *of_shape = places.max(*of_shape);
        windows = memory.windows.max(windows);
    }
    let held = match seats {
        [first, _, ..] => {
            let params = seats[0].trial.params();
            let rows = params.averaging_interval / u64::from(params.ranks.max(1));
            Reader::held_bytes(first.trial.encoding(), rows)
        }
        _ => 0,
    };
    total + workspaces.values().sum::<u64>() + (windows + held * own_ranks as u64) * side_by_side as u64
}

/// Readers of a rank: with fewer ranks than threads, trials are read for side by side too. Two a thread, as they are not equal.
pub(super) fn side_by_side(own_ranks: usize, trials: usize, threads: usize) -> usize {
    match own_ranks >= threads {
        true => 1,
        false => (2 * threads).div_ceil(own_ranks.max(1)).min(trials).max(1),
    }
}

/// How many of the first trials would fit beside what is reserved already.
pub(super) fn fitting(budget: &Budget, seats: &[Seat], threads: usize, own_ranks: usize) -> usize {
    let fits = |count: usize| {
        let side_by_side = side_by_side(own_ranks, count, threads);
        budget.has_room_for(memory_of(&seats[..count], threads, own_ranks, side_by_side))
    };
    (1..=seats.len()).take_while(|count| fits(*count)).last().unwrap_or(0)
}
