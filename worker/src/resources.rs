//! What this machine gives: memory under its cgroup's limit, and free disk.

use std::path::Path;

/// The smallest of RAM and the limits of cgroup v2 and v1; 0 if none can be read.
pub fn memory_bytes() -> u64 {
    let ram = std::fs::read_to_string("/proc/meminfo").ok().and_then(|text| meminfo_total(&text));
    let limit = |path: &str| std::fs::read_to_string(path).ok().and_then(|text| text.trim().parse::<u64>().ok());
    let v2 = limit("/sys/fs/cgroup/memory.max");
    let v1 = limit("/sys/fs/cgroup/memory/memory.limit_in_bytes");
    [ram, v2, v1].into_iter().flatten().min().unwrap_or(0)
}

fn meminfo_total(text: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
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
    fn reads_meminfo() {
        assert_eq!(meminfo_total("MemTotal:       24000 kB\nMemFree: 1 kB\n"), Some(24_576_000));
        assert_eq!(meminfo_total("MemFree: 1 kB\n"), None);
    }

    #[test]
    fn a_folder_that_exists_has_a_disk() {
        assert!(disk_free_bytes(Path::new("/")) > 0);
        assert_eq!(disk_free_bytes(Path::new("/no/such/folder")), 0);
    }
}
