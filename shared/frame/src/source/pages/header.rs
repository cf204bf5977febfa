//! A page's header, parsed more strictly than the decoder does: what both read must be the same.

use crate::source::thrift::{I32, STRUCT, fields, fields_of, int32, skip};

const BOOL: [u8; 2] = [1, 2];
const LISTS: std::ops::RangeInclusive<u8> = 9..=11;

// PageType and Encoding (parquet.thrift).
const DATA_PAGE: i32 = 0;
const DICTIONARY_PAGE: i32 = 2;
const DATA_PAGE_V2: i32 = 3;
const DELTA_LENGTH_BYTE_ARRAY: i32 = 6;
const DELTA_BYTE_ARRAY: i32 = 7;

#[derive(Debug, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) kind: Kind,
    /// Bytes of the page as it is stored.
    pub(super) packed: u64,
    /// … and as it is said to be otherwise.
    pub(super) unpacked: u64,
    /// Whether its codec was used on it, if the column has one.
    pub(super) is_packed: bool,
    /// Bytes of levels, which no codec packs; known of pages of version 2 alone, as are nulls.
    pub(super) levels: u64,
    pub(super) nulls: u64,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Dictionary { values: u64 },
    Data { values: u64, is_delta_text: bool },
}

impl Header {
    /// Parses a header, and counts its bytes. None where it is not whole, or not one.
    pub(super) fn parse(bytes: &[u8]) -> Option<(Self, u64)> {
        let mut at = bytes;
        let (mut kind, mut packed, mut unpacked) = (None, None, None);
        let (mut data, mut dictionary, mut data_2) = (None, None, None);
        fields_of(&[I32, I32, I32, I32, STRUCT, STRUCT, STRUCT, STRUCT], &mut at, |field, kind_of, at| {
            match field {
                1 => kind = Some(int32(at)?),
                2 => unpacked = Some(u64::try_from(int32(at)?).ok()?),
                3 => packed = Some(u64::try_from(int32(at)?).ok()?),
                5 => data = Some(Counts::parse(&[I32, I32, I32, I32, STRUCT], 0, at)?),
                7 => dictionary = Some(Counts::parse(&[I32, I32], 3, at)?),
                8 => data_2 = Some(Counts::parse(&[I32, I32, I32, I32, I32, I32, 0, STRUCT], 7, at)?),
                _ => pass(kind_of, at)?,
            }
            Some(())
        })?;
        let (kind, counts, encoding, levels) = match kind? {
            DATA_PAGE => (DATA_PAGE, data?, 2, 0),
            DICTIONARY_PAGE => (DICTIONARY_PAGE, dictionary?, 2, 0),
            DATA_PAGE_V2 => {
                let counts = data_2?;
                (DATA_PAGE_V2, counts, 4, counts.of(5)?.checked_add(counts.of(6)?)?)
            }
            _ => return None, // index pages: nobody writes them
        };
        let values = counts.of(1)?;
        let kind_of = match kind {
            DICTIONARY_PAGE => Kind::Dictionary { values },
            _ => Kind::Data {
                values,
                is_delta_text: matches!(counts.numbers[encoding]?, DELTA_LENGTH_BYTE_ARRAY | DELTA_BYTE_ARRAY),
            },
        };
        let nulls = if kind == DATA_PAGE_V2 { counts.of(2)? } else { 0 };
        let is_packed = kind != DATA_PAGE_V2 || counts.flag.unwrap_or(true);
        let header = Self { kind: kind_of, packed: packed?, unpacked: unpacked?, is_packed, levels, nulls };
        Some((header, (bytes.len() - at.len()) as u64))
    }
}

/// The numbers of a struct in a header, by field, and its boolean.
#[derive(Clone, Copy, Default)]
struct Counts {
    numbers: [Option<i32>; 7],
    flag: Option<bool>,
}

