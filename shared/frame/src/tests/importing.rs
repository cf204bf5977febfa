//! Values, types and statistics through a shard's file.

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, Int64Type, UInt8Type};
use arrow_array::*;
use arrow_schema::DataType;
use parquet::file::properties::WriterProperties;

use super::*;
use crate::shard::BATCH_ROWS;
use crate::{Value, import_shard_in_memory, plan};

/// The column as i128, f64 bits or text, whatever type it is stored in.
pub(super) fn values(shards: &[Arc<Shard>], column: &str) -> Vec<Option<String>> {
    let mut values = Vec::new();
    for piece in shards.iter().flat_map(|shard| shard.column(column).unwrap()) {
        for row in 0..piece.len() {
            macro_rules! number {
                ($($array:ty),*) => {
                    $(if let Some(array) = piece.as_any().downcast_ref::<$array>() {
                        values.push(array.is_valid(row).then(|| array.value(row).to_string()));
                        continue;
                    })*
                };
            }
            number!(Int8Array, Int16Array, Int32Array, Int64Array, UInt8Array, UInt16Array, UInt32Array, UInt64Array);
            number!(Float32Array, Float64Array, BooleanArray);
            let text = piece.as_any_dictionary();
            let at = || text.normalized_keys()[row];
            values.push(piece.is_valid(row).then(|| text.values().as_string::<i32>().value(at()).to_owned()));
        }
    }
    values
}

#[test]
fn every_type_comes_back_with_its_nulls() {
    let folder = tempfile::tempdir().unwrap();
    let rows = 3000usize;
    let valid = |i: usize| !i.is_multiple_of(7);
    macro_rules! integers {
        ($array:ty, $native:ty) => {{
            let value = |i: usize| if i % 2 == 0 { <$native>::MIN } else { <$native>::MAX - (i % 5) as $native };
            Arc::new((0..rows).map(|i| valid(i).then(|| value(i))).collect::<$array>()) as ArrayRef
        }};
    }
    let text = |i: usize| valid(i).then(|| format!("t{} ", i % 300));
    let dictionary: DictionaryArray<types::Int32Type> = (0..rows).map(|i| ["a", "b"].get(i % 3).copied()).collect();
    let columns = vec![
        ("bool", Arc::new((0..rows).map(|i| valid(i).then_some(i % 3 == 0)).collect::<BooleanArray>()) as ArrayRef),
        ("int8", integers!(Int8Array, i8)),
        ("int16", integers!(Int16Array, i16)),
        ("int32", integers!(Int32Array, i32)),
        ("int64", integers!(Int64Array, i64)),
        ("uint8", integers!(UInt8Array, u8)),
        ("uint16", integers!(UInt16Array, u16)),
        ("uint32", integers!(UInt32Array, u32)),
        ("uint64", integers!(UInt64Array, u64)),
        ("float32", Arc::new((0..rows).map(|i| valid(i).then_some(i as f32 / 3.0)).collect::<Float32Array>()) as _),
        ("float64", floats((0..rows).map(|i| valid(i).then_some(i as f64 / 3.0)))),
        ("utf8", Arc::new((0..rows).map(text).collect::<StringArray>()) as _),
        ("large", Arc::new((0..rows).map(text).collect::<LargeStringArray>()) as _),
        ("view", Arc::new((0..rows).map(text).collect::<StringViewArray>()) as _),
        ("dictionary", Arc::new(dictionary) as _),
        ("null", floats((0..rows).map(|_| None))),
        ("no text", texts((0..rows).map(|_| None))),
    ];
    let properties = WriterProperties::builder().set_max_row_group_row_count(Some(700)).build();
    let file = write_with(folder.path(), "all", columns.clone(), properties);
    let (plan, frame, shards) = import(&[file], 1024, folder.path());
    assert_eq!(shards.len(), 3);
    for ((name, array), column) in columns.iter().zip(&frame.columns) {
        let expected: Vec<Option<String>> = match array.data_type() {
            DataType::Dictionary(..) => (0..rows).map(|i| ["a", "b"].get(i % 3).map(|&t| t.to_owned())).collect(),
            DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => {
                (0..rows).map(|i| text(i).filter(|_| *name != "no text")).collect()
            }
            _ => {
                let whole = Shard::of_batches_for_test(array.clone(), name);
                values(&[Arc::new(whole)], name)
            }
        };
        assert_eq!(values(&shards, name), expected, "{name}");
        let (memory, _): (Vec<_>, Vec<_>) = (0..3).map(|k| import_shard_in_memory(&plan, k).unwrap()).unzip();
        assert_eq!(values(&memory.into_iter().map(Arc::new).collect::<Vec<_>>(), name), expected, "{name}");
        assert_eq!(column.stats.tally.missing, array.logical_null_count() as u64, "{name}");
    }
    let uint64 = &frame.column("uint64").unwrap().stats.tally;
    assert_eq!((&uint64.min, &uint64.max), (&Some(Value::Int(0)), &Some(Value::Unsigned(u64::MAX))));
    // JSON keeps every bit.
    let json = serde_json::to_string(&frame).unwrap();
    assert_eq!(serde_json::from_str::<Frame>(&json).unwrap(), frame);
    let json = serde_json::to_string(&plan).unwrap();
    assert_eq!(serde_json::from_str::<Plan>(&json).unwrap(), plan);
}

