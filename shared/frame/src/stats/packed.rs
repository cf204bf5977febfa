//! A sorted sample as text: base64 of little-endian f64, half as long as JSON numbers, and of f32 where those are the same
//! values; where most values are there more than once, each of them once, and how often.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::sample::QUANTILE_ROWS_MAX;

#[derive(Serialize, Deserialize)]
struct Packed {
    values: String,
    /// As f32.
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    single: bool,
    /// Of each value.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    rows: Vec<u32>,
}

pub(super) fn serialize<S: Serializer>(sample: &[f64], to: S) -> Result<S::Ok, S::Error> {
    let equals = || sample.chunk_by(|a, b| a.to_bits() == b.to_bits());
    let single = sample.iter().all(|&value| f64::from(value as f32).to_bits() == value.to_bits());
    let (mut bytes, mut rows) = (Vec::with_capacity(sample.len() * if single { 4 } else { 8 }), Vec::new());
    let mut add = |value: f64| match single {
        true => bytes.extend_from_slice(&(value as f32).to_le_bytes()),
        false => bytes.extend_from_slice(&value.to_le_bytes()),
    };
    if equals().nth(sample.len() / 2).is_some() {
        sample.iter().for_each(|&value| add(value));
    } else {
        equals().for_each(|equal| add(equal[0]));
        rows.extend(equals().map(|equal| equal.len() as u32));
    }
    Packed { values: STANDARD.encode(bytes), single, rows }.serialize(to)
}

pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<f64>, D::Error> {
    let Packed { values, single, rows } = Packed::deserialize(from)?;
    let bytes = STANDARD.decode(values).map_err(D::Error::custom)?;
    let (values, rest): (Vec<f64>, _) = if single {
        let (values, rest) = bytes.as_chunks::<4>();
        (values.iter().map(|bytes| f32::from_le_bytes(*bytes).into()).collect(), rest)
    } else {
        let (values, rest) = bytes.as_chunks::<8>();
        (values.iter().map(|bytes| f64::from_le_bytes(*bytes)).collect(), rest)
    };
    if rows.is_empty() && rest.is_empty() {
        return Ok(values);
    }
    // It may come from another process: a few bytes must not become many.
    let sum: u64 = rows.iter().map(|&rows| u64::from(rows)).sum();
    if !rest.is_empty() || rows.len() != values.len() || sum > QUANTILE_ROWS_MAX {
        return Err(D::Error::custom("a sample with other values than it counts"));
    }
    Ok(values.into_iter().zip(rows).flat_map(|(value, rows)| std::iter::repeat_n(value, rows as usize)).collect())
}

#[cfg(test)]
mod tests {
    use crate::ColumnStats;

    #[test]
    fn a_sample_survives_json() {
        let check = |quantile_sample: Vec<f64>, expected: &str| {
            let stats = ColumnStats { quantile_sample, ..ColumnStats::default() };
            let text = serde_json::to_string(&stats).unwrap();
            assert!(text.contains(expected), "{text}");
            assert_eq!(serde_json::from_str::<ColumnStats>(&text).unwrap(), stats);
        };
        check(vec![-1.5, 0.1, f64::MAX], r#"AAAAAAAA+L+amZmZmZm5P////////+9/"}"#);
        check(vec![0.1, 0.1, 0.1], r#""mpmZmZmZuT8=","rows":[3]}"#);
        check(vec![-1.5, 0.5, f64::from(f32::MAX)], r#""AADAvwAAAD///39/","single":true}"#);
        check(vec![0.0, 0.0, 0.0, 1.0], r#""AAAAAAAAgD8=","single":true,"rows":[3,1]}"#);
    }

    #[test]
    fn what_is_no_sample_is_refused() {
        let check = |sample: &str| {
            let text = format!(
                r#"{{"tally":{{"missing":0,"nan":0,"infinite":0,"min":null,"max":null,"levels":null}},"moments":[],"quantile_sample":{sample}}}"#
            );
            assert!(serde_json::from_str::<ColumnStats>(&text).is_err(), "{sample}");
        };
        check(r#"[1.5]"#);
        check(r#"{"values":"***"}"#);
        check(r#"{"values":"AAAA"}"#);
        check(r#"{"values":"AAAAAAA=","single":true}"#);
        check(r#"{"values":"AAAAAAAAAAA=","rows":[1,1]}"#);
        check(r#"{"values":"AAAAAAAAAAA=","rows":[4000000000]}"#);
    }
}
