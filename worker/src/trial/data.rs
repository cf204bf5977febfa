//! The rows of the own ranks: shards opened, encoded, and readers for all that read side by side.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::{Arc, Mutex};

use aquifer_frame::{Ahead, Apply, EncodedFrame, Encoding, Reader, block_count, block_rows, rank_blocks};
use aquifer_model::{Part, Report};
use aquifer_proto::CohortPlan;

use super::Node;
use crate::said::Said;
use crate::shards::Opened;

/// By part, rank, and which of those that read a rank side by side. Each is used by one task at a time.
pub(super) type Readers = BTreeMap<(Part, u32, usize), Arc<Mutex<Reader>>>;

/// Readers of the own ranks, for each part: `side_by_side` of each rank.
pub(super) async fn open_readers(
    node: &Node,
    plan: &CohortPlan,
    encoding: &Arc<Encoding>,
    own_ranks: Range<u32>,
    side_by_side: usize,
) -> Result<Readers, Report> {
    let Some(params) = plan.trials.first().map(|trial| &trial.fit.params) else { return Ok(Readers::new()) };
    let mut readers = Readers::new();
    for part in &plan.parts {
        let blocks = |rank| rank_blocks(rank, params.ranks, block_count(part.rows));
        let rows: Vec<_> = own_ranks
            .clone()
            .map(blocks)
            .filter(|blocks| !blocks.is_empty())
            .map(|blocks| block_rows(blocks.start, part.rows).start..block_rows(blocks.end - 1, part.rows).end)
            .collect();
        let Opened { shards, new } = node.shards.open(part, &rows).await?;
        if !new.is_empty() {
            let _ = node.said.send(Said::Held(new));
        }
        let folds = plan.folds.clone().filter(|_| part.part == Part::Train);
        let frame = EncodedFrame::new(part.rows, shards, encoding.clone(), Apply::TARGET)?;
        let frame = Arc::new(frame.with_side(part.side.clone())?.with_folds(folds)?);
        // Of this worker's ranks; the page cache may be what the machine has, whatever a training may take.
        let bytes: u64 = part.shards.iter().map(|shard| shard.record.bytes).sum();
        let of_own = |all: u64| all * own_ranks.len() as u64 / u64::from(params.ranks);
        let ahead =
            Ahead::of(of_own(bytes), of_own(block_count(part.rows)), own_ranks.len() as u64, node.budget.cache_bytes());
        for rank in own_ranks.clone() {
            for at in 0..side_by_side {
                let mut reader = Reader::new(frame.clone(), blocks(rank), rank, params.seed, params.shuffle);
                if at == 0 {
                    reader = reader.with_ahead(ahead); // the others follow close behind
                }
                if plan.trials.len() > 1 {
                    reader = reader.shared();
                }
                readers.insert((part.part, rank, at), Arc::new(Mutex::new(reader)));
            }
        }
    }
    Ok(readers)
}
