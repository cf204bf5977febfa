//! The correlations of numbers with each other, in the sampled rows.

use aquifer_frame::{TakenFor, Value};

use super::super::about::About;
use crate::output::grouped;
use crate::plots::svg::{Anchor, INK, MUTED, SMALL, Svg, WHITE, fit, text_width};

const COLUMNS_MAX: usize = 40;
const LABEL_MAX: f64 = 150.0;
const GRID_MAX: f64 = 560.0;
/// Rows that two columns both have a value in.
const ROWS_MIN: usize = 10;
/// Cells this wide have room for their number.
const CELL_NUMBER: f64 = 30.0;

/// None of fewer than two columns.
pub(super) fn draw(about: &[About<'_>]) -> Option<Svg> {
    let numeric: Vec<&About<'_>> = about.iter().filter(|about| about.view.taken_for == TakenFor::Numeric).collect();
    let shown = &numeric[..numeric.len().min(COLUMNS_MAX)];
    if shown.len() < 2 {
        return None;
    }
    let cell = (GRID_MAX / shown.len() as f64).min(52.0);
    let labels = shown.iter().map(|about| text_width(about.title(), SMALL)).fold(0.0, f64::max).min(LABEL_MAX);
    // Names stand aslant above the cells: their height is that of their length at 45°, and the last one leans to the right.
    let aslant = labels * 0.71 + 10.0;
    let (left, top) = (24.0 + labels + 8.0, 76.0 + aslant);
    let side = cell * shown.len() as f64;
    let mut svg = Svg::new((left + side + aslant + 24.0).max(480.0), top + side + 66.0);
    let first = if shown.len() < numeric.len() { format!("the first {} of ", shown.len()) } else { String::new() };
    let rows = shown[0].summary().row_sample.len() as u64;
    svg.heading(
        "Correlation",
        &format!("Pearson's r of {first}{} columns, in {} sampled rows", numeric.len(), grouped(rows)),
    );
    let values: Vec<Vec<Option<f64>>> = shown.iter().map(|about| numbers(&about.summary().row_sample)).collect();
    for (row, about) in shown.iter().enumerate() {
        let (y, name) = (top + cell * row as f64, fit(about.title(), SMALL, labels));
        svg.text((left - 8.0, y + cell / 2.0 + 4.0), Anchor::End, SMALL, INK, &name);
        let x = left + cell * row as f64 + cell / 2.0;
        svg.turned_text((x + 3.0, top - 7.0), Anchor::Start, SMALL, INK, -45.0, &name);
        for column in 0..shown.len() {
            let r = if row == column { Some(1.0) } else { pearson(&values[row], &values[column]) };
            let x = left + cell * column as f64;
            svg.rect(x, y, cell - 1.0, cell - 1.0, &r.map_or("#f5f7fa".to_owned(), colour));
            if let Some(r) = r.filter(|_| cell >= CELL_NUMBER) {
                let ink = if r.abs() > 0.6 { WHITE } else { INK };
                let text = format!("{r:.2}").replace("-0.00", "0.00").replace("0.", ".");
                svg.text((x + cell / 2.0, y + cell / 2.0 + 3.5), Anchor::Middle, (cell * 0.28).min(SMALL), ink, &text);
            }
        }
    }
    legend(&mut svg, left, top + side + 18.0);
    Some(svg)
}

fn legend(svg: &mut Svg, left: f64, y: f64) {
    const STEPS: usize = 40;
    for step in 0..STEPS {
        let r = step as f64 / (STEPS - 1) as f64 * 2.0 - 1.0;
        svg.rect(left + 5.0 * step as f64, y, 5.2, 12.0, &colour(r));
    }
    for (at, text) in [(0.0, "-1"), (0.5, "0"), (1.0, "1")] {
        svg.text((left + 200.0 * at, y + 28.0), Anchor::Middle, SMALL, MUTED, text);
    }
}

/// From blue over white to red.
fn colour(r: f64) -> String {
    let (blue, red) = ([45.0, 96.0, 150.0], [176.0, 58.0, 46.0]);
    let end: [f64; 3] = if r < 0.0 { blue } else { red };
    let share = r.abs().min(1.0);
    let part = |end: f64| (255.0 + (end - 255.0) * share).round() as u8;
    let [r, g, b] = end.map(part);
    format!("#{r:02x}{g:02x}{b:02x}")
}

fn numbers(sample: &[Option<Value>]) -> Vec<Option<f64>> {
    sample.iter().map(|value| value.as_ref()?.number()).collect()
}

/// None where one of the two is constant, or too few rows have both.
fn pearson(a: &[Option<f64>], b: &[Option<f64>]) -> Option<f64> {
    let pairs: Vec<(f64, f64)> = a.iter().zip(b).filter_map(|(a, b)| (*a).zip(*b)).collect();
    if pairs.len() < ROWS_MIN {
        return None;
    }
    let n = pairs.len() as f64;
    let mean = |of: fn(&(f64, f64)) -> f64| pairs.iter().map(of).sum::<f64>() / n;
    let (mean_a, mean_b) = (mean(|pair| pair.0), mean(|pair| pair.1));
    let sum = |of: &dyn Fn(f64, f64) -> f64| pairs.iter().map(|(a, b)| of(a - mean_a, b - mean_b)).sum::<f64>();
    let r = sum(&|a, b| a * b) / (sum(&|a, _| a * a).sqrt() * sum(&|_, b| b * b).sqrt());
    r.is_finite().then(|| r.clamp(-1.0, 1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pearson_is_that_of_numpy() {
        let of = |values: &[f64]| values.iter().map(|x| Some(*x)).collect::<Vec<_>>();
        let a = of(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0, 10.0]);
        let mut b = of(&[2.0, 1.0, 4.0, 3.0, 7.0, 8.0, 5.0, 9.0, 6.0, 10.0]);
        // numpy 2.4: numpy.corrcoef(a, b)[0, 1]
        assert!((pearson(&a, &b).unwrap() - 0.842_424_242_424_242_3).abs() < 1e-12);
        assert_eq!(pearson(&a, &of(&[3.0; 10])), None);
        b[3] = None;
        assert_eq!(pearson(&a, &b), None, "nine rows are too few");
    }

    #[test]
    fn colours_go_from_blue_to_red() {
        assert_eq!([colour(-1.0), colour(0.0), colour(1.0)], ["#2d6096", "#ffffff", "#b03a2e"]);
    }
}
