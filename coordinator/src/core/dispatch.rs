//! Which job's trials begin next, and where: cohort by cohort, as long as `placement` finds room.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use aquifer_model::{Kind, Report};

use super::event::Member;
use super::placement::streams;
use super::search::Run;
use super::slot::Frames;
use super::{Command, Effect, JobId, Placement, Problem, State, Worker, WorkerId, place, place_ranks};

/// Trials that wait for workers, at least, as long as there are candidates: each worker's places are filled from them.
const WAITING_PER_WORKER: usize = 64;
/// Where every pass is one over the disk, all that may fit into memory waits for the next one.
const WAITING_STREAMED: usize = 4096;
/// Members of a trial that could not reach each other so often are not tried together again before it has made progress.
const TOGETHER_MAX: usize = 2;

impl State {
    /// Gives waiting trials to workers, as long as there is room. Whoever has least at work is asked first.
    pub(super) fn dispatch(&mut self, now: Duration) -> Vec<Effect> {
        let mut effects = Vec::new();
        if self.is_settling(now) {
            return effects;
        }
        loop {
            let mut jobs: Vec<(usize, Duration, JobId)> = Vec::new();
            for (id, job) in self.jobs.iter().filter(|(_, job)| job.is_active()) {
                if let Some(search) = job.search.as_ref().filter(|search| search.looked_up) {
                    let at_work = search.runs.values().map(|run| run.members.len()).sum();
                    jobs.push((at_work, job.submitted, id.clone()));
                }
            }
            jobs.sort();
            let Some(begun) = jobs.iter().find_map(|(.., id)| self.begin_next(now, id)) else { return effects };
            effects.extend(begun);
        }
    }

    /// The next cohort of a job, if there is one and room for it.
    fn begin_next(&mut self, now: Duration, id: &JobId) -> Option<Vec<Effect>> {
        let runs = self.runs_of_workers();
        let placeable: Vec<WorkerId> = self.placeable().into_iter().cloned().collect();
        let job = self.jobs.get_mut(id)?;
        let (slots, search) = (&job.slots, job.search.as_mut()?);
        let frames = Frames { slots };
        let train = frames.train().ok()?;
        if now < search.waits_for_memory || placeable.is_empty() {
            return None;
        }
        let limit = search.settings.as_ref().map_or(0.0, |settings| settings.max_runtime_secs);
        if limit > 0.0 && search.closed.is_none() && (now - search.began).as_secs_f64() > limit {
            search.closed = Some(format!("max_runtime_secs = {limit} had passed"));
        }
        let memory_bytes = self.workers.values().map(|worker| worker.registration.memory_bytes).min().unwrap_or(0);
        let waiting = match streams(train.frame.bytes, memory_bytes) {
            true => WAITING_STREAMED,
            false => WAITING_PER_WORKER * placeable.len(),
        };
        search.begin_candidates(waiting, train);
        let problem = Problem {
            runs,
            frame_bytes: train.frame.bytes,
            memory_bytes,
            waiting: search.next_cohort(usize::MAX).len(),
            cohort_max: search.cohort_max,
            first: search.runs.is_empty(),
        };
        let Some(placement) = place(&problem) else {
            // Everything that was begun may be known already.
            return search.is_over().then(|| self.end_if_over(now, id)).filter(|effects| !effects.is_empty());
        };
        let (mut workers, trials): (Vec<&WorkerId>, usize) = match placement {
            Placement::Spread { trials } => (placeable.iter().collect(), trials),
            Placement::Local { worker, trials } => (placeable.iter().skip(worker).take(1).collect(), trials),
        };
        let keys = search.next_cohort(trials);
        let apart = search.times_apart(&keys);
        // After a dispute others map the ranks, and where members did not reach each other; in the end one worker does it alone.
        let swaps = (search.swaps + apart) % workers.len().max(1);
        workers.rotate_left(swaps);
        if apart >= TOGETHER_MAX {
            // Every other time one that has the state already.
            let has = |worker: &&WorkerId| keys.iter().any(|key| search.is_held_by(*key, &self.workers[*worker]));
            let first = workers.iter().position(has).filter(|_| apart.is_multiple_of(2)).unwrap_or(0);
            workers.swap(0, first);
            workers.truncate(1);
        }
        let ranks = keys.first().and_then(|key| search.candidates.get(&key.candidate))?.fit.params.ranks;
        let members = members(&self.workers, &workers, &place_ranks(ranks, workers.len()));
        let json = search.cohort(&keys, &frames, &self.workers).and_then(|cohort| {
            serde_json::to_string(&cohort).map_err(|error| {
                Report::new(Kind::Work, "trial_plan", "the trials could not be written down").caused_by(&error)
            })
        });
        let cohort_json: Arc<str> = match json {
            Ok(json) => json.into(),
            Err(report) => {
                keys.iter().for_each(|key| search.fail(key.candidate, report.clone()));
                return Some(self.end_if_over(now, id));
            }
        };
        for key in &keys {
            search.waiting.remove(key);
        }
        let number = search.next_run;
        search.next_run += 1;
        let start = |(me, member): (usize, &Member)| Effect::Send {
            worker: member.worker.clone(),
            command: Command::StartTrial {
                job: id.clone(),
                number,
                members: members.clone(),
                me,
                cohort_json: cohort_json.clone(),
            },
        };
        let effects = members.iter().enumerate().map(start).collect();
        search.runs.insert(number, Run::new(members, keys, now));
        let at_work = search.runs.values().flat_map(|run| run.members.iter().map(|member| &member.worker));
        let at_once = at_work.collect::<BTreeSet<_>>().len();
        search.workers = search.workers.max(at_once as u32);
        Some(effects)
    }

    /// Of all jobs, in the order of workers that trials may be given to.
    fn runs_of_workers(&self) -> Vec<u32> {
        let mut counts: BTreeMap<&WorkerId, u32> = self.placeable().into_iter().map(|worker| (worker, 0)).collect();
        for run in self.jobs.values().filter_map(|job| job.search.as_deref()).flat_map(|search| search.runs.values()) {
            for member in run.members.iter().filter(|member| run.has(&member.worker)) {
                counts.entry(&member.worker).and_modify(|count| *count += 1);
            }
        }
        counts.into_values().collect()
    }
}

fn members(workers: &BTreeMap<WorkerId, Worker>, chosen: &[&WorkerId], ranks: &[Range<u32>]) -> Vec<Member> {
    let member = |(ranks, id): (&Range<u32>, &&WorkerId)| {
        let worker = workers.get(*id)?;
        Some(Member {
            worker: (*id).clone(),
            address: worker.registration.address.clone(),
            incarnation: worker.incarnation,
            rank_first: ranks.start,
            rank_count: ranks.end - ranks.start,
        })
    };
    ranks.iter().zip(chosen).filter_map(member).collect()
}
