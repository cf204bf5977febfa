//! All that an evaluation found, for people as tables and for programs as one flat table.

use aquifer_model::{AtThreshold, Best, BestThresholds, Counts, GainsGroup, Metrics};
use serde_json::Value;

use crate::output::{self, Format, Table, escape, grouped};

/// A confusion matrix whose classes take more characters than these fits no terminal: the worst ones are listed instead.
const MATRIX_WIDTH_MAX: usize = 100;
/// Classes that are listed then.
const WORST_CLASSES: usize = 20;

pub(crate) struct Evaluation {
    pub(crate) metrics: Metrics,
    /// Of two classes.
    pub(crate) at_threshold: Option<AtThreshold>,
    /// Of the target; none of a number.
    pub(crate) levels: Vec<String>,
}

impl Evaluation {
    /// `metric,value` lines with dotted names; groups, places and k count from 1.
    pub(crate) fn print_flat(&self) -> anyhow::Result<()> {
        let mut table = Table::new(["metric", "value"]);
        let Value::Object(mut found) = serde_json::to_value(&self.metrics)? else { return Ok(()) };
        if let Some(counts) = &self.metrics.confusion {
            found.insert("confusion".into(), self.named(counts.iter().map(|count| Value::from(*count))));
        }
        if let Some(at) = &self.at_threshold {
            let mut value = serde_json::to_value(at)?;
            value["confusion"] = match &at.confusion {
                Counts::Rows(counts) => self.named(counts.iter().map(|count| Value::from(*count))),
                Counts::Weights(weights) => self.named(weights.iter().map(|weight| Value::from(*weight))),
            };
            found.insert("at_threshold".into(), value);
        }
        flatten("", &Value::Object(found), &mut table);
        table.print(Format::Csv);
        Ok(())
    }

    /// Cells of a confusion matrix by the actual, then the predicted class.
    fn named(&self, cells: impl Iterator<Item = Value>) -> Value {
        let cells: Vec<Value> = cells.collect();
        let row = |row: &[Value]| self.levels.iter().cloned().zip(row.iter().cloned()).collect::<Value>();
        self.levels.iter().cloned().zip(cells.chunks(self.levels.len().max(1)).map(row)).collect()
    }

    /// The threshold is what was asked for.
    pub(crate) fn print(&self, threshold: Option<f64>) {
        self.print_scalars();
        if let Some(at) = &self.at_threshold {
            self.print_at_threshold(at, threshold);
        } else if let Some(counts) = &self.metrics.confusion {
            title("confusion matrix: rows");
            self.print_confusion(&Counts::Rows(counts.clone()));
        }
        if let Some(best) = &self.metrics.best {
            print_best(best);
        }
        if let Some(hits) = &self.metrics.hit_ratios {
            title("hit ratios: the share of rows whose class is among the k likeliest");
            let mut table = Table::new(["k", "hit ratio"]);
            (1..).zip(hits).for_each(|(k, ratio)| table.row([k.to_string(), share(*ratio)]));
            table.print(Format::Table);
        }
        if let (Some(groups), [_, positive]) = (&self.metrics.gains_lift, &self.levels[..]) {
            title(&format!("gains and lift: rows by their probability of `{positive}`, highest first"));
            gains_table(groups).print(Format::Table);
        }
    }

