//! What goes together in a search.

use super::super::check::in_range;
use super::super::{Spec, SpecError, keys};
use super::dimension::searched;
use super::{Dimension, RawSearch, Strategy};
use crate::params::range;

/// Points of a search that nothing else ends.
const POINTS_MAX: u128 = 100_000;
pub(in super::super) const MODELS_MAX: u64 = 1_000_000;
const PARALLELISM_MAX: u64 = 65_536;
const ROUNDS_MAX: u64 = 1000;
const FACTOR_MAX: u64 = 1000;

impl Spec {
    pub(in super::super) fn check_search(&self) -> Result<(), SpecError> {
        let Some(search) = &self.search else { return Ok(()) };
        search.check_numbers()?;
        search.check_applicable()?;
        if search.params.is_empty() {
            return Err(SpecError::NothingToSearch);
        }
        self.check_fixed(search)?;
        self.check_values(search)?;
        search.check_ranges()?;
        search.check_lists()
    }

    /// Nothing is both fixed and searched.
    fn check_fixed(&self, search: &RawSearch) -> Result<(), SpecError> {
        let fixed = toml::Table::try_from(Spec { search: None, ..self.clone() }).unwrap_or_default();
        match search.params.keys().find(|name| stands_in(&fixed, name)) {
            Some(name) => Err(SpecError::Contradiction { reason: format!("`{name}` is both fixed and searched") }),
            None => Ok(()),
        }
    }

    /// Every value in its range, one by one: what goes together is seen in a candidate.
    fn check_values(&self, search: &RawSearch) -> Result<(), SpecError> {
        // As many values as layers, which may be searched as well.
        const OF_OTHERS: &str = "hidden_dropout_ratios";
        for (name, dimension) in search.params.iter().filter(|(name, _)| *name != OF_OTHERS) {
            for value in dimension.samples() {
                let spec = Spec::default().candidate(&[(name.clone(), value)])?;
                match spec.check_encoding().and_then(|()| spec.check_params()) {
                    Err(error @ SpecError::OutOfRange { .. }) => return Err(searched(error)),
                    _ => continue,
                }
            }
        }
        Ok(())
    }

    /// Whether one of these keys is searched: what stands beside them may apply to some candidates alone.
    pub(in super::super) fn searches(&self, names: &[&str]) -> bool {
        self.search.as_ref().is_some_and(|search| names.iter().any(|name| search.params.contains_key(*name)))
    }
}

/// Whether a key is among those of a spec's TOML.
fn stands_in(spec: &toml::Table, name: &str) -> bool {
    let table = keys::find(name).and_then(|key| key.table.name()).and_then(|table| spec.get(table));
    name.split('.').try_fold(table, |at, part| at.map(|at| at.get(part))).flatten().is_some()
}

impl RawSearch {
    fn check_numbers(&self) -> Result<(), SpecError> {
        let not_negative = |x: &f64| range::not_negative(*x);
        in_range("parallelism", &self.parallelism, |n| *n <= PARALLELISM_MAX)?;
        in_range("max_models", &self.max_models, |n| *n <= MODELS_MAX)?;
        in_range("max_runtime_secs", &self.max_runtime_secs, not_negative)?;
        in_range("keep_models", &self.keep_models, |n| *n <= MODELS_MAX)?;
        in_range("search_seed", &self.search_seed, |seed| i64::try_from(*seed).is_ok())?;
        in_range("search_stopping_rounds", &self.search_stopping_rounds, |n| *n <= ROUNDS_MAX)?;
        in_range("search_stopping_tolerance", &self.search_stopping_tolerance, not_negative)?;
        in_range("halving_factor", &self.halving_factor, |n| (2..=FACTOR_MAX).contains(n))?;
        in_range("halving_min_epochs", &self.halving_min_epochs, |x| range::above_zero(*x))
    }

    fn check_applicable(&self) -> Result<(), SpecError> {
        let halving = self.strategy == Some(Strategy::Halving);
        let stops = self.search_stopping_rounds.is_some_and(|rounds| rounds > 0);
        let halving_only = "`strategy` is not \"halving\", which alone has it";
        let rounds_only = "`search_stopping_rounds` is not above 0: the search never stops early";
        for (key, given, applies, because) in [
            ("halving_factor", self.halving_factor.is_some(), halving, halving_only),
            ("halving_min_epochs", self.halving_min_epochs.is_some(), halving, halving_only),
            ("search_stopping_tolerance", self.search_stopping_tolerance.is_some(), stops, rounds_only),
        ] {
            if given && !applies {
                return Err(SpecError::NotApplicable { key, because });
            }
        }
        Ok(())
    }

    /// Ranges are drawn from, and no number of draws exhausts them.
    fn check_ranges(&self) -> Result<(), SpecError> {
        let is_range = |dimension: &Dimension| dimension.choices().is_none();
        let Some((key, _)) = self.params.iter().find(|(_, dimension)| is_range(dimension)) else { return Ok(()) };
        let (key, strategy) = (key.clone(), self.strategy.unwrap_or_default());
        if !strategy.draws() {
            return Err(SpecError::RangeNotDrawn { key, strategy: strategy.name() });
        }
        if self.resolve().max_models > 0 || self.ends_by_time() {
            return Ok(());
        }
        Err(SpecError::EndlessSearch { key, strategy: strategy.name() })
    }

    fn check_lists(&self) -> Result<(), SpecError> {
        if self.strategy == Some(Strategy::Sequential) {
            return self.check_lengths();
        }
        let points = self.points();
        let limited = self.resolve().max_models > 0 || self.ends_by_time();
        if points > POINTS_MAX && !limited { Err(SpecError::TooManyPoints { points }) } else { Ok(()) }
    }

    /// One length, as the values at one place make one model.
    fn check_lengths(&self) -> Result<(), SpecError> {
        let mut lengths = self.params.iter().filter_map(|(key, list)| Some((key, list.choices()?.len())));
        let Some((first, values)) = lengths.next() else { return Ok(()) };
        match lengths.find(|(_, length)| *length != values) {
            Some((key, length)) => {
                Err(SpecError::UnequalLists { first: first.clone(), values, key: key.clone(), length })
            }
            None => Ok(()),
        }
    }

    /// Halving takes all its points at once, and a grid is walked to its end: of these, time is no measure.
    fn ends_by_time(&self) -> bool {
        self.strategy == Some(Strategy::Random) && self.resolve().max_runtime_secs > 0.0
    }
}
