//! Frames without a name are a cache: once they are too large, those go that were used longest ago. And frames that are
//! removed, with all that no other frame needs of them.
//!
//! A frame's record says when it was used last by the time of its file. Shards are removed where they lie in this data
//! folder, workers elsewhere are told; one that is needed again is made from its source.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{File, FileTimes};
use std::path::Path;
use std::time::{Duration, UNIX_EPOCH};

use aquifer_frame::is_hash;
use aquifer_proto::wall_clock_ms;
use serde::Deserialize;
use serde::de::IgnoredAny;
use tracing::{info, warn};

use super::{NamedFrame, Store, StoreError, io, read_json};

/// Bytes of the cache where nothing else is said, unless [`CACHE_DISK_SHARE`] is less.
const CACHE_BYTES_MAX: u64 = 50_000_000_000;
/// One part in so many of the disk.
const CACHE_DISK_SHARE: u64 = 5;

/// A frame of the store, as far as it must be known to list and remove it: its statistics, which may be long, are skipped.
pub(crate) struct Kept {
    pub(crate) name: Option<String>,
    /// Milliseconds since 1970.
    pub(crate) used_ms: u64,
    key: String,
    record: Record,
}

#[derive(Clone, Default, Deserialize)]
struct Record {
    frame: FrameRecord,
    plan: PlanRecord,
    #[serde(default)]
    uploads: BTreeMap<String, String>,
}

#[derive(Clone, Default, Deserialize)]
struct FrameRecord {
    rows: u64,
    bytes: u64,
    columns: Vec<IgnoredAny>,
    shards: Vec<ShardEntry>,
}

#[derive(Clone, Deserialize)]
struct ShardEntry {
    hash: String,
    bytes: u64,
}

#[derive(Clone, Default, Deserialize)]
struct PlanRecord {
    files: Vec<FileEntry>,
}

#[derive(Clone, Deserialize)]
struct FileEntry {
    path: String,
}

/// What a removal came to.
#[derive(Debug, Default)]
pub(crate) struct Removed {
    pub(crate) frames: u32,
    /// Of the shards.
    pub(crate) bytes: u64,
    /// Shards that no frame has any more.
    pub(crate) shards: Vec<String>,
}

impl Kept {
    pub(crate) fn rows(&self) -> u64 {
        self.record.frame.rows
    }

    pub(crate) fn columns(&self) -> usize {
        self.record.frame.columns.len()
    }

    pub(crate) fn bytes(&self) -> u64 {
        self.record.frame.bytes
    }

    /// Hashes of its shards.
    pub(crate) fn shards(&self) -> BTreeSet<&str> {
        self.record.frame.shards.iter().map(|shard| shard.hash.as_str()).collect()
    }

    /// The first file that it was imported from.
    pub(crate) fn source(&self) -> &str {
        self.record.plan.files.first().map_or("", |file| &file.path)
    }

    pub(crate) fn source_files(&self) -> usize {
        self.record.plan.files.len()
    }

    fn is_used(&self, in_use: &BTreeSet<String>) -> bool {
        self.record.frame.shards.iter().any(|shard| in_use.contains(&shard.hash))
    }
}

impl Store {
    /// Named frames by name, one for each name; and, if they are asked for, those without a name, the last used first.
    pub(crate) fn list(&self, cached: bool) -> Result<Vec<Kept>, StoreError> {
        let (names, frames) = (self.names()?, self.frames()?);
        let of = |named: NamedFrame| {
            let Some(found) = frames.iter().find(|kept| kept.key == named.key) else {
                return Err(StoreError::NoFrame { name: named.name, near: None });
            };
            let (key, used_ms, record) = (named.key, found.used_ms, found.record.clone());
            Ok(Kept { name: Some(named.name), used_ms, key, record })
        };
        let named: BTreeSet<String> = names.iter().map(|named| named.key.clone()).collect();
        let mut listed = names.into_iter().map(of).collect::<Result<Vec<_>, _>>()?;
        if cached {
            listed.extend(frames.into_iter().filter(|kept| !named.contains(&kept.key)));
        }
        Ok(listed)
    }

