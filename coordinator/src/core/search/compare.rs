//! Candidates beside each other: which go on, and whether more begin.

use aquifer_model::Strategy;
use aquifer_proto::CandidateStatus;

use super::Search;
use crate::search::{Entry, rank, stops_after, survivors};

impl Search {
    /// Where all candidates are at a rung, the best of them go on; where the leaderboard does not get better, no more begin.
    pub(super) fn compare(&mut self, total: u32) {
        let Some(settings) = self.settings.clone() else { return };
        if settings.strategy == Strategy::Halving {
            return self.climb(total, settings.halving_factor);
        }
        if settings.search_stopping_rounds == 0 {
            return;
        }
        let prefix = (0..total).map_while(|number| self.candidates.get(&number).filter(|c| c.has_ended()));
        let values: Vec<Option<f64>> =
            prefix.map(|c| c.value.filter(|_| c.ended == Some(CandidateStatus::Done))).collect();
        let rounds = settings.search_stopping_rounds as usize;
        if let Some(count) = stops_after(&values, rounds, settings.search_stopping_tolerance, self.metric) {
            let count = count as u32;
            if count < self.total && self.closed.is_none() {
                self.closed = Some(format!("{rounds} candidates in a row made the leaderboard no better"));
            }
            // In plan order: what began beyond that, as others were slower, is as if it had not.
            let dropped = self.candidates.split_off(&count);
            for candidate in dropped.values() {
                match candidate.ended {
                    None => self.open -= 1,
                    Some(CandidateStatus::Failed) => self.failed -= 1,
                    Some(CandidateStatus::Done | CandidateStatus::Stopped) => self.done -= 1,
                }
            }
            self.kept.retain(|number| *number < count);
            self.waiting.retain(|key| key.candidate < count);
        }
    }

    fn climb(&mut self, total: u32, factor: u64) {
        let all_begun = self.next >= total || self.closed.is_some();
        if !all_begun || self.open == 0 || !self.candidates.values().all(|c| c.waits || c.has_ended()) {
            return;
        }
        let waiting = self.candidates.iter().filter(|(_, candidate)| candidate.waits);
        let mut entries: Vec<Entry> = waiting
            .map(|(number, candidate)| Entry { candidate: *number, rung: candidate.rung, value: candidate.value })
            .collect();
        if entries.is_empty() {
            return;
        }
        rank(&mut entries, self.metric);
        let kept = survivors(entries.len(), factor);
        for (place, entry) in entries.iter().enumerate() {
            let Some(candidate) = self.candidates.get_mut(&entry.candidate) else { continue };
            candidate.waits = false;
            if place >= kept {
                // Only what has a final fit is kept in such detail.
                if let Some(cross) = &mut candidate.cross_validation {
                    cross.pooled = None;
                }
                self.end(entry.candidate, CandidateStatus::Stopped);
                continue;
            }
            candidate.rung += 1;
            candidate.folds.iter_mut().for_each(|fold| *fold = None);
        }
        for entry in &entries[..kept] {
            self.queue(entry.candidate);
        }
    }
}
