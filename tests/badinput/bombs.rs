//! What is small and asks for much: pages that unpack to gibibytes, said or not, dictionaries and lists of lengths that
//! are said to be immense, texts that repeat others.

use std::io::Read;
use std::path::{Path, PathBuf};

use crate::case::{Case, Cases, Expect, Input};
use crate::forge::{
    BROTLI, BYTE_ARRAY, Column, DELTA, DELTA_LENGTH, DICTIONARY, FIXED, GZIP, INT64, LZ4, LZ4_RAW, NONE, PLAIN, Page,
    SNAPPY, ZSTD, file,
};
use crate::thrift::{Value, i32, put_varint, text};

/// What a page may unpack to, and what one may not.
const SAID: i64 = 200 << 20;
const UNSAID: i64 = 1 << 30;
const DAMAGED: Expect = Expect::Codes(&["corrupt_data"]);

const CODECS: [(&str, i64); 5] =
    [("gzip", GZIP), ("brotli", BROTLI), ("lz4", LZ4), ("zstd", ZSTD), ("lz4-raw", LZ4_RAW)];

pub(crate) fn prepare(folder: &Path) {
    for (name, codec) in CODECS {
        let write = |kind: &str, values: i64, said: i64, body: Vec<u8>| {
            let page = Page::data(values, PLAIN, said, body);
            let bytes = file(&Column::of(INT64, codec), values, &[page]);
            std::fs::write(folder.join(format!("{name}-{kind}.parquet")), bytes).expect("a file");
        };
        write("said", SAID / 8, SAID, packed_zeros(codec, SAID));
        write("unsaid", 1000, 8000, packed_zeros(codec, UNSAID));
    }
}

/// So many zeros, packed by streams: nobody holds them.
fn packed_zeros(codec: i64, bytes: i64) -> Vec<u8> {
    let mut zeros = std::io::repeat(0).take(bytes as u64);
    match codec {
        GZIP => {
            let mut to = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
            std::io::copy(&mut zeros, &mut to).expect("gzip");
            to.finish().expect("gzip")
        }
        BROTLI => {
            let mut to = brotli::CompressorWriter::new(Vec::new(), 1 << 16, 5, 22);
            std::io::copy(&mut zeros, &mut to).expect("brotli");
            to.into_inner()
        }
        LZ4 => {
            let mut to = lz4_flex::frame::FrameEncoder::new(Vec::new());
            std::io::copy(&mut zeros, &mut to).expect("lz4");
            to.finish().expect("lz4")
        }
        ZSTD => zstd::stream::encode_all(zeros, 1).expect("zstd"),
        // A block of LZ4: one zero, a match of it that goes on and on, and five zeros that end a block.
        _ => {
            let rest = bytes as usize - 1 - 19 - 5;
            let length = [vec![255; rest / 255], vec![(rest % 255) as u8]].concat();
            [vec![0x1f, 0, 1, 0], length, vec![0x50, 0, 0, 0, 0, 0]].concat()
        }
    }
}

pub(crate) fn cases(folder: &Path) -> Box<dyn Cases> {
    let mut cases = Vec::new();
    for (name, _) in CODECS {
        let path = |kind: &str| folder.join(format!("{name}-{kind}.parquet"));
        cases.push(Bomb::file(format!("{name}, {SAID} bytes said"), path("said"), Expect::Codes(&["ok", "no_memory"])));
        cases.push(Bomb::file(format!("{name}, {UNSAID} bytes and 8,000 said"), path("unsaid"), DAMAGED));
    }
    cases.extend(said_too_much());
    cases.extend(dictionaries());
    cases.extend(lengths());
    cases.extend(others());
    Box::new(Bombs(cases))
}

struct Bomb {
    what: String,
    source: Source,
    expect: Expect,
}

enum Source {
    File(PathBuf),
    Bytes(Vec<u8>),
}

impl Bomb {
    fn file(what: String, path: PathBuf, expect: Expect) -> Self {
        Self { what, source: Source::File(path), expect }
    }

    fn of(what: impl Into<String>, column: &Column, rows: i64, pages: &[Page], expect: Expect) -> Self {
        Self { what: what.into(), source: Source::Bytes(file(column, rows, pages)), expect }
    }
}

struct Bombs(Vec<Bomb>);

impl Cases for Bombs {
    fn count(&self) -> usize {
        self.0.len()
    }

    fn case(&self, at: usize, _: &Path) -> Case {
        let Bomb { what, source, expect } = &self.0[at];
        let input = match source {
            Source::File(path) => Input::Files(vec![path.clone()]),
            Source::Bytes(bytes) => Input::Bytes(bytes.clone()),
        };
        Case { what: what.clone(), input, expect: *expect }
    }
}

