//! Axes: round numbers to mark, and where they lie.

/// From values to places in a picture.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Scale {
    pub(crate) values: (f64, f64),
    pub(crate) places: (f64, f64),
}

impl Scale {
    /// Halves: the ends may be further apart than a float can say.
    pub(crate) fn place(&self, value: f64) -> f64 {
        let (low, high) = self.values;
        let width = high / 2.0 - low / 2.0;
        let share = if width > 0.0 { (value / 2.0 - low / 2.0) / width } else { 0.5 };
        self.places.0 + (self.places.1 - self.places.0) * share
    }
}

/// Multiples of 1, 2 or 5 times a power of ten between two ends, at most `most` and at least one if there is any.
pub(crate) fn ticks(low: f64, high: f64, most: usize) -> Vec<f64> {
    let width = high - low;
    // One divided by a step that is smaller still is more than a float can say.
    const LEAST: f64 = 1e-300;
    if !(width >= LEAST && width.is_finite()) {
        return vec![low];
    }
    let mut power = 1.0;
    // A float has fewer powers of ten than this.
    for _ in 0..640 {
        if power * 10.0 <= width {
            power *= 10.0;
        } else if power > width {
            power /= 10.0;
        } else {
            break;
        }
    }
    let steps = [0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0].map(|step| step * power);
    let count = |step: &f64| ((high / step).floor() - (low / step).ceil()) + 1.0;
    let step = steps.into_iter().find(|step| count(step) <= most as f64).unwrap_or(width);
    let first = (low / step).ceil();
    // Not by adding up: 0.1 three times is not 0.3.
    let tick =
        |k: usize| if step < 1.0 { (first + k as f64) / (1.0 / step).round() } else { (first + k as f64) * step };
    (0..most.max(1)).map(tick).take_while(|tick| tick.is_finite() && *tick <= high + step * 1e-9).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round() {
        let check = |low, high, most, expected: &[f64]| assert_eq!(ticks(low, high, most), expected, "{low} to {high}");
        check(0.0, 100.0, 6, &[0.0, 20.0, 40.0, 60.0, 80.0, 100.0]);
        check(17.0, 90.0, 6, &[20.0, 40.0, 60.0, 80.0]);
        check(0.0, 1.0, 6, &[0.0, 0.2, 0.4, 0.6, 0.8, 1.0]);
        check(-1.5, 0.4, 5, &[-1.5, -1.0, -0.5, 0.0]);
        check(0.0, 0.003, 4, &[0.0, 0.001, 0.002, 0.003]);
        check(12_285.0, 1_484_705.0, 4, &[500_000.0, 1_000_000.0]);
        check(5.0, 5.0, 5, &[5.0]);
    }

    #[test]
    fn no_axis_has_too_many_ticks() {
        for (low, high) in [
            (0.0, 1e-300),
            (0.0, 5e-324),
            (0.0, f64::MAX),
            (1e300, 1.7e300),
            (-1e-7, 3e9),
            (1e15, 1e15 + 3.0),
            (-f64::MAX, f64::MAX),
        ] {
            let found = ticks(low, high, 6);
            assert!((1..=6).contains(&found.len()) && found.is_sorted(), "{low} to {high}: {found:?}");
            let scale = Scale { values: (low, high), places: (10.0, 20.0) };
            assert!(found.iter().all(|tick| (9.9..=20.1).contains(&scale.place(*tick))), "{low} to {high}: {found:?}");
        }
    }
}
