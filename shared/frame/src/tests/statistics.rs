//! Samples, quantiles, parts of times and what text means: of any cut, and from records that lie.

use arrow_array::{Date32Array, Float32Array, Int32Array, TimestampMicrosecondArray};
use serde_json::Value as Json;

use super::*;
use crate::{ColumnStats, ColumnSummary, PartSummary, Reading, TimePart, Value};

/// 0..1, as if by chance.
fn noise(i: usize) -> f64 {
    let words = crate::Philox::new(1, "test").draw(0, 0, i as u64);
    f64::from(words[0]) / f64::from(u32::MAX)
}

fn records(plan: &Plan, folder: &Path) -> Vec<ShardRecord> {
    (0..plan.shards.len()).map(|k| import_shard(plan, k, folder).unwrap()).collect()
}

fn some<T: ToString>(value: T) -> Option<String> {
    Some(value.to_string())
}

fn owned(values: Vec<Option<String>>) -> ArrayRef {
    texts(values.iter().map(Option::as_deref))
}

/// Columns whose statistics could depend on the cut.
fn awkward(rows: usize) -> Vec<(&'static str, ArrayRef)> {
    let text = |of: &dyn Fn(usize) -> Option<String>| owned((0..rows).map(of).collect());
    let day = |i: usize| format!("{:02}/{:02}/2018", i % 12 + 1, i / 7 % 12 + 1);
    // The first third has no text but missing ones, and shards of it say nothing.
    let late = |i: usize, text: String| if i < rows / 3 { some("NA") } else { Some(text) };
    vec![
        ("noise", floats((0..rows).map(|i| (i % 9 > 0).then(|| if i % 50 == 1 { f64::NAN } else { noise(i) })))),
        ("few", ints((0..rows).map(|i| Some((noise(i) * 7.0) as i64)))),
        // Few values in each shard, too many in all.
        ("steps", ints((0..rows).map(|i| Some((i / 9) as i64 - 500)))),
        ("large", ints((0..rows).map(|i| Some((1 << 60) + i as i64)))),
        (
            "when",
            Arc::new((0..rows).map(|i| Some((noise(i) * 6e16) as i64)).collect::<TimestampMicrosecondArray>()) as _,
        ),
        ("numbers", text(&|i| late(i, format!(" {:.3}", noise(i) * 100.0)))),
        ("mostly", text(&|i| if i == rows - 2 { some("x") } else { late(i, (i % 13).to_string()) })),
        ("codes", text(&|i| some(format!("{:05}", i % 777)))),
        ("days", text(&|i| late(i, day(i)))),
        ("no day", text(&|i| if i == 2 { some("29/02/2018") } else { Some(day(i)) })),
        ("stamps", text(&|i| some(format!("2018-01-{:02} {:02}:00", i % 28 + 1, i % 24)))),
        ("missing", text(&|_| some("n/a"))),
        ("null", text(&|_| None)),
        ("names", text(&|i| some(format!("name {i}")))),
        ("twice", text(&|i| some(format!("{:0>90}", i / 2)))),
    ]
}

#[test]
fn statistics_are_the_same_for_any_cut_and_order() {
    let folder = tempfile::tempdir().unwrap();
    let rows = 70_000; // of which 65,536 are sampled
    let file = write(folder.path(), "awkward", awkward(rows));
    let (_, whole, _) = import(std::slice::from_ref(&file), 1 << 20, folder.path());
    for shard_rows in [4096, 30_000, 69_999] {
        let plan = plan_with_shard_rows(look(std::slice::from_ref(&file)).unwrap(), shard_rows);
        let mut records = records(&plan, folder.path());
        records.reverse();
        let text = serde_json::to_string(&records).unwrap();
        let frame = Frame::merge(&plan, serde_json::from_str(&text).unwrap()).unwrap();
        for (cut, expected) in frame.columns.iter().zip(&whole.columns) {
            assert_eq!(cut, expected, "{} in shards of {shard_rows}", cut.name);
        }
    }
    let json = serde_json::to_string(&whole).unwrap();
    assert_eq!(serde_json::from_str::<Frame>(&json).unwrap(), whole);

    let stats = |name: &str| &whole.column(name).unwrap().stats;
    assert!(stats("steps").tally.levels.is_none() && stats("steps").quantiles.len() == 129);
    assert_eq!(
        (stats("large").tally.rounded, stats("few").tally.rounded),
        (rows as u64 - rows.div_ceil(256) as u64, 0)
    );
    let unique = ["names", "twice", "codes", "null"].map(|name| stats(name).tally.unique);
    assert_eq!(unique, [true, false, false, true]);
    let readings = |name: &str| -> Vec<Reading> { stats(name).readings.iter().map(|of| of.reading).collect() };
    assert_eq!(readings("numbers"), [Reading::Number]);
    assert_eq!(readings("days"), [Reading::DayFirst, Reading::MonthFirst]);
    assert_eq!(readings("no day"), []);
    assert_eq!(readings("stamps"), [Reading::YearFirst]);
    assert_eq!((readings("missing"), readings("null"), readings("names")), (vec![], vec![], vec![]));
    let mostly = &stats("mostly").readings[0];
    assert_eq!((mostly.unread, mostly.unread_example.as_deref(), mostly.padded), (1, Some("x"), false));
    assert_eq!(mostly.summary.tally.missing, rows as u64 / 3 + 1);
    assert!(stats("codes").readings[0].padded && stats("codes").readings[0].unread == 0);
    assert_eq!(stats("twice").row_sample[0], Some(Value::Text("0".repeat(64))));
    assert!(whole.columns.iter().all(|column| column.stats.row_sample.len() == 1024));
}

