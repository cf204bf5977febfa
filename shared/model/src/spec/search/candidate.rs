//! The spec of one model of a search.

use toml::Value;

use super::super::folds::RawCrossValidation;
use super::super::{Spec, SpecError};
use super::dimension::searchable;

impl Spec {
    /// The spec of a candidate: without `[search]` and `[cross_validation]`, these values set. Range errors come from
    /// [`Spec::check`]. A column that says the fold stays left out.
    pub fn candidate(&self, point: &[(String, Value)]) -> Result<Spec, SpecError> {
        let mut spec = Spec { search: None, cross_validation: RawCrossValidation::default(), ..self.clone() };
        spec.ignored_columns.extend(self.value_fold_column().map(str::to_owned));
        for (name, value) in point {
            spec.assign(searchable(name)?.name, value)?;
        }
        Ok(spec)
    }
}
