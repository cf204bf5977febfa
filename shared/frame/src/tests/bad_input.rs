//! Files that are not what they should be: a typed error or the right answer, never a panic, and nothing left behind.

use std::fs;

use parquet::basic::Compression;

use arrow_array::Array;

use super::*;
use crate::plan;

/// Everything that reads a file; the records of its shards.
fn read(file: &Path, folder: &Path) -> Result<Vec<ShardRecord>, Error> {
    let plan = plan(look(&[file.to_owned()])?);
    (0..plan.shards.len()).map(|k| import_shard(&plan, k, folder)).collect()
}

fn small(folder: &Path) -> PathBuf {
    let properties =
        WriterProperties::builder().set_max_row_group_row_count(Some(150)).set_compression(Compression::SNAPPY).build();
    write_with(folder, "small", mixed(300), properties)
}

#[test]
fn what_a_footer_can_say_wrongly() {
    let folder = tempfile::tempdir().unwrap();
    let good = fs::read(small(folder.path())).unwrap();
    let path = folder.path().join("bad.parquet");
    let check = |bytes: &[u8], code: &str| {
        fs::write(&path, bytes).unwrap();
        let error = look(std::slice::from_ref(&path)).unwrap_err();
        assert_eq!(error.code(), code, "{error}");
        assert!(error.to_string().contains("bad.parquet"), "{error}");
    };
    check(b"", "not_parquet");
    check(b"a,b\n1,2\n", "not_parquet");
    check(b"PAR1", "truncated");
    check(&good[..good.len() - 1], "truncated");
    check(&[&good[..], b"x"].concat(), "truncated");
    check(&[b"PARE", &good[4..]].concat(), "encrypted");
    let tail = good.len() - 8;
    check(&[&good[..tail], &u32::MAX.to_le_bytes(), b"PAR1"].concat(), "corrupt_footer");
    check(&[&good[..tail], &9u32.to_le_bytes(), b"PAR1"].concat(), "corrupt_footer");
    check(&[b"PAR1", &good[500..]].concat(), "corrupt_footer");
    assert_eq!(look(&[folder.path().join("none.parquet")]).unwrap_err().code(), "no_such_file");
}

#[test]
fn an_immense_footer_is_not_read() {
    use std::os::unix::fs::FileExt;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("immense.parquet");
    let file = File::create(&path).unwrap();
    let (length, footer) = (300u64 << 20, 257u32 << 20);
    file.set_len(length).unwrap(); // a hole: nothing is written
    file.write_all_at(b"PAR1", 0).unwrap();
    file.write_all_at(&footer.to_le_bytes(), length - 8).unwrap();
    file.write_all_at(b"PAR1", length - 4).unwrap();
    let error = look(&[path]).unwrap_err();
    assert_eq!(error.code(), "footer_too_large");
    assert!(error.to_string().contains("immense.parquet has a footer of 269484032 bytes"), "{error}");
}

#[test]
fn a_plan_is_checked_before_it_is_done() {
    let folder = tempfile::tempdir().unwrap();
    let path = write(folder.path(), "data", mixed(5000));
    let good = plan_with_shard_rows(look(&[path]).unwrap(), 2048);
    import_shard(&good, 1, folder.path()).unwrap();
    let refuse = |change: &dyn Fn(&mut Plan)| {
        let mut plan = good.clone();
        change(&mut plan);
        assert_eq!(import_shard(&plan, 1, folder.path()).unwrap_err().code(), "shards_do_not_fit");
    };
    refuse(&|plan| plan.rows = 4999);
    refuse(&|plan| plan.rows = u64::MAX);
    refuse(&|plan| plan.files[0].rows = u64::MAX);
    refuse(&|plan| plan.files.push(crate::SourceFile { rows: u64::MAX, ..plan.files[0].clone() }));
    refuse(&|plan| plan.shards[1] = 2048..3000);
    refuse(&|plan| plan.shards[1] = 2049..4096);
    refuse(&|plan| plan.shards[1] = std::ops::Range { start: 4096, end: 2048 });
    refuse(&|plan| plan.shards[1] = 2048..u64::MAX);
    // So many rows are no shard, though they are said to be there.
    refuse(&|plan| {
        (plan.rows, plan.files[0].rows) = (1 << 40, 1 << 40);
        plan.shards[1] = 0..1 << 40;
    });
    // A file of fewer rows than are planned: what is read is not what was asked for.
    refuse(&|plan| {
        (plan.rows, plan.files[0].rows) = (7000, 7000);
        plan.shards[1] = 4096..7000;
    });
}

