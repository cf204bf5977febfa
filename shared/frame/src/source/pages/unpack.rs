//! Codecs that unpack whatever there is, past what the page says: gzip, Brotli, and the frames that older files call LZ4.
//!
//! Only a page that could fill more than a page may is unpacked on trial. Snappy, LZ4 blocks and Zstandard need no trial:
//! the decoder gives them a buffer of the size that was said.

use std::io::{self, BufReader, Read, Seek, SeekFrom};

use brotli_decompressor::Decompressor;
use flate2::read::MultiGzDecoder;
use lz4_flex::frame::FrameDecoder;
use parquet::basic::Compression;

use super::header::Header;
use super::{Chunk, PAGE_BYTES_MAX};

/// Bytes that one packed byte can stand for: a match of 258 bytes in 2 bits; 255 more in each byte of a length.
const GZIP_RATIO: u64 = 1032;
const LZ4_RATIO: u64 = 255;
/// What a frame of LZ4 may begin with: a frame, one of old, one to pass over.
const LZ4_FRAMES: [u32; 2] = [0x184D_2204, 0x184C_2102];
const LZ4_SKIPPED: u32 = 0x184D_2A50;
const BUFFER_BYTES: usize = 1 << 16;

/// Whether a page unpacks to more than it says. What cannot be unpacked is left to the decoder.
pub(super) fn is_more(chunk: &Chunk<'_>, header: &Header, body: u64) -> io::Result<bool> {
    let (packed, unpacked) =
        (header.packed.saturating_sub(header.levels), header.unpacked.saturating_sub(header.levels));
    let mut file = chunk.file;
    let mut page = || {
        file.seek(SeekFrom::Start(body + header.levels))?;
        Ok::<_, io::Error>(BufReader::with_capacity(BUFFER_BYTES, file.take(packed)))
    };
    let is_suspect = |ratio: u64| packed.saturating_mul(ratio) > PAGE_BYTES_MAX;
    Ok(match chunk.about.compression() {
        _ if !header.is_packed || unpacked == 0 => false, // the decoder leaves it alone
        Compression::GZIP(_) if is_suspect(GZIP_RATIO) => exceeds(MultiGzDecoder::new(page()?), unpacked),
        // No ratio holds for Brotli; and a window of a gibibyte is reserved where a stream begins so.
        Compression::BROTLI(_) => {
            let mut first = [0];
            page()?.read_exact(&mut first).unwrap_or_default();
            first[0] & 0x7f == 0x11 || exceeds(Decompressor::new(page()?, BUFFER_BYTES), unpacked)
        }
        Compression::LZ4 if is_suspect(LZ4_RATIO) => {
            let mut magic = [0; 4];
            page()?.read_exact(&mut magic).unwrap_or_default();
            let magic = u32::from_le_bytes(magic);
            let is_frame = LZ4_FRAMES.contains(&magic) || magic & !15 == LZ4_SKIPPED;
            is_frame && exceeds(FrameDecoder::new(page()?), unpacked)
        }
        _ => false,
    })
}

/// Whether more comes than was said, before the end or a failure.
fn exceeds(mut stream: impl Read, said: u64) -> bool {
    let mut buffer = vec![0; BUFFER_BYTES];
    let mut seen = 0;
    loop {
        match stream.read(&mut buffer) {
            Ok(0) | Err(_) => return false,
            Ok(read) => seen += read as u64,
        }
        if seen > said {
            return true;
        }
    }
}
