//! States of trials, as checkpoints hold them and peers hand them over: what stands behind the hash is reached by heads
//! that are sealed again once they were changed. Cuts and flips are tried beside the format itself.

use std::path::Path;

use aquifer_model::{Kind, Partial, Record, Report, Snapshot, State, StateVector, Values};
use serde_json::Value;

use crate::case::{Case, Cases, Expect, Input};
use crate::json;
use crate::mutate::mutate;
use crate::seeds::Numbers;

const SCRAMBLED: usize = 4_000;
const HEAD: usize = 16;
const HASH: usize = 32;

struct States {
    whole: Vec<u8>,
    /// Heads in which one value is another.
    lies: Vec<(String, Value)>,
}

pub(crate) fn cases(_: &Path) -> Box<dyn Cases> {
    let vector = |name: &str, values: &[f32]| StateVector { name: name.into(), values: values.to_vec() };
    let record = Record { round: 7, position: 900, loss: Some(0.1), ..Record::default() };
    let sums = Partial { weight: 0.1, vectors: vec![Values::U64(vec![1, 2, 3]), Values::F64(vec![0.5, -0.0])] };
    let whole = Snapshot {
        identity: "0123".into(),
        state: State { record, vectors: vec![vector("weights", &[1.0, -0.0, 1e-40]), vector("m", &[])] },
        holdout: Some(sums),
        train_seconds: 1.5,
        score_seconds: 0.25,
    };
    let whole = whole.to_bytes();
    let head = serde_json::from_slice(parts(&whole).0).expect("a head");
    Box::new(States { lies: json::lies(&head), whole })
}

impl Cases for States {
    fn count(&self) -> usize {
        1 + self.lies.len() + SCRAMBLED
    }

    fn case(&self, at: usize, _: &Path) -> Case {
        let (head, values) = parts(&self.whole);
        let (what, head, expect) = match at.checked_sub(1) {
            None => ("a state as it is".to_owned(), head.to_vec(), Expect::Right),
            Some(at) => match self.lies.get(at) {
                Some((what, lie)) => (what.clone(), lie.to_string().into_bytes(), Expect::Any),
                None => {
                    let mut head = head.to_vec();
                    let way = mutate(&mut head, &mut Numbers(at as u64));
                    (way, head, Expect::Any)
                }
            },
        };
        let bytes = sealed(&head, values);
        Case { what, input: Input::work(move || Ok(read(&bytes))), expect }
    }
}

/// Head and values.
fn parts(whole: &[u8]) -> (&[u8], &[u8]) {
    let length = u64::from_le_bytes(whole[8..HEAD].try_into().expect("8 bytes")) as usize;
    whole[HEAD..whole.len() - HASH].split_at(length)
}

fn sealed(head: &[u8], values: &[u8]) -> Vec<u8> {
    let mut bytes = [b"AQSNAP1\n", &(head.len() as u64).to_le_bytes()[..], head, values].concat();
    let hash = blake3::hash(&bytes);
    bytes.extend_from_slice(hash.as_bytes());
    bytes
}

/// What is read is written and read again as the same.
fn read(bytes: &[u8]) -> Result<(), Report> {
    let refused = |error: aquifer_model::SnapshotError| Report::new(Kind::Work, "state", error.to_string());
    let read = Snapshot::from_bytes(bytes).map_err(refused)?;
    assert_eq!(Snapshot::from_bytes(&read.to_bytes()).map_err(refused)?.to_bytes(), read.to_bytes());
    Ok(())
}
