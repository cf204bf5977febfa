//! A snapshot: the state of a trial between two rounds, as bytes. It is what a checkpoint holds, and what a worker that
//! joins a trial copies. Whoever has the trial's identity and the round has the same state.

use serde::{Deserialize, Serialize};

use crate::{Partial, Record, State, StateVector, ValueType, Values};

/// The first bytes of every snapshot.
const MAGIC: &[u8; 8] = b"AQSNAP1\n";
const HASH_BYTES: usize = 32;

#[derive(Clone, Debug, PartialEq)]
pub struct Snapshot {
    /// Hash of all that decides what the trial finds.
    pub identity: String,
    pub state: State,
    /// Of a fold: the sums of the held-out rows, of the state that is the model so far.
    pub holdout: Option<Partial>,
    /// For people.
    pub train_seconds: f64,
    pub score_seconds: f64,
}

#[derive(Debug, PartialEq, thiserror::Error)]
pub enum SnapshotError {
    #[error("a snapshot begins with other bytes")]
    Magic,
    #[error("a snapshot of {bytes} bytes is cut short, or too long")]
    Length { bytes: usize },
    #[error("the bytes of a snapshot do not have the hash that stands behind them")]
    Hash,
    #[error("the head of a snapshot cannot be read: {reason}")]
    Head { reason: String },
}

/// JSON before the vectors: all but their values.
#[derive(Serialize, Deserialize)]
struct Head {
    identity: String,
    record: Record,
    /// Name and length.
    vectors: Vec<(String, usize)>,
    /// The bits of the weight; type and length of each vector.
    holdout: Option<(u64, Vec<(Type, usize)>)>,
    train_seconds: f64,
    score_seconds: f64,
}

#[derive(Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Type {
    F32,
    F64,
    U64,
}

/// A snapshot of what is still in use.
#[derive(Clone, Copy, Debug)]
pub struct SnapshotOf<'a> {
    pub identity: &'a str,
    pub state: &'a State,
    pub holdout: Option<&'a Partial>,
    pub train_seconds: f64,
    pub score_seconds: f64,
}

impl SnapshotOf<'_> {
    pub fn to_bytes(&self) -> Vec<u8> {
        let State { record, vectors } = self.state;
        let holdout = self.holdout.map(|sums| {
            let shape = sums.vectors.iter().map(|values| (Type::of(values.value_type()), values.len()));
            (sums.weight.to_bits(), shape.collect())
        });
        let head = Head {
            identity: self.identity.to_owned(),
            record: record.clone(),
            vectors: vectors.iter().map(|vector| (vector.name.clone(), vector.values.len())).collect(),
            holdout,
            train_seconds: self.train_seconds,
            score_seconds: self.score_seconds,
        };
        let head = serde_json::to_vec(&head).unwrap_or_default();
        let floats: usize = vectors.iter().map(|vector| 4 * vector.values.len()).sum();
        let mut bytes = Vec::with_capacity(MAGIC.len() + 8 + head.len() + floats + HASH_BYTES);
        bytes.extend_from_slice(MAGIC);
        bytes.extend_from_slice(&(head.len() as u64).to_le_bytes());
        bytes.extend_from_slice(&head);
        for vector in vectors {
            vector.values.iter().for_each(|value| bytes.extend_from_slice(&value.to_le_bytes()));
        }
        for values in self.holdout.iter().flat_map(|sums| &sums.vectors) {
            bytes.extend_from_slice(&values.to_bytes(0..values.len()));
        }
        let hash = blake3::hash(&bytes);
        bytes.extend_from_slice(hash.as_bytes());
        bytes
    }

    /// Bytes of the vectors, which are nearly all of it.
    pub fn size(&self) -> u64 {
        let held_out = self.holdout.iter().flat_map(|sums| &sums.vectors);
        let held_out: usize = held_out.map(|values| values.len() * values.value_type().bytes()).sum();
        (self.state.vectors.iter().map(|vector| 4 * vector.values.len()).sum::<usize>() + held_out) as u64
    }
}

impl Snapshot {
    pub fn of(&self) -> SnapshotOf<'_> {
        let Snapshot { identity, state, holdout, train_seconds, score_seconds } = self;
        let (train_seconds, score_seconds) = (*train_seconds, *score_seconds);
        SnapshotOf { identity, state, holdout: holdout.as_ref(), train_seconds, score_seconds }
    }

    pub fn to_bytes(&self) -> Vec<u8> {
        self.of().to_bytes()
    }

    /// Whether these are the bytes of a snapshot: its identity and round, without a copy of its values.
    pub fn verify(bytes: &[u8]) -> Result<(String, u64), SnapshotError> {
        let (head, mut values) = open(bytes)?;
        let vectors = head.vectors.iter().map(|(_, len)| (Type::F32, *len));
        let sums = head.holdout.iter().flat_map(|(_, shape)| shape.iter().copied());
        for (value_type, len) in vectors.chain(sums) {
            let own = len.checked_mul(value_type.of_values().bytes());
            let rest = own.and_then(|own| values.get(own..));
            values = rest.ok_or(SnapshotError::Length { bytes: bytes.len() })?;
        }
        match values.is_empty() {
            true => Ok((head.identity, head.record.round)),
            false => Err(SnapshotError::Length { bytes: bytes.len() }),
        }
    }

    /// Reads what came from a file or a peer.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, SnapshotError> {
        let cut = || SnapshotError::Length { bytes: bytes.len() };
        let (head, mut values) = open(bytes)?;
        let mut take = |value_type: Type, len: usize| {
            let value_type = value_type.of_values();
            // Asked for before memory is: a length that lies makes nothing.
            let bytes = len.checked_mul(value_type.bytes())?;
            let (own, rest) = values.split_at_checked(bytes)?;
            values = rest;
            let mut read = Values::zeros(value_type, len);
            read.put_bytes(0, own).then_some(read)
        };
        let mut vectors = Vec::new();
        for (name, len) in head.vectors {
            let Some(Values::F32(values)) = take(Type::F32, len) else { return Err(cut()) };
            vectors.push(StateVector { name, values });
        }
        let holdout = match head.holdout {
            None => None,
            Some((weight, shape)) => {
                let vectors = shape.into_iter().map(|(value_type, len)| take(value_type, len));
                let vectors = vectors.collect::<Option<Vec<_>>>().ok_or_else(cut)?;
                Some(Partial { weight: f64::from_bits(weight), vectors })
            }
        };
        if !values.is_empty() {
            return Err(cut());
        }
        Ok(Self {
            identity: head.identity,
            state: State { record: head.record, vectors },
            holdout,
            train_seconds: head.train_seconds,
            score_seconds: head.score_seconds,
        })
    }
}

