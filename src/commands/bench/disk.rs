//! The limits of the disk under the data folder: a file written and synced, and read again without the page cache.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::Path;
use std::time::Instant;

use aquifer_frame::Philox;
use aquifer_model::Report;
use rustix::fs::Advice;
use rustix::io::{Errno, ReadWriteFlags};

use super::bed::Bed;
use super::limit::Limit;
use super::measure::Work;
use crate::failure::unwritable;

/// Written before a sync.
const FILE_BYTES: usize = 64 << 20;
const FILE_BYTES_QUICK: usize = 2 << 20;
/// Written and read at once.
const PIECE_BYTES: usize = 1 << 20;

pub(super) fn measure(bed: &mut Bed) -> Result<(), Report> {
    let path = bed.scratch()?.join("disk");
    let pieces = bed.size(FILE_BYTES, FILE_BYTES_QUICK) / PIECE_BYTES;
    let written = bed.meter.rate(1, |_| {
        let (piece, path) = (noise(), path.clone());
        let mut file = File::create(&path).map_err(|error| unwritable(&path, &error))?;
        Ok(move |times| write(&mut file, &piece, pieces * times as usize).map_err(|error| unwritable(&path, &error)))
    })?;
    bed.limits.set(Limit::DiskWrite, written);
    let read = bed.meter.rate(1, |_| {
        let path = path.clone();
        let mut file = File::open(&path).map_err(|error| unreadable(&path, &error))?;
        let mut piece = vec![0; PIECE_BYTES];
        Ok(move |_| read(&mut file, &mut piece).map_err(|error| unreadable(&path, &error)))
    })?;
    bed.limits.set(Limit::DiskRead, read);
    let cached = File::open(&path).map_or(Cached::Unknown, |file| drop_cached(&file));
    note_cached(bed, cached);
    let _ = std::fs::remove_file(&path); // it goes with its folder, too
    Ok(())
}

fn write(file: &mut File, piece: &[u8], pieces: usize) -> std::io::Result<Work> {
    file.set_len(0)?;
    file.seek(SeekFrom::Start(0))?;
    let began = Instant::now();
    for _ in 0..pieces {
        file.write_all(piece)?;
    }
    file.sync_all()?;
    Ok(Work { amount: (pieces * piece.len()) as f64, began: Some(began) })
}

/// The whole file, once: a second time it would come from memory.
fn read(file: &mut File, piece: &mut [u8]) -> std::io::Result<Work> {
    drop_cached(file);
    file.seek(SeekFrom::Start(0))?;
    let (began, mut bytes) = (Instant::now(), 0);
    while let count @ 1.. = file.read(piece)? {
        bytes += count;
    }
    Ok(Work { amount: bytes as f64, began: Some(began) })
}

/// Bytes that no file system or disk makes smaller.
fn noise() -> Vec<u8> {
    let stream = Philox::new(1, "bytes of a measurement");
    let words = (0..PIECE_BYTES as u64 / 16).flat_map(|row| stream.draw(0, 0, row));
    words.flat_map(u32::to_le_bytes).collect()
}

fn unreadable(path: &Path, error: &std::io::Error) -> Report {
    Report::new(aquifer_model::Kind::Work, "io", format!("cannot read {}", path.display())).caused_by(error)
}

/// What the page cache has of a file after it was asked to drop it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cached {
    Nothing,
    Something,
    Unknown,
}

/// Asks the page cache to drop a file that was synced, and looks whether it has.
pub(super) fn drop_cached(file: &File) -> Cached {
    if rustix::fs::fadvise(file, 0, None, Advice::DontNeed).is_err() {
        return Cached::Something;
    }
    // A read that may not wait succeeds only from memory.
    let mut byte = [0];
    let slice = std::io::IoSliceMut::new(&mut byte);
    match rustix::io::preadv2(file, &mut [slice], 0, ReadWriteFlags::NOWAIT) {
        Ok(_) => Cached::Something,
        Err(Errno::AGAIN) => Cached::Nothing,
        Err(_) => Cached::Unknown,
    }
}

/// Says it where reading may not have been from the disk.
pub(super) fn note_cached(bed: &mut Bed, cached: Cached) {
    let message = match cached {
        Cached::Nothing => return,
        Cached::Something => {
            "the page cache of a file cannot be dropped here: it is read from memory, not from the disk"
        }
        Cached::Unknown => {
            "whether the page cache of a file was dropped cannot be told here: it may be read from memory"
        }
    };
    bed.note("page_cache", message.to_owned());
}
