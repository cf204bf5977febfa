//! `aquifer evaluate`: a model's metrics on data with a target.

use std::path::PathBuf;

use aquifer_frame::{Fold, Node, Target};
use aquifer_learn::RoundKind;
use aquifer_model::{Kind, Metrics, Part, Partial, Report, Score};
use clap::Args;

use crate::output::{self, Format, Table, grouped};
use crate::scan::{Loaded, Scan};

/// Score a model on Parquet files that have the target
#[derive(Args)]
#[command(after_help = "Gives the same numbers as `aquifer train --test` does on the same data.\n\n\
    Example:\n  aquifer evaluate model.safetensors test.parquet")]
pub(crate) struct Evaluate {
    /// Model file
    model: PathBuf,
    /// Parquet files, folders or globs
    #[arg(required = true)]
    data: Vec<String>,
}

impl Evaluate {
    pub(crate) fn run(self, format: Format) -> anyhow::Result<()> {
        let loaded = Loaded::open(&self.model)?;
        let mut scan = Scan::open(&self.data, &loaded.model.encoding, true)?;
        let metrics = score(&loaded, &mut scan)?;
        if format != Format::Json {
            output::say_notes(scan.notes.values());
        }
        if metrics.rows == 0 {
            let message = "no row of the data has a target";
            return Err(Report::new(Kind::Data, "target_all_null", message).hint("give data with the target").into());
        }
        let levels = match &loaded.model.encoding.target {
            Target::Classes { levels, .. } => levels.clone(),
            Target::Regression { .. } => Vec::new(),
        };
        match format {
            Format::Json => {
                let data = serde_json::json!({ "model": { "path": self.model, "blake3": loaded.hash },
                    "rows": metrics.rows, "metrics": metrics, "levels": levels,
                    "notes": scan.notes.values().collect::<Vec<_>>() });
                output::json("EvaluateResult", &data)
            }
            Format::Table | Format::Csv => {
                print(&metrics, &levels, format);
                Ok(())
            }
        }
    }
}

/// A scoring round of the trial that made the model, its ranks one after another: the same sums in the same tree.
fn score(loaded: &Loaded, scan: &mut Scan) -> anyhow::Result<Metrics> {
    let (trial, mut state) = loaded.trial(Some(scan.rows()))?;
    state.record.position = trial.last_position();
    let position = state.record.position;
    state.record.scores = vec![Score { part: Part::Train, position, metrics: Metrics::default() }];
    assert_eq!(
        trial.round(&state.record),
        RoundKind::Score { part: Part::Test },
        "only the test data is left to score"
    );
    let mut workspace = aquifer_learn::Workspace::default();
    let mut sum: Fold<Partial> = Fold::default();
    for rank in 0..trial.params().ranks {
        let partial = trial.map(&state, rank, scan, &mut workspace).map_err(Report::from)?;
        let node = Node { lo: u64::from(rank), n: 1 };
        sum.push(node, (partial.weight != 0.0).then_some(partial), Partial::add);
    }
    trial.update(&mut state, sum.finish(Partial::add)).map_err(Report::from)?;
    let scored = state.record.scores.into_iter().find(|score| score.part == Part::Test);
    Ok(scored.map(|score| score.metrics).unwrap_or_default())
}

fn print(metrics: &Metrics, levels: &[String], format: Format) {
    let mut table = Table::new(["metric", "value"]);
    let mut say = |name: &str, value: Option<String>| {
        if let Some(value) = value {
            table.row([name.to_owned(), value]);
        }
    };
    let csv = format == Format::Csv;
    let number = |value: Option<f64>| value.map(|value| if csv { value.to_string() } else { format!("{value:.6}") });
    say("rows", Some(if csv { metrics.rows.to_string() } else { grouped(metrics.rows) }));
    say("logloss", number(metrics.logloss));
    say("auc", number(metrics.auc));
    say(
        "auc resolution",
        metrics.auc_resolution.map(|value| if csv { value.to_string() } else { format!("±{value:.1e}") }),
    );
    say("accuracy", number(metrics.accuracy));
    say("rmse", number(metrics.rmse));
    say("mae", number(metrics.mae));
    table.print(format);
    let Some(counts) = metrics.confusion.as_ref().filter(|_| format == Format::Table) else { return };
    output::line("");
    let mut head = vec!["actual \\ predicted".to_owned()];
    head.extend(levels.iter().cloned());
    let mut confusion = Table::with_head(head);
    for (level, row) in levels.iter().zip(counts.chunks(levels.len())) {
        let cells = row.iter().map(|count| grouped(*count));
        confusion.row_of([level.clone()].into_iter().chain(cells).collect());
    }
    confusion.print(format);
}
