//! Synchronous halving: where candidates are compared, and how many go on (Jamieson and Talwalkar, "Non-stochastic best
//! arm identification and hyperparameter optimization", AISTATS 2016).

/// Positions at which candidates are compared, ascending; the last is `last_position`, and each before it is the next one
/// divided by `factor`, while at least `min_epochs` passes over `rows` remain.
pub fn rungs(last_position: u64, rows: u64, min_epochs: f64, factor: u64) -> Vec<u64> {
    let least = min_epochs * rows as f64;
    let below = |position: &u64| {
        let below = if factor > 1 { position / factor } else { 0 };
        (below > 0 && below as f64 >= least).then_some(below)
    };
    let mut rungs: Vec<u64> = std::iter::successors(Some(last_position), below).collect();
    rungs.reverse();
    rungs
}

/// How many of `count` candidates go on from a rung.
pub fn survivors(count: usize, factor: u64) -> usize {
    count.div_ceil(usize::try_from(factor.max(1)).unwrap_or(usize::MAX)).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rungs_are_fractions_of_the_whole() {
        let check = |(last, rows, min_epochs, factor), expected: &[u64]| {
            assert_eq!(rungs(last, rows, min_epochs, factor), expected, "{last} {rows} {min_epochs} {factor}");
        };
        check((10_000, 1_000, 1.0, 3), &[1_111, 3_333, 10_000]);
        check((9_000, 1_000, 1.0, 3), &[1_000, 3_000, 9_000]);
        check((8_999, 1_000, 1.0, 3), &[2_999, 8_999]);
        check((10_000, 1_000, 0.5, 2), &[625, 1_250, 2_500, 5_000, 10_000]);
        check((10_000, 1_000, 10.0, 2), &[10_000]);
        check((10_000, 1_000, 20.0, 2), &[10_000]);
        check((10_000, 1_000, 1.0, 1), &[10_000]);
        check((10_000, 1_000, 1.0, 0), &[10_000]);
        check((10_000, 1_000, f64::NAN, 2), &[10_000]);
        check((10, 1_000, 0.0, 2), &[1, 2, 5, 10]);
        check((0, 0, 0.0, 2), &[0]);
    }

    #[test]
    fn rungs_ascend() {
        for factor in 2..6 {
            for last in [1, 2, 1_000, 123_456_789, u64::MAX] {
                let rungs = rungs(last, 10, 0.0, factor);
                assert!(rungs.windows(2).all(|pair| pair[0] < pair[1] && pair[1] / factor == pair[0]));
                assert_eq!(rungs.last(), Some(&last));
            }
        }
    }

    #[test]
    fn one_candidate_always_goes_on() {
        let check = |count, factor, expected| assert_eq!(survivors(count, factor), expected, "{count} {factor}");
        check(27, 3, 9);
        check(28, 3, 10);
        check(2, 3, 1);
        check(1, 3, 1);
        check(0, 3, 1);
        check(5, 1, 5);
        check(5, u64::MAX, 1);
    }
}
