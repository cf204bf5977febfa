//! Messages that somebody has changed: the bytes, the fields, or what the fields carry.

use aquifer_harness::Dice;
use serde_json::Value as Json;

use crate::nasty::{NASTY, NO_TEXT};
use crate::proto::{Fields, Value, encode, parse, put_field, put_varint};

const NUMBERS: [u64; 12] = [
    0,
    1,
    2,
    127,
    128,
    u32::MAX as u64,
    1 << 32,
    (1 << 53) + 1,
    i32::MIN as u64,
    i64::MAX as u64,
    u64::MAX - 1,
    u64::MAX,
];
const DOUBLES: [f64; 8] = [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, -0.0, 1e308, -1e308, 5e-324, -1.0];
/// As they stand in JSON: some are none of its numbers.
const JSON_NUMBERS: [&str; 10] = [
    "0",
    "-1",
    "1e400",
    "-1e400",
    "18446744073709551615",
    "18446744073709551616",
    "-9223372036854775808",
    "0.1",
    "NaN",
    "1e-400",
];
/// Levels of messages within messages, and of lists within lists.
const DEPTH: usize = 2000;
/// Fields that are repeated.
const REPEATED: usize = 3000;

/// A message changed once, or a few times over.
pub(crate) fn mutated(dice: &mut Dice, message: &[u8]) -> Vec<u8> {
    let mut message = message.to_vec();
    for _ in 0..1 + dice.below(3) / 2 {
        message = match dice.below(3) {
            0 => bytes(dice, message),
            _ => match parse(&message) {
                Some(fields) if !fields.is_empty() => encode(&of_fields(dice, fields)),
                _ => grown(dice, message),
            },
        };
    }
    message
}

/// Calls in which messages are changed, left out, repeated or put elsewhere.
pub(crate) fn mutated_call(dice: &mut Dice, call: &[Vec<u8>]) -> Vec<Vec<u8>> {
    let mut call = call.to_vec();
    if call.len() > 1 && dice.one_in(8) {
        let (from, to) = (dice.below(call.len()), dice.below(call.len()));
        match dice.below(3) {
            0 => call.swap(from, to),
            1 => drop(call.remove(from)),
            _ => call.insert(to, call[from].clone()),
        }
    }
    let at = dice.below(call.len());
    call[at] = mutated(dice, &call[at]);
    // The others often stay as they are, so that the changed one is come to.
    for message in &mut call {
        if dice.one_in(6) {
            *message = mutated(dice, message);
        }
    }
    call
}

fn bytes(dice: &mut Dice, mut message: Vec<u8>) -> Vec<u8> {
    if message.is_empty() {
        return grown(dice, message);
    }
    let at = dice.below(message.len());
    match dice.below(6) {
        0 => message[at] ^= 1 << dice.below(8),
        1 => message[at] = *dice.pick(&[0, 0x7f, 0x80, 0xff]),
        2 => message.truncate(at),
        3 => {
            let piece = message[at..(at + 1 + dice.below(40)).min(message.len())].to_vec();
            let to = dice.below(message.len());
            message.splice(to..to, piece);
        }
        4 => drop(message.splice(at..(at + 1 + dice.below(8)).min(message.len()), [])),
        _ => {
            // A length that is a lie, or a number that never ends.
            let mut lie = Vec::new();
            put_varint(&mut lie, *dice.pick(&NUMBERS));
            lie.extend(vec![0x80; dice.below(12)]);
            message.splice(at..at + 1, lie);
        }
    }
    message
}

/// Something is put to its end.
fn grown(dice: &mut Dice, mut message: Vec<u8>) -> Vec<u8> {
    let number = 1 + dice.below(20) as u32;
    match dice.below(4) {
        0 => put_field(&mut message, number, &Value::Varint(*dice.pick(&NUMBERS))),
        1 => put_field(&mut message, number, &Value::Bytes(text(dice))),
        2 => (0..REPEATED).for_each(|_| put_field(&mut message, number, &Value::Bytes(Vec::new()))),
        _ => put_field(&mut message, number, &Value::Bytes(deep(number))),
    }
    message
}

fn deep(number: u32) -> Vec<u8> {
    let mut inner = Vec::new();
    // Each level repeats the lengths of all within, so the deepest are cut short: what counts are the levels.
    for _ in 0..DEPTH / 8 {
        let mut outer = Vec::new();
        put_field(&mut outer, number, &Value::Bytes(inner));
        inner = outer;
    }
    inner
}

fn of_fields(dice: &mut Dice, mut fields: Fields) -> Fields {
    let at = dice.below(fields.len());
    match dice.below(8) {
        0 => drop(fields.remove(at)),
        1 => fields.push(fields[at].clone()),
        2 => {
            let to = dice.below(fields.len());
            fields.swap(at, to);
        }
        3 => fields[at].0 = 1 + dice.below(20) as u32,
        4 => fields[at].1 = other_type(dice),
        5 if dice.one_in(20) => fields.extend(vec![fields[at].clone(); REPEATED.min((1 << 20) / size(&fields[at].1))]),
        _ => fields[at].1 = value(dice, fields[at].1.clone()),
    }
    fields
}

fn size(value: &Value) -> usize {
    if let Value::Bytes(bytes) = value { bytes.len().max(1) } else { 1 }
}

fn other_type(dice: &mut Dice) -> Value {
    match dice.below(4) {
        0 => Value::Varint(*dice.pick(&NUMBERS)),
        1 => Value::Fixed64([0xff; 8]),
        2 => Value::Fixed32([0xff; 4]),
        _ => Value::Bytes(text(dice)),
    }
}

