//! A shard's file: uncompressed Arrow IPC under a temporary name, synced, then renamed to its hash.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use aquifer_fault::{Writer, io_point, kill_point};
use arrow_array::RecordBatch;
use arrow_ipc::MetadataVersion;
use arrow_ipc::writer::{FileWriter, IpcWriteOptions};
use arrow_schema::{ArrowError, Schema};

use super::part::{PART_PREFIX, claim_part};
use crate::error::{Error, ShardError};

/// Bytes between buffers, as Arrow advises for SIMD.
const ALIGNMENT: usize = 64;
/// Temporary names that are tried: as many may be in use by others in this folder.
const NAMES_MAX: u32 = 1 << 16;

/// Writes the batches, and returns the file's hash and bytes.
pub(super) fn write_shard(folder: &Path, batches: &[RecordBatch]) -> Result<(String, u64), Error> {
    let (file, temporary) = Temporary::create(folder)?;
    let path = temporary.path.clone();
    let mut to = HashingWriter { file, hasher: blake3::Hasher::new(), bytes: 0 };
    kill_point("worker.shard.created");
    write_batches(&mut to, batches).map_err(|error| unwritten(error, &path))?;
    kill_point("worker.shard.written");
    io_point("worker.shard.sync").and_then(|()| to.file.sync_all()).map_err(Error::io("write", &path))?;
    kill_point("worker.shard.synced");
    io_point("worker.shard.freeze").and_then(|()| freeze(&to.file)).map_err(Error::io("write", &path))?;
    let hash = to.hasher.finalize().to_hex().to_string();
    temporary.rename(&folder.join(format!("{hash}.arrow")))?;
    kill_point("worker.shard.renamed");
    Ok((hash, to.bytes))
}

/// Read-only: what is mapped must never change under its readers.
fn freeze(file: &File) -> io::Result<()> {
    let mut permissions = file.metadata()?.permissions();
    permissions.set_readonly(true);
    file.set_permissions(permissions)
}

fn write_batches(to: &mut HashingWriter, batches: &[RecordBatch]) -> Result<(), ArrowError> {
    let schema = batches.first().map_or_else(|| Schema::empty().into(), RecordBatch::schema);
    let options = IpcWriteOptions::try_new(ALIGNMENT, false, MetadataVersion::V5)?;
    let mut writer = FileWriter::try_new_with_options(BufWriter::with_capacity(1 << 20, to), &schema, options)?;
    for batch in batches {
        writer.write(batch)?;
    }
    writer.finish()?;
    writer.flush()
}

fn unwritten(error: ArrowError, path: &Path) -> Error {
    match error {
        ArrowError::IoError(_, source) => Error::io("write", path)(source),
        other => ShardError::Unwritable { source: other.into() }.into(),
    }
}

/// A file that is removed again unless it gets its name.
struct Temporary {
    path: PathBuf,
    renamed: bool,
}

impl Temporary {
    fn create(folder: &Path) -> Result<(File, Self), Error> {
        let mut last = io::ErrorKind::AlreadyExists.into();
        for n in 0..NAMES_MAX {
            let path = folder.join(format!("{PART_PREFIX}{}-{n}", std::process::id()));
            let create = || -> io::Result<_> {
                let file = OpenOptions::new().write(true).create_new(true).open(&path)?;
                Ok((claim_part(&file, &path)?, file))
            };
            match io_point("worker.shard.create").and_then(|()| create()) {
                Ok((true, file)) => return Ok((file, Self { path, renamed: false })),
                Ok((false, _)) => {}
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => last = error,
                Err(error) => return Err(Error::io("write to", folder)(error)),
            }
        }
        Err(Error::io("write to", folder)(last))
    }

    fn rename(mut self, to: &Path) -> Result<(), Error> {
        let renamed = io_point("worker.shard.rename").and_then(|()| fs::rename(&self.path, to));
        renamed.map_err(Error::io("write", to))?;
        self.renamed = true;
        Ok(())
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        if !self.renamed {
            // The error that brought us here is the one to report.
            let _ = fs::remove_file(&self.path);
        }
    }
}

struct HashingWriter {
    file: File,
    hasher: blake3::Hasher,
    bytes: u64,
}

impl Write for HashingWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = Writer::new("worker.shard.write", &mut self.file).write(bytes)?;
        self.hasher.update(&bytes[..written]);
        self.bytes += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow_array::{ArrayRef, Int64Array};

    use super::*;

    fn batch() -> RecordBatch {
        let column: ArrayRef = Arc::new(Int64Array::from_iter_values(0..1000));
        RecordBatch::try_from_iter([("x", column)]).unwrap()
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn a_full_disk_has_its_own_code() {
        let path = Path::new("/dev/full");
        let file = OpenOptions::new().write(true).open(path).unwrap();
        let mut to = HashingWriter { file, hasher: blake3::Hasher::new(), bytes: 0 };
        let error = unwritten(write_batches(&mut to, &[batch()]).unwrap_err(), path);
        assert_eq!(error.code(), "disk_full");
        assert!(error.hint().is_some());
    }

    #[test]
    fn only_the_named_file_stays() {
        let folder = tempfile::tempdir().unwrap();
        let names = || {
            let entry = |entry: io::Result<fs::DirEntry>| entry.unwrap().file_name().into_string().unwrap();
            fs::read_dir(folder.path()).unwrap().map(entry).collect::<Vec<_>>()
        };
        let (hash, bytes) = write_shard(folder.path(), &[batch()]).unwrap();
        assert_eq!(names(), [format!("{hash}.arrow")]);
        let written = fs::read(folder.path().join(format!("{hash}.arrow"))).unwrap();
        assert!(fs::metadata(folder.path().join(format!("{hash}.arrow"))).unwrap().permissions().readonly());
        assert_eq!((blake3::hash(&written).to_hex().to_string(), written.len() as u64), (hash.clone(), bytes));
        let (_, unfinished) = Temporary::create(folder.path()).unwrap();
        assert_eq!(names().len(), 2);
        assert!(names().iter().any(|name| name.starts_with(".part-")));
        drop(unfinished);
        assert_eq!(names(), [format!("{hash}.arrow")]);
    }
}
