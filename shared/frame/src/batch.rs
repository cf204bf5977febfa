//! A batch: encoded rows, ready for a product.

/// Rows that pass the trial's filter, compacted, in the order asked for.
#[derive(Clone, Debug, Default)]
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
}
