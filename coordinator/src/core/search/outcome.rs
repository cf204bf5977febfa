//! What people are told of a search: how far it is, and what came of it.

use std::collections::BTreeMap;
use std::time::Duration;

use aquifer_model::Part;
use aquifer_proto::{
    BestSoFar, CandidateStatus, CrossValidation, LeaderboardEntry, SearchProgress, SearchSummary, Seconds, TrainSummary,
};

use super::{Candidate, Search};
use crate::core::JobId;
use crate::core::slot::Frames;
use crate::search::{Entry, Point, rank};

/// Curves are part of the result of searches of so many candidates at most.
const WITH_CURVES_MAX: u32 = 2_000;

impl Search {
    pub(in crate::core) fn progress(&self, workers: usize) -> SearchProgress {
        let trials = 1 + self.fold_count() as usize;
        let length = self.data.fit.params.epochs * self.data.fit.rows as f64;
        let all = f64::from(self.total) * trials as f64 * length;
        let under_way: f64 = self.runs.values().map(|run| run.pending.len() as f64 * run.position as f64).sum();
        let ended = (self.done + self.failed) as f64 * trials as f64 * length + self.open_positions();
        SearchProgress {
            candidates: self.total.into(),
            running: self.open as u64,
            done: self.done,
            failed: self.failed,
            trials_running: self.running() as u64,
            samples: self.samples + self.runs.values().map(|run| run.samples).sum::<u64>(),
            share_done: if all > 0.0 { ((ended + under_way) / all).clamp(0.0, 1.0) } else { 0.0 },
            workers: workers as u64,
            metric: self.metric.name().to_owned(),
            best: self.best_so_far(),
        }
    }

    /// Positions of the trials of open candidates that have ended.
    fn open_positions(&self) -> f64 {
        let open = self.candidates.values().rev().filter(|candidate| !candidate.has_ended());
        open.take(self.open).map(|candidate| candidate.positions_done() as f64).sum()
    }

    fn best_so_far(&self) -> Option<BestSoFar> {
        let mut best: Option<(&u32, &Candidate, f64)> = None;
        for (number, candidate) in &self.candidates {
            if let Some(value) = candidate.value
                && best.is_none_or(|(.., other)| self.metric.better(value, other))
            {
                best = Some((number, candidate, value));
            }
        }
        let (number, candidate, value) = best?;
        let (params, deviation) = (json_of(&candidate.point), candidate.deviation);
        Some(BestSoFar { candidate: *number, params, value, deviation })
    }

    /// The numbers of the candidates that have a place, best first.
    pub(in crate::core) fn ranking(&self) -> Vec<u32> {
        let placed = self
            .candidates
            .iter()
            .filter(|(_, candidate)| matches!(candidate.ended, Some(CandidateStatus::Done | CandidateStatus::Stopped)));
        let mut entries: Vec<Entry> = placed
            .map(|(number, candidate)| Entry { candidate: *number, rung: candidate.rung, value: candidate.value })
            .collect();
        rank(&mut entries, self.metric);
        entries.into_iter().map(|entry| entry.candidate).collect()
    }

    pub(in crate::core) fn summary(&self, job: &JobId, now: Duration) -> SearchSummary {
        let ranking = self.ranking();
        let placed = ranking.iter().enumerate().map(|(place, number)| (Some(place as u32 + 1), *number));
        let failed = self.candidates.iter().filter(|(_, c)| c.ended == Some(CandidateStatus::Failed));
        let failed = failed.map(|(number, _)| (None, *number));
        let leaderboard = placed.chain(failed).filter_map(|(place, number)| self.entry(place, number)).collect();
        SearchSummary {
            job: job.0.clone(),
            metric: self.metric.name().to_owned(),
            watched: self.candidates.values().next().map(|first| self.watched(first)).unwrap_or_default(),
            rows: self.data.fit.rows,
            leaderboard,
            not_begun: u64::from(self.total) - self.candidates.len() as u64,
            not_begun_reason: self.closed.clone(),
            failed: self.failed,
            seconds: (now - self.began).as_secs_f64(),
            samples: self.samples,
            workers: self.workers,
        }
    }

