//! Streams that are too long, never end or stay half-open, and attacks on HTTP/2 itself. Each ends in a refusal or a closed
//! connection, others are served meanwhile, and memory stays bounded.

use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use aquifer_harness::until;
use aquifer_proto::{CONTROL_BYTES_MAX, PROTOCOL_VERSION, QUESTION_BYTES_MAX, Token, v1};
use prost::Message;

use crate::bed::{Bed, block_on};
use crate::http2::{
    CONTINUATION, DATA, END_HEADERS, END_STREAM, HEADERS, Http2, PING, RST_STREAM, SETTINGS, WINDOW_UPDATE, call,
    frame, literal,
};

const STATUS: &str = "/aquifer.v1.Jobs/Status";
const UPLOAD: &str = "/aquifer.v1.Jobs/Upload";
const SESSION: &str = "/aquifer.v1.Membership/Session";
/// A node has 30 MiB, and what is on its way to it: at most the window of a connection, 32 MiB, of each of a few.
const MEMORY_MIB_MAX: u64 = 320;
/// Others are served within this time while it goes on: on two cores that both sides share.
const SERVED_MAX: Duration = Duration::from_secs(10);

/// What does not end goes on for so long.
const GOES_ON: Duration = Duration::from_secs(2);

/// Done on a connection that has shown its token on stream 1.
type Attack = (&'static str, fn(&mut Http2, &Token));

/// Each ends the connection.
const ATTACKS: &[Attack] = &[
    ("rapid reset", |to, token| {
        let headers = call(STATUS, Some(token));
        let both = |at: u32| {
            let stream = 2 * at + 3;
            [frame(HEADERS, END_HEADERS, stream, &headers), frame(RST_STREAM, 0, stream, &8u32.to_be_bytes())].concat()
        };
        to.flood(both, 100_000);
    }),
    ("continuations without end", |to, token| {
        to.say(&frame(HEADERS, 0, 3, &call(STATUS, Some(token))));
        let piece = frame(CONTINUATION, 0, 3, &[0; 1024]);
        to.flood(|_| piece.clone(), 100_000);
    }),
    ("empty continuations", |to, token| {
        to.say(&frame(HEADERS, 0, 3, &call(STATUS, Some(token))));
        to.flood(|_| frame(CONTINUATION, 0, 3, &[]), 500_000);
    }),
    ("windows that overflow", |to, _| {
        let most = 0x7fff_ffffu32.to_be_bytes();
        to.flood(|_| frame(WINDOW_UPDATE, 0, 0, &most), 200);
    }),
    ("headers of 1 MiB", |to, token| {
        let mut block = call(STATUS, Some(token));
        literal(&mut block, "x", &vec![b'a'; 1 << 20]);
        let (first, rest) = block.split_at(16_000);
        to.say(&frame(HEADERS, 0, 3, first));
        for piece in rest.chunks(16_000) {
            to.say(&frame(CONTINUATION, 0, 3, piece));
        }
        to.say(&frame(CONTINUATION, END_HEADERS, 3, &[]));
    }),
    ("a frame of 16 MiB", |to, _| _ = to.say(&[0xff, 0xff, 0xff, DATA, 0, 0, 0, 0, 3])),
    ("data of no stream", |to, _| _ = to.say(&frame(DATA, 0, 0, b"x"))),
    ("a stream of the node's own", |to, token| _ = to.say(&frame(HEADERS, END_HEADERS, 2, &call(STATUS, Some(token))))),
    ("a table that HPACK does not have", |to, _| _ = to.say(&frame(HEADERS, END_HEADERS, 3, &[0xff; 40]))),
];

/// Each is answered, frame by frame, as it is read: it holds up nobody but its own connection, which goes on.
const BORNE: &[Attack] = &[
    ("settings without end", |to, _| to.flood(|_| frame(SETTINGS, 0, 0, &[]), 200_000)),
    ("pings without end", |to, _| to.flood(|_| frame(PING, 0, 0, &[7; 8]), 200_000)),
];

/// What is no HTTP/2 from the first byte on.
const GARBAGE: &[&[u8]] = &[
    // A greeting of TLS that asks for HTTP/1.0 by ALPN.
    b"\x16\x03\x01\x00\x40\x01\x00\x00\x3c\x03\x03aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\x00\x00\x02\x13\x01\x01\x00\x00\x11\x00\x10\x00\x0b\x00\x09\x08http/1.0",
    b"\x16\x03\x01\xff\xff\x01\x00\xff\xff",
    b"PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n",
    b"GET / HTTP/9.9\r\n\r\n",
    b"\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0",
    b"SSH-2.0-OpenSSH_9.9\r\n",
];

/// Does it while others are served.
fn served_meanwhile(bed: &Bed, work: impl FnOnce() + Send) {
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let work = scope.spawn(|| {
            work();
            done.store(true, Ordering::Relaxed);
        });
        while !done.load(Ordering::Relaxed) && !work.is_finished() {
            let began = Instant::now();
            bed.is_served();
            assert!(began.elapsed() < SERVED_MAX, "others wait {} s", began.elapsed().as_secs());
            std::thread::sleep(Duration::from_millis(50));
        }
    });
    bed.check(MEMORY_MIB_MAX);
}

