//! Rows of one rank, assembled: in the shuffled order of an epoch, or block by block as they are.

use std::ops::Range;
use std::sync::Arc;

use crate::ahead::{Ahead, Lookout};
use crate::assemble::{assemble_block, assemble_columns, assemble_targets};
use crate::batch::Batch;
use crate::block::{BLOCK_ROWS, block_rows};
use crate::columns::Columns;
use crate::encode::{EncodedFrame, Encoding};
use crate::error::Error;
use crate::folds::FoldSide;
use crate::held::{HELD_BYTES_MAX, Held, Stretch};
use crate::order::{Mixing, Order, WINDOW_BLOCKS};

const WINDOW_ROWS: u64 = WINDOW_BLOCKS as u64 * BLOCK_ROWS;

/// Reads one rank. It keeps the current window, but what it gives is a function of its arguments alone.
///
/// Memory: a window of rows, and 4 bytes a block.
pub struct Reader {
    data: Arc<EncodedFrame>,
    blocks: Range<u64>,
    rows: u64,
    order: Order,
    epoch: Option<Epoch>,
    lookout: Lookout,
    current: Option<Window>,
    /// The rows of `current`, in order.
    window: Batch,
    /// Where each row of a block goes.
    places: Vec<u32>,
    /// Targets, weights and folds of the block that was read as columns last.
    learned: (Option<u64>, Vec<f32>, Vec<f32>, Vec<u16>),
    /// Several trials read here, one after the other.
    shared: bool,
    held: Held,
}

/// The blocks of an epoch in order, counted from the rank's first block.
struct Epoch {
    number: u64,
    sequence: Vec<u32>,
    /// The window that has the rank's last block, which may be shorter.
    short_window: u64,
}

/// Which part of an epoch's order is assembled.
struct Window {
    epoch: u64,
    places: Range<u64>,
    /// All its rows have a target.
    complete: bool,
}

impl Reader {
    /// Of the frame's blocks `blocks`, which `rank` owns; the shards that hold them must be in `data`.
    pub fn new(data: Arc<EncodedFrame>, blocks: Range<u64>, rank: u32, seed: u64, mixing: Mixing) -> Self {
        let frame_rows = data.rows();
        let rows = (blocks.end * BLOCK_ROWS).min(frame_rows).saturating_sub(blocks.start * BLOCK_ROWS);
        let order = Order::new(blocks.clone(), rank, seed, mixing);
        let (lookout, window, places, learned) = Default::default();
        let (epoch, current, shared, held) = (None, None, false, Held::default());
        Self { data, blocks, rows, order, epoch, lookout, current, window, places, learned, shared, held }
    }

    /// Bytes of an assembled row.
    pub fn row_bytes(encoding: &Encoding) -> u64 {
        let inputs = encoding.numeric.len().next_multiple_of(16) + encoding.categorical.len();
        (inputs * 4 + size_of::<f32>() * 2 + size_of::<u64>()) as u64
    }

    /// Bytes of the rows that a reader keeps assembled, and of their order.
    pub fn window_bytes(encoding: &Encoding) -> u64 {
        WINDOW_ROWS * (Self::row_bytes(encoding) + 2 * size_of::<u32>() as u64)
    }

    /// Asks for rows as far ahead as this says.
    pub fn with_ahead(mut self, ahead: Ahead) -> Self {
        self.lookout.ahead = ahead;
        if ahead.streams {
            self.data.expect_hints();
        }
        self
    }

    /// Several trials read the same rows, one after the other: they are assembled once.
    pub fn shared(mut self) -> Self {
        self.shared = true;
        self
    }

    /// Bytes of what is held for trials that read the same rows, of rounds of so many rows.
    pub fn held_bytes(encoding: &Encoding, rows: u64) -> u64 {
        (rows * Self::row_bytes(encoding)).min(HELD_BYTES_MAX) + BLOCK_ROWS * Self::row_bytes(encoding)
    }

    /// Rows of the rank, with and without a target.
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// Blocks of the rank.
    pub fn blocks(&self) -> Range<u64> {
        self.blocks.clone()
    }

    /// Several trials are about to read these rows: they are assembled when the first of them does. More rows than are worth
    /// holding are assembled for each.
    pub fn hold(&mut self, epoch: u64, rows: Range<u64>) {
        let few = (rows.end - rows.start) * Self::row_bytes(self.data.encoding()) <= HELD_BYTES_MAX;
        self.held.round = (self.shared && few).then_some((epoch, rows));
    }

    /// The rows at `rows` of the rank's order in an epoch that are on this side of a fold; those without a target are on none.
    pub fn shuffled_of(
        &mut self,
        side: Option<FoldSide>,
        epoch: u64,
        rows: Range<u64>,
        batch: &mut Batch,
    ) -> Result<(), Error> {
        if let Some((round, place)) = self.held.place(epoch, &rows) {
            if self.held.rows_of.as_ref() != Some(&round) {
                self.hold_rows(round)?;
            }
            batch.take(&self.held.rows, place, side);
            return Ok(());
        }
        match side {
            None => self.shuffled(epoch, rows, batch),
            Some(_) => {
                self.hold_rows((epoch, rows))?;
                batch.take(&self.held.rows, 0..self.held.rows.rows, side);
                Ok(())
            }
        }
    }

