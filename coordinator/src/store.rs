//! The coordinator's files: frames, uploads, models. Written under a temporary name, synced, renamed; named by hashes and
//! ids that this process made, never by a client's text.

mod cache;
mod checkpoints;
mod room;
mod sources;

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};

use aquifer_fault::{Writer, io_point, kill_point};
use aquifer_frame::{Plan, Roots};
use aquifer_model::{Kind, Report, model_file_name};
use aquifer_proto::{new_part, sweep_parts};
use serde::{Deserialize, Serialize};

use crate::core::{JobId, StoredFrame};

pub(crate) use cache::{Kept, Removed};
pub(crate) use room::check_room;
pub(crate) use sources::source_changes;

#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    #[error("cannot {doing} {path}")]
    Io { doing: &'static str, path: String, source: std::io::Error },
    #[error("{path} cannot be read: it is damaged or of another version")]
    Damaged { path: String, source: serde_json::Error },
    #[error("there is no frame named `{name}`")]
    NoFrame { name: String, near: Option<String> },
    #[error("the frame `{name}` is in use by a job that is running")]
    FrameInUse { name: String },
}

impl From<StoreError> for Report {
    fn from(error: StoreError) -> Self {
        let report = |kind, code| Report::new(kind, code, error.to_string());
        let with_cause = |report: Report| match std::error::Error::source(&error) {
            Some(source) => report.caused_by(source),
            None => report,
        };
        match &error {
            StoreError::Io { source, .. } if source.kind() == std::io::ErrorKind::StorageFull => {
                with_cause(report(Kind::Work, "disk_full")).hint("free space, or choose another folder with --dir")
            }
            StoreError::Io { source, .. }
                if matches!(
                    source.kind(),
                    std::io::ErrorKind::ReadOnlyFilesystem | std::io::ErrorKind::PermissionDenied
                ) =>
            {
                with_cause(report(Kind::Config, "not_writable")).hint("choose a folder that can be written with --dir")
            }
            StoreError::Io { .. } => with_cause(report(Kind::Work, "io")),
            StoreError::Damaged { .. } => with_cause(report(Kind::Data, "damaged")).hint("import the frame again"),
            StoreError::FrameInUse { .. } => {
                report(Kind::Config, "frame_in_use").hint("wait until the job has ended, or cancel it")
            }
            StoreError::NoFrame { near, .. } => match near {
                Some(near) => report(Kind::Config, "no_frame").hint(format!("did you mean `{near}`?")),
                None => report(Kind::Config, "no_frame")
                    .hint("`aquifer frame ls` lists the frames; a file needs a slash or must exist"),
            },
        }
    }
}

/// The folders of one data folder.
#[derive(Clone, Debug)]
pub struct Store {
    dir: PathBuf,
    /// Where the folders of jobs lie; or the folder of the only one.
    jobs: PathBuf,
    of_one_job: bool,
    /// Of the shards of frames without a name.
    cache_bytes: u64,
}

#[derive(Serialize, Deserialize)]
struct NamedFrame {
    name: String,
    key: String,
}

impl Store {
    /// `dir` for frames and uploads, `journal_dir` for what jobs leave: in folders of their own, unless it is the folder of one.
    /// Frames without a name may have `cache_bytes`.
    pub fn open(dir: &Path, journal_dir: &Path, cache_bytes: Option<u64>) -> Result<Self, StoreError> {
        let of_one_job = dir != journal_dir;
        let jobs = if of_one_job { journal_dir.to_owned() } else { dir.join("jobs") };
        for folder in [&dir.join("frames").join("names"), &jobs] {
            std::fs::create_dir_all(folder).map_err(|source| io("create", folder, source))?;
        }
        sweep(dir);
        let cache_bytes = cache_bytes.unwrap_or_else(|| cache::default_bytes(dir));
        Ok(Self { dir: dir.to_owned(), jobs, of_one_job, cache_bytes })
    }

    fn frame_path(&self, key: &str) -> PathBuf {
        self.dir.join("frames").join(format!("{key}.json"))
    }

