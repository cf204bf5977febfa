//! A look at the pages of a column chunk before they are decoded: may they be, and how much of them at once?
//!
//! The decoder believes headers. It reserves what a page says that it unpacks to and what a dictionary says that it holds;
//! some codecs unpack whatever there is; and a text of a dictionary is copied for each row that has it. Where such numbers
//! are false, or true and immense, memory ends, and with it the process: no guard catches that. So each header is read
//! here first, from one to the next, and a body only where its encoding or its codec makes promises of its own. What is
//! merely wrong is left to the decoder, which says so better.

mod header;
mod texts;
mod unpack;

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::ops::Range;

use parquet::basic::{Compression, Type};
use parquet::file::metadata::ColumnChunkMetaData;

use self::header::{Header, Kind};
use crate::error::{Error, Place, SourceError};
use crate::guard::has_room;

/// Bytes of a page, packed or unpacked. Writers make pages of a mebibyte, or of a thousand rows.
const PAGE_BYTES_MAX: u64 = 256 << 20;
/// Of a header: it may hold the least and the greatest text of its page.
const HEADER_BYTES_MAX: u64 = 16 << 20;
/// What is read of a header at first.
const HEADER_BYTES: u64 = 512;
/// Copies of a page of texts that are in memory at once, beside its packed bytes: unpacked, in a slice, in the shard. A
/// slice of numbers is short.
const TEXT_COPIES: u64 = 3;

/// What no writer would have written.
#[derive(Debug, thiserror::Error)]
enum Lie {
    #[error("at byte {at} there is no page header")]
    NoHeader { at: u64 },
    #[error("a page of {bytes} bytes where {left} are left of its column")]
    Outside { bytes: u64, left: u64 },
    #[error("a dictionary of {values} values in {bytes} bytes")]
    Dictionary { values: u64, bytes: u64 },
    #[error("pages of more than the {values} values that the footer counts")]
    Values { values: u64 },
    #[error("a page of {values} values, {nulls} of them null, and {levels} bytes of levels in {bytes}")]
    Levels { values: u64, nulls: u64, levels: u64, bytes: u64 },
    #[error("a page unpacks to more than the {bytes} bytes that it says")]
    Bomb { bytes: u64 },
    #[error("{lengths} lengths of texts in a page of {values} values")]
    Lengths { lengths: u64, values: u64 },
    #[error("the lengths of its texts are not well formed")]
    MalformedLengths,
}

/// A column chunk, and the part of it that is wanted.
pub(super) struct Chunk<'a> {
    pub(super) file: &'a File,
    pub(super) about: &'a ColumnChunkMetaData,
    /// Rows of its row group.
    pub(super) group_rows: u64,
    /// The rows that will be decoded.
    pub(super) rows: Range<u64>,
    pub(super) place: &'a dyn Fn() -> Place,
}