    fn hold_rows(&mut self, (epoch, rows): Stretch) -> Result<(), Error> {
        self.held.rows_of = None;
        let mut held = std::mem::take(&mut self.held.rows);
        let read = self.read_window(epoch, rows.clone(), &mut held, false);
        self.held.rows = held;
        self.held.rows_of = Some((epoch, rows)).filter(|_| read.is_ok());
        read
    }

    /// The rows at `rows` of the rank's order in an epoch; those without a target are left out.
    pub fn shuffled(&mut self, epoch: u64, rows: Range<u64>, batch: &mut Batch) -> Result<(), Error> {
        self.read_window(epoch, rows, batch, true)
    }

    fn read_window(&mut self, epoch: u64, rows: Range<u64>, batch: &mut Batch, with_target: bool) -> Result<(), Error> {
        assert!(rows.end <= self.rows, "rows {rows:?} of a rank of {}", self.rows);
        let encoding = self.data.encoding();
        batch.shape(encoding.numeric.len(), encoding.categorical.len(), 0);
        let mut next = rows.start;
        while next < rows.end {
            let window = match self.current.take() {
                Some(window) if window.epoch == epoch && window.places.contains(&next) => window,
                _ => self.load_window(epoch, next)?,
            };
            let until = rows.end.min(window.places.end);
            let part = (next - window.places.start) as usize..(until - window.places.start) as usize;
            batch.push(&self.window, part, with_target && self.data.with_target() && !window.complete);
            self.current = Some(window);
            next = until;
        }
        Ok(())
    }

    /// The rows of a block of the frame that are on this side of a fold.
    pub fn block_of(&mut self, side: Option<FoldSide>, block: u64, batch: &mut Batch) -> Result<(), Error> {
        if side.is_none() && !self.shared {
            return self.block(block, batch);
        }
        if self.held.block_of != Some(block) {
            self.held.block_of = None;
            let mut held = std::mem::take(&mut self.held.block);
            let read = self.block(block, &mut held);
            self.held.block = held;
            read?;
            self.held.block_of = Some(block);
        }
        batch.take(&self.held.block, 0..self.held.block.rows, side);
        Ok(())
    }

    /// The rows of a block of the frame, in their natural order; with a target, those that have one.
    pub fn block(&mut self, block: u64, batch: &mut Batch) -> Result<(), Error> {
        self.lookout.pass(&self.data, block, &self.blocks);
        let rows = block_rows(block, self.data.rows());
        let encoding = self.data.encoding();
        batch.shape(encoding.numeric.len(), encoding.categorical.len(), (rows.end - rows.start) as usize);
        make_room_for_folds(&self.data, batch);
        self.places.clear();
        self.places.extend(0..(rows.end - rows.start) as u32);
        assemble_block(&self.data, block, &self.places, batch)?;
        if self.data.with_target() {
            batch.compact();
        }
        Ok(())
    }

    /// The rows at `rows` of the rank's order in an epoch, as columns; those without a target weigh nothing. Only where
    /// blocks alone are shuffled.
    pub fn columns(&mut self, epoch: u64, rows: Range<u64>, columns: &mut Columns) -> Result<(), Error> {
        self.columns_of(None, epoch, rows, columns)
    }

    /// The same; rows on the other side of a fold weigh nothing either.
    pub fn columns_of(
        &mut self,
        side: Option<FoldSide>,
        epoch: u64,
        rows: Range<u64>,
        columns: &mut Columns,
    ) -> Result<(), Error> {
        columns.side = side;
        if let Some((round, place)) = self.held.place(epoch, &rows) {
            if self.held.columns_of.as_ref() != Some(&round) {
                self.hold_columns(round)?;
            }
            let (targets, weights, folds) = &self.held.learned;
            columns.take(&self.held.columns, place.clone());
            columns.put(0, &targets[place.clone()], &weights[place.clone()], folds.get(place).unwrap_or_default());
            return Ok(());
        }
        self.read_columns(epoch, rows, columns, None)
    }

    fn hold_columns(&mut self, (epoch, rows): Stretch) -> Result<(), Error> {
        self.held.columns_of = None;
        let (mut columns, mut learned) =
            (std::mem::take(&mut self.held.columns), std::mem::take(&mut self.held.learned));
        columns.side = None;
        let read = self.read_columns(epoch, rows.clone(), &mut columns, Some(&mut learned));
        (self.held.columns, self.held.learned) = (columns, learned);
        self.held.columns_of = Some((epoch, rows)).filter(|_| read.is_ok());
        read
    }