#[test]
fn long_texts_are_read_in_short_slices() {
    let folder = tempfile::tempdir().unwrap();
    let slices = |name: &str, long: usize, distinct: usize| {
        let words: Vec<String> = (0..600).map(|i| format!("{:0long$}", i % distinct)).collect();
        let column = texts(words.iter().map(|word| Some(word.as_str())));
        let properties = WriterProperties::builder().set_dictionary_enabled(distinct < 600).build();
        let path = write_with(folder.path(), name, vec![("t", column)], properties);
        let plan = plan(look(&[path]).unwrap());
        let mut slices = Vec::new();
        let sources = crate::source::Sources::open(&crate::Roots::everything(), &plan, &(0..600)).unwrap();
        let take = |slice: crate::source::Slice<'_>| {
            slices.push(slice.rows);
            Ok(())
        };
        sources.read(0, take).unwrap();
        assert_eq!(slices.iter().sum::<usize>(), 600);
        slices.into_iter().max().unwrap()
    };
    assert_eq!(slices("short", 10, 600), 600);
    let long = slices("long", 60_000, 600);
    assert!((2..=70).contains(&long), "{long}");
    // A dictionary hides how long they are, but this writer says it.
    let repeated = slices("repeated", 60_000, 3);
    assert!((2..=70).contains(&repeated), "{repeated}");
}

#[test]
fn every_truncation_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let good = fs::read(small(folder.path())).unwrap();
    let path = folder.path().join("cut.parquet");
    for length in (0..good.len()).step_by(7) {
        fs::write(&path, &good[..length]).unwrap();
        let error = look(std::slice::from_ref(&path)).unwrap_err();
        assert!(["not_parquet", "truncated", "corrupt_footer"].contains(&error.code()), "{length}: {error}");
        // Cut out of the middle: the footer is whole.
        fs::write(&path, [&good[..length.min(good.len() / 2)], &good[good.len() / 2 + 1..]].concat()).unwrap();
        read(&path, folder.path()).unwrap_err();
    }
}

#[test]
fn a_flipped_byte_is_an_error_or_harmless_and_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let shards = folder.path().join("shards");
    fs::create_dir(&shards).unwrap();
    let good = fs::read(small(folder.path())).unwrap();
    let path = folder.path().join("flip.parquet");
    let mut errors = 0;
    for at in (0..good.len()).step_by(3) {
        let mut bad = good.clone();
        bad[at] ^= [0xff, 0x01, 0x80][at % 3];
        fs::write(&path, &bad).unwrap();
        if let Err(error) = read(&path, &shards) {
            assert!(error.to_string().contains("flip.parquet"), "{error}");
            errors += 1;
        }
        for left in fs::read_dir(&shards).unwrap() {
            let left = left.unwrap().path();
            assert_eq!(left.extension().unwrap(), "arrow");
            fs::remove_file(left).unwrap();
        }
    }
    assert!(errors > good.len() / 30, "{errors}");
}

#[test]
fn damaged_pages_name_their_place() {
    let folder = tempfile::tempdir().unwrap();
    let path = small(folder.path());
    let mut bytes = fs::read(&path).unwrap();
    let metadata =
        parquet::file::metadata::ParquetMetaDataReader::new().parse_and_finish(&File::open(&path).unwrap()).unwrap();
    let (start, length) = metadata.row_group(1).column(2).byte_range();
    bytes[start as usize..(start + length) as usize].fill(0xee);
    fs::write(&path, bytes).unwrap();
    let error = read(&path, folder.path()).unwrap_err();
    assert_eq!(error.code(), "corrupt_data");
    assert!(error.to_string().ends_with("small.parquet, row group 1, column \"colour\""), "{error}");
}

