//! Warnings about a target: features that alone predict it, and rows that are in its order. Both from the sampled rows.

use std::collections::BTreeMap;

use super::rank::{auc, spearman};
use super::view::{TakenFor, View};
use crate::encode::{Note, Target};
use crate::frame::{Frame, FrameColumn};
use crate::reading::Reading;
use crate::value::Value;

/// Sampled rows that both columns need.
const ROWS_MIN: usize = 200;
/// Of them, rows outside the most frequent class, or of each of two.
const CLASS_ROWS_MIN: usize = 10;
/// A feature that is this good by itself is too good.
const LEAK: f64 = 0.995;
/// Of the rows that are wrong if every row is given the most frequent class, the share that may be left.
const ERRORS_LEFT: f64 = 0.05;
/// Rows are sorted by a number from this correlation of the two orders on.
const SORTED: f64 = 0.9;
/// Rows are sorted by class if neighbours differ this much more rarely than in rows in random order.
const CHANGES_LEFT: f64 = 0.1;
/// Of which there must be so many.
const CHANGES_MIN: f64 = 20.0;
const SORTED_ROWS_MIN: usize = 100;

/// The target of the sampled rows; none where it is missing.
enum Answers {
    Numbers(Vec<Option<f64>>),
    Classes { of: Vec<Option<usize>>, count: usize },
}

/// Says which features give the target away, and whether the rows are in its order.
pub fn target_notes(frame: &Frame, target: &Target, is_feature: impl Fn(&FrameColumn) -> bool) -> Vec<Note> {
    let Some(column) = frame.column(target.column()) else { return Vec::new() };
    let answers = Answers::of(column, target);
    let features = frame.columns.iter().filter(|feature| feature.name != column.name && is_feature(feature));
    let leak = |feature: &FrameColumn| {
        let (name, target) = (&feature.name, &column.name);
        let message = format!(
            "{name} alone predicts {target}: {}. If it is not known before {target} is, leave it out with ignored_columns",
            answers.given_away_by(feature)?
        );
        Some(Note::of("target_leak", name, message))
    };
    let mut notes: Vec<Note> = features.filter_map(leak).collect();
    if answers.is_sorted() {
        let name = &column.name;
        let message = format!(
            "the rows are in the order of {name}, or nearly so: what is learned from neighbours is all alike; `aquifer frame import NAME \
             FILE... --shuffle` scatters them"
        );
        notes.push(Note::of("sorted_target", name, message));
    }
    notes
}

impl Answers {
    fn of(column: &FrameColumn, target: &Target) -> Self {
        match target {
            Target::Regression { reading: Some(Reading::Number), .. } => {
                let found = column.stats.readings.iter().find(|found| found.reading == Reading::Number);
                Self::Numbers(found.map_or_else(Vec::new, |found| numbers(&found.summary.row_sample)))
            }
            Target::Regression { .. } => Self::Numbers(numbers(&column.stats.row_sample)),
            Target::Classes { levels, .. } => {
                let class_of: BTreeMap<&str, usize> = levels.iter().map(String::as_str).zip(0..).collect();
                let class = |value: &Option<Value>| class_of.get(value.as_ref()?.to_string().as_str()).copied();
                Self::Classes { of: column.stats.row_sample.iter().map(class).collect(), count: levels.len() }
            }
        }
    }

    /// How a feature does it, if it does.
    fn given_away_by(&self, feature: &FrameColumn) -> Option<String> {
        let view = View::of(feature);
        if matches!(view.taken_for, TakenFor::Empty | TakenFor::Constant) {
            return None;
        }
        let ordered = view.is_ordered().then(|| numbers(&view.summary.row_sample));
        let by_order = ordered.as_deref().and_then(|values| match self {
            Self::Numbers(of) => follows(values, of),
            Self::Classes { of, count: 2 } => tells_two(values, of),
            Self::Classes { of, .. } => tells_many(values, of),
        });
        by_order.or_else(|| {
            let groups = groups(&view.summary.row_sample);
            match self {
                Self::Numbers(of) => explains(&groups, of),
                Self::Classes { of, count } => names(&groups, of, *count),
            }
        })
    }

