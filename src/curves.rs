//! Learning curves as one picture: training loss and the watched metric over epochs, of a few candidates.

use crate::output::grouped;
use crate::plots::scale::{Scale, ticks};
use crate::plots::svg::{Anchor, GRID, INK, MUTED, SMALL, Svg, fit, text_width};

/// What is drawn.
pub(crate) struct Curves {
    pub(crate) title: String,
    /// As the axis names it: "auc".
    pub(crate) metric: String,
    pub(crate) larger_is_better: bool,
    /// Best first; those beyond the eighth are not drawn.
    pub(crate) candidates: Vec<Candidate>,
    /// Candidates that are not drawn besides.
    pub(crate) left_out: usize,
}

pub(crate) struct Candidate {
    /// "1: hidden=[64, 64], l2=0.0001"
    pub(crate) label: String,
    /// Of each fold, or of the only fit, ascending by epochs.
    pub(crate) folds: Vec<Vec<Point>>,
}

#[derive(Clone, Copy)]
pub(crate) struct Point {
    pub(crate) epochs: f64,
    /// Mean over the rows passed since the point before.
    pub(crate) loss: Option<f64>,
    /// The metric, on validation or held-out rows.
    pub(crate) value: f64,
}

const WIDTH: f64 = 960.0;
const MARGIN: f64 = 24.0;
const GUTTER: f64 = 32.0;
const PANEL: f64 = (WIDTH - 2.0 * MARGIN - GUTTER) / 2.0;
const TOP: f64 = 78.0;
const BOTTOM: f64 = 312.0;
const LEGEND: f64 = 384.0;
const ROW: f64 = 21.0;
const TICKS_X: usize = 6;
const TICKS_Y: usize = 8;
const NONE: &str = "no scorings while training: give score_interval or stopping_rounds";

/// How a candidate is told from the others: by colour, and in black and white by dashes and marker.
struct Look {
    colour: &'static str,
    dashes: &'static str,
    /// Corners, of a marker about 2 wide.
    marker: &'static [(f64, f64)],
}

/// The palette of Okabe and Ito, with grey for its yellow, which is hardly seen on white.
const LOOKS: [Look; 8] = [
    Look { colour: "#0072b2", dashes: "", marker: &OCTAGON },
    Look { colour: "#d55e00", dashes: "9 4", marker: &SQUARE },
    Look { colour: "#009e73", dashes: "2 3", marker: &TRIANGLE },
    Look { colour: "#cc79a7", dashes: "10 3 2 3", marker: &DIAMOND },
    Look { colour: "#e69f00", dashes: "5 3", marker: &TURNED_TRIANGLE },
    Look { colour: "#000000", dashes: "10 3 2 3 2 3", marker: &CROSS },
    Look { colour: "#56b4e9", dashes: "18 4", marker: &PLUS },
    Look { colour: "#767676", dashes: "5 2 1 2", marker: &STAR },
];
const OCTAGON: [(f64, f64); 8] =
    [(0.4, 1.0), (1.0, 0.4), (1.0, -0.4), (0.4, -1.0), (-0.4, -1.0), (-1.0, -0.4), (-1.0, 0.4), (-0.4, 1.0)];
const SQUARE: [(f64, f64); 4] = [(0.9, 0.9), (0.9, -0.9), (-0.9, -0.9), (-0.9, 0.9)];
const TRIANGLE: [(f64, f64); 3] = [(0.0, -1.2), (1.2, 0.9), (-1.2, 0.9)];
const DIAMOND: [(f64, f64); 4] = [(0.0, -1.3), (1.1, 0.0), (0.0, 1.3), (-1.1, 0.0)];
const TURNED_TRIANGLE: [(f64, f64); 3] = [(0.0, 1.2), (1.2, -0.9), (-1.2, -0.9)];
const PLUS: [(f64, f64); 12] = [
    (0.4, -1.2),
    (0.4, -0.4),
    (1.2, -0.4),
    (1.2, 0.4),
    (0.4, 0.4),
    (0.4, 1.2),
    (-0.4, 1.2),
    (-0.4, 0.4),
    (-1.2, 0.4),
    (-1.2, -0.4),
    (-0.4, -0.4),
    (-0.4, -1.2),
];
const CROSS: [(f64, f64); 12] = [
    (0.0, -0.6),
    (0.6, -1.2),
    (1.2, -0.6),
    (0.6, 0.0),
    (1.2, 0.6),
    (0.6, 1.2),
    (0.0, 0.6),
    (-0.6, 1.2),
    (-1.2, 0.6),
    (-0.6, 0.0),
    (-1.2, -0.6),
    (-0.6, -1.2),
];
const STAR: [(f64, f64); 10] = [
    (0.0, -1.4),
    (0.35, -0.45),
    (1.3, -0.4),
    (0.55, 0.2),
    (0.85, 1.15),
    (0.0, 0.6),
    (-0.85, 1.15),
    (-0.55, 0.2),
    (-1.3, -0.4),
    (-0.35, -0.45),
];

