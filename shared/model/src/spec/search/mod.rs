//! Table `[search]`: which models are tried, and which of them is best. `dimension` has what a key may become, `check` what
//! goes together, `candidate` the spec of one model.

mod candidate;
mod check;
mod dimension;

use std::collections::BTreeMap;

use aquifer_frame::Target;
use serde::Serialize;

pub use self::dimension::Dimension;
use super::SpecError;
use crate::metric::MetricName;

/// Table `[search]`.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct RawSearch {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub strategy: Option<Strategy>,
    /// None is auto: [`RawSearch::sort_metric`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sort_by: Option<MetricName>,
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "super::raw::whole")]
    pub parallelism: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "super::raw::whole")]
    pub max_models: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_runtime_secs: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "super::raw::whole")]
    pub keep_models: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "super::raw::whole")]
    pub search_seed: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "super::raw::whole")]
    pub search_stopping_rounds: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub search_stopping_tolerance: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "super::raw::whole")]
    pub halving_factor: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub halving_min_epochs: Option<f64>,
    /// By key, `averaging.mode` with its dot.
    pub params: BTreeMap<String, Dimension>,
}

/// How the points of a search are chosen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Strategy {
    /// Every combination of the lists.
    #[default]
    Cartesian,
    /// Drawn.
    Random,
    /// The first value of each list, then the second of each, and so on.
    Sequential,
    /// Many for a short time, the best of them for longer.
    Halving,
}

/// A search with every default in place, but for its parameters.
#[derive(Clone, Debug, PartialEq)]
pub struct Search {
    pub strategy: Strategy,
    /// None is auto.
    pub sort_by: Option<MetricName>,
    /// Models trained at once; 0: as many as fit.
    pub parallelism: u64,
    /// 0: no limit.
    pub max_models: u64,
    /// 0: no limit.
    pub max_runtime_secs: f64,
    pub keep_models: u64,
    pub search_seed: u64,
    /// 0: never stops early.
    pub search_stopping_rounds: u64,
    pub search_stopping_tolerance: f64,
    pub halving_factor: u64,
    pub halving_min_epochs: f64,
}

impl Strategy {
    /// As a spec has it.
    pub fn name(self) -> &'static str {
        match self {
            Strategy::Cartesian => "cartesian",
            Strategy::Random => "random",
            Strategy::Sequential => "sequential",
            Strategy::Halving => "halving",
        }
    }

    /// Whether it may draw from ranges.
    fn draws(self) -> bool {
        matches!(self, Strategy::Random | Strategy::Halving)
    }
}

impl Default for Search {
    fn default() -> Self {
        Self {
            strategy: Strategy::Cartesian,
            sort_by: None,
            parallelism: 0,
            max_models: 0,
            max_runtime_secs: 0.0,
            keep_models: 10,
            search_seed: 1,
            search_stopping_rounds: 0,
            search_stopping_tolerance: 0.001,
            halving_factor: 3,
            halving_min_epochs: 1.0,
        }
    }
}

impl RawSearch {
    /// With every default in place.
    pub fn resolve(&self) -> Search {
        let default = Search::default();
        Search {
            strategy: self.strategy.unwrap_or(default.strategy),
            sort_by: self.sort_by,
            parallelism: self.parallelism.unwrap_or(default.parallelism),
            max_models: self.max_models.unwrap_or(default.max_models),
            max_runtime_secs: self.max_runtime_secs.unwrap_or(default.max_runtime_secs),
            keep_models: self.keep_models.unwrap_or(default.keep_models),
            search_seed: self.search_seed.unwrap_or(default.search_seed),
            search_stopping_rounds: self.search_stopping_rounds.unwrap_or(default.search_stopping_rounds),
            search_stopping_tolerance: self.search_stopping_tolerance.unwrap_or(default.search_stopping_tolerance),
            halving_factor: self.halving_factor.unwrap_or(default.halving_factor),
            halving_min_epochs: self.halving_min_epochs.unwrap_or(default.halving_min_epochs),
        }
    }

    /// Combinations of the lists; of a sequential search, their length. Ranges count as one value.
    pub fn points(&self) -> u128 {
        let lengths = self.params.values().filter_map(Dimension::choices).map(|choices| choices.len() as u128);
        match self.strategy.unwrap_or_default() {
            Strategy::Sequential => lengths.max().unwrap_or(1),
            _ => lengths.fold(1, u128::saturating_mul),
        }
    }

    /// What models are compared by; auto is auc for two classes, else [`MetricName::auto`].
    pub fn sort_metric(&self, target: &Target) -> Result<MetricName, SpecError> {
        match self.sort_by {
            Some(metric) => SpecError::metric_of_target("sort_by", metric, target),
            None if MetricName::Auc.is_for(target) => Ok(MetricName::Auc),
            None => Ok(MetricName::auto(target)),
        }
    }
}
