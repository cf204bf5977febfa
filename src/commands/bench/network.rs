//! A network in training over rows that lie ready in memory: rounds as a worker maps them, with nothing else in them.

use std::ops::Range;
use std::sync::Arc;

use aquifer_frame::{BLOCK_ROWS, Batch, Columns, Encoding, Numeric, Philox, Target, block_rows, unit};
use aquifer_learn::{Isa, PartRows, ReadError, RoundKind, Rows, Trial, Workspace};
use aquifer_model::params::DeepLearning;
use aquifer_model::{Metrics, Part, Partial, Report, Score, State};

/// Rows that lie ready; a trial passes them again and again.
const ROWS_READY: usize = 8 * BLOCK_ROWS as usize;
/// Rows of the training part, which are many enough for a whole round of the largest batches.
const TRAIN_ROWS: u64 = 64 * BLOCK_ROWS;
/// No measurement comes to the end of these.
const EPOCHS: f64 = 1e6;

/// Layers of a network, from inputs to outputs.
#[derive(Clone, Debug)]
pub(super) struct Layers(pub(super) &'static [usize]);

impl Layers {
    fn inputs(&self) -> usize {
        self.0.first().copied().unwrap_or(1)
    }

    fn outputs(&self) -> usize {
        self.0.last().copied().unwrap_or(1)
    }
}

impl std::fmt::Display for Layers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let sizes: Vec<String> = self.0.iter().map(ToString::to_string).collect();
        f.write_str(&sizes.join("-"))
    }
}

/// One rank of a trial: what a thread of a worker has while it maps.
pub(super) struct Network {
    trial: Trial,
    state: State,
    rows: Ready,
    workspace: Workspace,
}

impl Clone for Network {
    /// The same at the same place, for another thread: it shares the rows.
    fn clone(&self) -> Self {
        let (trial, state) = (self.trial.clone(), self.state.clone());
        Self { trial, state, rows: Ready(self.rows.0.clone()), workspace: Workspace::default() }
    }
}

impl Network {
    /// At its first training round, of `batches` mini-batches of `batch` rows: rectifiers and Adam, as by default.
    pub(super) fn training(layers: &Layers, batch: usize, batches: u64) -> Result<Self, Report> {
        let rows = PartRows { train: TRAIN_ROWS, validation: None, holdout: None, test: None };
        let interval = batches * batch as u64;
        Self::new(layers, DeepLearning { mini_batch_size: batch, averaging_interval: interval, ..params(layers) }, rows)
    }

    /// After training, with blocks of test data to score.
    pub(super) fn scoring(layers: &Layers, blocks: u64) -> Result<Self, Report> {
        let rows = PartRows { train: TRAIN_ROWS, validation: None, holdout: None, test: Some(blocks * BLOCK_ROWS) };
        let mut network = Self::new(layers, params(layers), rows)?;
        let position = network.trial.last_position();
        network.state.record.position = position;
        network.state.record.scores = vec![Score { part: Part::Train, position, metrics: Metrics::default() }];
        assert_eq!(network.trial.round(&network.state.record), RoundKind::Score { part: Part::Test });
        Ok(network)
    }

    fn new(layers: &Layers, params: DeepLearning, rows: PartRows) -> Result<Self, Report> {
        let trial = Trial::new(params, Arc::new(encoding(layers)), rows, Isa::detect())?;
        let state = trial.initial_state();
        Ok(Self { trial, state, rows: Ready(Arc::new(ready(layers))), workspace: Workspace::default() })
    }

    /// A training round of the one rank: its local steps, and the update. Returns the rows that it passed.
    pub(super) fn train(&mut self) -> Result<u64, Report> {
        let before = self.state.record.position;
        let partial = self.map()?;
        self.trial.update_alone(&mut self.state, Some(partial))?;
        Ok(self.state.record.position - before)
    }

    /// Scores the test data. Returns its rows.
    pub(super) fn score(&mut self) -> Result<u64, Report> {
        Ok(self.map()?.weight as u64)
    }

    /// The only call of [`Trial::map`] outside a worker's rounds, `evaluate` apart.
    fn map(&mut self) -> Result<Partial, Report> {
        Ok(self.trial.map_alone(&self.state, 0, &mut self.rows, &mut self.workspace)?)
    }
}

fn params(layers: &Layers) -> DeepLearning {
    let hidden = layers.0[1..layers.0.len() - 1].to_vec();
    DeepLearning { hidden, epochs: EPOCHS, ..DeepLearning::default() }
}

fn encoding(layers: &Layers) -> Encoding {
    let numeric = |at| Numeric::plain(&format!("x{at}"), 0.0, 0.0, 1.0);
    let classes = layers.outputs().max(2);
    Encoding {
        numeric: (0..layers.inputs()).map(numeric).collect(),
        categorical: Vec::new(),
        target: Target::Classes { column: "y".into(), levels: (0..classes).map(|class| class.to_string()).collect() },
        weights_column: None,
        skip_missing: false,
    }
}

/// Uniform features in −1..1, and a class that follows from the first few of them.
fn ready(layers: &Layers) -> Batch {
    let (stream, width) = (Philox::new(1, "rows of a measurement"), layers.inputs());
    let (stride, classes) = (width.next_multiple_of(16), layers.outputs().max(2) as f32);
    let mut batch = Batch { rows: ROWS_READY, width, stride, ..Batch::default() };
    batch.dense.resize(ROWS_READY * stride, 0.0);
    for (row, values) in batch.dense.chunks_exact_mut(stride).enumerate() {
        for (four, values) in values[..width].chunks_mut(4).enumerate() {
            let words = stream.draw(four as u32, 0, row as u64);
            values.iter_mut().zip(words).for_each(|(value, word)| *value = 2.0 * unit(word) - 1.0);
        }
        let score: f32 = values.iter().take(4).sum();
        batch.targets.push(((score + 4.0) / 8.0 * classes).floor().clamp(0.0, classes - 1.0));
    }
    batch.weights.resize(ROWS_READY, 1.0);
    batch.ids.extend(0..ROWS_READY as u64);
    batch
}

/// Rows of a batch, repeated for ever.
struct Ready(Arc<Batch>);

impl Ready {
    /// Copies rows out, as a reader does from its window.
    fn copy(&self, rows: Range<u64>, to: &mut Batch) {
        let from = &*self.0;
        (to.rows, to.width, to.stride, to.categorical) = (0, from.width, from.stride, 0);
        to.dense.clear();
        to.targets.clear();
        to.weights.clear();
        to.ids.clear();
        let mut next = rows.start;
        while next < rows.end {
            let first = (next % from.rows as u64) as usize;
            let count = (from.rows - first).min((rows.end - next) as usize);
            to.rows += count;
            to.dense.extend_from_slice(&from.dense[first * from.stride..(first + count) * from.stride]);
            to.targets.extend_from_slice(&from.targets[first..first + count]);
            to.weights.extend_from_slice(&from.weights[first..first + count]);
            to.ids.extend_from_slice(&from.ids[first..first + count]);
            next += count as u64;
        }
    }
}

impl Rows for Ready {
    fn columns(&mut self, _: u64, _: Range<u64>, _: &mut Columns) -> Result<(), ReadError> {
        Err("these rows lie ready as rows".into())
    }

    fn shuffled(&mut self, _: u64, rows: Range<u64>, batch: &mut Batch) -> Result<(), ReadError> {
        self.copy(rows, batch);
        Ok(())
    }

    fn block(&mut self, block: u64, batch: &mut Batch) -> Result<(), ReadError> {
        self.copy(block_rows(block, u64::MAX), batch);
        Ok(())
    }
}