    /// Removes named frames, and if they are asked for those without a name that no job uses.
    pub(crate) fn remove(
        &self,
        names: &[String],
        cached: bool,
        in_use: &BTreeSet<String>,
    ) -> Result<Removed, StoreError> {
        let (all, frames) = (self.names()?, self.frames()?);
        for name in names {
            let Some(named) = all.iter().find(|named| named.name == *name) else {
                let near = aquifer_model::nearest(name, all.iter().map(|named| named.name.as_str()));
                return Err(StoreError::NoFrame { name: name.clone(), near: near.map(str::to_owned) });
            };
            if frames.iter().any(|kept| kept.key == named.key && kept.is_used(in_use)) {
                return Err(StoreError::FrameInUse { name: name.clone() });
            }
        }
        let (gone, kept): (Vec<_>, Vec<_>) = all.into_iter().partition(|named| names.contains(&named.name));
        let kept: BTreeSet<String> = kept.into_iter().map(|named| named.key).collect();
        let lost: BTreeSet<String> = gone.iter().map(|named| named.key.clone()).collect();
        for named in &gone {
            let path = self.name_path(&named.name);
            std::fs::remove_file(&path).map_err(|source| io("remove", &path, source))?;
        }
        let goes = |frame: &Kept| {
            !kept.contains(&frame.key) && (lost.contains(&frame.key) || (cached && !frame.is_used(in_use)))
        };
        let (gone, left) = frames.into_iter().partition(goes);
        self.remove_frames(gone, &left, in_use)
    }

    /// Removes the frames without a name that were used longest ago, until the others are within the limit. Those that a
    /// job uses stay. Returns the shards that no frame has any more.
    pub(crate) fn trim(&self, in_use: &BTreeSet<String>) -> Result<Vec<String>, StoreError> {
        let named: BTreeSet<String> = self.names()?.into_iter().map(|named| named.key).collect();
        let (mut left, cached): (Vec<_>, Vec<_>) =
            self.frames()?.into_iter().partition(|kept| named.contains(&kept.key));
        // Shards of named frames cost the cache nothing, and each shard counts once.
        let mut counted: BTreeSet<String> = left.iter().flat_map(Kept::shards).map(str::to_owned).collect();
        let (mut bytes, mut is_full, mut gone) = (0, false, Vec::new());
        for frame in cached {
            let new = frame.record.frame.shards.iter().filter(|shard| !counted.contains(&shard.hash));
            let with_it = new.fold(bytes, |sum: u64, shard| sum.saturating_add(shard.bytes));
            is_full |= with_it > self.cache_bytes;
            if !is_full || frame.is_used(in_use) {
                bytes = with_it;
                counted.extend(frame.shards().into_iter().map(str::to_owned));
                left.push(frame);
            } else {
                info!(source = frame.source(), bytes = frame.bytes(), "removed from the cache, which is full");
                gone.push(frame);
            }
        }
        Ok(self.remove_frames(gone, &left, in_use)?.shards)
    }

    /// All frames, the last used first.
    fn frames(&self) -> Result<Vec<Kept>, StoreError> {
        let folder = self.dir.join("frames");
        let mut frames = Vec::new();
        for entry in std::fs::read_dir(&folder).map_err(|source| io("list", &folder, source))? {
            let entry = entry.map_err(|source| io("list", &folder, source))?;
            let name = entry.file_name().to_string_lossy().into_owned();
            let Some(key) = name.strip_suffix(".json") else { continue };
            let record = read_json(&entry.path()).unwrap_or_else(|error| {
                warn!(%error, "a frame that cannot be read");
                Record::default()
            });
            let used = entry.metadata().ok().and_then(|found| found.modified().ok()?.duration_since(UNIX_EPOCH).ok());
            let used_ms = used.map_or(0, |since| since.as_millis() as u64);
            frames.push(Kept { name: None, used_ms, key: key.to_owned(), record });
        }
        frames.sort_by(|a, b| b.used_ms.cmp(&a.used_ms).then_with(|| a.key.cmp(&b.key)));
        Ok(frames)
    }

