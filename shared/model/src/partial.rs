//! Partials: what a rank returns from a round, and how two of them are added.

use std::ops::Range;

use aquifer_frame::{Isa, Loop};

/// The types a partial's vectors may have; the type travels on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ValueType {
    F32,
    F64,
    U64,
}

impl ValueType {
    pub fn bytes(self) -> usize {
        match self {
            ValueType::F32 => 4,
            ValueType::F64 | ValueType::U64 => 8,
        }
    }
}

/// What a vector of a round's partials is: every rank's partial has these, in this order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VectorSpec {
    pub name: String,
    pub value_type: ValueType,
    pub len: usize,
}

/// The values of one vector.
#[derive(Clone, Debug, PartialEq)]
pub enum Values {
    F32(Vec<f32>),
    F64(Vec<f64>),
    U64(Vec<u64>),
}

/// A weight (rows, or the sum of row weights) and the vectors that [`VectorSpec`]s describe.
#[derive(Clone, Debug, PartialEq)]
pub struct Partial {
    pub weight: f64,
    pub vectors: Vec<Values>,
}

impl Values {
    pub fn zeros(value_type: ValueType, len: usize) -> Self {
        match value_type {
            ValueType::F32 => Values::F32(vec![0.0; len]),
            ValueType::F64 => Values::F64(vec![0.0; len]),
            ValueType::U64 => Values::U64(vec![0; len]),
        }
    }

    pub fn value_type(&self) -> ValueType {
        match self {
            Values::F32(_) => ValueType::F32,
            Values::F64(_) => ValueType::F64,
            Values::U64(_) => ValueType::U64,
        }
    }

    pub fn len(&self) -> usize {
        match self {
            Values::F32(v) => v.len(),
            Values::F64(v) => v.len(),
            Values::U64(v) => v.len(),
        }
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// A copy of the elements in `range`.
    pub fn slice(&self, range: Range<usize>) -> Self {
        match self {
            Values::F32(v) => Values::F32(v[range].to_vec()),
            Values::F64(v) => Values::F64(v[range].to_vec()),
            Values::U64(v) => Values::U64(v[range].to_vec()),
        }
    }

    /// The elements of `range` as little-endian bytes: the form on the wire.
    pub fn to_bytes(&self, range: Range<usize>) -> Vec<u8> {
        match self {
            Values::F32(v) => v[range].iter().flat_map(|x| x.to_le_bytes()).collect(),
            Values::F64(v) => v[range].iter().flat_map(|x| x.to_le_bytes()).collect(),
            Values::U64(v) => v[range].iter().flat_map(|x| x.to_le_bytes()).collect(),
        }
    }

    /// Writes little-endian bytes over the elements from `offset`; false if they do not fit in.
    #[must_use]
    pub fn put_bytes(&mut self, offset: usize, bytes: &[u8]) -> bool {
        let width = self.value_type().bytes();
        let count = bytes.len() / width;
        if !bytes.len().is_multiple_of(width) || offset.checked_add(count).is_none_or(|end| end > self.len()) {
            return false;
        }
        match self {
            Values::F32(v) => put(&mut v[offset..], bytes, f32::from_le_bytes),
            Values::F64(v) => put(&mut v[offset..], bytes, f64::from_le_bytes),
            Values::U64(v) => put(&mut v[offset..], bytes, u64::from_le_bytes),
        }
        true
    }

    /// Element by element, self on the left.
    fn add(&mut self, right: &Values) {
        match (self, right) {
            (Values::F32(a), Values::F32(b)) => Isa::detect().run(AddF32(a, b)),
            (Values::F64(a), Values::F64(b)) => a.iter_mut().zip(b).for_each(|(a, b)| *a += b),
            (Values::U64(a), Values::U64(b)) => a.iter_mut().zip(b).for_each(|(a, b)| *a += b),
            _ => unreachable!("vectors of one round have one type"),
        }
    }
}

struct AddF32<'a>(&'a mut [f32], &'a [f32]);

impl Loop for AddF32<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        self.0.iter_mut().zip(self.1).for_each(|(a, b)| *a += b);
    }
}

fn put<T, const N: usize>(values: &mut [T], bytes: &[u8], read: impl Fn([u8; N]) -> T) {
    let (chunks, _) = bytes.as_chunks::<N>();
    values.iter_mut().zip(chunks).for_each(|(value, chunk)| *value = read(*chunk));
}

impl Partial {
    /// The sum of two neighbours in the tree; the order of the arguments is the order of their leaves.
    #[allow(clippy::should_implement_trait)] // not `+`: the order of the arguments decides bits
    pub fn add(mut left: Partial, right: Partial) -> Partial {
        left.add_from(&right);
        left
    }

    /// The same, in place.
    pub fn add_from(&mut self, right: &Partial) {
        assert_eq!(self.vectors.len(), right.vectors.len(), "partials of one round have the same vectors");
        self.weight += right.weight;
        for (a, b) in self.vectors.iter_mut().zip(&right.vectors) {
            assert_eq!(a.len(), b.len(), "vectors of one round have one length");
            a.add(b);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_round_trip_and_refuse_what_does_not_fit() {
        let values = Values::F32(vec![1.5, -0.0, f32::MIN_POSITIVE]);
        let mut back = Values::zeros(ValueType::F32, 3);
        assert!(back.put_bytes(1, &values.to_bytes(1..3)));
        assert!(back.put_bytes(0, &values.to_bytes(0..1)));
        assert_eq!(back, values);
        assert!(!back.put_bytes(2, &values.to_bytes(0..2)));
        assert!(!back.put_bytes(0, &[1, 2, 3]));
        assert!(!back.put_bytes(usize::MAX, &[0; 4]));
    }

    #[test]
    fn adds_weight_and_vectors() {
        let p = |w, x, n| Partial { weight: w, vectors: vec![Values::F64(vec![x]), Values::U64(vec![n])] };
        assert_eq!(Partial::add(p(1.0, 0.5, 2), p(2.0, 0.25, 3)), p(3.0, 0.75, 5));
    }
}
