//! A batch: encoded rows, ready for a product.

use std::ops::Range;

use crate::folds::FoldSide;

/// Floats of a line of 64 bytes.
const LINE: usize = 16;

/// Rows that pass the trial's filter, compacted, in the order asked for.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Batch {
    /// Rows in this batch.
    pub rows: usize,
    /// Numeric features of a row: the inputs `0..width`.
    pub width: usize,
    /// Floats from one row of `dense` to the next: `width` rounded up to 16; the padding is zero.
    pub stride: usize,
    /// (rows, stride) row-major: imputed and scaled numeric features.
    pub dense: Vec<f32>,
    /// Categorical features of a row.
    pub categorical: usize,
    /// (rows, categorical) row-major: the input index that is 1, in ascending order; each is at least `width`.
    pub indices: Vec<u32>,
    /// (rows): class number, or the (standardised) value for regression. NaN where a row has no target, which only
    /// unfiltered reads give.
    pub targets: Vec<f32>,
    /// (rows): loss weights; 1 without a weights column.
    pub weights: Vec<f32>,
    /// (rows): global row numbers.
    pub ids: Vec<u64>,
    /// (rows): where each row is held out; empty without folds.
    pub folds: Vec<u16>,
}

impl Batch {
    /// Makes room for `rows` rows of this shape; what was in it is no longer meaningful.
    pub(crate) fn shape(&mut self, width: usize, categorical: usize, rows: usize) {
        self.rows = rows;
        self.width = width;
        self.stride = width.next_multiple_of(LINE);
        self.categorical = categorical;
        self.folds.clear();
        self.resize(rows);
    }

    /// Adds rows of a batch of the same shape; with `only_with_target`, those that have one.
    pub(crate) fn push(&mut self, from: &Batch, rows: Range<usize>, only_with_target: bool) {
        if only_with_target {
            // Runs of rows with a target, as there are few without.
            let mut start = rows.start;
            for row in rows.clone() {
                if from.targets[row].is_nan() {
                    self.push(from, start..row, false);
                    start = row + 1;
                }
            }
            return self.push(from, start..rows.end, false);
        }
        self.rows += rows.len();
        self.dense.extend_from_slice(&from.dense[rows.start * from.stride..rows.end * from.stride]);
        self.indices.extend_from_slice(&from.indices[rows.start * from.categorical..rows.end * from.categorical]);
        self.targets.extend_from_slice(&from.targets[rows.clone()]);
        self.weights.extend_from_slice(&from.weights[rows.clone()]);
        self.ids.extend_from_slice(&from.ids[rows.clone()]);
        if !from.folds.is_empty() {
            self.folds.extend_from_slice(&from.folds[rows]);
        }
    }

    /// The rows of another batch that are on this side of a fold, and have a target.
    pub(crate) fn take(&mut self, from: &Batch, rows: Range<usize>, side: Option<FoldSide>) {
        self.shape(from.width, from.categorical, 0);
        let taken = |row: &usize| match side {
            Some(side) => from.folds.get(*row).is_some_and(|fold| side.takes(*fold)),
            None => !from.targets[*row].is_nan(),
        };
        let mut next = rows.start;
        while let Some(start) = (next..rows.end).find(taken) {
            let end = (start..rows.end).find(|row| !taken(row)).unwrap_or(rows.end);
            self.push(from, start..end, false);
            next = end;
        }
    }

    /// Leaves out the rows without a target, in place.
    pub(crate) fn compact(&mut self) {
        let mut kept = 0;
        for row in 0..self.rows {
            if self.targets[row].is_nan() {
                continue;
            }
            if kept < row {
                self.dense.copy_within(row * self.stride..(row + 1) * self.stride, kept * self.stride);
                self.indices.copy_within(row * self.categorical..(row + 1) * self.categorical, kept * self.categorical);
                self.targets[kept] = self.targets[row];
                self.weights[kept] = self.weights[row];
                self.ids[kept] = self.ids[row];
                if !self.folds.is_empty() {
                    self.folds[kept] = self.folds[row];
                }
            }
            kept += 1;
        }
        self.rows = kept;
        self.resize(kept);
    }

    fn resize(&mut self, rows: usize) {
        self.dense.resize(rows * self.stride, 0.0);
        self.indices.resize(rows * self.categorical, 0);
        self.targets.resize(rows, 0.0);
        self.weights.resize(rows, 0.0);
        self.ids.resize(rows, 0);
        if !self.folds.is_empty() {
            self.folds.resize(rows, 0);
        }
    }
}