/// Of a candidate's folds where at least one has a point.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Mean {
    epochs: f64,
    mean: f64,
    /// Of the folds.
    low: f64,
    high: f64,
    folds: usize,
}

/// A candidate as it is drawn.
struct Curve<'a> {
    look: &'static Look,
    label: &'a str,
    losses: Vec<Mean>,
    values: Vec<Mean>,
    /// Epochs of the best mean value.
    best: Option<f64>,
}

impl Curves {
    /// The whole file.
    pub(crate) fn svg(&self) -> String {
        let curves: Vec<Curve<'_>> = LOOKS
            .iter()
            .zip(&self.candidates)
            .map(|(look, candidate)| Curve::of(look, candidate, self.larger_is_better))
            .collect();
        let columns = if curves.len() > 3 { 2 } else { 1 };
        let rows = curves.len().div_ceil(columns);
        let left_out = self.left_out + (self.candidates.len() - curves.len());
        let more = if left_out > 0 { ROW } else { 0.0 };
        let mut svg = Svg::new(WIDTH, LEGEND + rows as f64 * ROW + more);
        svg.heading(&self.title, &self.line(&curves));
        let has_folds = curves.iter().flat_map(|curve| &curve.losses).any(|mean| mean.folds > 1);
        let loss = if has_folds { "training loss (mean of folds)" } else { "training loss" };
        // One axis of epochs, so that the panels can be compared.
        let ends = curves.iter().flat_map(|curve| curve.losses.iter().chain(&curve.values)).map(|mean| mean.epochs);
        let end = ends.fold(0.0, f64::max);
        draw_panel(&mut svg, MARGIN, loss, end, &curves, |curve| (&curve.losses, false));
        draw_panel(&mut svg, MARGIN + PANEL + GUTTER, &self.metric, end, &curves, |curve| (&curve.values, true));
        for (at, curve) in curves.iter().enumerate() {
            let width = (WIDTH - 2.0 * MARGIN + GUTTER) / columns as f64;
            let (column, row) = (at / rows, at % rows);
            let place = (MARGIN + column as f64 * width, LEGEND + row as f64 * ROW);
            draw_entry(&mut svg, curve, place, width - GUTTER);
        }
        if left_out > 0 {
            let text = format!("and {} more, not drawn", grouped(left_out as u64));
            let place = (MARGIN, LEGEND + rows as f64 * ROW);
            svg.text(place, Anchor::Start, SMALL, MUTED, &text);
        }
        svg.finish(&format!("learning curves: {}", self.title))
    }

