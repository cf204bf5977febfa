//! Statistics of one shard's text: its levels, and what it is under each reading.
//!
//! Each distinct text is read once; the numbers or times then go the way of a column of numbers, through a table from code
//! to value.

use super::count::{ShardRows, number_stats};
use super::{ColumnStats, Level, ReadingStats, Tally};
use crate::block::BLOCK_ROWS;
use crate::reading::{Reading, is_missing_text, is_padded, is_rounded};
use crate::value::Value;

/// Characters of a text that are shown.
pub(super) const SHOWN_CHARACTERS: usize = 64;

/// A column as codes into its distinct texts.
pub(crate) struct TextColumn<'a> {
    /// In byte order.
    pub(crate) dictionary: &'a [&'a str],
    /// Of each of them: at least 1.
    pub(crate) rows_of: &'a [u64],
    /// Of each row; any code for nulls.
    pub(crate) codes: &'a [u32],
    pub(crate) rows: ShardRows<'a>,
}

pub(crate) fn text_stats(column: &TextColumn<'_>) -> ColumnStats {
    let TextColumn { dictionary, rows_of, codes, rows } = column;
    let limits = rows.sampled.levels;
    // The length is looked at first: a dictionary of a million texts is not copied to find that out.
    let levels = (dictionary.len() <= limits.texts).then(|| {
        let level = |(text, rows): (&&str, &u64)| Level { value: Value::Text((*text).to_owned()), rows: *rows };
        limits.bound(dictionary.iter().zip(*rows_of).map(level).collect())
    });
    let unique = column.is_unique_in_blocks();
    ColumnStats {
        tally: Tally { missing: rows.missing(), levels: levels.flatten(), unique, ..Tally::default() },
        row_sample: rows.shown(|row| Some(Value::Text(shown(dictionary[codes[row] as usize])))),
        readings: column.readings(),
        ..ColumnStats::default()
    }
}

/// The beginning of a text. Of texts in byte order the beginnings are in that order too.
fn shown(text: &str) -> String {
    text.chars().take(SHOWN_CHARACTERS).collect()
}

impl TextColumn<'_> {
    /// Blocks, not the shard: that does not depend on the cut.
    fn is_unique_in_blocks(&self) -> bool {
        let mut seen_in = vec![0; self.dictionary.len()];
        (1u32..).zip(self.codes.chunks(BLOCK_ROWS as usize)).all(|(block, codes)| {
            let first = (block as usize - 1) * BLOCK_ROWS as usize;
            codes.iter().enumerate().all(|(row, &code)| {
                self.rows.is_null(first + row) || std::mem::replace(&mut seen_in[code as usize], block) != block
            })
        })
    }

    /// Numbers first, even if nothing reads so; none at all where every text stands for a missing value.
    fn readings(&self) -> Vec<ReadingStats> {
        let Some(numbers) = self.numbers() else { return Vec::new() };
        // No text reads as a number and as a date.
        let dates = if numbers.is_blank() { &Reading::DATES[..] } else { &[] };
        let dates = dates.iter().filter_map(|&reading| self.dates(reading));
        std::iter::once(numbers).chain(dates).collect()
    }

    fn numbers(&self) -> Option<ReadingStats> {
        let mut table = Vec::new();
        let (mut unread, mut example, mut padded, mut rounded) = (0, None, false, 0);
        for (at, text) in self.dictionary.iter().enumerate() {
            if let Some(number) = Reading::Number.read(text) {
                // Most text is no numbers, and needs no table.
                table.resize(self.dictionary.len(), f64::NAN);
                table[at] = number;
                padded |= is_padded(text);
                rounded += if is_rounded(text) { self.rows_of[at] } else { 0 };
            } else if !is_missing_text(text) {
                unread += self.rows_of[at];
                example = example.or_else(|| Some(shown(text)));
            }
        }
        if table.is_empty() {
            let blank = ReadingStats::blank(Reading::Number, self.codes.len() as u64);
            return (unread > 0).then_some(ReadingStats { unread, unread_example: example, ..blank });
        }
        let number = |code: u32| table[code as usize];
        let bits = |code| (number(code) + 0.0).to_bits();
        let mut stats = number_stats(self.codes, self.rows, number, |code| Value::float(number(code)), bits);
        count_as_missing(&mut stats.tally);
        stats.tally.rounded = rounded;
        Some(ReadingStats { reading: Reading::Number, unread, unread_example: example, padded, stats: Box::new(stats) })
    }

    /// Unless nothing reads so, or not all does.
    fn dates(&self, reading: Reading) -> Option<ReadingStats> {
        let mut table = Vec::new();
        for (at, text) in self.dictionary.iter().enumerate() {
            if let Some(micros) = reading.micros(text) {
                table.resize(self.dictionary.len(), None);
                table[at] = Some(micros);
            } else if !is_missing_text(text) {
                return None;
            }
        }
        if table.is_empty() {
            return None;
        }
        let micros = |code: u32| table[code as usize];
        let number = |code| micros(code).map_or(f64::NAN, |micros| micros as f64);
        // What is missing is not finite: its value and its bits are not asked for.
        let (value, bits) = (|code| Value::Int(micros(code).unwrap_or(0)), |code| micros(code).unwrap_or(0) as u64);
        let mut stats = number_stats(self.codes, self.rows, number, value, bits);
        count_as_missing(&mut stats.tally);
        Some(ReadingStats { reading, unread: 0, unread_example: None, padded: false, stats: Box::new(stats) })
    }
}

/// What a table has no value for.
fn count_as_missing(tally: &mut Tally) {
    tally.missing += std::mem::take(&mut tally.nan);
}

impl ReadingStats {
    /// Of rows of which none reads so. Moments and sampled rows, of which there are as many as of the text, are left out.
    pub(super) fn blank(reading: Reading, rows: u64) -> Self {
        let tally = Tally { missing: rows, levels: Some(Vec::new()), ..Tally::default() };
        let stats = Box::new(ColumnStats { tally, ..ColumnStats::default() });
        Self { reading, unread: 0, unread_example: None, padded: false, stats }
    }

    pub(super) fn is_blank(&self) -> bool {
        *self.stats == *Self::blank(self.reading, self.stats.tally.missing).stats
    }
}