fn value(dice: &mut Dice, value: Value) -> Value {
    match value {
        Value::Varint(was) => Value::Varint(match dice.below(3) {
            0 => was.wrapping_add(1),
            1 => was.wrapping_sub(1),
            _ => *dice.pick(&NUMBERS),
        }),
        Value::Fixed64(_) => Value::Fixed64(dice.pick(&DOUBLES).to_le_bytes()),
        Value::Fixed32(_) => Value::Fixed32((*dice.pick(&DOUBLES) as f32).to_le_bytes()),
        Value::Bytes(bytes) => Value::Bytes(content(dice, bytes)),
    }
}

/// What stands in a field: JSON, TOML or another text, a message, or anything.
fn content(dice: &mut Dice, was: Vec<u8>) -> Vec<u8> {
    let as_text = std::str::from_utf8(&was).ok();
    if let Some(json) = as_text.and_then(|text| serde_json::from_str::<Json>(text).ok())
        && (json.is_object() || json.is_array())
        && !dice.one_in(6)
    {
        return changed_json(dice, json).into_bytes();
    }
    if let Some(words) = as_text.filter(|text| text.contains(" = ") && !dice.one_in(6)) {
        return changed_toml(dice, words).into_bytes();
    }
    if let Some(fields) = parse(&was).filter(|fields| !fields.is_empty() && !dice.one_in(6)) {
        return encode(&of_fields(dice, fields));
    }
    match dice.below(3) {
        0 => bytes(dice, was),
        _ => text(dice),
    }
}

fn text(dice: &mut Dice) -> Vec<u8> {
    match dice.below(8) {
        0 => dice.pick(&NO_TEXT).to_vec(),
        1 => vec![b'x'; 1 << dice.below(17)],
        2 => "[".repeat(DEPTH).into_bytes(),
        3 => "{\"a\":".repeat(DEPTH).into_bytes(),
        _ => dice.pick(&NASTY).as_bytes().to_vec(),
    }
}

/// One place of it is another one: by its number among all places, so that deep ones are come to as often.
fn changed_json(dice: &mut Dice, mut json: Json) -> String {
    const MARK: &str = "the place of a number";
    let at = dice.below(places(&json));
    let mut number = "";
    let mut left = at;
    if let Some(place) = place(&mut json, &mut left) {
        match dice.below(8) {
            0 => *place = Json::Null,
            1 => *place = Json::from(String::from_utf8_lossy(&text(dice)).into_owned()),
            2 => *place = Json::Array(vec![place.clone(); 2 + dice.below(30)]),
            3 => *place = serde_json::json!({ "a": place.clone() }),
            4 => match place {
                Json::Array(list) if !list.is_empty() => drop(list.remove(dice.below(list.len()))),
                Json::Object(map) if !map.is_empty() => {
                    let key = map.keys().nth(dice.below(map.len())).expect("a key").clone();
                    map.remove(&key);
                }
                other => *other = Json::Bool(true),
            },
            _ => {
                number = dice.pick::<&str>(&JSON_NUMBERS);
                *place = Json::from(MARK);
            }
        }
    }
    let mut text = json.to_string().replace(&format!("\"{MARK}\""), number);
    if dice.one_in(20) {
        text.truncate(text.floor_char_boundary(dice.below(text.len())));
    }
    text
}

fn places(json: &Json) -> usize {
    1 + match json {
        Json::Array(list) => list.iter().map(places).sum(),
        Json::Object(map) => map.values().map(places).sum(),
        _ => 0,
    }
}

fn place<'a>(json: &'a mut Json, left: &mut usize) -> Option<&'a mut Json> {
    if *left == 0 {
        return Some(json);
    }
    *left -= 1;
    match json {
        Json::Array(list) => list.iter_mut().find_map(|inner| place(inner, left)),
        Json::Object(map) => map.values_mut().find_map(|inner| place(inner, left)),
        _ => None,
    }
}

/// A line says something else, stands twice, or is gone.
fn changed_toml(dice: &mut Dice, text: &str) -> String {
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    let at = dice.below(lines.len());
    let values =
        ["0", "-1", "nan", "inf", "1e308", "18446744073709551615", "[]", "[[[[]]]]", "\"\"", "true", "{}", "100000"];
    let keys = [
        "[search]",
        "[cross_validation]",
        "nfolds = 5",
        "ranks = 100000",
        "hidden = [100000, 100000]",
        "target = \"a\"",
    ];
    match dice.below(4) {
        0 => drop(lines.remove(at)),
        1 => lines.insert(at, lines[at].clone()),
        2 => lines.insert(at, (*dice.pick(&keys)).to_owned()),
        _ => {
            let key = lines[at].split(" = ").next().unwrap_or_default().to_owned();
            lines[at] = format!("{key} = {}", dice.pick::<&str>(&values));
        }
    }
    lines.join("\n")
}

#[test]
fn the_same_seed_changes_the_same_and_something() {
    let message = encode(&vec![
        (1, Value::Varint(4)),
        (2, Value::Bytes(br#"{"a":[1,2,{"b":"c"}],"d":0.5}"#.to_vec())),
        (3, Value::Bytes(b"version = 1\n[params]\nepochs = 2\n".to_vec())),
    ]);
    let made = || {
        let mut dice = Dice::new(1, "mutations");
        (0..2000).map(|_| mutated(&mut dice, &message)).collect::<Vec<_>>()
    };
    let all = made();
    assert_eq!(all, made());
    let same = all.iter().filter(|other| **other == message).count();
    assert!(same < 200, "{same} of 2000 are as they were");
    let deep_in_json = all.iter().filter(|other| String::from_utf8_lossy(other).contains(r#"{"a":[1,2,{"b":"#)).count();
    assert!(deep_in_json > 300, "{deep_in_json}");
}