    fn is_sorted(&self) -> bool {
        match self {
            Self::Numbers(of) => {
                let present: Vec<f64> = of.iter().flatten().copied().collect();
                let order: Vec<f64> = (0..present.len()).map(|at| at as f64).collect();
                present.len() >= SORTED_ROWS_MIN && spearman(&present, &order).abs() >= SORTED
            }
            Self::Classes { of, count } => {
                let present: Vec<usize> = of.iter().flatten().copied().collect();
                let changes = present.windows(2).filter(|pair| pair[0] != pair[1]).count() as f64;
                // Of n rows in random order, (n² − Σ n_class²) / n neighbours differ.
                let n = present.len() as f64;
                let squares = class_rows(&present, *count).iter().fold(0.0, |sum, &rows| sum + (rows * rows) as f64);
                let expected = if n > 0.0 { (n * n - squares) / n } else { 0.0 };
                present.len() >= SORTED_ROWS_MIN && expected >= CHANGES_MIN && changes <= CHANGES_LEFT * expected
            }
        }
    }
}

fn numbers(sample: &[Option<Value>]) -> Vec<Option<f64>> {
    sample.iter().map(|value| value.as_ref()?.number()).collect()
}

/// The number of each row's value among the different ones; what is missing is a value like others.
fn groups(sample: &[Option<Value>]) -> Vec<usize> {
    let texts: Vec<Option<String>> = sample.iter().map(|value| Some(value.as_ref()?.to_string())).collect();
    let mut number: BTreeMap<&Option<String>, usize> = texts.iter().map(|text| (text, 0)).collect();
    number.values_mut().zip(0..).for_each(|(number, at)| *number = at);
    texts.iter().map(|text| number[text]).collect()
}

/// Values and answers of the rows that have both.
fn both<T: Copy>(values: &[Option<f64>], of: &[Option<T>]) -> (Vec<f64>, Vec<T>) {
    values.iter().zip(of).filter_map(|(x, y)| (*x).zip(*y)).unzip()
}

fn class_rows(of: &[usize], classes: usize) -> Vec<usize> {
    let mut rows = vec![0; classes];
    of.iter().for_each(|&class| rows[class] += 1);
    rows
}

/// A number that stands in the order of the target.
fn follows(values: &[Option<f64>], of: &[Option<f64>]) -> Option<String> {
    let (x, y) = both(values, of);
    let rho = spearman(&x, &y);
    (x.len() >= ROWS_MIN && rho * rho >= LEAK)
        .then(|| format!("the two stand in the same order (Spearman's ρ is {rho:.3} in {} sampled rows)", x.len()))
}

/// A number that is greater in one class than in the other.
fn tells_two(values: &[Option<f64>], of: &[Option<usize>]) -> Option<String> {
    let (x, y) = both(values, of);
    let second: Vec<bool> = y.iter().map(|class| *class == 1).collect();
    let area = auc(&x, &second);
    let area = if area < 0.5 { 1.0 - area } else { area };
    let enough = x.len() >= ROWS_MIN && class_rows(&y, 2).iter().all(|rows| *rows >= CLASS_ROWS_MIN);
    (enough && area >= LEAK).then(|| format!("it has an AUC of {area:.3} in {} sampled rows", x.len()))
}

