//! A look at a footer's Thrift (compact protocol) before the decoder sees it: are all lengths inside the footer, and does
//! it speak of encryption?
//!
//! The decoder reserves memory for a list before it reads it, so a damaged length could ask for more than there is; and
//! without its encryption support it reads past the field that says a file is encrypted.

const DEPTH_MAX: usize = 32;
/// `FileMetaData.encryption_algorithm` (parquet.thrift).
const ENCRYPTION_ALGORITHM: i32 = 8;

/// Checks a `FileMetaData`; true if it is of an encrypted file. None if it is not well formed.
pub(super) fn is_encrypted(footer: &[u8]) -> Option<bool> {
    let mut at = footer;
    let mut encrypted = false;
    skip_struct(&mut at, 0, &mut |field| encrypted |= field == ENCRYPTION_ALGORITHM)?;
    Some(encrypted)
}

fn skip_struct(at: &mut &[u8], depth: usize, seen: &mut dyn FnMut(i32)) -> Option<()> {
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
        seen(field);
        skip(at, head & 15, depth, false)?;
    }
}

/// Skips a value; booleans are in the field's head, but bytes of their own in a list.
fn skip(at: &mut &[u8], kind: u8, depth: usize, in_list: bool) -> Option<()> {
    if depth > DEPTH_MAX {
        return None;
    }
    match kind {
        1 | 2 => in_list.then(|| byte(at)).map_or(Some(()), |byte| byte.map(drop)),
        3 => byte(at).map(drop),
        4..=6 => varint(at).map(drop),
        7 => take(at, 8),
        8 => varint(at).and_then(|length| take(at, length)),
        9 | 10 => {
            let head = byte(at)?;
            let length = if head >> 4 == 15 { varint(at)? } else { u64::from(head >> 4) };
            // An element is a byte at least.
            (length <= at.len() as u64).then_some(())?;
            (0..length).try_for_each(|_| skip(at, head & 15, depth + 1, true))
        }
        11 => {
            let length = varint(at)?;
            (length <= at.len() as u64).then_some(())?;
            let kinds = if length == 0 { 0 } else { byte(at)? };
            (0..length).try_for_each(|_| {
                skip(at, kinds >> 4, depth + 1, true)?;
                skip(at, kinds & 15, depth + 1, true)
            })
        }
        12 => skip_struct(at, depth + 1, &mut |_| {}),
        _ => None,
    }
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

fn varint(at: &mut &[u8]) -> Option<u64> {
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

fn zigzag(value: u64) -> i64 {
    (value >> 1) as i64 ^ -((value & 1) as i64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_encryption_field_and_false_lengths() {
        let check = |footer: &[u8], expected| assert_eq!(is_encrypted(footer), expected);
        check(&[0x15, 2, 0x16, 4, 0], Some(false)); // 1: i32, 2: i64
        check(&[0x15, 2, 0x7c, 0x1c, 0, 0, 0], Some(true)); // 1: i32, 8: struct { 1: struct {} }
        check(&[0x18, 3, b'a', b'b', b'c', 0], Some(false));
        check(&[0x18, 4, b'a', b'b', b'c'], None);
        check(&[0x19, 0xf5, 0xff, 0xff, 0xff, 0xff, 7, 0], None); // a list of 2^31 integers
        check(&[0x19, 0x35, 1, 2, 3, 0], Some(false));
        check(&[0x15], None);
        check(&[0x1c; 100], None);
    }
}
