//! Roots: the folders under which a node may read files that others name.

use std::path::{Path, PathBuf};

/// An allow-list. Without roots nothing is allowed.
#[derive(Clone, Debug, Default)]
pub struct Roots(Vec<PathBuf>);

impl Roots {
    /// Folders that exist; links in them are resolved now.
    pub fn new(folders: &[PathBuf]) -> std::io::Result<Self> {
        folders.iter().map(|folder| folder.canonicalize()).collect::<std::io::Result<_>>().map(Self)
    }

    /// Every file: for a process that acts for its own user alone.
    pub fn everything() -> Self {
        Self(vec![PathBuf::from("/")])
    }

    /// The file's real path, if it exists under a root once all links are resolved.
    pub fn allow(&self, path: &Path) -> Option<PathBuf> {
        let real = path.canonicalize().ok()?;
        self.0.iter().any(|root| real.starts_with(root)).then_some(real)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_and_dots_do_not_lead_out() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("root");
        std::fs::create_dir(&root).unwrap();
        std::fs::write(root.join("in"), "x").unwrap();
        std::fs::write(folder.path().join("out"), "x").unwrap();
        #[cfg(unix)]
        std::os::unix::fs::symlink(folder.path().join("out"), root.join("link")).unwrap();
        let roots = Roots::new(std::slice::from_ref(&root)).unwrap();
        assert!(roots.allow(&root.join("in")).is_some());
        for outside in ["../out", "link", "missing", "in/../../out"] {
            assert!(roots.allow(&root.join(outside)).is_none(), "{outside}");
        }
        assert!(Roots::default().allow(&root.join("in")).is_none());
    }
}
