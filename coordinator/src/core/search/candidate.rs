//! A candidate, from its parameters to its result.

use std::collections::BTreeMap;
use std::sync::Arc;

use aquifer_frame::Encoding;
use aquifer_model::{FitSpec, Kind, MetricName, Metrics, Report, Scoring, Strategy};
use aquifer_proto::{CandidateStatus, CrossValidation, FoldResult};

use super::results::{TrialRow, pooled};
use super::{Data, Search};
use crate::core::StoredFrame;
use crate::search::{Point, Points, mean_and_deviation, rungs};

/// One trial of a search. Their order is the order in which they begin: the final fit of a candidate before the folds of
/// later ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct TrialKey {
    pub candidate: u32,
    /// How often it was compared before: only a search by halving has several rungs.
    pub rung: u32,
    /// The fold that it holds out; the final fit holds out none.
    pub fold: Option<u32>,
}

/// A candidate that has begun.
#[derive(Debug)]
pub(in crate::core) struct Candidate {
    pub(in crate::core) point: Point,
    pub(in crate::core) fit: FitSpec,
    pub(in crate::core) encoding: Arc<Encoding>,
    /// Positions at which it is compared with others; the last one is the end.
    rungs: Vec<u64>,
    pub(in crate::core) rung: u32,
    /// Of the present rung.
    pub(super) folds: Vec<Option<TrialRow>>,
    /// Where the final fit's training ends, once the folds have said so.
    length: Option<u64>,
    pub(in crate::core) last: Option<TrialRow>,
    /// It has done its rung, and waits for the others.
    pub(super) waits: bool,
    pub(in crate::core) ended: Option<CandidateStatus>,
    pub(in crate::core) reason: Option<Report>,
    pub(in crate::core) value: Option<f64>,
    pub(in crate::core) deviation: Option<f64>,
    pub(in crate::core) cross_validation: Option<CrossValidation>,
    pub(in crate::core) seconds: f64,
}

impl Candidate {
    /// At its beginning, without folds or rungs.
    fn new(point: Point, fit: FitSpec, encoding: Arc<Encoding>) -> Self {
        Self {
            point,
            fit,
            encoding,
            rungs: Vec::new(),
            rung: 0,
            folds: Vec::new(),
            length: None,
            last: None,
            waits: false,
            ended: None,
            reason: None,
            value: None,
            deviation: None,
            cross_validation: None,
            seconds: 0.0,
        }
    }

    pub(in crate::core) fn has_ended(&self) -> bool {
        self.ended.is_some()
    }

    /// Whether trials of both may read the same batches.
    pub(super) fn is_alike(&self, other: &Candidate) -> bool {
        Arc::ptr_eq(&self.encoding, &other.encoding) && self.fit.params.shares_rounds(&other.fit.params)
    }

    /// Positions that its trials passed which have ended.
    pub(super) fn positions_done(&self) -> u64 {
        self.folds.iter().flatten().map(|row| row.outcome.position).sum()
    }

    pub(super) fn at_last_rung(&self) -> bool {
        self.rung as usize + 1 >= self.rungs.len()
    }

    /// What a trial of it fits. Folds stop by their held-out rows; the final fit is as long as the best states of the folds
    /// were in the mean.
    pub(super) fn fit_of(&self, key: TrialKey, data: &Data) -> FitSpec {
        let mut fit = self.fit.clone();
        if !self.at_last_rung() {
            fit.stop_at = self.rungs.get(self.rung as usize).copied();
        } else if key.fold.is_none() && !self.folds.is_empty() {
            fit.stopping = None;
            fit.stop_at = self.length;
        }
        fit.validation = fit.stopping.as_ref().and(data.validation.clone()).filter(|_| key.fold.is_none());
        fit
    }

    /// None where every fold was best at its end.
    fn mean_length(&self) -> Option<u64> {
        let folds: Vec<_> = self.folds.iter().flatten().map(|row| &row.outcome).collect();
        if folds.iter().all(|fold| fold.model_position == fold.position && !fold.stopped) {
            return self.fit.stop_at;
        }
        let sum: u64 = folds.iter().map(|fold| fold.model_position).sum();
        Some((sum / folds.len().max(1) as u64).max(1))
    }
}

