//! From frames and spec to what workers are told: encodings, folds, and the parts of the data.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use aquifer_frame::{Apply, Deal, Encoding, Folds, Note, Side, Split};
use aquifer_model::{FitSpec, FoldAssignment, FoldChoice, Kind, Part, Report, Spec, SplitChoice, Strategy};
use aquifer_proto::{CohortPlan, PartPlan, ShardHolders, TrialPlan};

use super::candidate::points_of;
use super::{Candidate, Search, TrialKey};
use crate::core::recovery::state_from;
use crate::core::slot::Frames;
use crate::core::{StoredFrame, Worker, WorkerId};

/// What is the same for all candidates.
#[derive(Debug)]
pub(in crate::core) struct Data {
    /// Of the first candidate, as is the encoding.
    pub(in crate::core) fit: FitSpec,
    pub(in crate::core) encoding: Arc<Encoding>,
    /// Contents of the frames.
    pub(in crate::core) validation: Option<String>,
    pub(in crate::core) test: Option<String>,
    pub(in crate::core) notes: Vec<Note>,
}

impl Search {
    /// All that decides the bits, from frames and spec alone. Nothing begins yet.
    pub(in crate::core) fn plan(
        spec: Box<Spec>,
        frames: &Frames<'_>,
        mut notes: Vec<Note>,
        now: Duration,
    ) -> Result<Self, Report> {
        let train = frames.train()?;
        if let Some(FoldChoice::Column(column) | FoldChoice::Time { column, .. }) = spec.folds()
            && train.frame.column(&column).is_none()
        {
            let message = format!("the fold column {column:?} is no column of the data");
            return Err(
                Report::new(Kind::Data, "unknown_column", message).hint("`aquifer frame show` lists the columns")
            );
        }
        let mut points = points_of(&spec);
        let first = match &mut points {
            None => spec.candidate(&[])?,
            // Where the first point cannot be, the search goes on without it: it decides nothing else.
            Some(points) => points
                .point(0)
                .and_then(|point| spec.candidate(&point).ok())
                .filter(|first| first.resolve(train.frame.rows, "").is_ok())
                .map_or_else(|| spec.candidate(&[]), Ok)?,
        };
        let (encoding, fitted) = Encoding::fit(&train.frame, &first.roles()?)?;
        notes.extend(fitted);
        notes.extend(check_parts(&encoding, frames)?);
        let fit = first.resolve(train.frame.rows, &train.frame.content)?;
        fit.check_target(&encoding.target)?;
        if let Some((_, said)) = split_of(&fit, &first, train, &encoding)? {
            notes.extend(said);
        }
        let folds = folds_of(&spec, train, &encoding)?;
        let metric = spec.search.clone().unwrap_or_default().sort_metric(&encoding.target)?;
        let settings = spec.search.as_ref().map(aquifer_model::RawSearch::resolve);
        if let (Some(search), Some(settings)) = (&spec.search, &settings)
            && settings.strategy == Strategy::Halving
            && search.params.contains_key("epochs")
        {
            let message = "`epochs` cannot be searched by halving, which decides how long each candidate trains";
            return Err(Report::new(Kind::Config, "contradiction", message).hint("give `epochs` in [params]"));
        }
        let content = |part: Part| frames.of(part).map(|stored| stored.frame.content.clone());
        let encoding = Arc::new(encoding);
        let encodings = vec![(roles_key(&first)?, encoding.clone())];
        let data = Data { fit, encoding, validation: content(Part::Validation), test: content(Part::Test), notes };
        let total = points.as_ref().map_or(1, crate::search::Points::len);
        Ok(Self {
            spec,
            settings,
            metric,
            points,
            data,
            folds,
            encodings,
            candidates: BTreeMap::new(),
            open: 0,
            done: 0,
            failed: 0,
            total,
            next: 0,
            closed: None,
            waiting: Default::default(),
            known: BTreeMap::new(),
            looked_up: false,
            runs: BTreeMap::new(),
            delayed: BTreeMap::new(),
            losses: BTreeMap::new(),
            checkpoints: BTreeMap::new(),
            swaps: 0,
            disputes: BTreeMap::new(),
            next_run: 1,
            cohort_max: usize::MAX,
            limited_by_others: false,
            waits_for_memory: Duration::ZERO,
            began: now,
            kept: Vec::new(),
            made_again: false,
            samples: 0,
            memory_peak_bytes: 0,
            workers: 0,
        })
    }

