//! Roots: the folders under which a node may read files that others name.
//!
//! A name is resolved once, to a path without links, and looked up in the list; what is opened is that very path, and the
//! kernel follows no link on the way there. So a link that is put in place of a folder meanwhile leads nowhere.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::fs::{CWD, Mode, OFlags, openat};

/// An allow-list. Without roots nothing is allowed.
#[derive(Clone, Debug, Default)]
pub struct Roots(Allowed);

#[derive(Clone, Debug)]
enum Allowed {
    Everything,
    Beneath(Vec<Root>),
}

impl Default for Allowed {
    fn default() -> Self {
        Self::Beneath(Vec::new())
    }
}

#[derive(Clone, Debug)]
struct Root {
    /// Without links.
    path: PathBuf,
    /// The folder itself, whatever has its name later.
    folder: Arc<File>,
}

impl Roots {
    /// Folders that exist; links in them are resolved now.
    pub fn new(folders: &[PathBuf]) -> io::Result<Self> {
        let roots = folders.iter().map(|folder| Root::open(folder)).collect::<io::Result<_>>()?;
        Ok(Self(Allowed::Beneath(roots)))
    }

    /// Every file: for a process that acts for its own user alone.
    pub fn everything() -> Self {
        Self(Allowed::Everything)
    }

    /// These and one more.
    pub fn and(&self, folder: &Path) -> io::Result<Self> {
        let mut roots = self.clone();
        if let Allowed::Beneath(roots) = &mut roots.0 {
            roots.push(Root::open(folder)?);
        }
        Ok(roots)
    }

    /// The file's real path, if it exists under a root once all links are resolved.
    pub fn allow(&self, path: &Path) -> Option<PathBuf> {
        let real = path.canonicalize().ok()?;
        match &self.0 {
            Allowed::Everything => Some(real),
            Allowed::Beneath(roots) => roots.iter().any(|root| real.starts_with(&root.path)).then_some(real),
        }
    }

    /// Opens a file for reading, if it is under a root. A pipe is not waited for.
    pub fn open(&self, path: &Path) -> io::Result<File> {
        let roots = match &self.0 {
            Allowed::Everything => return Ok(openat(CWD, path, FOR_READING, Mode::empty())?.into()),
            Allowed::Beneath(roots) => roots,
        };
        let real = path.canonicalize()?;
        let found = roots.iter().find_map(|root| Some((root, real.strip_prefix(&root.path).ok()?)));
        let (root, beneath) = found.ok_or_else(|| io::Error::new(io::ErrorKind::PermissionDenied, OUTSIDE))?;
        root.open_beneath(beneath)
    }
}

const FOR_READING: OFlags = OFlags::RDONLY.union(OFlags::CLOEXEC).union(OFlags::NONBLOCK).union(OFlags::NOCTTY);
const OUTSIDE: &str = "it is under none of the folders that may be read";

impl Root {
    fn open(folder: &Path) -> io::Result<Self> {
        let path = folder.canonicalize()?;
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let folder = Arc::new(openat(CWD, &path, flags, Mode::empty())?.into());
        Ok(Self { path, folder })
    }

    /// `beneath` has no links and no dots; one that is there now was put there since.
    fn open_beneath(&self, beneath: &Path) -> io::Result<File> {
        #[cfg(target_os = "linux")]
        {
            use rustix::fs::{ResolveFlags, openat2};
            use rustix::io::Errno;
            let beneath = if beneath.as_os_str().is_empty() { Path::new(".") } else { beneath };
            let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS;
            match openat2(&self.folder, beneath, FOR_READING, Mode::empty(), resolve) {
                Ok(file) => return Ok(file.into()),
                // A kernel before 5.6, or a sandbox that does not know the call.
                Err(Errno::NOSYS | Errno::PERM) => {}
                Err(error) => return Err(error.into()),
            }
        }
        self.open_step_by_step(beneath)
    }

    /// The same without the kernel's help: folder by folder, each without following a link.
    fn open_step_by_step(&self, beneath: &Path) -> io::Result<File> {
        let mut at = self.folder.clone();
        let mut names = beneath.components().peekable();
        while let Some(name) = names.next() {
            let flags = match names.peek() {
                Some(_) => OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC,
                None => FOR_READING,
            };
            at = Arc::new(openat(&at, name.as_os_str(), flags | OFlags::NOFOLLOW, Mode::empty())?.into());
        }
        at.try_clone()
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;
    use std::os::unix::fs::symlink;

    use super::*;

    fn text(file: io::Result<File>) -> Option<String> {
        let mut text = String::new();
        file.ok()?.read_to_string(&mut text).ok()?;
        Some(text)
    }

    #[test]
    fn links_and_dots_do_not_lead_out() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("root");
        std::fs::create_dir_all(root.join("below")).unwrap();
        for (path, text) in [("root/in", "in"), ("root/below/in", "below"), ("out", "out")] {
            std::fs::write(folder.path().join(path), text).unwrap();
        }
        symlink(folder.path().join("out"), root.join("link")).unwrap();
        symlink("../out", root.join("short")).unwrap();
        symlink(root.join("below"), root.join("inner")).unwrap();
        symlink("/proc/self/environ", root.join("magic")).unwrap();
        let roots = Roots::new(std::slice::from_ref(&root)).unwrap();
        for (inside, expected) in [("in", "in"), ("below/../in", "in"), ("inner/in", "below")] {
            assert!(roots.allow(&root.join(inside)).is_some(), "{inside}");
            assert_eq!(text(roots.open(&root.join(inside))).as_deref(), Some(expected), "{inside}");
        }
        for outside in ["../out", "link", "short", "magic", "missing", "in/../../out", "below/../../out", "/etc/passwd"]
        {
            assert!(roots.allow(&root.join(outside)).is_none(), "{outside}");
            assert!(roots.open(&root.join(outside)).is_err(), "{outside}");
        }
        assert!(Roots::default().allow(&root.join("in")).is_none());
        assert!(Roots::default().open(&root.join("in")).is_err());
        assert!(text(roots.and(folder.path()).unwrap().open(&root.join("link"))).is_some());
    }

    /// What is opened is the path that was looked up: both ways of opening refuse a link that came between.
    #[test]
    fn a_link_that_is_put_there_meanwhile_leads_nowhere() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("root");
        std::fs::create_dir_all(root.join("below")).unwrap();
        std::fs::write(root.join("below/in"), "in").unwrap();
        std::fs::create_dir(folder.path().join("out")).unwrap();
        std::fs::write(folder.path().join("out/in"), "out").unwrap();
        let opened = Root::open(&root).unwrap();
        let both = |beneath: &str| {
            let beneath = Path::new(beneath);
            [text(opened.open_beneath(beneath)), text(opened.open_step_by_step(beneath))]
        };
        assert_eq!(both("below/in"), [Some("in".to_owned()), Some("in".to_owned())]);
        std::fs::rename(root.join("below"), root.join("moved")).unwrap();
        symlink(folder.path().join("out"), root.join("below")).unwrap();
        symlink(folder.path().join("out/in"), root.join("file")).unwrap();
        for swapped in ["below/in", "file"] {
            assert_eq!(both(swapped), [None, None], "{swapped}");
        }
        // The root itself may be moved away: its folder stays what it was.
        std::fs::rename(&root, folder.path().join("elsewhere")).unwrap();
        symlink(folder.path().join("out"), &root).unwrap();
        assert_eq!(both("in"), [None, None]);
        assert_eq!(both("moved/in"), [Some("in".to_owned()), Some("in".to_owned())]);
    }
}