#[test]
fn attacks_on_http2_end_the_connection() {
    let bed = Bed::up(1);
    let before = bed.train();
    let nodes = [(bed.cluster.url(), bed.token()), (bed.worker_url.clone(), bed.worker_token())];
    served_meanwhile(&bed, || {
        std::thread::scope(|scope| {
            for (url, token) in &nodes {
                for (name, attack) in ATTACKS {
                    scope.spawn(move || {
                        let mut to = Http2::known(url, token);
                        attack(&mut to, token);
                        assert!(to.is_refused(), "{name}: the connection stays");
                    });
                }
                for (name, attack) in BORNE {
                    scope.spawn(move || {
                        let mut to = Http2::known(url, token);
                        attack(&mut to, token);
                        assert!(to.answers(3, token), "{name}: nothing is answered after it");
                    });
                }
                scope.spawn(move || {
                    let mut to = Http2::open(url);
                    assert!(to.is_closed(), "nothing after the preface: the connection stays");
                });
                for garbage in GARBAGE {
                    scope.spawn(move || {
                        let mut to = Http2::silent(url);
                        to.say(garbage);
                        assert!(to.is_closed(), "{garbage:?}: the connection stays");
                    });
                }
            }
        });
    });
    assert!(bed.train() == before);
}

/// Who never reads fills all buffers with answers; then a node that only waited to be read would wait for ever.
#[test]
fn who_takes_nothing_is_given_up() {
    let bed = Bed::up(1);
    let token = bed.token();
    // Within the time for a token, and for who has one within the time of the keep-alive.
    let cases = [(None, Duration::from_secs(10)), (Some(&token), Duration::from_secs(25))];
    served_meanwhile(&bed, || {
        std::thread::scope(|scope| {
            for (token, within) in cases {
                let url = bed.cluster.url();
                scope.spawn(move || {
                    let mut deaf = Http2::open(&url);
                    deaf.say(&frame(HEADERS, END_HEADERS, 1, &call(STATUS, token)));
                    let pings: Vec<u8> = (0..200).flat_map(|_| frame(PING, 0, 0, &[7; 8])).collect();
                    assert!(deaf.is_given_up(within, &pings), "with a token: {}", token.is_some());
                });
            }
        });
    });
}

/// Begins a call, and says this as its first bytes.
fn begin(url: &str, token: &Token, path: &str, body: &[u8]) -> Http2 {
    let mut to = Http2::open(url);
    to.say(&frame(HEADERS, END_HEADERS, 1, &call(path, Some(token))));
    to.say(&frame(DATA, 0, 1, body));
    to
}

fn prefix(flag: u8, length: usize) -> Vec<u8> {
    [&[flag][..], &(length as u32).to_be_bytes()].concat()
}

