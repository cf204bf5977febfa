//! Segments: the slices of a partial's vectors that one member reduces.

use std::ops::Range;

use aquifer_model::{Partial, ValueType, Values, VectorSpec};

/// For each vector of the round, the elements that belong to this segment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Segment {
    ranges: Vec<Range<usize>>,
}

/// Cuts the vectors, taken as one long row of bytes, into `count` segments of nearly equal size. Elements are not cut.
pub fn segments(vectors: &[VectorSpec], count: usize) -> Vec<Segment> {
    let total: usize = vectors.iter().map(|v| v.len * v.value_type.bytes()).sum();
    (0..count)
        .map(|k| {
            let (from, to) = (total * k / count, total * (k + 1) / count);
            let mut start = 0;
            let ranges = vectors.iter().map(|v| {
                let width = v.value_type.bytes();
                // The first element that begins at or after a cut: neighbours agree on it.
                let element = |cut: usize| cut.saturating_sub(start).div_ceil(width).min(v.len);
                let range = element(from)..element(to);
                start += v.len * width;
                range
            });
            Segment { ranges: ranges.collect() }
        })
        .collect()
}

impl Segment {
    /// Type and length of each vector's part.
    pub fn shape(&self, vectors: &[VectorSpec]) -> Vec<(ValueType, usize)> {
        vectors.iter().zip(&self.ranges).map(|(v, r)| (v.value_type, r.len())).collect()
    }

    /// The segment's part of a partial.
    pub fn cut(&self, partial: &Partial) -> Partial {
        let vectors = partial.vectors.iter().zip(&self.ranges).map(|(v, r)| v.slice(r.clone()));
        Partial { weight: partial.weight, vectors: vectors.collect() }
    }
}

/// Segments side by side again.
pub(super) fn join(parts: Vec<Partial>, vectors: &[VectorSpec]) -> Option<Partial> {
    let weight = parts.first()?.weight;
    let mut whole: Vec<Values> = vectors.iter().map(|v| Values::zeros(v.value_type, 0)).collect();
    for part in parts {
        for (to, from) in whole.iter_mut().zip(part.vectors) {
            match (to, from) {
                (Values::F32(a), Values::F32(b)) => a.extend(b),
                (Values::F64(a), Values::F64(b)) => a.extend(b),
                (Values::U64(a), Values::U64(b)) => a.extend(b),
                _ => unreachable!("vectors of one round have one type"),
            }
        }
    }
    Some(Partial { weight, vectors: whole })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec(value_type: ValueType, len: usize) -> VectorSpec {
        VectorSpec { name: "v".into(), value_type, len }
    }

    #[test]
    fn cover_every_element_once_and_join_again() {
        let vectors =
            [spec(ValueType::F32, 10), spec(ValueType::U64, 3), spec(ValueType::F64, 0), spec(ValueType::F32, 1)];
        let whole = Partial {
            weight: 2.0,
            vectors: vec![
                Values::F32((0..10).map(|i| i as f32).collect()),
                Values::U64(vec![1, 2, 3]),
                Values::F64(vec![]),
                Values::F32(vec![9.0]),
            ],
        };
        for count in 1..=9 {
            let parts: Vec<_> = segments(&vectors, count).iter().map(|s| s.cut(&whole)).collect();
            assert_eq!(join(parts, &vectors), Some(whole.clone()), "{count} segments");
        }
    }
}
