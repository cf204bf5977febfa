//! Makes sure that the shards a trial reads are here: from the store, from a peer, or from the source again.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use aquifer_frame::{Plan, Roots, Shard, ShardRecord, import_shard_beneath};
use aquifer_model::{Kind, Report};
use aquifer_proto::v1;
use aquifer_proto::{PROTOCOL_VERSION, PartPlan, ShardHolders};
use tracing::{info, warn};

use crate::link::{self, Links};
use crate::store::{Store, io_report};

/// What the making and fetching of shards needs.
#[derive(Clone)]
pub(crate) struct Shards {
    pub(crate) store: Store,
    pub(crate) roots: Arc<Roots>,
    pub(crate) links: Links,
    pub(crate) coordinator: String,
    /// This worker's own address: it does not ask itself.
    pub(crate) own_address: String,
    pub(crate) fetching: Arc<tokio::sync::Mutex<()>>,
}

/// Files of a plan that were uploaded: path to BLAKE3.
pub(crate) type Uploads = BTreeMap<String, String>;

/// Shards of a part, and the hashes of those that were not in the store before.
#[derive(Default)]
pub(crate) struct Opened {
    pub(crate) shards: Vec<Arc<Shard>>,
    pub(crate) new: Vec<String>,
}

impl Shards {
    /// Opens the shards of a part that hold any of `rows`. Blocks on files: never on a thread of tokio.
    pub(crate) async fn open(&self, part: &PartPlan, rows: &[Range<u64>]) -> Result<Opened, Report> {
        let needed = |shard: &&ShardHolders| {
            let own = &shard.record.rows;
            rows.iter().any(|rows| rows.start < own.end && own.start < rows.end)
        };
        let mut opened = Opened::default();
        for shard in part.shards.iter().filter(needed) {
            let was_here = self.store.has(&shard.record.hash);
            opened.shards.push(Arc::new(self.open_one(part, shard).await?));
            opened.new.extend((!was_here).then(|| shard.record.hash.clone()));
        }
        Ok(opened)
    }

    async fn open_one(&self, part: &PartPlan, shard: &ShardHolders) -> Result<Shard, Report> {
        let record = &shard.record;
        if self.store.has(&record.hash) {
            match Shard::open(self.store.shard_folder(), record, true) {
                Ok(opened) => return Ok(opened),
                // A shard is a function of its source: a damaged one is made again.
                Err(error) => warn!(shard = record.hash, %error, "the shard in the store is damaged"),
            }
            self.store.remove(&record.hash);
        }
        let peers = shard.addresses.iter().filter(|address| **address != self.own_address);
        for address in peers {
            match self.fetch(address, &record.hash).await {
                Ok(()) => return Ok(Shard::open(self.store.shard_folder(), record, true)?),
                Err(report) => {
                    warn!(shard = record.hash, address, report = %report.whole(), "the shard could not be fetched")
                }
            }
        }
        self.rebuild(part, record).await?;
        Ok(Shard::open(self.store.shard_folder(), record, true)?)
    }

    async fn fetch(&self, address: &str, hash: &str) -> Result<(), Report> {
        let path = self.store.shard_path(hash).ok_or_else(|| no_hash(hash))?;
        let mut client = self.links.peer(address).await?;
        let header = v1::Header { protocol_version: PROTOCOL_VERSION, ..v1::Header::default() };
        let request = v1::FetchShardRequest { header: Some(header), shard: hash.to_owned() };
        let pieces = client.fetch_shard(request).await;
        let pieces = pieces.map_err(|status| aquifer_proto::from_status(&status, "fetching a shard"))?;
        link::save(pieces.into_inner(), |piece| piece.data, &path, hash).await?;
        info!(shard = hash, address, "fetched");
        Ok(())
    }

    async fn rebuild(&self, part: &PartPlan, record: &ShardRecord) -> Result<(), Report> {
        aquifer_fault::kill_point("worker.shard.rebuild");
        let at = part.plan.shards.iter().position(|rows| *rows == record.rows);
        let at = at.ok_or_else(|| Report::new(Kind::Work, "plan", "the plan has no such shard"))?;
        self.fetch_uploads(&part.uploads).await?;
        let made = self.import(&part.plan, at, &part.uploads)?;
        if made.hash == record.hash {
            return Ok(());
        }
        self.store.remove(&made.hash);
        let message =
            format!("rows {:?} of the source are not what they were when the frame was imported", record.rows);
        Err(Report::new(Kind::Data, "source_changed", message).hint("import the data again"))
    }

    /// Makes a shard from the source. `uploads` are files that only the client could read, by their paths in the plan.
    pub(crate) fn import(&self, plan: &Plan, shard: usize, uploads: &Uploads) -> Result<ShardRecord, Report> {
        let mut local = plan.clone();
        let mut renamed = Vec::new();
        for file in &mut local.files {
            let path = match uploads.get(&file.path) {
                Some(upload) => self.store.upload_path(upload).ok_or_else(|| no_hash(upload))?,
                None => self.allow(&file.path)?,
            };
            let path = path.display().to_string();
            renamed.push((path.clone(), std::mem::replace(&mut file.path, path)));
        }
        let readable = self.store.readable(&self.roots)?;
        import_shard_beneath(&readable, &local, shard, self.store.shard_folder()).map_err(|error| {
            let mut report = Report::from(error);
            for (local, named) in &renamed {
                report.message = report.message.replace(local, named);
            }
            report
        })
    }

    fn allow(&self, path: &str) -> Result<PathBuf, Report> {
        let refused = || {
            let message = format!("{path} is not under a root of this worker, or does not exist there");
            Report::new(Kind::Access, "outside_roots", message).hint("start the worker with --root FOLDER")
        };
        self.roots.allow(Path::new(path)).ok_or_else(refused)
    }

    /// Fetches the uploads of a plan from the coordinator, those that are not here: one after another, each once.
    pub(crate) async fn fetch_uploads(&self, uploads: &Uploads) -> Result<(), Report> {
        let _one_at_a_time = self.fetching.lock().await;
        for upload in uploads.values() {
            let path = self.store.upload_path(upload).ok_or_else(|| no_hash(upload))?;
            if path.exists() {
                continue;
            }
            let mut client = self.links.coordinator(&self.coordinator).await?;
            let header = v1::Header { protocol_version: PROTOCOL_VERSION, ..v1::Header::default() };
            let request = v1::FetchUploadRequest { header: Some(header), upload: upload.clone() };
            let pieces = client.fetch_upload(request).await;
            let pieces = pieces.map_err(|status| aquifer_proto::from_status(&status, "fetching an upload"))?;
            link::save(pieces.into_inner(), |piece| piece.data, &path, upload).await?;
        }
        Ok(())
    }

    pub(crate) fn drop_all(&self, shards: &[String]) {
        shards.iter().for_each(|hash| self.store.remove(hash));
    }

    /// Free space on the disk of the store.
    pub(crate) fn check_writable(&self) -> Result<(), Report> {
        let folder = self.store.shard_folder();
        tempfile::tempfile_in(folder).map(drop).map_err(|error| io_report("write in", folder, &error))
    }
}

fn no_hash(text: &str) -> Report {
    Report::new(Kind::Work, "hash", format!("`{text}` is no hash of a file"))
}
