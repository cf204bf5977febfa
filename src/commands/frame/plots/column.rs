//! The histogram of a column of numbers, dates or times.

use aquifer_frame::Clock;

use super::super::about::About;
use super::heading;
use super::share::Positive;
use crate::output::grouped;
use crate::plots::scale::{Scale, ticks};
use crate::plots::svg::{ACCENT, Anchor, BAR, GRID, INK, MUTED, SMALL, Svg, fit, text_width};

const WIDTH: f64 = 760.0;
const HEIGHT: f64 = 400.0;
const LEFT: f64 = 84.0;
const TOP: f64 = 92.0;
const BOTTOM: f64 = HEIGHT - 52.0;
const TICKS_Y: usize = 6;
const TICKS_X: usize = 8;

/// With a target, the share of its second class as a line over the bars.
pub(super) fn draw(about: &About<'_>, target: Option<&Positive<'_>>) -> Svg {
    let mut svg = Svg::new(WIDTH, HEIGHT);
    heading(&mut svg, about);
    let Some(histogram) = &about.histogram else {
        svg.text((24.0, 100.0), Anchor::Start, SMALL, MUTED, "it has no values");
        return svg;
    };
    let right = WIDTH - if target.is_some() { 64.0 } else { 28.0 };
    let most = histogram.counts.iter().copied().fold(1.0, f64::max);
    let y = Scale { values: (0.0, most * 1.04), places: (BOTTOM, TOP) };
    let x = Scale { values: (0.0, histogram.counts.len() as f64), places: (LEFT, right) };
    for tick in ticks(0.0, most * 1.04, TICKS_Y).into_iter().filter(|tick| tick.fract() == 0.0) {
        svg.line((LEFT, y.place(tick)), (right, y.place(tick)), GRID);
        svg.text((LEFT - 8.0, y.place(tick) + 4.0), Anchor::End, SMALL, MUTED, &grouped(tick as u64));
    }
    let estimated = if histogram.is_exact { "rows" } else { "rows, estimated" };
    svg.turned_text((22.0, (TOP + BOTTOM) / 2.0), Anchor::Middle, SMALL, MUTED, -90.0, estimated);
    let gap = if histogram.is_of_numbers() { 0.12 } else { 0.03 };
    for (bin, count) in histogram.counts.iter().enumerate().filter(|(_, count)| **count > 0.0) {
        let (start, end) = (x.place(bin as f64 + gap), x.place(bin as f64 + 1.0 - gap));
        // What is there can be seen.
        let top = y.place(*count).min(BOTTOM - 1.0);
        svg.rect(start, top, end - start, BOTTOM - top, BAR);
    }
    svg.line((LEFT, BOTTOM), (right, BOTTOM), INK);
    draw_x(&mut svg, about, x, right);
    if let Some(target) = target {
        draw_share(&mut svg, about, target, x, right);
    }
    svg
}

/// Marks of the x axis: where in bins, and what is written there.
fn marks(about: &About<'_>, right: f64) -> Vec<(f64, String)> {
    let Some(histogram) = &about.histogram else { return Vec::new() };
    let bins = histogram.counts.len();
    if histogram.is_of_numbers() {
        return (0..bins).map(|bin| (bin as f64 + 0.5, about.text(histogram.values(bin).0))).collect();
    }
    if bins == 1 {
        return vec![(0.5, about.text(histogram.low))];
    }
    if let Some(time) = about.time() {
        // Ends of bins, as dates have no round numbers: days where they differ, else minutes.
        let texts: Vec<String> = (0..=bins).step_by(bins / 4).map(|bin| about.text(histogram.edge(bin))).collect();
        let day = |text: &str| text.split('T').next().unwrap_or(text).to_owned();
        let differ = texts.windows(2).all(|pair| day(&pair[0]) != day(&pair[1]));
        let text = |text: &String| match time.clock {
            Clock::TimeOfDay => text.chars().take(5).collect(),
            _ if differ => day(text),
            _ => text.chars().take(16).collect(),
        };
        return texts.iter().enumerate().map(|(at, of)| ((at * (bins / 4)) as f64, text(of))).collect();
    }
    let scale = Scale { values: (histogram.low, histogram.high), places: (0.0, bins as f64) };
    let text = |tick: f64| {
        if tick.fract() == 0.0 && (1e4..1e15).contains(&tick.abs()) { signed(tick) } else { about.text(tick) }
    };
    let of = |most: usize| -> Vec<(f64, String)> {
        ticks(histogram.low, histogram.high, most).into_iter().map(|tick| (scale.place(tick), text(tick))).collect()
    };
    // Long numbers leave room for fewer.
    let wide = |marks: &Vec<(f64, String)>| {
        marks.iter().map(|(_, text)| text_width(text, SMALL) + 16.0).sum::<f64>() > right - LEFT
    };
    let marks = of(TICKS_X);
    if wide(&marks) { of(3) } else { marks }
}

fn signed(x: f64) -> String {
    format!("{}{}", if x < 0.0 { "-" } else { "" }, grouped(x.abs() as u64))
}

/// No two labels touch: one that would is left out.
fn draw_x(svg: &mut Svg, about: &About<'_>, x: Scale, right: f64) {
    let mut free_from = 0.0;
    for (at, text) in marks(about, right) {
        let (at, text) = (x.place(at), fit(&text, SMALL, 150.0));
        svg.line((at, BOTTOM), (at, BOTTOM + 5.0), INK);
        let half = text_width(&text, SMALL) / 2.0;
        // Labels at the ends stay inside.
        let middle = at.max(half + 4.0).min(WIDTH - half - 4.0);
        if middle - half >= free_from {
            svg.text((middle, BOTTOM + 21.0), Anchor::Middle, SMALL, MUTED, &text);
            free_from = middle + half + 10.0;
        }
    }
}

fn draw_share(svg: &mut Svg, about: &About<'_>, target: &Positive<'_>, x: Scale, right: f64) {
    let Some(histogram) = &about.histogram else { return };
    let bin = |value: &Option<aquifer_frame::Value>| Some(histogram.bin_of(value.as_ref()?.number()?));
    let shares = target.shares(about.summary().row_sample.iter().map(bin));
    let y = Scale { values: (0.0, 1.0), places: (BOTTOM, TOP) };
    for percent in [0, 25, 50, 75, 100] {
        let at = y.place(f64::from(percent) / 100.0);
        svg.text((right + 8.0, at + 4.0), Anchor::Start, SMALL, ACCENT, &format!("{percent} %"));
    }
    let points: Vec<(f64, f64)> =
        shares.iter().map(|(bin, share)| (x.place(*bin as f64 + 0.5), y.place(*share))).collect();
    svg.path(&points, ACCENT);
    points.iter().for_each(|point| svg.dot(*point, ACCENT));
    svg.path(&[(24.0, 72.0), (44.0, 72.0)], ACCENT);
    svg.dot((34.0, 72.0), ACCENT);
    svg.text((50.0, 76.0), Anchor::Start, SMALL, ACCENT, &fit(&target.words(), SMALL, right - 60.0));
}
