//! The memory map of a shard file, and hints on it: this crate's `unsafe` beside that of vector instructions.
//!
//! A mapped file must not change: shards are written under a temporary name, synced, renamed, and never touched again. One
//! that is shortened all the same is a SIGBUS, and so a lost shard.
#![allow(unsafe_code)] // mapping a file and lending its bytes to Arrow cannot be said otherwise

use std::fs::File;
use std::io;
use std::ops::Range;
use std::path::Path;
use std::ptr::NonNull;
use std::sync::Arc;

use arrow_buffer::Buffer;
use memmap2::{Advice, Mmap};

/// A file's bytes as an Arrow buffer that keeps the map alive, and the map.
pub(crate) struct MappedFile {
    pub(crate) bytes: Buffer,
    pub(crate) map: Map,
}

/// A mapped file, to tell the system what will be read of it.
#[derive(Clone, Debug)]
pub(crate) struct Map(Arc<Mmap>);

/// Bytes of one hint: Linux's default of `read_ahead_kb`.
const HINT_BYTES: usize = 128 << 10;

/// What will become of some bytes. A hint: it changes no value, and nothing is lost where the system has none of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Expect {
    /// They are read soon: the system begins to fetch them.
    Soon,
    /// They have been read, and memory is short: they go.
    Done,
}

impl Map {
    /// Where the file lies.
    pub(crate) fn addresses(&self) -> Range<usize> {
        let start = self.0.as_ptr() as usize;
        start..start + self.0.len()
    }

    /// What is read is asked for: the system need not fetch more around it, which would drive out what was asked for.
    pub(crate) fn expect_hints(&self) {
        let _ = self.0.advise(Advice::Random);
    }

    /// Of the bytes at these addresses; those outside are not looked at.
    pub(crate) fn expect(&self, addresses: Range<usize>, expect: Expect) {
        let own = self.addresses();
        let (start, end) = (addresses.start.max(own.start), addresses.end.min(own.end));
        if start < end {
            // A kernel without such a hint goes on without it.
            let _ = match expect {
                // A kernel takes no more of one hint than it reads ahead at once.
                Expect::Soon => (start..end).step_by(HINT_BYTES).try_for_each(|from| {
                    let length = HINT_BYTES.min(end - from);
                    self.0.advise_range(Advice::WillNeed, from - own.start, length)
                }),
                Expect::Done => let_go(start..end),
            };
        }
    }
}

/// Lets whole pages go. Merely marked as cold they would outlive those that were fetched ahead.
#[cfg(target_os = "linux")]
fn let_go(addresses: Range<usize>) -> io::Result<()> {
    let page = rustix::param::page_size();
    let (start, end) = (addresses.start.next_multiple_of(page), addresses.end / page * page);
    if start < end {
        // SAFETY: the pages lie in the map, which its owner keeps, and MADV_PAGEOUT changes no byte of them.
        unsafe { rustix::mm::madvise(start as *mut _, end - start, rustix::mm::Advice::LinuxPageOut)? };
    }
    Ok(())
}

#[cfg(not(target_os = "linux"))]
fn let_go(_: Range<usize>) -> io::Result<()> {
    Ok(())
}

pub(crate) fn map_file(path: &Path) -> io::Result<MappedFile> {
    let file = File::open(path)?;
    // SAFETY: the map is private and read-only, and shard files are immutable once they have their name (see above).
    let map = Arc::new(unsafe { Mmap::map(&file)? });
    let start = NonNull::new(map.as_ptr().cast_mut()).ok_or(io::ErrorKind::InvalidData)?;
    // SAFETY: `start .. start + len` is the map, which the buffer owns a share of and which nobody writes to: a buffer made
    // from a custom allocation is never given out mutably, and bytes of a file are initialised.
    let bytes = unsafe { Buffer::from_custom_allocation(start, map.len(), map.clone()) };
    Ok(MappedFile { bytes, map: Map(map) })
}