    fn entry(&self, place: Option<u32>, number: u32) -> Option<LeaderboardEntry> {
        let candidate = self.candidates.get(&number)?;
        let curves = self.total <= WITH_CURVES_MAX;
        let last = candidate.last.as_ref();
        let mut cross_validation = candidate.cross_validation.clone();
        if let Some(cross) = cross_validation.as_mut().filter(|_| !curves) {
            cross.folds.iter_mut().for_each(|fold| fold.curve.clear());
        }
        let key = super::TrialKey { candidate: number, rung: candidate.rung, fold: None };
        Some(LeaderboardEntry {
            place,
            candidate: number,
            params: json_of(&candidate.point),
            value: candidate.value,
            deviation: candidate.deviation,
            cross_validation,
            scores: last.map(|row| row.outcome.scores.clone()).unwrap_or_default(),
            epochs: last.map_or(0.0, |row| row.outcome.model_position as f64 / self.data.fit.rows.max(1) as f64),
            seconds: candidate.seconds,
            status: candidate.ended?,
            reason: candidate.reason.clone(),
            model: last.and_then(|row| row.model.as_ref()).map(|model| model.reference()),
            stop_at: candidate
                .ended
                .filter(|status| *status == CandidateStatus::Done)
                .and(candidate.fit_of(key, &self.data).stop_at),
            curve: last.filter(|_| curves).map(|row| row.outcome.curve.clone()).unwrap_or_default(),
        })
    }

    /// The end of a training of one set of parameters.
    pub(in crate::core) fn train_summary(
        &self,
        frames: &Frames<'_>,
        submitted: Duration,
        now: Duration,
    ) -> Option<TrainSummary> {
        let candidate = self.candidates.get(&0)?;
        let row = candidate.last.as_ref()?;
        let model = row.model.as_ref()?;
        let params = &candidate.fit.params;
        let encoding = &candidate.encoding;
        let parts = [Part::Train, Part::Validation, Part::Test].into_iter().filter_map(|part| frames.of(part));
        let folds = candidate.cross_validation.as_ref();
        let of_folds =
            |f: &dyn Fn(&aquifer_proto::FoldResult) -> f64| folds.map_or(0.0, |all| all.folds.iter().map(f).sum());
        Some(TrainSummary {
            model_blake3: model.model_blake3.clone(),
            fit_blake3: model.fit_blake3.clone(),
            scores: row.outcome.scores.clone(),
            rows: candidate.fit.rows,
            features: encoding.features() as u64,
            inputs: encoding.inputs() as u64,
            parameters: params.parameter_count(encoding.inputs(), encoding.target.outputs()),
            seconds: Seconds {
                import: (self.began - submitted).as_secs_f64(),
                train: row.train_seconds + of_folds(&|fold| fold.seconds),
                score: row.score_seconds,
                total: (now - submitted).as_secs_f64(),
            },
            samples: self.samples,
            memory_peak_bytes: self.memory_peak_bytes,
            bytes_read: parts.flat_map(|stored| &stored.plan.files).map(|file| file.bytes).sum(),
            ranks: params.ranks,
            workers: self.workers,
            device: "cpu".into(),
            numeric_class: model.numeric_class.clone(),
            cross_validation: candidate.cross_validation.clone().map(|cross| CrossValidation {
                assignment: self.folds.clone().filter(|_| self.keeps_folds()),
                side: self.training_side(frames).filter(|_| self.keeps_folds()),
                ..cross
            }),
            curve: row.outcome.curve.clone(),
            metric: self.watched(candidate),
        })
    }

    /// The metric of a candidate's curves.
    fn watched(&self, candidate: &Candidate) -> String {
        let named = candidate.fit.stopping.as_ref().and_then(|stopping| stopping.metric);
        let auto = aquifer_model::MetricName::auto(&candidate.encoding.target);
        named.unwrap_or(auto).name().to_owned()
    }
}

fn json_of(point: &Point) -> BTreeMap<String, serde_json::Value> {
    let json = |value| serde_json::to_value(value).unwrap_or_default();
    point.iter().map(|(name, value)| (name.clone(), json(value))).collect()
}