/// Head and values of bytes that have the right hash.
fn open(bytes: &[u8]) -> Result<(Head, &[u8]), SnapshotError> {
    let cut = || SnapshotError::Length { bytes: bytes.len() };
    if !bytes.starts_with(MAGIC) {
        return Err(SnapshotError::Magic);
    }
    let body = bytes.len().checked_sub(HASH_BYTES).ok_or_else(cut)?;
    let (body, hash) = bytes.split_at(body);
    if blake3::hash(body).as_bytes() != hash {
        return Err(SnapshotError::Hash);
    }
    let (length, rest) = body.get(MAGIC.len()..).and_then(|rest| rest.split_first_chunk::<8>()).ok_or_else(cut)?;
    let length = usize::try_from(u64::from_le_bytes(*length)).map_err(|_| cut())?;
    let (head, values) = rest.split_at_checked(length).ok_or_else(cut)?;
    let head: Head = serde_json::from_slice(head).map_err(|error| SnapshotError::Head { reason: error.to_string() })?;
    Ok((head, values))
}

impl Type {
    fn of(value_type: ValueType) -> Self {
        match value_type {
            ValueType::F32 => Type::F32,
            ValueType::F64 => Type::F64,
            ValueType::U64 => Type::U64,
        }
    }

    fn of_values(self) -> ValueType {
        match self {
            Type::F32 => ValueType::F32,
            Type::F64 => ValueType::F64,
            Type::U64 => ValueType::U64,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn snapshot() -> Snapshot {
        let vector = |name: &str, values: &[f32]| StateVector { name: name.into(), values: values.to_vec() };
        let record = Record { round: 7, position: 900, loss: Some(0.1), ..Record::default() };
        let sums =
            Partial { weight: 0.1, vectors: vec![Values::U64(vec![1, 2, 3]), Values::F64(vec![f64::MIN_POSITIVE])] };
        Snapshot {
            identity: "0123".into(),
            state: State { record, vectors: vec![vector("weights", &[1.0, -0.0, 1e-40]), vector("m", &[])] },
            holdout: Some(sums),
            train_seconds: 1.5,
            score_seconds: 0.25,
        }
    }

    #[test]
    fn is_read_as_it_was_written() {
        let with = snapshot();
        let without = Snapshot { holdout: None, ..with.clone() };
        for snapshot in [with, without] {
            let read = Snapshot::from_bytes(&snapshot.to_bytes()).unwrap();
            assert_eq!(read, snapshot);
            assert_eq!(Snapshot::verify(&snapshot.to_bytes()).unwrap(), ("0123".to_owned(), 7));
            assert_eq!(read.state.check(), snapshot.state.check());
        }
    }

    /// Every cut and every flipped bit is noticed, and asks for no memory that the bytes do not have.
    #[test]
    fn damage_is_an_error() {
        let bytes = snapshot().to_bytes();
        for length in 0..bytes.len() {
            assert!(Snapshot::from_bytes(&bytes[..length]).is_err(), "{length} bytes");
        }
        for bit in 0..8 * bytes.len() {
            let mut flipped = bytes.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert!(Snapshot::from_bytes(&flipped).is_err(), "bit {bit}");
        }
        // Lies with the right hash.
        let sealed = |head: &str, values: &[u8]| {
            let length = (head.len() as u64).to_le_bytes();
            let body = [&MAGIC[..], &length, head.as_bytes(), values].concat();
            [&body[..], blake3::hash(&body).as_bytes()].concat()
        };
        let head = |len: &str| {
            format!(
                "{{\"identity\":\"x\",\"record\":{{\"round\":0,\"position\":0,\"samples\":0,\"loss\":null,\"scores\":[]}},\
                 \"vectors\":[[\"w\",{len}]],\"holdout\":null,\"train_seconds\":0,\"score_seconds\":0}}"
            )
        };
        assert!(Snapshot::from_bytes(&sealed(&head("1"), &[0; 4])).is_ok());
        for len in ["2", "0", "9007199254740993", "18446744073709551615", "-1"] {
            assert!(Snapshot::from_bytes(&sealed(&head(len), &[0; 4])).is_err(), "{len}");
        }
    }
}
