//! A model and data that streams past it: shards are made in memory, one at a time, and leave no file.

use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use aquifer_frame::{
    Apply, BLOCK_ROWS, Batch, Columns, EncodedFrame, Encoding, Frame, Mixing, Note, Plan, Reader, Shard, ShardRecord,
    SourceColumn, SourceOptions, block_count, block_rows, import_shard_in_memory, plan,
};
use aquifer_learn::{Isa, PartRows, ReadError, Rows, Trial};
use aquifer_model::{Kind, Model, Report, State, model_hash};
use arrow_array::ArrayRef;

use crate::data::survey_files;
use crate::failure::usage;

/// A model file, ready to predict.
pub(crate) struct Loaded {
    pub(crate) model: Model,
    pub(crate) hash: String,
}

impl Loaded {
    pub(crate) fn open(path: &Path) -> anyhow::Result<Self> {
        let bytes = std::fs::read(path).map_err(|error| {
            usage("no_model", format!("cannot read the model {}", path.display()))
                .hint("give the file that `aquifer train --out FILE` wrote")
                .caused_by(&error)
        })?;
        let in_file = |mut report: Report| {
            report.message = format!("{}: {}", path.display(), report.message);
            report
        };
        let model = Model::from_bytes(&bytes).map_err(|error| in_file(error.into()))?;
        Ok(Self { model, hash: model_hash(&bytes) })
    }

    /// The trial that made the model, with `test_rows` rows to score, and its state after training.
    pub(crate) fn trial(&self, test_rows: Option<u64>) -> anyhow::Result<(Trial, State)> {
        let Model { spec, encoding, tensors, .. } = &self.model;
        let rows = PartRows { train: spec.rows, validation: None, test: test_rows };
        let trial = Trial::new(spec.params.clone(), Arc::new(encoding.clone()), rows, Isa::detect());
        let trial = trial.map_err(Report::from)?;
        let weights = trial.network().weights_from_tensors(tensors).map_err(Report::from)?;
        let mut state = trial.initial_state();
        if let Some(vector) = state.vectors.iter_mut().find(|vector| vector.name == "weights") {
            vector.values = weights;
        }
        Ok((trial, state))
    }
}

/// Files in the order of their rows, encoded for a model.
pub(crate) struct Scan {
    plan: Plan,
    encoding: Arc<Encoding>,
    apply: Apply,
    /// The shard that was read last, and its reader.
    current: Option<(Arc<Shard>, Reader)>,
    /// Of the shards that were read, for what there is to say of the data as a whole.
    records: Vec<ShardRecord>,
}

impl Scan {
    /// Reads footers only, and checks that the columns are those of the encoding.
    pub(crate) fn open(
        files: &[String],
        options: &SourceOptions,
        encoding: &Encoding,
        apply: Apply,
    ) -> Result<Self, Report> {
        let plan = plan(survey_files(files, options).map_err(|report| match report.code.as_str() {
            "no_such_file" => report.hint("give files: for a frame, those that it was imported from"),
            _ => report,
        })?);
        encoding.check_schema(&plan.columns, apply)?;
        Ok(Self { plan, encoding: Arc::new(encoding.clone()), apply, current: None, records: Vec::new() })
    }

    /// What there is to say of the data: known once all of it was read.
    pub(crate) fn notes(&mut self) -> Result<Vec<Note>, Report> {
        let frame = Frame::merge(&self.plan, std::mem::take(&mut self.records))?;
        Ok(self.encoding.check(&frame, self.apply)?)
    }

    pub(crate) fn rows(&self) -> u64 {
        self.plan.rows
    }

    pub(crate) fn blocks(&self) -> Range<u64> {
        0..block_count(self.plan.rows)
    }

    /// Rows of a block in natural order.
    pub(crate) fn read(&mut self, block: u64, batch: &mut Batch) -> Result<(), Report> {
        if self.current.as_ref().is_none_or(|(_, reader)| !reader.blocks().contains(&block)) {
            self.current = Some(self.open_shard(block)?);
        }
        match &mut self.current {
            Some((_, reader)) => Ok(reader.block(block, batch)?),
            None => Ok(()),
        }
    }

    /// Columns of the block that was read last, as they are in the source.
    pub(crate) fn source_columns(&self, block: u64, columns: &[&SourceColumn]) -> Result<Vec<ArrayRef>, Report> {
        let Some((shard, _)) = &self.current else { return Ok(Vec::new()) };
        let rows = block_rows(block, self.plan.rows);
        columns.iter().map(|column| Ok(shard.source_column(column, rows.clone())?)).collect()
    }

    pub(crate) fn columns(&self) -> &[SourceColumn] {
        &self.plan.columns
    }

    fn open_shard(&mut self, block: u64) -> Result<(Arc<Shard>, Reader), Report> {
        self.current = None; // two shards are never in memory at once
        let row = block * BLOCK_ROWS;
        let at = self.plan.shards.iter().position(|rows| rows.contains(&row));
        let at = at.ok_or_else(|| Report::new(Kind::Work, "plan", format!("no shard has row {row}")))?;
        let (shard, record) = import_shard_in_memory(&self.plan, at)?;
        self.encoding.check_shard(&record, self.apply)?;
        self.records.push(record);
        let shard = Arc::new(shard);
        let rows = self.plan.shards[at].clone();
        let blocks = rows.start / BLOCK_ROWS..block_count(rows.end);
        let frame = EncodedFrame::new(self.plan.rows, vec![shard.clone()], self.encoding.clone(), self.apply)?;
        Ok((shard, Reader::new(Arc::new(frame), blocks, 0, 0, Mixing::Rows)))
    }
}

impl Rows for Scan {
    fn shuffled(&mut self, _: u64, _: Range<u64>, _: &mut Batch) -> Result<(), ReadError> {
        Err("a scan has no order but the rows' own".into())
    }

    fn columns(&mut self, _: u64, _: Range<u64>, _: &mut Columns) -> Result<(), ReadError> {
        Err("a scan has no order but the rows' own".into())
    }

    fn block(&mut self, block: u64, batch: &mut Batch) -> Result<(), ReadError> {
        self.read(block, batch).map_err(ReadError::from)
    }
}
