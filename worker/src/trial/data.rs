//! The rows of the own ranks: shards opened, encoded, one reader a part and rank.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::{Arc, Mutex};

use aquifer_frame::{Ahead, Apply, EncodedFrame, Encoding, Reader, block_count, block_rows, rank_blocks};
use aquifer_model::{Part, Report};
use aquifer_proto::TrialPlan;

use super::Node;
use crate::said::Said;
use crate::shards::Opened;

/// Each is used by one task at a time: its rank's.
pub(super) type Readers = BTreeMap<(Part, u32), Arc<Mutex<Reader>>>;

/// Readers of the own ranks, for each part.
pub(super) fn open_readers(
    node: &Node,
    plan: &TrialPlan,
    encoding: &Arc<Encoding>,
    ranks: Range<u32>,
) -> Result<Readers, Report> {
    let params = &plan.fit.params;
    let mut readers = BTreeMap::new();
    for part in &plan.parts {
        let blocks = |rank| rank_blocks(rank, params.ranks, block_count(part.rows));
        let rows: Vec<_> = ranks
            .clone()
            .map(blocks)
            .filter(|blocks| !blocks.is_empty())
            .map(|blocks| block_rows(blocks.start, part.rows).start..block_rows(blocks.end - 1, part.rows).end)
            .collect();
        let Opened { shards, new } = node.shards.open(part, &rows, &node.runtime)?;
        if !new.is_empty() {
            let _ = node.said.send(Said::Held(new));
        }
        let frame = Arc::new(
            EncodedFrame::new(part.rows, shards, encoding.clone(), Apply::TARGET)?.with_side(part.side.clone())?,
        );
        // Of this worker's ranks; the page cache may be what the machine has, whatever a training may take.
        let bytes: u64 = part.shards.iter().map(|shard| shard.record.bytes).sum();
        let of_own = |all: u64| all * ranks.len() as u64 / u64::from(params.ranks);
        let ahead =
            Ahead::of(of_own(bytes), of_own(block_count(part.rows)), ranks.len() as u64, node.budget.cache_bytes());
        for rank in ranks.clone() {
            let reader = Reader::new(frame.clone(), blocks(rank), rank, params.seed, params.shuffle);
            let reader = reader.with_ahead(ahead);
            readers.insert((part.part, rank), Arc::new(Mutex::new(reader)));
        }
    }
    Ok(readers)
}
