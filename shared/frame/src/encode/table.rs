//! An encoding applied to shards: for each, where its columns are and what its dictionary codes mean. Made once, read by all.

use std::sync::Arc;

use arrow_array::ArrayRef;

use super::column::{is_text, pieces};
use super::{CodeColumn, Encoding, NumericColumn, TargetColumn};
use crate::block::{BLOCK_ROWS, block_rows};
use crate::error::{EncodingError, Error, ShardError};
use crate::filter::Side;
use crate::folds::{FoldColumn, Folds};
use crate::shard::Shard;
use crate::simd::Isa;

/// Shards of a frame, or those that are needed, as the inputs of one encoding.
#[derive(Debug)]
pub struct EncodedFrame {
    isa: Isa,
    rows: u64,
    encoding: Arc<Encoding>,
    with_target: bool,
    /// Rows that are read; all of them if there is none.
    side: Option<Side>,
    folds: Option<Folds>,
    /// In row order.
    tables: Vec<ShardTable>,
}

/// What an encoding is applied for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Apply {
    /// Rows without a target are left out of batches.
    pub with_target: bool,
    /// A feature's column may be absent: then it is missing in every row.
    pub impute_absent: bool,
}

impl Apply {
    /// Training and scoring.
    pub const TARGET: Apply = Apply { with_target: true, impute_absent: false };
    /// Prediction.
    pub const FEATURES: Apply = Apply { with_target: false, impute_absent: false };
}

/// One shard's columns, in the order of the encoding, each in pieces of [`Shard::piece_rows`].
#[derive(Debug)]
pub(crate) struct ShardTable {
    shard: Arc<Shard>,
    pub(crate) numeric: Vec<NumericColumn>,
    pub(crate) categorical: Vec<CodeColumn>,
    pub(crate) target: Option<TargetColumn>,
    pub(crate) weights: Option<Vec<ArrayRef>>,
    /// What a chronological split looks at.
    pub(crate) instant: Option<NumericColumn>,
    /// What folds look at.
    pub(crate) fold: Option<FoldColumn>,
}

impl EncodedFrame {
    /// `rows` are the frame's; `shards` may be some of its shards.
    pub fn new(rows: u64, shards: Vec<Arc<Shard>>, encoding: Arc<Encoding>, apply: Apply) -> Result<Self, Error> {
        let mut tables = Vec::with_capacity(shards.len());
        for shard in shards {
            if shard.rows().end > rows || !shard.rows().start.is_multiple_of(BLOCK_ROWS) {
                let reason = format!("a shard has the rows {:?} of {rows}", shard.rows());
                return Err(ShardError::DoNotFit { reason }.into());
            }
            tables.push(ShardTable::new(shard, &encoding, apply)?);
        }
        tables.sort_by_key(|table| table.shard.rows().start);
        Ok(Self { isa: Isa::detect(), rows, encoding, with_target: apply.with_target, side: None, folds: None, tables })
    }

    /// Only the rows on this side of a split; the others are left out of batches, as if they had no target.
    pub fn with_side(mut self, side: Option<Side>) -> Result<Self, Error> {
        if let Some(side) = &side {
            side.check()?;
            for table in &mut self.tables {
                table.instant = side.instant_of(&table.shard)?;
            }
        }
        self.side = side;
        Ok(self)
    }

    /// Rows know which fold holds them out.
    pub fn with_folds(mut self, folds: Option<Folds>) -> Result<Self, Error> {
        if let Some(folds) = &folds {
            folds.check()?;
            for table in &mut self.tables {
                table.fold = folds.column_of(&table.shard)?;
            }
        }
        self.folds = folds;
        Ok(self)
    }

    /// Another instruction set, to show that it gives the same bits.
    #[cfg(test)]
    pub(crate) fn with_isa(self, isa: Isa) -> Self {
        Self { isa, ..self }
    }

    pub(crate) fn tables(&self) -> &[ShardTable] {
        &self.tables
    }

    pub(crate) fn isa(&self) -> Isa {
        self.isa
    }

    pub(crate) fn side(&self) -> Option<&Side> {
        self.side.as_ref()
    }

    pub(crate) fn folds(&self) -> Option<&Folds> {
        self.folds.as_ref()
    }

    /// Rows of the frame.
    pub fn rows(&self) -> u64 {
        self.rows
    }

    pub fn encoding(&self) -> &Encoding {
        &self.encoding
    }

    pub fn with_target(&self) -> bool {
        self.with_target
    }

    /// The shard of a block, the block's first row in it, and its rows.
    pub(crate) fn locate(&self, block: u64) -> Result<(&ShardTable, usize, usize), Error> {
        let rows = block_rows(block, self.rows);
        let after = self.tables.partition_point(|table| table.shard.rows().start <= rows.start);
        let table = after.checked_sub(1).and_then(|at| self.tables.get(at));
        match table {
            Some(table) if rows.end <= table.shard.rows().end && !rows.is_empty() => {
                Ok((table, (rows.start - table.shard.rows().start) as usize, (rows.end - rows.start) as usize))
            }
            _ => Err(ShardError::MissingBlock { block }.into()),
        }
    }
}

impl ShardTable {
    fn new(shard: Arc<Shard>, encoding: &Encoding, apply: Apply) -> Result<Self, Error> {
        let Apply { with_target, impute_absent } = apply;
        let numeric = encoding.numeric.iter().map(|of| NumericColumn::new(&shard, of, impute_absent));
        let numeric = numeric.collect::<Result<_, _>>()?;
        let mut categorical = Vec::with_capacity(encoding.categorical.len());
        let mut offset = encoding.numeric.len();
        for of in &encoding.categorical {
            categorical.push(CodeColumn::new(&shard, of, offset, impute_absent)?);
            offset += of.slots();
        }
        let target = with_target.then(|| TargetColumn::new(&shard, &encoding.target)).transpose()?;
        let weights = match encoding.weights_column.as_ref().filter(|_| with_target) {
            Some(name) => weights(&shard, name)?,
            None => None,
        };
        Ok(Self { shard, numeric, categorical, target, weights, instant: None, fold: None })
    }

    pub(crate) fn shard(&self) -> &Shard {
        &self.shard
    }

    /// Global rows.
    pub(crate) fn rows(&self) -> std::ops::Range<u64> {
        self.shard.rows()
    }

    /// The global number of a row of this shard.
    pub(crate) fn first_row(&self) -> u64 {
        self.shard.rows().start
    }
}

/// Data without the weights column weighs 1 a row.
fn weights(shard: &Shard, name: &str) -> Result<Option<Vec<ArrayRef>>, EncodingError> {
    let Some(pieces) = pieces(shard, name) else { return Ok(None) };
    if pieces.iter().any(is_text) || shard.unit_type(name).is_some() {
        return Err(EncodingError::BadWeights { column: name.to_owned(), reason: "holds no numbers".into() });
    }
    Ok(Some(pieces))
}
