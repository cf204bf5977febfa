//! How long texts are once decoded, where their page does not tell: a dictionary is small, and each of its texts may stand
//! in every row; and a text that shares its beginning with the one before is stored without it.

use std::sync::Arc;

use parquet::basic::Encoding;
use parquet::column::page::{Page, PageReader};
use parquet::file::serialized_reader::SerializedPageReader;

use super::{Chunk, Lie, PAGE_BYTES_MAX};
use crate::error::Error;
use crate::guard::guarded;
use crate::source::thrift::{varint, zigzag};

/// Lengths of a page, at most: the decoder holds them as 32-bit numbers.
const LENGTHS_MAX: u64 = PAGE_BYTES_MAX / 4;

/// The longest text in the dictionary, or, where pages have texts `by_deltas`, in those that are wanted as well. Pages
/// that cannot be read are left to the decoder, which will not read them either.
pub(super) fn longest(chunk: &Chunk<'_>, by_deltas: bool) -> Result<u64, Error> {
    let file = chunk.file.try_clone().map_err(|error| chunk.io(error))?;
    let mut longest = 0;
    let mut reader =
        match guarded(|| SerializedPageReader::new(Arc::new(file), chunk.about, chunk.group_rows as usize, None)) {
            Ok(reader) => reader,
            Err(_) => return Ok(longest),
        };
    let mut values = 0;
    while let Ok(Some(next)) = guarded(|| reader.peek_next_page()) {
        if !next.is_dict && !by_deltas || chunk.is_past(values) {
            break;
        }
        let first = values;
        values += next.num_levels.unwrap_or(0) as u64;
        let is_before = chunk.about.column_descr().max_rep_level() == 0 && values <= chunk.rows.start;
        if !next.is_dict && is_before && values > first {
            match guarded(|| reader.skip_next_page()) {
                Ok(()) => continue,
                Err(_) => break,
            }
        }
        let Ok(Some(page)) = guarded(|| reader.get_next_page()) else { break };
        let (one, sum) = of_page(&page, chunk).map_err(|lie| chunk.lie(lie))?;
        chunk.check_size(sum)?;
        longest = longest.max(one);
    }
    Ok(longest)
}

/// The longest text, and the bytes of all: 0 where the page is not shorter than they are.
fn of_page(page: &Page, chunk: &Chunk<'_>) -> Result<(u64, u64), Lie> {
    if let Page::DictionaryPage { buf, .. } = page {
        return Ok((of_dictionary(buf), 0));
    }
    let (values, Some(body)) = (u64::from(page.num_values()), body(page, chunk)) else { return Ok((0, 0)) };
    match page.encoding() {
        Encoding::DELTA_LENGTH_BYTE_ARRAY => Deltas::begin(body, values).map(|_| (0, 0)),
        Encoding::DELTA_BYTE_ARRAY => of_prefixed(body, values),
        _ => Ok((0, 0)),
    }
}

/// Each text stands after its length, in 4 bytes.
fn of_dictionary(mut texts: &[u8]) -> u64 {
    let mut longest = 0;
    while let Some((length, rest)) = texts.split_first_chunk() {
        let length = u32::from_le_bytes(*length);
        longest = longest.max(u64::from(length));
        texts = rest.get(length as usize..).unwrap_or_default();
    }
    longest
}

/// A page without its levels; none if they are not well formed.
fn body<'a>(page: &'a Page, chunk: &Chunk<'_>) -> Option<&'a [u8]> {
    let column = chunk.about.column_descr();
    match page {
        Page::DataPage { buf, num_values, def_level_encoding, rep_level_encoding, .. } => {
            let mut body = &buf[..];
            for (max, encoding) in
                [(column.max_rep_level(), rep_level_encoding), (column.max_def_level(), def_level_encoding)]
            {
                let length = match encoding {
                    _ if max == 0 => continue,
                    Encoding::RLE => {
                        let (length, rest) = body.split_first_chunk()?;
                        body = rest;
                        usize::try_from(i32::from_le_bytes(*length)).ok()?
                    }
                    // Packed in the fewest bits.
                    _ => (*num_values as usize * (16 - max.leading_zeros() as usize)).div_ceil(8),
                };
                body = body.get(length..)?;
            }
            Some(body)
        }
        Page::DataPageV2 { buf, def_levels_byte_len, rep_levels_byte_len, .. } => {
            buf.get((*def_levels_byte_len as usize).checked_add(*rep_levels_byte_len as usize)?..)
        }
        Page::DictionaryPage { .. } => None,
    }
}

