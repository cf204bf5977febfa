//! The leaderboard: the order of candidates, and what is told of their folds.

use std::cmp::Ordering;

use aquifer_model::MetricName;

/// What is known of a candidate that has ended.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Entry {
    /// Its number in the plan.
    pub candidate: u32,
    /// The last rung that it reached; 0 without halving.
    pub rung: u32,
    /// Its metric; None, or NaN, if it has none.
    pub value: Option<f64>,
}

/// Best first: later rung, then better metric, then plan order; those without a metric last, in plan order.
pub fn rank(entries: &mut [Entry], metric: MetricName) {
    entries.sort_by(|a, b| match (known(a), known(b)) {
        (Some(x), Some(y)) => {
            let by_metric = if metric.better(x, y) { Ordering::Less } else { Ordering::Equal };
            let by_metric = if metric.better(y, x) { Ordering::Greater } else { by_metric };
            b.rung.cmp(&a.rung).then(by_metric).then(a.candidate.cmp(&b.candidate))
        }
        (x, y) => y.is_some().cmp(&x.is_some()).then(a.candidate.cmp(&b.candidate)),
    });
}

fn known(entry: &Entry) -> Option<f64> {
    entry.value.filter(|value| !value.is_nan())
}

/// Mean and sample standard deviation (n − 1 in the denominator; 0 for one value), summed in order; None of nothing.
pub fn mean_and_deviation(values: &[f64]) -> Option<(f64, f64)> {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let squares: f64 = values.iter().map(|x| (x - mean) * (x - mean)).sum();
    match values {
        [] => None,
        [_] => Some((mean, 0.0)),
        _ => Some((mean, (squares / (n - 1.0)).sqrt())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Candidates in the order of the board, of (rung, value) in plan order; the board is made from both directions.
    fn order(entries: &[(u32, Option<f64>)], metric: MetricName) -> Vec<u32> {
        let entry = |(candidate, &(rung, value))| Entry { candidate: candidate as u32, rung, value };
        let mut board: Vec<Entry> = entries.iter().enumerate().map(entry).collect();
        let mut reversed: Vec<Entry> = board.iter().rev().copied().collect();
        rank(&mut board, metric);
        rank(&mut reversed, metric);
        let candidates = |board: &[Entry]| board.iter().map(|entry| entry.candidate).collect::<Vec<_>>();
        assert_eq!(candidates(&board), candidates(&reversed));
        candidates(&board)
    }

    #[test]
    fn the_metric_says_what_is_best() {
        let values = [(0, Some(0.5)), (0, Some(0.9)), (0, Some(0.7))];
        assert_eq!(order(&values, MetricName::Auc), [1, 2, 0]);
        assert_eq!(order(&values, MetricName::Logloss), [0, 2, 1]);
    }

    #[test]
    fn ties_go_by_plan_order() {
        let values = [(0, Some(0.0)), (0, Some(0.9)), (0, Some(-0.0)), (0, Some(0.9))];
        assert_eq!(order(&values, MetricName::Auc), [1, 3, 0, 2]);
        assert_eq!(order(&values, MetricName::Logloss), [0, 2, 1, 3]);
    }

    #[test]
    fn later_rungs_are_first_and_those_without_a_metric_last() {
        let values = [(0, Some(0.99)), (2, None), (2, Some(0.6)), (1, Some(0.8)), (0, Some(f64::NAN)), (2, Some(0.7))];
        assert_eq!(order(&values, MetricName::Auc), [5, 2, 3, 0, 1, 4]);
        assert_eq!(order(&[(0, None), (1, None), (0, Some(f64::INFINITY))], MetricName::Logloss), [2, 0, 1]);
    }

    #[test]
    fn deviations_are_of_a_sample() {
        assert_eq!(mean_and_deviation(&[]), None);
        assert_eq!(mean_and_deviation(&[0.7]), Some((0.7, 0.0)));
        assert_eq!(mean_and_deviation(&[2.0, 4.0, 4.0, 4.0, 5.0, 5.0, 7.0, 9.0]), Some((5.0, (32.0f64 / 7.0).sqrt())));
        assert_eq!(mean_and_deviation(&[1.0, 1.0, 1.0]), Some((1.0, 0.0)));
    }
}
