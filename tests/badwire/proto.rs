//! A message of protobuf as what stands in it, field for field, without its schema.

/// What a field holds.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Value {
    Varint(u64),
    Fixed64([u8; 8]),
    Fixed32([u8; 4]),
    /// Text, bytes, a message, or packed numbers.
    Bytes(Vec<u8>),
}

pub(crate) type Fields = Vec<(u32, Value)>;

/// The fields; none if these bytes are no message.
pub(crate) fn parse(mut bytes: &[u8]) -> Option<Fields> {
    let mut fields = Vec::new();
    while !bytes.is_empty() {
        let tag = take_varint(&mut bytes)?;
        let value = match tag & 7 {
            0 => Value::Varint(take_varint(&mut bytes)?),
            1 => Value::Fixed64(take(&mut bytes, 8)?.try_into().ok()?),
            5 => Value::Fixed32(take(&mut bytes, 4)?.try_into().ok()?),
            2 => {
                let length = take_varint(&mut bytes)?;
                Value::Bytes(take(&mut bytes, usize::try_from(length).ok()?)?.to_vec())
            }
            _ => return None,
        };
        fields.push((u32::try_from(tag >> 3).ok().filter(|number| *number > 0)?, value));
    }
    Some(fields)
}

pub(crate) fn encode(fields: &Fields) -> Vec<u8> {
    let mut out = Vec::new();
    for (number, value) in fields {
        put_field(&mut out, *number, value);
    }
    out
}

pub(crate) fn put_field(out: &mut Vec<u8>, number: u32, value: &Value) {
    let wire_type = match value {
        Value::Varint(_) => 0,
        Value::Fixed64(_) => 1,
        Value::Bytes(_) => 2,
        Value::Fixed32(_) => 5,
    };
    put_varint(out, u64::from(number) << 3 | wire_type);
    match value {
        Value::Varint(value) => put_varint(out, *value),
        Value::Fixed64(bytes) => out.extend(bytes),
        Value::Fixed32(bytes) => out.extend(bytes),
        Value::Bytes(bytes) => {
            put_varint(out, bytes.len() as u64);
            out.extend(bytes);
        }
    }
}

pub(crate) fn put_varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

fn take_varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut value = 0;
    for shift in (0..70).step_by(7) {
        let byte = take(bytes, 1)?[0];
        value |= u64::from(byte & 0x7f).checked_shl(shift)?;
        if byte < 0x80 {
            return Some(value);
        }
    }
    None
}

fn take<'a>(bytes: &mut &'a [u8], count: usize) -> Option<&'a [u8]> {
    let (taken, rest) = bytes.split_at_checked(count)?;
    *bytes = rest;
    Some(taken)
}

/// The message with another value at a path of field numbers. It stands last, so that of a choice it is the one that counts.
pub(crate) fn with(message: &[u8], path: &[u32], value: &Value) -> Vec<u8> {
    let Some((number, rest)) = path.split_first() else { return message.to_vec() };
    let mut fields = parse(message).expect("a message");
    let at = fields.iter().position(|(other, _)| other == number);
    let was = at.map(|at| fields.remove(at).1);
    let now = match (rest.is_empty(), was) {
        (true, _) => value.clone(),
        (false, Some(Value::Bytes(inner))) => Value::Bytes(with(&inner, rest, value)),
        (false, _) => Value::Bytes(with(&[], rest, value)),
    };
    fields.push((*number, now));
    encode(&fields)
}

#[test]
fn what_is_parsed_is_encoded_again() {
    let fields = vec![
        (1, Value::Varint(u64::MAX)),
        (9, Value::Fixed32([1; 4])),
        (2, Value::Bytes(encode(&vec![(3, Value::Fixed64([7; 8]))]))),
    ];
    let bytes = encode(&fields);
    assert_eq!(parse(&bytes), Some(fields));
    assert_eq!(parse(&bytes[..bytes.len() - 1]), None);
    let changed = parse(&with(&bytes, &[2, 3], &Value::Varint(5))).expect("a message");
    assert_eq!(changed[2], (2, Value::Bytes(encode(&vec![(3, Value::Varint(5))]))));
}