/// Lengths shared with the text before, then lengths of the rest. What they are together is a page's size as any other.
fn of_prefixed(body: &[u8], values: u64) -> Result<(u64, u64), Lie> {
    let prefixes = Deltas::begin(body, values)?;
    let mut end = prefixes.clone();
    while end.next()?.is_some() {}
    let (mut prefixes, mut suffixes) = (prefixes, Deltas::begin(end.rest, values)?);
    let (mut last, mut longest, mut sum) = (0u64, 0, 0u64);
    while let (Some(prefix), Some(suffix)) = (prefixes.next()?, suffixes.next()?) {
        let length = |value: i32| u64::try_from(value).map_err(|_| Lie::MalformedLengths);
        last = last.min(length(prefix)?) + length(suffix)?;
        longest = longest.max(last);
        sum = sum.saturating_add(last);
    }
    Ok((longest, sum))
}

/// Whole numbers as DELTA_BINARY_PACKED: blocks of miniblocks, in each of which differences have as many bits as the
/// greatest of them needs.
#[derive(Clone)]
struct Deltas<'a> {
    rest: &'a [u8],
    missing: u64,
    value: i32,
    is_first: bool,
    miniblocks: usize,
    values_a_miniblock: u64,
    /// Of the block: what each difference has been lessened by, and the bits of its miniblocks that are to come.
    least: i32,
    widths: &'a [u8],
    /// Of the miniblock: its bytes, the bits of one difference, those read, and the numbers left.
    packed: &'a [u8],
    width: u64,
    bit: u64,
    left: u64,
}

impl<'a> Deltas<'a> {
    /// Reads how many lengths there are: no more than values, and than a page can have.
    fn begin(mut rest: &'a [u8], values: u64) -> Result<Self, Lie> {
        let at = &mut rest;
        let head = || Some((varint(at)?, varint(at)?, varint(at)?, zigzag(varint(at)?)));
        let (block, miniblocks, lengths, first) = { head }().ok_or(Lie::MalformedLengths)?;
        if lengths > values.min(LENGTHS_MAX) {
            return Err(Lie::Lengths { lengths, values });
        }
        let (Ok(miniblocks), Ok(value)) = (usize::try_from(miniblocks), i32::try_from(first)) else {
            return Err(Lie::MalformedLengths);
        };
        let values_a_miniblock = block.checked_div(miniblocks as u64).unwrap_or(0);
        if values_a_miniblock == 0 || values_a_miniblock % 32 != 0 || values_a_miniblock > u64::from(u32::MAX) {
            return Err(Lie::MalformedLengths);
        }
        let (is_first, missing) = (true, lengths);
        Ok(Self {
            rest,
            missing,
            value,
            is_first,
            miniblocks,
            values_a_miniblock,
            least: 0,
            widths: &[],
            packed: &[],
            width: 0,
            bit: 0,
            left: 0,
        })
    }

    fn next(&mut self) -> Result<Option<i32>, Lie> {
        if self.missing == 0 {
            return Ok(None);
        }
        self.missing -= 1;
        if !std::mem::take(&mut self.is_first) {
            if self.left == 0 {
                self.begin_miniblock().ok_or(Lie::MalformedLengths)?;
            }
            self.left -= 1;
            let difference = self.bits();
            self.value = self.value.wrapping_add(self.least).wrapping_add(difference as i32);
        }
        Ok(Some(self.value))
    }

