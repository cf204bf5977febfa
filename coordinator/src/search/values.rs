//! The values of one dimension of a search: counted where they can be, and drawn without the host's libm, so that a search
//! that goes on elsewhere draws the same.

use aquifer_model::{Dimension, SpecValue};

/// Halvings of a logarithmic range: the rest is at most max/min to the 2^-40, below six digits for any two numbers.
const HALVINGS: u32 = 40;

#[derive(Debug)]
pub(super) enum Values {
    List(Vec<SpecValue>),
    /// `count` whole numbers from `first` up, all equally likely.
    Integers {
        first: i64,
        count: u64,
    },
    Floats {
        min: f64,
        max: f64,
    },
    /// Equally likely in every factor of the same size.
    LogFloats {
        min: f64,
        max: f64,
    },
    /// The same, cut to whole numbers; `end` is the first one above.
    LogIntegers {
        min: f64,
        end: f64,
    },
}

impl Values {
    pub(super) fn new(dimension: &Dimension) -> Self {
        match *dimension {
            Dimension::Choices(ref list) => Self::List(list.clone()),
            Dimension::Range { min, max, log: false, integer: false } => Self::Floats { min, max },
            Dimension::Range { min, max, log: true, integer: false } => Self::LogFloats { min, max },
            Dimension::Range { min, max, log: false, integer: true } => {
                let (first, last) = (min.ceil() as i64, max.floor() as i64);
                let count = i128::from(last) - i128::from(first) + 1;
                Self::Integers { first, count: count.clamp(0, i128::from(u64::MAX)) as u64 }
            }
            Dimension::Range { min, max, log: true, integer: true } => {
                Self::LogIntegers { min: min.ceil(), end: max.floor() + 1.0 }
            }
        }
    }

    /// The same with every value of a list once.
    pub(super) fn distinct(dimension: &Dimension) -> Self {
        let Self::List(list) = Self::new(dimension) else { return Self::new(dimension) };
        let mut distinct: Vec<SpecValue> = Vec::new();
        for value in list {
            if !distinct.contains(&value) {
                distinct.push(value);
            }
        }
        Self::List(distinct)
    }

    /// How many equally likely values there are; None if they cannot be numbered.
    pub(super) fn count(&self) -> Option<u64> {
        match self {
            Self::List(list) => Some(list.len() as u64),
            Self::Integers { count, .. } => Some(*count),
            Self::Floats { .. } | Self::LogFloats { .. } | Self::LogIntegers { .. } => None,
        }
    }

    /// The value of a number below `count`.
    pub(super) fn at(&self, number: u64) -> Option<SpecValue> {
        match self {
            Self::List(list) => list.get(usize::try_from(number).ok()?).cloned(),
            Self::Integers { first, count } => {
                let value = i128::from(*first) + i128::from(number);
                (number < *count).then_some(SpecValue::Integer(value as i64))
            }
            Self::Floats { .. } | Self::LogFloats { .. } | Self::LogIntegers { .. } => None,
        }
    }

    /// The value that a random word picks; None if there are none.
    pub(super) fn draw(&self, word: u64) -> Option<SpecValue> {
        match *self {
            Self::List(_) | Self::Integers { .. } => {
                let count = self.count()?;
                self.at(((u128::from(word) * u128::from(count)) >> 64) as u64)
            }
            Self::Floats { min, max } => {
                let u = (word >> 11) as f64 * (1.0 / 9_007_199_254_740_992.0); // 2^-53
                // Not min + (max − min) · u, which overflows for the widest ranges.
                Some(SpecValue::Float(within(rounded(min * (1.0 - u) + max * u), min, max)))
            }
            Self::LogFloats { min, max } => {
                Some(SpecValue::Float(within(rounded(log_uniform(min, max, word)), min, max)))
            }
            Self::LogIntegers { min, end } => {
                let value = within(log_uniform(min, end, word).floor(), min, end - 1.0);
                Some(SpecValue::Integer(value as i64))
            }
        }
    }
}

/// min · (max / min)^u, where the first bits of `word` are u: each takes the lower or the upper half of what is left.
///
/// Halves by square roots, which are exact IEEE operations, where powers and logarithms differ between hosts.
fn log_uniform(min: f64, max: f64, word: u64) -> f64 {
    let (mut low, mut high) = (min, max);
    for bit in 0..HALVINGS {
        let middle = low.sqrt() * high.sqrt();
        match word >> (63 - bit) & 1 {
            0 => high = middle,
            _ => low = middle,
        }
    }
    low
}

/// Six significant digits, for people to read.
fn rounded(value: f64) -> f64 {
    format!("{value:.5e}").parse().unwrap_or(value)
}

/// Rounding may have left the range by half a digit.
fn within(value: f64, min: f64, max: f64) -> f64 {
    match value {
        low if low < min => min,
        high if high > max => max,
        _ => value,
    }
}

#[cfg(test)]
mod tests {
    use aquifer_frame::Philox;

    use super::*;

    fn range(min: f64, max: f64, log: bool, integer: bool) -> Values {
        Values::new(&Dimension::Range { min, max, log, integer })
    }

    /// `n` draws, as numbers.
    fn draws(values: &Values, n: u32) -> Vec<f64> {
        let philox = Philox::new(1, "test");
        let draw = |number| {
            let [high, low, ..] = philox.draw(number, 0, 0);
            match values.draw(u64::from(high) << 32 | u64::from(low)).unwrap() {
                SpecValue::Float(value) => value,
                SpecValue::Integer(value) => value as f64,
                other => panic!("{other} is not a number"),
            }
        };
        (0..n).map(draw).collect()
    }