impl Counts {
    fn parse(kinds: &[u8], flag: i32, at: &mut &[u8]) -> Option<Self> {
        let mut counts = Self::default();
        fields(at, |field, kind, at| {
            if field == flag {
                counts.flag = Some(BOOL.contains(&kind).then_some(kind == BOOL[0])?);
                return Some(());
            }
            match usize::try_from(field).ok()?.checked_sub(1).and_then(|n| kinds.get(n)) {
                Some(&expected) if expected != kind => None,
                Some(&I32) => {
                    counts.numbers[field as usize] = Some(int32(at)?);
                    Some(())
                }
                _ => pass(kind, at),
            }
        })?;
        Some(counts)
    }

    /// A number that is there, and is not negative.
    fn of(&self, field: usize) -> Option<u64> {
        u64::try_from(self.numbers[field]?).ok()
    }
}

/// Passes over a value. Headers have no lists.
fn pass(kind: u8, at: &mut &[u8]) -> Option<()> {
    let mut lists = 0;
    (!LISTS.contains(&kind)).then_some(())?;
    skip(at, kind, &mut lists)?;
    (lists == 0).then_some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(bytes: &[u8]) -> Option<Header> {
        let whole = Header::parse(bytes);
        for length in 0..bytes.len() {
            assert_eq!(Header::parse(&bytes[..length]), None, "cut at {length}");
        }
        let (header, length) = whole?;
        assert_eq!(length, bytes.len() as u64);
        Some(header)
    }

    #[test]
    fn each_kind_of_page_is_read() {
        // 1: type, 2: unpacked 50, 3: packed 20, then the struct of the type: values 9, encoding and so on.
        let header = parse(&[0x15, 0, 0x15, 100, 0x15, 40, 0x2c, 0x15, 18, 0x15, 14, 0x15, 6, 0x15, 6, 0, 0]).unwrap();
        assert_eq!(header.kind, Kind::Data { values: 9, is_delta_text: true });
        assert_eq!((header.packed, header.unpacked, header.is_packed), (20, 50, true));
        let header = parse(&[0x15, 4, 0x15, 100, 0x15, 40, 0x4c, 0x15, 18, 0x15, 0, 0x12, 0, 0]).unwrap();
        assert_eq!(header.kind, Kind::Dictionary { values: 9 });
        let header = [0x15, 6, 0x15, 100, 0x15, 40, 0x5c, 0x15, 18, 0x15, 2, 0x15, 18, 0x15, 0, 0x15, 4, 0x15, 6, 0x12];
        let header = parse(&[&header[..], &[0, 0]].concat()).unwrap();
        assert_eq!(header.kind, Kind::Data { values: 9, is_delta_text: false });
        assert_eq!((header.levels, header.nulls, header.is_packed), (5, 1, false));
    }

    #[test]
    fn what_is_no_header_is_refused() {
        let refuse = |bytes: &[u8]| assert_eq!(Header::parse(bytes), None, "{bytes:x?}");
        refuse(&[0; 20]);
        refuse(&[0x15, 0, 0x15, 101, 0x15, 40, 0x2c, 0x15, 18, 0x15, 14, 0, 0]); // unpacks to -51 bytes
        refuse(&[0x15, 0, 0x15, 100, 0x15, 40, 0x2c, 0x15, 17, 0x15, 14, 0, 0]); // -9 values
        refuse(&[0x15, 0, 0x15, 100, 0x15, 40, 0x2c, 0x15, 18, 0, 0]); // no encoding
        refuse(&[0x15, 0, 0x15, 100, 0x15, 40, 0]); // no struct
        refuse(&[0x15, 2, 0x15, 100, 0x15, 40, 0x3c, 0, 0]); // an index page
        refuse(&[0x15, 0, 0x16, 100, 0x15, 40, 0x2c, 0x15, 18, 0x15, 14, 0, 0]); // another kind of number
        refuse(&[0x15, 0, 0x15, 100, 0x15, 40, 0x2c, 0x15, 18, 0x15, 14, 0x79, 0x13, 1, 0, 0]); // a list
        refuse(&[0x80; 64]);
    }
}
