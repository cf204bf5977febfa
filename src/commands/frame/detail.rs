//! One column in detail.

use super::about::{About, cut, percent, percent_text, significant};
use super::histogram::bar;
use crate::output::{escape, grouped, line};

/// Quantiles that are shown, in 128ths, with their names.
const QUANTILES: [(&str, f64); 9] = [
    ("min", 0.0),
    ("1 %", 1.28),
    ("5 %", 6.4),
    ("25 %", 32.0),
    ("median", 64.0),
    ("75 %", 96.0),
    ("95 %", 121.6),
    ("99 %", 126.72),
    ("max", 128.0),
];
/// Of the most frequent texts.
const LEVELS_SHOWN: usize = 20;
/// And numbers, if one of them stands in this share of the rows.
const NUMBERS_SHOWN: usize = 5;
const OFTEN_PERCENT: f64 = 10.0;
const BAR: usize = 40;
const VALUE_MAX: usize = 40;

pub(super) fn print(about: &About<'_>, width: usize) {
    line("");
    let (name, source_type) = (escape(about.title()), escape(&about.column.source_type));
    line(&format!("{name}: {source_type}, {}", about.view.taken_for));
    let tally = &about.summary().tally;
    let present = about.rows.saturating_sub(about.missing());
    entry("rows", &format!("{} with a value", grouped(present)));
    entry("missing", &format!("{} ({} %)", grouped(about.missing()), percent_text(about.missing_percent())));
    if tally.infinite > 0 {
        entry("infinite", &grouped(tally.infinite));
    }
    entry("distinct", &about.distinct().map_or("many".to_owned(), grouped));
    if let Some(mean) = about.mean() {
        entry("mean", &about.text(mean));
    }
    if let Some(deviation) = about.deviation() {
        let unit = if about.time().is_some() { " s" } else { "" };
        entry("sd", &format!("{}{unit}", significant(deviation, 6)));
    }
    if !about.summary().quantiles.is_empty() {
        line("");
        let shown = QUANTILES.iter().filter_map(|(name, at)| Some((*name, quantile(about, *at)?)));
        shown.for_each(|(name, value)| entry(name, &value));
    }
    print_histogram(about, width);
    print_levels(about, width);
}

fn entry(name: &str, value: &str) {
    line(&format!("  {name:<9} {value}"));
}

/// The ends exactly, what is between the quantiles on a line.
fn quantile(about: &About<'_>, at: f64) -> Option<String> {
    let tally = &about.summary().tally;
    match at {
        0.0 => tally.min.as_ref().map(|value| about.value(value)),
        128.0 => tally.max.as_ref().map(|value| about.value(value)),
        _ => {
            let (below, rest) = (about.quantile(at as usize)?, at.fract());
            let above = about.quantile(at.ceil() as usize)?;
            Some(about.text(below * (1.0 - rest) + above * rest))
        }
    }
}

fn print_histogram(about: &About<'_>, width: usize) {
    let Some(histogram) = about.histogram.as_ref().filter(|found| found.counts.len() > 1) else { return };
    line("");
    let label = |bin: usize| match histogram.values(bin) {
        (first, _) if histogram.is_of_numbers() => about.text(first),
        (first, last) => format!("{} – {}", about.text(first), about.text(last)),
    };
    let labels: Vec<String> = (0..histogram.counts.len()).map(label).collect();
    let about_equal = if histogram.is_exact { "" } else { "≈ " };
    let rows = |count: &f64| format!("{about_equal}{}", grouped(count.round() as u64));
    bars(
        &labels
            .into_iter()
            .zip(&histogram.counts)
            .map(|(label, count)| (label, *count, rows(count)))
            .collect::<Vec<_>>(),
        width,
    );
}

fn print_levels(about: &About<'_>, width: usize) {
    let frequent = about.frequent();
    let often = frequent.first().is_some_and(|(_, rows)| percent(*rows, about.rows) >= OFTEN_PERCENT);
    let seen = about.histogram.as_ref().is_some_and(|found| found.is_of_numbers());
    if frequent.is_empty() || (!about.is_of_texts() && (seen || !often)) {
        return;
    }
    let most = if about.is_of_texts() { LEVELS_SHOWN } else { NUMBERS_SHOWN };
    line("");
    let label = |value: &str| if value.is_empty() { "\"\"".to_owned() } else { cut(&escape(value), VALUE_MAX) };
    let rows = |rows: u64| format!("{} ({} %)", grouped(rows), percent_text(percent(rows, about.rows)));
    let shown = frequent.iter().take(most).map(|(value, of)| (label(value), *of as f64, rows(*of)));
    bars(&shown.collect::<Vec<_>>(), width);
    if frequent.len() > most {
        line(&format!("  … and {} more", grouped((frequent.len() - most) as u64)));
    }
}

/// A label, a bar and a text each.
fn bars(of: &[(String, f64, String)], width: usize) {
    let labels = of.iter().map(|(label, ..)| label.chars().count()).max().unwrap_or(0);
    let most = of.iter().map(|(_, count, _)| *count).fold(f64::MIN_POSITIVE, f64::max);
    let room = width.saturating_sub(labels + 24).clamp(10, BAR);
    for (label, count, text) in of {
        line(format!("  {label:labels$}  {:room$}  {text}", bar(count / most, room)).trim_end());
    }
}