    /// How many of `drawn` lie in each of the ranges between neighbouring `bounds`.
    fn counts(drawn: &[f64], bounds: &[f64]) -> Vec<usize> {
        bounds.windows(2).map(|b| drawn.iter().filter(|x| (b[0]..b[1]).contains(*x)).count()).collect()
    }

    #[test]
    fn floats_are_uniform_and_readable() {
        let drawn = draws(&range(-1.0, 3.0, false, false), 40_000);
        let quarters = counts(&drawn, &[-1.0, 0.0, 1.0, 2.0, 3.000_001]);
        assert!(quarters.iter().all(|&n| (9_700..10_300).contains(&n)), "{quarters:?}");
        assert!(drawn.iter().all(|x| format!("{:.5e}", x).parse() == Ok(*x)));
        assert!(drawn.iter().all(|x| x.to_string().trim_start_matches(['-', '0', '.']).len() <= 7));
    }

    #[test]
    fn log_floats_are_equally_many_in_every_decade() {
        let drawn = draws(&range(1e-6, 1.0, true, false), 60_000);
        assert!(drawn.iter().all(|x| (1e-6..=1.0).contains(x)));
        let decades = counts(&drawn, &[1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 1e-1, 1.000_001]);
        assert!(decades.iter().all(|&n| (9_700..10_300).contains(&n)), "{decades:?}");
    }

    #[test]
    fn integers_are_uniform_and_hold_both_ends() {
        let drawn = draws(&range(-2.0, 2.0, false, true), 50_000);
        let each = counts(&drawn, &[-2.0, -1.0, 0.0, 1.0, 2.0, 3.0]);
        assert_eq!(each.iter().sum::<usize>(), drawn.len());
        assert!(each.iter().all(|&n| (9_700..10_300).contains(&n)), "{each:?}");
    }

    #[test]
    fn log_integers_hold_both_ends() {
        let drawn = draws(&range(1.0, 1_023.0, true, true), 50_000);
        assert!(drawn.iter().all(|x| (1.0..=1_023.0).contains(x)));
        let octaves = counts(&drawn, &[1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0, 1_024.0]);
        assert!(octaves.iter().all(|&n| (4_700..5_300).contains(&n)), "{octaves:?}");
        let drawn = draws(&range(1.0, 3.0, true, true), 1_000);
        assert!([1.0, 2.0, 3.0].iter().all(|x| drawn.contains(x)));
    }

    /// Words of all zeros and all ones, on ranges that are narrow, wide, or end in more than six digits.
    #[test]
    fn the_ends_of_a_range_are_never_left() {
        for (min, max) in
            [(0.123_456_78, 0.123_456_79), (1e-300, 1e300), (0.5, 0.5), (f64::MIN_POSITIVE, f64::MAX), (1.5, 1e9)]
        {
            for log in [false, true] {
                for word in [0, 1, u64::MAX / 3, u64::MAX - 1, u64::MAX] {
                    let Some(SpecValue::Float(x)) = range(min, max, log, false).draw(word) else { panic!("a float") };
                    assert!((min..=max).contains(&x), "{x} of {min}..={max}, {log}");
                }
            }
        }
        let widest = range(f64::MIN, f64::MAX, false, false);
        assert!(
            [0, u64::MAX].iter().all(|&word| matches!(widest.draw(word), Some(SpecValue::Float(x)) if x.is_finite()))
        );
        assert_eq!(range(7.0, 9.0, true, true).draw(u64::MAX), Some(SpecValue::Integer(9)));
        assert_eq!(range(7.0, 9.0, true, true).draw(0), Some(SpecValue::Integer(7)));
        assert_eq!(range(7.0, 9.0, false, true).draw(u64::MAX), Some(SpecValue::Integer(9)));
    }

    /// What a draw gives is part of the contract: a search that goes on elsewhere must get the same.
    #[test]
    fn draws_are_these_on_every_host() {
        let word = 0x0123_4567_89AB_CDEF;
        let check = |values: Values, expected: f64| {
            assert_eq!(values.draw(word), Some(SpecValue::Float(expected)));
        };
        check(range(0.0, 1.0, false, false), 0.004_444_44);
        // 1e-5 · 10^(5 · 0.00444444) = 1e-5 · 1.05250
        check(range(1e-5, 1.0, true, false), 1.052_5e-5);
        assert_eq!(range(0.0, 999.0, false, true).draw(word), Some(SpecValue::Integer(4)));
    }

    #[test]
    fn what_is_empty_has_no_values() {
        assert_eq!(Values::new(&Dimension::Choices(Vec::new())).draw(5), None);
        assert_eq!(range(1.2, 1.8, false, true).draw(5), None);
        assert_eq!(range(1.2, 1.8, false, true).count(), Some(0));
    }

    #[test]
    fn a_list_may_be_cut_to_its_distinct_values() {
        let list = [1.0, 2.0, 1.0, 3.0, 3.0].map(SpecValue::Float).to_vec();
        assert_eq!(Values::new(&Dimension::Choices(list.clone())).count(), Some(5));
        let distinct = Values::distinct(&Dimension::Choices(list));
        let values: Vec<_> = (0..4).map(|number| distinct.at(number)).collect();
        assert_eq!(values, [Some(1.0), Some(2.0), Some(3.0), None].map(|x| x.map(SpecValue::Float)));
    }
}
