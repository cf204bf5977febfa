//! Does a model's metadata make sense? A file with the right digest may still have been made by hand.

use std::collections::BTreeSet;

use aquifer_frame::{CLASSES_MAX, Encoding, Target};

use super::metadata::Metadata;
use super::{EXACT, ModelFileError};
use crate::spec::FitSpec;

pub(super) fn check(metadata: &Metadata, spec: &FitSpec) -> Result<(), ModelFileError> {
    let wrong = |field, reason| Err(ModelFileError::Content { field, reason });
    if metadata.format == 0 {
        return wrong("format", "there is no format 0".into());
    }
    if metadata.numeric_class != EXACT {
        return wrong("numeric class", format!("`{}` is not known", metadata.numeric_class));
    }
    let encoding = &metadata.encoding;
    if spec.target != encoding.target.column() || spec.weights_column != encoding.weights_column {
        return wrong("encoding", "its target or weights are not those of its spec".into());
    }
    wrong_encoding(encoding).map_or(Ok(()), |reason| wrong("encoding", reason))
}

fn wrong_encoding(encoding: &Encoding) -> Option<String> {
    let scales = |scale: f64| scale.is_finite() && scale > 0.0;
    for numeric in &encoding.numeric {
        if !scales(numeric.scale) || !numeric.shift.is_finite() || !numeric.fill.is_finite() {
            return Some(format!("the scale of column `{}` is none", numeric.column));
        }
        if !numeric.missing_input().is_finite() {
            return Some(format!("what stands in for a missing value of column `{}` is no input", numeric.column));
        }
    }
    for categorical in &encoding.categorical {
        if !categorical.levels.is_sorted_by(|a, b| a < b) {
            return Some(format!("the levels of column `{}` are out of order", categorical.column));
        }
    }
    match &encoding.target {
        Target::Regression { mean, deviation, .. } => {
            let whole = mean.is_finite() && scales(*deviation);
            (!whole).then(|| "the scale of the target is none".into())
        }
        Target::Classes { levels, .. } if !(2..=CLASSES_MAX).contains(&levels.len()) => {
            Some(format!("{} classes: 2 to {CLASSES_MAX} can be learned", levels.len()))
        }
        Target::Classes { levels, .. } => {
            (!are_classes(levels)).then(|| "the classes of the target are out of order".into())
        }
    }
}

/// Each once, by bytes or, if all are numbers, by value.
fn are_classes(levels: &[String]) -> bool {
    let distinct: BTreeSet<&String> = levels.iter().collect();
    let whole: Option<Vec<i128>> = levels.iter().map(|level| level.parse().ok()).collect();
    let numbers: Option<Vec<f64>> = levels.iter().map(|level| level.parse().ok()).collect();
    let ascending = levels.is_sorted()
        || whole.is_some_and(|numbers| numbers.is_sorted())
        || numbers.is_some_and(|numbers| numbers.is_sorted());
    distinct.len() == levels.len() && ascending
}