    fn name_path(&self, name: &str) -> PathBuf {
        let hash = blake3::hash(name.as_bytes()).to_hex();
        self.dir.join("frames").join("names").join(format!("{hash}.json"))
    }

    /// What frames may be made of: files under the roots, and uploads.
    pub(crate) fn readable(&self, roots: &Roots) -> Result<Roots, StoreError> {
        let uploads = self.dir.join("uploads");
        match roots.and(&uploads) {
            // Nothing was uploaded yet.
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(roots.clone()),
            readable => readable.map_err(|error| io("open", &uploads, error)),
        }
    }

    pub(crate) fn upload_path(&self, hash: &str) -> PathBuf {
        self.dir.join("uploads").join(format!("{hash}.parquet"))
    }

    /// Of a job: models, metric points.
    pub(crate) fn job_folder(&self, job: &JobId) -> PathBuf {
        if self.of_one_job { self.jobs.clone() } else { self.jobs.join(&job.0) }
    }

    /// The file of a model of a job, by the hash of its bytes.
    pub(crate) fn model_path(&self, job: &JobId, blake3: &str) -> PathBuf {
        self.job_folder(job).join("models").join(model_file_name(blake3))
    }

    /// A file that is to become a model of a job.
    pub(crate) fn begin_model(&self, job: &JobId) -> Result<Incoming, StoreError> {
        Incoming::begin(&self.job_folder(job).join("models"))
    }

    pub(crate) fn append_point(&self, job: &JobId, line: &str) -> Result<(), StoreError> {
        let folder = self.job_folder(job);
        std::fs::create_dir_all(&folder).map_err(|source| io("create", &folder, source))?;
        let path = folder.join("points.jsonl");
        let append = || {
            let mut file = File::options().append(true).create(true).open(&path)?;
            file.write_all(format!("{line}\n").as_bytes())
        };
        append().map_err(|source| io("write", &path, source))
    }

    /// Removes what a cancelled job has left.
    pub(crate) fn forget(&self, job: &JobId) {
        let folder = self.job_folder(job);
        // Gone already is as good.
        let _ = std::fs::remove_dir_all(folder.join("models"));
        let _ = std::fs::remove_dir_all(folder.join("checkpoints"));
        let _ = std::fs::remove_file(folder.join("points.jsonl"));
        if !self.of_one_job {
            let _ = std::fs::remove_dir(folder);
        }
    }

    /// The frame that was imported from exactly these files, if it was. One that cannot be read is imported again.
    pub fn find(&self, plan: &Plan, uploads: &BTreeMap<String, String>) -> Result<Option<StoredFrame>, StoreError> {
        let path = self.frame_path(&plan_key(plan, uploads));
        if !path.exists() {
            return Ok(None);
        }
        match read_json(&path) {
            Err(error @ StoreError::Damaged { .. }) => {
                tracing::warn!(%error, "it is imported again");
                Ok(None)
            }
            read => {
                cache::touch(&path);
                read.map(Some)
            }
        }
    }

    pub fn save(&self, stored: &StoredFrame, name: Option<&str>) -> Result<(), StoreError> {
        let key = plan_key(&stored.plan, &stored.uploads);
        write_json(&self.frame_path(&key), stored)?;
        match name {
            Some(name) => write_json(&self.name_path(name), &NamedFrame { name: name.to_owned(), key }),
            None => Ok(()),
        }
    }

    pub fn load(&self, name: &str) -> Result<StoredFrame, StoreError> {
        let path = self.name_path(name);
        if !path.exists() {
            let names: Vec<String> = self.names()?.into_iter().map(|named| named.name).collect();
            let near = aquifer_model::nearest(name, names.iter().map(String::as_str)).map(str::to_owned);
            return Err(StoreError::NoFrame { name: name.to_owned(), near });
        }
        let named: NamedFrame = read_json(&path)?;
        let path = self.frame_path(&named.key);
        cache::touch(&path);
        read_json(&path)
    }

