//! What is shown of one column, as text and as JSON.

use aquifer_frame::{ColumnSummary, FrameColumn, Level, TakenFor, TimeType, Value, View};
use serde_json::{Value as Json, json};

use super::histogram::Histogram;

/// A column as training sees it.
pub(super) struct About<'a> {
    pub(super) column: &'a FrameColumn,
    pub(super) view: View<'a>,
    pub(super) rows: u64,
    /// Its place in the frame, from 0.
    pub(super) at: usize,
    pub(super) histogram: Option<Histogram>,
}

impl<'a> About<'a> {
    pub(super) fn of(column: &'a FrameColumn, at: usize, rows: u64) -> Self {
        let view = View::of(column);
        let histogram = Histogram::of(view.summary, view.time.is_some());
        Self { column, view, rows, at, histogram }
    }

    pub(super) fn name(&self) -> &'a str {
        &self.column.name
    }

    /// The name as it is shown: an empty one is seen.
    pub(super) fn title(&self) -> &'a str {
        if self.column.name.is_empty() { "\"\"" } else { &self.column.name }
    }

    pub(super) fn summary(&self) -> &'a ColumnSummary {
        self.view.summary
    }

    pub(super) fn time(&self) -> Option<&TimeType> {
        self.view.time.as_ref()
    }

    /// None if they are too many to be counted.
    pub(super) fn distinct(&self) -> Option<u64> {
        self.summary().tally.levels.as_ref().map(|levels| levels.len() as u64)
    }

    pub(super) fn missing(&self) -> u64 {
        self.view.missing()
    }

    /// Of the rows, in percent.
    pub(super) fn missing_percent(&self) -> f64 {
        percent(self.missing(), self.rows)
    }

    /// Texts that make inputs, or would if they were fewer.
    pub(super) fn is_of_texts(&self) -> bool {
        !self.view.is_ordered()
    }

    /// The k-th of 128 equal steps from the least to the greatest value.
    pub(super) fn quantile(&self, k: usize) -> Option<f64> {
        self.summary().quantiles.get(k).copied()
    }

    /// The same, with ends as they are, not as they are sampled.
    pub(super) fn quantile_or_end(&self, k: usize) -> Option<f64> {
        let tally = &self.summary().tally;
        match k {
            0 => tally.min.as_ref().and_then(Value::number),
            128 => tally.max.as_ref().and_then(Value::number),
            _ => self.quantile(k),
        }
    }

    pub(super) fn mean(&self) -> Option<f64> {
        self.summary().moments.map(|moments| moments.mean).filter(|mean| mean.is_finite())
    }

    /// In seconds for dates and times.
    pub(super) fn deviation(&self) -> Option<f64> {
        let of_unit = self.summary().deviation().filter(|deviation| deviation.is_finite())?;
        Some(match self.time() {
            Some(time) => of_unit * (86_400.0 / time.unit.per_day() as f64),
            None => of_unit,
        })
    }

    /// A number of the column for people: six digits, or a date.
    pub(super) fn text(&self, number: f64) -> String {
        match self.time() {
            Some(time) => date(time, number as i64),
            None => significant(number, 6),
        }
    }

    /// A value of the column for people.
    pub(super) fn value(&self, value: &Value) -> String {
        match (value, self.time()) {
            (Value::Int(raw), Some(time)) => date(time, *raw),
            _ => value.to_string(),
        }
    }

    /// Counted values, the most frequent first, of equally frequent ones in their own order.
    pub(super) fn frequent(&self) -> Vec<(String, u64)> {
        let mut levels: Vec<&Level> = self.summary().tally.levels.iter().flatten().collect();
        levels.sort_by_key(|level| std::cmp::Reverse(level.rows)); // stable
        levels.into_iter().map(|level| (self.value(&level.value), level.rows)).collect()
    }

    /// For programs. Dates and times are texts, numbers are whole where the column's are.
    pub(super) fn json(&self) -> Json {
        let number = |x: f64| match self.time() {
            Some(time) => time.format(x as i64).into(),
            None => json!(x),
        };
        let value = |value: &Value| match (value, self.time()) {
            (Value::Int(raw), Some(time)) => time.format(*raw).into(),
            (Value::Int(x), None) => json!(x),
            (Value::Unsigned(x), _) => json!(x),
            (other, _) => other.number().map_or_else(|| other.to_string().into(), |x| json!(x)),
        };
        let level = |level: &Level| json!({ "value": value(&level.value), "rows": level.rows });
        let tally = &self.summary().tally;
        let histogram = self.histogram.as_ref().map(|found| {
            let edges: Vec<Json> = (0..=found.counts.len()).map(|bin| number(found.edge(bin))).collect();
            json!({ "edges": edges, "rows": found.counts, "exact": found.is_exact })
        });
        let (mean, deviation) = (self.mean().map(number), self.deviation());
        let quantiles: Vec<Json> = self.summary().quantiles.iter().map(|x| number(*x)).collect();
        json!({
            "name": self.name(),
            "type": self.column.source_type,
            "meaning": self.view.taken_for.name(),
            "missing": self.missing(),
            "infinite": tally.infinite,
            "distinct": self.distinct(),
            "min": tally.min.as_ref().map(value),
            "max": tally.max.as_ref().map(value),
            "mean": mean,
            "sd": if self.time().is_none() { deviation } else { None },
            "sd_seconds": if self.time().is_some() { deviation } else { None },
            "quantiles": if quantiles.is_empty() { Json::Null } else { quantiles.into() },
            "histogram": histogram,
            "levels": tally.levels.as_ref().map(|levels| levels.iter().map(level).collect::<Vec<_>>()),
        })
    }

    /// The table that it stands in.
    pub(super) fn group(&self) -> Group {
        match (self.view.is_ordered(), self.time(), self.view.taken_for) {
            (true, Some(_), _) => Group::Times,
            (true, None, _) => Group::Numbers,
            (false, _, TakenFor::Empty) if self.column.kind != aquifer_frame::ColumnKind::Text => Group::Numbers,
            _ => Group::Texts,
        }
    }
}