    /// The record first: what is left of a frame without one costs space, and misleads nobody.
    fn remove_frames(&self, gone: Vec<Kept>, left: &[Kept], in_use: &BTreeSet<String>) -> Result<Removed, StoreError> {
        for frame in &gone {
            let path = self.frame_path(&frame.key);
            std::fs::remove_file(&path).map_err(|source| io("remove", &path, source))?;
        }
        let needed: BTreeSet<&str> = left.iter().flat_map(Kept::shards).collect();
        let mut removed = Removed { frames: gone.len() as u32, ..Removed::default() };
        for shard in gone.iter().flat_map(|frame| &frame.record.frame.shards) {
            let free = is_hash(&shard.hash) && !needed.contains(shard.hash.as_str()) && !in_use.contains(&shard.hash);
            if free && !removed.shards.contains(&shard.hash) {
                removed.bytes = removed.bytes.saturating_add(shard.bytes);
                removed.shards.push(shard.hash.clone());
            }
        }
        for folder in self.shard_folders() {
            for hash in &removed.shards {
                // Not there, or not to be removed: it costs space, no more.
                let _ = std::fs::remove_file(folder.join(format!("{hash}.arrow")));
            }
        }
        let uploads: BTreeSet<&String> = left.iter().flat_map(|frame| frame.record.uploads.values()).collect();
        for upload in gone.iter().flat_map(|frame| frame.record.uploads.values()) {
            if is_hash(upload) && !uploads.contains(upload) {
                let _ = std::fs::remove_file(self.upload_path(upload));
            }
        }
        Ok(removed)
    }

    /// Of the workers of this data folder: one inside a command, and those of a cluster on this machine.
    fn shard_folders(&self) -> Vec<std::path::PathBuf> {
        let workers = std::fs::read_dir(self.dir.join("workers")).into_iter().flatten().flatten();
        [self.dir.clone()].into_iter().chain(workers.map(|entry| entry.path())).map(|dir| dir.join("shards")).collect()
    }
}

/// Says that a frame is used now.
pub(super) fn touch(path: &Path) {
    let now = UNIX_EPOCH + Duration::from_millis(wall_clock_ms());
    let touched =
        File::options().append(true).open(path).and_then(|file| file.set_times(FileTimes::new().set_modified(now)));
    if let Err(error) = touched {
        warn!(path = %path.display(), %error, "cannot say when the frame was used");
    }
}

/// The smaller of the two limits; where the disk cannot be asked, the other.
pub(super) fn default_bytes(dir: &Path) -> u64 {
    let disk = rustix::fs::statvfs(dir).map_or(u64::MAX, |disk| disk.f_blocks.saturating_mul(disk.f_frsize));
    CACHE_BYTES_MAX.min(disk / CACHE_DISK_SHARE)
}

#[cfg(test)]
mod tests {
    use aquifer_frame::{Frame, Plan, SourceOptions, import_shard, plan_with_shard_rows, survey};

    use super::*;
    use crate::core::StoredFrame;

    /// A store, and frames of the same file that differ in their plan.
    struct Bench {
        folder: tempfile::TempDir,
        limit: u64,
    }

    impl Bench {
        fn new(limit: u64) -> Self {
            Self { folder: tempfile::tempdir().unwrap(), limit }
        }

        fn store(&self) -> Store {
            Store::open(self.folder.path(), &self.folder.path().join("models"), Some(self.limit)).unwrap()
        }

        fn shard_exists(&self, hash: &str) -> bool {
            self.folder.path().join("shards").join(format!("{hash}.arrow")).exists()
        }

        /// Saved, and used `used` milliseconds after 1970.
        fn save(&self, seed: Option<u64>, modified: u64, name: Option<&str>, used: u64) -> StoredFrame {
            let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/data/wisconsin/wisconsin.parquet");
            let survey = survey(&[data.into()], &SourceOptions::default()).unwrap();
            let mut plan = Plan { shuffle: seed, ..plan_with_shard_rows(survey, 1024) };
            plan.files[0].modified = modified;
            let shards = self.folder.path().join("shards");
            std::fs::create_dir_all(&shards).unwrap();
            let frame = Frame::merge(&plan, vec![import_shard(&plan, 0, &shards).unwrap()]).unwrap();
            let stored = StoredFrame { frame, plan, uploads: BTreeMap::new() };
            let store = self.store();
            store.save(&stored, name).unwrap();
            let path = store.frame_path(&super::super::plan_key(&stored.plan, &stored.uploads));
            let time = FileTimes::new().set_modified(UNIX_EPOCH + Duration::from_millis(used));
            File::options().append(true).open(path).unwrap().set_times(time).unwrap();
            stored
        }

        /// Seeds of the frames that are left, by name and without.
        fn left(&self) -> usize {
            self.store().frames().unwrap().len()
        }
    }

    fn hash(stored: &StoredFrame) -> &str {
        &stored.frame.shards[0].hash
    }

