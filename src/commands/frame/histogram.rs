//! Histograms of columns: from counted values where they are counted, else from quantiles.

use aquifer_frame::{ColumnSummary, Value};

/// Bins of a histogram, unless a column has fewer whole numbers than that.
pub(super) const BINS: usize = 20;
const EIGHTHS: [char; 9] = [' ', '▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// Rows of equally wide bins between two ends; the last bin has its upper end too.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Histogram {
    pub(super) low: f64,
    pub(super) high: f64,
    pub(super) counts: Vec<f64>,
    /// Whole numbers in each bin, if all values are such: the ends then lie half a one beside them.
    pub(super) whole: Option<f64>,
    /// Counted, not estimated from quantiles.
    pub(super) is_exact: bool,
}

impl Histogram {
    /// Of the finite values; none if there are none, or they are texts. Instants are on a line, even if they are stored as
    /// whole numbers.
    pub(super) fn of(summary: &ColumnSummary, is_time: bool) -> Option<Self> {
        let (moments, quantiles) = (summary.moments?, &summary.quantiles);
        let end = |value: &Option<Value>| value.as_ref().and_then(Value::number);
        let (low, high) = (end(&summary.tally.min)?, end(&summary.tally.max)?);
        let counted: Option<Vec<(f64, u64)>> = summary
            .tally
            .levels
            .as_ref()
            .map(|levels| levels.iter().filter_map(|level| Some((level.value.number()?, level.rows))).collect());
        let whole = |levels: &Vec<(f64, u64)>| levels.iter().all(|(value, _)| value.fract() == 0.0);
        let is_whole = !is_time && counted.as_ref().map_or(matches!(summary.tally.min, Some(Value::Int(_))), whole);
        let mut histogram = Self::empty(low, high, is_whole, counted.is_some());
        match &counted {
            Some(levels) => levels.iter().for_each(|(value, rows)| histogram.add(*value, *rows as f64)),
            None => {
                let each = moments.count as f64 / quantiles.len().saturating_sub(1).max(1) as f64;
                quantiles.windows(2).for_each(|ends| histogram.spread(ends[0], ends[1], each));
            }
        }
        Some(histogram)
    }

    fn empty(low: f64, high: f64, is_whole: bool, is_exact: bool) -> Self {
        let numbers = high - low + 1.0;
        // Beyond that halves are no floats.
        if is_whole && low.abs().max(high.abs()) < 1e15 {
            // As many in each bin, or the bins would look unlike because of that alone.
            let each = (numbers / BINS as f64).ceil();
            let counts = vec![0.0; (numbers / each).ceil() as usize];
            let low = low - 0.5;
            return Self { low, high: low + each * counts.len() as f64, counts, whole: Some(each), is_exact };
        }
        let bins = if low == high { 1 } else { BINS };
        Self { low, high, counts: vec![0.0; bins], whole: None, is_exact }
    }

    /// Where a value lies, from 0 to the number of bins. Halves, as the ends may be further apart than a float can say.
    fn place(&self, value: f64) -> f64 {
        let width = self.high / 2.0 - self.low / 2.0;
        if width > 0.0 { (value / 2.0 - self.low / 2.0) / width * self.counts.len() as f64 } else { 0.0 }
    }

    pub(super) fn bin_of(&self, value: f64) -> usize {
        (self.place(value) as usize).min(self.counts.len() - 1)
    }

    fn add(&mut self, value: f64, rows: f64) {
        let bin = self.bin_of(value);
        self.counts[bin] += rows;
    }

    /// Rows that lie evenly between two values.
    fn spread(&mut self, from: f64, to: f64, rows: f64) {
        let (start, end) = (self.place(from), self.place(to));
        if end <= start {
            return self.add(from, rows);
        }
        for bin in self.bin_of(from)..=self.bin_of(to) {
            let (left, right) = (start.max(bin as f64), end.min(bin as f64 + 1.0));
            self.counts[bin] += rows * (right - left).max(0.0) / (end - start);
        }
    }

    /// The lower end of a bin; that of the bin after the last one is the upper end.
    pub(super) fn edge(&self, bin: usize) -> f64 {
        let share = bin as f64 / self.counts.len() as f64;
        match self.whole {
            Some(each) => self.low + each * bin as f64,
            None => self.low * (1.0 - share) + self.high * share,
        }
    }

    /// The first and the last value of a bin.
    pub(super) fn values(&self, bin: usize) -> (f64, f64) {
        let half = if self.whole.is_some() { 0.5 } else { 0.0 };
        (self.edge(bin) + half, self.edge(bin + 1) - half)
    }

    /// Is each bin of one whole number?
    pub(super) fn is_of_numbers(&self) -> bool {
        self.whole == Some(1.0)
    }

    /// A character a bin.
    pub(super) fn blocks(&self) -> String {
        blocks(&self.counts)
    }
}

