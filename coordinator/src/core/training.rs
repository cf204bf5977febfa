//! Searches from their frames to their results: planned once frames are ready, over once every candidate has ended.

use std::collections::BTreeMap;
use std::time::Duration;

use aquifer_frame::Note;
use aquifer_model::{Kind, Part, Report};
use aquifer_proto::JobEvent;

use super::search::{Search, TrialRow, decisions, note_of};
use super::slot::Frames;
use super::{Effect, JobId, Role, State};

impl State {
    pub(super) fn begin_search(&mut self, now: Duration, id: &JobId) -> Vec<Effect> {
        let Some(job) = self.jobs.get_mut(id) else { return Vec::new() };
        let Some(spec) = job.spec.clone() else { return Vec::new() };
        let of_sources = job.source_notes().map(|(role, note)| match role {
            Role::Part(part @ (Part::Validation | Part::Test)) => note_of(*part, note),
            Role::Part(_) | Role::Named(_) => note,
        });
        let notes: Vec<Note> = of_sources.collect();
        let search = match Search::plan(spec, &job.frames(), notes, now) {
            Ok(search) => search,
            Err(report) => return self.end_job(id, JobEvent::Failed { report }),
        };
        let content = search.data.fit.data.clone();
        if job.row.data.as_ref().is_some_and(|before| *before != content) {
            let message = format!("the data of job {id} has changed since it began");
            let report = Report::new(Kind::Data, "source_changed", message)
                .hint(format!("`aquifer job cancel {id}` forgets what it found; then submit it again"));
            return self.end_job(id, JobEvent::Failed { report });
        }
        job.row.data = Some(content);
        let row = Effect::Persist(Box::new(job.row.clone()));
        let threads: Vec<u32> = self.workers.values().map(|worker| worker.registration.threads).collect();
        let mut effects = vec![
            row,
            Effect::Notify { job: id.clone(), event: JobEvent::Decided(Box::new(decisions(&search, &threads))) },
        ];
        // Only searches take what other jobs found.
        let grid = search.is_grid();
        effects.push(Effect::FindTrials { job: id.clone(), data: search.data.fit.data.clone(), mine: !grid });
        job.search = Some(Box::new(search));
        effects.extend(self.dispatch(now));
        effects
    }

    pub(super) fn trials_found(
        &mut self,
        now: Duration,
        id: &JobId,
        rows: Vec<TrialRow>,
        checkpoints: BTreeMap<String, u64>,
    ) -> Vec<Effect> {
        let Some(search) = self.jobs.get_mut(id).and_then(|job| job.search.as_mut()) else { return Vec::new() };
        search.known(rows, checkpoints);
        let mut effects = self.dispatch(now);
        effects.extend(self.end_if_over(now, id));
        effects
    }

    /// Ends a job whose search is over: with its result, or with the failure of its only candidate.
    pub(super) fn end_if_over(&mut self, now: Duration, id: &JobId) -> Vec<Effect> {
        let Some(job) = self.jobs.get_mut(id).filter(|job| job.is_active()) else { return Vec::new() };
        let Some(search) = job.search.as_mut().filter(|search| search.is_over()) else { return Vec::new() };
        if search.make_best_again() {
            return self.dispatch(now);
        }
        // What is still at work, nobody needs: members stop first.
        let grid = search.is_grid();
        let event = match (grid, search.failure().cloned()) {
            (true, _) => JobEvent::Searched(Box::new(search.summary(id, now))),
            (false, Some(report)) => JobEvent::Failed { report },
            (false, None) => match search.train_summary(&Frames { slots: &job.slots }, job.submitted, now) {
                Some(summary) => JobEvent::Trained(Box::new(summary)),
                None => {
                    let report = Report::new(Kind::Work, "no_model", format!("job {id} ended without a model"));
                    JobEvent::Failed { report }
                }
            },
        };
        self.stop_job(now, id, event)
    }
}
