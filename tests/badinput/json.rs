//! What may be said instead of a value of JSON.

use serde_json::{Value, json};

/// What is put in the place of some bytes.
pub(crate) const TOKENS: [&str; 22] = [
    "null",
    "true",
    "-1",
    "0",
    "-0.0",
    "1e308",
    "1e400",
    "-1e400",
    "NaN",
    "Infinity",
    "9007199254740993",
    "9223372036854775808",
    "18446744073709551615",
    "18446744073709551616",
    "0.1",
    "[]",
    "{}",
    "[[[[[[[[]]]]]]]]",
    "\"\"",
    "\\\"x\\\":",
    "\\u0000",
    "\\ud800",
];

/// The document with one of its values replaced, left out or doubled, and what was done.
pub(crate) fn lies(whole: &Value) -> Vec<(String, Value)> {
    let mut paths = Vec::new();
    walk(whole, String::new(), &mut paths);
    let mut lies = Vec::new();
    for path in paths {
        let Some(value) = whole.pointer(&path) else { continue };
        for (at, lie) in instead_of(value).into_iter().enumerate() {
            let mut lying = whole.clone();
            if let Some(place) = lying.pointer_mut(&path) {
                *place = lie;
            }
            lies.push((format!("{path} as lie {at}"), lying));
        }
        let (parent, key) = path.rsplit_once('/').unwrap_or_default();
        let mut lacking = whole.clone();
        if let Some(Value::Object(fields)) = lacking.pointer_mut(parent)
            && fields.remove(&key.replace("~1", "/").replace("~0", "~")).is_some()
        {
            lies.push((format!("without {path}"), lacking));
        }
    }
    lies
}

/// Few of many: lists of numbers are much of the same.
const ITEMS_MAX: usize = 3;

fn walk(value: &Value, path: String, paths: &mut Vec<String>) {
    match value {
        Value::Object(fields) => fields.iter().for_each(|(key, value)| {
            walk(value, format!("{path}/{}", key.replace('~', "~0").replace('/', "~1")), paths);
        }),
        Value::Array(items) => {
            items.iter().take(ITEMS_MAX).enumerate().for_each(|(at, value)| walk(value, format!("{path}/{at}"), paths))
        }
        _ => {}
    }
    if !path.is_empty() {
        paths.push(path);
    }
}

fn instead_of(value: &Value) -> Vec<Value> {
    let mut lies = match value {
        Value::Null | Value::Bool(_) => vec![json!(false), json!(true), json!(0)],
        Value::Number(number) => {
            let near = number.as_f64().unwrap_or_default();
            let mut lies = vec![json!(near * 2.0), json!(near + 0.5), json!(-near)];
            lies.extend(number.as_u64().map(|n| json!(n.wrapping_add(1))));
            lies.extend([json!(0), json!(-1), json!(1), json!(1e-300), json!(1e308), json!(-1e308), json!(65_536)]);
            lies.extend([
                json!(1u64 << 32),
                json!((1u64 << 53) + 1),
                json!(i64::MAX),
                json!(i64::MIN),
                json!(u64::MAX),
            ]);
            lies.push(json!("1"));
            lies
        }
        Value::String(text) => {
            let cut: String = text.chars().take(text.chars().count() / 2).collect();
            let texts = ["", "\0", "\u{1b}[31m\n", "\u{202e}x", "../../../etc/passwd", "é".repeat(40).as_str(), &cut]
                .map(str::to_owned);
            texts.into_iter().chain(["a".repeat(1 << 16)]).map(Value::from).chain([json!(7)]).collect()
        }
        Value::Array(items) => {
            let mut lies = vec![json!([]), Value::Array([&items[..], items].concat())];
            lies.extend(items.first().map(|first| Value::Array(vec![first.clone(); 3000])));
            lies.extend((items.len() > 1).then(|| Value::Array(items[1..].to_vec())));
            lies.push(Value::Array(items.iter().rev().cloned().collect()));
            lies.push(json!({}));
            lies
        }
        Value::Object(_) => vec![json!({}), json!([])],
    };
    lies.push(Value::Null);
    lies.push((0..60).fold(json!([]), |inner, _| json!([inner])));
    lies.retain(|lie| lie != value);
    lies
}
