//! The BLAKE3 that a model file carries of itself: over all its bytes, with the 64 digits of the hash itself read as
//! zeros. Its place is fixed, right behind the head that every model file has.

use super::ModelFileError;

/// What a file says before its digits, after the eight bytes of the header's length.
const HEAD: &[u8] = br#"{"__metadata__":{"aquifer":"{\"blake3\":\""#;
const LENGTH_BYTES: usize = 8;
const DIGITS: std::ops::Range<usize> = LENGTH_BYTES + HEAD.len()..LENGTH_BYTES + HEAD.len() + 64;

/// The digits before the hash is known.
pub(super) const ZEROS: &str = "0000000000000000000000000000000000000000000000000000000000000000";

/// Writes the hash into a file whose digits are still zeros; false if the file does not begin as it must.
#[must_use]
pub(super) fn seal(file: &mut [u8]) -> bool {
    let Some(digest) = digest(file) else { return false };
    match file.get_mut(DIGITS) {
        Some(digits) => digits.copy_from_slice(digest.as_bytes()),
        None => return false,
    }
    true
}

/// Whether the file is, to the byte, what was sealed.
pub(super) fn check(file: &[u8]) -> Result<(), ModelFileError> {
    match (digest(file), file.get(DIGITS)) {
        (Some(digest), Some(digits)) if digest.as_bytes() == digits => Ok(()),
        _ => Err(ModelFileError::Altered),
    }
}

/// The hash in hexadecimal; none if the file does not begin as it must.
fn digest(file: &[u8]) -> Option<String> {
    let before = file.get(..DIGITS.start)?;
    let after = file.get(DIGITS.end..)?;
    before.ends_with(HEAD).then(|| {
        let mut hasher = blake3::Hasher::new();
        hasher.update(before).update(ZEROS.as_bytes()).update(after);
        hasher.finalize().to_hex().to_string()
    })
}
