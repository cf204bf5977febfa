//! The result of a training, and tables of scores.

use std::path::Path;

use aquifer_frame::Note;
use aquifer_model::{MetricName, Metrics, Score};
use aquifer_proto::{CrossValidation, TrainSummary};

use crate::output::{self, Format, Table, grouped};

/// A trained model's summary, and what was decided about its data.
pub(crate) struct Trained {
    pub(crate) summary: TrainSummary,
    pub(crate) notes: Vec<Note>,
}

impl Trained {
    /// `path` of the model, if it was written.
    pub(crate) fn print(&self, path: Option<&Path>, format: Format) -> anyhow::Result<()> {
        let summary = &self.summary;
        let seconds = summary.seconds;
        if format == Format::Json {
            return self.print_json(path);
        }
        score_table(&summary.scores, format).print(format);
        if let Some(cross) = summary.cross_validation.as_ref().filter(|_| format == Format::Table) {
            output::line("");
            fold_table(cross).print(format);
        }
        if format == Format::Table {
            output::line("");
            if let Some(path) = path {
                output::line(&format!("model   {}", path.display()));
            }
            output::line(&format!("blake3  {}", summary.model_blake3));
            output::line(&format!(
                "time    {:.1} s: import {:.1}, training {:.1} ({} rows/s), scoring {:.1}",
                seconds.total,
                seconds.import,
                seconds.train,
                grouped(self.samples_per_second() as u64),
                seconds.score
            ));
        }
        Ok(())
    }

    fn print_json(&self, path: Option<&Path>) -> anyhow::Result<()> {
        let summary = &self.summary;
        let mut all = metrics(&summary.scores)?;
        if let (Some(cross), Some(all)) = (&summary.cross_validation, all.as_object_mut()) {
            all.insert("cross_validation".into(), serde_json::to_value(&cross.pooled)?);
        }
        let data = serde_json::json!({
            "model": { "path": path.map(|path| path.display().to_string()), "blake3": summary.model_blake3, "fit_blake3": summary.fit_blake3 },
            "metrics": all,
            "cross_validation": summary.cross_validation,
            "curve": summary.curve,
            "rows": summary.rows,
            "features": summary.features,
            "inputs": summary.inputs,
            "parameters": summary.parameters,
            "seconds": summary.seconds,
            "samples": summary.samples,
            "samples_per_second": self.samples_per_second(),
            "bytes_read": summary.bytes_read,
            "memory": { "peak_bytes": summary.memory_peak_bytes },
            "ranks": summary.ranks,
            "workers": summary.workers,
            "device": summary.device,
            "numeric_class": summary.numeric_class,
            "notes": self.notes,
        });
        output::json("TrainResult", &data)
    }

    /// Of training rounds.
    fn samples_per_second(&self) -> f64 {
        let seconds = self.summary.seconds.train;
        if seconds > 0.0 { self.summary.samples as f64 / seconds } else { 0.0 }
    }
}

/// Metrics by the part of the data.
pub(crate) fn metrics(scores: &[Score]) -> anyhow::Result<serde_json::Value> {
    let mut metrics = serde_json::Map::new();
    for score in scores {
        metrics.insert(score.part.to_string(), serde_json::to_value(&score.metrics)?);
    }
    Ok(metrics.into())
}

/// One line a part. Programs get every column; people those that say something.
pub(crate) fn score_table(scores: &[Score], format: Format) -> Table {
    let mut table = Table::new(["data", "rows", "logloss", "auc", "accuracy", "f1", "rmse", "mae", "r2"]);
    for score in scores {
        let shown = |value: Option<f64>| match (value, format) {
            (None, _) => "-".to_owned(),
            (Some(value), Format::Csv) => value.to_string(),
            (Some(value), _) => decimals(value),
        };
        let m = &score.metrics;
        let rows = if format == Format::Csv { m.rows.to_string() } else { grouped(m.rows) };
        table.row([
            score.part.to_string(),
            rows,
            shown(m.logloss),
            shown(m.auc),
            shown(m.accuracy),
            shown(m.f1),
            shown(m.rmse),
            shown(m.mae),
            shown(m.r2),
        ]);
    }
    if format == Format::Csv { table } else { table.without_empty_columns() }
}

/// A line for each fold, on the rows that it held out; then their mean, and all rows together.
fn fold_table(cross: &CrossValidation) -> Table {
    const SHOWN: [MetricName; 8] = [
        MetricName::Logloss,
        MetricName::Auc,
        MetricName::Accuracy,
        MetricName::F1,
        MetricName::Rmse,
        MetricName::Mae,
        MetricName::R2,
        MetricName::MeanPerClassError,
    ];
    let mut head = vec!["held out".to_owned(), "rows".into(), "epochs".into()];
    head.extend(SHOWN.map(|metric| metric.name().to_owned()));
    let mut table = Table::with_head(head);
    let dash = || "-".to_owned();
    let mut line = |name: String, metrics: &Metrics, epochs: Option<f64>| {
        let mut cells = vec![name, grouped(metrics.rows), epochs.map_or_else(dash, |epochs| format!("{epochs:.2}"))];
        cells.extend(SHOWN.map(|metric| metric.of(metrics).map_or_else(dash, decimals)));
        table.row_of(cells);
    };
    for fold in &cross.folds {
        line(format!("fold {}", fold.fold + 1), &fold.metrics, Some(fold.epochs));
    }
    if let Some(pooled) = &cross.pooled {
        line("all folds".into(), pooled, None);
    }
    for (name, values) in [("mean", &cross.mean), ("deviation", &cross.deviation)] {
        let mut cells = vec![name.to_owned(), dash(), dash()];
        let shown = |name: &str| {
            let (value, of) = (values.get(name)?, cross.mean.get(name)?);
            Some(near(*value, *of))
        };
        cells.extend(SHOWN.map(|metric| shown(metric.name()).unwrap_or_else(dash)));
        table.row_of(cells);
    }
    table.without_empty_columns()
}

/// Four decimals, or as many digits as a small or large number needs.
pub(crate) fn decimals(value: f64) -> String {
    match value.abs() {
        0.0 | 0.01..1e7 => format!("{value:.4}"),
        _ => format!("{value:.4e}"),
    }
}

/// A deviation, with the decimals of what it is the deviation of.
pub(crate) fn near(value: f64, of: f64) -> String {
    match of.abs() {
        0.01..1e7 => format!("{value:.4}"),
        _ => decimals(value),
    }
}
