//! A model and data that streams past it: shards are made in memory, one or two at a time, and leave no file.

use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use aquifer_frame::{
    Apply, BLOCK_ROWS, Batch, Columns, EncodedFrame, Encoding, Folds, Frame, Mixing, Note, Plan, Reader, Shard,
    ShardRecord, Side, SourceColumn, SourceOptions, block_count, block_rows, import_shard_in_memory, plan,
};
use aquifer_learn::{Isa, PartRows, ReadError, Rows, Trial};
use aquifer_model::{Kind, Model, Report, State, model_hash};
use arrow_array::ArrayRef;

use crate::data::survey_files;
use crate::failure::usage;
use crate::given::read_model;

/// A model file, ready to predict.
pub(crate) struct Loaded {
    pub(crate) model: Model,
    pub(crate) hash: String,
}

impl Loaded {
    pub(crate) fn open(path: &Path) -> anyhow::Result<Self> {
        let bytes = read_model(path).map_err(|error| {
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
        let rows = PartRows { train: spec.rows, validation: None, holdout: None, test: test_rows };
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
    side: Option<Side>,
    folds: Option<Folds>,
    /// The stretch that was read last, and its reader.
    current: Option<(Stretch, Reader)>,
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
        let (encoding, side, folds) = (Arc::new(encoding.clone()), None, None);
        Ok(Self { plan, encoding, apply, side, folds, current: None, records: Vec::new() })
    }

    /// Rows know which fold of a cross-validation held them out; those on the other side of a split are in none.
    pub(crate) fn with_folds(self, side: Option<Side>, folds: Folds) -> Self {
        Self { side, folds: Some(folds), ..self }
    }

    /// What there is to say of the data: known once all of it was read.
    pub(crate) fn notes(&mut self) -> Result<Vec<Note>, Report> {
        let frame = Frame::merge(&self.plan, std::mem::take(&mut self.records))?;
        Ok(self.encoding.check(&frame, self.apply)?)
    }

    pub(crate) fn rows(&self) -> u64 {
        self.plan.rows
    }

    /// Rows of a block in natural order.
    pub(crate) fn read(&mut self, block: u64, batch: &mut Batch) -> Result<(), Report> {
        if self.current.as_ref().is_none_or(|(stretch, _)| !stretch.blocks.contains(&block)) {
            self.current = None; // two are never in memory at once
            let at = self.plan.shards.iter().position(|rows| rows.contains(&(block * BLOCK_ROWS)));
            let at = at.ok_or_else(|| Report::new(Kind::Work, "plan", format!("no shard has block {block}")))?;
            let (stretch, record) = self.load(at)?;
            self.records.push(record);
            let reader = stretch.reader();
            self.current = Some((stretch, reader));
        }
        match &mut self.current {
            Some((_, reader)) => Ok(reader.block(block, batch)?),
            None => Ok(()),
        }
    }

    /// How many stretches the files are read in.
    pub(crate) fn stretches(&self) -> usize {
        self.plan.shards.len()
    }

    /// Reads a stretch into memory.
    pub(crate) fn load(&self, at: usize) -> Result<(Stretch, ShardRecord), Report> {
        let (shard, record) = import_shard_in_memory(&self.plan, at)?;
        self.encoding.check_shard(&record, self.apply)?;
        let (shard, rows) = (Arc::new(shard), self.plan.shards[at].clone());
        let blocks = rows.start / BLOCK_ROWS..block_count(rows.end);
        let frame = EncodedFrame::new(self.plan.rows, vec![shard.clone()], self.encoding.clone(), self.apply)?;
        let frame = frame.with_side(self.side.clone())?.with_folds(self.folds.clone())?;
        Ok((Stretch { shard, frame: Arc::new(frame), blocks }, record))
    }

    /// A stretch has been read to its end: what it holds has a part in [`Scan::notes`].
    pub(crate) fn done(&mut self, record: ShardRecord) {
        self.records.push(record);
    }

    pub(crate) fn columns(&self) -> &[SourceColumn] {
        &self.plan.columns
    }
}

/// Consecutive blocks of the files, in memory, for any number of threads.
pub(crate) struct Stretch {
    shard: Arc<Shard>,
    frame: Arc<EncodedFrame>,
    pub(crate) blocks: Range<u64>,
}

impl Stretch {
    /// Reads its blocks in their natural order.
    pub(crate) fn reader(&self) -> Reader {
        Reader::new(self.frame.clone(), self.blocks.clone(), 0, 0, Mixing::Rows)
    }

    /// Columns of a block, as they are in the source.
    pub(crate) fn source_columns(&self, block: u64, columns: &[&SourceColumn]) -> Result<Vec<ArrayRef>, Report> {
        let rows = block_rows(block, self.frame.rows());
        columns.iter().map(|column| Ok(self.shard.source_column(column, rows.clone())?)).collect()
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
