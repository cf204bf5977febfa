//! Where a trial's rows come from.

use std::ops::Range;

use aquifer_frame::{Batch, Columns, Reader};

use crate::ReadError;

/// The rows of one part and rank, as a trial reads them: those that pass the filter and have a target, compacted.
pub trait Rows {
    /// Rows `rows` of the rank's unfiltered order in `epoch`.
    fn shuffled(&mut self, epoch: u64, rows: Range<u64>, batch: &mut Batch) -> Result<(), ReadError>;
    /// The same rows as columns, where blocks alone are shuffled.
    fn columns(&mut self, epoch: u64, rows: Range<u64>, columns: &mut Columns) -> Result<(), ReadError>;
    /// A block of the part, in the order of its rows.
    fn block(&mut self, block: u64, batch: &mut Batch) -> Result<(), ReadError>;
}

impl Rows for Reader {
    fn shuffled(&mut self, epoch: u64, rows: Range<u64>, batch: &mut Batch) -> Result<(), ReadError> {
        Ok(Reader::shuffled(self, epoch, rows, batch)?)
    }

    fn columns(&mut self, epoch: u64, rows: Range<u64>, columns: &mut Columns) -> Result<(), ReadError> {
        Ok(Reader::columns(self, epoch, rows, columns)?)
    }

    fn block(&mut self, block: u64, batch: &mut Batch) -> Result<(), ReadError> {
        Ok(Reader::block(self, block, batch)?)
    }
}
