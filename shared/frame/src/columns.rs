//! Rows of a batch as columns: for models that look at each input once.

use std::ops::Range;

use crate::batch::Batch;
use crate::folds::FoldSide;

/// Lanes that a sum over rows is made in: a column is padded to whole runs of so many.
pub const COLUMN_LANES: usize = 64;

/// Consecutive rows of an epoch's order, column after column. Rows that are left out are there and weigh nothing.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Columns {
    pub rows: usize,
    /// Rows that have a target.
    pub with_target: usize,
    /// Numeric features: the inputs `0..width`.
    pub width: usize,
    /// Floats from one column of `dense` to the next: rows rounded up to [`COLUMN_LANES`].
    pub stride: usize,
    /// (width, stride) column-major: imputed and scaled numeric features; the padding is zero.
    pub dense: Vec<f32>,
    /// Categorical features of a row.
    pub categorical: usize,
    /// (rows, categorical) row-major: the input index that is 1, in ascending order; each is at least `width`.
    pub indices: Vec<u32>,
    /// (rows): class number, or the (standardised) value for regression; 0 where the row is left out.
    pub targets: Vec<f32>,
    /// (rows): loss weights; 0 where the row is left out.
    pub weights: Vec<f32>,
    /// Whose rows count; all that have a target if there is none.
    pub(crate) side: Option<FoldSide>,
}

impl Columns {
    /// Makes room for `rows` rows of this shape; what was in it is no longer meaningful.
    pub(crate) fn shape(&mut self, width: usize, categorical: usize, rows: usize) {
        let stride = rows.next_multiple_of(COLUMN_LANES);
        if (self.width, self.stride) != (width, stride) {
            self.dense.clear();
            self.dense.resize(width * stride, 0.0);
        }
        if rows < self.rows.min(stride) {
            // What pads the columns now were rows before.
            self.dense.chunks_exact_mut(stride.max(1)).for_each(|column| column[rows..].fill(0.0));
        }
        (self.rows, self.width, self.stride, self.categorical) = (rows, width, stride, categorical);
        self.with_target = 0;
        self.indices.resize(rows * categorical, 0);
        self.targets.resize(rows, 0.0);
        self.weights.resize(rows, 0.0);
    }

    /// The rows of a batch; those whose number is not `kept` weigh nothing.
    pub fn of(batch: &Batch, kept: impl Fn(u64) -> bool) -> Self {
        let mut columns = Self::default();
        columns.shape(batch.width, batch.categorical, batch.rows);
        for (row, inputs) in batch.dense.chunks_exact(batch.stride.max(1)).enumerate().take(batch.rows) {
            let lanes = columns.dense.chunks_exact_mut(columns.stride);
            lanes.zip(inputs).for_each(|(lane, input)| lane[row] = *input);
        }
        columns.indices.copy_from_slice(&batch.indices);
        let target = |(target, id): (&f32, &u64)| if kept(*id) { *target } else { f32::NAN };
        let targets: Vec<f32> = batch.targets.iter().zip(&batch.ids).map(target).collect();
        columns.put(0, &targets, &batch.weights, &[]);
        columns
    }

    /// Takes the inputs of some rows of other columns.
    pub(crate) fn take(&mut self, from: &Columns, rows: Range<usize>) {
        self.shape(from.width, from.categorical, rows.len());
        if self.stride > 0 {
            let lanes = self.dense.chunks_exact_mut(self.stride).zip(from.dense.chunks_exact(from.stride));
            lanes.for_each(|(to, from)| to[..rows.len()].copy_from_slice(&from[rows.clone()]));
        }
        self.indices.copy_from_slice(&from.indices[rows.start * self.categorical..rows.end * self.categorical]);
    }

    /// Takes targets and weights, and folds if a side of one is read, from row `at` on.
    pub(crate) fn put(&mut self, at: usize, targets: &[f32], weights: &[f32], folds: &[u16]) {
        let rows = self.targets[at..].iter_mut().zip(&mut self.weights[at..]);
        for (row, ((target_out, weight_out), (target, weight))) in rows.zip(targets.iter().zip(weights)).enumerate() {
            let kept = match self.side {
                Some(side) => folds.get(row).is_some_and(|fold| side.takes(*fold)),
                None => !target.is_nan(),
            };
            (*target_out, *weight_out) = if kept { (*target, *weight) } else { (0.0, 0.0) };
            self.with_target += usize::from(kept);
        }
    }
}
