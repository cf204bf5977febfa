//! Files that this program writes: whole, or not at all.

use std::io::Write;
use std::path::{Path, PathBuf};

use aquifer_model::Report;

use crate::failure::{unwritable, usage};

/// A file that gets its name only when all of it is written; before that nothing is left behind.
pub(crate) struct NewFile {
    part: tempfile::NamedTempFile,
    path: PathBuf,
}

impl NewFile {
    /// A file that any new file of this user is like.
    pub(crate) fn begin(path: &Path) -> Result<Self, Report> {
        Self::with_mode(path, 0o666)
    }

    /// A file that only this user can read.
    pub(crate) fn secret(path: &Path) -> Result<Self, Report> {
        Self::with_mode(path, 0o600)
    }

    fn with_mode(path: &Path, mode: u32) -> Result<Self, Report> {
        if path.metadata().is_ok_and(|found| !found.is_file()) {
            let message = format!("{} is a folder or a device, not a file", path.display());
            return Err(usage("not_a_file", message).hint("give --out FILE"));
        }
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let mut builder = tempfile::Builder::new();
        builder.prefix(".part-");
        #[cfg(unix)]
        builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(mode));
        let part = builder.tempfile_in(folder).map_err(|error| unwritable(folder, &error))?;
        Ok(Self { part, path: path.to_owned() })
    }

    pub(crate) fn finish(self) -> Result<(), Report> {
        let path = self.path;
        self.part.as_file().sync_all().map_err(|error| unwritable(&path, &error))?;
        self.part.persist(&path).map_err(|error| unwritable(&path, &error.error))?;
        Ok(())
    }
}

impl Write for NewFile {
    fn write(&mut self, data: &[u8]) -> std::io::Result<usize> {
        self.part.write(data)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.part.flush()
    }
}