#[test]
fn stored_checksums_are_verified() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("crc.parquet");
    let mut bytes = file_with_checksums();
    fs::write(&path, &bytes).unwrap();
    read(&path, folder.path()).unwrap();
    let value = 5i64.to_le_bytes();
    let at = bytes.windows(8).position(|window| window == value).unwrap();
    bytes[at] = 6;
    fs::write(&path, &bytes).unwrap();
    let error = read(&path, folder.path()).unwrap_err();
    assert_eq!(error.code(), "checksum_mismatch", "{error}");
    assert!(error.to_string().ends_with("crc.parquet, row group 0, column \"x\""), "{error}");
}

#[test]
fn schemas_that_are_not_taken_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let refuse = |columns: Vec<(&str, ArrayRef)>, code: &str, says: &str| {
        let file = write(folder.path(), "schema", columns);
        let error = look(&[file]).unwrap_err();
        assert_eq!(error.code(), code);
        assert!(error.to_string().contains(says), "{error}");
    };
    let x = || floats([Some(1.0), Some(2.0)]);
    let interval = Arc::new(arrow_array::IntervalYearMonthArray::from(vec![1, 2])) as ArrayRef;
    let boxed =
        Arc::new(arrow_array::StructArray::from(arrow_array::RecordBatch::try_from_iter([("a", x())]).unwrap()));
    let columns = vec![("span", interval), ("box", boxed as ArrayRef)];
    refuse(
        columns,
        "nothing_usable",
        "schema.parquet has no column that can be used: \"span\" (interval), \"box\" (struct)",
    );
    refuse(vec![("x", x()), ("x", x())], "duplicate_column", "\"x\"");
    refuse(vec![("x", x().slice(0, 0))], "no_rows", "schema.parquet");

    let path = folder.path().join("nothing.parquet");
    let schema = Arc::new(arrow_schema::Schema::empty());
    ArrowWriter::try_new(File::create(&path).unwrap(), schema, None).unwrap().close().unwrap();
    assert_eq!(look(&[path]).unwrap_err().code(), "no_columns");

    let first = write(folder.path(), "first", vec![("x", x()), ("y", x())]);
    let disagree = |columns: Vec<(&str, ArrayRef)>, code: &str, says: &str| {
        let second = write(folder.path(), "second", columns);
        let error = look(&[first.clone(), second]).unwrap_err();
        assert_eq!(error.code(), code, "{error}");
        assert!(error.to_string().contains(says), "{error}");
    };
    disagree(vec![("x", x())], "missing_columns", "columns are not in all files: \"y\" is not in ");
    disagree(vec![("z", x()), ("y", x()), ("x", x())], "missing_columns", "\"z\" is not in ");
    let word = || texts([Some("1"), None]);
    disagree(
        vec![("y", word()), ("x", x())],
        "schema_mismatch",
        "column \"y\" is float64 in the one and text in the other",
    );
    disagree(
        vec![("x", x()), ("y", fixed_list(2, 1))],
        "schema_mismatch",
        "\"y\" is float64 in the one and list of 1 int64",
    );
}

#[test]
fn a_source_that_changed_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let path = write(folder.path(), "data", mixed(300));
    let plan = plan(look(std::slice::from_ref(&path)).unwrap());
    write(folder.path(), "data", mixed(301));
    assert_eq!(import_shard(&plan, 0, folder.path()).unwrap_err().code(), "source_changed");
    fs::remove_file(&path).unwrap();
    assert_eq!(import_shard(&plan, 0, folder.path()).unwrap_err().code(), "no_such_file");
    assert_eq!(import_shard(&plan, 7, folder.path()).unwrap_err().code(), "shards_do_not_fit");
}

