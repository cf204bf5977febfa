//! Nodes of partials to exchange messages and back.

use aquifer_frame::Node;
use aquifer_model::{Partial, ValueType, Values, VectorSpec};

use crate::CHUNK_BYTES;
use crate::v1::{SegmentPart, SparseVector, Sums, ValueType as WireType};

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

/// The total of a scoring round, of which most bins are empty.
pub fn pack_sums(total: &Partial) -> Sums {
    let pack = |values: &Values| {
        let set = |at: &usize| match values {
            Values::F32(v) => v[*at].to_bits() != 0,
            Values::F64(v) => v[*at].to_bits() != 0,
            Values::U64(v) => v[*at] != 0,
        };
        let places: Vec<usize> = (0..values.len()).filter(set).collect();
        SparseVector {
            value_type: to_wire(values.value_type()) as i32,
            length: values.len() as u64,
            values: places.iter().flat_map(|at| values.to_bytes(*at..at + 1)).collect(),
            places: places.into_iter().map(|at| at as u32).collect(),
        }
    };
    Sums { weight: total.weight, vectors: total.vectors.iter().map(pack).collect() }
}

/// Back again: `shape` is what a scoring round has.
pub fn unpack_sums(sums: &Sums, shape: &[VectorSpec]) -> Result<Partial, WireError> {
    let bad = |field, reason: &str| WireError { field, reason: reason.into() };
    if sums.vectors.len() != shape.len() {
        return Err(bad("vectors", "not as many as a scoring round has"));
    }
    let mut vectors = Vec::new();
    for (vector, spec) in sums.vectors.iter().zip(shape) {
        let width = spec.value_type.bytes();
        let fits = vector.value_type == to_wire(spec.value_type) as i32 && vector.length == spec.len as u64;
        if !fits || vector.values.len() != vector.places.len() * width {
            return Err(bad("values", "of another type or length"));
        }
        let mut values = Values::zeros(spec.value_type, spec.len);
        for (place, bytes) in vector.places.iter().zip(vector.values.chunks_exact(width)) {
            if !values.put_bytes(*place as usize, bytes) {
                return Err(bad("places", "beyond the vector's end"));
            }
        }
        vectors.push(values);
    }
    Ok(Partial { weight: sums.weight, vectors })
}

/// As bytes, for who keeps them.
pub fn sums_to_bytes(sums: &Sums) -> Vec<u8> {
    prost::Message::encode_to_vec(sums)
}

pub fn sums_from_bytes(bytes: &[u8]) -> Option<Sums> {
    prost::Message::decode(bytes).ok()
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
    fn sums_survive_the_wire_without_their_zeros() {
        let total = Partial {
            weight: 2.5,
            vectors: vec![Values::U64(vec![0, 7, 0]), Values::F64(vec![-0.0, 0.0, 0.5]), Values::F32(vec![])],
        };
        let spec = |value_type, len| VectorSpec { name: "v".into(), value_type, len };
        let shape = [spec(ValueType::U64, 3), spec(ValueType::F64, 3), spec(ValueType::F32, 0)];
        let packed = pack_sums(&total);
        assert_eq!(packed.vectors[0].places, [1]);
        let back = unpack_sums(&packed, &shape).unwrap();
        assert_eq!(format!("{back:?}"), format!("{total:?}"));
        assert_eq!(unpack_sums(&packed, &shape[..2]).unwrap_err().field, "vectors");
        let mut far = packed.clone();
        far.vectors[0].places = vec![3];
        assert_eq!(unpack_sums(&far, &shape).unwrap_err().field, "places");
        far.vectors[0].values.pop();
        assert_eq!(unpack_sums(&far, &shape).unwrap_err().field, "values");
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
