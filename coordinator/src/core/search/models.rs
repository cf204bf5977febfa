//! Which models a search keeps.

use std::cmp::Ordering;
use std::path::PathBuf;

use aquifer_proto::CandidateStatus;

use super::{Search, TrialKey};

impl Search {
    /// Keeps the models of the best candidates; the path of one that is not.
    pub(in crate::core) fn keep_best(&mut self, key: TrialKey) -> Option<PathBuf> {
        let keep = self.settings.as_ref()?.keep_models.max(1) as usize;
        let done = self.candidates.get(&key.candidate)?;
        if key.fold.is_some() || done.ended != Some(CandidateStatus::Done) {
            return None;
        }
        self.kept.push(key.candidate);
        if self.kept.len() <= keep {
            return None;
        }
        let value = |number: &u32| self.candidates.get(number).and_then(|candidate| candidate.value);
        let metric = self.metric;
        // The worst of them, the later one of two that are equal.
        let worse = |a: &&u32, b: &&u32| match (value(a), value(b)) {
            (Some(x), Some(y)) if metric.better(x, y) => Ordering::Less,
            (Some(x), Some(y)) if metric.better(y, x) => Ordering::Greater,
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            _ => a.cmp(b),
        };
        let worst = *self.kept.iter().max_by(worse)?;
        self.kept.retain(|number| *number != worst);
        let path_of = |number: &u32| {
            let row = self.candidates.get(number)?.last.as_ref()?;
            row.model.as_ref().map(|model| model.path.clone())
        };
        let path = path_of(&worst)?;
        // Equal models are one file.
        if self.kept.iter().any(|other| path_of(other).as_ref() == Some(&path)) {
            return None;
        }
        self.candidates.get_mut(&worst)?.last.as_mut()?.model.as_mut()?.kept = false;
        Some(path)
    }

    /// The best model may have been found by another job, whose file is gone: its final fit is made once more.
    pub(in crate::core) fn make_best_again(&mut self) -> bool {
        if !self.is_grid() || self.made_again {
            return false;
        }
        let Some(best) = self.ranking().first().copied() else { return false };
        let Some(candidate) = self.candidates.get_mut(&best) else { return false };
        let there = candidate.last.as_ref().and_then(|row| row.model.as_ref()).is_some_and(|model| model.kept);
        if there || candidate.ended != Some(CandidateStatus::Done) {
            return false;
        }
        self.made_again = true;
        candidate.ended = None;
        let key = TrialKey { candidate: best, rung: candidate.rung, fold: None };
        (self.open, self.done) = (self.open + 1, self.done - 1);
        self.waiting.insert(key);
        true
    }
}
