//! From mapped columns to inputs: rows of a batch, each at its place, or columns as they lie.

mod categorical;
mod numeric;
mod read;
mod target;

use std::ops::Range;

use categorical::categoricals;
use numeric::{TILE_ROWS, decode, numerics};
use target::{deal_out, skip_missing, take_side, targets, weights};

use crate::batch::Batch;
use crate::columns::Columns;
use crate::encode::{EncodedFrame, ShardTable};
use crate::error::Error;
use crate::shard::Shard;

/// Rows of a shard that lie in one piece of its columns, and where they go.
struct Run<'a> {
    piece: usize,
    /// In the piece.
    first: usize,
    places: &'a [u32],
}

/// The runs of rows `first ..` of a shard, as many as there are places; with each, how many rows came before it.
fn runs(first: usize, places: &[u32]) -> impl Iterator<Item = (usize, Run<'_>)> {
    let mut done = 0;
    std::iter::from_fn(move || {
        let at = first + done;
        let (piece, in_piece) = (at / Shard::piece_rows(), at % Shard::piece_rows());
        let length = (places.len() - done).min(Shard::piece_rows() - in_piece);
        let run = (done, Run { piece, first: in_piece, places: &places[done..done + length] });
        done += length;
        (length > 0).then_some(run)
    })
}

/// Writes a block's rows to `places` of a batch that has the shape and the room; the number of rows is that of the places.
pub(crate) fn assemble_block(data: &EncodedFrame, block: u64, places: &[u32], into: &mut Batch) -> Result<(), Error> {
    let (table, first, rows) = data.locate(block)?;
    for (done, run) in runs(first, &places[..rows]) {
        numerics(data.isa(), table, &run, into);
        categoricals(table, &run, &mut into.indices);
        for (row, &place) in run.places.iter().enumerate() {
            into.ids[place as usize] = table.first_row() + (first + done + row) as u64;
        }
    }
    let Batch { targets, weights, folds, .. } = into;
    what_is_learned(data, table, (block, first), &places[..rows], Learned { targets, weights, folds })
}

/// What is written of rows beside their inputs; folds only where there are any.
pub(crate) struct Learned<'a> {
    pub(crate) targets: &'a mut [f32],
    pub(crate) weights: &'a mut [f32],
    pub(crate) folds: &'a mut [u16],
}

/// Targets and weights of a block's rows; those that are left out have the target NaN. They depend on the whole block: a
/// split takes a share of each.
fn what_is_learned(
    data: &EncodedFrame,
    table: &ShardTable,
    (block, first): (u64, usize),
    places: &[u32],
    out: Learned<'_>,
) -> Result<(), Error> {
    let targets_out = out.targets;
    for (_, run) in runs(first, places) {
        targets(table.target.as_ref(), &data.encoding().target, &run, targets_out)?;
        weights(table, &run, out.weights);
        if data.encoding().skip_missing {
            skip_missing(table, &run, targets_out);
        }
    }
    if let Some(side) = data.side() {
        take_side(side, table, (block, first), places, targets_out);
    }
    if let Some(folds) = data.folds() {
        deal_out(folds, table, (block, first), places, targets_out, out.folds)?;
    }
    Ok(())
}

/// Targets, weights and folds of a block, its rows as they lie.
pub(crate) fn assemble_targets(
    data: &EncodedFrame,
    block: u64,
    (targets, weights, folds): (&mut Vec<f32>, &mut Vec<f32>, &mut Vec<u16>),
) -> Result<(), Error> {
    let (table, first, rows) = data.locate(block)?;
    let places: Vec<u32> = (0..rows as u32).collect();
    targets.resize(rows, 0.0);
    weights.resize(rows, 0.0);
    folds.resize(if data.folds().is_some() { rows } else { 0 }, 0);
    what_is_learned(data, table, (block, first), &places, Learned { targets, weights, folds })
}

/// Writes the inputs of some rows of a block, as they lie, from row `at` of the columns on, which have the room.
pub(crate) fn assemble_columns(
    data: &EncodedFrame,
    block: u64,
    rows: Range<usize>,
    at: usize,
    into: &mut Columns,
) -> Result<(), Error> {
    let (table, first, _) = data.locate(block)?;
    let places: Vec<u32> = (at as u32..(at + rows.len()) as u32).collect();
    for (_, run) in runs(first + rows.start, &places) {
        let to = run.places[0] as usize;
        for (column, lane) in table.numeric.iter().zip(into.dense.chunks_exact_mut(into.stride)) {
            let lane = &mut lane[to..to + run.places.len()];
            for (tile, lane) in lane.chunks_mut(TILE_ROWS).enumerate() {
                decode(data.isa(), column, run.piece, run.first + tile * TILE_ROWS, lane);
            }
        }
        categoricals(table, &run, &mut into.indices);
    }
    Ok(())
}