impl Chunk<'_> {
    /// Checks the pages up to the last row that is wanted. Returns the bytes of the longest row that a slice may have to
    /// hold many of, decoded.
    pub(super) fn check(&self) -> Result<u64, Error> {
        let found = self.walk()?;
        match found.texts {
            true => Ok(texts::longest(self, found.delta_texts)?.max(found.row_bytes)),
            false => Ok(found.row_bytes),
        }
    }

    fn walk(&self) -> Result<Found, Error> {
        let (start, length) = self.about.byte_range();
        let (mut at, end) = (start, start.saturating_add(length));
        let mut found = Found { row_bytes: self.width().saturating_mul(self.values_a_row()), ..Found::default() };
        let mut dictionary_bytes = 0;
        while at < end && !self.is_past(found.values) {
            let (header, body) = self.header(at, end)?;
            if header.packed > end - body {
                return Err(self.lie(Lie::Outside { bytes: header.packed, left: end - body }));
            }
            self.check_size(header.packed.max(header.unpacked))?;
            self.check_room(&header, dictionary_bytes)?;
            match header.kind {
                Kind::Dictionary { values } => {
                    self.check_dictionary(&header, values)?;
                    dictionary_bytes = header.unpacked;
                    found.texts |= self.about.column_type() == Type::BYTE_ARRAY;
                }
                Kind::Data { values, is_delta_text } => {
                    found.values = found.values.saturating_add(values);
                    if found.values > self.values() {
                        return Err(self.lie(Lie::Values { values: self.values() }));
                    }
                    let row = header.unpacked.div_ceil(values.max(1)).saturating_mul(self.values_a_row());
                    found.row_bytes = found.row_bytes.max(row);
                    found.texts |= is_delta_text;
                    found.delta_texts |= is_delta_text;
                }
            }
            self.check_levels(&header)?;
            if unpack::is_more(self, &header, body).map_err(|error| self.io(error))? {
                return Err(self.lie(Lie::Bomb { bytes: header.unpacked }));
            }
            at = body + header.packed;
        }
        Ok(found)
    }

    /// The header at a place in the file, and where its page begins.
    fn header(&self, at: u64, end: u64) -> Result<(Header, u64), Error> {
        let mut bytes = Vec::new();
        let mut size = HEADER_BYTES;
        loop {
            let wanted = size.min(end - at);
            let mut file = self.file;
            let mut read = || {
                file.seek(SeekFrom::Start(at + bytes.len() as u64))?;
                file.take(wanted - bytes.len() as u64).read_to_end(&mut bytes)
            };
            read().map_err(|error| self.io(error))?;
            if let Some((header, length)) = Header::parse(&bytes) {
                return Ok((header, at + length));
            }
            if size >= HEADER_BYTES_MAX || size >= end - at {
                return Err(self.lie(Lie::NoHeader { at }));
            }
            size *= 32;
        }
    }

    fn check_size(&self, bytes: u64) -> Result<(), Error> {
        if bytes <= PAGE_BYTES_MAX {
            return Ok(());
        }
        let (what, hint) = ("bytes in a page", "write the file again with smaller pages");
        Err(SourceError::OverLimit { place: (self.place)(), what, found: bytes, limit: PAGE_BYTES_MAX, hint }.into())
    }

    fn check_room(&self, header: &Header, dictionary_bytes: u64) -> Result<(), Error> {
        let text_copies = if self.about.column_type() == Type::BYTE_ARRAY { TEXT_COPIES } else { 1 };
        // For Brotli there is a buffer as large as the page, besides.
        let copies = text_copies + u64::from(matches!(self.about.compression(), Compression::BROTLI(_)));
        let bytes = header.packed + copies * header.unpacked.saturating_add(dictionary_bytes);
        match has_room(bytes) {
            true => Ok(()),
            false => Err(SourceError::NoMemory { place: (self.place)(), bytes }.into()),
        }
    }

    fn check_dictionary(&self, header: &Header, values: u64) -> Result<(), Error> {
        let bytes = if self.is_packed(header) { header.unpacked } else { header.packed };
        let fits = match self.about.column_type() {
            Type::BOOLEAN => values <= bytes.saturating_mul(8),
            _ => values.saturating_mul(self.width().max(1)) <= bytes,
        };
        if fits { Ok(()) } else { Err(self.lie(Lie::Dictionary { values, bytes })) }
    }

    fn check_levels(&self, header: &Header) -> Result<(), Error> {
        let (Header { levels, nulls, packed, unpacked, .. }, Kind::Data { values, .. }) = (header, &header.kind) else {
            return Ok(());
        };
        let bytes = if self.is_packed(header) { *packed.min(unpacked) } else { *packed };
        if *levels <= bytes && nulls <= values {
            return Ok(());
        }
        Err(self.lie(Lie::Levels { values: *values, nulls: *nulls, levels: *levels, bytes }))
    }

    fn is_packed(&self, header: &Header) -> bool {
        header.is_packed && self.about.compression() != Compression::UNCOMPRESSED
    }

    /// Bytes of a value at least; of a text, its length.
    fn width(&self) -> u64 {
        match self.about.column_type() {
            Type::BOOLEAN => 1,
            Type::INT32 | Type::FLOAT | Type::BYTE_ARRAY => 4,
            Type::INT64 | Type::DOUBLE => 8,
            Type::INT96 => 12,
            Type::FIXED_LEN_BYTE_ARRAY => u64::try_from(self.about.column_descr().type_length()).unwrap_or(0),
        }
    }

    /// Of the whole chunk, as the footer says.
    fn values(&self) -> u64 {
        self.about.num_values().max(0).unsigned_abs()
    }

    fn values_a_row(&self) -> u64 {
        self.values().div_ceil(self.group_rows.max(1)).max(1)
    }

    /// Whether no row is wanted of what follows these values; they are rows where nothing repeats.
    fn is_past(&self, values: u64) -> bool {
        let is_flat = self.about.column_descr().max_rep_level() == 0;
        values >= self.values() || (is_flat && values >= self.rows.end)
    }

    fn lie(&self, lie: Lie) -> Error {
        SourceError::CorruptData { place: (self.place)(), source: lie.into() }.into()
    }

    fn io(&self, error: io::Error) -> Error {
        Error::io("read", std::path::Path::new(&(self.place)().file))(error)
    }
}

#[derive(Default)]
struct Found {
    values: u64,
    row_bytes: u64,
    /// There are texts that may be longer, decoded, than their page.
    texts: bool,
    /// … by deltas, and not in a dictionary alone.
    delta_texts: bool,
}