impl Search {
    /// Begins candidates until so many trials wait, as long as more may begin.
    pub(in crate::core) fn begin_candidates(&mut self, trials: usize, train: &StoredFrame) {
        let parallelism = self.settings.as_ref().map_or(0, |settings| settings.parallelism) as usize;
        while self.waiting.len() < trials && self.next < self.total && self.closed.is_none() {
            if parallelism > 0 && self.at_work() >= parallelism {
                return;
            }
            let number = self.next;
            self.next += 1;
            let point = match &mut self.points {
                None => Some(Point::new()),
                Some(points) => points.point(number),
            };
            let Some(point) = point else {
                self.total = number; // there is no other point left
                return self.compare(number);
            };
            match self.candidate(point.clone(), train) {
                Ok(candidate) => {
                    self.candidates.insert(number, candidate);
                    self.open += 1;
                    self.queue(number);
                }
                Err(report) => self.fail_to_begin(number, point, report),
            }
        }
    }

    fn candidate(&mut self, point: Point, train: &StoredFrame) -> Result<Candidate, Report> {
        let spec = self.spec.candidate(&point)?;
        let fit = spec.resolve(train.frame.rows, &train.frame.content)?;
        let encoding = self.encoding(&spec, train)?;
        fit.check_target(&encoding.target)?;
        let last = (fit.params.epochs * train.frame.rows as f64) as u64;
        let last = last.min(fit.stop_at.unwrap_or(u64::MAX));
        let rungs = match &self.settings {
            Some(settings) if settings.strategy == Strategy::Halving => {
                rungs(last, train.frame.rows, settings.halving_min_epochs, settings.halving_factor)
            }
            _ => vec![last],
        };
        let folds = vec![None; self.fold_count() as usize];
        Ok(Candidate { rungs, folds, ..Candidate::new(point, fit, encoding) })
    }

    /// A candidate that cannot begin is one that failed.
    fn fail_to_begin(&mut self, number: u32, point: Point, report: Report) {
        let like_first = Candidate::new(point, self.data.fit.clone(), self.data.encoding.clone());
        let (ended, reason) = (Some(CandidateStatus::Failed), Some(report));
        let candidate = Candidate { ended, reason, ..like_first };
        self.candidates.insert(number, candidate);
        self.failed += 1;
        self.compare(self.total);
    }

    /// Open candidates that do not wait for others at their rung.
    fn at_work(&self) -> usize {
        self.open - self.candidates.values().filter(|candidate| candidate.waits).count()
    }

    /// A candidate ends, and of its trials what is shown is kept.
    pub(super) fn end(&mut self, number: u32, status: CandidateStatus) {
        if let Some(candidate) = self.candidates.get_mut(&number).filter(|candidate| !candidate.has_ended()) {
            candidate.ended = Some(status);
            candidate.waits = false;
            candidate.folds = vec![None; candidate.folds.len()];
            self.open -= 1;
            match status {
                CandidateStatus::Failed => self.failed += 1,
                CandidateStatus::Done | CandidateStatus::Stopped => self.done += 1,
            }
        }
    }

    /// The trials of a candidate's present rung wait, but for those whose results are known.
    pub(super) fn queue(&mut self, number: u32) {
        let Some(candidate) = self.candidates.get(&number) else { return };
        let key = |fold| TrialKey { candidate: number, rung: candidate.rung, fold };
        let keys: Vec<TrialKey> = match candidate.folds.len() {
            0 => vec![key(None)],
            folds => (0..folds as u32).map(|fold| key(Some(fold))).collect(),
        };
        keys.into_iter().for_each(|key| self.queue_trial(key));
    }

    fn queue_trial(&mut self, key: TrialKey) {
        let needs_model = key.fold.is_some() && self.keeps_folds();
        let known = self.identity(key).and_then(|identity| self.known.remove(&identity));
        match known.filter(|row| !needs_model || row.model.as_ref().is_some_and(|model| model.kept)) {
            Some(row) => self.take(key, row),
            None => drop(self.waiting.insert(key)),
        }
    }

