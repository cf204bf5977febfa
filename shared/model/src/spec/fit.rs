//! The fit spec: what decides the bits of a model. No path, device, threads, cluster or search stands in it.

use std::collections::BTreeMap;

use aquifer_frame::{EncodingOptions, Meaning, Target, TaskChoice};
use serde::{Deserialize, Serialize};

use super::{Spec, SpecError};
use crate::params::{AveragingMode, DeepLearning, Stopping};

/// A resolved spec and the data it is for. Equal fit specs give equal models.
///
/// Its serde form is complete and goes over the wire; the form in model files is [`FitSpec::canonical_json`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FitSpec {
    /// The training frame's content hash.
    pub data: String,
    /// Rows of the training frame.
    pub rows: u64,
    pub target: String,
    pub task: TaskChoice,
    /// Columns to read, by name; absent: all but target, weights and ignored ones. The order changes nothing: inputs keep
    /// the frame's.
    pub features: Option<Vec<String>>,
    pub ignored_columns: Vec<String>,
    pub weights_column: Option<String>,
    /// What columns mean, where it is not what they look like.
    pub types: BTreeMap<String, Meaning>,
    /// The rows that are trained on; the others are the test data.
    pub split: Option<SplitChoice>,
    pub encoding: EncodingOptions,
    pub algorithm: Algorithm,
    pub params: DeepLearning,
    /// Scoring while training; none scores at the end alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stopping: Option<Stopping>,
    /// Training ends before the first round that would pass more rows than this; the schedule stays that of `epochs`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stop_at: Option<u64>,
    /// The validation frame's content hash, where stopping is decided on it. No spec says it: who has the frame does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub validation: Option<String>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Algorithm {
    #[default]
    DeepLearning,
}

/// How the training frame is cut in two.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SplitChoice {
    /// Of the rows, to train on.
    pub share: f64,
    /// The column whose times order the rows; random if there is none.
    pub by: Option<String>,
}

/// The form in model files.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct CanonicalFit {
    data: String,
    rows: u64,
    /// Only what the fit would not be the same without; `ranks` always.
    spec: toml::Table,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    validation: Option<String>,
}

impl FitSpec {
    /// The one text of this fit: `{"data", "rows", "spec"}` and, where stopping is decided on it, `"validation"`; keys in
    /// byte order, those at their default left out, `averaging` left out with one rank, where it changes no bit. Fails on values that no spec resolves to.
    pub fn canonical_json(&self) -> Result<String, SpecError> {
        serde_json::to_string(&self.canonical()?).map_err(|source| SpecError::Canonical { source })
    }

    pub(crate) fn canonical(&self) -> Result<CanonicalFit, SpecError> {
        let validation = self.validation.clone();
        Ok(CanonicalFit { data: self.data.clone(), rows: self.rows, spec: self.sparse()?, validation })
    }

    /// Reads the form in model files back, as [`FitSpec::normalised`].
    pub(crate) fn from_canonical(canonical: &CanonicalFit) -> Result<FitSpec, SpecError> {
        let fit = Spec::from_table(&canonical.spec)?.resolve(canonical.rows, &canonical.data)?;
        Ok(FitSpec { validation: canonical.validation.clone(), ..fit })
    }

    /// What only an encoding can tell, as it says what the target is.
    pub fn check_target(&self, target: &Target) -> Result<(), SpecError> {
        let (Target::Regression { column, .. } | Target::Classes { column, .. }) = target;
        let loss = self.params.loss;
        if !loss.is_for(target) {
            return Err(SpecError::LossOfAnotherTask { loss: loss.name(), column: column.clone() });
        }
        match self.stopping.as_ref().and_then(|stopping| stopping.metric) {
            Some(metric) => SpecError::metric_of_target("stopping_metric", metric, target).map(drop),
            None => Ok(()),
        }
    }

    /// This fit with `averaging` at its defaults where it changes no bit: with one rank.
    pub fn normalised(&self) -> FitSpec {
        let mut fit = self.clone();
        if fit.params.ranks == 1 {
            let default = DeepLearning::default();
            fit.params.averaging_mode = AveragingMode::Average;
            fit.params.averaging_interval = DeepLearning::default_interval(fit.params.mini_batch_size, 1);
            fit.params.outer_rate = default.outer_rate;
            fit.params.outer_momentum = default.outer_momentum;
        }
        fit
    }

    /// The keys without which the fit would be another one.
    fn sparse(&self) -> Result<toml::Table, SpecError> {
        let fit = FitSpec { validation: None, ..self.normalised() };
        let not_one = || SpecError::Contradiction { reason: "the fit spec is none that a spec resolves to".into() };
        let mut table = toml::Table::try_from(Spec::default().resolved(&fit)).map_err(|_| not_one())?;
        for key in super::keys::KEYS.iter().filter(|key| key.name != "ranks") {
            let mut without = table.clone();
            remove(&mut without, key.table.name(), key.name);
            let same = Spec::from_table(&without)
                .and_then(|spec| spec.resolve(fit.rows, &fit.data))
                .is_ok_and(|resolved| resolved == fit);
            if same {
                table = without;
            }
        }
        let back = Spec::from_table(&table)?.resolve(fit.rows, &fit.data)?;
        if back == fit { Ok(table) } else { Err(not_one()) }
    }
}

/// Takes a key out of its table, and the table with it once that is empty.
fn remove(top: &mut toml::Table, table: Option<&str>, name: &str) {
    let (first, rest) = match (table, name.split_once('.')) {
        (Some(table), _) => (table, Some(name)),
        (None, Some((outer, inner))) => (outer, Some(inner)),
        (None, None) => (name, None),
    };
    let Some(rest) = rest else {
        top.remove(first);
        return;
    };
    if let Some(toml::Value::Table(inner)) = top.get_mut(first) {
        remove(inner, None, rest);
        if inner.is_empty() {
            top.remove(first);
        }
    }
}