fn said_too_much() -> Vec<Bomb> {
    let mut bombs: Vec<Bomb> = [NONE, SNAPPY, GZIP, BROTLI, LZ4, ZSTD, LZ4_RAW]
        .into_iter()
        .flat_map(|codec| [(codec, (256 << 20) + 1), (codec, i64::from(i32::MAX))])
        .map(|(codec, said)| {
            let page = Page::data(1000, PLAIN, said, vec![1; 300]);
            let what = format!("codec {codec}, {said} bytes said");
            Bomb::of(what, &Column::of(INT64, codec), 1000, &[page], Expect::Codes(&["over_limit"]))
        })
        .collect();
    // What a stream says of itself.
    let mut snappy = Vec::new();
    put_varint(&mut snappy, 1 << 31);
    snappy.extend([0xfe; 64]);
    let window = [0x11, 0x1e, 0, 0, 0, 0, 0, 0, 3]; // a window of 2^30 bytes
    for (what, codec, body) in [("snappy", SNAPPY, snappy), ("a window", BROTLI, window.to_vec())] {
        let page = Page::data(1000, PLAIN, 8000, body);
        bombs.push(Bomb::of(what, &Column::of(INT64, codec), 1000, &[page], DAMAGED));
    }
    bombs
}

fn dictionaries() -> Vec<Bomb> {
    let max = i64::from(i32::MAX);
    let codes = || Page::data(1000, DICTIONARY, 3, vec![0, 0xd0, 0x0f]);
    let required = |physical| Column::of(physical, NONE);
    let of =
        |what: &str, column: &Column, dictionary: Page| Bomb::of(what, column, 1000, &[dictionary, codes()], DAMAGED);
    let fixed = Column { length: Some(max), ..required(FIXED) };
    let mut bombs = vec![
        of("a dictionary of 2^31 numbers", &required(INT64), Page::dictionary(max, 8, vec![0; 8])),
        of("a dictionary of 2^31 texts", &required(BYTE_ARRAY), Page::dictionary(max, 8, vec![0; 8])),
        Bomb::of("values of 2^31 bytes", &fixed, 1000, &[Page::dictionary(1, 8, vec![0; 8]), codes()], Expect::Any),
    ];
    // Codes of values that are not there: in a run, and packed in 3 bits each.
    let packed: Vec<u8> = [vec![3, 0xfb, 1], vec![0xff; 375]].concat();
    for (what, body) in [("in a run", vec![8, 0xd0, 0x0f, 200]), ("packed", packed)] {
        for (column, value) in [(INT64, vec![7; 8]), (BYTE_ARRAY, vec![4, 0, 0, 0, b'a', b'b', b'c', b'd'])] {
            let pages = [Page::dictionary(1, 8, value), Page::data(1000, DICTIONARY, body.len() as i64, body.clone())];
            bombs.push(Bomb::of(format!("codes out of range {what}"), &required(column), 1000, &pages, DAMAGED));
        }
    }
    // One text of a mebibyte in 2,000 rows: a slice must not hold them all.
    let mut long = vec![0, 0, 16, 0];
    long.resize(4 + (1 << 20), b'a');
    let pages = [Page::dictionary(1, long.len() as i64, long), Page::data(2000, DICTIONARY, 3, vec![0, 0xa0, 0x1f])];
    bombs.push(Bomb::of("a long text in each row", &required(BYTE_ARRAY), 2000, &pages, Expect::Right));
    bombs
}

/// So many zeros in DELTA_BINARY_PACKED, in one block that costs nothing but its head.
fn zeros(count: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    [1 << 30, 4, count, 0, 0].into_iter().for_each(|number| put_varint(&mut bytes, number));
    bytes.extend([0; 4]);
    bytes
}