#[test]
fn messages_that_are_too_long_or_packed_are_refused_before_they_come() {
    let bed = Bed::up(1);
    let (token, peers) = (bed.token(), bed.token().for_peers());
    let (coordinator, worker) = (bed.cluster.url(), bed.worker_url.clone());
    let health = "/grpc.health.v1.Health/Check";
    let most = u32::MAX as usize;
    for (url, token, path, limit) in [
        (&coordinator, &token, STATUS, CONTROL_BYTES_MAX),
        (&coordinator, &token, UPLOAD, CONTROL_BYTES_MAX),
        (&coordinator, &token, SESSION, CONTROL_BYTES_MAX),
        (&coordinator, &token, health, QUESTION_BYTES_MAX),
        (&worker, &peers, "/aquifer.v1.Peer/Exchange", 4 << 20),
        (&worker, &peers, "/aquifer.v1.Peer/FetchShard", 4 << 20),
    ] {
        for begins in [prefix(0, limit + 1), prefix(0, most), prefix(1, 10), prefix(9, 10), prefix(1, most)] {
            let answer = begin(url, token, path, &begins).answer();
            assert!(answer.is_some(), "{path}: {begins:?} is waited for");
        }
        // Half of a message, and then the end of the stream.
        let mut to = begin(url, token, path, &prefix(0, 100));
        to.say(&frame(DATA, END_STREAM, 1, b"half"));
        assert!(to.answer().is_some(), "{path}: half of a message");
    }
    bed.check(MEMORY_MIB_MAX);
}

#[test]
fn streams_that_do_not_end_cost_nobody_else_anything() {
    let bed = Bed::up(1);
    let before = bed.train();
    let (token, url) = (bed.token(), bed.cluster.url());
    let parts = || {
        let uploads = std::fs::read_dir(bed.cluster.dir().join("uploads"));
        let whole = |name: &std::fs::DirEntry| name.path().extension().is_some_and(|extension| extension == "parquet");
        uploads.map_or(0, |names| names.flatten().filter(|name| !whole(name)).count())
    };
    served_meanwhile(&bed, || {
        // Half of an immense message, many times over, for each of which the node sets address space aside, and memory only as
        // it comes; nothing at all; and nobody reads what is answered.
        let halves: Vec<Http2> = (0..32).map(|_| begin(&url, &token, UPLOAD, &prefix(0, CONTROL_BYTES_MAX))).collect();
        let silent: Vec<Http2> = (0..64).map(|_| begin(&url, &token, SESSION, &[])).collect();
        let mut deaf = Http2::open(&url);
        let headers = call(STATUS, Some(&token));
        let ask = |at: u32| {
            let stream = 2 * at + 1;
            let message = frame(DATA, END_STREAM, stream, &prefix(0, 0));
            [frame(HEADERS, END_HEADERS, stream, &headers), message].concat()
        };
        deaf.flood(ask, 20_000);
        // Empty frames of data, and a message a byte at a time.
        let mut empty = begin(&url, &token, UPLOAD, &prefix(0, 1000));
        empty.flood(|_| frame(DATA, 0, 1, &[]), 200_000);
        let mut slow = begin(&url, &token, UPLOAD, &prefix(0, 200_000));
        slow.flood(|_| frame(DATA, 0, 1, b"x"), 100_000);
        drop((halves, silent, deaf, empty, slow)); // they vanish in the midst of it
    });
    let self_test = bed.self_test();
    served_meanwhile(&bed, || {
        block_on(async {
            let node = bed.coordinator().await;
            let header = Some(v1::Header { protocol_version: PROTOCOL_VERSION, term: 1, incarnation: 1 });
            let renew = v1::session_request::Message::Renew(v1::Renew {});
            let renew = v1::SessionRequest { header, message: Some(renew) }.encode_to_vec();
            let register = v1::session_request::Message::Register(v1::Register {
                address: "http://127.0.0.1:9".into(),
                self_test,
                threads: 1,
                node: "0".repeat(32),
                ..Default::default()
            });
            let register = v1::SessionRequest { header, message: Some(register) }.encode_to_vec();
            let piece = v1::UploadRequest { data: vec![0; 1 << 16] }.encode_to_vec();
            for (path, first, again) in [(SESSION, register, renew), (UPLOAD, piece.clone(), piece)] {
                let said = std::iter::once(first).chain(std::iter::repeat(again));
                let begun = node.begin(path, tokio_stream::iter(said));
                let mut talk = pin!(async {
                    let mut answers = begun.await?;
                    while answers.message().await?.is_some() {}
                    Ok::<(), tonic::Status>(())
                });
                tokio::select! {
                    ended = &mut talk => panic!("{path} ended by itself: {ended:?}"),
                    () = tokio::time::sleep(GOES_ON) => {} // this side has had enough
                }
                assert!(path != UPLOAD || parts() > 0, "nothing was taken");
            }
        });
    });
    until("what was half uploaded to be removed", || (parts() == 0).then_some(()));
    assert!(bed.train() == before);
}
