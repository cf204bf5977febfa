//! What becomes of a file that a disk, a tool or a person spoiled.

use crate::json::TOKENS;
use crate::seeds::Numbers;

/// Changes the bytes in one place, and says where.
pub(crate) fn mutate(bytes: &mut Vec<u8>, numbers: &mut Numbers) -> String {
    let length = bytes.len().max(1);
    let place = numbers.below(length);
    match numbers.below(6) {
        0 => bytes.truncate(place),
        1 => bytes.iter_mut().skip(place).take(512).for_each(|byte| *byte = 0),
        2 => bytes.iter_mut().skip(place).take(512).for_each(|byte| *byte ^= 0xa5),
        3 => bytes.clear(),
        4 => {
            let token = TOKENS[numbers.below(TOKENS.len())];
            bytes.iter_mut().skip(place).zip(token.bytes()).for_each(|(byte, new)| *byte = new);
        }
        _ => bytes.iter_mut().skip(place).take(1).for_each(|byte| *byte ^= 1 << numbers.below(8)),
    }
    format!("changed at {place} of {length}")
}
