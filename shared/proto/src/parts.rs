//! Temporary files of a node that become real ones by a rename.

use std::io;
use std::path::Path;

pub use aquifer_frame::sweep_parts;
use aquifer_frame::{PART_PREFIX, claim_part};
use tempfile::NamedTempFile;

/// Files that are taken for left and removed before they are claimed: whoever starts beside this one sweeps once.
const SWEPT_MAX: usize = 16;

/// A temporary file in the folder that it will lie in. `sweep_parts` leaves it alone for as long as it is open.
pub fn new_part(folder: &Path) -> io::Result<NamedTempFile> {
    for _ in 0..SWEPT_MAX {
        let part = tempfile::Builder::new().prefix(PART_PREFIX).tempfile_in(folder)?;
        if claim_part(part.as_file(), part.path())? {
            return Ok(part);
        }
    }
    Err(io::Error::other("temporary files vanish"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_open_is_not_swept() {
        let folder = tempfile::tempdir().unwrap();
        let own = new_part(folder.path()).unwrap();
        sweep_parts(folder.path());
        assert!(own.path().exists());
        let (file, path) = own.keep().unwrap();
        drop(file);
        sweep_parts(folder.path());
        assert!(!path.exists());
    }
}
