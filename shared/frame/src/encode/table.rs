//! An encoding applied to shards: for each, where its columns are and what its dictionary codes mean. Made once, read by all.

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::{Array, ArrayRef};
use arrow_schema::DataType;

use super::{Encoding, Target};
use crate::block::{BLOCK_ROWS, block_rows};
use crate::error::{EncodingError, Error, ShardError};
use crate::shard::Shard;
use crate::value::Value;

/// Shards of a frame, or those that are needed, as the inputs of one encoding.
#[derive(Debug)]
pub struct EncodedFrame {
    rows: u64,
    encoding: Arc<Encoding>,
    with_target: bool,
    /// In row order.
    tables: Vec<ShardTable>,
}

/// One shard's columns, in the order of the encoding, each in pieces of [`Shard::piece_rows`].
#[derive(Debug)]
pub(crate) struct ShardTable {
    shard: Arc<Shard>,
    pub(crate) numeric: Vec<NumericColumn>,
    pub(crate) categorical: Vec<CodeColumn>,
    pub(crate) target: Option<TargetColumn>,
    pub(crate) weights: Option<Vec<ArrayRef>>,
}

#[derive(Debug)]
pub(crate) struct NumericColumn {
    pub(crate) pieces: Vec<ArrayRef>,
    pub(crate) shift: f64,
    pub(crate) scale: f64,
    /// The input of a missing value.
    pub(crate) fill: f32,
}

#[derive(Debug)]
pub(crate) struct CodeColumn {
    pub(crate) pieces: Vec<ArrayRef>,
    /// Of each code of the shard's dictionary: the input that is 1.
    pub(crate) inputs: Vec<u32>,
    pub(crate) missing: u32,
}

#[derive(Debug)]
pub(crate) enum TargetColumn {
    /// (y − mean) × inverse.
    Number { pieces: Vec<ArrayRef>, mean: f64, inverse: f64 },
    /// Of each code of the shard's dictionary: the class.
    Codes { pieces: Vec<ArrayRef>, classes: Vec<f32> },
    /// Of each value, in order: the class.
    Values { pieces: Vec<ArrayRef>, classes: Vec<(Value, f32)> },
}

