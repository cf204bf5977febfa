//! Quantiles and the parts of times, from values and how many rows have each: counted levels if there are any, and then
//! exact, else a sample.

use super::{Level, PartSummary, Tally};
use crate::time::{TimePart, TimeType};
use crate::value::Value;

/// Quantiles are the k/128 for k from 0 to 128.
const STEPS: u64 = 128;

/// Type 7 of Hyndman and Fan: the k-th lies at place (n − 1)·k/128 of the n values, linear between its neighbours.
pub(super) fn quantiles(levels: Option<&[Level]>, sample: &[f64]) -> Vec<f64> {
    match levels {
        Some(levels) => {
            let count = |rows: &mut u64, level: &Level| {
                *rows += level.rows;
                Some(*rows)
            };
            let ends: Vec<u64> = levels.iter().scan(0, count).collect();
            let value = |place: u64| levels[ends.partition_point(|end| *end <= place)].value.number().unwrap_or(0.0);
            steps(ends.last().copied().unwrap_or(0), value)
        }
        None => steps(sample.len() as u64, |place| sample[place as usize]),
    }
}

/// From the value at each place of `count`, in order.
fn steps(count: u64, value: impl Fn(u64) -> f64) -> Vec<f64> {
    let Some(last) = count.checked_sub(1) else { return Vec::new() };
    let step = |k: u64| {
        let (place, rest) = (last * k / STEPS, last * k % STEPS); // rows are below 2^42
        let below = value(place);
        if rest == 0 {
            return below;
        }
        let (above, share) = (value(place + 1), rest as f64 / STEPS as f64);
        let distance = above - below;
        let between =
            if distance.is_finite() { below + distance * share } else { below * (1.0 - share) + above * share };
        between.clamp(below, above)
    };
    (0..=STEPS).map(step).collect()
}

/// Each part that values of the type have; the least and the largest of them include those of the column's extremes.
pub(super) fn parts(time: &TimeType, tally: &Tally, sample: &[f64]) -> Vec<PartSummary> {
    let raw = |value: &Value| match value {
        Value::Int(raw) => Some(*raw),
        _ => None,
    };
    let values: Vec<(i64, u64)> = match &tally.levels {
        Some(levels) => levels.iter().filter_map(|level| Some((raw(&level.value)?, level.rows))).collect(),
        None => sample.iter().map(|&value| (value as i64, 1)).collect(),
    };
    let extremes: Vec<i64> = [&tally.min, &tally.max].into_iter().flatten().filter_map(raw).collect();
    time.parts().iter().filter_map(|&part| summary(time, part, &values, &extremes)).collect()
}

/// Sums are in order of the values, which is the same for any cut.
fn summary(time: &TimeType, part: TimePart, values: &[(i64, u64)], extremes: &[i64]) -> Option<PartSummary> {
    let calendar = time.calendar();
    let found = |&(raw, rows): &(i64, u64)| Some((calendar.part(raw, part)?, rows as f64));
    let found: Vec<(f64, f64)> = values.iter().filter_map(found).collect();
    let first = found.first()?.0;
    let count = found.iter().fold(0.0, |sum, (_, rows)| sum + rows);
    let mean = first + found.iter().fold(0.0, |sum, (x, rows)| sum + rows * (x - first)) / count;
    let squares = found.iter().fold(0.0, |sum, (x, rows)| sum + rows * ((x - mean) * (x - mean)));
    let deviation = if count < 2.0 { 0.0 } else { (squares / (count - 1.0)).sqrt() };
    let extremes = extremes.iter().filter_map(|&raw| calendar.part(raw, part));
    let (min, max) = found
        .iter()
        .map(|(x, _)| *x)
        .chain(extremes)
        .fold((first, first), |(min, max), x| (if x < min { x } else { min }, if x > max { x } else { max }));
    Some(PartSummary { part, min, max, mean, deviation })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn level(value: f64, rows: u64) -> Level {
        Level { value: Value::Float(value), rows }
    }

    #[test]
    fn quantiles_are_those_of_the_definition() {
        // NumPy: np.quantile([1, 2, 4, 8], np.arange(129) / 128)
        let found = quantiles(None, &[1.0, 2.0, 4.0, 8.0]);
        assert_eq!(
            (found.len(), found[0], found[32], found[64], found[96], found[128]),
            (129, 1.0, 1.75, 3.0, 5.0, 8.0)
        );
        assert_eq!(found[1], 1.0 + 3.0 / 128.0);
        assert_eq!(quantiles(None, &[5.0]), [5.0; 129]);
        assert_eq!(quantiles(None, &[]), [0.0; 0]);
        assert_eq!(quantiles(Some(&[]), &[]), [0.0; 0]);
    }

    #[test]
    fn levels_are_their_rows() {
        let levels = [level(-1.0, 3), level(0.5, 1), level(7.0, 1000)];
        let mut values = vec![7.0; 1004];
        values[..4].copy_from_slice(&[-1.0, -1.0, -1.0, 0.5]);
        assert_eq!(quantiles(Some(&levels), &[]), quantiles(None, &values));
    }

    #[test]
    fn no_quantile_overflows() {
        let found = quantiles(None, &[-f64::MAX, f64::MAX]);
        assert!(found.iter().all(|q| q.is_finite()) && found.is_sorted());
        assert_eq!(found[64], 0.0);
    }

    #[test]
    fn parts_are_exact_where_levels_are_counted() {
        let days = [(17_562, 2), (17_563, 1), (17_590, 1)]; // 2018-01-31, 02-01 and 02-28
        let levels: Vec<Level> = days.iter().map(|&(day, rows)| Level { value: Value::Int(day), rows }).collect();
        let tally = Tally {
            min: Some(Value::Int(17_562)),
            max: Some(Value::Int(17_590)),
            levels: Some(levels),
            ..Tally::default()
        };
        let found = parts(&TimeType::DATE, &tally, &[]);
        let part = |part, min, max, mean, deviation| PartSummary { part, min, max, mean, deviation };
        assert_eq!(found[0], part(TimePart::Year, 2018.0, 2018.0, 2018.0, 0.0));
        assert_eq!(found[1], part(TimePart::Month, 1.0, 2.0, 1.5, (1.0f64 / 3.0).sqrt()));
        assert_eq!((found[2].part, found[2].min, found[2].max, found[2].mean), (TimePart::Day, 1.0, 31.0, 22.75));
        assert_eq!(found.len(), 4);
        // A sample that misses the least day.
        let sampled = parts(&TimeType::DATE, &Tally { levels: None, ..tally }, &[17_563.0, 17_590.0]);
        assert_eq!((sampled[1].min, sampled[1].mean), (1.0, 2.0));
    }
}
