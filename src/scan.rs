//! A model and data that streams past it: shards are made in memory, one at a time, and leave no file.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use aquifer_frame::{
    BLOCK_ROWS, Batch, EncodedFrame, Encoding, Note, Plan, Reader, block_count, import_shard_in_memory, plan,
};
use aquifer_learn::{Isa, PartRows, ReadError, Rows, Trial};
use aquifer_model::{Kind, Model, Report, State, model_hash};

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
    with_target: bool,
    /// The reader of the shard that was read last.
    current: Option<Reader>,
    /// What there was to say, each thing once.
    pub(crate) notes: BTreeMap<String, Note>,
}

impl Scan {
    /// Reads footers only, and checks that the columns are those of the encoding.
    pub(crate) fn open(files: &[String], encoding: &Encoding, with_target: bool) -> Result<Self, Report> {
        let plan = plan(survey_files(files).map_err(|report| match report.code.as_str() {
            "no_such_file" => report.hint("give files: for a frame, those that it was imported from"),
            _ => report,
        })?);
        encoding.check_schema(&plan.columns, with_target)?;
        Ok(Self { plan, encoding: Arc::new(encoding.clone()), with_target, current: None, notes: BTreeMap::new() })
    }

    pub(crate) fn rows(&self) -> u64 {
        self.plan.rows
    }

    pub(crate) fn blocks(&self) -> Range<u64> {
        0..block_count(self.plan.rows)
    }

    /// Rows of a block in natural order.
    pub(crate) fn read(&mut self, block: u64, batch: &mut Batch) -> Result<(), Report> {
        if self.current.as_ref().is_none_or(|reader| !reader.blocks().contains(&block)) {
            self.current = Some(self.open_shard(block)?);
        }
        match &mut self.current {
            Some(reader) => Ok(reader.block(block, batch)?),
            None => Ok(()),
        }
    }

    fn open_shard(&mut self, block: u64) -> Result<Reader, Report> {
        self.current = None; // two shards are never in memory at once
        let row = block * BLOCK_ROWS;
        let at = self.plan.shards.iter().position(|rows| rows.contains(&row));
        let at = at.ok_or_else(|| Report::new(Kind::Work, "plan", format!("no shard has row {row}")))?;
        let (shard, record) = import_shard_in_memory(&self.plan, at)?;
        for note in self.encoding.check_shard(&record, self.with_target)? {
            self.notes.entry(format!("{} {:?}", note.code, note.column)).or_insert(note);
        }
        let rows = self.plan.shards[at].clone();
        let blocks = rows.start / BLOCK_ROWS..block_count(rows.end);
        let frame = EncodedFrame::new(self.plan.rows, vec![Arc::new(shard)], self.encoding.clone(), self.with_target)?;
        Ok(Reader::new(Arc::new(frame), blocks, 0, 0))
    }
}

impl Rows for Scan {
    fn shuffled(&mut self, _: u64, _: Range<u64>, _: &mut Batch) -> Result<(), ReadError> {
        Err("a scan has no order but the rows' own".into())
    }

    fn block(&mut self, block: u64, batch: &mut Batch) -> Result<(), ReadError> {
        self.read(block, batch).map_err(ReadError::from)
    }
}