#[test]
fn a_shard_that_is_damaged_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let path = write(folder.path(), "data", mixed(3000));
    let (_, frame, _) = import(&[path], 4096, folder.path());
    let record = &frame.shards[0];
    let file = folder.path().join(record.file_name());
    let good = fs::read(&file).unwrap();
    for at in (0..good.len()).step_by(101) {
        let mut bad = good.clone();
        bad[at] ^= 0x10;
        fs::remove_file(&file).unwrap();
        fs::write(&file, bad).unwrap();
        assert_eq!(Shard::open(folder.path(), record, true).unwrap_err().code(), "shard_damaged");
        // Unverified it may be wrong, but it must not panic.
        if let Err(error) = Shard::open(folder.path(), record, false) {
            assert_eq!(error.code(), "shard_damaged");
        }
    }
    for length in [0, 5, 17, good.len() / 2, good.len() - 1] {
        fs::remove_file(&file).unwrap();
        fs::write(&file, &good[..length]).unwrap();
        assert_eq!(Shard::open(folder.path(), record, false).unwrap_err().code(), "shard_damaged");
        let shorter = ShardRecord { bytes: length as u64, ..record.clone() };
        assert_eq!(Shard::open(folder.path(), &shorter, false).unwrap_err().code(), "shard_damaged");
    }
    fs::write(&file, &good).unwrap();
    Shard::open(folder.path(), record, true).unwrap();
    // A record of other types, or whose hash would lead elsewhere.
    for (column, stored_type) in [(0, "float32"), (1, "int64"), (2, "text16"), (3, "int8"), (3, "nothing")] {
        let mut other = record.clone();
        other.columns[column].stored_type = stored_type.into();
        let error = Shard::open(folder.path(), &other, true).unwrap_err();
        assert_eq!(error.code(), "shard_damaged", "{error}");
    }
    for hash in
        ["", "../../etc/passwd", &record.hash[1..], &record.hash.to_uppercase(), &format!("/{}", &record.hash[1..])]
    {
        let other = ShardRecord { hash: hash.into(), ..record.clone() };
        assert_eq!(Shard::open(folder.path(), &other, false).unwrap_err().code(), "shards_do_not_fit");
    }
    fs::remove_file(&file).unwrap();
    assert_eq!(Shard::open(folder.path(), record, true).unwrap_err().code(), "no_such_file");
}

#[test]
fn shards_that_do_not_make_the_frame_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = write(folder.path(), "data", mixed(5000));
    let plan = plan_with_shard_rows(look(&[path]).unwrap(), 1024);
    let records: Vec<ShardRecord> = (0..5).map(|k| import_shard(&plan, k, folder.path()).unwrap()).collect();
    let mut reversed = records.clone();
    reversed.reverse();
    assert_eq!(Frame::merge(&plan, reversed).unwrap(), Frame::merge(&plan, records.clone()).unwrap());
    let refuse = |change: &dyn Fn(&mut Vec<ShardRecord>)| {
        let mut changed = records.clone();
        change(&mut changed);
        assert_eq!(Frame::merge(&plan, changed).unwrap_err().code(), "shards_do_not_fit");
    };
    refuse(&|records| drop(records.pop()));
    refuse(&|records| records[1] = records[0].clone());
    refuse(&|records| records[2].columns.swap(0, 1));
    refuse(&|records| records[2].columns[0].stats = None);
    refuse(&|records| records[2].columns[0].stats.as_mut().unwrap().moments[0].first_block = 9);
    refuse(&|records| records[2].columns[0].stats.as_mut().unwrap().moments[0].blocks = u64::MAX);
    refuse(&|records| records[2].columns[0].stats.as_mut().unwrap().moments.clear());
    refuse(&|records| records[2].hash = "../x".into());
}

