//! The shard store: files named by their hash, immutable, read-only.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use aquifer_frame::{Roots, is_hash};
use aquifer_model::{Kind, Report};
use aquifer_proto::sweep_parts;

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
        // What processes that were killed have left half-written.
        [&store.shards, &store.uploads].into_iter().for_each(|folder| sweep_parts(folder));
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

    /// What shards may be made of: files under the roots, and uploads.
    pub(crate) fn readable(&self, roots: &Roots) -> Result<Roots, Report> {
        roots.and(&self.uploads).map_err(|error| io_report("open", &self.uploads, &error))
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
