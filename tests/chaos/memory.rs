//! The kernel takes a process that has more memory than its cgroup may have.

use std::path::{Path, PathBuf};

use aquifer_harness::until;

use crate::bed::{Bed, lives, skip};
use crate::work::Work;

/// Less than any job takes of a process; what it has already does not count, the next pages do.
const LIMIT_BYTES: u64 = 256 << 10;

/// A cgroup of version 1 or 2, removed with its test.
struct Group {
    path: PathBuf,
    limit: &'static str,
}

impl Group {
    fn new(name: &str) -> Option<Self> {
        let one = Path::new("/sys/fs/cgroup/memory");
        let two = Path::new("/sys/fs/cgroup");
        let (parent, limit) = match () {
            () if one.join("memory.limit_in_bytes").exists() => (one, "memory.limit_in_bytes"),
            () if controllers(two).split_whitespace().any(|name| name == "memory") => (two, "memory.max"),
            () => return None,
        };
        let path = parent.join(format!("{name}-{}", std::process::id()));
        std::fs::create_dir(&path).ok()?;
        let group = Self { path, limit };
        group.path.join(limit).exists().then_some(group)
    }

    fn hold(&self, pid: u32) -> std::io::Result<()> {
        std::fs::write(self.path.join("cgroup.procs"), pid.to_string())?;
        std::fs::write(self.path.join(self.limit), LIMIT_BYTES.to_string())?;
        // Without this the kernel would rather swap.
        let swap = if self.limit == "memory.max" { ("memory.swap.max", "0") } else { ("memory.swappiness", "0") };
        let _ = std::fs::write(self.path.join(swap.0), swap.1);
        Ok(())
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir(&self.path);
    }
}

fn controllers(root: &Path) -> String {
    std::fs::read_to_string(root.join("cgroup.subtree_control")).unwrap_or_default()
}

#[test]
fn a_worker_without_memory_is_killed_and_the_job_goes_on() {
    killed(|bed| bed.workers()[1]);
}

#[test]
fn a_coordinator_without_memory_is_killed_and_the_job_goes_on() {
    killed(Bed::coordinator);
}

fn killed(victim: impl Fn(&Bed) -> u32) {
    let bed = Bed::up();
    let victim = victim(&bed);
    let name = format!("aquifer-chaos-{victim}");
    let Some(group) = Group::new(&name) else { return skip("no memory cgroup can be made here: that takes root") };
    // Not before: a coordinator that is gone before it has a job knows of none.
    let running = crate::points::at_work(&bed, Work::Steps);
    if let Err(error) = group.hold(victim) {
        return skip(&format!("no process can be put into a memory cgroup here: {error}"));
    }
    bed.ends_undisturbed(Work::Steps, running);
    until("the kernel to take it", || (!lives(victim)).then_some(()));
    until("its supervisor to know", || bed.cluster.log().contains("SIGKILL").then_some(()));
    bed.all_workers();
}
