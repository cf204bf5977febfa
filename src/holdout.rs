//! What the folds of a cross-validation predict of the rows that they held out: a Parquet file in row order.

use std::path::Path;
use std::sync::Arc;

use aquifer_frame::{Apply, BLOCK_ROWS, Batch, Folds, SourceOptions, Target};
use aquifer_learn::Workspace;
use aquifer_model::{Kind, Report};
use aquifer_proto::CrossValidation;
use arrow_array::{ArrayRef, Float32Array, Float64Array, StringArray, UInt32Array};
use arrow_schema::{DataType, Field, Schema};
use parquet::arrow::ArrowWriter;

use crate::client::Client;
use crate::commands::predict::{fields, likeliest, table, unwritten};
use crate::data::Data;
use crate::failure::usage;
use crate::newfile::NewFile;
use crate::scan::{Loaded, Scan, Stretch};

/// Writes the predictions. Rows that no fold held out, as they have no target or are on the other side of a split, are there,
/// without one.
pub(crate) async fn write(
    client: &mut Client,
    job: &str,
    cross: &CrossValidation,
    (data, options): (&Data, &SourceOptions),
    path: &Path,
) -> anyhow::Result<()> {
    let Data::Files(files) = data else {
        return Err(usage(
            "predictions_of_frame",
            "predictions of held-out rows are made from files, not from a frame",
        )
        .hint("give the files that the frame was imported from")
        .into());
    };
    let lost = || Report::new(Kind::Work, "no_model", "the models of the folds are not kept");
    let folds: &Folds = cross.assignment.as_ref().ok_or_else(lost)?;
    let folder = tempfile::tempdir()?;
    let mut models = Vec::new();
    for fold in &cross.folds {
        let model = fold.model.as_ref().ok_or_else(lost)?;
        let file = folder.path().join(format!("{}.safetensors", fold.fold));
        client.fetch_model(job, &model.blake3, &file).await?;
        models.push(Loaded::open(&file)?);
    }
    let first = models.first().ok_or_else(lost)?;
    let scan = Scan::open(files, options, &first.model.encoding, Apply::TARGET)?;
    let scan = scan.with_folds(cross.side.clone(), folds.clone());
    tokio::task::block_in_place(|| predict(&scan, folds, &models, path))
}

fn predict(scan: &Scan, folds: &Folds, models: &[Loaded], path: &Path) -> anyhow::Result<()> {
    let Some(first) = models.first() else { return Ok(()) };
    let target = &first.model.encoding.target;
    let fold = Field::new("fold", DataType::UInt32, true);
    let schema = Arc::new(Schema::new([vec![fold], fields(target, true)].concat()));
    let failed = |error| unwritten(path, error);
    let mut writer = ArrowWriter::try_new(NewFile::begin(path)?, schema.clone(), None).map_err(failed)?;
    let trials = models.iter().map(|model| model.trial(None)).collect::<anyhow::Result<Vec<_>>>()?;
    for at in 0..scan.stretches() {
        let (stretch, _) = scan.load(at)?;
        for block in stretch.blocks.clone() {
            let rows = Block::predicted(&stretch, block, scan.rows(), (folds, &trials), target.classes())?;
            writer.write(&table(&schema, rows.columns(target))?).map_err(failed)?;
        }
    }
    writer.into_inner().map_err(failed)?.finish()?;
    Ok(())
}

/// The rows of a block: their folds, and what is said of them.
struct Block {
    folds: Vec<Option<u32>>,
    /// (rows, values of a row): a number, or a probability for each class.
    values: Vec<f64>,
    width: usize,
}

impl Block {
    fn predicted(
        stretch: &Stretch,
        block: u64,
        all_rows: u64,
        (folds, trials): (&Folds, &[(aquifer_learn::Trial, aquifer_model::State)]),
        classes: Option<usize>,
    ) -> Result<Self, Report> {
        let start = block * BLOCK_ROWS;
        let rows = (all_rows.min(start + BLOCK_ROWS) - start) as usize;
        let width = classes.unwrap_or(1);
        let mut made = Self { folds: vec![None; rows], values: vec![0.0; rows * width], width };
        let (mut batch, mut workspace) = (Batch::default(), Workspace::default());
        let mut reader = stretch.reader();
        for (fold, (trial, state)) in trials.iter().enumerate() {
            reader.block_of(Some(folds.held_out(fold as u32)), block, &mut batch)?;
            let network = trial.network();
            let weights = state.vectors.iter().find(|vector| vector.name == "weights");
            let weights = weights.map(|vector| &vector.values[..]).unwrap_or_default();
            let (mut outputs, mut probabilities) = (Vec::new(), Vec::new());
            network.predict(weights, &batch, &mut workspace, &mut outputs);
            let values: Vec<f64> = match classes {
                None => outputs.iter().map(|z| network.value(*z)).collect(),
                Some(_) => {
                    network.probabilities(&outputs, &mut probabilities);
                    probabilities.iter().map(|p| f64::from(*p)).collect()
                }
            };
            for (id, of_row) in batch.ids.iter().zip(values.chunks_exact(width)) {
                let row = (id - start) as usize;
                made.folds[row] = Some(fold as u32 + 1);
                made.values[row * width..(row + 1) * width].copy_from_slice(of_row);
            }
        }
        Ok(made)
    }

    fn columns(&self, target: &Target) -> Vec<ArrayRef> {
        let rows = || self.folds.iter().zip(self.values.chunks_exact(self.width));
        let mut columns: Vec<ArrayRef> = vec![Arc::new(self.folds.iter().copied().collect::<UInt32Array>())];
        match target {
            Target::Regression { .. } => {
                columns.push(Arc::new(rows().map(|(fold, row)| fold.map(|_| row[0])).collect::<Float64Array>()));
            }
            Target::Classes { levels, .. } => {
                let name = |row: &[f64]| levels[likeliest(row)].as_str();
                columns.push(Arc::new(rows().map(|(fold, row)| fold.map(|_| name(row))).collect::<StringArray>()));
                for class in 0..levels.len() {
                    let values = rows().map(|(fold, row)| fold.map(|_| row[class] as f32));
                    columns.push(Arc::new(values.collect::<Float32Array>()));
                }
            }
        }
        columns
    }
}
