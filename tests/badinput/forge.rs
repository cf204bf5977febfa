//! Files of one column, written page by page and number by number: what no writer would write.

use std::ops::Range;

use crate::thrift::{Value, i32, i64, structs, text};

// parquet.thrift: Type, ConvertedType, CompressionCodec, Encoding, PageType.
pub(crate) const INT64: i64 = 2;
pub(crate) const BYTE_ARRAY: i64 = 6;
pub(crate) const FIXED: i64 = 7;
const UTF8: i64 = 0;
pub(crate) const NONE: i64 = 0;
pub(crate) const SNAPPY: i64 = 1;
pub(crate) const GZIP: i64 = 2;
pub(crate) const BROTLI: i64 = 4;
pub(crate) const LZ4: i64 = 5;
pub(crate) const ZSTD: i64 = 6;
pub(crate) const LZ4_RAW: i64 = 7;
pub(crate) const PLAIN: i64 = 0;
const RLE: i64 = 3;
pub(crate) const DELTA_LENGTH: i64 = 6;
pub(crate) const DELTA: i64 = 7;
pub(crate) const DICTIONARY: i64 = 8;
const DICTIONARY_PAGE: i64 = 2;

#[derive(Clone)]
pub(crate) struct Column {
    pub(crate) physical: i64,
    pub(crate) codec: i64,
    pub(crate) is_required: bool,
    /// Of values of a fixed length.
    pub(crate) length: Option<i64>,
}

impl Column {
    /// Without nulls.
    pub(crate) fn of(physical: i64, codec: i64) -> Self {
        Self { physical, codec, is_required: true, length: None }
    }
}

#[derive(Clone)]
pub(crate) struct Page {
    pub(crate) header: Value,
    pub(crate) body: Vec<u8>,
}

impl Page {
    /// A page of version 1 that says that it unpacks to so many bytes.
    pub(crate) fn data(values: i64, encoding: i64, unpacked: i64, body: Vec<u8>) -> Self {
        let counts = [(1, i32(values)), (2, i32(encoding)), (3, i32(RLE)), (4, i32(RLE))];
        Self::new(0, unpacked, (5, Value::Struct(counts.to_vec())), body)
    }

    pub(crate) fn dictionary(values: i64, unpacked: i64, body: Vec<u8>) -> Self {
        let counts = [(1, i32(values)), (2, i32(PLAIN))];
        Self::new(DICTIONARY_PAGE, unpacked, (7, Value::Struct(counts.to_vec())), body)
    }

    fn new(kind: i64, unpacked: i64, counts: (i16, Value), body: Vec<u8>) -> Self {
        let header = vec![(1, i32(kind)), (2, i32(unpacked)), (3, i32(body.len() as i64)), counts];
        Self { header: Value::Struct(header), body }
    }
}

/// The chunk of a column, and the place of its first data page in it.
fn chunk(pages: &[Page]) -> (Vec<u8>, usize) {
    let mut bytes = Vec::new();
    let mut data = 0;
    for page in pages {
        let mut header = page.header.clone();
        if *header.int(&[1]) == DICTIONARY_PAGE {
            data = header.write().len() + page.body.len();
        }
        bytes.extend(header.write());
        bytes.extend(&page.body);
    }
    (bytes, data)
}

/// A file of one column named `x`, in one row group.
pub(crate) fn file(column: &Column, rows: i64, pages: &[Page]) -> Vec<u8> {
    let (chunk, data) = chunk(pages);
    let mut leaf = vec![(1, i32(column.physical))];
    leaf.extend(column.length.map(|length| (2, i32(length))));
    leaf.extend([(3, i32(i64::from(!column.is_required))), (4, text("x"))]);
    leaf.extend((column.physical == BYTE_ARRAY).then_some((6, i32(UTF8))));
    let encodings = [PLAIN, RLE, DICTIONARY].map(i32).to_vec();
    let (bytes, begin) = (chunk.len() as i64, 4);
    let mut about = vec![
        (1, i32(column.physical)),
        (2, Value::List(crate::thrift::I32, encodings)),
        (3, Value::List(8, vec![text("x")])),
        (4, i32(column.codec)),
        (5, i64(rows)),
        (6, i64(bytes)),
        (7, i64(bytes)),
        (9, i64(begin + data as i64)),
    ];
    about.extend((data > 0).then_some((11, i64(begin))));
    let chunks = structs(vec![Value::Struct(vec![(2, i64(0)), (3, Value::Struct(about))])]);
    let group = Value::Struct(vec![(1, chunks), (2, i64(bytes)), (3, i64(rows))]);
    let footer = metadata(vec![Value::Struct(leaf)], rows, structs(vec![group]));
    with_footer(&[b"PAR1", &chunk[..]].concat(), &footer)
}

/// What a footer says of columns without nesting.
pub(crate) fn metadata(leaves: Vec<Value>, rows: i64, groups: Value) -> Value {
    let root = Value::Struct(vec![(4, text("schema")), (5, i32(leaves.len() as i64))]);
    let schema = structs([root].into_iter().chain(leaves).collect());
    Value::Struct(vec![(1, i32(1)), (2, schema), (3, i64(rows)), (4, groups)])
}

pub(crate) fn with_footer(data: &[u8], footer: &Value) -> Vec<u8> {
    let footer = footer.write();
    [data, &footer, &(footer.len() as u32).to_le_bytes(), b"PAR1"].concat()
}

/// Where the footer stands.
pub(crate) fn footer(bytes: &[u8]) -> Range<usize> {
    let tail = bytes.len() - 8;
    let length = u32::from_le_bytes(bytes[tail..tail + 4].try_into().expect("4 bytes"));
    tail - length as usize..tail
}
