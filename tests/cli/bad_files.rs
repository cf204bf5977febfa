//! Files that are not what they should be.

use std::path::{Path, PathBuf};

use aquifer_harness::{Aquifer, data};
use arrow_array::{Array, ArrayRef, ListArray, StructArray};
use arrow_schema::{DataType, Field};

use crate::bed::{bed, files, refused, train};
use crate::tables::{floats, footer, ints, regression, write, write_to};

/// `train` and `frame import` refuse in the same words, with exit code 3.
#[track_caller]
fn check(aquifer: &Aquifer, argument: &Path, code: &str, texts: &[&str]) {
    check_target(aquifer, argument, "y", code, texts);
}

#[track_caller]
fn check_target(aquifer: &Aquifer, argument: &Path, target: &str, code: &str, texts: &[&str]) {
    let out = aquifer.file("out.safetensors");
    let out = out.to_str().unwrap();
    let first = refused(aquifer, train(argument, target, &["--out", out]), 3, code, texts);
    let import = ["frame".as_ref(), "import".as_ref(), "f".as_ref(), argument.as_os_str()];
    let second = refused(aquifer, import, 3, code, texts);
    assert_eq!(first.text, second.text);
    assert!(files(&aquifer.dir().join("frames")).is_empty() && files(&aquifer.dir().join("shards")).is_empty());
}

fn put(aquifer: &Aquifer, name: &str, bytes: &[u8]) -> PathBuf {
    let path = aquifer.file(name);
    std::fs::write(&path, bytes).unwrap();
    path
}

#[test]
fn what_is_not_there() {
    let aquifer = bed();
    check(&aquifer, &aquifer.file("none.parquet"), "no_such_file", &["none.parquet"]);
    let empty = aquifer.file("empty");
    std::fs::create_dir(&empty).unwrap();
    std::fs::write(empty.join("notes.txt"), "").unwrap();
    check(&aquifer, &empty, "empty_folder", &["empty holds no Parquet file", ".parquet"]);
    check(&aquifer, &aquifer.file("*.parquet"), "no_match", &["*.parquet"]);
    check(
        &aquifer,
        Path::new("s3://bucket/data.parquet"),
        "unsupported_scheme",
        &["only local files", "copy the data"],
    );
}

#[test]
fn what_is_not_parquet() {
    let aquifer = bed();
    let good = std::fs::read(write(&aquifer, "good", regression(2000))).unwrap();
    let tail = good.len() - 8;
    check(&aquifer, &put(&aquifer, "a.parquet", b"x,y\n1,2\n"), "not_parquet", &["a.parquet", "PAR1", "CSV"]);
    check(&aquifer, &put(&aquifer, "b.parquet", b""), "not_parquet", &["b.parquet"]);
    check(&aquifer, &put(&aquifer, "c.parquet", &good[..good.len() / 2]), "truncated", &["c.parquet", "copy it again"]);
    let wrong_length = [&good[..tail], &u32::MAX.to_le_bytes(), b"PAR1"].concat();
    check(&aquifer, &put(&aquifer, "d.parquet", &wrong_length), "corrupt_footer", &["d.parquet", "damaged"]);
    let mut scrambled = good.clone();
    scrambled[tail - 200..tail - 100].fill(0xff);
    check(&aquifer, &put(&aquifer, "e.parquet", &scrambled), "corrupt_footer", &["e.parquet", "damaged"]);
    let encrypted = [b"PARE", &good[4..]].concat();
    check(&aquifer, &put(&aquifer, "f.parquet", &encrypted), "encrypted", &["f.parquet is encrypted", "decrypt"]);
}

#[test]
fn what_has_nothing_in_it() {
    let aquifer = bed();
    let empty = regression(0);
    check(&aquifer, &write(&aquifer, "rows", empty), "no_rows", &["there are no rows in", "rows.parquet"]);
    check(&aquifer, &write(&aquifer, "columns", Vec::new()), "no_columns", &["columns.parquet has no columns"]);
}

