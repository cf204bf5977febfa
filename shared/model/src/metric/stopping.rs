//! When more training is of no use: H2O's rule.

/// H2O's rule (`ScoreKeeper.stopEarly`): of `values`, oldest first, the moving averages over `rounds` of them; true once the
/// best of the last `rounds` averages is not better than the one before them by `tolerance`, relative. False with fewer
/// than 2 · `rounds` values, or `rounds` = 0.
///
/// ```text
/// a_i     = mean of `rounds` values, the first of them i after the 2·rounds-th last; i = 0, …, rounds
/// stalled = not (a_0 − min(a_1, …) > tolerance · |a_0|), where smaller is better
/// ```
///
/// H2O compares the ratio of the two averages; the difference says the same, and holds for zero and below it as well.
pub fn has_stalled(values: &[f64], rounds: usize, tolerance: f64, larger_is_better: bool) -> bool {
    let Some(first) = rounds.checked_mul(2).and_then(|count| values.len().checked_sub(count)) else { return false };
    if rounds == 0 {
        return false;
    }
    let mean = |values: &[f64]| values.iter().fold(0.0, |sum, value| sum + value) / rounds as f64;
    let mut means = values[first..].windows(rounds).map(mean);
    let Some(reference) = means.next() else { return false };
    let gain = |mean: f64| if larger_is_better { mean - reference } else { reference - mean };
    let improved = means.any(|mean| gain(mean) > tolerance * reference.abs());
    !improved
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stalls_where_the_averages_do() {
        let check = |values: &[f64], rounds, tolerance, larger, expected| {
            assert_eq!(has_stalled(values, rounds, tolerance, larger), expected, "{values:?} {rounds} {tolerance}");
        };
        // One round: the last value against the one before it.
        check(&[1.0], 1, 0.0, false, false);
        check(&[1.0, 0.5], 1, 0.0, false, false);
        check(&[1.0, 1.0], 1, 0.0, false, true);
        check(&[1.0, 0.5], 1, 0.5, false, true); // half is not more than half
        check(&[1.0, 0.5], 1, 0.499, false, false);
        check(&[9.0, 1.0, 1.5], 1, 0.0, false, true); // older ones count no longer
        // Two rounds: averages 3.5, then 3, 3 of [4, 3, 3, 3]: better by a seventh.
        check(&[4.0, 3.0, 3.0], 2, 0.0, false, false); // too few
        check(&[4.0, 3.0, 3.0, 3.0], 2, 0.0, false, false);
        check(&[4.0, 3.0, 3.0, 3.0], 2, 0.142, false, false);
        check(&[4.0, 3.0, 3.0, 3.0], 2, 0.143, false, true);
        check(&[4.0, 3.0, 3.0, 3.0, 3.0], 2, 0.0, false, true); // averages 3, 3, 3
        // The best of the averages, not the last: 4 of [5, 3], then 2 of [3, 1] and 5 of [1, 9].
        check(&[5.0, 3.0, 1.0, 9.0], 2, 0.1, false, false);
        check(&[5.0, 3.0, 5.0, 9.0], 2, 0.0, false, true); // 4, then 4 and 7
        // Larger is better: 0.5, then 0.625 and 0.75.
        check(&[0.5, 0.5, 0.75, 0.75], 2, 0.5, true, true);
        check(&[0.5, 0.5, 0.75, 0.75], 2, 0.49, true, false);
        check(&[0.75, 0.75, 0.5, 0.5], 2, 0.0, true, true);
    }

    #[test]
    fn references_of_zero_and_below_have_a_tolerance_too() {
        assert!(!has_stalled(&[0.0, 1e-9], 1, 0.001, true), "of 0, any gain is more than a share");
        assert!(has_stalled(&[0.0, 0.0], 1, 0.001, true) && has_stalled(&[0.0, 0.0], 1, 0.0, false));
        // r2 of −2: better from −1.998 on.
        assert!(has_stalled(&[-2.0, -1.999], 1, 0.001, true) && !has_stalled(&[-2.0, -1.99], 1, 0.001, true));
        assert!(has_stalled(&[-2.0, -2.1], 1, 0.001, true));
        assert!(!has_stalled(&[-2.0, -2.1], 1, 0.001, false), "a deviance may fall below zero");
    }

    #[test]
    fn never_without_rounds() {
        assert!(!has_stalled(&[1.0; 9], 0, 0.0, false) && !has_stalled(&[], 0, 0.0, false));
        assert!(!has_stalled(&[1.0; 9], usize::MAX, 0.0, false));
    }
}