#[test]
fn columns_are_as_narrow_as_their_values() {
    let folder = tempfile::tempdir().unwrap();
    let check = |array: ArrayRef, expected: &str| {
        let file = write(folder.path(), "narrow", vec![("x", array)]);
        let record = import_shard(&plan(look(&[file]).unwrap()), 0, folder.path()).unwrap();
        assert_eq!(record.columns[0].stored_type, expected);
    };
    check(ints([Some(-128), Some(127), None]), "int8");
    check(ints([Some(0), Some(255)]), "uint8");
    check(ints([Some(-1), Some(255)]), "int16");
    check(ints([Some(65_535)]), "uint16");
    check(ints([Some(65_536)]), "int32");
    check(ints([Some(1 << 31)]), "uint32");
    check(ints([Some(-1), Some(1 << 31)]), "int64");
    check(Arc::new(UInt64Array::from(vec![5, u64::MAX])), "uint64");
    check(Arc::new(UInt64Array::from(vec![5, 200])), "uint8");
    check(floats([Some(0.5), Some(f64::NAN), Some(-0.0), Some(f64::INFINITY)]), "float32");
    check(floats([Some(0.1)]), "float64");
    check(floats([Some(1e300)]), "float64");
    check(texts((0..256).map(|i| Some(&"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"[..i % 3]))), "text8");
    let many: Vec<String> = (0..300).map(|i| i.to_string()).collect();
    check(texts(many.iter().map(|text| Some(text.as_str()))), "text16");
}

#[test]
fn a_shard_is_mapped_and_not_copied() {
    let folder = tempfile::tempdir().unwrap();
    let rows = 2 * BATCH_ROWS + 5;
    let columns = vec![
        ("x", floats((0..rows).map(|i| Some(i as f64 + 0.1)))),
        ("n", ints((0..rows).map(|i| Some((i as i64) << 20)))),
        ("t", texts((0..rows).map(|i| (i % 3 > 0).then_some(["a", "b"][i % 2])))),
    ];
    let file = write(folder.path(), "wide", columns);
    let plan = plan(look(&[file]).unwrap());
    let record = import_shard(&plan, 0, folder.path()).unwrap();
    let shard = Shard::open(folder.path(), &record, false).unwrap();
    let map = shard.mapped().unwrap();
    assert_eq!(map.len() as u64, record.bytes);
    let inside = |start: usize, bytes: usize| {
        assert!(map.contains(&start) && start + bytes <= map.end && start.is_multiple_of(64))
    };
    let pieces = shard.column("x").unwrap();
    assert_eq!(pieces.iter().map(|piece| piece.len()).collect::<Vec<_>>(), [BATCH_ROWS, BATCH_ROWS, 5]);
    for piece in pieces {
        let values = piece.as_primitive::<Float64Type>().values();
        inside(values.as_ptr() as usize, values.len() * 8);
    }
    for piece in shard.column("n").unwrap() {
        inside(piece.as_primitive::<Int64Type>().values().as_ptr() as usize, piece.len() * 8);
    }
    for piece in shard.column("t").unwrap() {
        let text = piece.as_dictionary::<UInt8Type>();
        inside(text.keys().values().as_ptr() as usize, piece.len());
        inside(piece.nulls().unwrap().buffer().as_ptr() as usize, piece.len() / 8);
        inside(text.values().as_string::<i32>().values().as_ptr() as usize, 2);
    }
    assert!(shard.column("z").is_none());
}

