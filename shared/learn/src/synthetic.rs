//! Rows made from their numbers alone: data for the self-test and for unit tests.

use std::ops::Range;
use std::sync::Arc;

use aquifer_frame::{
    Batch, Categorical, Columns, Encoding, Numeric, Philox, Target, below, block_count, block_rows, rank_blocks, unit,
};

use crate::error::ReadError;
use crate::{PartRows, Rows};

/// What the rows look like.
#[derive(Clone, Debug)]
pub(crate) struct Synthetic {
    pub(crate) rows: u64,
    pub(crate) numeric: usize,
    /// Slots of each categorical feature.
    pub(crate) slots: Vec<usize>,
    /// None is a regression.
    pub(crate) classes: Option<usize>,
    /// Whether rows have weights other than 1.
    pub(crate) weighted: bool,
    /// Rows whose number is a multiple of this don't pass the filter.
    pub(crate) left_out: Option<u64>,
}

/// One rank's rows.
pub(crate) struct RankRows<'a> {
    data: &'a Synthetic,
    own: Range<u64>,
    rank: u32,
    stream: Philox,
    /// The order of an epoch.
    order: Option<(u64, Vec<u32>)>,
}

impl Synthetic {
    pub(crate) fn encoding(&self) -> Arc<Encoding> {
        let numeric = |i| Numeric::plain(&format!("x{i}"), 0.0, 0.0, 1.0);
        let levels = |slots: usize| (1..slots).map(|level| level.to_string()).collect();
        let categorical =
            |(i, slots): (usize, &usize)| Categorical { column: format!("c{i}"), levels: levels(*slots), other: false };
        let column = String::from("y");
        Arc::new(Encoding {
            numeric: (0..self.numeric).map(numeric).collect(),
            categorical: self.slots.iter().enumerate().map(categorical).collect(),
            target: match self.classes {
                None => Target::Regression { column, reading: None, mean: 2.0, deviation: 3.0 },
                Some(classes) => Target::Classes { column, levels: (0..classes).map(|i| i.to_string()).collect() },
            },
            weights_column: self.weighted.then(|| "w".into()),
            skip_missing: false,
        })
    }

    pub(crate) fn part_rows(&self) -> PartRows {
        PartRows { train: self.rows, validation: None, holdout: None, test: None }
    }

    pub(crate) fn rank(&self, rank: u32, ranks: u32) -> RankRows<'_> {
        let blocks = rank_blocks(rank, ranks, block_count(self.rows));
        let own = block_rows(blocks.start, self.rows).start..block_rows(blocks.end, self.rows).start;
        RankRows { data: self, own, rank, stream: Philox::new(1, "order of synthetic rows"), order: None }
    }

    /// The rows of these numbers that pass the filter.
    pub(crate) fn batch(&self, ids: impl Iterator<Item = u64>, batch: &mut Batch) {
        *batch = Batch {
            width: self.numeric,
            stride: self.numeric.next_multiple_of(16),
            categorical: self.slots.len(),
            ..Batch::default()
        };
        for id in ids.filter(|id| self.left_out.is_none_or(|every| !id.is_multiple_of(every))) {
            self.push(id, batch);
        }
    }

    fn push(&self, id: u64, batch: &mut Batch) {
        let stream = Philox::new(7, "synthetic rows");
        let word = |index: usize| stream.draw(index as u32 / 4, 0, id)[index % 4];
        let mut score = 0.0;
        for i in 0..batch.stride {
            let x = if i < self.numeric { 2.0 * unit(word(i)) - 1.0 } else { 0.0 };
            score += if i % 2 == 0 { x } else { x * x };
            batch.dense.push(x);
        }
        let mut first = self.numeric;
        for (i, slots) in self.slots.iter().enumerate() {
            let slot = below(word(self.numeric + i), *slots as u32);
            score += if slot.is_multiple_of(2) { 0.5 } else { -0.5 };
            batch.indices.push(first as u32 + slot);
            first += slots;
        }
        let last = self.numeric + self.slots.len();
        score += unit(word(last)) - 0.5;
        batch.targets.push(match self.classes {
            None => score,
            Some(classes) => ((score + 1.0) * classes as f32 * 0.5).clamp(0.0, classes as f32 - 1.0).floor(),
        });
        batch.weights.push(if self.weighted { 0.5 + unit(word(last + 1)) } else { 1.0 });
        batch.ids.push(id);
        batch.rows += 1;
    }
}

impl Rows for RankRows<'_> {
    fn shuffled(&mut self, epoch: u64, rows: Range<u64>, batch: &mut Batch) -> Result<(), ReadError> {
        let (own, stream) = (self.own.clone(), self.stream);
        if self.order.as_ref().is_none_or(|(of, _)| *of != epoch) {
            let count = (own.end - own.start) as usize;
            self.order = Some((epoch, stream.permutation(count, epoch, u64::from(self.rank))));
        }
        let order = self.order.as_ref().map_or(&[][..], |(_, order)| order);
        let ids = order[rows.start as usize..rows.end as usize].iter().map(|i| own.start + u64::from(*i));
        self.data.batch(ids, batch);
        Ok(())
    }

    fn columns(&mut self, epoch: u64, rows: Range<u64>, columns: &mut Columns) -> Result<(), ReadError> {
        let mut batch = Batch::default();
        // With every row there: those that are left out weigh nothing.
        let whole = Synthetic { left_out: None, ..self.data.clone() };
        let (own, stream, rank) = (self.own.clone(), self.stream, self.rank);
        RankRows { data: &whole, own, rank, stream, order: self.order.clone() }.shuffled(epoch, rows, &mut batch)?;
        *columns = Columns::of(&batch, |id| self.data.left_out.is_none_or(|every| !id.is_multiple_of(every)));
        Ok(())
    }

    fn block(&mut self, block: u64, batch: &mut Batch) -> Result<(), ReadError> {
        self.data.batch(block_rows(block, self.data.rows), batch);
        Ok(())
    }
}
