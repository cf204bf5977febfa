//! What is merely large: texts of 64 MiB, metadata as long, columns, row groups and levels without end.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_array::{ArrayRef, Int64Array, ListArray, RecordBatch, StringArray};
use arrow_schema::{DataType, Field, Schema};
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_writer::ArrowWriterOptions;
use parquet::basic::{Compression, Encoding};
use parquet::file::metadata::KeyValue;
use parquet::file::properties::{EnabledStatistics, WriterProperties, WriterPropertiesBuilder};

use crate::case::{Case, Cases, Expect, Input};
use crate::forge::{Column, INT64, NONE, PLAIN, Page, file, footer, metadata, with_footer};
use crate::seeds::written;
use crate::thrift::{LIST, STRUCT, Value, i32, i64, put_varint, structs, text};

const TEXT_BYTES: usize = 64 << 20;
const OVER: Expect = Expect::Codes(&["over_limit"]);
const IF_THERE_IS_ROOM: Expect = Expect::Codes(&["ok", "no_memory"]);

/// Each file, and what may come of it; its number is in its name.
const EXPECTED: [(&str, Expect); 26] = [
    ("a text of 64 MiB", IF_THERE_IS_ROOM),
    ("… packed", IF_THERE_IS_ROOM),
    ("… in a dictionary, for each of three rows", IF_THERE_IS_ROOM),
    ("… by deltas", IF_THERE_IS_ROOM),
    ("… by lengths", IF_THERE_IS_ROOM),
    ("a text of 16 MiB", Expect::Right),
    ("metadata of 64 MiB", Expect::Right),
    ("an Arrow schema of 64 MiB that is none", Expect::Any),
    ("an Arrow schema of a list with 2^30 elements", Expect::Any),
    ("an Arrow schema of two bytes", Expect::Any),
    ("lists that are null, and of 2^30 elements", Expect::Right),
    ("lists that are null, and of 65,000 elements", Expect::Any),
    ("1,000 levels", OVER),
    ("100 levels", OVER),
    ("90 levels", Expect::Any),
    ("100,000 columns", OVER),
    ("10,000 columns", Expect::Right),
    ("10,000 columns below a name of a mebibyte", Expect::Codes(&["over_limit", "no_memory"])),
    ("a name of 10 MB", Expect::Any),
    ("a million row groups", IF_THERE_IS_ROOM),
    ("50,000 row groups", Expect::Right),
    ("64 Mi row groups of one byte each", Expect::Codes(&["over_limit", "no_memory", "corrupt_footer"])),
    ("64 Mi columns of one byte each", Expect::Codes(&["over_limit", "no_memory", "corrupt_footer"])),
    ("64 Mi levels of one byte each", Expect::Codes(&["over_limit", "no_memory", "corrupt_footer"])),
    ("a column of 2^31 children", Expect::Codes(&["corrupt_footer"])),
    ("three texts of 32 MiB", IF_THERE_IS_ROOM),
];

pub(crate) fn prepare(folder: &Path) {
    let mut files = [texts(), arrow_schemas(), levels(), columns(), row_groups()].concat();
    files.push(texts_of(&["a", "b", "c"].map(|letter| letter.repeat(32 << 20)), plain()));
    assert_eq!(files.len(), EXPECTED.len());
    for (at, bytes) in files.into_iter().enumerate() {
        std::fs::write(path(folder, at), bytes).expect("a file");
    }
}

fn path(folder: &Path, at: usize) -> PathBuf {
    folder.join(format!("{at}.parquet"))
}

struct Immense(PathBuf);

pub(crate) fn cases(folder: &Path) -> Box<dyn Cases> {
    Box::new(Immense(folder.to_owned()))
}

impl Cases for Immense {
    fn count(&self) -> usize {
        EXPECTED.len()
    }

    fn case(&self, at: usize, _: &Path) -> Case {
        let (what, expect) = EXPECTED[at];
        Case { what: what.into(), input: Input::Files(vec![path(&self.0, at)]), expect }
    }
}

fn plain() -> WriterPropertiesBuilder {
    WriterProperties::builder().set_dictionary_enabled(false).set_statistics_enabled(EnabledStatistics::None)
}

fn texts_of(texts: &[String], properties: WriterPropertiesBuilder) -> Vec<u8> {
    let column: ArrayRef = Arc::new(StringArray::from_iter_values(texts));
    written(&RecordBatch::try_from_iter([("x", column)]).expect("a table"), properties.build())
}

fn texts() -> Vec<Vec<u8>> {
    let long = |bytes: usize| vec!["a".repeat(bytes)];
    let dictionary = plain().set_dictionary_enabled(true).set_dictionary_page_size_limit(1 << 30);
    vec![
        texts_of(&long(TEXT_BYTES), plain()),
        texts_of(&long(TEXT_BYTES), plain().set_compression(Compression::SNAPPY)),
        texts_of(&vec!["a".repeat(TEXT_BYTES); 3], dictionary),
        texts_of(&long(TEXT_BYTES), plain().set_encoding(Encoding::DELTA_BYTE_ARRAY)),
        texts_of(&long(TEXT_BYTES), plain().set_encoding(Encoding::DELTA_LENGTH_BYTE_ARRAY)),
        texts_of(&long(TEXT_BYTES / 4), plain()),
    ]
}

fn numbers(key: &str, value: String) -> Vec<u8> {
    let column = || Arc::new(Int64Array::from_iter_values(0..10)) as ArrayRef;
    written_with(RecordBatch::try_from_iter([("x", column()), ("y", column())]).expect("a table"), key, value)
}