    /// Takes what a trial found.
    pub(in crate::core) fn take(&mut self, key: TrialKey, row: TrialRow) {
        self.waiting.remove(&key);
        let (metric, total) = (self.metric, self.total);
        let Some(candidate) = self.candidates.get_mut(&key.candidate) else { return };
        if candidate.has_ended() || key.rung != candidate.rung {
            return;
        }
        candidate.seconds += row.seconds();
        match key.fold {
            Some(fold) => {
                if row.holdout().is_none_or(|metrics| metrics.rows == 0) {
                    let message = format!("fold {} holds out no row that can be scored", fold + 1);
                    let report = Report::new(Kind::Data, "empty_fold", message)
                        .hint("give fewer folds, or look at missing targets with `aquifer frame show`");
                    return self.fail(key.candidate, report);
                }
                let Some(place) = candidate.folds.get_mut(fold as usize) else { return };
                *place = Some(row);
                if candidate.folds.iter().all(Option::is_some) {
                    self.folds_done(key.candidate);
                }
            }
            None => {
                if candidate.folds.is_empty() {
                    candidate.value = row.value(metric);
                }
                candidate.last = Some(row);
                match candidate.at_last_rung() {
                    true => self.end(key.candidate, CandidateStatus::Done),
                    false => candidate.waits = true,
                }
            }
        }
        self.compare(total);
    }

    /// Every fold of a rung is there: they are put together, and the final fit is next.
    fn folds_done(&mut self, number: u32) {
        let metric = self.metric;
        let (is_grid, pooled_identity) = (self.is_grid(), self.pooled_identity(number));
        let Some(candidate) = self.candidates.get_mut(&number) else { return };
        let rows: Vec<&TrialRow> = candidate.folds.iter().flatten().collect();
        let scoring = Scoring::of(&candidate.encoding);
        let values: Vec<Option<f64>> = rows.iter().map(|row| row.holdout().and_then(|m| metric.of(m))).collect();
        let mut cross = summarise(&rows, &scoring, candidate.fit.rows);
        // The sums of folds that were found before may have been left out since.
        if cross.pooled.is_none() {
            cross.pooled = pooled_identity.and_then(|identity| self.known.remove(&identity)).and_then(|row| row.pooled);
        }
        candidate.cross_validation = Some(cross);
        if let Some(fold) = values.iter().position(Option::is_none).filter(|_| is_grid) {
            let message = format!(
                "fold {} has no {}: of some metrics there is none where all held-out rows are of one class",
                fold + 1,
                metric.name()
            );
            let report = Report::new(Kind::Data, "no_metric", message)
                .hint("give fold_assignment = \"stratified\", fewer folds, or another sort_by");
            return self.fail(number, report);
        }
        candidate.length = candidate.mean_length();
        let values: Vec<f64> = values.into_iter().flatten().collect();
        if let Some((mean, deviation)) = mean_and_deviation(&values) {
            (candidate.value, candidate.deviation) = (Some(mean), Some(deviation));
        }
        match candidate.at_last_rung() {
            true => self.queue_trial(TrialKey { candidate: number, rung: self.candidates[&number].rung, fold: None }),
            false => candidate.waits = true,
        }
    }

    /// A candidate has failed; the others go on.
    pub(in crate::core) fn fail(&mut self, number: u32, report: Report) {
        self.waiting.retain(|key| key.candidate != number);
        if let Some(candidate) = self.candidates.get_mut(&number).filter(|candidate| !candidate.has_ended()) {
            candidate.reason = Some(report);
        }
        self.end(number, CandidateStatus::Failed);
        self.compare(self.total);
    }
}

/// Per fold, in the mean, and all held-out rows together.
fn summarise(rows: &[&TrialRow], scoring: &Scoring, train_rows: u64) -> CrossValidation {
    let fold = |(fold, row): (usize, &&TrialRow)| FoldResult {
        fold: fold as u32,
        metrics: Metrics { gains_lift: None, best: None, ..row.holdout().cloned().unwrap_or_default() },
        epochs: row.outcome.model_position as f64 / train_rows.max(1) as f64,
        seconds: row.seconds(),
        curve: row.outcome.curve.clone(),
        model: row.model.as_ref().map(|model| model.reference()),
    };
    let folds: Vec<FoldResult> = rows.iter().enumerate().map(fold).collect();
    let (mut mean, mut deviation) = (BTreeMap::new(), BTreeMap::new());
    for metric in MetricName::ALL {
        let values: Vec<f64> = folds.iter().filter_map(|fold| metric.of(&fold.metrics)).collect();
        if let Some((m, d)) = mean_and_deviation(&values) {
            mean.insert(metric.name().to_owned(), m);
            deviation.insert(metric.name().to_owned(), d);
        }
    }
    CrossValidation { folds, mean, deviation, pooled: pooled(rows, scoring), assignment: None, side: None }
}

/// Points of a search, or none of a training.
pub(super) fn points_of(spec: &aquifer_model::Spec) -> Option<Points> {
    spec.search.as_ref().map(Points::new)
}
