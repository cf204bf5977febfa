//! `aquifer predict`: a model's predictions, in the order of the rows.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use aquifer_frame::{Apply, Batch, SourceColumn, Target};
use aquifer_learn::Workspace;
use aquifer_model::{Kind, Report, nearest};
use arrow_array::{ArrayRef, Float32Array, Float64Array, RecordBatch, StringArray};
use arrow_schema::{DataType, Field, Schema};
use clap::Args;
use parquet::arrow::ArrowWriter;
use parquet::errors::ParquetError;

use crate::dir::unwritable;
use crate::failure::usage;
use crate::newfile::NewFile;
use crate::options::SourceArgs;
use crate::output::{self, Format, grouped};
use crate::precheck::check_not_input;
use crate::scan::{Loaded, Scan};

/// Predict the rows of Parquet files
#[derive(Args)]
#[command(after_help = "The predictions stand in the order of the rows; the data needs no target.\n\n\
    Example:\n  aquifer predict model.safetensors new.parquet --out predictions.parquet")]
pub(crate) struct Predict {
    /// Model file
    model: PathBuf,
    /// Parquet files, folders or globs
    #[arg(required = true)]
    data: Vec<String>,
    /// Parquet file to write: `predict`, and for classes one `p_LEVEL` each
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// Column of the data to write beside the predictions; may be repeated
    #[arg(long, value_name = "COLUMN")]
    keep: Vec<String>,
    /// What a missing feature column is: an error, or missing in every row [default: error]
    #[arg(long, value_name = "error|impute", value_parser = ["error", "impute"], default_value = "error", hide_default_value = true)]
    missing_columns: String,
    #[command(flatten)]
    source: SourceArgs,
}

impl Predict {
    fn kept(&self, columns: &[SourceColumn]) -> Result<Vec<SourceColumn>, Report> {
        let find = |name: &String| match columns.iter().find(|column| column.name == *name) {
            Some(column) => Ok(column.clone()),
            None => {
                let near = nearest(name, columns.iter().map(|column| column.name.as_str()));
                let report =
                    Report::new(Kind::Data, "unknown_column", format!("the column to keep, {name:?}, is not there"));
                Err(match near {
                    Some(near) => report.hint(format!("did you mean `{near}`?")),
                    None => report,
                })
            }
        };
        self.keep.iter().map(find).collect()
    }

    pub(crate) fn run(self, format: Format) -> anyhow::Result<()> {
        let loaded = Loaded::open(&self.model)?;
        let apply = Apply { with_target: false, impute_absent: self.missing_columns == "impute" };
        let mut scan = Scan::open(&self.data, &self.source.options(), &loaded.model.encoding, apply)?;
        let kept = self.kept(scan.columns())?;
        let kept: Vec<&SourceColumn> = kept.iter().collect();
        check_not_input(&self.out, &self.data)?;
        let (trial, state) = loaded.trial(None)?;
        let network = trial.network();
        let weights = state.vectors.iter().find(|vector| vector.name == "weights").map(|vector| &vector.values[..]);
        let weights = weights.unwrap_or_default();

        let target = &loaded.model.encoding.target;
        let mut fields = fields(target);
        for column in &kept {
            if fields.iter().any(|field| *field.name() == column.name) {
                let message =
                    format!("the column `{}` cannot be kept: the predictions have one of that name", column.name);
                return Err(usage("kept_name", message).hint("rename it in the data").into());
            }
            fields.push(Field::new(&column.name, column.arrow_type(), true));
        }
        let schema = Arc::new(Schema::new(fields));
        let file = NewFile::begin(&self.out)?;
        let failed = |error: ParquetError| unwritten(&self.out, error);
        let mut writer = ArrowWriter::try_new(file, schema.clone(), None).map_err(failed)?;
        let (mut batch, mut workspace) = (Batch::default(), Workspace::default());
        let (mut outputs, mut probabilities) = (Vec::new(), Vec::new());
        for block in scan.blocks() {
            scan.read(block, &mut batch)?;
            outputs.clear();
            network.predict(weights, &batch, &mut workspace, &mut outputs);
            let mut columns = match target {
                Target::Regression { .. } => {
                    vec![Arc::new(outputs.iter().map(|z| network.value(*z)).collect::<Float64Array>()) as ArrayRef]
                }
                Target::Classes { levels, .. } => {
                    probabilities.clear();
                    network.probabilities(&outputs, &mut probabilities);
                    class_columns(levels, &probabilities)
                }
            };
            columns.extend(scan.source_columns(block, &kept)?);
            let rows = RecordBatch::try_new(schema.clone(), columns)?;
            writer.write(&rows).map_err(failed)?;
        }
        let notes = scan.notes()?;
        writer.into_inner().map_err(failed)?.finish()?;
        if format != Format::Json {
            output::say_notes(&notes);
        }
        match format {
            Format::Json => {
                let data = serde_json::json!({ "path": self.out, "rows": scan.rows(), "model": loaded.hash,
                    "notes": notes });
                output::json("PredictResult", &data)
            }
            Format::Table | Format::Csv => {
                output::line(&format!("{} predictions in {}", grouped(scan.rows()), self.out.display()));
                Ok(())
            }
        }
    }
}

fn unwritten(path: &Path, error: ParquetError) -> Report {
    let io = std::error::Error::source(&error).and_then(|source| source.downcast_ref::<std::io::Error>());
    match io {
        Some(io) => unwritable(path, io),
        None => Report::new(Kind::Work, "write", format!("cannot write {}", path.display())).caused_by(&error),
    }
}

fn fields(target: &Target) -> Vec<Field> {
    match target {
        Target::Regression { .. } => vec![Field::new("predict", DataType::Float64, false)],
        Target::Classes { levels, .. } => {
            let probability = |level: &String| Field::new(format!("p_{level}"), DataType::Float32, false);
            [Field::new("predict", DataType::Utf8, false)].into_iter().chain(levels.iter().map(probability)).collect()
        }
    }
}

/// The most probable class (the first of equal ones, and of two the second from one half on), and each probability.
fn class_columns(levels: &[String], probabilities: &[f32]) -> Vec<ArrayRef> {
    let classes = levels.len();
    let rows = probabilities.chunks_exact(classes);
    let likeliest = |row: &[f32]| match row {
        [first, second] => usize::from(second >= first),
        _ => (1..classes).fold(0, |best, at| if row[at] > row[best] { at } else { best }),
    };
    let predict: StringArray = rows.clone().map(|row| Some(levels[likeliest(row)].as_str())).collect();
    let column = |class: usize| {
        let values = rows.clone().map(|row| row[class]);
        Arc::new(Float32Array::from_iter_values(values)) as ArrayRef
    };
    [Arc::new(predict) as ArrayRef].into_iter().chain((0..classes).map(column)).collect()
}
