//! The result of a training, and tables of scores.

use std::path::Path;

use aquifer_frame::Note;
use aquifer_model::Score;
use aquifer_proto::TrainSummary;

use crate::output::{self, Format, Table, grouped};

/// A trained model's summary, and what was decided about its data.
pub(crate) struct Trained {
    pub(crate) summary: TrainSummary,
    pub(crate) notes: Vec<Note>,
}

impl Trained {
    pub(crate) fn print(&self, path: &Path, format: Format) -> anyhow::Result<()> {
        let summary = &self.summary;
        let seconds = summary.seconds;
        if format == Format::Json {
            return self.print_json(path);
        }
        score_table(&summary.scores, format).print(format);
        if format == Format::Table {
            output::line("");
            output::line(&format!("model   {}", path.display()));
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

    fn print_json(&self, path: &Path) -> anyhow::Result<()> {
        let summary = &self.summary;
        let data = serde_json::json!({
            "model": { "path": path, "blake3": summary.model_blake3, "fit_blake3": summary.fit_blake3 },
            "metrics": metrics(&summary.scores)?,
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

/// Four decimals, or as many digits as a small or large number needs.
fn decimals(value: f64) -> String {
    match value.abs() {
        0.0 | 0.01..1e7 => format!("{value:.4}"),
        _ => format!("{value:.4e}"),
    }
}