#[test]
fn statistics_do_not_depend_on_the_cut() {
    let folder = tempfile::tempdir().unwrap();
    let rows = 40_000;
    let mut columns = mixed(rows);
    let odd = |i: usize| match i % 1000 {
        1 => f64::NAN,
        2 => f64::INFINITY,
        3 => f64::NEG_INFINITY,
        _ => 1e6 + (i as f64).sqrt(),
    };
    columns.push(("odd", floats((0..rows).map(|i| Some(odd(i))))));
    let properties = WriterProperties::builder().set_max_row_group_row_count(Some(9_001)).build();
    let whole = write_with(folder.path(), "whole", columns.clone(), properties);
    let (_, expected, _) = import(std::slice::from_ref(&whole), 1 << 20, folder.path());
    for rows in [1024, 5000, 16_384, 39_999] {
        let (_, frame, _) = import(std::slice::from_ref(&whole), rows, folder.path());
        assert_eq!(frame.columns, expected.columns);
    }
    // Files cut at rows that are no block's border.
    let slice = |from: usize, to: usize| columns.iter().map(|(n, a)| (*n, a.slice(from, to - from))).collect();
    let files = [(0, 1), (1, 20_777), (20_777, 20_777), (20_777, rows)]
        .map(|(from, to)| write(folder.path(), &format!("part{from}-{to}"), slice(from, to)));
    let (_, frame, _) = import(&files, 3000, folder.path());
    assert_eq!(frame.columns, expected.columns);

    let odd_stats = &expected.column("odd").unwrap().stats;
    assert_eq!((odd_stats.tally.nan, odd_stats.tally.infinite, odd_stats.tally.missing), (40, 80, 0));
    assert_eq!(odd_stats.tally.levels, None);
    let finite: Vec<f64> = (0..rows).map(odd).filter(|x| x.is_finite()).collect();
    let mean = finite.iter().sum::<f64>() / finite.len() as f64;
    let m2: f64 = finite.iter().map(|x| (x - mean) * (x - mean)).sum();
    assert!((odd_stats.moments.unwrap().mean - mean).abs() < 1e-6);
    let deviation = (m2 / (finite.len() - 1) as f64).sqrt();
    assert!((odd_stats.deviation().unwrap() - deviation).abs() < 1e-6);
    let colours = expected.column("colour").unwrap().stats.tally.levels.clone().unwrap();
    assert_eq!(
        colours.iter().map(|l| l.value.clone()).collect::<Vec<_>>(),
        [" green", "blue ", "green", "red"].map(|t| Value::Text(t.into()))
    );
    assert_eq!(colours.iter().map(|level| level.rows).sum::<u64>(), rows as u64 - (rows as u64).div_ceil(17));
}

#[test]
fn a_shard_is_a_function_of_the_values_alone() {
    let folder = tempfile::tempdir().unwrap();
    let plain = write(folder.path(), "plain", mixed(5000));
    let properties = WriterProperties::builder()
        .set_max_row_group_row_count(Some(1100))
        .set_compression(parquet::basic::Compression::SNAPPY)
        .set_dictionary_enabled(false)
        .build();
    let other = write_with(folder.path(), "other", mixed(5000), properties);
    let (_, a, _) = import(&[plain], 2048, folder.path());
    let (_, b, _) = import(&[other], 2048, folder.path());
    assert_eq!(a, b);
}

#[test]
fn levels_stop_at_their_limits() {
    let folder = tempfile::tempdir().unwrap();
    let levels = |frame: &Frame, name: &str| frame.column(name).unwrap().stats.tally.levels.as_ref().map(Vec::len);
    for (distinct, numbers, words) in
        [(1024, Some(1024), Some(1024)), (1025, None, Some(1025)), (65_536, None, Some(65_536)), (65_537, None, None)]
    {
        let rows = distinct + 1000;
        let names: Vec<String> = (0..rows).map(|i| format!("{}", i % distinct)).collect();
        let columns = vec![
            ("n", ints((0..rows).map(|i| Some((i % distinct) as i64)))),
            ("t", texts(names.iter().map(|name| Some(name.as_str())))),
        ];
        let file = write(folder.path(), "levels", columns);
        let (_, frame, _) = import(std::slice::from_ref(&file), 1024, folder.path());
        assert_eq!((levels(&frame, "n"), levels(&frame, "t")), (numbers, words), "{distinct}");
        let (_, whole, _) = import(&[file], 1 << 20, folder.path());
        assert_eq!(frame.columns, whole.columns);
    }
}
