//! When a search stops by itself: it looks at candidates in plan order, not in the order in which they end.

use aquifer_model::MetricName;

/// After how many candidates, in plan order, the search stops; None while it does not.
///
/// It is the first n > `rounds` at which the best of the first n is not better than the best of the first n − `rounds` by
/// `tolerance`, relative. `values[i]` is the metric of candidate i; that of a failed one is None, and no improvement.
/// With `rounds` = 0 it never stops.
pub fn stops_after(values: &[Option<f64>], rounds: usize, tolerance: f64, metric: MetricName) -> Option<usize> {
    if rounds == 0 {
        return None;
    }
    let best: Vec<Option<f64>> = values
        .iter()
        .scan(None, |best, value| {
            *best = better(*best, value.filter(|value| !value.is_nan()), metric);
            Some(*best)
        })
        .collect();
    let stops = |last: &usize| !is_improved(best[last - rounds], best[*last], tolerance, metric);
    (rounds..values.len()).find(stops).map(|last| last + 1)
}

fn better(best: Option<f64>, value: Option<f64>, metric: MetricName) -> Option<f64> {
    match (best, value) {
        (Some(best), Some(value)) if !metric.better(value, best) => Some(best),
        _ => value.or(best),
    }
}

/// Any value is better than none.
fn is_improved(before: Option<f64>, now: Option<f64>, tolerance: f64, metric: MetricName) -> bool {
    let Some(before) = before else { return now.is_some() };
    let margin = tolerance * before.abs();
    let bound = if metric.larger_is_better() { before + margin } else { before - margin };
    now.is_some_and(|now| metric.better(now, bound))
}

#[cfg(test)]
mod tests {
    use MetricName::{Auc, Logloss, Rmse};

    use super::*;

    fn check(metric: MetricName, values: &[f64], rounds: usize, tolerance: f64, expected: Option<usize>) {
        let failed = |value: &f64| Some(*value).filter(|value| !value.is_nan());
        let some: Vec<Option<f64>> = values.iter().map(|value| Some(*value)).collect();
        let values: Vec<Option<f64>> = values.iter().map(failed).collect();
        assert_eq!(stops_after(&values, rounds, tolerance, metric), expected, "{values:?}");
        assert_eq!(stops_after(&some, rounds, tolerance, metric), expected, "NaN is no metric");
        for n in 0..values.len() {
            let early = stops_after(&values[..n], rounds, tolerance, metric);
            assert_eq!(early, expected.filter(|stop| *stop <= n), "what is known later changes nothing");
        }
    }

    #[test]
    fn a_search_stops_when_the_best_stays() {
        check(Auc, &[0.5, 0.6, 0.6, 0.6, 0.9], 2, 0.0, Some(4));
        check(Auc, &[0.5, 0.6, 0.6, 0.7, 0.7, 0.8], 2, 0.0, None);
        check(Logloss, &[0.5, 0.4, 0.4, 0.4, 0.1], 2, 0.0, Some(4));
        check(Logloss, &[0.5, 0.4, 0.3, 0.2, 0.1], 1, 0.0, None);
        check(Auc, &[0.5, 0.4], 1, 0.0, Some(2));
        check(Auc, &[0.5, 0.4, 0.3], 3, 0.0, None);
        check(Auc, &[], 1, 0.0, None);
        check(Auc, &[0.5, 0.5, 0.5], 0, 0.0, None);
        check(Auc, &[0.5, 0.5, 0.5], usize::MAX, 0.0, None);
    }

    #[test]
    fn the_tolerance_is_relative() {
        check(Auc, &[0.5, 0.504], 1, 0.01, Some(2));
        check(Auc, &[0.5, 0.506], 1, 0.01, None);
        check(Rmse, &[100.0, 99.5], 1, 0.01, Some(2));
        check(Rmse, &[100.0, 98.5], 1, 0.01, None);
        check(Rmse, &[0.0, 0.0], 1, 0.01, Some(2));
    }

    /// Small steps that add up within the rounds are an improvement.
    #[test]
    fn steps_add_up() {
        check(Auc, &[0.500, 0.504, 0.508, 0.512], 2, 0.01, None);
        check(Auc, &[0.500, 0.502, 0.504, 0.506], 2, 0.01, Some(3));
    }

    #[test]
    fn failures_are_no_improvement() {
        let failed = f64::NAN;
        check(Auc, &[0.5, failed, failed, 0.9], 2, 0.0, Some(3));
        check(Auc, &[failed, failed, failed], 2, 0.0, Some(3));
        check(Auc, &[failed, failed, 0.5, 0.6], 2, 0.0, None);
        check(Auc, &[failed, 0.5, failed, 0.6], 2, 0.0, None);
    }
}
