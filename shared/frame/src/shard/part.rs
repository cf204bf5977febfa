//! Temporary files that get their names by a rename. Whoever writes one has a lock on it until it is closed, which the system takes
//! back from a process that is killed: so what was left is told from what is being written, whatever the machine, container
//! or thread. Numbers of processes do not tell: in a container the first one is 1 each time.

use std::fs::File;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// Begins the name of every one.
pub const PART_PREFIX: &str = ".part-";

/// Marks a file that was just made as being written, until it is closed. False if somebody took it for one that was left, and
/// removed it, in the moment before: then another one is needed.
pub fn claim_part(file: &File, path: &Path) -> io::Result<bool> {
    // Where the file system has no locks, nothing is ever taken for left.
    let _ = file.lock();
    is_at(file, path)
}

/// Removes such files of a folder that nobody writes any more.
pub fn sweep_parts(folder: &Path) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        if entry.file_name().to_string_lossy().starts_with(PART_PREFIX) {
            // Of what cannot be removed the next one takes care.
            let _ = sweep(&entry.path());
        }
    }
}

fn sweep(path: &Path) -> io::Result<()> {
    let file = File::open(path)?;
    // Its writer may have named it meanwhile, and begun another one under the old name.
    if file.try_lock().is_ok() && is_at(&file, path)? {
        std::fs::remove_file(path)?;
    }
    Ok(())
}

fn is_at(file: &File, path: &Path) -> io::Result<bool> {
    let own = file.metadata()?;
    match path.symlink_metadata() {
        Ok(found) => Ok((found.dev(), found.ino()) == (own.dev(), own.ino())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_nobody_writes_any_more_is_swept() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        // Of a process that had the number of this one, as each has in a container of its own.
        let own = format!(".part-{}-0", std::process::id());
        let left = [own.as_str(), ".part-4194305-abc", ".part-x"];
        for name in left.into_iter().chain(["other"]) {
            std::fs::write(path(name), "").unwrap();
        }
        let being_written = File::create(path(".part-1-0")).unwrap();
        assert!(claim_part(&being_written, &path(".part-1-0")).unwrap());
        sweep_parts(folder.path());
        assert_eq!(left.map(|name| path(name).exists()), [false; 3]);
        assert!(path("other").exists() && path(".part-1-0").exists());
        drop(being_written);
        sweep_parts(folder.path());
        assert!(!path(".part-1-0").exists());
    }

    #[test]
    fn a_file_that_was_swept_before_it_was_claimed_is_not_written() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(".part-1-0");
        let file = File::create(&path).unwrap();
        sweep_parts(folder.path());
        assert!(!claim_part(&file, &path).unwrap());
    }
}
