//! The share of missing values of each column that has any.

use super::super::about::{About, percent_text};
use crate::output::grouped;
use crate::plots::scale::Scale;
use crate::plots::svg::{ACCENT, Anchor, GRID, INK, MUTED, SMALL, Svg, fit, text_width};

const WIDTH: f64 = 760.0;
const TOP: f64 = 88.0;
const ROW: f64 = 24.0;
const COLUMNS_SHOWN: usize = 40;
const LABEL_MAX: f64 = 220.0;

/// None if no value is missing.
pub(super) fn draw(about: &[About<'_>]) -> Option<Svg> {
    let mut gaps: Vec<&About<'_>> = about.iter().filter(|about| about.missing() > 0).collect();
    gaps.sort_by_key(|about| std::cmp::Reverse(about.missing())); // stable
    let shown = &gaps[..gaps.len().min(COLUMNS_SHOWN)];
    if shown.is_empty() {
        return None;
    }
    let mut svg = Svg::new(WIDTH, TOP + ROW * shown.len() as f64 + 40.0);
    let most = if gaps.len() > shown.len() { format!(", the {} with the most", shown.len()) } else { String::new() };
    let line = format!("{} of {} columns have gaps{most}", grouped(gaps.len() as u64), grouped(about.len() as u64));
    svg.heading("Missing values", &line);
    let labels = shown.iter().map(|about| text_width(about.title(), SMALL)).fold(40.0, f64::max).min(LABEL_MAX);
    let (left, right) = (24.0 + labels + 10.0, WIDTH - 150.0);
    let x = Scale { values: (0.0, 100.0), places: (left, right) };
    let bottom = TOP + ROW * shown.len() as f64;
    for tick in [0.0, 25.0, 50.0, 75.0, 100.0] {
        svg.line((x.place(tick), TOP), (x.place(tick), bottom), GRID);
        svg.text((x.place(tick), bottom + 18.0), Anchor::Middle, SMALL, MUTED, &format!("{tick} %"));
    }
    for (at, about) in shown.iter().enumerate() {
        let y = TOP + ROW * at as f64;
        let end = x.place(about.missing_percent()).max(left + 1.0);
        svg.rect(left, y + 4.0, end - left, ROW - 8.0, ACCENT);
        svg.text((left - 10.0, y + 16.5), Anchor::End, SMALL, INK, &fit(about.title(), SMALL, labels));
        let text = format!("{} ({} %)", grouped(about.missing()), percent_text(about.missing_percent()));
        svg.text((WIDTH - 24.0, y + 16.5), Anchor::End, SMALL, MUTED, &text);
    }
    svg.line((left, TOP), (left, bottom), INK);
    Some(svg)
}