    fn begin_miniblock(&mut self) -> Option<()> {
        if self.widths.is_empty() {
            self.least = i32::try_from(zigzag(varint(&mut self.rest)?)).ok()?;
            (self.widths, self.rest) = self.rest.split_at_checked(self.miniblocks)?;
        }
        let (width, widths) = self.widths.split_first()?;
        (*width <= 32).then_some(())?;
        let bytes = u64::from(*width) * self.values_a_miniblock / 8;
        (self.packed, self.rest) = self.rest.split_at_checked(usize::try_from(bytes).ok()?)?;
        (self.widths, self.width, self.bit, self.left) = (widths, u64::from(*width), 0, self.values_a_miniblock);
        Some(())
    }

    /// The next difference of the miniblock, whose bytes are all there.
    fn bits(&mut self) -> u32 {
        let (byte, shift) = ((self.bit / 8) as usize, self.bit % 8);
        self.bit += self.width;
        let five = (0..5).map(|n| self.packed.get(byte + n).copied().map_or(0, u64::from) << (8 * n));
        ((five.sum::<u64>() >> shift) & ((1 << self.width) - 1)) as u32
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(body: &[u8], values: u64) -> Result<Vec<i32>, Lie> {
        let mut deltas = Deltas::begin(body, values)?;
        let mut all = Vec::new();
        while let Some(value) = deltas.next()? {
            all.push(value);
        }
        Ok(all)
    }

    /// 7, 5, 3, 1, 2, 3, 4, 5: the example of the format's description, with one miniblock of three bits a difference.
    const EXAMPLE: [u8; 21] = [0x80, 1, 4, 8, 14, 3, 2, 0, 0, 0, 0b1100_0000, 0b0011_1111, 0, 0, 0, 0, 0, 0, 9, 9, 9];

    #[test]
    fn deltas_are_unpacked() {
        assert_eq!(all(&EXAMPLE, 8).unwrap(), [7, 5, 3, 1, 2, 3, 4, 5]);
        let mut read = Deltas::begin(&EXAMPLE, 8).unwrap();
        while read.next().unwrap().is_some() {}
        assert_eq!(read.rest, [9, 9, 9]);
        assert!(matches!(all(&EXAMPLE, 7), Err(Lie::Lengths { lengths: 8, values: 7 })));
        for length in 0..18 {
            assert!(all(&EXAMPLE[..length], 8).is_err(), "cut at {length}");
        }
        assert_eq!(all(&[0x80, 1, 4, 1, 3], 9).unwrap(), [-2]);
        // A hundred million equal lengths cost nothing to write.
        let bomb = [0x80, 1, 4, 0x80, 0x80, 0x80, 0x80, 8, 0];
        assert!(matches!(all(&bomb, 1 << 31), Err(Lie::Lengths { .. })));
        assert!(all(&[0x80, 1, 0, 8, 0], 9).is_err() && all(&[0x81, 1, 4, 8, 0, 0], 9).is_err());
    }

    #[test]
    fn a_shared_beginning_counts() {
        // Prefixes 0, 3, 3 and suffixes 3, 0, 2.
        let prefixes = [0x80, 1, 4, 3, 0, 0, 2, 0, 0, 0, 0b11, 0, 0, 0, 0, 0, 0, 0];
        let suffixes = [0x80, 1, 4, 3, 6, 5, 3, 0, 0, 0, 0b10_1000, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        assert_eq!(all(&prefixes, 3).unwrap(), [0, 3, 3]);
        assert_eq!(all(&suffixes, 3).unwrap(), [3, 0, 2]);
        assert_eq!(of_prefixed(&[&prefixes[..], &suffixes].concat(), 3).unwrap(), (5, 11));
        assert!(of_prefixed(&prefixes, 3).is_err());
    }

    #[test]
    fn a_dictionary_is_walked() {
        assert_eq!(of_dictionary(&[1, 0, 0, 0, b'a', 3, 0, 0, 0, b'b', b'c', b'd', 0, 0, 0, 0]), 3);
        assert_eq!(of_dictionary(&[]), 0);
        assert_eq!(of_dictionary(&[9, 0, 0, 0, b'a']), 9);
    }
}
