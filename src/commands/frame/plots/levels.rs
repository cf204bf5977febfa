//! The most frequent texts of a column as bars.

use aquifer_frame::Value;

use super::super::about::{About, percent, percent_text};
use super::heading;
use super::share::Positive;
use crate::output::grouped;
use crate::plots::scale::Scale;
use crate::plots::svg::{ACCENT, Anchor, BAR, GRID, INK, MUTED, PALE, SMALL, Svg, fit, text_width};

const WIDTH: f64 = 760.0;
const TOP: f64 = 84.0;
const ROW: f64 = 24.0;
/// Bars of levels; the others share one.
const LEVELS_SHOWN: usize = 20;
const LABEL_MAX: f64 = 220.0;
/// Of a text in a sampled row.
const SAMPLED_CHARACTERS: usize = 64;
/// Room for a count behind its bar.
const COUNT: f64 = 130.0;
/// Of the bars of shares.
const SHARE: f64 = 130.0;

/// A bar: its label, its rows, and whether it is of one level.
struct Bar {
    label: String,
    rows: u64,
    is_level: bool,
}

/// With a target, the share of its second class in each level as a second bar.
pub(super) fn draw(about: &About<'_>, target: Option<&Positive<'_>>) -> Svg {
    let bars = bars(about);
    let mut svg = Svg::new(WIDTH, TOP + ROW * bars.len().max(1) as f64 + 28.0);
    heading(&mut svg, about);
    if bars.is_empty() {
        let why = if about.missing() == about.rows { "it has no values" } else { "its texts are too many to be drawn" };
        svg.text((24.0, TOP + 16.0), Anchor::Start, SMALL, MUTED, why);
        return svg;
    }
    let labels = bars.iter().map(|bar| text_width(&bar.label, SMALL)).fold(40.0, f64::max).min(LABEL_MAX);
    let left = 24.0 + labels + 10.0;
    let right = WIDTH - 24.0 - target.map_or(0.0, |_| SHARE + 24.0);
    let most = bars.iter().map(|bar| bar.rows).max().unwrap_or(1).max(1) as f64;
    let x = Scale { values: (0.0, most), places: (left, right - COUNT) };
    let bottom = TOP + ROW * bars.len() as f64;
    for (at, bar) in bars.iter().enumerate() {
        let y = TOP + ROW * at as f64;
        let fill = if bar.is_level { BAR } else { PALE };
        let end = x.place(bar.rows as f64).max(left + 1.0);
        svg.rect(left, y + 4.0, end - left, ROW - 8.0, fill);
        let ink = if bar.is_level { INK } else { MUTED };
        svg.text((left - 10.0, y + 16.5), Anchor::End, SMALL, ink, &fit(&bar.label, SMALL, labels));
        let text = format!("{} ({} %)", grouped(bar.rows), percent_text(percent(bar.rows, about.rows)));
        svg.text((end + 7.0, y + 16.5), Anchor::Start, SMALL, MUTED, &text);
    }
    svg.line((left, TOP), (left, bottom), INK);
    if let Some(target) = target {
        draw_shares(&mut svg, about, target, &bars, bottom);
    }
    svg
}

fn bars(about: &About<'_>) -> Vec<Bar> {
    let frequent = about.frequent();
    if frequent.is_empty() || (frequent.len() > LEVELS_SHOWN && frequent[0].1 == 1) {
        return Vec::new();
    }
    let label = |value: &str| if value.is_empty() { "\"\"".to_owned() } else { value.to_owned() };
    let level = |(value, rows): &(String, u64)| Bar { label: label(value), rows: *rows, is_level: true };
    let mut bars: Vec<Bar> = frequent.iter().take(LEVELS_SHOWN).map(level).collect();
    if let rest @ [_, ..] = frequent.get(LEVELS_SHOWN..).unwrap_or_default() {
        let rows = rest.iter().map(|(_, rows)| rows).sum();
        bars.push(Bar { label: format!("{} others", grouped(rest.len() as u64)), rows, is_level: false });
    }
    if about.missing() > 0 {
        bars.push(Bar { label: "missing".to_owned(), rows: about.missing(), is_level: false });
    }
    bars
}

fn draw_shares(svg: &mut Svg, about: &About<'_>, target: &Positive<'_>, bars: &[Bar], bottom: f64) {
    let (left, right) = (WIDTH - 24.0 - SHARE, WIDTH - 24.0 - 44.0);
    let text = |value: &Option<Value>| Some(value.as_ref().map(|value| about.value(value)));
    let shares = target.shares(about.summary().row_sample.iter().map(text));
    let x = Scale { values: (0.0, 1.0), places: (left, right) };
    svg.line((right, TOP), (right, bottom), GRID);
    for (at, bar) in bars.iter().enumerate() {
        let key = match (bar.is_level, bar.label.as_str()) {
            (true, "\"\"") => Some(String::new()),
            // Sampled texts are cut.
            (true, label) => Some(label.chars().take(SAMPLED_CHARACTERS).collect()),
            (false, "missing") => None,
            (false, _) => continue,
        };
        let Some(share) = shares.get(&key) else { continue };
        let y = TOP + ROW * at as f64;
        svg.rect(left, y + 4.0, (x.place(*share) - left).max(1.0), ROW - 8.0, ACCENT);
        svg.text((x.place(*share) + 7.0, y + 16.5), Anchor::Start, SMALL, ACCENT, &format!("{:.0} %", 100.0 * share));
    }
    svg.line((left, TOP), (left, bottom), INK);
    svg.text((WIDTH - 24.0, 74.0), Anchor::End, SMALL, ACCENT, &fit(&target.words(), SMALL, WIDTH - 48.0));
}
