//! Rows of one rank, assembled: in the shuffled order of an epoch, or block by block as they are.

use std::ops::Range;
use std::sync::Arc;

use crate::assemble::assemble_block;
use crate::batch::Batch;
use crate::block::{BLOCK_ROWS, block_rows};
use crate::encode::EncodedFrame;
use crate::error::Error;
use crate::order::{Order, WINDOW_BLOCKS};

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
    current: Option<Window>,
    /// The rows of `current`, in order.
    window: Batch,
    /// Where each row of a block goes.
    places: Vec<u32>,
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
    pub fn new(data: Arc<EncodedFrame>, blocks: Range<u64>, rank: u32, seed: u64) -> Self {
        let frame_rows = data.rows();
        let rows = (blocks.end * BLOCK_ROWS).min(frame_rows).saturating_sub(blocks.start * BLOCK_ROWS);
        let order = Order::new(blocks.clone(), rank, seed);
        Self { data, blocks, rows, order, epoch: None, current: None, window: Batch::default(), places: Vec::new() }
    }

    /// Rows of the rank, with and without a target.
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// Blocks of the rank.
    pub fn blocks(&self) -> Range<u64> {
        self.blocks.clone()
    }

    /// The rows at `rows` of the rank's order in an epoch; those without a target are left out.
    pub fn shuffled(&mut self, epoch: u64, rows: Range<u64>, batch: &mut Batch) -> Result<(), Error> {
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
            batch.push(&self.window, part, self.data.with_target() && !window.complete);
            self.current = Some(window);
            next = until;
        }
        Ok(())
    }

    /// The rows of a block of the frame, in their natural order; with a target, those that have one.
    pub fn block(&mut self, block: u64, batch: &mut Batch) -> Result<(), Error> {
        let rows = block_rows(block, self.data.rows());
        let encoding = self.data.encoding();
        batch.shape(encoding.numeric.len(), encoding.categorical.len(), (rows.end - rows.start) as usize);
        self.places.clear();
        self.places.extend(0..(rows.end - rows.start) as u32);
        assemble_block(&self.data, block, &self.places, batch)?;
        if self.data.with_target() {
            batch.compact();
        }
        Ok(())
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
