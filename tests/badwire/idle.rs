//! Thousands of connections on which nobody shows a token: others are served meanwhile, and they are not kept.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::bed::Bed;
use crate::http2::Http2;

const CONNECTIONS: usize = 10_000;
/// What this process needs besides.
const OTHER_FILES: usize = 500;
/// A node keeps at most 1,024 connections, each with a few KiB of buffers; 30 MiB are its own.
const MEMORY_MIB_MAX: u64 = 160;

#[test]
fn idle_connections_keep_nobody_out() {
    let allowed = getrlimit(Resource::Nofile).maximum;
    setrlimit(Resource::Nofile, Rlimit { current: allowed, maximum: allowed }).expect("as many files as it may have");
    let needed = CONNECTIONS + OTHER_FILES;
    assert!(allowed.is_none_or(|files| files as usize >= needed), "it takes {needed} open files: see `ulimit -Hn`");
    let bed = Bed::up(1);
    let before = bed.train();
    let url = bed.cluster.url();
    // Half of them say nothing, half speak HTTP/2 and bring no token.
    let connection = |at: usize| if at.is_multiple_of(2) { Http2::silent(&url) } else { Http2::open(&url) };
    let mut idle = Vec::with_capacity(CONNECTIONS);
    for at in 0..CONNECTIONS {
        idle.push(connection(at));
        if at % 1000 == 999 {
            bed.is_served();
        }
    }
    assert!(bed.train() == before, "while they are there");
    assert!(idle.iter_mut().all(Http2::is_closed), "one is kept that shows no token");
    drop(idle);
    assert!(bed.train() == before, "once they are gone");
    bed.check(MEMORY_MIB_MAX);
}
