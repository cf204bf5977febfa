//! Every type that a file can have, and what becomes of two types of one column.

use arrow_array::builder::{FixedSizeListBuilder, Int32Builder};
use arrow_array::types::*;
use arrow_array::*;
use arrow_buffer::i256;
use arrow_schema::{DataType, Field, Schema, TimeUnit};
use parquet::arrow::arrow_writer::ArrowWriterOptions;
use parquet::basic::{ConvertedType, LogicalType, Repetition, Type as PhysicalType};
use parquet::data_type::{ByteArray, ByteArrayType, DataType as ParquetType, FixedLenByteArrayType, Int96, Int96Type};
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::types::Type;

use super::importing::values;
use super::*;
use crate::{ColumnKind, LeftOut, Origin, plan};

/// Type, kind and values of the only column.
fn imported(files: &[PathBuf], folder: &Path) -> Result<(String, ColumnKind, Vec<Option<String>>), Error> {
    let plan = plan(look(files)?);
    assert_eq!(plan.columns.len(), 1);
    let record = import_shard(&plan, 0, folder)?;
    let column = plan.columns[0].clone();
    let shard = Shard::open(folder, &record, true)?;
    Ok((column.source_type, column.kind, values(&[Arc::new(shard)], "x")))
}

#[track_caller]
fn check(array: ArrayRef, source_type: &str, kind: ColumnKind, expected: &[&str]) {
    let folder = tempfile::tempdir().unwrap();
    let file = write(folder.path(), "one", vec![("x", array)]);
    let found = imported(&[file], folder.path()).unwrap();
    let expected = expected.iter().map(|&text| (text != "-").then(|| text.to_owned())).collect();
    assert_eq!(found, (source_type.to_owned(), kind, expected));
}

#[test]
fn times_are_whole_numbers_of_their_unit() {
    use ColumnKind::{Int, Time};
    let ends = [Some(i64::MIN), None, Some(-1), Some(i64::MAX)];
    let (least, most) = ("-9223372036854775808", "9223372036854775807");
    let all = [least, "-", "-1", most];
    let short = [Some(i32::MIN), None, Some(-1), Some(i32::MAX)];
    let short_all = ["-2147483648", "-", "-1", "2147483647"];
    let date = Arc::new(Date32Array::from(short.to_vec()));
    check(date, "date", Time, &short_all);
    check(Arc::new(Date64Array::from(vec![Some(-1), None])), "timestamp[ms]", Time, &["-1", "-"]);
    let day = [Some(86_399), None];
    check(Arc::new(Time32SecondArray::from(day.to_vec())), "time[s]", Time, &["86399", "-"]);
    check(Arc::new(Time32MillisecondArray::from(day.to_vec())), "time[ms]", Time, &["86399", "-"]);
    let day = [Some(86_399_999_999), None];
    check(Arc::new(Time64MicrosecondArray::from(day.to_vec())), "time[us]", Time, &["86399999999", "-"]);
    check(Arc::new(Time64NanosecondArray::from(day.to_vec())), "time[ns]", Time, &["86399999999", "-"]);
    check(Arc::new(TimestampSecondArray::from(ends.to_vec())), "timestamp[s]", Time, &all);
    check(Arc::new(TimestampMillisecondArray::from(ends.to_vec())), "timestamp[ms]", Time, &all);
    check(Arc::new(TimestampMicrosecondArray::from(ends.to_vec())), "timestamp[us]", Time, &all);
    check(Arc::new(TimestampNanosecondArray::from(ends.to_vec())), "timestamp[ns]", Time, &all);
    let there = TimestampNanosecondArray::from(ends.to_vec()).with_timezone("Europe/London");
    check(Arc::new(there), "timestamp[ns, Europe/London]", Time, &all);
    let there = TimestampSecondArray::from(ends.to_vec()).with_timezone("+01:00");
    check(Arc::new(there), "timestamp[s, +01:00]", Time, &all);
    check(Arc::new(DurationSecondArray::from(ends.to_vec())), "duration[s]", Int, &all);
    check(Arc::new(DurationMillisecondArray::from(ends.to_vec())), "duration[ms]", Int, &all);
    check(Arc::new(DurationMicrosecondArray::from(ends.to_vec())), "duration[us]", Int, &all);
    check(Arc::new(DurationNanosecondArray::from(ends.to_vec())), "duration[ns]", Int, &all);
}

