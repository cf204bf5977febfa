//! What may be said instead of a value: numbers at the ends of what can be counted, texts and lists of other lengths.

use crate::thrift::{LIST, STRUCT, Value, put_varint};

pub(crate) fn instead_of(value: &Value) -> Vec<Value> {
    match value {
        Value::Bool(is) => vec![Value::Bool(!is)],
        Value::Byte(byte) => vec![Value::Byte(!byte), Value::Byte(0)],
        Value::Int(kind, value) => numbers(*value).into_iter().map(|value| Value::Int(*kind, value)).collect(),
        Value::Double(bytes) => vec![Value::Double(bytes.map(|byte| !byte))],
        Value::Binary(bytes) => {
            let cut = bytes[..bytes.len() / 2].to_vec();
            let texts = [cut, vec![], vec![0xff; 9], b"\0".to_vec(), b"\x1b[31m\n".to_vec(), vec![b'a'; 1 << 20]];
            texts.into_iter().map(Value::Binary).collect()
        }
        Value::List(kind, values) => {
            let list = |values: Vec<Value>| Value::List(*kind, values);
            let mut lists = vec![list(vec![]), list([&values[..], values].concat())];
            lists.extend((values.len() > 1).then(|| list(values[1..].to_vec())));
            lists.extend(values.first().map(|first| list(vec![first.clone(); 3000])));
            lists.extend([i32::MAX as u64, u64::MAX, 100_000].map(|length| longer_than_it_is(*kind, length)));
            lists.push(Value::List(if *kind == STRUCT { 8 } else { STRUCT }, values.clone()));
            lists
        }
        Value::Struct(_) | Value::Raw(..) => vec![],
    }
}

fn numbers(value: i64) -> Vec<i64> {
    let (min, max) = (i64::from(i32::MIN), i64::from(i32::MAX));
    let ends = [-1, 0, 1, 1000, 1 << 27, max, max + 1, min, i64::MAX, i64::MIN];
    let near = [value.wrapping_add(1), value.wrapping_sub(1), value.wrapping_mul(2), value / 2];
    let mut numbers = [&ends[..], &near].concat();
    numbers.retain(|lie| *lie != value);
    numbers
}

/// A list that ends after its head.
fn longer_than_it_is(kind: u8, length: u64) -> Value {
    let mut bytes = vec![0xf0 | kind];
    put_varint(&mut bytes, length);
    Value::Raw(LIST, bytes)
}
