//! `aquifer evaluate`: a model's metrics on data with a target.

use std::path::PathBuf;

use aquifer_frame::{Apply, Fold, Node, Target};
use aquifer_learn::{Context, Prepared, RoundKind, Workspace};
use aquifer_model::{AtThreshold, Kind, Metrics, Part, Partial, Report, Score, Scoring};
use aquifer_worker::{Executor, ThreadPool};
use clap::Args;

use crate::evaluation::Evaluation;
use crate::failure::usage;
use crate::options::{SourceArgs, cores};
use crate::output::{self, Format};
use crate::scan::{Loaded, Scan};

/// Score a model on Parquet files that have the target
#[derive(Args)]
#[command(
    after_help = "Gives the same numbers as `aquifer train --test` does on the same data. docs/metrics.md says what each \
    of them is.\n\n\
    Examples:\n  aquifer evaluate model.safetensors test.parquet\n  \
    aquifer evaluate model.safetensors test.parquet --threshold 0.3"
)]
pub(crate) struct Evaluate {
    /// Model file
    model: PathBuf,
    /// Parquet files, folders or globs
    #[arg(required = true)]
    data: Vec<String>,
    /// Of two classes: the probability from which the second one is predicted, in the confusion matrix [default: 0.5]
    #[arg(long, value_name = "P", value_parser = probability)]
    threshold: Option<f64>,
    #[command(flatten)]
    source: SourceArgs,
}

fn probability(text: &str) -> Result<f64, String> {
    let number = text.parse().ok().filter(|number| (0.0..=1.0).contains(number));
    number.ok_or_else(|| "it is not a number from 0 to 1".to_owned())
}

impl Evaluate {
    pub(crate) fn run(self, format: Format) -> anyhow::Result<()> {
        let loaded = Loaded::open(&self.model)?;
        let levels = match &loaded.model.encoding.target {
            Target::Classes { levels, .. } => levels.clone(),
            Target::Regression { .. } => Vec::new(),
        };
        if self.threshold.is_some() && levels.len() != 2 {
            let target = match levels.len() {
                0 => "this model predicts a number".to_owned(),
                classes => format!("this model has {classes} classes"),
            };
            let message = format!("--threshold is for two classes, and {target}");
            return Err(usage("no_threshold", message).hint("leave --threshold out").into());
        }
        let mut scan = Scan::open(&self.data, &self.source.options(), &loaded.model.encoding, Apply::TARGET)?;
        let (metrics, at_threshold) = score(&loaded, &mut scan, self.threshold.unwrap_or(0.5))?;
        let notes = scan.notes()?;
        if format != Format::Json {
            output::say_notes(&notes);
        }
        if metrics.rows == 0 {
            let message = "no row of the data has a target";
            return Err(Report::new(Kind::Data, "target_all_null", message).hint("give data with the target").into());
        }
        match format {
            Format::Json => {
                let data = serde_json::json!({ "model": { "path": self.model.display().to_string(), "blake3": loaded.hash },
                    "rows": metrics.rows, "metrics": metrics, "at_threshold": at_threshold, "levels": levels,
                    "notes": notes });
                output::json("EvaluateResult", &data)
            }
            Format::Csv => Evaluation { metrics, at_threshold, levels }.print_flat(),
            Format::Table => {
                Evaluation { metrics, at_threshold, levels }.print(self.threshold);
                Ok(())
            }
        }
    }
}

/// A scoring round of the trial that made the model, its ranks one after another: the same sums in the same tree.
fn score(loaded: &Loaded, scan: &mut Scan, threshold: f64) -> anyhow::Result<(Metrics, Option<AtThreshold>)> {
    let (trial, mut state) = loaded.trial(Some(scan.rows()))?;
    state.record.position = trial.last_position();
    let position = state.record.position;
    state.record.scores = vec![Score { part: Part::Train, position, metrics: Metrics::default() }];
    assert_eq!(
        trial.round(&state.record),
        RoundKind::Score { part: Part::Test },
        "only the test data is left to score"
    );
    let pool = ThreadPool::new(cores() as usize)?;
    let (mut workspace, prepared) = (Workspace::default(), Prepared::default());
    let mut sum: Fold<Partial> = Fold::default();
    for rank in 0..trial.params().ranks {
        let mut mapped = Ok(Partial { weight: 0.0, vectors: Vec::new() });
        pool.enter(&mut || {
            let context = Context { state: &state, prepared: &prepared, crew: &pool, spare: &mut Vec::new() };
            mapped = trial.map(context, rank, scan, &mut workspace);
        });
        let partial = mapped.map_err(Report::from)?;
        let node = Node { lo: u64::from(rank), n: 1 };
        sum.push(node, (partial.weight != 0.0).then_some(partial), Partial::add);
    }
    let total = sum.finish(Partial::add);
    let scoring = Scoring::of(trial.encoding());
    let at_threshold = total.as_ref().and_then(|total| scoring.at_threshold(total, threshold));
    trial.update_alone(&mut state, total).map_err(Report::from)?;
    let scored = state.record.scores.into_iter().find(|score| score.part == Part::Test);
    Ok((scored.map(|score| score.metrics).unwrap_or_default(), at_threshold))
}