#[test]
fn a_frame_of_many_columns_counts_fewer_levels() {
    let folder = tempfile::tempdir().unwrap();
    let names: Vec<String> = (0..2100).map(|k| format!("c{k}")).collect();
    let column = |k: i64| match k {
        0 => owned((0..3000).map(|i| some(i % 998)).collect()),
        1 => owned((0..3000).map(|i| some(i % 999)).collect()),
        _ => ints((0..3000).map(|i| Some(i % (497 + k)))),
    };
    let columns = names.iter().zip(0..).map(|(name, k)| (name.as_str(), if k < 5 { column(k) } else { column(2) }));
    let file = write(folder.path(), "wide", columns.collect());
    let (_, whole, _) = import(std::slice::from_ref(&file), 1 << 20, folder.path());
    let plan = plan_with_shard_rows(look(&[file]).unwrap(), 1024);
    let frame = Frame::merge(&plan, records(&plan, folder.path())).unwrap();
    assert_eq!(frame.columns, whole.columns);
    // 2^20 numbers and 2^21 texts among 2,100 columns.
    let levels = |at: usize| frame.columns[at].stats.tally.levels.as_ref().map(Vec::len);
    assert_eq!([0, 1, 2, 3, 4].map(levels), [Some(998), None, Some(499), None, None]);
}

#[test]
fn quantiles_are_those_of_all_rows_of_a_small_frame() {
    let folder = tempfile::tempdir().unwrap();
    let values: Vec<f64> = (0..5000).map(|i| noise(i) * 8.0 - 4.0).collect();
    let whole = |i: usize| (values[i] * 3.0) as i64;
    let file = write(
        folder.path(),
        "small",
        vec![
            ("x", floats(values.iter().map(|&x| Some(x)))),
            ("n", ints((0..5000).map(|i| (i % 3 > 0).then(|| whole(i))))),
            ("flag", Arc::new(values.iter().map(|x| Some(*x > 0.0)).collect::<arrow_array::BooleanArray>())),
            ("text", texts(values.iter().map(|_| Some("a")))),
        ],
    );
    let (_, frame, _) = import(&[file], 2048, folder.path());
    let check = |name: &str, mut values: Vec<f64>| {
        values.sort_by(f64::total_cmp);
        let found = &frame.column(name).unwrap().stats.quantiles;
        assert_eq!(found.len(), 129);
        for (k, found) in found.iter().enumerate() {
            let place = (values.len() - 1) as f64 * k as f64 / 128.0;
            let (below, above) = (values[place.floor() as usize], values[place.ceil() as usize]);
            assert!((found - (below + (above - below) * place.fract())).abs() < 1e-9, "{name} {k}");
        }
    };
    check("x", values.clone());
    check("n", (0..5000).filter(|i| i % 3 > 0).map(|i| whole(i) as f64).collect());
    check("flag", values.iter().map(|x| f64::from(u8::from(*x > 0.0))).collect());
    assert!(frame.column("text").unwrap().stats.quantiles.is_empty());
}