#[test]
fn columns_that_are_not_taken() {
    let aquifer = bed();
    let values = ints(0..4);
    let item = std::sync::Arc::new(Field::new("item", DataType::Int64, true));
    let offsets = arrow_buffer::OffsetBuffer::from_lengths([2, 2]);
    let list: ArrayRef = std::sync::Arc::new(ListArray::new(item.clone(), offsets, values.clone(), None));
    let inner: ArrayRef = values.slice(0, 2);
    let nested: ArrayRef = std::sync::Arc::new(StructArray::from(vec![(item, inner)]));
    let y = || floats([Some(1.0), Some(2.0)]);
    let path = write(&aquifer, "twice", vec![("x", y()), ("x", y()), ("y", y())]);
    check(&aquifer, &path, "duplicate_column", &["twice.parquet has two columns named \"x\""]);
    let path = write(&aquifer, "nested", vec![("tags", list), ("place", nested), ("y", y())]);
    refused(&aquifer, train(&path, "y", &["--set", "epochs=1"]), 3, "no_features", &[]);
    let features = ["--set", "features=[\"tags\"]"];
    refused(&aquifer, train(&path, "y", &features), 3, "unsupported_column", &["the feature \"tags\"", "list"]);
    refused(&aquifer, train(&path, "place", &[]), 3, "unsupported_column", &["the target \"place\"", "struct"]);
}

#[test]
fn files_that_disagree() {
    let aquifer = bed();
    let folder = aquifer.file("many");
    std::fs::create_dir(&folder).unwrap();
    write_to(&folder.join("a.parquet"), regression(100));
    let mut other = regression(100);
    other[1].1 = ints(0..100);
    write_to(&folder.join("b.parquet"), other);
    let texts = ["many/a.parquet", "many/b.parquet", "\"colour\" is text in the one and int64 in the other"];
    check(&aquifer, &folder, "schema_mismatch", &texts);
}

/// The committed files store a checksum with every page.
#[test]
fn a_flipped_bit_in_a_page() {
    let aquifer = bed();
    let source = data("adult/train.parquet");
    let mut bytes = std::fs::read(&source).unwrap();
    let (start, length) = footer(&source).row_group(0).column(4).byte_range();
    bytes[(start + length - 10) as usize] ^= 1;
    let path = put(&aquifer, "flipped.parquet", &bytes);
    let said = ["flipped.parquet, row group 0, column \"education-num\"", "damaged"];
    check_target(&aquifer, &path, "income", "checksum_mismatch", &said);
}

/// One file of several is damaged: no shard stays, neither of those made before nor of those made meanwhile.
#[test]
fn a_damaged_file_among_good_ones() {
    let aquifer = bed();
    let rows = 600_000;
    let constant = floats((0..rows).map(|_| Some(1.5)));
    let names = ["a", "b", "c", "d", "e", "f", "g"];
    let mut columns: Vec<(&str, ArrayRef)> = names.iter().map(|name| (*name, constant.clone())).collect();
    columns.push(("y", floats((0..rows).map(|i| Some((i % 7) as f64)))));
    let good = write(&aquifer, "good", columns);
    let mut bytes = std::fs::read(&good).unwrap();
    let footer = footer(&good);
    let (start, length) = footer.row_group(0).column(7).byte_range();
    bytes[start as usize..(start + length) as usize].fill(0xee);
    let bad = put(&aquifer, "bad.parquet", &bytes);
    for damaged in [0, 1, 3] {
        let folder = aquifer.file(&format!("damaged-{damaged}"));
        std::fs::create_dir(&folder).unwrap();
        for at in 0..4 {
            std::fs::copy(if at == damaged { &bad } else { &good }, folder.join(format!("{at}.parquet"))).unwrap();
        }
        let name = format!("{damaged}.parquet");
        check(&aquifer, &folder, "corrupt_data", &[&name, "row group 0", "column \"y\""]);
    }
}
