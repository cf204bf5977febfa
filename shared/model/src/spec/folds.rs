//! Table `[cross_validation]`: which rows make a fold.

use serde::Serialize;

use super::check::in_range;
use super::{Spec, SpecError};

pub(super) const NFOLDS_MAX: u64 = 1000;

/// Table `[cross_validation]`.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct RawCrossValidation {
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "super::raw::whole")]
    pub nfolds: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fold_assignment: Option<FoldAssignment>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fold_column: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub keep_cross_validation_predictions: Option<bool>,
}

/// How rows come to their folds, as a spec says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum FoldAssignment {
    /// Random.
    Auto,
    Random,
    Modulo,
    Stratified,
    /// By the times of the fold column: a fold is later than those before it.
    Time,
}

/// What cross-validation is asked for.
#[derive(Clone, Debug, PartialEq)]
pub enum FoldChoice {
    /// So many folds of rows, by their numbers alone; the assignment is neither auto nor time.
    Count { nfolds: u32, assignment: FoldAssignment },
    /// A fold for each value of the column.
    Column(String),
    /// So many folds, in the order of the column's times.
    Time { nfolds: u32, column: String },
}

impl RawCrossValidation {
    pub(super) fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    fn choice(&self) -> Option<FoldChoice> {
        let nfolds = self.nfolds.and_then(|nfolds| u32::try_from(nfolds).ok()).filter(|nfolds| *nfolds > 0);
        match (nfolds, self.fold_column.clone(), self.fold_assignment.unwrap_or(FoldAssignment::Auto)) {
            (Some(nfolds), Some(column), FoldAssignment::Time) => Some(FoldChoice::Time { nfolds, column }),
            (_, Some(column), _) => Some(FoldChoice::Column(column)),
            (Some(nfolds), None, FoldAssignment::Auto) => {
                Some(FoldChoice::Count { nfolds, assignment: FoldAssignment::Random })
            }
            (Some(nfolds), None, assignment) => Some(FoldChoice::Count { nfolds, assignment }),
            (None, None, _) => None,
        }
    }
}

impl Spec {
    /// The folds that are asked for; none without cross-validation. Of a spec that [`Spec::check`] lets pass.
    pub fn folds(&self) -> Option<FoldChoice> {
        self.cross_validation.choice()
    }

    /// Whether what the models of the folds predict of their own rows is kept.
    pub fn keeps_cross_validation_predictions(&self) -> bool {
        self.cross_validation.keep_cross_validation_predictions.unwrap_or(false)
    }

    /// The column whose values say the fold: no feature.
    pub(super) fn value_fold_column(&self) -> Option<&str> {
        let of_times = self.cross_validation.fold_assignment == Some(FoldAssignment::Time);
        self.cross_validation.fold_column.as_deref().filter(|_| !of_times)
    }

    pub(super) fn check_folds(&self) -> Result<(), SpecError> {
        let cv = &self.cross_validation;
        in_range("nfolds", &cv.nfolds, |nfolds| *nfolds == 0 || (2..=NFOLDS_MAX).contains(nfolds))?;
        let counted = cv.nfolds.is_some_and(|nfolds| nfolds > 0);
        if cv.fold_assignment == Some(FoldAssignment::Time) {
            let missing = |key| Err(SpecError::Missing { key });
            match &cv.fold_column {
                None => return missing("fold_column"),
                Some(_) if !counted => return missing("nfolds"),
                Some(_) => {}
            }
        }
        if !counted && cv.fold_column.is_none() {
            let because = "neither `nfolds` nor `fold_column` asks for cross-validation";
            for (key, given) in [
                ("fold_assignment", cv.fold_assignment.is_some()),
                ("keep_cross_validation_predictions", cv.keep_cross_validation_predictions.is_some()),
            ] {
                if given {
                    return Err(SpecError::NotApplicable { key, because });
                }
            }
        }
        self.check_fold_column(counted)
    }

    fn check_fold_column(&self, counted: bool) -> Result<(), SpecError> {
        let contradiction = |reason| Err(SpecError::Contradiction { reason });
        let Some(column) = &self.cross_validation.fold_column else { return Ok(()) };
        for (key, other) in [("target", &self.target), ("weights_column", &self.weights_column)] {
            if other.as_ref() == Some(column) {
                return contradiction(format!("column `{column}` is both `{key}` and `fold_column`"));
            }
        }
        let assignment = match self.cross_validation.fold_assignment {
            Some(FoldAssignment::Time) => return Ok(()),
            Some(FoldAssignment::Random) => Some("random"),
            Some(FoldAssignment::Modulo) => Some("modulo"),
            Some(FoldAssignment::Stratified) => Some("stratified"),
            Some(FoldAssignment::Auto) | None => None,
        };
        if let Some(assignment) = assignment {
            return contradiction(format!(
                "`fold_assignment` is \"{assignment}\", but `fold_column` is given, whose values say the fold"
            ));
        }
        if counted {
            return contradiction(format!(
                "`nfolds` and `fold_column` are both given: the values of `{column}` say how many folds there are"
            ));
        }
        if self.features.as_ref().is_some_and(|features| features.contains(column)) {
            return contradiction(format!("column `{column}` is both in `features` and `fold_column`"));
        }
        Ok(())
    }
}
