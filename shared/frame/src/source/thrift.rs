//! Thrift's compact protocol, as far as checks need it that run before the decoder: structs are walked field by field, and
//! nothing is kept.
//!
//! The decoder knows fields by their numbers alone; a field of another kind than it takes is refused here, or it would go
//! on at another byte than these checks. None is what is not well formed, or ends too early.

/// Structs and lists in each other, at most.
const DEPTH_MAX: usize = 32;

/// Kinds of values, as a field's head has them.
pub(super) const I16: u8 = 4;
pub(super) const I32: u8 = 5;
pub(super) const I64: u8 = 6;
pub(super) const BINARY: u8 = 8;
pub(super) const LIST: u8 = 9;
pub(super) const STRUCT: u8 = 12;

/// Gives the number and the kind of each field to `read`, which consumes its value: by [`skip`], if it is of no interest.
pub(super) fn fields(at: &mut &[u8], mut read: impl FnMut(i32, u8, &mut &[u8]) -> Option<()>) -> Option<()> {
    let mut field = 0i32;
    loop {
        let head = byte(at)?;
        if head == 0 {
            return Some(());
        }
        field = match head >> 4 {
            0 => i32::try_from(zigzag(varint(at)?)).ok()?,
            delta => field.checked_add(i32::from(delta))?,
        };
        read(field, head & 15, at)?;
    }
}

/// As [`fields`], where field `n` has the kind `kinds[n - 1]`; later ones may have any.
pub(super) fn fields_of(
    kinds: &[u8],
    at: &mut &[u8],
    mut read: impl FnMut(i32, u8, &mut &[u8]) -> Option<()>,
) -> Option<()> {
    fields(at, |field, kind, at| {
        let expected = usize::try_from(field).ok()?.checked_sub(1).and_then(|n| kinds.get(n));
        expected.is_none_or(|expected| *expected == kind).then_some(())?;
        read(field, kind, at)
    })
}

/// Elements of a list, and their kind. An element is a byte at least, so there are no more than bytes.
pub(super) fn list(at: &mut &[u8]) -> Option<(u64, u8)> {
    let head = byte(at)?;
    let length = if head >> 4 == 15 { varint(at)? } else { u64::from(head >> 4) };
    (length <= at.len() as u64).then_some((length, head & 15))
}

/// Elements of a list of structs.
pub(super) fn structs(at: &mut &[u8]) -> Option<u64> {
    let (length, kind) = list(at)?;
    (kind == STRUCT || length == 0).then_some(length)
}

/// Passes over a value, and counts the elements of its lists in `elements`.
pub(super) fn skip(at: &mut &[u8], kind: u8, elements: &mut u64) -> Option<()> {
    skip_below(at, kind, 0, elements)
}

fn skip_below(at: &mut &[u8], kind: u8, depth: usize, elements: &mut u64) -> Option<()> {
    if depth > DEPTH_MAX {
        return None;
    }
    match kind {
        1 | 2 => Some(()), // a boolean is in the field's head
        3 => byte(at).map(drop),
        I16 | I32 | I64 => varint(at).map(drop),
        7 => take(at, 8),
        BINARY => varint(at).and_then(|length| take(at, length)),
        LIST | 10 => {
            let (length, kind) = list(at)?;
            // Parquet has no list of booleans here, and decoders disagree on their bytes.
            (length == 0 || kind > 2).then_some(())?;
            *elements += length;
            (0..length).try_for_each(|_| skip_below(at, kind, depth + 1, elements))
        }
        11 => {
            let length = varint(at)?;
            (length <= at.len() as u64).then_some(())?;
            let kinds = if length == 0 { 0 } else { byte(at)? };
            (length == 0 || (kinds >> 4 > 2 && kinds & 15 > 2)).then_some(())?;
            *elements += length;
            (0..length).try_for_each(|_| {
                skip_below(at, kinds >> 4, depth + 1, elements)?;
                skip_below(at, kinds & 15, depth + 1, elements)
            })
        }
        STRUCT => fields(at, |_, kind, at| skip_below(at, kind, depth + 1, elements)),
        _ => None,
    }
}

pub(super) fn int32(at: &mut &[u8]) -> Option<i32> {
    i32::try_from(zigzag(varint(at)?)).ok()
}

/// The length of a text, which is passed over.
pub(super) fn text_length(at: &mut &[u8]) -> Option<u64> {
    let length = varint(at)?;
    take(at, length)?;
    Some(length)
}

fn byte(at: &mut &[u8]) -> Option<u8> {
    let (first, rest) = at.split_first()?;
    *at = rest;
    Some(*first)
}

fn take(at: &mut &[u8], length: u64) -> Option<()> {
    *at = at.get(usize::try_from(length).ok()?..)?;
    Some(())
}

pub(super) fn varint(at: &mut &[u8]) -> Option<u64> {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let next = byte(at)?;
        value |= u64::from(next & 127) << shift;
        if next < 128 {
            return Some(value);
        }
    }
    None
}

pub(super) fn zigzag(value: u64) -> i64 {
    (value >> 1) as i64 ^ -((value & 1) as i64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn false_lengths_are_found_and_elements_counted() {
        let check = |bytes: &[u8], expected: Option<u64>| {
            let mut elements = 0;
            let found = skip(&mut &bytes[..], STRUCT, &mut elements).map(|()| elements);
            assert_eq!(found, expected, "{bytes:x?}");
        };
        check(&[0x15, 2, 0x16, 4, 0], Some(0)); // 1: i32, 2: i64
        check(&[0x15, 2, 0x7c, 0x1c, 0, 0, 0], Some(0)); // 1: i32, 8: struct { 1: struct {} }
        check(&[0x18, 3, b'a', b'b', b'c', 0], Some(0));
        check(&[0x18, 4, b'a', b'b', b'c'], None);
        check(&[0x19, 0xf5, 0xff, 0xff, 0xff, 0xff, 7, 0], None); // a list of 2^31 integers
        check(&[0x19, 0x35, 1, 2, 3, 0], Some(3));
        check(&[0x19, 0x31, 1, 1, 1, 0], None); // booleans
        check(&[0x1b, 1, 0x55, 1, 2, 0], Some(1));
        check(&[0x15], None);
        check(&[0x1c; 100], None);
    }

    #[test]
    fn a_field_of_another_kind_is_refused() {
        let check = |kinds: &[u8], expected: Option<Vec<i32>>| {
            let (mut seen, mut at) = (Vec::new(), &[0x15, 2, 0x16, 4, 0x88, 1, b'x', 0][..]);
            let done = fields_of(kinds, &mut at, |field, kind, at| {
                seen.push(field);
                skip(at, kind, &mut 0)
            });
            assert_eq!(done.map(|()| seen), expected);
        };
        check(&[], Some(vec![1, 2, 10]));
        check(&[I32, I64], Some(vec![1, 2, 10]));
        check(&[I32, I32], None);
        check(&[LIST], None);
    }
}