    /// How the picture is read.
    fn line(&self, curves: &[Curve<'_>]) -> String {
        if curves.iter().all(|curve| curve.values.is_empty()) {
            return NONE.to_owned();
        }
        let better = if self.larger_is_better { "larger is better" } else { "smaller is better" };
        match curves.iter().flat_map(|curve| &curve.values).any(|mean| mean.folds > 1) {
            true => format!(
                "lines: mean of the folds; bands: lowest to highest fold; marks: epochs of the best mean, {better}"
            ),
            false => format!("marks: epochs of the best value, {better}"),
        }
    }
}

impl<'a> Curve<'a> {
    fn of(look: &'static Look, candidate: &'a Candidate, larger_is_better: bool) -> Self {
        let losses = means(&candidate.folds, |point| point.loss);
        let values = means(&candidate.folds, |point| Some(point.value));
        let badness = |mean: &Mean| if larger_is_better { -mean.mean } else { mean.mean };
        // The first of equals.
        let best = values.iter().min_by(|a, b| badness(a).total_cmp(&badness(b))).map(|mean| mean.epochs);
        Self { look, label: &candidate.label, losses, values, best }
    }
}

/// Of what the folds have at the same epochs, ascending. Folds differ by a few rows, and so do the epochs of their
/// scorings: those nearer than a third of a usual step are the same, at most one of each fold.
fn means(folds: &[Vec<Point>], of: impl Fn(&Point) -> Option<f64>) -> Vec<Mean> {
    let read = |point: &Point| Some((point.epochs, of(point)?)).filter(|(x, y)| x.is_finite() && y.is_finite());
    let mut points: Vec<(f64, f64, usize)> = Vec::new();
    let mut step = 0.0;
    for (fold, curve) in folds.iter().enumerate() {
        let before = points.len();
        points.extend(curve.iter().filter_map(read).map(|(epochs, value)| (epochs, value, fold)));
        if let Some((last, _, _)) = points[before..].last() {
            step = f64::max(step, last / (points.len() - before) as f64);
        }
    }
    points.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.2.cmp(&b.2)));
    let mut means = Vec::new();
    let mut rest = &points[..];
    while let [first, ..] = rest {
        let is_new = |at: usize| {
            let (epochs, _, fold) = rest[at];
            epochs - first.0 > step / 3.0 || rest[..at].iter().any(|point| point.2 == fold)
        };
        let end = (1..rest.len()).find(|at| is_new(*at)).unwrap_or(rest.len());
        means.push(mean(&rest[..end]));
        rest = &rest[end..];
    }
    means
}

/// Divided before it is added up, as the sum may be more than a float can say.
fn mean(points: &[(f64, f64, usize)]) -> Mean {
    let count = points.len() as f64;
    let low = points.iter().map(|point| point.1).fold(f64::INFINITY, f64::min);
    let high = points.iter().map(|point| point.1).fold(f64::NEG_INFINITY, f64::max);
    let mean = points.iter().map(|point| point.1 / count).sum::<f64>().clamp(low, high);
    Mean { epochs: points.iter().map(|point| point.0 / count).sum(), mean, low, high, folds: points.len() }
}

/// The ends of an axis with all of these values; what is as good as one value lies in the middle.
fn around(values: impl Iterator<Item = f64>) -> Option<(f64, f64)> {
    let (low, high) = values.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), x| (low.min(x), high.max(x)));
    if low > high {
        return None;
    }
    let size = low.abs().max(high.abs());
    let half = high / 2.0 - low / 2.0;
    let room = match half > size * 1e-6 {
        true => half * 0.1,
        false if size > 0.0 => size * 0.05,
        false => 1.0,
    };
    let bottom = (low - room).max(-f64::MAX);
    // Most losses and metrics are not below zero.
    let bottom = if low > 0.0 { bottom.max(0.0) } else { bottom };
    Some((bottom, (high + room).min(f64::MAX)))
}

/// All of an axis with the same number of decimals, or in powers of ten.
fn tick_texts(ticks: &[f64]) -> Vec<String> {
    let size = ticks.iter().fold(0.0, |size, tick| f64::max(size, tick.abs()));
    if size >= 1e6 || (size > 0.0 && size < 1e-3) {
        return ticks.iter().map(|tick| power_text(*tick)).collect();
    }
    let decimals = |tick: &f64| tick.to_string().split_once('.').map_or(0, |(_, decimals)| decimals.len());
    let decimals = ticks.iter().map(decimals).max().unwrap_or(0).min(9);
    // Not -0.
    ticks.iter().map(|tick| format!("{:.decimals$}", tick + 0.0)).collect()
}

/// "1.5e6"
fn power_text(tick: f64) -> String {
    let text = format!("{tick:.8e}");
    match text.split_once('e') {
        Some((_, _)) if tick == 0.0 => "0".to_owned(),
        Some((digits, power)) => format!("{}e{power}", digits.trim_end_matches('0').trim_end_matches('.')),
        None => text,
    }
}