#[test]
fn quantiles_of_a_large_frame_are_near() {
    let folder = tempfile::tempdir().unwrap();
    let rows = 400_000;
    let file = write(
        folder.path(),
        "large",
        vec![
            ("mixed", floats((0..rows).map(|i| Some(noise(i))))),
            ("sorted", floats((0..rows).map(|i| Some(i as f64 / rows as f64)))),
        ],
    );
    let (_, frame, _) = import(&[file], 100_000, folder.path());
    for (k, at) in [(0, 0.0), (32, 0.25), (64, 0.5), (127, 127.0 / 128.0), (128, 1.0)] {
        let found = ["mixed", "sorted"].map(|name| frame.column(name).unwrap().stats.quantiles[k]);
        // Five deviations of a quantile of 65,536 values; of sorted rows it lies in a piece of 6 rows.
        assert!((found[0] - at).abs() < 0.01, "{found:?} {at}");
        assert!((found[1] - at).abs() < 1e-4, "{found:?} {at}");
    }
}

#[test]
fn statistics_are_of_values_whatever_their_storage() {
    let folder = tempfile::tempdir().unwrap();
    let number = |i: usize| (i * i % 5003) as i32 - 2000;
    let file = write(
        folder.path(),
        "storage",
        vec![
            ("narrow", Arc::new((0..9000).map(|i| Some(number(i))).collect::<Int32Array>()) as ArrayRef),
            ("wide", ints((0..9000).map(|i| Some(i64::from(number(i)))))),
            ("single", Arc::new((0..9000).map(|i| Some(number(i) as f32 / 8.0)).collect::<Float32Array>())),
            ("double", floats((0..9000).map(|i| Some(f64::from(number(i)) / 8.0)))),
            ("text", owned((0..9000).map(|i| some(f64::from(number(i)) / 8.0)).collect())),
        ],
    );
    let (_, frame, _) = import(&[file], 4096, folder.path());
    let stats = |name: &str| &frame.column(name).unwrap().stats;
    assert_eq!(stats("narrow"), stats("wide"));
    assert_eq!(stats("single"), stats("double"));
    assert_eq!(*stats("text").readings[0].summary, *stats("double"));
}

#[test]
fn dates_are_the_same_as_text() {
    let folder = tempfile::tempdir().unwrap();
    let days = |i: usize| (!i.is_multiple_of(13)).then(|| (noise(i) * 30_000.0) as i32 - 5000);
    let micros = |i: usize| days(i).map(|day| i64::from(day) * 86_400_000_000 + (i as i64 % 86_400) * 1_000_000);
    let stamps = || (0..3000).map(micros).collect::<TimestampMicrosecondArray>();
    let plain = crate::TimeType::parse("timestamp[us]").unwrap();
    let file = write(
        folder.path(),
        "dates",
        vec![
            ("day", Arc::new((0..3000).map(days).collect::<Date32Array>()) as ArrayRef),
            ("instant", Arc::new(stamps())),
            ("there", Arc::new(stamps().with_timezone("America/New_York"))),
            ("text", owned((0..3000).map(|i| micros(i).map(|raw| plain.format(raw)).or(some("NaT"))).collect())),
        ],
    );
    let (_, frame, _) = import(&[file], 1024, folder.path());
    let stats = |name: &str| &frame.column(name).unwrap().stats;
    assert_eq!(*stats("text").readings[0].summary, *stats("instant"));
    let names = |name: &str| -> Vec<String> { stats(name).parts.iter().map(|part| part.part.to_string()).collect() };
    assert_eq!(names("day"), ["year", "month", "day", "weekday"]);
    assert_eq!(names("there"), ["year", "month", "day", "weekday", "hour", "minute"]);
    let find =
        |name: &str, of: TimePart| -> PartSummary { stats(name).parts.iter().find(|p| p.part == of).unwrap().clone() };
    for of in [TimePart::Year, TimePart::Month, TimePart::Day, TimePart::Weekday] {
        assert_eq!(find("day", of), find("instant", of));
        let values: Vec<f64> =
            (0..3000).filter_map(days).map(|day| crate::TimeType::DATE.part(day.into(), of).unwrap()).collect();
        let mean = values.iter().sum::<f64>() / values.len() as f64;
        let squares: f64 = values.iter().map(|x| (x - mean) * (x - mean)).sum();
        let found = find("day", of);
        assert!((found.mean - mean).abs() < 1e-9);
        assert!((found.deviation - (squares / (values.len() - 1) as f64).sqrt()).abs() < 1e-9);
        assert_eq!(found.min, values.iter().copied().fold(f64::MAX, f64::min));
        assert_eq!(found.max, values.iter().copied().fold(f64::MIN, f64::max));
    }
    // The first instants of a day in UTC are the evening before in New York.
    assert_eq!((find("instant", TimePart::Hour).max, find("there", TimePart::Hour).max), (0.0, 20.0));
    assert_eq!(stats("instant").moments, stats("there").moments);
}