    fn none() -> BTreeSet<String> {
        BTreeSet::new()
    }

    #[test]
    fn a_full_cache_loses_what_was_used_longest_ago() {
        let mut bench = Bench::new(0);
        let old = bench.save(Some(1), 0, None, 1000);
        let new = bench.save(Some(2), 0, None, 2000);
        let named = bench.save(Some(3), 0, Some("kept"), 500);
        bench.limit = new.frame.bytes;
        assert_eq!(bench.store().trim(&none()).unwrap(), [hash(&old)]);
        assert!(!bench.shard_exists(hash(&old)) && bench.shard_exists(hash(&new)) && bench.shard_exists(hash(&named)));
        assert!(bench.store().trim(&none()).unwrap().is_empty(), "the rest is within the limit");
        bench.limit = 0;
        let in_use = BTreeSet::from([hash(&new).to_owned()]);
        assert!(bench.store().trim(&in_use).unwrap().is_empty(), "a job uses it");
        assert_eq!(bench.store().trim(&none()).unwrap(), [hash(&new)]);
        assert_eq!(bench.left(), 1, "a named frame is no part of the cache");
    }

    #[test]
    fn a_frame_that_is_found_is_used_now() {
        let bench = Bench::new(0);
        let stored = bench.save(None, 0, None, 1000);
        let store = bench.store();
        assert_eq!(store.list(true).unwrap()[0].used_ms, 1000);
        assert!(store.find(&stored.plan, &stored.uploads).unwrap().is_some());
        assert!(store.list(true).unwrap()[0].used_ms > 1_700_000_000_000);
    }

    #[test]
    fn shards_stay_as_long_as_a_frame_has_them() {
        let bench = Bench::new(0);
        // The same rows, imported from what counts as two files.
        let [one, two] = [("one", 0), ("two", 1)].map(|(name, modified)| bench.save(None, modified, Some(name), 0));
        let other = bench.save(Some(1), 0, Some("other"), 0);
        bench.store().save(&two, Some("again")).unwrap();
        let remove = |names: &[&str]| {
            let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
            bench.store().remove(&names, false, &none())
        };
        assert_eq!(hash(&one), hash(&two));
        let first = remove(&["one"]).unwrap();
        assert_eq!((first.frames, first.bytes, bench.shard_exists(hash(&one))), (1, 0, true));
        let second = remove(&["two"]).unwrap();
        assert_eq!((second.frames, bench.shard_exists(hash(&one))), (0, true), "it has another name");
        assert!(
            matches!(remove(&["other", "agin"]), Err(StoreError::NoFrame { near: Some(near), .. }) if near == "again")
        );
        assert!(bench.shard_exists(hash(&other)), "all or none");
        let last = remove(&["other", "again"]).unwrap();
        assert_eq!((last.frames, last.shards.len(), bench.left()), (2, 2, 0));
        assert_eq!(last.bytes, one.frame.bytes + other.frame.bytes);
        assert!(!bench.shard_exists(hash(&one)) && !bench.shard_exists(hash(&other)));
    }

    #[test]
    fn what_a_job_uses_is_not_removed() {
        let bench = Bench::new(0);
        let named = bench.save(None, 0, Some("named"), 0);
        let cached = bench.save(Some(1), 0, None, 0);
        let in_use = [&named, &cached].map(|stored| hash(stored).to_owned()).into();
        let refused = bench.store().remove(&["named".to_owned()], false, &in_use);
        assert!(matches!(refused, Err(StoreError::FrameInUse { .. })));
        assert_eq!(bench.store().remove(&[], true, &in_use).unwrap().frames, 0);
        assert_eq!(bench.store().remove(&[], true, &none()).unwrap().shards, [hash(&cached)]);
        assert!(bench.shard_exists(hash(&named)));
    }

    #[test]
    fn a_record_that_cannot_be_read_can_be_removed() {
        let bench = Bench::new(0);
        let stored = bench.save(None, 0, Some("old"), 0);
        let path = bench.store().frame_path(&super::super::plan_key(&stored.plan, &stored.uploads));
        std::fs::write(path, "{}").unwrap();
        assert_eq!(bench.store().list(true).unwrap()[0].name.as_deref(), Some("old"));
        assert_eq!(bench.store().remove(&["old".to_owned()], false, &none()).unwrap().frames, 1);
        assert_eq!(bench.left(), 0);
    }
}