/// A number of which each class has a range of its own.
fn tells_many(values: &[Option<f64>], of: &[Option<usize>]) -> Option<String> {
    let (x, y) = both(values, of);
    let rows = class_rows(&y, y.iter().max()? + 1);
    let mut order: Vec<usize> = (0..x.len()).collect();
    order.sort_by(|&a, &b| x[a].total_cmp(&x[b]));
    // The most frequent class of each value, and the rows of others.
    let (mut errors, mut classes) = (0, Vec::new());
    for equal in order.chunk_by(|&a, &b| x[a] == x[b]) {
        let of_value = class_rows(&equal.iter().map(|&at| y[at]).collect::<Vec<_>>(), rows.len());
        let most = of_value.iter().copied().max()?;
        errors += equal.len() - most;
        classes.extend(of_value.iter().position(|rows| *rows == most));
    }
    let changes = classes.windows(2).filter(|pair| pair[0] != pair[1]).count();
    let needed = rows.iter().filter(|rows| **rows > 0).count() - 1;
    let errors = errors + changes.saturating_sub(needed);
    is_too_good(errors, &rows).then(|| format!("each class has a range of its own in {} sampled rows", x.len()))
}

/// Values of which each goes with one class. A row is told by the other rows of its value: one that is alone tells nothing.
fn names(groups: &[usize], of: &[Option<usize>], classes: usize) -> Option<String> {
    let (mut counts, mut present) = (BTreeMap::<usize, BTreeMap<usize, usize>>::new(), Vec::new());
    for (group, class) in groups.iter().zip(of) {
        if let Some(class) = class {
            *counts.entry(*group).or_default().entry(*class).or_default() += 1;
            present.push(*class);
        }
    }
    let rows = class_rows(&present, classes);
    let most = rows.iter().copied().max()?;
    let usual = rows.iter().position(|rows| *rows == most);
    let right = |of_group: &BTreeMap<usize, usize>| -> usize {
        let alone = of_group.values().sum::<usize>() == 1;
        let told = |class: usize, rows: usize| match alone {
            true => usual == Some(class),
            false => of_group.iter().all(|(&other, &others)| other == class || rows > others),
        };
        of_group.iter().filter(|(class, rows)| told(**class, **rows)).map(|(_, rows)| rows).sum()
    };
    let right: usize = counts.values().map(right).sum();
    is_too_good(present.len() - right, &rows)
        .then(|| format!("its values tell the class of {right} of {} sampled rows", present.len()))
}

fn is_too_good(errors: usize, class_rows: &[usize]) -> bool {
    let rows: usize = class_rows.iter().sum();
    let usual = class_rows.iter().copied().max().unwrap_or(0);
    let without = rows - usual;
    rows >= ROWS_MIN
        && without >= CLASS_ROWS_MIN
        && errors as f64 <= (1.0 - LEAK) * rows as f64
        && errors as f64 <= ERRORS_LEFT * without as f64
}

/// Values of which each goes with one number: the share of the variance that the mean of the other rows of a row's value
/// explains.
fn explains(groups: &[usize], of: &[Option<f64>]) -> Option<String> {
    let present: Vec<(usize, f64)> = groups.iter().zip(of).filter_map(|(group, y)| Some((*group, (*y)?))).collect();
    if present.len() < ROWS_MIN {
        return None;
    }
    let mean = |of: &[f64]| of[0] + of.iter().fold(0.0, |sum, y| sum + (y - of[0])) / of.len() as f64;
    let squares = |of: &[f64], mean: f64| of.iter().fold(0.0, |sum, y| sum + (y - mean) * (y - mean));
    let mut by_group: BTreeMap<usize, Vec<f64>> = BTreeMap::new();
    present.iter().for_each(|(group, y)| by_group.entry(*group).or_default().push(*y));
    let all: Vec<f64> = present.iter().map(|(_, y)| *y).collect();
    let (overall, whole) = (mean(&all), squares(&all, mean(&all)));
    let left = by_group.values().fold(0.0, |sum, of| {
        let n = of.len() as f64;
        // Without the row itself the mean is further from it, by n / (n − 1).
        let own = if of.len() == 1 {
            squares(of, overall)
        } else {
            squares(of, mean(of)) * (n / (n - 1.0)) * (n / (n - 1.0))
        };
        sum + own
    });
    let share = 1.0 - left / whole;
    (whole > 0.0 && share >= LEAK)
        .then(|| format!("its values explain {:.1} % of the variance in {} sampled rows", 100.0 * share, all.len()))
}