    /// The encoding of a candidate, fitted once for all that have the same.
    pub(super) fn encoding(&mut self, spec: &Spec, train: &StoredFrame) -> Result<Arc<Encoding>, Report> {
        let key = roles_key(spec)?;
        if let Some((_, found)) = self.encodings.iter().find(|(known, _)| *known == key) {
            return Ok(found.clone());
        }
        let (encoding, _) = Encoding::fit(&train.frame, &spec.roles()?)?;
        let encoding = Arc::new(encoding);
        self.encodings.push((key, encoding.clone()));
        Ok(encoding)
    }

    /// What the members of a cohort are told.
    pub(in crate::core) fn cohort(
        &self,
        keys: &[TrialKey],
        frames: &Frames<'_>,
        workers: &BTreeMap<WorkerId, Worker>,
    ) -> Result<CohortPlan, Report> {
        let missing = || Report::new(Kind::Work, "cohort", "a cohort without trials: this is a bug");
        let first = keys.first().and_then(|key| self.candidates.get(&key.candidate)).ok_or_else(missing)?;
        let train = frames.train()?;
        let spec = self.spec.candidate(&first.point)?;
        let split = split_of(&first.fit, &spec, train, &first.encoding)?.map(|(split, _)| split);
        let side = |training| split.clone().map(|split| Side { split, training });
        let whole = |part: Part| frames.of(part).map(|stored| part_plan(part, stored, None, workers));
        let mut parts = vec![part_plan(Part::Train, train, side(true), workers)];
        parts.extend(whole(Part::Validation));
        // The rows that are not trained on are test data; a spec has not both.
        let rest = side(false).map(|rest| part_plan(Part::Test, train, Some(rest), workers));
        parts.extend(rest.or_else(|| whole(Part::Test)));
        let trial = |key: &TrialKey| {
            let candidate = self.candidates.get(&key.candidate)?;
            let keeps_model = self.keeps_model(*key);
            let identity = self.identity(*key)?;
            let from = state_from(workers, &self.checkpoints, &identity);
            let check_at = self.disputes.get(key).map(|dispute| dispute.round);
            Some(TrialPlan {
                identity,
                fit: candidate.fit_of(*key, &self.data),
                fold: key.fold,
                keeps_model,
                from,
                check_at,
            })
        };
        let trials = keys.iter().map(|key| trial(key).ok_or_else(missing)).collect::<Result<_, _>>()?;
        Ok(CohortPlan { encoding: (*first.encoding).clone(), parts, folds: self.folds.clone(), trials })
    }

    /// Whether a trial's model is kept: of final fits, not of rungs on the way.
    pub(in crate::core) fn keeps_model(&self, key: TrialKey) -> bool {
        let last = self.candidates.get(&key.candidate).is_some_and(Candidate::at_last_rung);
        if key.fold.is_some() { self.keeps_folds() } else { last }
    }

    /// Models of folds are kept: predictions of held-out rows are made of them.
    pub(in crate::core) fn keeps_folds(&self) -> bool {
        self.spec.keeps_cross_validation_predictions() && !self.is_grid()
    }

    /// The rows that are trained on, of the only candidate.
    pub(super) fn training_side(&self, frames: &Frames<'_>) -> Option<Side> {
        let candidate = self.candidates.get(&0)?;
        let spec = self.spec.candidate(&candidate.point).ok()?;
        let split = split_of(&candidate.fit, &spec, frames.train().ok()?, &candidate.encoding).ok()??;
        Some(Side { split: split.0, training: true })
    }
}

