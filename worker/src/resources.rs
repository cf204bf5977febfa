//! What this machine gives: memory under its cgroup's limit, and free disk.

use std::path::{Path, PathBuf};

/// The smallest of RAM and the limits of the cgroups that this process is in, v2 and v1; 0 if none can be read.
pub fn memory_bytes() -> u64 {
    let ram = std::fs::read_to_string("/proc/meminfo").ok().and_then(|text| field_kib(&text, "MemTotal:"));
    [ram, cgroup_memory_bytes()].into_iter().flatten().min().unwrap_or(0)
}

/// The smallest limit of the cgroups that this process is in; none if there is none.
pub fn cgroup_memory_bytes() -> Option<u64> {
    let groups = std::fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    let read = |path: &Path| std::fs::read_to_string(path).ok()?.trim().parse::<u64>().ok();
    // Version 1 says "no limit" with a number beyond every memory.
    limit_files(&groups).iter().filter_map(|path| read(path)).min().filter(|bytes| *bytes < 1 << 60)
}

/// Where the limits may stand: of each group and those above it. In a container its own group is the root.
fn limit_files(groups: &str) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for line in groups.lines() {
        let mut parts = line.splitn(3, ':').skip(1);
        let (Some(controllers), Some(group)) = (parts.next(), parts.next()) else { continue };
        let (root, name) = match controllers {
            "" => ("/sys/fs/cgroup", "memory.max"),
            _ if controllers.split(',').any(|name| name == "memory") => {
                ("/sys/fs/cgroup/memory", "memory.limit_in_bytes")
            }
            _ => continue,
        };
        let above = Path::new(group).ancestors().map(|group| group.strip_prefix("/").unwrap_or(group));
        files.extend(above.map(|group| Path::new(root).join(group).join(name)));
    }
    files
}

/// What this process has of memory that is its own: neither page cache nor mapped files. 0 if that cannot be read.
pub(crate) fn own_memory_bytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    field_kib(&status, "RssAnon:").unwrap_or(0)
}

/// A line of /proc that counts kilobytes, in bytes.
fn field_kib(text: &str, name: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok().map(|kib| kib * 1024)
}

/// Bytes that an ordinary process may still write under `path`; 0 if that cannot be told.
pub fn disk_free_bytes(path: &Path) -> u64 {
    rustix::fs::statvfs(path).map_or(0, |stat| stat.f_bavail * stat.f_frsize)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_lines_of_proc() {
        let text = "MemTotal:       24000 kB\nMemFree: 1 kB\n";
        assert_eq!(field_kib(text, "MemTotal:"), Some(24_576_000));
        assert_eq!(field_kib(text, "RssAnon:"), None);
        assert!(own_memory_bytes() > 1 << 16);
    }

    #[test]
    fn limits_are_looked_for_in_the_group_and_above() {
        let files = |groups| limit_files(groups).iter().map(|path| path.display().to_string()).collect::<Vec<_>>();
        assert_eq!(
            files("4:memory:/a/b\n3:cpu,cpuacct:/\n"),
            [
                "/sys/fs/cgroup/memory/a/b/memory.limit_in_bytes",
                "/sys/fs/cgroup/memory/a/memory.limit_in_bytes",
                "/sys/fs/cgroup/memory/memory.limit_in_bytes"
            ]
        );
        assert_eq!(files("0::/x"), ["/sys/fs/cgroup/x/memory.max", "/sys/fs/cgroup/memory.max"]);
    }

    #[test]
    fn a_folder_that_exists_has_a_disk() {
        assert!(disk_free_bytes(Path::new("/")) > 0);
        assert_eq!(disk_free_bytes(Path::new("/no/such/folder")), 0);
    }
}
