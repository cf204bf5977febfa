//! Room on the disk that strangers' files leave alone: what the coordinator itself writes must still find some.

use std::path::Path;

use aquifer_model::{Kind, Report};

/// Kept free: one part in so many of the disk, and no more than so many bytes.
const RESERVE_SHARE: u64 = 20;
const RESERVE_BYTES_MAX: u64 = 2 << 30;

/// Refuses an upload that would fill the disk. Where the disk cannot be asked, writing itself will say so.
pub(crate) fn check_room(folder: &Path, bytes: usize) -> Result<(), Report> {
    let Ok(disk) = rustix::fs::statvfs(folder) else { return Ok(()) };
    let (free, all) = (disk.f_bavail.saturating_mul(disk.f_frsize), disk.f_blocks.saturating_mul(disk.f_frsize));
    if free.saturating_sub(bytes as u64) >= reserve(all) {
        return Ok(());
    }
    let message = format!("the coordinator's disk has {} MiB left, and an upload must not take them", free >> 20);
    Err(Report::new(Kind::Work, "disk_full", message)
        .hint("free space in its --dir, or let it read the files itself: --root FOLDER"))
}

fn reserve(disk: u64) -> u64 {
    (disk / RESERVE_SHARE).min(RESERVE_BYTES_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_of_the_disk_stays_free() {
        assert_eq!((reserve(100), reserve(1 << 50)), (5, RESERVE_BYTES_MAX));
        let folder = tempfile::tempdir().unwrap();
        assert!(check_room(folder.path(), usize::MAX).unwrap_err().message.contains("must not take them"));
    }
}