#[test]
fn decimals_are_integers_or_their_nearest_floats() {
    use ColumnKind::{Float, Int};
    let decimal32 =
        |scale| Decimal32Array::from(vec![Some(-12345), None, Some(999_999_999)]).with_precision_and_scale(9, scale);
    check(Arc::new(decimal32(0).unwrap()), "decimal(9, 0)", Int, &["-12345", "-", "999999999"]);
    check(Arc::new(decimal32(2).unwrap()), "decimal(9, 2)", Float, &["-123.45", "-", "9999999.99"]);
    let decimal64 = Decimal64Array::from(vec![Some(-999_999_999_999_999_999), None]).with_precision_and_scale(18, 0);
    check(Arc::new(decimal64.unwrap()), "decimal(18, 0)", Int, &["-999999999999999999", "-"]);
    let decimal128 = Decimal128Array::from(vec![Some(i128::from(u64::MAX)), None]).with_precision_and_scale(38, 10);
    check(Arc::new(decimal128.unwrap()), "decimal(38, 10)", Float, &["1844674407.3709552", "-"]);
    let wide = i256::from_string(&("1".to_owned() + &"0".repeat(74))).unwrap();
    let decimal256 =
        Decimal256Array::from(vec![Some(wide), None, Some(i256::from_i128(-5))]).with_precision_and_scale(76, 75);
    check(
        Arc::new(decimal256.unwrap()),
        "decimal(76, 75)",
        Float,
        &["0.1", "-", "-0.000000000000000000000000000000000000000000000000000000000000000000000000005"],
    );

    // What does not come back from its float is counted: 17 digits, of which one more is lost.
    let folder = tempfile::tempdir().unwrap();
    let values = [Some(12_345_678_901_234_567), Some(123), None, Some(12_345_678_901_234_568)];
    let array = Decimal128Array::from(values.to_vec()).with_precision_and_scale(20, 1).unwrap();
    let file = write(folder.path(), "one", vec![("x", Arc::new(array) as _)]);
    let (_, frame, _) = import(&[file], 1024, folder.path());
    let back = |x: i128| {
        (x as f64 / 10.0 * 10.0) as i128 != x || format!("{:.1}", x as f64 / 10.0).replace('.', "") != x.to_string()
    };
    let expected = values.iter().flatten().filter(|&&x| back(x)).count() as u64;
    assert_eq!(frame.column("x").unwrap().stats.tally.rounded, expected);
    assert!(expected > 0);
}

#[test]
fn small_floats_bytes_and_nothing() {
    use ColumnKind::{Bool, Float, Int, Text};
    let half = |x: f32| <Float16Type as ArrowPrimitiveType>::Native::from_f32(x);
    let array = Float16Array::from(vec![Some(half(0.5)), None, Some(half(65504.0)), Some(half(f32::NAN))]);
    check(Arc::new(array), "float16", Float, &["0.5", "-", "65504", "NaN"]);
    check(Arc::new(NullArray::new(2)), "null", Float, &["-", "-"]);
    check(Arc::new(BooleanArray::from(vec![None, Some(true)])), "bool", Bool, &["-", "true"]);
    let words = [Some("é\u{1F600}"), None, Some("")];
    let bytes = || words.iter().map(|word| word.map(str::as_bytes));
    let expected = ["é\u{1F600}", "-", ""];
    check(Arc::new(bytes().collect::<BinaryArray>()), "text", Text, &expected);
    check(Arc::new(bytes().collect::<LargeBinaryArray>()), "text", Text, &expected);
    check(Arc::new(bytes().collect::<BinaryViewArray>()), "text", Text, &expected);
    let fixed = FixedSizeBinaryArray::try_from_sparse_iter_with_size([Some(b"ab"), None].into_iter(), 2).unwrap();
    check(Arc::new(fixed), "text", Text, &["ab", "-"]);
    let numbers: DictionaryArray<Int8Type> =
        DictionaryArray::new(Int8Array::from(vec![Some(1), None, Some(0)]), Arc::new(Int32Array::from(vec![7, -9])));
    check(Arc::new(numbers), "int32", Int, &["-9", "-", "7"]);
}