#[test]
fn text_is_read_by_what_all_of_it_is() {
    let folder = tempfile::tempdir().unwrap();
    use Reading::*;
    let check = |words: &[&str], expected: &[Reading], unread: Option<&str>| {
        let file = write(folder.path(), "text", vec![("t", texts(words.iter().map(|word| Some(*word))))]);
        let (_, frame, _) = import(&[file], 1024, folder.path());
        let readings = &frame.columns[0].stats.readings;
        assert_eq!(readings.iter().map(|of| of.reading).collect::<Vec<_>>(), expected, "{words:?}");
        assert_eq!(readings.first().and_then(|of| of.unread_example.as_deref()), unread, "{words:?}");
    };
    check(&["1", "2.5", "NA", ""], &[Number], None);
    check(&["1", "two", "NA", "three"], &[Number], Some("three"));
    check(&["red", "green"], &[], None);
    check(&["", "NA"], &[], None);
    check(&["2018-01-31", "?"], &[YearFirst], None);
    check(&["2018-01-31", "soon"], &[], None);
    check(&["01/02/2018", "03/04/2018"], &[DayFirst, MonthFirst], None);
    check(&["01/02/2018", "31/01/2018"], &[DayFirst], None);
    check(&["01/02/2018", "01/31/2018"], &[MonthFirst], None);
    check(&["31/01/2018", "01/31/2018"], &[], None);
    check(&["31-Jan-2018", "1 February 2018"], &[MonthName], None);
    check(&["23:59", "0:00:01"], &[TimeOfDay], None);
    check(&["2018-01-31", "5"], &[Number], Some("2018-01-31"));
}

/// Two shards; the second is what lies.
fn two_shards(folder: &Path, of: &[&str]) -> (Plan, Vec<ShardRecord>) {
    let mut columns = awkward(1100);
    columns.retain(|(name, _)| of.is_empty() || of.contains(name));
    columns.push(("flag", Arc::new((0..1100).map(|i| Some(i % 3 == 0)).collect::<arrow_array::BooleanArray>()) as _));
    let plan = plan_with_shard_rows(look(&[write(folder, "two", columns)]).unwrap(), 1024);
    let records = records(&plan, folder);
    (plan, records)
}

#[test]
fn statistics_that_lie_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let (plan, records) = two_shards(folder.path(), &[]);
    let check = |column: &str, what: &str, lie: &dyn Fn(&mut ColumnStats)| {
        let mut records = records.clone();
        let column = records[1].columns.iter_mut().find(|of| of.name == column).unwrap();
        lie(column.stats.as_mut().unwrap());
        let error = Frame::merge(&plan, records).unwrap_err().to_string();
        assert!(error.contains(what), "{error}, not {what}");
    };
    Frame::merge(&plan, records.clone()).unwrap();
    check("noise", "number of sampled rows", &|of| of.row_sample.truncate(3));
    check("noise", "number of sampled rows", &|of| of.row_sample.push(None));
    check("noise", "with or without", &|of| of.row_sample.fill(None));
    check("noise", "with or without", &|of| of.row_sample.fill(Some(Value::Float(0.5))));
    check("noise", "cannot have", &|of| of.row_sample[1] = Some(Value::Float(2.0)));
    check("noise", "cannot have", &|of| of.row_sample[1] = Some(Value::Int(0)));
    check("noise", "number of sampled values", &|of| of.quantile_sample.clear());
    check("noise", "number of sampled values", &|of| of.quantile_sample.push(1.0));
    check("noise", "out of order", &|of| of.quantile_sample.reverse());
    check("noise", "out of order", &|of| of.quantile_sample.fill(f64::NAN));
    check("noise", "out of order", &|of| of.quantile_sample.fill(7.0));
    check("few", "out of order", &|of| of.quantile_sample.iter_mut().filter(|x| **x == 0.0).for_each(|x| *x = -0.0));
    check("noise", "no text", &|of| of.tally.unique = true);
    check("when", "cannot have", &|of| of.row_sample[0] = Some(Value::Float(0.5)));
    check("flag", "rounded", &|of| of.tally.rounded = 1);
    check("large", "rounded", &|of| of.tally.rounded = 77);
    check("names", "cannot have", &|of| of.row_sample[0] = Some(Value::Text("x".repeat(65))));
    check("names", "moments of text", &|of| of.quantile_sample.push(1.0));
    check("names", "rounded", &|of| of.tally.rounded = 1);
    check("days", "nothing of numbers", &|of| of.readings.drain(..1).for_each(drop));
    check("days", "out of order", &|of| of.readings[1].reading = Reading::TimeOfDay);
    check("days", "more or fewer texts", &|of| of.readings[0].unread -= 1);
    check("days", "more or fewer texts", &|of| of.readings[1].stats.tally.missing = u64::MAX);
    check("days", "example", &|of| of.readings[0].unread_example = None);
    check("mostly", "example", &|of| of.readings[0].unread_example = Some("x".repeat(65)));
    check("days", "not all texts", &|of| of.readings[1].padded = true);
    check("days", "not all texts", &|of| {
        let of = &mut of.readings[1];
        (of.unread, of.unread_example, of.stats.tally.missing) = (76, Some("x".into()), 76);
    });
    check("numbers", "not finite", &|of| {
        let tally = &mut of.readings[0].stats.tally;
        (tally.missing, tally.nan) = (0, 0);
        tally.infinite = 1;
    });
    check("numbers", "number of sampled rows", &|of| of.readings[0].stats.row_sample.clear());
    check("numbers", "moments of more or fewer", &|of| of.readings[0].stats.moments.clear());
    check("numbers", "no text", &|of| {
        let inner = of.readings[0].clone();
        of.readings[0].stats.readings.push(inner);
    });
    check("days", "another kind", &|of| {
        of.readings[1].stats.tally.levels.as_mut().unwrap()[0].value = Value::Float(1.0);
    });
}

