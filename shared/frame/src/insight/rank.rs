//! Measures of two columns of a sample that look at the order of values alone. Ranks and their sums are whole numbers, so
//! they are exact.

/// The rank of each value, from 1, times two: equal values share the middle one of their ranks.
fn doubled_ranks(values: &[f64]) -> Vec<i128> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|&a, &b| values[a].total_cmp(&values[b]));
    let mut ranks = vec![0; values.len()];
    let mut first = 1;
    for equal in order.chunk_by(|&a, &b| values[a] == values[b]) {
        let last = first + equal.len() - 1;
        equal.iter().for_each(|&at| ranks[at] = (first + last) as i128);
        first = last + 1;
    }
    ranks
}

/// Spearman's ρ: the correlation of the ranks; 0 where one of the two is constant.
pub(super) fn spearman(a: &[f64], b: &[f64]) -> f64 {
    let (a, b) = (doubled_ranks(a), doubled_ranks(b));
    let n = a.len() as i128;
    let sum = |x: &[i128]| x.iter().sum::<i128>();
    let product = |x: &[i128], y: &[i128]| n * x.iter().zip(y).map(|(x, y)| x * y).sum::<i128>() - sum(x) * sum(y);
    let spread = product(&a, &a) as f64 * product(&b, &b) as f64;
    if spread > 0.0 { product(&a, &b) as f64 / spread.sqrt() } else { 0.0 }
}

/// The share of pairs, one of each class, that stand in order: Mann and Whitney's U divided by their number. A half where a
/// class has no rows.
pub(super) fn auc(values: &[f64], positive: &[bool]) -> f64 {
    let ranks = doubled_ranks(values);
    let positives = positive.iter().filter(|positive| **positive).count() as i128;
    let pairs = positives * (values.len() as i128 - positives);
    if pairs == 0 {
        return 0.5;
    }
    let sum: i128 = ranks.iter().zip(positive).filter(|(_, positive)| **positive).map(|(rank, _)| rank).sum();
    (sum - positives * (positives + 1)) as f64 / (2 * pairs) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spearman_is_the_correlation_of_the_middle_ranks() {
        let check = |a: &[f64], b: &[f64], expected| assert_eq!(spearman(a, b), expected, "{a:?}");
        check(&[1.0, 2.0, 3.0, 4.0], &[1.0, 4.0, 9.0, 16.0], 1.0);
        // Ranks 1, 2.5, 2.5, 5, 4 and 5, 3, 4, 1.5, 1.5.
        check(&[1.0, 2.0, 2.0, 5.0, 4.0], &[3.0, 1.0, 2.0, 0.0, 0.0], -9.0 / 9.5);
        check(&[1.0, 1.0], &[1.0, 2.0], 0.0);
        check(&[], &[], 0.0);
    }

    #[test]
    fn auc_counts_pairs() {
        let check = |values: &[f64], positive: &[bool], expected| assert_eq!(auc(values, positive), expected);
        check(&[1.0, 2.0, 3.0], &[false, false, true], 1.0);
        check(&[3.0, 2.0, 1.0], &[false, false, true], 0.0);
        check(&[1.0, 1.0, 0.0, 2.0], &[true, false, false, true], 3.5 / 4.0);
        check(&[1.0], &[true], 0.5);
    }
}