impl EncodedFrame {
    /// `rows` are the frame's; `shards` may be some of its shards. With a target, rows without one are left out of batches.
    pub fn new(rows: u64, shards: Vec<Arc<Shard>>, encoding: Arc<Encoding>, with_target: bool) -> Result<Self, Error> {
        let mut tables = Vec::with_capacity(shards.len());
        for shard in shards {
            if shard.rows().end > rows || !shard.rows().start.is_multiple_of(BLOCK_ROWS) {
                let reason = format!("a shard has the rows {:?} of {rows}", shard.rows());
                return Err(ShardError::DoNotFit { reason }.into());
            }
            tables.push(ShardTable::new(shard, &encoding, with_target)?);
        }
        tables.sort_by_key(|table| table.shard.rows().start);
        Ok(Self { rows, encoding, with_target, tables })
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
    fn new(shard: Arc<Shard>, encoding: &Encoding, with_target: bool) -> Result<Self, Error> {
        let pieces = |name: &str, text: bool| -> Result<Vec<ArrayRef>, EncodingError> {
            let missing = || EncodingError::MissingColumn { column: name.to_owned() };
            let pieces: Vec<ArrayRef> = shard.column(name).ok_or_else(missing)?.into_iter().cloned().collect();
            match pieces.iter().find(|piece| is_text(piece) != text) {
                None => Ok(pieces),
                Some(piece) => Err(mismatch(name, piece, if text { "text" } else { "numeric" })),
            }
        };
        let mut numeric = Vec::with_capacity(encoding.numeric.len());
        for of in &encoding.numeric {
            let fill = of.input(of.fill);
            numeric.push(NumericColumn { pieces: pieces(&of.column, false)?, shift: of.shift, scale: of.scale, fill });
        }
        let mut categorical = Vec::with_capacity(encoding.categorical.len());
        let mut offset = encoding.numeric.len();
        for of in &encoding.categorical {
            let pieces = pieces(&of.column, true)?;
            let inputs = dictionary(&pieces).iter().map(|text| (offset + of.slot(text)) as u32).collect();
            categorical.push(CodeColumn { pieces, inputs, missing: (offset + of.levels.len()) as u32 });
            offset += of.slots();
        }
        let target = with_target.then(|| TargetColumn::new(&shard, &encoding.target)).transpose()?;
        let weights = match &encoding.weights_column {
            Some(name) if with_target && shard.column(name).is_some() => Some(pieces(name, false)?),
            _ => None,
        };
        Ok(Self { shard, numeric, categorical, target, weights })
    }

    /// The global number of a row of this shard.
    pub(crate) fn first_row(&self) -> u64 {
        self.shard.rows().start
    }
}

impl TargetColumn {
    fn new(shard: &Shard, target: &Target) -> Result<Self, EncodingError> {
        let name = target.column();
        let missing = || EncodingError::MissingTarget { column: name.to_owned() };
        let pieces: Vec<ArrayRef> = shard.column(name).ok_or_else(missing)?.into_iter().cloned().collect();
        let text = pieces.first().filter(|piece| is_text(piece));
        match (target, text) {
            (Target::Regression { .. }, Some(piece)) => Err(mismatch(name, piece, "numeric")),
            (Target::Regression { mean, deviation, .. }, None) => {
                Ok(Self::Number { pieces, mean: *mean, inverse: 1.0 / deviation })
            }
            (Target::Classes { levels, .. }, Some(_)) => {
                let class = |text: &&str| levels.iter().position(|level| level == text.trim());
                let texts = dictionary(&pieces);
                let classes: Option<Vec<usize>> = texts.iter().map(class).collect();
                let unseen = || unseen_class(target, texts.iter().find(|text| class(text).is_none()).unwrap_or(&""));
                let classes = classes.ok_or_else(unseen)?.into_iter().map(|class| class as f32).collect();
                Ok(Self::Codes { pieces, classes })
            }
            (Target::Classes { levels, .. }, None) => {
                let data_type = pieces.first().map_or(DataType::Null, |piece| piece.data_type().clone());
                let class = |(at, level): (usize, &String)| Some((parse(&data_type, level)?, at as f32));
                let mut classes: Vec<(Value, f32)> = levels.iter().enumerate().filter_map(class).collect();
                classes.sort_by(|a, b| a.0.cmp(&b.0));
                Ok(Self::Values { pieces, classes })
            }
        }
    }
}

/// The error of a class that training did not have.
pub(crate) fn unseen_class(target: &Target, found: &str) -> EncodingError {
    let known = match target {
        Target::Classes { levels, .. } => crate::error::list(levels),
        Target::Regression { .. } => String::new(),
    };
    let (unseen, found) = (found.to_owned(), found.to_owned());
    EncodingError::UnseenClasses { column: target.column().to_owned(), unseen, found, known }
}

/// A class name as a value of a stored type; none if that type cannot hold it.
fn parse(data_type: &DataType, level: &str) -> Option<Value> {
    match data_type {
        DataType::Boolean => level.parse().ok().map(Value::Bool),
        DataType::Float32 | DataType::Float64 => level.parse().ok().filter(|x: &f64| x.is_finite()).map(Value::float),
        _ => level.parse().ok().map(Value::Int).or_else(|| level.parse().ok().map(Value::unsigned)),
    }
}

/// The texts of a shard's codes: all its pieces share one dictionary.
fn dictionary(pieces: &[ArrayRef]) -> Vec<&str> {
    let values = pieces.first().and_then(|piece| piece.as_any_dictionary_opt()).map(|dictionary| dictionary.values());
    let texts = values.and_then(|values| values.as_string_opt::<i32>());
    texts.map_or_else(Vec::new, |texts| texts.iter().map(Option::unwrap_or_default).collect())
}

fn is_text(piece: &ArrayRef) -> bool {
    matches!(piece.data_type(), DataType::Dictionary(..))
}

fn mismatch(column: &str, piece: &ArrayRef, expected: &'static str) -> EncodingError {
    let found = if is_text(piece) { "text".to_owned() } else { piece.data_type().to_string() };
    EncodingError::KindMismatch { column: column.to_owned(), found, expected }
}