    fn print_scalars(&self) {
        let m = &self.metrics;
        let mut table = Table::new(["metric", "value"]);
        table.row(["rows".into(), grouped(m.rows)]);
        let area = |area: Option<f64>, resolution: Option<f64>| {
            let resolution = resolution.filter(|resolution| *resolution > 0.0);
            area.map(|area| format!("{area:.6}{}", resolution.map(|by| format!(" ±{by:.1e}")).unwrap_or_default()))
        };
        let two = self.levels.len() == 2;
        let plain = |value: Option<f64>| value.map(long);
        for (name, value) in [
            ("logloss", plain(m.logloss)),
            ("auc", area(m.auc, m.auc_resolution)),
            ("gini", area(m.gini, m.auc_resolution.map(|by| 2.0 * by))),
            ("pr auc", area(m.pr_auc, m.pr_auc_resolution)),
            // Of two classes these stand with their threshold.
            ("accuracy", plain(m.accuracy.filter(|_| !two))),
            ("mean per-class error", plain(m.mean_per_class_error.filter(|_| !two))),
            ("rmse", plain(m.rmse)),
            ("mse", plain(m.mse)),
            ("mae", plain(m.mae)),
            ("rmsle", plain(m.rmsle)),
            ("r2", plain(m.r2)),
            ("mean residual deviance", plain(m.mean_residual_deviance)),
        ] {
            if let Some(value) = value {
                table.row([name.into(), value]);
            }
        }
        table.print(Format::Table);
    }

    fn print_at_threshold(&self, at: &AtThreshold, asked: Option<f64>) {
        let [_, positive] = &self.levels[..] else { return };
        let used = probability(at.threshold);
        let near = asked.filter(|asked| probability(*asked) != used);
        let near = near.map(|asked| format!(" (the nearest to {asked} that is counted)")).unwrap_or_default();
        title(&format!("predicting `{positive}` from a probability of {used}{near}"));
        let mut table = Table::new(["accuracy", "precision", "recall", "specificity", "f1", "mcc", "per-class error"]);
        let cells = [at.accuracy, at.precision, at.recall, at.specificity, at.f1, at.mcc, at.mean_per_class_error];
        table.row(cells.map(|value| value.map_or("-".into(), share)));
        table.print(Format::Table);
        title(match at.confusion {
            Counts::Rows(_) => "confusion matrix: rows",
            Counts::Weights(_) => "confusion matrix: sums of row weights",
        });
        self.print_confusion(&at.confusion);
    }

    fn print_confusion(&self, counts: &Counts) {
        let (cells, whole): (Vec<f64>, bool) = match counts {
            Counts::Rows(counts) => (counts.iter().map(|count| *count as f64).collect(), true),
            Counts::Weights(weights) => (weights.clone(), false),
        };
        let shown = |cell: f64| if whole { grouped(cell as u64) } else { format!("{cell:.2}") };
        let rows: Vec<&[f64]> = cells.chunks(self.levels.len().max(1)).collect();
        let width: usize = self.levels.iter().map(|level| level.chars().count().max(7) + 2).sum();
        if width <= MATRIX_WIDTH_MAX {
            return self.matrix(&rows, shown).print(Format::Table);
        }
        self.worst(&rows, shown).print(Format::Table);
        let more = match self.levels.len().saturating_sub(WORST_CLASSES) {
            0 => String::new(),
            more => format!("{} classes more have fewer errors; ", grouped(more as u64)),
        };
        output::line(&format!("{more}--output json has the whole matrix"));
    }

    fn matrix(&self, rows: &[&[f64]], shown: impl Fn(f64) -> String) -> Table {
        let mut head = vec!["actual \\ predicted".to_owned()];
        head.extend(self.levels.iter().cloned().chain(["total".into(), "error".into()]));
        let mut table = Table::with_head(head);
        let mut line = |name: &str, cells: &[f64], right: f64| {
            let all: f64 = cells.iter().sum();
            let error = if all > 0.0 { share(1.0 - right / all) } else { "-".into() };
            let cells = cells.iter().copied().chain([all]).map(&shown);
            table.row_of([name.to_owned()].into_iter().chain(cells).chain([error]).collect());
        };
        for ((at, level), row) in self.levels.iter().enumerate().zip(rows) {
            line(level, row, row[at]);
        }
        let totals: Vec<f64> = (0..self.levels.len()).map(|at| rows.iter().map(|row| row[at]).sum()).collect();
        line("total", &totals, rows.iter().enumerate().map(|(at, row)| row[at]).sum());
        table
    }