    /// What is learned of the rows is kept as it is as well, if it is asked for.
    fn read_columns(
        &mut self,
        epoch: u64,
        rows: Range<u64>,
        columns: &mut Columns,
        mut learned: Option<&mut (Vec<f32>, Vec<f32>, Vec<u16>)>,
    ) -> Result<(), Error> {
        if let Some((targets, weights, folds)) = &mut learned {
            targets.clear();
            weights.clear();
            folds.clear();
        }
        assert!(rows.end <= self.rows, "rows {rows:?} of a rank of {}", self.rows);
        assert!(self.order.mixing() == Mixing::Blocks, "columns are read where rows are not shuffled");
        let encoding = self.data.encoding();
        columns.shape(encoding.numeric.len(), encoding.categorical.len(), (rows.end - rows.start) as usize);
        let mut next = rows.start;
        while next < rows.end {
            let (places, blocks) = self.locate_window(epoch, next);
            let mut start = places.start;
            for block in blocks {
                let length = block_rows(block, self.data.rows());
                let end = start + (length.end - length.start);
                let part = next.max(start)..rows.end.min(end);
                if !part.is_empty() {
                    let at = (part.start - rows.start) as usize;
                    let in_block = (part.start - start) as usize..(part.end - start) as usize;
                    self.block_columns(block, in_block.clone(), at, columns)?;
                    if let Some((targets, weights, folds)) = &mut learned {
                        let (_, of_targets, of_weights, of_folds) = &self.learned;
                        targets.extend_from_slice(&of_targets[in_block.clone()]);
                        weights.extend_from_slice(&of_weights[in_block.clone()]);
                        folds.extend_from_slice(of_folds.get(in_block).unwrap_or_default());
                    }
                    next = part.end;
                }
                start = end;
            }
        }
        Ok(())
    }

    /// Rows of a block, as they lie, from row `at` of the columns on.
    fn block_columns(&mut self, block: u64, rows: Range<usize>, at: usize, to: &mut Columns) -> Result<(), Error> {
        let (of, targets, weights, folds) = &mut self.learned;
        if *of != Some(block) {
            *of = None;
            assemble_targets(&self.data, block, (targets, weights, folds))?;
            *of = Some(block);
        }
        let folds = folds.get(rows.clone()).unwrap_or_default();
        to.put(at, &targets[rows.clone()], &weights[rows.clone()], folds);
        assemble_columns(&self.data, block, rows, at, to)
    }

    /// Assembles the window that holds a place of an epoch's order.
    fn load_window(&mut self, epoch: u64, place: u64) -> Result<Window, Error> {
        let (places, blocks) = self.locate_window(epoch, place);
        let block_len = |block: u64| {
            let rows = block_rows(block, self.data.rows());
            (rows.end - rows.start) as usize
        };
        let rows = (places.end - places.start) as usize;
        debug_assert_eq!(rows, blocks.iter().map(|&block| block_len(block)).sum::<usize>());
        let order = self.order.window(epoch, blocks.first().copied().unwrap_or(0), rows);
        self.places.clear();
        self.places.resize(rows, 0);
        for (place, &row) in order.iter().enumerate() {
            self.places[row as usize] = place as u32;
        }
        let encoding = self.data.encoding();
        self.window.shape(encoding.numeric.len(), encoding.categorical.len(), rows);
        make_room_for_folds(&self.data, &mut self.window);
        let mut done = 0;
        for &block in &blocks {
            let places = &self.places[done..done + block_len(block)];
            assemble_block(&self.data, block, places, &mut self.window)?;
            done += places.len();
        }
        let complete = !self.window.targets.iter().any(|target| target.is_nan());
        Ok(Window { epoch, places, complete })
    }

    /// The places and the blocks of the window that holds a place.
    fn locate_window(&mut self, number: u64, place: u64) -> (Range<u64>, Vec<u64>) {
        let epoch = match self.epoch.take() {
            Some(epoch) if epoch.number == number => epoch,
            _ => self.begin_epoch(number),
        };
        // Every window but the short one and the last is full.
        let lacking = (self.blocks.end - self.blocks.start) * BLOCK_ROWS - self.rows;
        let start_of = |window: u64| window * WINDOW_ROWS - if window > epoch.short_window { lacking } else { 0 };
        let mut window = place / WINDOW_ROWS;
        if place >= start_of(window + 1) {
            window += 1;
        }
        let places = start_of(window)..start_of(window + 1).min(self.rows);
        let first = window as usize * WINDOW_BLOCKS;
        let offsets = &epoch.sequence[first..epoch.sequence.len().min(first + WINDOW_BLOCKS)];
        let at = (number, window as usize);
        self.lookout.look(&self.data, at, &self.blocks, &epoch.sequence);
        let blocks = offsets.iter().map(|&block| self.blocks.start + u64::from(block)).collect();
        self.epoch = Some(epoch);
        (places, blocks)
    }

    fn begin_epoch(&self, number: u64) -> Epoch {
        let sequence = self.order.sequence(number);
        let last = sequence.len().saturating_sub(1) as u32;
        let short = sequence.iter().position(|&block| block == last).unwrap_or(0);
        Epoch { number, sequence, short_window: (short / WINDOW_BLOCKS) as u64 }
    }
}

fn make_room_for_folds(data: &EncodedFrame, batch: &mut Batch) {
    if data.folds().is_some() {
        batch.folds.resize(batch.rows, 0);
    }
}