    fn names(&self) -> Result<Vec<NamedFrame>, StoreError> {
        let folder = self.dir.join("frames").join("names");
        let entries = std::fs::read_dir(&folder).map_err(|source| io("list", &folder, source))?;
        let mut names = Vec::new();
        for entry in entries {
            let path = entry.map_err(|source| io("list", &folder, source))?.path();
            if path.extension().is_some_and(|extension| extension == "json") {
                names.push(read_json::<NamedFrame>(&path)?);
            }
        }
        names.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(names)
    }
}

/// Same files, same cut: same key. A file that the cluster reads itself is known by path, size, footer and time of its last
/// change; an upload by its content.
fn plan_key(plan: &Plan, uploads: &BTreeMap<String, String>) -> String {
    let text = serde_json::to_vec(&(plan, uploads)).unwrap_or_default();
    blake3::hash(&text).to_hex()[..32].to_owned()
}

/// Removes what processes that were killed have left half-written in a data folder.
fn sweep(dir: &Path) {
    for folder in ["frames", "frames/names", "uploads"] {
        sweep_parts(&dir.join(folder));
    }
    for job in std::fs::read_dir(dir.join("jobs")).into_iter().flatten().flatten() {
        for folder in ["models", "checkpoints"] {
            sweep_parts(&job.path().join(folder));
        }
    }
}

/// A file that gets its name only when all of it is on disk; dropped before that, it is gone.
pub(crate) struct Incoming {
    file: File,
    hasher: blake3::Hasher,
    part: tempfile::TempPath,
}

impl Incoming {
    /// A temporary file in the folder that the file will lie in.
    pub(crate) fn begin(folder: &Path) -> Result<Self, StoreError> {
        std::fs::create_dir_all(folder).map_err(|source| io("create", folder, source))?;
        let part = io_point("coordinator.file.create").and_then(|()| new_part(folder));
        let (file, part) = part.map_err(|source| io("create a file in", folder, source))?.into_parts();
        Ok(Self { file, hasher: blake3::Hasher::new(), part })
    }

    pub(crate) fn write(&mut self, data: &[u8]) -> Result<(), StoreError> {
        self.hasher.update(data);
        let mut file = Writer::new("coordinator.file.write", &mut self.file);
        file.write_all(data).map_err(|source| io("write", &self.part, source))
    }

    /// Syncs and renames to the path that the content's hash gives.
    pub(crate) fn finish(self, path: impl FnOnce(&str) -> PathBuf) -> Result<(PathBuf, String), StoreError> {
        let hash = self.hasher.finalize().to_hex().to_string();
        let path = path(&hash);
        let synced = io_point("coordinator.file.sync").and_then(|()| self.file.sync_all());
        synced.map_err(|source| io("sync", &self.part, source))?;
        kill_point("coordinator.file.synced");
        io_point("coordinator.file.rename").map_err(|source| io("rename to", &path, source))?;
        self.part.persist(&path).map_err(|error| io("rename to", &path, error.error))?;
        // The name is on disk as well before anybody hears of it.
        let folder = path.parent().map_or(Ok(()), |folder| File::open(folder)?.sync_all());
        io_point("coordinator.folder.sync").and(folder).map_err(|source| io("sync the folder of", &path, source))?;
        kill_point("coordinator.file.renamed");
        Ok((path, hash))
    }
}

fn write_json<T: Serialize>(path: &Path, value: &T) -> Result<(), StoreError> {
    let damaged = |source| StoreError::Damaged { path: path.display().to_string(), source };
    let text = serde_json::to_vec(value).map_err(damaged)?;
    let mut file = Incoming::begin(path.parent().unwrap_or(Path::new(".")))?;
    file.write(&text)?;
    file.finish(|_| path.to_owned()).map(|_| ())
}

fn read_json<T: for<'a> Deserialize<'a>>(path: &Path) -> Result<T, StoreError> {
    let text = std::fs::read(path).map_err(|source| io("read", path, source))?;
    serde_json::from_slice(&text).map_err(|source| StoreError::Damaged { path: path.display().to_string(), source })
}

pub(crate) fn io(doing: &'static str, path: &Path, source: std::io::Error) -> StoreError {
    StoreError::Io { doing, path: path.display().to_string(), source }
}