fn lengths() -> Vec<Bomb> {
    let column = Column::of(BYTE_ARRAY, NONE);
    let of = |what: &str, encoding, rows: i64, body: Vec<u8>, expect| {
        Bomb::of(what, &column, rows, &[Page::data(rows, encoding, body.len() as i64, body)], expect)
    };
    let mut bombs = Vec::new();
    for count in [1001, 1 << 31, 1 << 40, u64::MAX >> 1] {
        let what = format!("{count} lengths");
        bombs.push(of(&what, DELTA_LENGTH, 1000, zeros(count), DAMAGED));
        bombs.push(of(&what, DELTA, 1000, zeros(count), DAMAGED));
        bombs.push(of(&what, DELTA, 1000, [zeros(1000), zeros(count)].concat(), DAMAGED));
    }
    bombs.push(of("no text is there", DELTA_LENGTH, 1000, zeros(1000), Expect::Right));
    bombs.push(of("no text is there", DELTA, 1000, [zeros(1000), zeros(1000)].concat(), Expect::Right));
    // 4,000 texts of a mebibyte, all but the first of which are stored as nothing: prefixes 0, 2^20, 2^20 …, in blocks of
    // 128, the first difference of which is packed in 21 bits.
    let rows = 4000;
    let (mut prefixes, mut suffixes) = (Vec::new(), Vec::new());
    [128, 4, rows as u64, 0].into_iter().for_each(|number| put_varint(&mut prefixes, number));
    [128, 4, rows as u64, 2 << 20].into_iter().for_each(|number| put_varint(&mut suffixes, number));
    for block in 0..(rows as usize - 1).div_ceil(128) {
        prefixes.push(0);
        put_varint(&mut suffixes, if block == 0 { (2 << 20) - 1 } else { 0 }); // −2^20, or 0
        for (to, first) in [(&mut prefixes, 1u32 << 20), (&mut suffixes, 0)] {
            to.extend(if block == 0 { [21, 21, 21, 21] } else { [0; 4] });
            if block == 0 {
                let mut packed = vec![0u8; 4 * 84];
                packed[..4].copy_from_slice(&first.to_le_bytes());
                if first == 0 {
                    // All later differences undo what the block takes away.
                    (1..128).for_each(|n| set_bits(&mut packed, n * 21, 1 << 20));
                }
                to.extend(packed);
            }
        }
    }
    let body = [prefixes, suffixes, vec![b'a'; 1 << 20]].concat();
    bombs.push(of("texts that repeat one", DELTA, rows, body, Expect::Codes(&["over_limit"])));
    bombs
}

fn set_bits(bytes: &mut [u8], at: usize, value: u64) {
    (0..64).filter(|bit| value >> bit & 1 == 1).for_each(|bit| bytes[(at + bit) / 8] |= 1 << ((at + bit) % 8));
}

fn others() -> Vec<Bomb> {
    let numbers = Column::of(INT64, NONE);
    let nullable = Column { is_required: false, ..numbers.clone() };
    let zeros = |values: i64| Page::data(values, PLAIN, values * 8, vec![0; values as usize * 8]);
    // No levels but a run of nulls, in all rows but as many as a footer could count.
    let nulls = |rows: i64| {
        let mut run = Vec::new();
        put_varint(&mut run, rows as u64 * 2);
        run.push(0);
        let body = [(run.len() as u32).to_le_bytes().to_vec(), run].concat();
        Page::data(rows, PLAIN, body.len() as i64, body)
    };
    let wrong_sum = |page: Page| {
        let Value::Struct(mut fields) = page.header else { return page };
        fields.insert(3, (4, i32(7)));
        Page { header: Value::Struct(fields), ..page }
    };
    let long_header = |page: Page, bytes: usize| {
        let Value::Struct(mut fields) = page.header else { return page };
        fields.push((100, text(&"a".repeat(bytes))));
        Page { header: Value::Struct(fields), ..page }
    };
    let page = zeros(1000);
    vec![
        Bomb::of("as it should be", &numbers, 1000, &[zeros(1000)], Expect::Right),
        Bomb::of("2^31 nulls", &nullable, i32::MAX.into(), &[nulls(i32::MAX.into())], Expect::Codes(&["over_limit"])),
        Bomb::of("a million nulls", &nullable, 1_000_000, &[nulls(1_000_000)], Expect::Right),
        Bomb::of("a checksum", &numbers, 1000, &[wrong_sum(page.clone())], Expect::Codes(&["checksum_mismatch"])),
        Bomb::of("more values than rows", &numbers, 1000, &[zeros(600), zeros(600)], DAMAGED),
        Bomb::of("fewer values than rows", &numbers, 1000, &[zeros(600)], DAMAGED),
        Bomb::of("40,000 pages", &numbers, 40_000, &vec![zeros(1); 40_000], Expect::Right),
        Bomb::of(
            "40,000 pages of nothing",
            &numbers,
            1000,
            &[vec![zeros(0); 40_000], vec![page.clone()]].concat(),
            DAMAGED,
        ),
        Bomb::of("a header of a mebibyte", &numbers, 1000, &[long_header(page.clone(), 1 << 20)], Expect::Right),
        Bomb::of("a header of 17 MiB", &numbers, 1000, &[long_header(page, 17 << 20)], DAMAGED),
    ]
}