#[test]
fn bytes_that_are_no_text_are_refused_with_their_place() {
    let folder = tempfile::tempdir().unwrap();
    let bytes: Vec<Option<&[u8]>> = vec![Some(b"good"), None, Some(b"\xff\xfe")];
    let file = write(
        folder.path(),
        "one",
        vec![("x", Arc::new(bytes.into_iter().collect::<BinaryArray>()) as _), ("y", ints([Some(1), None, None]))],
    );
    let error = import_shard(&plan(look(std::slice::from_ref(&file)).unwrap()), 0, folder.path()).unwrap_err();
    assert_eq!(error.code(), "not_text");
    assert!(error.to_string().contains("one.parquet, row group 0, column \"x\""), "{error}");
    assert!(error.hint().unwrap().contains("--ignore"));
    let options = SourceOptions { ignored: vec!["x".into()], ..SourceOptions::default() };
    let survey = crate::survey(&[file.into()], &options).unwrap();
    assert_eq!(survey.columns.len(), 1);
    import_shard(&plan(survey), 0, folder.path()).unwrap();
}

/// A file of one optional column `x`, as it is stored.
fn stored<T: ParquetType>(
    folder: &Path,
    physical: PhysicalType,
    meaning: Option<LogicalType>,
    values: &[T::T],
) -> PathBuf {
    let column = Type::primitive_type_builder("x", physical).with_repetition(Repetition::OPTIONAL);
    let column = column.with_length(16).with_logical_type(meaning).build().unwrap();
    let schema = Type::group_type_builder("schema").with_fields(vec![Arc::new(column)]).build().unwrap();
    let path = folder.join("stored.parquet");
    let mut file =
        SerializedFileWriter::new(File::create(&path).unwrap(), Arc::new(schema), Default::default()).unwrap();
    let mut group = file.next_row_group().unwrap();
    let mut column = group.next_column().unwrap().unwrap();
    // The last row is null.
    let levels: Vec<i16> = values.iter().map(|_| 1).chain([0]).collect();
    column.typed::<T>().write_batch(values, Some(&levels), None).unwrap();
    column.close().unwrap();
    group.close().unwrap();
    file.close().unwrap();
    path
}

/// Midnight of a day since 1970, and nanoseconds after it.
fn int96(day: i64, nanos: u64) -> Int96 {
    let mut value = Int96::new();
    value.set_data(nanos as u32, (nanos >> 32) as u32, (day + 2_440_588) as u32);
    value
}

#[test]
fn instants_of_days_and_nanoseconds_are_microseconds() {
    let folder = tempfile::tempdir().unwrap();
    let check = |values: &[Int96], expected: &[&str]| {
        let file = stored::<Int96Type>(folder.path(), PhysicalType::INT96, None, values);
        let found = imported(&[file], folder.path()).unwrap();
        let expected = expected.iter().map(|&text| Some(text.to_owned())).chain([None]).collect();
        assert_eq!(found, ("timestamp[us]".into(), ColumnKind::Time, expected));
    };
    let last = 86_399_999_999_999;
    check(
        &[int96(0, 0), int96(0, 1_999), int96(-1, last), int96(2_932_896, last), int96(-719_162, 0)],
        &["0", "1", "-1", "253402300799999999", "-62135596800000000"],
    );
    // Far beyond what 64 bits of nanoseconds hold, and at last what those of microseconds do.
    check(&[int96(106_000_000, 0)], &["9158400000000000000"]);
    let file = stored::<Int96Type>(folder.path(), PhysicalType::INT96, None, &[int96(107_000_000, 0)]);
    let error = imported(&[file], folder.path()).unwrap_err();
    assert_eq!(error.code(), "corrupt_data");
    assert!(error.to_string().contains("column \"x\""), "{error}");
}

#[test]
fn a_zone_is_kept_where_the_unit_is_stored_as_another() {
    // As pyarrow does, which has no seconds to store.
    let folder = tempfile::tempdir().unwrap();
    let field = |unit, zone: &str| Field::new("x", DataType::Timestamp(unit, Some(zone.into())), true);
    let said = Schema::new(vec![field(TimeUnit::Second, "Europe/London")]);
    let array = TimestampMillisecondArray::from(vec![5000]).with_timezone("UTC");
    let file = write_said(folder.path(), field(TimeUnit::Millisecond, "UTC"), Arc::new(array), &said);
    let expected = ("timestamp[ms, Europe/London]".into(), ColumnKind::Time, vec![Some("5000".into())]);
    assert_eq!(imported(&[file], folder.path()).unwrap(), expected);
}

