//! One small table, as many writers store it: what is cut, flipped and made to lie.

use std::path::Path;
use std::sync::Arc;

use arrow_array::{
    ArrayRef, BooleanArray, Float32Array, Float64Array, Int32Array, Int64Array, RecordBatch, StringArray,
};
use parquet::arrow::ArrowWriter;
use parquet::basic::{BrotliLevel, Compression, Encoding, GzipLevel, ZstdLevel};
use parquet::file::properties::{EnabledStatistics, WriterProperties, WriterVersion};
use parquet::schema::types::ColumnPath;

const ROWS: i64 = 160;

pub(crate) struct Seed {
    pub(crate) name: String,
    pub(crate) bytes: Vec<u8>,
}

/// All files: those that other programs made (files/make.py), and those of arrow-rs, made here.
pub(crate) fn all() -> Vec<Seed> {
    committed().into_iter().chain(own()).collect()
}

/// The table of files/make.py.
pub(crate) fn table() -> RecordBatch {
    fn gap<T>(every: i64, value: impl Fn(i64) -> T) -> impl Fn(i64) -> Option<T> {
        move |i| (i % every != 0).then(|| value(i))
    }
    let words = ["red", " green", "", "blue "];
    let columns: [(&str, ArrayRef); 7] = [
        ("x", Arc::new((0..ROWS).map(gap(11, |i| (i * 7 % 1013) as f64 / 8.0 + 0.5)).collect::<Float64Array>())),
        ("s", Arc::new((0..ROWS).map(|i| Some((i * 3 % 64) as f32 / 4.0)).collect::<Float32Array>())),
        ("n", Arc::new((0..ROWS).map(gap(13, |i| i * i % 257 - 50)).collect::<Int64Array>())),
        ("k", Arc::new((0..ROWS).map(|i| Some((i * 37 % 100) as i32)).collect::<Int32Array>())),
        ("t", Arc::new((0..ROWS).map(gap(17, |i| format!("item-{:04}", i * 31 % 160))).collect::<StringArray>())),
        ("c", Arc::new((0..ROWS).map(|i| Some(words[(i / 3 % 4) as usize])).collect::<StringArray>())),
        ("f", Arc::new((0..ROWS).map(|i| Some(i % 5 < 2)).collect::<BooleanArray>())),
    ];
    RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(name, array)| (name, array, true)))
        .expect("a table")
}

fn committed() -> Vec<Seed> {
    read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/badinput/files"))
}

/// Files of other tables, with types that the table has not.
pub(crate) fn awkward() -> Vec<Seed> {
    read(&crate::awkward::folder())
}

/// The Parquet files of a folder, by name.
fn read(folder: &Path) -> Vec<Seed> {
    let entries = std::fs::read_dir(folder).expect("the committed files");
    let mut paths: Vec<_> = entries.map(|entry| entry.expect("an entry").path()).collect();
    paths.retain(|path| path.extension().is_some_and(|end| end == "parquet"));
    paths.sort();
    let seed = |path: &std::path::PathBuf| Seed {
        name: path.file_stem().expect("a name").to_string_lossy().into_owned(),
        bytes: std::fs::read(path).expect("a committed file"),
    };
    paths.iter().map(seed).collect()
}

/// Each codec, with encodings of its own, in pages of either version.
fn own() -> Vec<Seed> {
    let codecs = [
        ("none", Compression::UNCOMPRESSED),
        ("snappy", Compression::SNAPPY),
        ("gzip", Compression::GZIP(GzipLevel::default())),
        ("brotli", Compression::BROTLI(BrotliLevel::default())),
        ("lz4", Compression::LZ4),
        ("lz4-raw", Compression::LZ4_RAW),
        ("zstd", Compression::ZSTD(ZstdLevel::default())),
    ];
    let numbers = [Encoding::PLAIN, Encoding::DELTA_BINARY_PACKED, Encoding::BYTE_STREAM_SPLIT];
    let texts = [Encoding::DELTA_BYTE_ARRAY, Encoding::PLAIN, Encoding::DELTA_LENGTH_BYTE_ARRAY];
    let mut seeds = Vec::new();
    for (at, (codec, compression)) in codecs.into_iter().enumerate() {
        for version in [WriterVersion::PARQUET_1_0, WriterVersion::PARQUET_2_0] {
            let way = at + usize::from(version == WriterVersion::PARQUET_2_0);
            let mut properties = WriterProperties::builder()
                .set_compression(compression)
                .set_writer_version(version)
                .set_dictionary_enabled(way.is_multiple_of(3))
                .set_data_page_row_count_limit(60)
                .set_write_batch_size(20)
                .set_max_row_group_row_count(Some(if at % 2 == 0 { 100 } else { 1000 }))
                .set_bloom_filter_enabled(at == 1)
                .set_statistics_enabled(if at == 2 { EnabledStatistics::Page } else { EnabledStatistics::Chunk })
                .set_write_page_header_statistics(at == 2);
            for name in ["n", "k"] {
                properties = properties.set_column_encoding(ColumnPath::from(name), numbers[way % 3]);
            }
            for name in ["x", "s"] {
                let encoding = [Encoding::BYTE_STREAM_SPLIT, Encoding::PLAIN][way % 2];
                properties = properties.set_column_encoding(ColumnPath::from(name), encoding);
            }
            for (shift, name) in ["t", "c"].into_iter().enumerate() {
                properties = properties.set_column_encoding(ColumnPath::from(name), texts[(way + shift) % 3]);
            }
            let name = format!("arrow-{codec}-v{}", version.as_num());
            seeds.push(Seed { name, bytes: written(&table(), properties.build()) });
        }
    }
    seeds
}

pub(crate) fn written(table: &RecordBatch, properties: WriterProperties) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut writer = ArrowWriter::try_new(&mut bytes, table.schema(), Some(properties)).expect("a writer");
    writer.write(table).expect("a table to write");
    writer.close().expect("a file");
    bytes
}

/// Whole numbers that look random, the same on every machine: one step of Knuth's MMIX generator each.
pub(crate) struct Numbers(pub(crate) u64);

impl Numbers {
    pub(crate) fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        ((self.0 >> 33) as usize) % limit
    }
}