/// Encodings are equal where roles are.
fn roles_key(spec: &Spec) -> Result<String, Report> {
    Ok(format!("{:?}", spec.roles()?))
}

/// What validation and test data are under an encoding.
fn check_parts(encoding: &Encoding, frames: &Frames<'_>) -> Result<Vec<Note>, Report> {
    let mut notes = Vec::new();
    for part in [Part::Validation, Part::Test] {
        if let Some(stored) = frames.of(part) {
            let said = encoding.check(&stored.frame, Apply::TARGET).map_err(|error| in_part(part, error.into()))?;
            notes.extend(said.into_iter().map(|note| note_of(part, note)));
        }
    }
    Ok(notes)
}

fn split_of(
    fit: &FitSpec,
    spec: &Spec,
    train: &StoredFrame,
    encoding: &Encoding,
) -> Result<Option<(Split, Vec<Note>)>, Report> {
    Ok(match &fit.split {
        None => None,
        Some(SplitChoice { share, by: None }) => Some((Split::random(*share, fit.params.seed, encoding), Vec::new())),
        Some(SplitChoice { share, by: Some(column) }) => {
            let split = Split::chronological(*share, column, &train.frame, &spec.roles()?);
            Some(split.map_err(aquifer_frame::Error::from)?)
        }
    })
}

fn folds_of(spec: &Spec, train: &StoredFrame, encoding: &Encoding) -> Result<Option<Folds>, Report> {
    let choice = spec.folds();
    if matches!(choice, Some(FoldChoice::Time { .. })) && spec.split_by.is_some() {
        let message = "`split_by` and folds of time both cut the rows by time: the last folds would be empty";
        return Err(Report::new(Kind::Config, "contradiction", message)
            .hint("leave out the split: the last fold is the latest rows"));
    }
    let count = match &choice {
        Some(FoldChoice::Count { nfolds, .. } | FoldChoice::Time { nfolds, .. }) => u64::from(*nfolds),
        _ => 0,
    };
    if count > train.frame.rows {
        let message = format!("`nfolds` is {count}, but the data has {} rows: a fold would be empty", train.frame.rows);
        return Err(Report::new(Kind::Config, "too_many_folds", message).hint("give fewer folds"));
    }
    Ok(match choice {
        None => None,
        Some(FoldChoice::Count { nfolds, assignment }) => {
            let deal = match assignment {
                FoldAssignment::Modulo => Deal::Modulo,
                FoldAssignment::Stratified => Deal::Stratified,
                FoldAssignment::Auto | FoldAssignment::Random | FoldAssignment::Time => Deal::Random,
            };
            // The same for all candidates, whatever their seed is.
            Some(Folds::deal(nfolds, deal, spec.params.seed.unwrap_or(1), encoding))
        }
        Some(FoldChoice::Column(column)) => Some(Folds::of_column(&column, &train.frame, &spec.roles()?)?),
        Some(FoldChoice::Time { nfolds, column }) => {
            Some(Folds::chronological(nfolds, &column, &train.frame, &spec.roles()?)?)
        }
    })
}

fn part_plan(part: Part, stored: &StoredFrame, side: Option<Side>, workers: &BTreeMap<WorkerId, Worker>) -> PartPlan {
    let holders = |hash: &str| -> Vec<String> {
        let has = workers.values().filter(|worker| worker.registration.shards.contains(hash));
        has.map(|worker| worker.registration.address.clone()).collect()
    };
    let shards = stored.frame.shards.iter();
    let shards = shards.map(|record| ShardHolders { addresses: holders(&record.hash), record: record.clone() });
    let StoredFrame { frame, plan, uploads } = stored;
    let (plan, uploads) = (plan.clone(), uploads.clone());
    PartPlan { part, rows: frame.rows, side, plan, uploads, shards: shards.collect() }
}

fn in_part(part: Part, mut report: Report) -> Report {
    report.message = format!("{part} data: {}", report.message);
    report
}

pub(in crate::core) fn note_of(part: Part, mut note: Note) -> Note {
    note.message = format!("{part} data: {}", note.message);
    note
}