/// Columns of which the same can be said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Group {
    Numbers,
    Times,
    Texts,
}

pub(super) fn percent(part: u64, of: u64) -> f64 {
    if of == 0 { 0.0 } else { 100.0 * part as f64 / of as f64 }
}

/// One decimal; what is not nothing or all does not look like it.
pub(super) fn percent_text(percent: f64) -> String {
    match percent {
        0.0 => "0".to_owned(),
        100.0 => "100".to_owned(),
        less if less < 0.1 => "<0.1".to_owned(),
        more if more > 99.9 => ">99.9".to_owned(),
        other => format!("{other:.1}"),
    }
}

/// Midnight is the day, and UTC is Z.
fn date(time: &TimeType, raw: i64) -> String {
    let text = time.format(raw);
    match (text.strip_suffix("T00:00:00"), text.strip_suffix("+00:00")) {
        (Some(day), _) => day.to_owned(),
        (None, Some(instant)) => format!("{instant}Z"),
        (None, None) => text,
    }
}

/// So many digits, without a tail of zeros.
pub(super) fn significant(value: f64, digits: usize) -> String {
    if value == 0.0 {
        return "0".to_owned();
    }
    let without_zeros = |text: &str| text.trim_end_matches('0').trim_end_matches('.').to_owned();
    if !(1e-4..1e15).contains(&value.abs()) {
        // The exponent takes the room of two digits.
        let text = format!("{value:.*e}", digits.saturating_sub(3));
        let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
        return format!(
            "{}e{exponent}",
            if mantissa.contains('.') { without_zeros(mantissa) } else { mantissa.to_owned() }
        );
    }
    let before = if value.abs() < 1.0 { 0 } else { (value.abs() as u64).to_string().len() };
    // The zeros after the point of a small number are no digits of it.
    let zeros = [0.1, 0.01, 0.001].iter().filter(|least| value.abs() < **least).count();
    let text = format!("{value:.*}", (digits + zeros).saturating_sub(before));
    if text.contains('.') { without_zeros(&text) } else { text }
}

/// At most so many characters, the last one … if there were more.
pub(super) fn cut(text: &str, most: usize) -> String {
    match text.chars().count() > most {
        true => text.chars().take(most.saturating_sub(1)).chain(['…']).collect(),
        false => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shows_six_digits() {
        for (value, text) in [
            (38.581_646, "38.5816"),
            (0.5, "0.5"),
            (7.0, "7"),
            (1_484_705.0, "1484705"),
            (-0.012_345_678, "-0.0123457"),
            (0.0, "0"),
            (1e-9, "1e-9"),
            (-123_456_789e300, "-1.235e308"),
        ] {
            assert_eq!(significant(value, 6), text);
        }
        assert_eq!(significant(38.581_646, 4), "38.58");
    }

    #[test]
    fn a_little_is_not_nothing() {
        let texts: Vec<String> = [0.0, 0.001, 12.34, 99.99, 100.0].into_iter().map(percent_text).collect();
        assert_eq!(texts, ["0", "<0.1", "12.3", ">99.9", "100"]);
        assert_eq!((percent(1, 0), percent(1, 8)), (0.0, 12.5));
    }

    #[test]
    fn long_texts_are_cut() {
        assert_eq!((cut("abcd", 4), cut("abcde", 4), cut("äöüß!", 4)), ("abcd".into(), "abc…".into(), "äöü…".into()));
    }
}
