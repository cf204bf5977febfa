//! Temporary files that become real ones by a rename: their names say whose they are, so that what a process left which was
//! killed is found and removed by the next one.

use std::io;
use std::path::Path;

use tempfile::NamedTempFile;

const PREFIX: &str = ".part-";

/// A temporary file of this process in the folder that it will lie in.
pub fn new_part(folder: &Path) -> io::Result<NamedTempFile> {
    let prefix = format!("{PREFIX}{}-", std::process::id());
    tempfile::Builder::new().prefix(&prefix).tempfile_in(folder)
}

/// Removes the temporary files of processes that are gone.
pub fn sweep_parts(folder: &Path) {
    let processes = Path::new("/proc");
    if !processes.join("self").exists() {
        return; // nobody can tell
    }
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let pid = name.strip_prefix(PREFIX).and_then(|rest| rest.split('-').next()?.parse::<u32>().ok());
        if pid.is_some_and(|pid| !processes.join(pid.to_string()).exists()) {
            let _ = std::fs::remove_file(entry.path());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg(target_os = "linux")]
    fn only_what_dead_processes_left_is_swept() {
        let folder = tempfile::tempdir().unwrap();
        let own = new_part(folder.path()).unwrap();
        // The largest number of a process is 2^22.
        for name in [".part-4194305-0", ".part-4194305-abc", ".part-x", "other"] {
            std::fs::write(folder.path().join(name), "").unwrap();
        }
        sweep_parts(folder.path());
        let left = |name: &str| folder.path().join(name).exists();
        assert!(!left(".part-4194305-0") && !left(".part-4194305-abc") && left(".part-x") && left("other"));
        assert!(own.path().exists());
    }
}
