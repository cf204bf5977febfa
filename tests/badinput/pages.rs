//! Pages that lie: each number of their headers in all ways of [`lies`], and each of the first bytes of their bodies, of
//! columns in all encodings, pages of either version, and three codecs.

use std::path::Path;
use std::sync::Arc;

use arrow_array::{ArrayRef, RecordBatch};
use parquet::basic::{Compression, Encoding, GzipLevel};
use parquet::file::properties::{WriterProperties, WriterVersion};

use crate::case::{Case, Cases, Expect, Input};
use crate::forge::{Column, Page, file, footer};
use crate::lies;
use crate::seeds::{table, written};
use crate::thrift::Value;

/// Columns of the table, and the encodings that each can have; none is a dictionary.
const ENCODINGS: [(&str, &[Option<Encoding>]); 4] = [
    ("n", &[None, Some(Encoding::PLAIN), Some(Encoding::DELTA_BINARY_PACKED), Some(Encoding::BYTE_STREAM_SPLIT)]),
    ("x", &[Some(Encoding::PLAIN), Some(Encoding::BYTE_STREAM_SPLIT)]),
    ("f", &[Some(Encoding::PLAIN), Some(Encoding::RLE)]),
    ("t", &[None, Some(Encoding::PLAIN), Some(Encoding::DELTA_LENGTH_BYTE_ARRAY), Some(Encoding::DELTA_BYTE_ARRAY)]),
];
/// Bytes of a body that are changed at its beginning, and what they become.
const BODY_BYTES: usize = 64;
const BODY_LIES: [u8; 6] = [0, 1, 0x7f, 0x80, 0xfe, 0xff];

struct Seed {
    name: String,
    column: Column,
    rows: i64,
    pages: Vec<Page>,
}

impl Seed {
    fn case(&self, what: String, pages: &[Page], expect: Expect) -> Case {
        let what = format!("{} {what}", self.name);
        Case { what, input: Input::Bytes(file(&self.column, self.rows, pages)), expect }
    }

    fn untouched(&self) -> Case {
        self.case("put together again".into(), &self.pages, Expect::Right)
    }
}

struct Headers {
    seeds: Vec<Seed>,
    /// Seed, page, path and lie.
    lies: Vec<(usize, usize, Vec<usize>, usize)>,
}

pub(crate) fn cases(_: &Path) -> Box<dyn Cases> {
    let mut headers = Headers { seeds: seeds(), lies: Vec::new() };
    for (at, seed) in headers.seeds.iter_mut().enumerate() {
        for (number, page) in seed.pages.iter_mut().enumerate() {
            for path in page.header.paths() {
                let ways = lies::instead_of(page.header.at(&path)).len();
                headers.lies.extend((0..ways).map(|way| (at, number, path.clone(), way)));
            }
        }
    }
    Box::new(headers)
}

impl Cases for Headers {
    fn count(&self) -> usize {
        self.seeds.len() + self.lies.len()
    }

    fn case(&self, at: usize, _: &Path) -> Case {
        let Some(lie) = at.checked_sub(self.seeds.len()) else { return self.seeds[at].untouched() };
        let (seed, page, path, way) = &self.lies[lie];
        let seed = &self.seeds[*seed];
        let mut pages = seed.pages.clone();
        let said = pages[*page].header.at(path);
        *said = lies::instead_of(said).swap_remove(*way);
        seed.case(format!("with lie {way} at {path:?} of page {page}"), &pages, Expect::Any)
    }
}

struct Bodies(Vec<Seed>);

pub(crate) fn bodies(_: &Path) -> Box<dyn Cases> {
    let mut seeds = seeds();
    seeds.retain(|seed| seed.column.codec == crate::forge::NONE);
    Box::new(Bodies(seeds))
}

impl Cases for Bodies {
    fn count(&self) -> usize {
        self.0.len() * 2 * BODY_BYTES * BODY_LIES.len()
    }

    fn case(&self, at: usize, _: &Path) -> Case {
        let (seed, rest) = (&self.0[at % self.0.len()], at / self.0.len());
        let (page, place, lie) = (rest % 2, rest / 2 % BODY_BYTES, rest / 2 / BODY_BYTES);
        let mut pages = seed.pages.clone();
        let body = &mut pages[page].body;
        let place = place % body.len().max(1);
        if let Some(byte) = body.get_mut(place) {
            *byte = BODY_LIES[lie];
        }
        seed.case(format!("with {:#04x} at {place} of page {page}", BODY_LIES[lie]), &pages, Expect::Any)
    }
}

fn seeds() -> Vec<Seed> {
    let codecs = [Compression::UNCOMPRESSED, Compression::SNAPPY, Compression::GZIP(GzipLevel::default())];
    let mut seeds = Vec::new();
    for (name, encodings) in ENCODINGS {
        for encoding in encodings {
            for version in [WriterVersion::PARQUET_1_0, WriterVersion::PARQUET_2_0] {
                seeds.extend(codecs.map(|codec| seed(name, *encoding, version, codec)));
            }
        }
    }
    seeds
}

fn seed(name: &str, encoding: Option<Encoding>, version: WriterVersion, codec: Compression) -> Seed {
    let mut properties = WriterProperties::builder()
        .set_writer_version(version)
        .set_compression(codec)
        .set_dictionary_enabled(encoding.is_none())
        .set_data_page_row_count_limit(80)
        .set_write_batch_size(20)
        .set_data_page_v2_compression_ratio_threshold(100.0) // packed, however little it helps
        .set_offset_index_disabled(true);
    if let Some(encoding) = encoding {
        properties = properties.set_encoding(encoding);
    }
    let whole = table();
    let column: ArrayRef = Arc::clone(whole.column_by_name(name).expect("a column"));
    let one = RecordBatch::try_from_iter_with_nullable([("x", column, true)]).expect("a table");
    let name = format!("{name} as {encoding:?}, {codec:?}, pages {}", version.as_num());
    taken_apart(name, &written(&one, properties.build()))
}

/// A file of one column as its pages.
fn taken_apart(name: String, bytes: &[u8]) -> Seed {
    let (mut footer, _) = Value::read(&bytes[footer(bytes)]);
    let group = [4, 0];
    let about = [4, 0, 1, 0, 3];
    let rows = *footer.int(&[&group[..], &[3]].concat());
    let mut number = |field| *footer.int(&[&about[..], &[field]].concat());
    let (physical, codec, length, data) = (number(1), number(4), number(7) as usize, number(9));
    let begin = match footer.at(&about) {
        Value::Struct(fields) => fields.iter().find(|(field, _)| *field == 11).map(|(_, value)| value.clone()),
        _ => None,
    };
    let begin = begin.map_or(data, |begin| if let Value::Int(_, begin) = begin { begin } else { data }) as usize;
    let (mut at, mut pages) = (begin, Vec::new());
    while at < begin + length {
        let (mut header, bytes_of_it) = Value::read(&bytes[at..]);
        let body = at + bytes_of_it;
        at = body + *header.int(&[3]) as usize;
        pages.push(Page { header, body: bytes[body..at].to_vec() });
    }
    assert!(pages.len() >= 2, "{name} has {} pages", pages.len());
    Seed { name, column: Column { is_required: false, ..Column::of(physical, codec) }, rows, pages }
}
