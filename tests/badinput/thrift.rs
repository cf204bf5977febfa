//! Thrift's compact protocol as a tree that can be changed and written again: how files are made to lie.

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Value {
    Bool(bool),
    Byte(u8),
    /// 16, 32 or 64 bits, by the kind; what is written may be more than the kind holds.
    Int(u8, i64),
    Double([u8; 8]),
    Binary(Vec<u8>),
    List(u8, Vec<Value>),
    Struct(Vec<(i16, Value)>),
    /// A value of a kind, as it is to be written.
    Raw(u8, Vec<u8>),
}

pub(crate) const I32: u8 = 5;
const I64: u8 = 6;
pub(crate) const LIST: u8 = 9;
pub(crate) const STRUCT: u8 = 12;

pub(crate) fn i32(value: i64) -> Value {
    Value::Int(I32, value)
}

pub(crate) fn i64(value: i64) -> Value {
    Value::Int(I64, value)
}

pub(crate) fn text(value: &str) -> Value {
    Value::Binary(value.as_bytes().to_vec())
}

pub(crate) fn structs(values: Vec<Value>) -> Value {
    Value::List(STRUCT, values)
}

impl Value {
    /// Reads a struct, and counts its bytes.
    pub(crate) fn read(bytes: &[u8]) -> (Self, usize) {
        let mut at = bytes;
        let value = read(&mut at, STRUCT, false);
        (value, bytes.len() - at.len())
    }

    pub(crate) fn write(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        write(self, &mut bytes);
        bytes
    }

    /// The value at a path: the number of a field, or the place in a list.
    pub(crate) fn at(&mut self, path: &[usize]) -> &mut Self {
        let Some((first, rest)) = path.split_first() else { return self };
        let below = match self {
            Self::List(_, values) => &mut values[*first],
            Self::Struct(fields) => {
                &mut fields.iter_mut().find(|(field, _)| *field == *first as i16).expect("a field").1
            }
            other => panic!("{other:?} has no parts"),
        };
        below.at(rest)
    }

    pub(crate) fn int(&mut self, path: &[usize]) -> &mut i64 {
        match self.at(path) {
            Self::Int(_, value) => value,
            other => panic!("{other:?} is no number"),
        }
    }

    /// Paths of all values but structs.
    pub(crate) fn paths(&self) -> Vec<Vec<usize>> {
        let parts: Vec<(usize, &Self)> = match self {
            Self::List(_, values) => values.iter().enumerate().collect(),
            Self::Struct(fields) => fields.iter().map(|(field, value)| (*field as usize, value)).collect(),
            _ => return vec![Vec::new()],
        };
        let own = if matches!(self, Self::List(..)) { vec![Vec::new()] } else { Vec::new() };
        let below = |(first, part): (usize, &Self)| {
            part.paths().into_iter().map(move |path| [vec![first], path].concat()).collect::<Vec<_>>()
        };
        own.into_iter().chain(parts.into_iter().flat_map(below)).collect()
    }

    fn kind(&self) -> u8 {
        match self {
            Self::Bool(true) => 1,
            Self::Bool(false) => 2,
            Self::Byte(_) => 3,
            Self::Int(kind, _) => *kind,
            Self::Double(_) => 7,
            Self::Binary(_) => 8,
            Self::List(..) => LIST,
            Self::Struct(_) => STRUCT,
            Self::Raw(kind, _) => *kind,
        }
    }
}

fn read(at: &mut &[u8], kind: u8, in_list: bool) -> Value {
    match kind {
        1 | 2 if in_list => Value::Bool(take(at, 1)[0] == 1),
        1 | 2 => Value::Bool(kind == 1),
        3 => Value::Byte(take(at, 1)[0]),
        4..=6 => Value::Int(kind, zigzag(varint(at))),
        7 => Value::Double(take(at, 8).try_into().expect("8 bytes")),
        8 => {
            let length = varint(at) as usize;
            Value::Binary(take(at, length).to_vec())
        }
        LIST => {
            let head = take(at, 1)[0];
            let length = if head >> 4 == 15 { varint(at) } else { u64::from(head >> 4) };
            Value::List(head & 15, (0..length).map(|_| read(at, head & 15, true)).collect())
        }
        STRUCT => {
            let (mut fields, mut field) = (Vec::new(), 0);
            loop {
                let head = take(at, 1)[0];
                if head == 0 {
                    return Value::Struct(fields);
                }
                field = if head >> 4 == 0 { zigzag(varint(at)) as i16 } else { field + i16::from(head >> 4) };
                fields.push((field, read(at, head & 15, false)));
            }
        }
        _ => panic!("kind {kind} is in no file of ours"),
    }
}

fn write(value: &Value, to: &mut Vec<u8>) {
    match value {
        Value::Bool(_) => {}
        Value::Byte(byte) => to.push(*byte),
        Value::Int(_, value) => put_varint(to, ((value << 1) ^ (value >> 63)) as u64),
        Value::Double(bytes) => to.extend(bytes),
        Value::Raw(_, bytes) => to.extend(bytes),
        Value::Binary(bytes) => {
            put_varint(to, bytes.len() as u64);
            to.extend(bytes);
        }
        Value::List(kind, values) => {
            match values.len() {
                length @ 0..15 => to.push((length as u8) << 4 | kind),
                length => {
                    to.push(0xf0 | kind);
                    put_varint(to, length as u64);
                }
            }
            for value in values {
                if let Value::Bool(is) = value {
                    to.push(if *is { 1 } else { 2 });
                }
                write(value, to);
            }
        }
        Value::Struct(fields) => {
            let mut last = 0;
            for (field, value) in fields {
                match field - last {
                    delta @ 1..=15 => to.push((delta as u8) << 4 | value.kind()),
                    _ => {
                        to.push(value.kind());
                        put_varint(to, ((field << 1) ^ (field >> 15)) as u16 as u64);
                    }
                }
                write(value, to);
                last = *field;
            }
            to.push(0);
        }
    }
}

pub(crate) fn put_varint(to: &mut Vec<u8>, mut value: u64) {
    while value > 127 {
        to.push(value as u8 | 128);
        value >>= 7;
    }
    to.push(value as u8);
}

fn take<'a>(at: &mut &'a [u8], length: usize) -> &'a [u8] {
    let (taken, rest) = at.split_at(length);
    *at = rest;
    taken
}

fn varint(at: &mut &[u8]) -> u64 {
    let (mut value, mut shift) = (0, 0);
    loop {
        let byte = take(at, 1)[0];
        value |= u64::from(byte & 127) << shift;
        shift += 7;
        if byte < 128 {
            return value;
        }
    }
}

fn zigzag(value: u64) -> i64 {
    (value >> 1) as i64 ^ -((value & 1) as i64)
}