/// Axes and lines; `of` picks what is drawn of a candidate, and whether with the band of its folds.
fn draw_panel<'a>(
    svg: &mut Svg,
    start: f64,
    title: &str,
    end: f64,
    curves: &'a [Curve<'a>],
    of: impl Fn(&'a Curve<'a>) -> (&'a [Mean], bool),
) {
    let seen = curves.iter().map(&of).flat_map(|(means, banded)| {
        means.iter().flat_map(move |mean| if banded { [mean.low, mean.high] } else { [mean.mean; 2] })
    });
    let range = around(seen);
    let marks = range.map_or_else(Vec::new, |(low, high)| ticks(low, high, TICKS_Y));
    let texts = tick_texts(&marks);
    let widest = texts.iter().map(|text| text_width(text, SMALL)).fold(24.0, f64::max);
    let (left, right) = (start + 28.0 + widest, start + PANEL);
    let y = Scale { values: range.unwrap_or((0.0, 1.0)), places: (BOTTOM, TOP) };
    for (tick, text) in marks.iter().zip(&texts) {
        let at = y.place(*tick);
        svg.line((left, at), (right, at), GRID);
        svg.text((left - 8.0, at + 4.0), Anchor::End, SMALL, MUTED, text);
    }
    // Room for a marker at the end.
    let end = if end > 0.0 { end } else { 1.0 };
    let x = Scale { values: (0.0, end), places: (left, right - 8.0) };
    let marks = if range.is_some() { ticks(0.0, end, TICKS_X) } else { Vec::new() };
    for (tick, text) in marks.iter().zip(tick_texts(&marks)) {
        let at = x.place(*tick);
        svg.line((at, TOP), (at, BOTTOM), GRID);
        svg.line((at, BOTTOM), (at, BOTTOM + 5.0), INK);
        svg.text((at, BOTTOM + 20.0), Anchor::Middle, SMALL, MUTED, &text);
    }
    svg.line((left, TOP), (left, BOTTOM), INK);
    svg.line((left, BOTTOM), (right, BOTTOM), INK);
    let middle = ((left + right) / 2.0, (TOP + BOTTOM) / 2.0);
    svg.text((middle.0, BOTTOM + 40.0), Anchor::Middle, SMALL, INK, "epochs");
    let title = fit(title, SMALL, BOTTOM - TOP);
    svg.turned_text((start + 10.0, middle.1), Anchor::Middle, SMALL, INK, -90.0, &title);
    if range.is_none() {
        svg.text(middle, Anchor::Middle, SMALL, MUTED, "no scorings");
    }
    let place = |mean: &Mean, value: f64| (x.place(mean.epochs), y.place(value));
    // The best lies on top, and no band on a line.
    for (curve, (means, _)) in curves.iter().map(|curve| (curve, of(curve))).filter(|(_, (_, banded))| *banded).rev() {
        draw_bands(svg, curve, means, place);
    }
    for (curve, (means, _)) in curves.iter().map(|curve| (curve, of(curve))).rev() {
        let points: Vec<(f64, f64)> = means.iter().map(|mean| place(mean, mean.mean)).collect();
        let away = |mean: &&Mean| (mean.epochs - curve.best.unwrap_or(0.0)).abs();
        let Some(best) = means.iter().min_by(|a, b| away(a).total_cmp(&away(b))) else { continue };
        svg.begin_group(curve.label);
        svg.dashed(&points, curve.look.colour, curve.look.dashes);
        draw_marker(svg, curve.look, place(best, best.mean));
        svg.end_group();
    }
}

/// From the lowest fold to the highest, where there are two.
fn draw_bands(svg: &mut Svg, curve: &Curve<'_>, means: &[Mean], place: impl Fn(&Mean, f64) -> (f64, f64)) {
    for run in means.split(|mean| mean.folds < 2) {
        let Some(last) = run.last() else { continue };
        let highs = run.iter().map(|mean| place(mean, mean.high));
        let lows = run.iter().rev().map(|mean| place(mean, mean.low));
        let mut points: Vec<(f64, f64)> = highs.chain(lows).collect();
        if run.len() == 1 {
            // A single place has a bar.
            let (at, high, low) = (place(last, last.mean).0, points[0].1, points[1].1);
            points = vec![(at - 3.0, high), (at + 3.0, high), (at + 3.0, low), (at - 3.0, low)];
        }
        svg.veil(&points, curve.look.colour, 0.16);
    }
}

fn draw_marker(svg: &mut Svg, look: &Look, (x, y): (f64, f64)) {
    const SIZE: f64 = 5.0;
    let corners: Vec<(f64, f64)> = look.marker.iter().map(|(dx, dy)| (x + dx * SIZE, y + dy * SIZE)).collect();
    svg.shape(&corners, look.colour);
}

