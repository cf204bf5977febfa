//! The memory map of a shard file: all of this crate's `unsafe`.
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
use memmap2::Mmap;

/// A file's bytes as an Arrow buffer that keeps the map alive, and the addresses it has.
pub(crate) struct MappedFile {
    pub(crate) bytes: Buffer,
    pub(crate) addresses: Range<usize>,
}

pub(crate) fn map_file(path: &Path) -> io::Result<MappedFile> {
    let file = File::open(path)?;
    // SAFETY: the map is private and read-only, and shard files are immutable once they have their name (see above).
    let map = Arc::new(unsafe { Mmap::map(&file)? });
    let start = NonNull::new(map.as_ptr().cast_mut()).ok_or(io::ErrorKind::InvalidData)?;
    // SAFETY: `start .. start + len` is the map, which the buffer owns a share of and which nobody writes to: a buffer made
    // from a custom allocation is never given out mutably, and bytes of a file are initialised.
    let bytes = unsafe { Buffer::from_custom_allocation(start, map.len(), map.clone()) };
    let addresses = map.as_ptr() as usize..map.as_ptr() as usize + map.len();
    Ok(MappedFile { bytes, addresses })
}