/// A file of one column of which the writer's Arrow schema says something else.
fn write_said(folder: &Path, field: Field, array: ArrayRef, said: &Schema) -> PathBuf {
    let said = parquet::arrow::encode_arrow_schema(said);
    let metadata = parquet::file::metadata::KeyValue::new("ARROW:schema".to_owned(), said);
    let properties = WriterProperties::builder().set_key_value_metadata(Some(vec![metadata])).build();
    let options = ArrowWriterOptions::new().with_properties(properties).with_skip_arrow_metadata(true);
    let path = folder.join("said.parquet");
    let batch = RecordBatch::try_new(Arc::new(Schema::new(vec![field])), vec![array]).unwrap();
    let file = File::create(&path).unwrap();
    let mut writer = ArrowWriter::try_new_with_options(file, batch.schema(), options).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    path
}

#[test]
fn a_column_that_no_reader_knows_is_left_out() {
    let folder = tempfile::tempdir().unwrap();
    let column = |name: &str, converted| {
        let column = Type::primitive_type_builder(name, PhysicalType::FIXED_LEN_BYTE_ARRAY).with_length(40);
        let column = column.with_precision(90).with_scale(1).with_converted_type(converted);
        Arc::new(column.with_repetition(Repetition::REQUIRED).build().unwrap())
    };
    let roots = vec![column("wide", ConvertedType::DECIMAL), column("text", ConvertedType::NONE)];
    let schema = Type::group_type_builder("schema").with_fields(roots).build().unwrap();
    let path = folder.path().join("unknown.parquet");
    let mut file =
        SerializedFileWriter::new(File::create(&path).unwrap(), Arc::new(schema), Default::default()).unwrap();
    let mut group = file.next_row_group().unwrap();
    while let Some(mut column) = group.next_column().unwrap() {
        let value = ByteArray::from("forty letters, of which some are spaces.".as_bytes().to_vec());
        column.typed::<FixedLenByteArrayType>().write_batch(&[value.into()], None, None).unwrap();
        column.close().unwrap();
    }
    group.close().unwrap();
    file.close().unwrap();
    let (plan, _, shards) = import(&[path], 1024, folder.path());
    assert_eq!((plan.left_out[0].name.as_str(), plan.left_out[0].source_type.as_str()), ("wide", "unknown"));
    assert_eq!(values(&shards, "text"), [Some("forty letters, of which some are spaces.".to_owned())]);
}

#[test]
fn identifiers_of_16_bytes_are_written_as_usual() {
    let folder = tempfile::tempdir().unwrap();
    let bytes: Vec<u8> = (0..16).map(|i| i * 17).collect();
    let fixed = PhysicalType::FIXED_LEN_BYTE_ARRAY;
    let values = [ByteArray::from(bytes).into()];
    let file = stored::<FixedLenByteArrayType>(folder.path(), fixed, Some(LogicalType::Uuid), &values);
    let text = Some("00112233-4455-6677-8899-aabbccddeeff".to_owned());
    assert_eq!(imported(&[file], folder.path()).unwrap(), ("text".into(), ColumnKind::Text, vec![text, None]));
}

#[test]
fn what_is_said_to_be_text_is_looked_at() {
    let folder = tempfile::tempdir().unwrap();
    for meaning in [LogicalType::String, LogicalType::Json, LogicalType::Enum] {
        let bytes = [ByteArray::from(b"\xc3\x28".to_vec())];
        let file = stored::<ByteArrayType>(folder.path(), PhysicalType::BYTE_ARRAY, Some(meaning), &bytes);
        assert_eq!(imported(&[file], folder.path()).unwrap_err().code(), "not_text");
    }
}

