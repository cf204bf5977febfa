//! The seal of a model file, told here a second time: over all its bytes, its own 64 digits read as zeros.

const HEAD: &[u8] = br#"{"__metadata__":{"aquifer":"{\"blake3\":\""#;
/// In a header, where what is sealed begins to differ from file to file.
pub(crate) const DIGITS_END: usize = HEAD.len() + 64;

/// Header and tensors.
pub(crate) fn parts(file: &[u8]) -> (&[u8], &[u8]) {
    let (length, rest) = file.split_first_chunk::<8>().expect("a file");
    rest.split_at(u64::from_le_bytes(*length) as usize)
}

/// A file of this header and these tensors, with the right length and, where there is a place for it, the right hash.
pub(crate) fn file(header: &[u8], data: &[u8]) -> Vec<u8> {
    seal([&(header.len() as u64).to_le_bytes()[..], header, data].concat())
}

pub(crate) fn seal(mut file: Vec<u8>) -> Vec<u8> {
    let (from, to) = (8 + HEAD.len(), 8 + DIGITS_END);
    if file.len() >= to && file[8..from] == *HEAD {
        file[from..to].fill(b'0');
        let digest = blake3::hash(&file).to_hex();
        file[from..to].copy_from_slice(digest.as_bytes());
    }
    file
}
