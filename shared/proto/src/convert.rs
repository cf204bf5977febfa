//! Nodes of partials to exchange messages and back.

use aquifer_frame::Node;
use aquifer_model::{Partial, ValueType, Values};

use crate::CHUNK_BYTES;
use crate::v1::{SegmentPart, ValueType as WireType};

/// A message that does not fit what the round is.
#[derive(Debug, thiserror::Error)]
#[error("exchange message: {field}: {reason}")]
pub struct WireError {
    pub field: &'static str,
    pub reason: String,
}

/// Cuts nodes into messages of at most [`CHUNK_BYTES`] of values; the caller marks the last one.
pub fn exchange_messages(nodes: &[(Node, Option<Partial>)]) -> Vec<Vec<SegmentPart>> {
    let mut messages = vec![Vec::new()];
    let mut room = CHUNK_BYTES;
    for (node, partial) in nodes {
        for part in node_parts(*node, partial.as_ref()) {
            if part.values.len() > room {
                messages.push(Vec::new());
                room = CHUNK_BYTES;
            }
            room -= part.values.len();
            if let Some(message) = messages.last_mut() {
                message.push(part);
            }
        }
    }
    messages
}

/// The parts of one node: one a vector and chunk, and one without values where there are none.
fn node_parts(node: Node, partial: Option<&Partial>) -> Vec<SegmentPart> {
    let head = SegmentPart { node_first_rank: node.lo, node_ranks: node.n, ..SegmentPart::default() };
    let Some(partial) = partial else { return vec![SegmentPart { skipped: true, ..head }] };
    let head = SegmentPart { weight: partial.weight, ..head };
    let mut parts = Vec::new();
    for (at, vector) in partial.vectors.iter().enumerate() {
        let chunk = CHUNK_BYTES / vector.value_type().bytes();
        for offset in (0..vector.len()).step_by(chunk) {
            parts.push(SegmentPart {
                vector: at as u32,
                value_type: to_wire(vector.value_type()) as i32,
                offset: offset as u64,
                values: vector.to_bytes(offset..vector.len().min(offset + chunk)),
                ..head.clone()
            });
        }
    }
    if parts.is_empty() {
        parts.push(head);
    }
    parts
}

/// Puts parts together again: `shape` is the type and length of each vector of the segment. Room is made for at most
/// `nodes_max` nodes.
pub fn read_parts(
    parts: Vec<SegmentPart>,
    shape: &[(ValueType, usize)],
    nodes_max: usize,
) -> Result<Vec<(Node, Option<Partial>)>, WireError> {
    let mut nodes: Vec<(Node, Option<Partial>)> = Vec::new();
    for part in parts {
        let node = Node { lo: part.node_first_rank, n: part.node_ranks };
        if nodes.last().is_none_or(|(last, _)| *last != node) {
            if nodes.len() == nodes_max {
                return Err(WireError { field: "node", reason: format!("more than {nodes_max} nodes") });
            }
            nodes.push((node, (!part.skipped).then(|| empty(part.weight, shape))));
        }
        let Some((_, Some(partial))) = nodes.last_mut() else { continue };
        if part.values.is_empty() {
            continue;
        }
        let Some(vector) = partial.vectors.get_mut(part.vector as usize) else {
            return Err(WireError { field: "vector", reason: format!("the round has no vector {}", part.vector) });
        };
        if to_wire(vector.value_type()) as i32 != part.value_type {
            return Err(WireError { field: "value_type", reason: format!("vector {} has another type", part.vector) });
        }
        let fits = usize::try_from(part.offset).is_ok_and(|offset| vector.put_bytes(offset, &part.values));
        if !fits {
            let reason = format!("{} bytes at element {} of {}", part.values.len(), part.offset, vector.len());
            return Err(WireError { field: "values", reason });
        }
    }
    Ok(nodes)
}

fn empty(weight: f64, shape: &[(ValueType, usize)]) -> Partial {
    Partial { weight, vectors: shape.iter().map(|(value_type, len)| Values::zeros(*value_type, *len)).collect() }
}

fn to_wire(value_type: ValueType) -> WireType {
    match value_type {
        ValueType::F32 => WireType::F32,
        ValueType::F64 => WireType::F64,
        ValueType::U64 => WireType::U64,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nodes_survive_the_wire_in_messages_of_at_most_a_chunk() {
        let long: Vec<f32> = (0..700_000).map(|i| i as f32).collect();
        let partial =
            Partial { weight: 3.5, vectors: vec![Values::F32(long), Values::U64(vec![7]), Values::F64(vec![])] };
        let nodes = vec![(Node { lo: 0, n: 2 }, Some(partial)), (Node { lo: 2, n: 1 }, None)];
        let messages = exchange_messages(&nodes);
        assert!(messages.len() > 2);
        let shape = [(ValueType::F32, 700_000), (ValueType::U64, 1), (ValueType::F64, 0)];
        let small = |message: &Vec<SegmentPart>| message.iter().map(|p| p.values.len()).sum::<usize>() <= CHUNK_BYTES;
        assert!(messages.iter().all(small));
        let parts: Vec<SegmentPart> = messages.into_iter().flatten().collect();
        assert_eq!(read_parts(parts.clone(), &shape, 2).unwrap(), nodes);
        assert_eq!(read_parts(parts, &shape, 1).unwrap_err().field, "node");
    }

    #[test]
    fn refuses_what_does_not_fit_the_round() {
        let node = Node { lo: 0, n: 1 };
        let partial = Partial { weight: 1.0, vectors: vec![Values::F32(vec![1.0, 2.0])] };
        let message = || exchange_messages(&[(node, Some(partial.clone()))]).remove(0);
        let refuse = |shape: &[(ValueType, usize)]| read_parts(message(), shape, 9).unwrap_err().field;
        assert_eq!(refuse(&[]), "vector");
        assert_eq!(refuse(&[(ValueType::F64, 2)]), "value_type");
        assert_eq!(refuse(&[(ValueType::F32, 1)]), "values");
    }
}