#[test]
fn statistics_that_contradict_themselves_are_refused() {
    use crate::{ColumnStats, Value};
    let folder = tempfile::tempdir().unwrap();
    let path = write(folder.path(), "data", mixed(5000));
    let plan = plan_with_shard_rows(look(&[path]).unwrap(), 2048);
    let records: Vec<ShardRecord> = (0..3).map(|k| import_shard(&plan, k, folder.path()).unwrap()).collect();
    Frame::merge(&plan, records.clone()).unwrap();
    let refuse = |column: usize, change: &dyn Fn(&mut ColumnStats)| {
        let mut changed = records.clone();
        change(changed[1].columns[column].stats.as_mut().unwrap());
        let error = Frame::merge(&plan, changed).unwrap_err();
        assert_eq!(error.code(), "shards_do_not_fit");
        assert!(error.to_string().contains(&format!("{:?}", plan.columns[column].name)), "{error}");
    };
    let (x, n, colour, flag) = (0, 1, 2, 3);
    for column in [x, n, colour, flag] {
        refuse(column, &|stats| stats.tally.missing += 1);
        refuse(column, &|stats| stats.tally.missing = u64::MAX);
        refuse(column, &|stats| stats.tally.infinite += 1);
    }
    refuse(n, &|stats| stats.tally.levels.as_mut().unwrap().reverse());
    refuse(n, &|stats| stats.tally.levels.as_mut().unwrap()[3].rows += 1);
    refuse(n, &|stats| stats.tally.levels.as_mut().unwrap()[3].rows = u64::MAX);
    refuse(n, &|stats| stats.tally.levels.as_mut().unwrap()[3].value = Value::Float(0.5));
    refuse(n, &|stats| stats.tally.levels.as_mut().unwrap()[0].rows = 0);
    refuse(n, &|stats| drop(stats.tally.levels.as_mut().unwrap().pop()));
    refuse(n, &|stats| stats.tally.max = Some(Value::Int(1 << 40)));
    refuse(n, &|stats| stats.tally.min = None);
    refuse(n, &|stats| stats.tally.min = Some(Value::Unsigned(3)));
    refuse(x, &|stats| stats.tally.max = Some(Value::Float(f64::INFINITY)));
    refuse(x, &|stats| stats.moments[0].moments = None);
    refuse(x, &|stats| stats.moments[0].moments.as_mut().unwrap().m2 = -1.0);
    refuse(x, &|stats| stats.moments[0].moments.as_mut().unwrap().mean = f64::INFINITY);
    refuse(x, &|stats| stats.moments[0].moments.as_mut().unwrap().count -= 1);
    refuse(colour, &|stats| stats.tally.levels.as_mut().unwrap()[0].value = Value::Int(1));
    refuse(colour, &|stats| stats.tally.levels.as_mut().unwrap()[1].value = Value::Text("zebra".into()));
    refuse(colour, &|stats| stats.tally.min = Some(Value::Text("a".into())));
    refuse(flag, &|stats| stats.tally.levels.as_mut().unwrap()[0].value = Value::Int(0));
}

#[test]
fn a_frame_of_a_later_format_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = write(folder.path(), "data", mixed(100));
    let (_, frame, _) = import(&[path], 1024, folder.path());
    let json = serde_json::to_string(&frame).unwrap();
    assert_eq!(serde_json::from_str::<Frame>(&json).unwrap(), frame);
    for version in [0, 1, 3] {
        let other = json.replacen("\"version\":2", &format!("\"version\":{version}"), 1);
        let error = serde_json::from_str::<Frame>(&other).unwrap_err().to_string();
        assert!(error.contains(&format!("the frame is of format {version}")) && error.contains("update"), "{error}");
    }
}

#[test]
fn a_folder_that_is_not_there_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let path = write(folder.path(), "data", mixed(100));
    let error = read(&path, &folder.path().join("nowhere")).unwrap_err();
    assert_eq!(error.code(), "no_such_file");
    assert!(error.to_string().contains("nowhere"), "{error}");
    let code = |kind: std::io::ErrorKind| Error::Io { doing: "write", path: "x".into(), source: kind.into() }.code();
    assert_eq!(code(std::io::ErrorKind::StorageFull), "disk_full");
    assert_eq!(code(std::io::ErrorKind::ReadOnlyFilesystem), "read_only");
}

/// pyarrow 26.0.1: `write_table({"x": int64 0..8}, compression="none", use_dictionary=False, write_page_checksum=True,
/// store_schema=False, write_statistics=False)`.
fn file_with_checksums() -> Vec<u8> {
    let hex = "\
        504152311500158c01158c0115bac7bcb5011c15101500150615061c00000002000000100100000000000000000100000000\
        0000000200000000000000030000000000000004000000000000000500000000000000060000000000000007000000000000\
        001504192c35001806736368656d6115020015042502180178001610191c191c26001c150419250600191801781500161016\
        c20116c2012608491c150015001502003c29061926001000000016c2011610260816c201002820706172717565742d637070\
        2d6172726f772076657273696f6e2032362e302e31191c1c0000007e00000050415231";
    (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect()
}
