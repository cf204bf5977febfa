//! Placement: which workers a cohort runs on, and how large it is. A function from numbers to numbers; models are the same
//! either way. README.md beside it says why the rules are these.

use std::ops::Range;

/// What is known when something could begin.
#[derive(Clone, Debug)]
pub struct Problem {
    /// Runs at work on each worker, of all jobs.
    pub runs: Vec<u32>,
    /// Of all shards of the training frame.
    pub frame_bytes: u64,
    /// Of the smallest worker; 0 if it is not known.
    pub memory_bytes: u64,
    /// Trials that may be one cohort.
    pub waiting: usize,
    /// What memory was found to allow.
    pub cohort_max: usize,
    /// The job has nothing at work: it begins, however busy workers are.
    pub first: bool,
}

/// What begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Placement {
    /// So many trials, their ranks shared out between all workers.
    Spread { trials: usize },
    /// So many trials, all ranks on this worker.
    Local { worker: usize, trials: usize },
}

/// Frames beyond this stay where they are.
const LOCAL_BYTES_MAX: u64 = 4 << 30;
/// Trials of a cohort whose rows lie in memory: more would save no more, and others could not share the work.
const COHORT_MAX: usize = 32;
/// Runs of a worker: while one waits at the end of a round, the other goes on.
const RUNS_MAX: u32 = 2;

impl Problem {
    fn streams(&self) -> bool {
        streams(self.frame_bytes, self.memory_bytes)
    }
}

/// Whether rows come from the disk in every pass: the frame is larger than half of a worker's memory, if that is known.
pub(super) fn streams(frame_bytes: u64, memory_bytes: u64) -> bool {
    memory_bytes > 0 && frame_bytes > memory_bytes / 2
}

/// The next cohort, if one should begin now.
pub fn place(problem: &Problem) -> Option<Placement> {
    let streams = problem.streams();
    let runs_max = if streams { 1 } else { RUNS_MAX };
    let cohort_max = if streams { problem.cohort_max } else { problem.cohort_max.min(COHORT_MAX) }.max(1);
    let workers = problem.runs.len();
    if workers == 0 || problem.waiting == 0 {
        return None;
    }
    let large = problem.frame_bytes > LOCAL_BYTES_MAX || streams;
    if workers > 1 && (large || problem.waiting < workers) {
        let free = problem.runs.iter().all(|runs| *runs < runs_max);
        return (free || problem.first).then_some(Placement::Spread { trials: problem.waiting.min(cohort_max) });
    }
    let (worker, runs) = problem.runs.iter().enumerate().min_by_key(|(_, runs)| **runs)?;
    if *runs >= runs_max && !problem.first {
        return None;
    }
    let free: u32 = problem.runs.iter().map(|runs| runs_max.saturating_sub(*runs)).sum();
    let trials = problem.waiting.div_ceil(free.max(1) as usize).min(cohort_max);
    Some(Placement::Local { worker, trials })
}

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

    fn problem(runs: &[u32], waiting: usize) -> Problem {
        Problem {
            runs: runs.to_vec(),
            frame_bytes: 1 << 20,
            memory_bytes: 1 << 30,
            waiting,
            cohort_max: usize::MAX,
            first: runs.iter().all(|runs| *runs == 0),
        }
    }

    #[test]
    fn many_trials_of_a_small_frame_are_local_and_fill_every_worker() {
        assert_eq!(place(&problem(&[0], 5)), Some(Placement::Local { worker: 0, trials: 3 }));
        assert_eq!(place(&problem(&[1], 2)), Some(Placement::Local { worker: 0, trials: 2 }));
        assert_eq!(place(&problem(&[2], 2)), None, "it is busy");
        assert_eq!(place(&problem(&[2, 1, 2], 300)), Some(Placement::Local { worker: 1, trials: 32 }));
        assert_eq!(place(&problem(&[2, 2, 0], 8)), Some(Placement::Local { worker: 2, trials: 4 }));
    }

    #[test]
    fn few_trials_and_large_frames_are_spread() {
        assert_eq!(place(&problem(&[0, 0, 0], 1)), Some(Placement::Spread { trials: 1 }));
        assert_eq!(place(&problem(&[0, 2, 0], 1)), None);
        let large = |runs: &[u32]| Problem { frame_bytes: 8 << 30, memory_bytes: 64 << 30, ..problem(runs, 100) };
        assert_eq!(place(&large(&[0, 0])), Some(Placement::Spread { trials: 32 }));
    }

    #[test]
    fn what_streams_is_one_pass_for_as_many_as_fit() {
        let streams = |runs: &[u32], cohort_max| Problem { frame_bytes: 1 << 30, cohort_max, ..problem(runs, 80) };
        assert_eq!(place(&streams(&[0], usize::MAX)), Some(Placement::Local { worker: 0, trials: 80 }));
        assert_eq!(place(&streams(&[0], 20)), Some(Placement::Local { worker: 0, trials: 20 }));
        assert_eq!(place(&streams(&[1], 20)), None);
    }

    #[test]
    fn a_job_that_has_nothing_at_work_begins_among_others() {
        let first = Problem { first: true, ..problem(&[2, 2], 1) };
        assert_eq!(place(&first), Some(Placement::Spread { trials: 1 }));
        assert_eq!(place(&Problem { runs: Vec::new(), ..first }), None);
    }
}