fn draw_entry(svg: &mut Svg, curve: &Curve<'_>, (x, y): (f64, f64), room: f64) {
    const SAMPLE: f64 = 56.0;
    let without = if curve.values.is_empty() { " (no scorings)" } else { "" };
    let label = fit(curve.label, SMALL, room - SAMPLE - 10.0 - text_width(without, SMALL));
    svg.begin_group(curve.label);
    svg.dashed(&[(x, y - 4.0), (x + SAMPLE, y - 4.0)], curve.look.colour, curve.look.dashes);
    draw_marker(svg, curve.look, (x + SAMPLE / 2.0, y - 4.0));
    svg.text((x + SAMPLE + 10.0, y), Anchor::Start, SMALL, INK, &format!("{label}{without}"));
    svg.end_group();
}

#[cfg(test)]
mod tests {
    use super::*;

    fn point(epochs: f64, loss: f64, value: f64) -> Point {
        Point { epochs, loss: Some(loss), value }
    }

    fn curves(candidates: Vec<Vec<Vec<Point>>>) -> Curves {
        let candidate = |(at, folds)| Candidate { label: format!("{}: l2=0.0001", at + 1), folds };
        Curves {
            title: "Search 7".to_owned(),
            metric: "auc".to_owned(),
            larger_is_better: true,
            candidates: candidates.into_iter().enumerate().map(candidate).collect(),
            left_out: 0,
        }
    }

    /// The file, after a look at whether every tag is closed in its turn and every number is one.
    fn checked(curves: &Curves) -> String {
        let text = curves.svg();
        let mut open = Vec::new();
        for tag in text.split('<').skip(1) {
            let (tag, after) = tag.split_once('>').unwrap();
            assert!(!after.contains('>') && tag.matches('"').count() % 2 == 0, "{tag}");
            match tag.strip_prefix('/') {
                Some(name) => assert_eq!(open.pop(), Some(name)),
                None if tag.ends_with('/') || tag.starts_with('?') => {}
                None => open.push(tag.split(' ').next().unwrap()),
            }
        }
        assert!(open.is_empty(), "{open:?}");
        assert!(!text.contains("NaN") && !text.contains("inf\"") && !text.contains("inf,"), "{text}");
        let points = text.split("points=\"").skip(1).flat_map(|rest| rest.split('"').next().unwrap().split([' ', ',']));
        for number in points {
            assert!(number.parse::<f64>().is_ok_and(|x| (0.0..WIDTH).contains(&x)), "{number}");
        }
        text
    }

    #[test]
    fn folds_have_a_band() {
        let fold =
            |off: f64, many: u32| (1..=many).map(f64::from).map(|x| point(x, 1.0 / x + off, 0.8 + off)).collect();
        let two = checked(&curves(vec![vec![fold(0.01, 5), fold(0.03, 3)]]));
        assert_eq!(two.matches("fill-opacity").count(), 1, "{two}");
        assert!(two.contains(">training loss (mean of folds)<") && two.contains("bands: lowest to highest fold"));
        let band = two.split("fill-opacity").next().unwrap().rsplit('"').nth(3).unwrap();
        assert_eq!(band.split(' ').count(), 6, "of the three places where both have a point: {band}");
        let one = checked(&curves(vec![vec![fold(0.0, 5)]]));
        assert!(!one.contains("fill-opacity") && one.contains(">training loss<") && one.contains(">auc<"), "{one}");
    }

    #[test]
    fn folds_that_score_at_nearly_the_same_epochs_are_one_point() {
        let fold = |stretch: f64, value: f64, many: u32| {
            (1..=many).map(|at| point(f64::from(at) * stretch, 1.0, value)).collect::<Vec<_>>()
        };
        let found = means(&[fold(1.0, 0.5, 4), fold(1.001, 0.7, 2), fold(0.999, 0.9, 3)], |point| Some(point.value));
        let folds: Vec<usize> = found.iter().map(|mean| mean.folds).collect();
        assert_eq!(folds, [3, 3, 2, 1], "{found:?}");
        assert!((found[1].mean - 0.7).abs() < 1e-12 && (found[1].epochs - 2.0).abs() < 1e-12, "{found:?}");
        assert_eq!([found[1].low, found[1].high, found[3].mean], [0.5, 0.9, 0.5]);
        let once = |epochs: f64| vec![point(epochs, 1.0, 0.5)];
        assert_eq!(means(&[once(9.99), once(10.0)], |point| point.loss).len(), 1);
        // The end of training is scored however near the scoring before it is.
        let ends = [1.0, 2.0, 2.01].map(|at| point(at, 1.0, at)).to_vec();
        assert_eq!(means(&[ends.clone(), ends], |point| point.loss).len(), 3);
    }

