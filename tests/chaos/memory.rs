//! The kernel takes a process that has more memory than its cgroup may have.

use std::io::Write;
use std::net::TcpStream;
use std::path::{Path, PathBuf};

use aquifer_fault::Action;
use aquifer_harness::{Signal, until};
use serde_json::Value;

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

/// Connections that are begun: each takes some memory of who accepts it.
const CONNECTIONS: usize = 400;
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";

#[test]
fn a_worker_without_memory_is_killed_and_the_job_goes_on() {
    killed(|status| &status["workers"][1]);
}

#[test]
fn a_coordinator_without_memory_is_killed_and_the_job_goes_on() {
    killed(|status| &status["coordinator"]);
}

fn killed(victim: impl Fn(&Value) -> &Value) {
    let bed = Bed::up();
    let status = bed.status();
    let victim = victim(&status);
    let pid = victim["pid"].as_u64().expect("a process") as u32;
    let name = format!("aquifer-chaos-{pid}");
    let Some(group) = Group::new(&name) else { return skip("no memory cgroup can be made here: that takes root") };
    // The job stays at work until it is gone.
    let held = bed.arm("worker.round.done", 3, Action::Stop);
    let running = bed.begin(Work::Steps);
    let stopped = bed.wait_for(&held);
    if let Err(error) = group.hold(pid) {
        return skip(&format!("no process can be put into a memory cgroup here: {error}"));
    }
    let address = victim["address"].as_str().expect("an address").trim_start_matches("http://");
    let mut connections = Vec::new();
    until("the kernel to take it", || {
        for _ in 0..CONNECTIONS {
            // Who stands still accepts nothing, and works at its rounds when it goes on.
            let Ok(mut connection) = TcpStream::connect(address) else { break };
            let _ = connection.write_all(PREFACE);
            connections.push(connection);
        }
        if stopped == pid {
            Signal::Continue.send(stopped);
        }
        (!lives(pid)).then_some(())
    });
    drop(connections);
    assert!(stopped == pid || Signal::Continue.send(stopped));
    bed.ends_undisturbed(Work::Steps, running);
    until("its supervisor to know", || bed.cluster.log().contains("SIGKILL").then_some(()));
    bed.all_workers();
}
