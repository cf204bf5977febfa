//! Files that a user names: never is more of one read than such a file can have, so that a device without an end is an
//! error and not the end of memory.

use std::fs::File;
use std::io::{ErrorKind, Read};
use std::path::Path;

/// Of a text: more than any spec, token or address has.
const TEXT_BYTES_MAX: u64 = 16 << 20;
/// The length of a model's header, and the brace that begins it.
const MODEL_HEAD_BYTES: u64 = 9;

pub(crate) fn read_text(path: &Path) -> std::io::Result<String> {
    let mut text = String::new();
    let read = File::open(path)?.take(TEXT_BYTES_MAX + 1).read_to_string(&mut text)?;
    if read as u64 > TEXT_BYTES_MAX { Err(ErrorKind::FileTooLarge.into()) } else { Ok(text) }
}

/// What does not begin as a model is not read on.
pub(crate) fn read_model(path: &Path) -> std::io::Result<Vec<u8>> {
    let (mut file, mut bytes) = (File::open(path)?, Vec::new());
    file.by_ref().take(MODEL_HEAD_BYTES).read_to_end(&mut bytes)?;
    if bytes.last() == Some(&b'{') {
        file.read_to_end(&mut bytes)?;
    }
    Ok(bytes)
}