    #[test]
    fn the_best_mean_is_marked() {
        let fold = |values: &[f64]| values.iter().zip(1..).map(|(y, x)| point(f64::from(x), 1.0, *y)).collect();
        let candidate = Candidate { label: String::new(), folds: vec![fold(&[0.5, 0.9, 0.6]), fold(&[0.7, 0.1, 0.6])] };
        assert_eq!(Curve::of(&LOOKS[0], &candidate, true).best, Some(1.0));
        assert_eq!(Curve::of(&LOOKS[0], &candidate, false).best, Some(2.0));
    }

    #[test]
    fn nothing_and_little_are_drawn() {
        for none in [curves(Vec::new()), curves(vec![Vec::new(), vec![Vec::new(), Vec::new()]])] {
            let text = checked(&none);
            assert!(text.contains(NONE) && text.contains(">epochs<") && text.contains(">auc<"), "{text}");
        }
        let text = checked(&curves(vec![vec![vec![point(2.0, 0.5, 0.75)]]]));
        assert!(text.contains("marks: epochs of the best value, larger is better") && !text.contains(NONE), "{text}");
        let text = checked(&curves(vec![vec![vec![point(0.0, 0.0, 0.0)]; 2]]));
        assert!(text.contains("fill-opacity"), "a single place has a bar: {text}");
        let without_loss = Point { epochs: 1.0, loss: None, value: 0.5 };
        assert!(checked(&curves(vec![vec![vec![without_loss]]])).contains(">no scorings<"));
    }

    #[test]
    fn any_number_is_drawn_or_left_out() {
        let flat = [1.0, 2.0].map(|x| point(x, 0.25, 0.5 + x * f64::EPSILON)).to_vec();
        checked(&curves(vec![vec![flat]]));
        let odd = [f64::NAN, f64::INFINITY, -f64::INFINITY, f64::MAX, -f64::MAX, f64::MIN_POSITIVE, 5e-324, -0.0];
        let every = |x: f64| odd.iter().flat_map(move |y| odd.map(|z| point(x, *y, z))).collect::<Vec<_>>();
        checked(&curves(odd.iter().map(|x| vec![every(x.abs()), every(1.0)]).collect()));
        for y in odd {
            checked(&curves(vec![vec![vec![point(1.0, y, y), point(2.0, y, -y)]; 3]]));
        }
    }

    #[test]
    fn texts_are_escaped_and_cut() {
        let mut hostile = curves(vec![vec![vec![point(1.0, 1.0, 1.0)]]]);
        hostile.title = "<b>\"&'".to_owned();
        hostile.metric = "</text><script>".to_owned();
        hostile.candidates[0].label = "1: a<b&c".repeat(100);
        let text = checked(&hostile);
        assert!(
            !text.contains("<b") && !text.contains("<script") && text.contains("&lt;b&gt;&quot;&amp;&#39;"),
            "{text}"
        );
        assert!(text.contains("…</text>"), "{text}");
    }

    #[test]
    fn eight_are_drawn() {
        let mut many = curves((0..11).map(|at| vec![vec![point(1.0, 1.0, f64::from(at))]]).collect());
        many.left_out = 1_000;
        let text = checked(&many);
        assert!(
            text.contains("8: l2") && !text.contains("9: l2") && text.contains(">and 1,003 more, not drawn<"),
            "{text}"
        );
    }

    #[test]
    fn ticks_are_written_alike() {
        let check = |ticks: &[f64], expected: &[&str]| assert_eq!(tick_texts(ticks), expected);
        check(&[0.0, 0.25, 0.5], &["0.00", "0.25", "0.50"]);
        check(&[-0.0, 10.0], &["0", "10"]);
        check(&[0.0, 2e-4], &["0", "2e-4"]);
        check(&[1e6, 1.5e6, 1_500_000.5], &["1e6", "1.5e6", "1.5000005e6"]);
    }
}