    /// The classes with the most errors.
    fn worst(&self, rows: &[&[f64]], shown: impl Fn(f64) -> String) -> Table {
        let mut table = Table::new(["actual", "total", "wrong", "error", "most often taken for"]);
        let all = |at: usize| rows[at].iter().sum::<f64>();
        let wrong = |at: usize| all(at) - rows[at][at];
        let mut order: Vec<usize> = (0..rows.len()).filter(|at| all(*at) > 0.0).collect();
        order.sort_by(|a, b| wrong(*b).total_cmp(&wrong(*a)).then(a.cmp(b)));
        for at in order.into_iter().take(WORST_CLASSES) {
            let others = (0..rows.len()).filter(|other| *other != at && rows[at][*other] > 0.0);
            let taken = others.max_by(|a, b| rows[at][*a].total_cmp(&rows[at][*b]).then(b.cmp(a)));
            let taken = taken.map(|other| format!("{} ({})", self.levels[other], shown(rows[at][other])));
            let error = share(wrong(at) / all(at));
            table.row([self.levels[at].clone(), shown(all(at)), shown(wrong(at)), error, taken.unwrap_or("-".into())]);
        }
        table
    }
}

fn title(text: &str) {
    output::line("");
    output::line(&escape(text));
}

fn print_best(best: &BestThresholds) {
    title("the best value over all thresholds");
    let mut table = Table::new(["metric", "value", "threshold", "resolution"]);
    let BestThresholds { f1, f2, f0_5, accuracy, mcc, ks } = *best;
    for (name, Best { value, threshold, resolution }) in
        [("f1", f1), ("f2", f2), ("f0.5", f0_5), ("accuracy", accuracy), ("mcc", mcc), ("Kolmogorov-Smirnov", ks)]
    {
        let resolution = if resolution > 0.0 { format!("+{resolution:.1e}") } else { "-".into() };
        table.row([name.into(), format!("{value:.6}"), probability(threshold), resolution]);
    }
    table.without_empty_columns().print(Format::Table);
}

fn gains_table(groups: &[GainsGroup]) -> Table {
    let head = ["group", "cum. rows", "threshold", "response", "lift", "cum. lift", "capture", "cum. capture", "k-s"];
    let mut table = Table::new(head);
    for (number, group) in (1..).zip(groups) {
        let percent = |share: f64| format!("{:.2}%", 100.0 * share);
        table.row([
            number.to_string(),
            percent(group.cumulative_data_fraction),
            probability(group.lower_threshold),
            percent(group.response_rate),
            format!("{:.3}", group.lift),
            format!("{:.3}", group.cumulative_lift),
            percent(group.capture_rate),
            percent(group.cumulative_capture_rate),
            format!("{:.4}", group.kolmogorov_smirnov),
        ]);
    }
    table
}

/// Six decimals, or as many digits as a small or large number needs.
fn long(value: f64) -> String {
    match value.abs() {
        0.0 | 0.001..1e7 => format!("{value:.6}"),
        _ => format!("{value:.6e}"),
    }
}

fn share(value: f64) -> String {
    format!("{value:.4}")
}

/// Neighbouring thresholds differ in the fifth digit.
fn probability(value: f64) -> String {
    let text = format!("{value:.5}");
    if value == 0.5 { "0.5".into() } else { text }
}

fn flatten(name: &str, value: &Value, table: &mut Table) {
    let inner = |key: &str| if name.is_empty() { key.to_owned() } else { format!("{name}.{key}") };
    match value {
        Value::Object(fields) => fields.iter().for_each(|(key, value)| flatten(&inner(key), value, table)),
        Value::Array(values) => {
            (1..).zip(values).for_each(|(at, value)| flatten(&inner(&at.to_string()), value, table));
        }
        Value::String(text) => table.row([name.to_owned(), text.clone()]),
        value => table.row([name.to_owned(), value.to_string()]),
    }
}