/// Every place of a record in JSON, as a pointer; of lists of values the first places and the last.
fn pointers(json: &Json, at: &str, found: &mut Vec<String>) {
    found.push(at.to_owned());
    match json {
        Json::Array(items) => {
            let all = at.ends_with("columns") || at.ends_with("readings");
            for (k, item) in items.iter().enumerate().filter(|(k, _)| all || *k < 2 || *k + 1 == items.len()) {
                pointers(item, &format!("{at}/{k}"), found);
            }
        }
        Json::Object(fields) => fields.iter().for_each(|(name, field)| pointers(field, &format!("{at}/{name}"), found)),
        _ => {}
    }
}

#[test]
fn no_record_makes_a_merge_panic() {
    let folder = tempfile::tempdir().unwrap();
    let (plan, records) = two_shards(folder.path(), &["noise", "few", "when", "mostly", "days"]);
    let honest = serde_json::to_value(&records[1]).unwrap();
    let mut places = Vec::new();
    pointers(&honest, "", &mut places);
    let lies = [
        Json::Null,
        Json::from(0),
        Json::from(1),
        Json::from(-1),
        Json::from(u64::MAX),
        Json::from(1e308),
        Json::from("AAAAAAAA8H8="),
        Json::from(true),
        Json::Array(Vec::new()),
    ];
    let (mut read, mut refused) = (0, 0);
    for place in &places {
        for lie in &lies {
            let mut json = honest.clone();
            *json.pointer_mut(place).unwrap() = lie.clone();
            let Ok(record) = serde_json::from_value::<ShardRecord>(json) else { continue };
            read += 1;
            refused += usize::from(Frame::merge(&plan, vec![records[0].clone(), record]).is_err());
        }
    }
    // Some lies are true, and some change nothing that can be checked: a mean, a count of unread texts that agrees.
    assert!(read > 500 && refused * 10 > read * 7, "{read} records, {refused} refused");
}

#[test]
fn plans_that_lie_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let (plan, records) = two_shards(folder.path(), &[]);
    for (first, second) in
        [(0..1024, 1024..1099), (0..1024, 2048..2124), (0..1024, 0..1024), (0..0, 0..1100), (0..1024, 1024..1024)]
    {
        let (mut plan, mut records) = (plan.clone(), records.clone());
        plan.shards = vec![first.clone(), second.clone()];
        (records[0].rows, records[1].rows) = (first, second);
        Frame::merge(&plan, records).unwrap_err();
    }
    let (mut plan, mut records) = (plan, records);
    plan.shards.pop();
    records.pop();
    let error = Frame::merge(&plan, records).unwrap_err().to_string();
    assert!(error.contains("begins at row 1024"), "{error}");
}

#[test]
fn a_summary_without_values_has_no_quantiles() {
    let folder = tempfile::tempdir().unwrap();
    let file =
        write(folder.path(), "none", vec![("x", floats([None, Some(f64::NAN)])), ("t", texts([None, Some("NA")]))]);
    let (_, frame, _) = import(&[file], 1024, folder.path());
    let none = |of: &ColumnSummary| (of.quantiles.len(), of.moments.is_none(), of.row_sample.iter().flatten().count());
    assert_eq!(none(&frame.columns[0].stats), (0, true, 0));
    assert_eq!(none(&frame.columns[1].stats), (0, true, 1));
}
