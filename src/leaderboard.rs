//! The result of a search: its leaderboard, the best model, the curves.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::path::{Path, PathBuf};

use aquifer_frame::Note;
use aquifer_model::{Kind, MetricName, Report, model_file_name};
use aquifer_proto::{CandidateStatus, LeaderboardEntry, SearchSummary};

use crate::client::Client;
use crate::curves::{Candidate, Curves, Point};
use crate::failure::unwritable;
use crate::newfile::NewFile;
use crate::output::{self, Format, Table, grouped};
use crate::scores::{decimals, metrics, near};

/// Lines of a leaderboard that people are shown; programs get all.
const SHOWN: usize = 50;
/// Candidates of a plot.
const DRAWN: usize = 8;

/// A search that has ended.
pub(crate) struct Board {
    summary: SearchSummary,
    notes: Vec<Note>,
    /// The best model's file.
    best: Option<PathBuf>,
}

impl Board {
    pub(crate) fn new(summary: SearchSummary, notes: Vec<Note>) -> Self {
        Self { summary, notes, best: None }
    }

    /// Writes the best model: where it is asked for, or under its hash.
    pub(crate) async fn take_best(
        &mut self,
        client: &mut Client,
        out: Option<&Path>,
        dir: &Path,
    ) -> anyhow::Result<()> {
        let first = self.summary.leaderboard.first().and_then(|entry| entry.model.as_ref());
        let Some(model) = first.filter(|model| model.kept) else { return Ok(()) };
        let path = match out {
            Some(out) => out.to_owned(),
            None => models_folder(dir)?.join(model_file_name(&model.blake3)),
        };
        client.fetch_model(&self.summary.job, &model.blake3, &path).await?;
        self.best = Some(path);
        Ok(())
    }

    pub(crate) fn plot(&self, path: &Path) -> anyhow::Result<()> {
        let placed: Vec<&LeaderboardEntry> =
            self.summary.leaderboard.iter().filter(|entry| entry.place.is_some()).collect();
        let candidates: Vec<Candidate> = placed.iter().take(DRAWN).map(|entry| self.curve(entry)).collect();
        let watched = &self.summary.watched;
        let held_out = placed.iter().any(|entry| entry.cross_validation.is_some());
        let curves = Curves {
            title: format!("Search {}", self.summary.job),
            metric: if held_out { format!("{watched} (held-out rows)") } else { watched.clone() },
            larger_is_better: MetricName::ALL.iter().any(|m| m.name() == watched && m.larger_is_better()),
            left_out: placed.len() - candidates.len(),
            candidates,
        };
        let mut file = NewFile::begin(path)?;
        file.write_all(curves.svg().as_bytes()).map_err(|error| unwritable(path, &error))?;
        file.finish()?;
        Ok(())
    }

    fn curve(&self, entry: &LeaderboardEntry) -> Candidate {
        let rows = self.summary.rows.max(1) as f64;
        let points = |curve: &[aquifer_model::CurvePoint]| {
            let point = |p: &aquifer_model::CurvePoint| Point {
                epochs: p.position as f64 / rows,
                loss: p.loss,
                value: p.value,
            };
            curve.iter().map(point).collect()
        };
        let folds = match &entry.cross_validation {
            Some(cross) => cross.folds.iter().map(|fold| points(&fold.curve)).collect(),
            None => vec![points(&entry.curve)],
        };
        let params: Vec<String> = entry.params.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let place = entry.place.map_or_else(String::new, |place| format!("{place}: "));
        Candidate { label: format!("{place}{}", params.join(", ")), folds }
    }

    /// Prints what there is of it, maybe while the search is at work.
    pub(crate) fn print_so_far(&self, format: Format) -> anyhow::Result<()> {
        match format {
            Format::Json => self.print_json()?,
            Format::Csv => self.table(usize::MAX, format).print(format),
            Format::Table => self.print_table(),
        }
        Ok(())
    }

    /// Prints it; that some candidates failed is an error of its own kind.
    pub(crate) fn print(&self, format: Format) -> anyhow::Result<()> {
        self.print_so_far(format)?;
        let SearchSummary { failed, leaderboard, .. } = &self.summary;
        match (*failed, leaderboard.len() as u64) {
            (0, 1..) => Ok(()),
            (_, 0) => Err(Report::new(Kind::Work, "no_candidates", "no candidate began")
                .hint("raise max_runtime_secs, or look at [search.params]")
                .into()),
            (failed, all) => {
                let message = format!("{} of {} candidates failed", grouped(failed), grouped(all));
                let (kind, hint) = match failed == all {
                    true => (Kind::Work, "each reason stands in the leaderboard"),
                    false => (Kind::Partly, "each reason stands in the leaderboard; the others are done"),
                };
                Err(Report::new(kind, "candidates_failed", message).hint(hint).into())
            }
        }
    }

