//! The limit of loopback: bytes over TCP, one connection each way at once, as two workers have.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::time::Duration;

use aquifer_model::{Kind, Report};

use super::bed::Bed;
use super::limit::Limit;
use super::measure::Work;

const PIECE_BYTES: usize = 1 << 20;
/// No piece takes longer than this.
const PIECE_WAIT_MAX: Duration = Duration::from_secs(30);
const CONNECTIONS: u32 = 2;

pub(super) fn measure(bed: &mut Bed) -> Result<(), Report> {
    let rate = bed.meter.rate(CONNECTIONS, |_| {
        let mut stream = connect().map_err(|error| failed(&error))?;
        let piece = vec![7; PIECE_BYTES];
        Ok(move |times| {
            send(&mut stream, &piece, times).map_err(|error| failed(&error))?;
            Ok(Work::from((times as usize * PIECE_BYTES) as f64))
        })
    })?;
    bed.limits.set(Limit::Loopback, rate);
    Ok(())
}

/// A connection whose other end reads on a thread of its own until this end closes.
fn connect() -> std::io::Result<TcpStream> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let stream = TcpStream::connect(listener.local_addr()?)?;
    let (mut other, _) = listener.accept()?;
    for end in [&stream, &other] {
        end.set_nodelay(true)?;
        end.set_read_timeout(Some(PIECE_WAIT_MAX))?;
        end.set_write_timeout(Some(PIECE_WAIT_MAX))?;
    }
    std::thread::Builder::new().spawn(move || {
        let mut piece = vec![0; PIECE_BYTES];
        // A byte back for each piece says that it has arrived.
        while other.read_exact(&mut piece).is_ok() && other.write_all(&[1]).is_ok() {}
    })?;
    Ok(stream)
}

fn send(stream: &mut TcpStream, piece: &[u8], times: u64) -> std::io::Result<()> {
    for _ in 0..times {
        stream.write_all(piece)?;
    }
    let mut arrived = vec![0; times as usize];
    stream.read_exact(&mut arrived)
}

fn failed(error: &std::io::Error) -> Report {
    Report::new(Kind::Work, "loopback", "cannot send over 127.0.0.1")
        .hint("is loopback closed, by a firewall or a container?")
        .caused_by(error)
}