/// A character for each count, as high as the count is; none is so small that it cannot be seen.
pub(super) fn blocks(counts: &[f64]) -> String {
    let most = counts.iter().copied().fold(0.0, f64::max);
    counts
        .iter()
        .map(|count| if *count > 0.0 { EIGHTHS[(count / most * 8.0).ceil().clamp(1.0, 8.0) as usize] } else { ' ' })
        .collect()
}

/// A bar of at most `width` characters, in eighths of a character.
pub(super) fn bar(share: f64, width: usize) -> String {
    const PARTS: [&str; 8] = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];
    let eighths = (share.clamp(0.0, 1.0) * 8.0 * width as f64).ceil() as usize;
    format!("{}{}", "█".repeat(eighths / 8), PARTS[eighths % 8])
}

#[cfg(test)]
mod tests {
    use aquifer_frame::{Level, Moments, Tally};

    use super::*;

    fn summary(values: &[f64], is_counted: bool) -> ColumnSummary {
        let mut sorted = values.to_vec();
        sorted.sort_by(f64::total_cmp);
        let level = |equal: &[f64]| Level { value: Value::Float(equal[0]), rows: equal.len() as u64 };
        let levels: Vec<Level> = sorted.chunk_by(|a, b| a == b).map(level).collect();
        let last = sorted.len() - 1;
        ColumnSummary {
            tally: Tally {
                min: Some(Value::Float(sorted[0])),
                max: Some(Value::Float(sorted[last])),
                levels: is_counted.then_some(levels),
                ..Tally::default()
            },
            moments: Some(Moments { count: sorted.len() as u64, mean: 0.0, m2: 0.0 }),
            quantiles: (0..=128).map(|k| sorted[k * last / 128]).collect(),
            row_sample: Vec::new(),
            parts: Vec::new(),
            readings: Vec::new(),
        }
    }

    fn of(values: &[f64], is_counted: bool) -> Histogram {
        Histogram::of(&summary(values, is_counted), false).unwrap()
    }

    #[test]
    fn counted_values_are_counted() {
        let found = of(&[1.0, 1.0, 2.0, 4.0], true);
        assert_eq!((found.low, found.high, found.counts.as_slice()), (0.5, 4.5, &[2.0, 1.0, 0.0, 1.0][..]));
        assert!(found.is_of_numbers() && found.is_exact);
        assert_eq!((found.values(0), found.values(3), found.blocks().as_str()), ((1.0, 1.0), (4.0, 4.0), "█▄ ▄"));
        // 74 numbers are 18 times four, and two.
        let found = of(&(17..=90).map(f64::from).collect::<Vec<_>>(), true);
        assert_eq!((found.counts.len(), found.counts[0], found.counts[18]), (19, 4.0, 2.0));
        assert_eq!((found.values(0), found.values(18)), ((17.0, 20.0), (89.0, 92.0)));
        let found = of(&[0.0, 0.5, 10.0, 99.0, 100.0], true);
        assert_eq!((found.counts.len(), found.counts[0], found.counts[2], found.counts[19]), (20, 2.0, 1.0, 2.0));
        assert_eq!((found.edge(0), found.edge(20)), (0.0, 100.0));
        let found = of(&[7.5; 3], true);
        assert_eq!((found.counts.as_slice(), found.blocks().as_str()), (&[3.0][..], "█"));
    }

    #[test]
    fn quantiles_give_as_many_rows() {
        let even: Vec<f64> = (0..12_800).map(f64::from).collect();
        let found = of(&even, false);
        assert!(!found.is_exact && found.counts.iter().all(|count| (count - 640.0).abs() < 5.0), "{found:?}");
        // Half of the values are one: a step, not a slope.
        let steps: Vec<f64> = (0..12_800).map(|i| if i < 6400 { 3.0 } else { f64::from(i) / 640.0 }).collect();
        let found = of(&steps, false);
        let sum: f64 = found.counts.iter().sum();
        assert!((sum - 12_800.0).abs() < 1e-6 && found.counts[0] > 6000.0, "{found:?}");
        assert!(found.counts[1..8].iter().all(|count| *count < 100.0), "{found:?}");
    }

    #[test]
    fn no_width_is_too_large() {
        let found = of(&[-f64::MAX, 0.0, f64::MAX], true);
        assert_eq!((found.counts[0], found.counts[10], found.counts[19]), (1.0, 1.0, 1.0), "{found:?}");
        assert!((0..=20).all(|bin| found.edge(bin).is_finite()));
        assert_eq!(of(&[f64::MAX, -f64::MAX, 1.0], false).counts.iter().sum::<f64>().round(), 3.0);
    }

    #[test]
    fn bars_are_in_eighths() {
        assert_eq!(
            (bar(0.5, 4), bar(0.53, 4), bar(0.0, 4), bar(2.0, 4)),
            ("██".into(), "██▏".into(), String::new(), "████".into())
        );
        assert_eq!(blocks(&[0.0, 1e-9, 4.0, 8.0]), " ▁▄█");
    }
}