#[test]
fn two_types_of_a_column_become_one_that_holds_both() {
    let folder = tempfile::tempdir().unwrap();
    let both = |a: ArrayRef, b: ArrayRef| {
        let files = [write(folder.path(), "a", vec![("x", a)]), write(folder.path(), "b", vec![("x", b)])];
        imported(&files, folder.path())
    };
    let check = |a: ArrayRef, b: ArrayRef, source_type: &str, expected: &[&str]| {
        let expected: Vec<Option<String>> =
            expected.iter().map(|&text| (text != "-").then(|| text.to_owned())).collect();
        let (found, _, values) = both(a.clone(), b.clone()).unwrap();
        assert_eq!((found.as_str(), &values), (source_type, &expected));
        let (found, _, values) = both(b, a.clone()).unwrap();
        let turned = [&expected[a.len()..], &expected[..a.len()]].concat();
        assert_eq!((found.as_str(), values), (source_type, turned));
    };
    let i8s = || Arc::new(Int8Array::from(vec![Some(-8), None])) as ArrayRef;
    let one = |n: i64| ints([Some(n)]);
    let instant = |at: i64, zone: &str| Arc::new(TimestampSecondArray::from(vec![at]).with_timezone(zone)) as ArrayRef;
    check(i8s(), one(1 << 40), "int64", &["-8", "-", "1099511627776"]);
    check(i8s(), Arc::new(UInt64Array::from(vec![1 << 62])), "int64", &["-8", "-", "4611686018427387904"]);
    check(
        Arc::new(UInt8Array::from(vec![255])),
        Arc::new(UInt64Array::from(vec![u64::MAX])),
        "uint64",
        &["255", "18446744073709551615"],
    );
    check(one((1 << 53) - 1), floats([Some(0.5), None]), "float64", &["9007199254740991", "0.5", "-"]);
    check(i8s(), Arc::new(Float32Array::from(vec![0.1])), "float64", &["-8", "-", "0.1"]);
    check(Arc::new(NullArray::new(2)), texts([Some("a")]), "text", &["-", "-", "a"]);
    check(Arc::new(NullArray::new(1)), i8s(), "int8", &["-", "-8", "-"]);
    let decimal = |x: i128, scale| {
        Arc::new(Decimal128Array::from(vec![x]).with_precision_and_scale(10, scale).unwrap()) as ArrayRef
    };
    check(decimal(125, 2), decimal(7, 0), "decimal(12, 2)", &["1.25", "7"]);
    check(decimal(125, 2), i8s(), "decimal(10, 2)", &["1.25", "-8", "-"]);
    check(decimal(125, 2), floats([Some(0.1)]), "float64", &["1.25", "0.1"]);
    check(
        Arc::new(Date32Array::from(vec![-1])),
        Arc::new(TimestampMillisecondArray::from(vec![5])),
        "timestamp[ms]",
        &["-86400000", "5"],
    );
    check(instant(3, "Europe/London"), instant(4, "Asia/Tokyo"), "timestamp[s, UTC]", &["3", "4"]);
    check(
        Arc::new(DurationSecondArray::from(vec![2])),
        Arc::new(DurationNanosecondArray::from(vec![3])),
        "duration[ns]",
        &["2000000000", "3"],
    );
    check(
        Arc::new(Time32SecondArray::from(vec![2])),
        Arc::new(Time64MicrosecondArray::from(vec![3])),
        "time[us]",
        &["2000000", "3"],
    );

    let lossy = |a: ArrayRef, b: ArrayRef, says: &str| {
        let error = both(a, b).unwrap_err();
        assert_eq!(error.code(), "lossy_value", "{error}");
        assert!(error.to_string().contains(says) && error.to_string().contains("column \"x\""), "{error}");
    };
    lossy(
        one((1 << 53) + 1),
        floats([Some(0.5)]),
        "a.parquet, row group 0, column \"x\" has the value 9007199254740993, which float64",
    );
    lossy(i8s(), Arc::new(UInt64Array::from(vec![1 << 63])), "the value 9223372036854775808, which int64");
    let nanos = Arc::new(TimestampNanosecondArray::from(vec![1]));
    lossy(Arc::new(TimestampSecondArray::from(vec![1 << 40])), nanos, "the value 1099511627776, which timestamp[ns]");
    let refused = |a: ArrayRef, b: ArrayRef| assert_eq!(both(a, b).unwrap_err().code(), "schema_mismatch");
    refused(Arc::new(BooleanArray::from(vec![true])), i8s());
    refused(instant(1, "UTC"), Arc::new(TimestampSecondArray::from(vec![1])));
    refused(Arc::new(DurationSecondArray::from(vec![2])), one(1));
}

