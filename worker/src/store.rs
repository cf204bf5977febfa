//! The shard store: files named by their hash, immutable, read-only.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use aquifer_frame::is_hash;
use aquifer_model::{Kind, Report};

/// `dir/shards` and `dir/uploads` of a worker. Several workers of one machine may share it: files never change.
#[derive(Clone, Debug)]
pub(crate) struct Store {
    shards: PathBuf,
    uploads: PathBuf,
}

impl Store {
    pub(crate) fn open(dir: &Path) -> Result<Self, Report> {
        let store = Self { shards: dir.join("shards"), uploads: dir.join("uploads") };
        for folder in [&store.shards, &store.uploads] {
            std::fs::create_dir_all(folder).map_err(|error| io_report("create", folder, &error))?;
        }
        sweep(&store.shards);
        Ok(store)
    }

    pub(crate) fn shard_folder(&self) -> &Path {
        &self.shards
    }

    /// The file of a shard, if its name is a hash.
    pub(crate) fn shard_path(&self, hash: &str) -> Option<PathBuf> {
        is_hash(hash).then(|| self.shards.join(format!("{hash}.arrow")))
    }

    pub(crate) fn upload_path(&self, hash: &str) -> Option<PathBuf> {
        is_hash(hash).then(|| self.uploads.join(format!("{hash}.parquet")))
    }

    pub(crate) fn has(&self, hash: &str) -> bool {
        self.shard_path(hash).is_some_and(|path| path.exists())
    }

    /// Hashes of all shards here.
    pub(crate) fn list(&self) -> BTreeSet<String> {
        let Ok(entries) = std::fs::read_dir(&self.shards) else { return BTreeSet::new() };
        let names = entries.flatten().filter_map(|entry| entry.file_name().into_string().ok());
        names.filter_map(|name| name.strip_suffix(".arrow").filter(|hash| is_hash(hash)).map(str::to_owned)).collect()
    }

    pub(crate) fn disk_free_bytes(&self) -> u64 {
        crate::resources::disk_free_bytes(&self.shards)
    }

    pub(crate) fn remove(&self, hash: &str) {
        if let Some(path) = self.shard_path(hash) {
            // Gone already is as good.
            let _ = std::fs::remove_file(path);
        }
    }
}

/// Removes what processes that were killed have left half-written: `.part-PID-N` of a process that is gone.
fn sweep(folder: &Path) {
    let processes = Path::new("/proc");
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let pid = name.strip_prefix(".part-").and_then(|rest| rest.split('-').next()?.parse::<u32>().ok());
        if pid.is_some_and(|pid| processes.join("self").exists() && !processes.join(pid.to_string()).exists()) {
            let _ = std::fs::remove_file(entry.path());
        }
    }
}

pub(crate) fn io_report(doing: &str, path: &Path, error: &std::io::Error) -> Report {
    let message = format!("cannot {doing} {}", path.display());
    let report = match error.kind() {
        std::io::ErrorKind::StorageFull => {
            Report::new(Kind::Work, "disk_full", message).hint("free space, or choose another folder with --dir")
        }
        std::io::ErrorKind::ReadOnlyFilesystem | std::io::ErrorKind::PermissionDenied => {
            Report::new(Kind::Config, "not_writable", message).hint("choose a folder that can be written with --dir")
        }
        _ => Report::new(Kind::Work, "io", message),
    };
    report.caused_by(error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg(target_os = "linux")]
    fn only_what_dead_processes_left_is_swept() {
        let folder = tempfile::tempdir().unwrap();
        let shards = folder.path().join("shards");
        std::fs::create_dir_all(&shards).unwrap();
        let own = format!(".part-{}-0", std::process::id());
        // The largest number of a process is 2^22.
        for name in [".part-4194305-0", &own, ".part-x", "other"] {
            std::fs::write(shards.join(name), "").unwrap();
        }
        Store::open(folder.path()).unwrap();
        let left = |name: &str| shards.join(name).exists();
        assert!(!left(".part-4194305-0") && left(&own) && left(".part-x") && left("other"));
    }
}
