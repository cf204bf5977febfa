//! `aquifer predict`: a model's predictions, in the order of the rows.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use aquifer_frame::{Apply, Batch, SourceColumn, Target};
use aquifer_learn::{Crew, Network, Workspace};
use aquifer_model::{Kind, Report, nearest};
use aquifer_worker::{Executor, ThreadPool};
use arrow_array::{ArrayRef, Float32Array, Float64Array, RecordBatch, StringArray};
use arrow_schema::{DataType, Field, Schema};
use clap::Args;
use parquet::arrow::ArrowWriter;
use parquet::errors::ParquetError;

use crate::failure::{unwritable, usage};
use crate::newfile::NewFile;
use crate::options::{SourceArgs, cores};
use crate::output::{self, Format, grouped};
use crate::precheck::check_not_input;
use crate::scan::{Loaded, Scan, Stretch};

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
        let mut fields = fields(target, false);
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
        let pool = ThreadPool::new(cores() as usize)?;
        let scorer = Scorer { network, weights, target, kept: &kept, schema, free: Mutex::default() };
        let mut next = (scan.stretches() > 0).then(|| scan.load(0)).transpose()?;
        for at in 0..scan.stretches() {
            let Some((stretch, record)) = next.take() else { break };
            let more = at + 1 < scan.stretches();
            // The next rows are read while these are scored and written.
            next = std::thread::scope(|scope| {
                let reading = more.then(|| scope.spawn(|| scan.load(at + 1)));
                for batch in scorer.score(&stretch, &pool)? {
                    writer.write(&batch).map_err(failed)?;
                }
                let panicked = || Report::new(Kind::Work, "panic", "reading panicked: this is a bug");
                let read = reading.map(|reading| reading.join().unwrap_or_else(|_| Err(panicked()))).transpose();
                read.map_err(anyhow::Error::from)
            })?;
            scan.done(record);
        }
        let notes = scan.notes()?;
        writer.into_inner().map_err(failed)?.finish()?;
        if format != Format::Json {
            output::say_notes(&notes);
        }
        match format {
            Format::Json => {
                let data = serde_json::json!({ "path": self.out.display().to_string(), "rows": scan.rows(), "model": loaded.hash,
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

/// What turns blocks of rows into rows of the result.
struct Scorer<'a> {
    network: &'a Network,
    weights: &'a [f32],
    target: &'a Target,
    kept: &'a [&'a SourceColumn],
    schema: Arc<Schema>,
    /// Memory that no thread is using.
    free: Mutex<Vec<Memory>>,
}

#[derive(Default)]
struct Memory {
    batch: Batch,
    workspace: Workspace,
    outputs: Vec<f32>,
    probabilities: Vec<f32>,
}

impl Scorer<'_> {
    /// The blocks of a stretch, scored side by side, in their order.
    fn score(&self, stretch: &Stretch, pool: &ThreadPool) -> Result<Vec<RecordBatch>, Report> {
        let scored: Vec<_> = stretch.blocks.clone().map(|_| Mutex::new(None)).collect();
        pool.enter(&mut || {
            pool.run(scored.len(), &|at| {
                let free = self.free.lock().ok().and_then(|mut free| free.pop());
                let mut memory = free.unwrap_or_default();
                let batch = self.block(stretch, stretch.blocks.start + at as u64, &mut memory);
                if let (Ok(mut to), Ok(mut free)) = (scored[at].lock(), self.free.lock()) {
                    *to = Some(batch);
                    free.push(memory);
                }
            });
        });
        let lost = || Err(Report::new(Kind::Work, "panic", "scoring panicked: this is a bug"));
        scored.into_iter().map(|batch| batch.into_inner().ok().flatten().unwrap_or_else(lost)).collect()
    }

    fn block(&self, stretch: &Stretch, block: u64, memory: &mut Memory) -> Result<RecordBatch, Report> {
        let Memory { batch, workspace, outputs, probabilities } = memory;
        stretch.reader().block(block, batch)?;
        outputs.clear();
        self.network.predict(self.weights, batch, workspace, outputs);
        let mut columns = match self.target {
            Target::Regression { .. } => {
                vec![Arc::new(outputs.iter().map(|z| self.network.value(*z)).collect::<Float64Array>()) as ArrayRef]
            }
            Target::Classes { levels, .. } => {
                probabilities.clear();
                self.network.probabilities(outputs, probabilities);
                class_columns(levels, probabilities)
            }
        };
        columns.extend(stretch.source_columns(block, self.kept)?);
        table(&self.schema, columns)
    }
}

pub(crate) fn table(schema: &Arc<Schema>, columns: Vec<ArrayRef>) -> Result<RecordBatch, Report> {
    let made = RecordBatch::try_new(schema.clone(), columns);
    made.map_err(|error| Report::new(Kind::Work, "predictions", "the predictions make no table").caused_by(&error))
}

pub(crate) fn unwritten(path: &Path, error: ParquetError) -> Report {
    let io = std::error::Error::source(&error).and_then(|source| source.downcast_ref::<std::io::Error>());
    match io {
        Some(io) => unwritable(path, io),
        None => Report::new(Kind::Work, "write", format!("cannot write {}", path.display())).caused_by(&error),
    }
}

/// The columns that predictions of a target have. Nullable: of rows that may have none.
pub(crate) fn fields(target: &Target, nullable: bool) -> Vec<Field> {
    match target {
        Target::Regression { .. } => vec![Field::new("predict", DataType::Float64, nullable)],
        Target::Classes { levels, .. } => {
            let probability = |level: &String| Field::new(format!("p_{level}"), DataType::Float32, nullable);
            [Field::new("predict", DataType::Utf8, nullable)]
                .into_iter()
                .chain(levels.iter().map(probability))
                .collect()
        }
    }
}

/// The most probable class.
pub(crate) fn likeliest<T: PartialOrd>(row: &[T]) -> usize {
    match row {
        [first, second] => usize::from(second >= first),
        _ => (1..row.len()).fold(0, |best, at| if row[at] > row[best] { at } else { best }),
    }
}

/// The most probable class (the first of equal ones, and of two the second from one half on), and each probability.
fn class_columns(levels: &[String], probabilities: &[f32]) -> Vec<ArrayRef> {
    let classes = levels.len();
    let rows = probabilities.chunks_exact(classes);
    let predict: StringArray = rows.clone().map(|row| Some(levels[likeliest(row)].as_str())).collect();
    let column = |class: usize| {
        let values = rows.clone().map(|row| row[class]);
        Arc::new(Float32Array::from_iter_values(values)) as ArrayRef
    };
    [Arc::new(predict) as ArrayRef].into_iter().chain((0..classes).map(column)).collect()
}
