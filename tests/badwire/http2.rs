//! HTTP/2 written by hand: frames that no library would send.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use aquifer_proto::Token;

pub(crate) const DATA: u8 = 0;
pub(crate) const HEADERS: u8 = 1;
pub(crate) const RST_STREAM: u8 = 3;
pub(crate) const SETTINGS: u8 = 4;
pub(crate) const PING: u8 = 6;
pub(crate) const GOAWAY: u8 = 7;
pub(crate) const WINDOW_UPDATE: u8 = 8;
pub(crate) const CONTINUATION: u8 = 9;

pub(crate) const ACK: u8 = 1;
pub(crate) const END_STREAM: u8 = 1;
pub(crate) const END_HEADERS: u8 = 4;

/// Asked with any token that is good for something there.
const HEALTH: &str = "/grpc.health.v1.Health/Check";
/// A node that is done with a caller closes the connection within this time: the limit for showing a token, and what it takes.
const CLOSES_MAX: Duration = Duration::from_secs(15);
/// A node that does not take more is not written to any longer.
const WRITE_MAX: Duration = Duration::from_secs(3);

pub(crate) struct Http2(TcpStream);

impl Http2 {
    /// A connection on which nothing was said.
    pub(crate) fn silent(url: &str) -> Self {
        let address = url.strip_prefix("http://").expect("an address");
        let stream = TcpStream::connect(address).expect("a connection");
        stream.set_write_timeout(Some(WRITE_MAX)).expect("a limit");
        Self(stream)
    }

    pub(crate) fn open(url: &str) -> Self {
        let mut opened = Self::silent(url);
        opened.say(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
        opened.say(&frame(SETTINGS, 0, 0, &[]));
        opened
    }

    /// A connection whose caller has shown a token, on stream 1, and was answered: the node's limit for strangers is off.
    pub(crate) fn known(url: &str, token: &Token) -> Self {
        let mut known = Self::open(url);
        known.say(&frame(HEADERS, END_HEADERS, 1, &call(HEALTH, Some(token))));
        known.say(&frame(DATA, END_STREAM, 1, &[0; 5]));
        known.limit_reads();
        // A refusal has headers alone.
        while known.next().expect("an answer to who shows a token").0 != DATA {}
        known
    }

    /// False once the node takes nothing more.
    pub(crate) fn say(&mut self, bytes: &[u8]) -> bool {
        self.0.write_all(bytes).is_ok()
    }

    /// Says the same again and again, as long as the node takes it.
    pub(crate) fn flood(&mut self, mut frames: impl FnMut(u32) -> Vec<u8>, count: u32) {
        let batch = 200;
        for first in (0..count).step_by(batch) {
            let bytes: Vec<u8> = (first..first + batch as u32).flat_map(&mut frames).collect();
            if !self.say(&bytes) {
                return;
            }
        }
    }

    /// Takes nothing and goes on saying this; false if the other side does not close within the time.
    pub(crate) fn is_given_up(&mut self, within: Duration, again: &[u8]) -> bool {
        let began = Instant::now();
        while began.elapsed() < within {
            match self.0.write(again) {
                Err(error) if error.kind() != std::io::ErrorKind::WouldBlock => return true,
                _ => {}
            }
        }
        false
    }

    /// Reads until the other side closes; false if it does not.
    pub(crate) fn is_closed(&mut self) -> bool {
        let began = Instant::now();
        self.limit_reads();
        let mut piece = [0; 1 << 14];
        while began.elapsed() < CLOSES_MAX {
            match self.0.read(&mut piece) {
                Ok(0) => return true,
                Ok(_) => {}
                Err(error) => return error.kind() != std::io::ErrorKind::WouldBlock,
            }
        }
        false
    }

    /// Reads frames until one refuses or answers what stream 1 asked; none if the connection ends, or nothing comes.
    pub(crate) fn answer(&mut self) -> Option<u8> {
        self.limit_reads();
        loop {
            let (kind, _) = self.next()?;
            if [HEADERS, RST_STREAM, GOAWAY].contains(&kind) {
                return Some(kind);
            }
        }
    }

    /// Whether the node has ended the connection for what was said on it. Its pings are answered: silence is not why.
    pub(crate) fn is_refused(&mut self) -> bool {
        let began = Instant::now();
        self.limit_reads();
        while began.elapsed() < CLOSES_MAX {
            match self.next() {
                Some((GOAWAY, said)) => return said.get(4..8).is_some_and(|code| code != [0; 4]),
                Some((PING, said)) => _ = self.say(&frame(PING, ACK, 0, &said)),
                Some(_) => {}
                None => return began.elapsed() < CLOSES_MAX,
            }
        }
        false
    }

    /// Whether the node still answers a call on this stream, which was none before.
    pub(crate) fn answers(&mut self, stream: u32, token: &Token) -> bool {
        self.say(&frame(HEADERS, END_HEADERS, stream, &call(HEALTH, Some(token))));
        self.say(&frame(DATA, END_STREAM, stream, &[0; 5]));
        self.limit_reads();
        std::iter::from_fn(|| self.next()).any(|(kind, _)| kind == DATA)
    }

    fn limit_reads(&self) {
        self.0.set_read_timeout(Some(CLOSES_MAX)).expect("a limit");
    }

    /// A frame's kind and what it carries; none if the connection ends, or nothing comes.
    fn next(&mut self) -> Option<(u8, Vec<u8>)> {
        let mut head = [0; 9];
        self.0.read_exact(&mut head).ok()?;
        let mut payload = vec![0; u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize];
        self.0.read_exact(&mut payload).ok()?;
        Some((head[3], payload))
    }
}

/// Nine bytes, and what comes with them.
pub(crate) fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let mut frame = (payload.len() as u32).to_be_bytes()[1..].to_vec();
    frame.extend([kind, flags]);
    frame.extend(stream.to_be_bytes());
    frame.extend(payload);
    frame
}

/// The headers of a call.
pub(crate) fn call(path: &str, token: Option<&Token>) -> Vec<u8> {
    let mut block = Vec::new();
    let bearer = token.map(|token| format!("Bearer {}", token.secret()));
    let mut headers = vec![
        (":method", "POST"),
        (":scheme", "http"),
        (":path", path),
        (":authority", "a"),
        ("content-type", "application/grpc"),
        ("te", "trailers"),
    ];
    headers.extend(bearer.as_deref().map(|bearer| ("authorization", bearer)));
    headers.into_iter().for_each(|(name, value)| literal(&mut block, name, value.as_bytes()));
    block
}

/// A header as HPACK has it that no table keeps.
pub(crate) fn literal(block: &mut Vec<u8>, name: &str, value: &[u8]) {
    block.push(0);
    for text in [name.as_bytes(), value] {
        // A number with a prefix of seven bits.
        match text.len() {
            length @ ..127 => block.push(length as u8),
            length => {
                block.push(127);
                crate::proto::put_varint(block, length as u64 - 127);
            }
        }
        block.extend(text);
    }
}
