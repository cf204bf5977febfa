//! Where two models differ first: in their spec, their encoding, a tensor or a score.

use std::fmt;

use aquifer_model::{Model, Tensor};
use serde::Serialize;

/// The first thing that is not the same, as the file has it and as it was made again.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct Difference {
    /// `spec`, `encoding`, `tensor`, `scores`, or `file` where all that a model says is the same.
    of: &'static str,
    name: Option<String>,
    /// Of a tensor's values, row-major; and how many of them differ.
    at: Option<usize>,
    count: Option<usize>,
    recorded: String,
    again: String,
}

impl Difference {
    pub(super) fn of(recorded: &Model, again: &Model) -> Self {
        let text = |of, name: Option<String>, recorded: String, again: String| Self {
            of,
            name,
            at: None,
            count: None,
            recorded,
            again,
        };
        let spec = |model: &Model| model.spec.canonical_json().unwrap_or_else(|error| error.to_string());
        if spec(recorded) != spec(again) {
            return text("spec", None, spec(recorded), spec(again));
        }
        if recorded.encoding != again.encoding {
            let json = |model: &Model| serde_json::to_string(&model.encoding).unwrap_or_default();
            return text("encoding", None, json(recorded), json(again));
        }
        if let Some(difference) = of_tensors(recorded, again) {
            return difference;
        }
        let scores = recorded.scores.iter().zip(&again.scores).find(|(a, b)| a != b);
        if let Some((a, b)) = scores {
            let json = |score| serde_json::to_string(score).unwrap_or_default();
            return text("scores", Some(a.part.to_string()), json(a), json(b));
        }
        if recorded.scores.len() != again.scores.len() {
            let parts =
                |model: &Model| model.scores.iter().map(|score| score.part.to_string()).collect::<Vec<_>>().join(", ");
            return text("scores", None, parts(recorded), parts(again));
        }
        let form = |model: &Model| format!("format {}, {} arithmetic", model.format, model.numeric_class);
        text("file", None, form(recorded), form(again))
    }
}

/// In the order of names.
fn of_tensors(recorded: &Model, again: &Model) -> Option<Difference> {
    let mut names: Vec<&str> = [recorded, again].iter().flat_map(|m| &m.tensors).map(|t| t.name.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    names.into_iter().find_map(|name| of_tensor(name, recorded.tensor(name), again.tensor(name)))
}

fn of_tensor(name: &str, recorded: Option<&Tensor>, again: Option<&Tensor>) -> Option<Difference> {
    let shape = |tensor: Option<&Tensor>| tensor.map(|tensor| tensor.shape.clone());
    let found = |at, count, recorded, again| {
        Some(Difference { of: "tensor", name: Some(name.to_owned()), at, count, recorded, again })
    };
    let (Some(a), Some(b)) = (recorded, again) else {
        return found(None, None, said(shape(recorded)), said(shape(again)));
    };
    if a.shape != b.shape {
        return found(None, None, said(shape(recorded)), said(shape(again)));
    }
    // Bits, not values: 0 is not −0.
    let differs = |at: &usize| a.values.get(*at).map(|v| v.to_bits()) != b.values.get(*at).map(|v| v.to_bits());
    let at: Vec<usize> = (0..a.values.len().max(b.values.len())).filter(differs).collect();
    let first = *at.first()?;
    let value = |tensor: &Tensor| tensor.values.get(first).map_or("none".into(), |value| format!("{value:?}"));
    found(Some(first), Some(at.len()), value(a), value(b))
}

fn said(shape: Option<Vec<usize>>) -> String {
    shape.map_or("not there".into(), |shape| format!("of shape {shape:?}"))
}

/// Texts of whole specs are for programs.
const SHOWN: usize = 200;

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { of, name, at, count, recorded, again } = self;
        match (name, at, count) {
            (Some(name), Some(at), Some(count)) => {
                write!(f, "{count} values of {of} `{name}` differ, first number {at}: ")?;
            }
            (Some(name), ..) => write!(f, "its {of} `{name}` differs: ")?,
            _ => write!(f, "its {of} differs: ")?,
        }
        let (recorded, again) = from_difference(recorded, again);
        write!(f, "{recorded} in the file, {again} trained again")
    }
}

/// Both texts from shortly before they part.
fn from_difference<'a>(a: &'a str, b: &'a str) -> (String, String) {
    let shared = a.chars().zip(b.chars()).take_while(|(a, b)| a == b).count();
    let from = if a.chars().count().max(b.chars().count()) > SHOWN { shared.saturating_sub(SHOWN / 4) } else { 0 };
    let cut = |text: &'a str| {
        let piece: String = text.chars().skip(from).take(SHOWN).collect();
        let before = if from > 0 { "…" } else { "" };
        let after = if text.chars().count() > from + SHOWN { "…" } else { "" };
        format!("{before}{piece}{after}")
    };
    (cut(a), cut(b))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tensor(name: &str, values: &[f32]) -> Tensor {
        Tensor { name: name.into(), shape: vec![values.len()], values: values.to_vec() }
    }

    #[test]
    fn a_tensor_differs_by_its_bits() {
        let (a, b) = (tensor("w", &[1.0, 0.0, 2.0]), tensor("w", &[1.0, -0.0, 3.0]));
        assert_eq!(of_tensor("w", Some(&a), Some(&a)), None);
        let found = of_tensor("w", Some(&a), Some(&b)).unwrap().to_string();
        assert_eq!(found, "2 values of tensor `w` differ, first number 1: 0.0 in the file, -0.0 trained again");
        let found = of_tensor("w", Some(&a), None).unwrap().to_string();
        assert_eq!(found, "its tensor `w` differs: of shape [3] in the file, not there trained again");
        let found = of_tensor("w", Some(&a), Some(&tensor("w", &[1.0]))).unwrap().to_string();
        assert_eq!(found, "its tensor `w` differs: of shape [3] in the file, of shape [1] trained again");
    }

    #[test]
    fn long_texts_are_shown_where_they_part() {
        let (a, b) = (format!("{}x{}", "a".repeat(500), "b".repeat(500)), format!("{}y", "a".repeat(500)));
        let (a, b) = from_difference(&a, &b);
        assert!(a.starts_with("…a") && a.contains('x') && a.ends_with("b…") && b.ends_with("ay"), "{a} {b}");
        assert_eq!(from_difference("1", "2"), ("1".into(), "2".into()));
    }
}