/// A file with one entry of metadata, and no other.
fn written_with(table: RecordBatch, key: &str, value: String) -> Vec<u8> {
    let mut bytes = Vec::new();
    let entries = vec![KeyValue::new(key.to_owned(), value)];
    let options = ArrowWriterOptions::new()
        .with_properties(plain().set_key_value_metadata(Some(entries)).build())
        .with_skip_arrow_metadata(true);
    let writer = ArrowWriter::try_new_with_options(&mut bytes, table.schema(), options);
    let mut writer = writer.expect("a writer");
    writer.write(&table).expect("a table to write");
    writer.close().expect("a file");
    bytes
}

fn arrow_schemas() -> Vec<Vec<u8>> {
    let schema = |length| {
        let list = DataType::FixedSizeList(Arc::new(Field::new("element", DataType::Int64, true)), length);
        let fields = [Field::new("x", list, true), Field::new("y", DataType::Int64, true)];
        parquet::arrow::encode_arrow_schema(&Schema::new(fields.to_vec()))
    };
    let key = "ARROW:schema";
    vec![
        numbers("notes", "a".repeat(TEXT_BYTES)),
        numbers(key, "A".repeat(TEXT_BYTES)),
        numbers(key, schema(1 << 30)),
        numbers(key, "AA".into()),
        written_with(lists(), key, schema(1 << 30)),
        written_with(lists(), key, schema(65_000)),
    ]
}

/// Lists, all of which are null: nothing says how long they would be.
fn lists() -> RecordBatch {
    let column: ArrayRef = Arc::new(ListArray::new_null(Arc::new(Field::new("element", DataType::Int64, true)), 1000));
    let number: ArrayRef = Arc::new(Int64Array::from_iter_values(0..1000));
    RecordBatch::try_from_iter([("x", column), ("y", number)]).expect("a table")
}

fn number_leaf(name: &str) -> Value {
    Value::Struct(vec![(1, i32(INT64)), (3, i32(0)), (4, text(name))])
}

fn chunk(path: &[&str], rows: i64, begin: i64, bytes: i64) -> Value {
    let path = path.iter().map(|name| text(name)).collect();
    let about = vec![
        (1, i32(INT64)),
        (2, Value::List(crate::thrift::I32, vec![i32(PLAIN)])),
        (3, Value::List(8, path)),
        (4, i32(NONE)),
        (5, i64(rows)),
        (6, i64(bytes)),
        (7, i64(bytes)),
        (9, i64(begin)),
    ];
    Value::Struct(vec![(2, i64(0)), (3, Value::Struct(about))])
}

/// Two rows of one column, and the footer of the file.
fn small() -> (Vec<u8>, Value) {
    let bytes = file(&Column::of(INT64, NONE), 2, &[Page::data(2, PLAIN, 16, vec![7; 16])]);
    let range = footer(&bytes);
    (bytes[..range.start].to_vec(), Value::read(&bytes[range]).0)
}

/// A column below so many groups.
fn levels() -> Vec<Vec<u8>> {
    let nested = |depth: usize| {
        let group = Value::Struct(vec![(3, i32(0)), (4, text("g")), (5, i32(1))]);
        let root = Value::Struct(vec![(4, text("schema")), (5, i32(1))]);
        let schema = [vec![root], vec![group; depth], vec![number_leaf("x")]].concat();
        let (data, mut value) = small();
        *value.at(&[2]) = structs(schema);
        with_footer(&data, &value)
    };
    vec![nested(1000), nested(100), nested(90)]
}

fn columns() -> Vec<Vec<u8>> {
    let many = |count: usize| {
        let names: Vec<String> = (0..count).map(|at| format!("x{at}")).collect();
        let (data, _) = small();
        let bytes = data.len() as i64 - 4;
        let chunks = names.iter().map(|name| chunk(&[name], 2, 4, bytes)).collect();
        let group = Value::Struct(vec![(1, structs(chunks)), (2, i64(bytes)), (3, i64(2))]);
        let leaves = names.iter().map(|name| number_leaf(name)).collect();
        with_footer(&data, &metadata(leaves, 2, structs(vec![group])))
    };
    let below = || {
        let (data, mut value) = small();
        let root = Value::Struct(vec![(4, text("schema")), (5, i32(1))]);
        let group = Value::Struct(vec![(3, i32(0)), (4, text(&"g".repeat(1 << 20))), (5, i32(10_000))]);
        *value.at(&[2]) = structs([vec![root, group], vec![number_leaf("x"); 10_000]].concat());
        with_footer(&data, &value)
    };
    let long_name = || {
        let (data, mut value) = small();
        *value.at(&[2, 1, 4]) = text(&"n".repeat(10_000_000));
        with_footer(&data, &value)
    };
    vec![many(100_000), many(10_000), below(), long_name()]
}

fn row_groups() -> Vec<Vec<u8>> {
    let many = |count: usize| {
        let (data, mut value) = small();
        let group = value.at(&[4, 0]).write();
        *value.int(&[3]) = 2 * count as i64;
        *value.at(&[4]) = repeated(&group, count);
        with_footer(&data, &value)
    };
    // Structs without fields are a byte each.
    let empty = |path: &[usize]| {
        let (data, mut value) = small();
        *value.at(path) = repeated(&[0], 64 << 20);
        with_footer(&data, &value)
    };
    let children = || {
        let (data, mut value) = small();
        *value.int(&[2, 0, 5]) = i32::MAX.into();
        with_footer(&data, &value)
    };
    vec![many(1_000_000), many(50_000), empty(&[4]), empty(&[4, 0, 1]), empty(&[2]), children()]
}

fn repeated(element: &[u8], count: usize) -> Value {
    let mut bytes = vec![0xf0 | STRUCT];
    put_varint(&mut bytes, count as u64);
    bytes.extend(element.repeat(count));
    Value::Raw(LIST, bytes)
}
