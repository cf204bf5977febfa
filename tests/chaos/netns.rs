//! Network namespaces, for tests that cut networks.

use std::ffi::OsString;
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

use aquifer_harness::{Aquifer, Running, inside};

/// A network namespace with a loopback of its own, removed with its test.
pub(crate) struct Network(String);

impl Network {
    pub(crate) fn new() -> Option<Self> {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!("aquifer-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        ip(&["netns", "add", &name]).then_some(())?;
        let network = Self(name);
        network.loopback("up").then_some(network)
    }

    pub(crate) fn loopback(&self, state: &str) -> bool {
        self.ip(&["link", "set", "lo", state])
    }

    pub(crate) fn ip(&self, words: &[&str]) -> bool {
        ip(&[&["-n", &self.0][..], words].concat())
    }

    pub(crate) fn name(&self) -> &str {
        &self.0
    }

    /// What a command begins with that runs in it.
    pub(crate) fn words(&self) -> [&str; 4] {
        ["ip", "netns", "exec", &self.0]
    }

    pub(crate) fn start(&self, aquifer: &Aquifer, words: Vec<OsString>) -> Running {
        let outer: Vec<_> = self.words().iter().map(OsString::from).collect();
        Running::start(inside(&outer, aquifer.command(words)))
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        ip(&["netns", "del", &self.0]);
    }
}

fn ip(words: &[&str]) -> bool {
    Command::new("ip").args(words).output().is_ok_and(|output| output.status.success())
}

pub(crate) const NEEDS: &str = "no network namespace can be made here: that takes root and iproute2";