#[test]
fn lists_of_one_length_are_a_column_for_each_element() {
    let folder = tempfile::tempdir().unwrap();
    let mut lists = FixedSizeListBuilder::new(Int32Builder::new(), 3);
    for row in 0..2500 {
        for at in 0..3 {
            lists.values().append_option((row % 7 != at).then_some(row * 10 + at));
        }
        lists.append(row % 5 != 0);
    }
    let lists = lists.finish();
    let columns = vec![
        ("a", ints((0..2500).map(Some))),
        ("x", Arc::new(lists.clone()) as ArrayRef),
        ("b", ints((0..2500).map(Some))),
    ];
    let properties = WriterProperties::builder().set_max_row_group_row_count(Some(700)).build();
    let file = write_with(folder.path(), "one", columns, properties);
    let (plan, _, shards) = import(&[file], 1024, folder.path());
    let names: Vec<&str> = plan.columns.iter().map(|column| column.name.as_str()).collect();
    assert_eq!(names, ["a", "x[0]", "x[1]", "x[2]", "b"]);
    assert_eq!(plan.columns[3].origin, Some(Origin::Element { column: "x".into(), nth: 0, at: 2 }));
    for at in 0..3 {
        let expected: Vec<Option<String>> = (0..2500)
            .map(|row| {
                lists.is_valid(row).then(|| lists.value(row)).and_then(|list| {
                    let list = list.as_any().downcast_ref::<Int32Array>().unwrap().clone();
                    list.is_valid(at).then(|| list.value(at).to_string())
                })
            })
            .collect();
        assert_eq!(values(&shards, &format!("x[{at}]")), expected);
    }
    // A file that has the column as null, and one of wider elements.
    let files = [
        write(folder.path(), "null", vec![("x", Arc::new(NullArray::new(2)) as _)]),
        write(folder.path(), "wide", vec![("x", fixed_list(2, 3))]),
        write(folder.path(), "narrow", vec![("x", Arc::new(lists.slice(1, 1)) as _)]),
    ];
    let (plan, _, shards) = import(&files, 1024, folder.path());
    assert_eq!(plan.columns[1].source_type, "int64");
    let expected = [None, None, Some("1"), Some("4"), None];
    assert_eq!(values(&shards, "x[1]"), expected.map(|text| text.map(str::to_owned)));
    let other = write(folder.path(), "other", vec![("x", fixed_list(2, 4))]);
    let error = look(&[files[1].clone(), other]).unwrap_err();
    assert!(
        error.to_string().ends_with("column \"x\" is list of 3 int64 in the one and list of 4 int64 in the other"),
        "{error}"
    );
}

#[test]
fn a_list_of_another_length_than_is_said_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let item = Arc::new(Field::new("item", DataType::Int32, true));
    let said = Schema::new(vec![Field::new("x", DataType::FixedSizeList(item.clone(), 3), true)]);
    let rows = [Some(vec![Some(1), Some(2), Some(3)]), None, Some(vec![Some(1)])];
    let lists = ListArray::from_iter_primitive::<Int32Type, _, _>(rows);
    let path = write_said(folder.path(), Field::new("x", DataType::List(item), true), Arc::new(lists), &said);
    let error = import_shard(&plan(look(&[path]).unwrap()), 0, folder.path()).unwrap_err();
    assert_eq!(error.code(), "list_length");
    assert!(error.to_string().starts_with("a list of 1 values in "), "{error}");
}

#[test]
fn what_has_no_place_in_a_frame_is_left_out_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let x = || floats([Some(1.0), Some(2.0)]);
    let inner = RecordBatch::try_from_iter([("a", x())]).unwrap();
    let lists = ListArray::from_iter_primitive::<Int32Type, _, _>([Some(vec![Some(1)]), None]);
    let mut maps = builder::MapBuilder::new(None, builder::StringBuilder::new(), Int32Builder::new());
    maps.append(true).unwrap();
    maps.append(false).unwrap();
    let columns = vec![
        ("box", Arc::new(StructArray::from(inner)) as ArrayRef),
        ("list", Arc::new(lists)),
        ("x", x()),
        ("map", Arc::new(maps.finish())),
        ("span", Arc::new(IntervalDayTimeArray::from(vec![IntervalDayTimeType::make_value(1, 2); 2]))),
        ("long", fixed_list(2, 65_537)),
    ];
    let file = write(folder.path(), "one", columns);
    let survey = look(std::slice::from_ref(&file)).unwrap();
    assert_eq!(survey.columns.iter().map(|column| column.name.as_str()).collect::<Vec<_>>(), ["x"]);
    let left_out = |LeftOut { name, source_type, .. }: &LeftOut| format!("{name} {source_type}");
    let left_out: Vec<String> = survey.left_out.iter().map(left_out).collect();
    assert_eq!(left_out, ["box struct", "list list", "map map", "span interval", "long list"]);
    assert!(survey.uncompressed_bytes < 200, "{}", survey.uncompressed_bytes);
    let (plan, _, shards) = import(&[file], 1024, folder.path());
    assert_eq!(plan.left_out, survey.left_out);
    assert_eq!(values(&shards, "x"), [Some("1".to_owned()), Some("2".to_owned())]);
}