    fn print_table(&self) {
        let SearchSummary { leaderboard, metric, not_begun, not_begun_reason, .. } = &self.summary;
        self.table(SHOWN, Format::Table).print(Format::Table);
        if leaderboard.len() > SHOWN {
            output::line(&format!(
                "… and {} more: `--output csv` has all",
                grouped((leaderboard.len() - SHOWN) as u64)
            ));
        }
        let mut reasons: BTreeMap<&str, Vec<String>> = BTreeMap::new();
        for entry in leaderboard {
            if let Some(reason) = &entry.reason {
                reasons.entry(&reason.message).or_default().push((entry.candidate + 1).to_string());
            }
        }
        output::line("");
        for (reason, candidates) in reasons {
            let which = if candidates.len() == 1 { "candidate" } else { "candidates" };
            let shown = candidates.iter().take(10).cloned().collect::<Vec<_>>().join(", ");
            let more =
                if candidates.len() > 10 { format!(", … ({} in all)", candidates.len()) } else { String::new() };
            output::line(&output::escape(&format!("failed  {which} {shown}{more}: {reason}")));
        }
        if let (1.., Some(reason)) = (not_begun, not_begun_reason) {
            output::line(&format!("not begun  {} candidates: {reason}", grouped(*not_begun)));
        }
        let seconds = self.summary.seconds;
        output::line(&format!("job     {}   (sorted by {metric})", self.summary.job));
        if let Some(path) = &self.best {
            output::line(&format!("best    {}", path.display()));
        }
        if let Some(model) = leaderboard.first().and_then(|entry| entry.model.as_ref()) {
            output::line(&format!("blake3  {}", model.blake3));
        }
        let rate = if seconds > 0.0 { self.summary.samples as f64 / seconds } else { 0.0 };
        let (rows, rate) = (grouped(self.summary.samples), grouped(rate as u64));
        output::line(&format!("time    {seconds:.1} s: {rows} rows trained on ({rate} rows/s)"));
    }

    /// Columns for the parameters that differ.
    fn table(&self, lines: usize, format: Format) -> Table {
        let leaderboard = &self.summary.leaderboard;
        let names: BTreeSet<&String> = leaderboard.iter().flat_map(|entry| entry.params.keys()).collect();
        let mut head: Vec<String> = vec!["place".into(), "candidate".into()];
        head.extend(names.iter().map(|name| (*name).clone()));
        let csv = format == Format::Csv;
        match csv {
            true => head.extend([self.summary.metric.clone(), "deviation".into()]),
            false => head.push(self.summary.metric.clone()),
        }
        head.extend(["epochs", "seconds", "status"].map(str::to_owned));
        if csv {
            head.extend(["fit_blake3", "reason"].map(str::to_owned));
        }
        let mut table = Table::with_head(head);
        for entry in leaderboard.iter().take(lines) {
            let dash = || "-".to_owned();
            let mut cells = vec![entry.place.map_or_else(dash, |place| place.to_string())];
            cells.push((entry.candidate + 1).to_string());
            cells.extend(names.iter().map(|name| entry.params.get(*name).map_or_else(dash, shown)));
            match csv {
                true => cells.extend([entry.value, entry.deviation].map(|x| x.map_or_else(dash, |x| x.to_string()))),
                false => cells.push(match (entry.value, entry.deviation) {
                    (None, _) => dash(),
                    (Some(value), None) => decimals(value),
                    (Some(value), Some(deviation)) => format!("{} ± {}", decimals(value), near(deviation, value)),
                }),
            }
            let number = |x: f64, digits| if csv { x.to_string() } else { format!("{x:.digits$}") };
            cells.extend([number(entry.epochs, 2), number(entry.seconds, 1), status(entry.status).to_owned()]);
            if csv {
                cells.push(entry.model.as_ref().map_or_else(dash, |model| model.fit_blake3.clone()));
                cells.push(entry.reason.as_ref().map_or_else(dash, |reason| reason.message.clone()));
            }
            table.row_of(cells);
        }
        table
    }

    fn print_json(&self) -> anyhow::Result<()> {
        let entry = |entry: &LeaderboardEntry| -> anyhow::Result<serde_json::Value> {
            let mut metrics = metrics(&entry.scores)?;
            if let (Some(cross), Some(all)) = (&entry.cross_validation, metrics.as_object_mut()) {
                all.insert("cross_validation".into(), serde_json::to_value(&cross.pooled)?);
            }
            Ok(serde_json::json!({
                "place": entry.place, "candidate": entry.candidate + 1, "params": entry.params, "value": entry.value,
                "deviation": entry.deviation, "metrics": metrics, "cross_validation": entry.cross_validation,
                "epochs": entry.epochs, "seconds": entry.seconds, "status": entry.status, "reason": entry.reason,
                "model": entry.model, "stop_at": entry.stop_at,
            }))
        };
        let summary = &self.summary;
        let leaderboard = summary.leaderboard.iter().map(entry).collect::<anyhow::Result<Vec<_>>>()?;
        let data = serde_json::json!({
            "job": summary.job, "metric": summary.metric, "leaderboard": leaderboard, "best": self.best.as_ref().map(|path| path.display().to_string()),
            "failed": summary.failed, "not_begun": summary.not_begun, "not_begun_reason": summary.not_begun_reason,
            "seconds": summary.seconds, "samples": summary.samples, "workers": summary.workers, "notes": self.notes,
        });
        output::json("GridResult", &data)
    }
}

/// A parameter as TOML has it.
fn shown(value: &serde_json::Value) -> String {
    match value {
        serde_json::Value::String(text) => text.clone(),
        serde_json::Value::Array(items) => format!("[{}]", items.iter().map(shown).collect::<Vec<_>>().join(", ")),
        other => other.to_string(),
    }
}

fn status(status: CandidateStatus) -> &'static str {
    match status {
        CandidateStatus::Done => "done",
        CandidateStatus::Stopped => "stopped",
        CandidateStatus::Failed => "failed",
    }
}

pub(crate) fn models_folder(dir: &Path) -> Result<PathBuf, Report> {
    let folder = dir.join("models");
    std::fs::create_dir_all(&folder).map_err(|error| unwritable(&folder, &error))?;
    Ok(folder)
}
