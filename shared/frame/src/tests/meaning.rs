//! What columns are taken for: numbers, times, levels; imputed, scaled and transformed.

use std::collections::BTreeMap;

use arrow_array::TimestampMicrosecondArray;

use super::*;
use crate::{
    Apply, Batch, EncodedFrame, Encoding, EncodingOptions, Meaning, MissingValues, Mixing, Note, Quantity, Reader,
    Reading, Scaling, Side, Split, Target, TimeFeatures, TimePart, Transform, block_count,
};

struct Bed {
    folder: tempfile::TempDir,
    frame: Frame,
    shards: Vec<Arc<Shard>>,
}

impl Bed {
    fn new(columns: Vec<(&str, ArrayRef)>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let file = write(folder.path(), "data", columns);
        let (_, frame, shards) = import(&[file], 1024, folder.path());
        Self { folder, frame, shards }
    }

    fn fit(&self, roles: &Roles) -> Result<(Encoding, Vec<Note>), crate::Error> {
        Encoding::fit(&self.frame, roles)
    }

    /// All rows, in their order.
    fn rows(&self, encoding: &Encoding, apply: Apply, side: Option<Side>) -> Batch {
        let (rows, shards) = (self.frame.rows, self.shards.clone());
        let data = EncodedFrame::new(rows, shards, Arc::new(encoding.clone()), apply).unwrap().with_side(side).unwrap();
        let mut reader = Reader::new(Arc::new(data), 0..block_count(rows), 0, 1, Mixing::Rows);
        let mut all = Batch::default();
        for block in 0..block_count(rows) {
            let mut batch = Batch::default();
            reader.block(block, &mut batch).unwrap();
            all.stride = batch.stride;
            all.width = batch.width;
            all.rows += batch.rows;
            all.dense.extend(batch.dense);
            all.indices.extend(batch.indices);
            all.targets.extend(batch.targets);
            all.ids.extend(batch.ids);
        }
        all
    }
}

fn input(batch: &Batch, column: usize) -> Vec<f32> {
    batch.dense.chunks(batch.stride).map(|row| row[column]).collect()
}

fn y(rows: usize) -> (&'static str, ArrayRef) {
    ("y", floats((0..rows).map(|i| Some((i * 37 % 101) as f64 + (i % 7) as f64))))
}

fn owned(rows: usize, text: impl Fn(usize) -> String) -> ArrayRef {
    let all: Vec<String> = (0..rows).map(text).collect();
    texts(all.iter().map(|text| Some(text.as_str())))
}

fn codes(notes: &[Note]) -> Vec<&str> {
    notes.iter().map(|note| note.code.as_str()).collect()
}

fn plain() -> EncodingOptions {
    EncodingOptions { scaling: Scaling::None, ..EncodingOptions::default() }
}

#[test]
fn text_that_is_all_numbers_is_numbers() {
    let rows = 200;
    let text = owned(rows, |i| if i % 10 == 3 { "NA".into() } else { format!(" {}.5", i % 90) });
    let bed = Bed::new(vec![("x", text), y(rows)]);
    let (encoding, notes) = bed.fit(&Roles { options: plain(), ..roles("y") }).unwrap();
    assert_eq!((encoding.numeric[0].reading, encoding.categorical.len()), (Some(Reading::Number), 0));
    assert_eq!(codes(&notes), ["text_as_numbers", "imputed"]);
    let x = input(&bed.rows(&encoding, Apply::TARGET, None), 0);
    assert_eq!((x[0], x[11], x[3]), (0.5, 11.5, encoding.numeric[0].fill as f32));

    let categorical = BTreeMap::from([("x".to_owned(), Meaning::Categorical)]);
    let (encoding, _) = bed.fit(&Roles { types: categorical, ..roles("y") }).unwrap();
    assert_eq!((encoding.numeric.len(), encoding.categorical.len()), (0, 1));
}

#[test]
fn codes_with_leading_zeros_stay_codes() {
    let bed = Bed::new(vec![("zip", owned(200, |i| format!("{:05}", i % 30))), y(200)]);
    let (encoding, notes) = bed.fit(&roles("y")).unwrap();
    assert_eq!((encoding.categorical[0].levels.len(), codes(&notes)), (30, vec!["padded_codes"]));
    let numeric = BTreeMap::from([("zip".to_owned(), Meaning::Numeric)]);
    let (encoding, _) = bed.fit(&Roles { types: numeric, ..roles("y") }).unwrap();
    assert_eq!(encoding.numeric[0].reading, Some(Reading::Number));
}

#[test]
fn dates_in_text_become_their_parts() {
    let rows = 400;
    let day_first = |i: usize| format!("{:02}/{:02}/2018 {:02}:00", i % 28 + 1, i % 12 + 1, i % 24);
    let bed = Bed::new(vec![("when", owned(rows, day_first)), y(rows)]);
    let (encoding, notes) = bed.fit(&Roles { options: plain(), ..roles("y") }).unwrap();
    let quantities: Vec<Quantity> = encoding.numeric.iter().map(|numeric| numeric.quantity).collect();
    use TimePart::{Day, Hour, Month, Weekday};
    assert_eq!(quantities, [Month, Day, Weekday, Hour].map(Quantity::Part), "the year and the minute are constant");
    assert_eq!(codes(&notes), ["text_as_time", "time_parts"]);
    let batch = bed.rows(&encoding, Apply::TARGET, None);
    assert_eq!(input(&batch, 0)[15], 4.0);
    assert_eq!(input(&batch, 1)[15], 16.0);
    assert_eq!(input(&batch, 2)[15], 0.0, "16 April 2018 was a Monday");
    assert_eq!(input(&batch, 3)[15], 15.0);

    let options = EncodingOptions { time_features: TimeFeatures::Number, ..plain() };
    let (encoding, _) = bed.fit(&Roles { options, ..roles("y") }).unwrap();
    assert_eq!(encoding.numeric[0].quantity, Quantity::Seconds);
    let seconds = input(&bed.rows(&encoding, Apply::TARGET, None), 0);
    assert_eq!(seconds[0], 1_514_764_800.0, "1 January 2018");
}

#[test]
fn ambiguous_dates_are_asked_for() {
    let bed = Bed::new(vec![("when", owned(200, |i| format!("{}/{}/2018", i % 12 + 1, i / 12 % 12 + 1))), y(200)]);
    let (encoding, notes) = bed.fit(&roles("y")).unwrap();
    assert_eq!((encoding.categorical.len(), notes[0].code.as_str()), (1, "ambiguous_dates"));
    let typed =
        |meaning| Roles { types: BTreeMap::from([("when".to_owned(), meaning)]), options: plain(), ..roles("y") };
    let error = bed.fit(&typed(Meaning::Time)).unwrap_err();
    assert!(error.code() == "type_mismatch" && error.to_string().contains("`day_first` or `month_first`"), "{error}");
    let month = |meaning| {
        let (encoding, _) = bed.fit(&typed(meaning)).unwrap();
        input(&bed.rows(&encoding, Apply::TARGET, None), 0)[4]
    };
    assert_eq!((month(Meaning::DayFirst), month(Meaning::MonthFirst)), (1.0, 5.0));
    bed.fit(&typed(Meaning::Numeric)).unwrap_err();
}

#[test]
fn texts_that_name_rows_are_dropped_unless_they_are_asked_for() {
    let bed = Bed::new(vec![("id", owned(500, |i| format!("id-{i}"))), ("x", ints((0..500).map(Some))), y(500)]);
    let (encoding, notes) = bed.fit(&roles("y")).unwrap();
    assert_eq!((encoding.categorical.len(), codes(&notes)), (0, vec!["dropped"]));
    assert!(notes[0].message.contains("names rows"), "{}", notes[0].message);
    let listed = Roles { features: Some(vec!["id".into()]), ..roles("y") };
    assert_eq!(bed.fit(&listed).unwrap().0.categorical[0].levels.len(), 500);
}

#[test]
fn rare_levels_share_an_input() {
    let level = |i: usize| ["a", "b", "c", "d"][[0, 0, 0, 1, 1, 2, 2, 3][i % 8]].to_owned();
    let bed = Bed::new(vec![("c", owned(800, level)), y(800)]);
    let options = EncodingOptions { max_categorical_levels: 2, ..plain() };
    let (encoding, notes) = bed.fit(&Roles { options, ..roles("y") }).unwrap();
    let c = &encoding.categorical[0];
    assert_eq!((&c.levels[..], c.other, c.slots()), (&["a".to_owned(), "b".to_owned()][..], true, 4));
    assert_eq!(codes(&notes), ["other_levels"]);
    let batch = bed.rows(&encoding, Apply::TARGET, None);
    assert_eq!(batch.indices[..8], [0, 0, 0, 1, 1, 2, 2, 2]);
}

#[test]
fn numbers_can_be_levels() {
    let bed = Bed::new(vec![("n", ints((0..300).map(|i| (i % 5 != 4).then_some(i % 5 * 10)))), y(300)]);
    let types = BTreeMap::from([("n".to_owned(), Meaning::Categorical)]);
    let (encoding, _) = bed.fit(&Roles { types, ..roles("y") }).unwrap();
    assert_eq!(encoding.categorical[0].levels, ["0", "10", "20", "30"]);
    assert_eq!(bed.rows(&encoding, Apply::TARGET, None).indices[..5], [0, 1, 2, 3, 4]);
}

#[test]
fn missing_numbers_are_filled_in_as_asked() {
    let values = [Some(1.0), Some(1.0), Some(2.0), Some(9.0), None, Some(f64::NAN)];
    let bed = Bed::new(vec![("x", floats(values)), ("z", ints((0..6).map(Some))), y(6)]);
    let filled = |missing_values_handling, missing_value| {
        let options = EncodingOptions { missing_values_handling, missing_value, ..plain() };
        let (encoding, _) = bed.fit(&Roles { options, ..roles("y") }).unwrap();
        let batch = bed.rows(&encoding, Apply::TARGET, None);
        assert_eq!(batch.rows, if missing_values_handling == MissingValues::Skip { 4 } else { 6 });
        let features = bed.rows(&encoding, Apply::FEATURES, None);
        assert_eq!(features.rows, 6, "a prediction has every row");
        input(&features, 0)[4]
    };
    assert_eq!(filled(MissingValues::MeanImputation, 0.0), 3.25);
    assert_eq!(filled(MissingValues::MedianImputation, 0.0), 1.5);
    assert_eq!(filled(MissingValues::ModeImputation, 0.0), 1.0);
    assert_eq!(filled(MissingValues::Constant, -5.0), -5.0);
    assert_eq!(filled(MissingValues::Skip, 0.0), 3.25);

    let options = EncodingOptions { missing_indicators: true, ..plain() };
    let (encoding, notes) = bed.fit(&Roles { options, ..roles("y") }).unwrap();
    assert_eq!((encoding.numeric.len(), encoding.features()), (3, 2));
    assert!(codes(&notes).contains(&"missing_indicator"));
    let batch = bed.rows(&encoding, Apply::TARGET, None);
    assert_eq!(input(&batch, 1), [0.0, 0.0, 0.0, 0.0, 1.0, 1.0]);
}

#[test]
fn inputs_are_scaled_and_transformed_as_asked() {
    let values = || (0..101).map(|i| Some(f64::from(i) * 3.0 + 1.0));
    let bed = Bed::new(vec![("x", floats(values())), y(101)]);
    let x = |options| {
        let (encoding, _) = bed.fit(&Roles { options, ..roles("y") }).unwrap();
        input(&bed.rows(&encoding, Apply::TARGET, None), 0)
    };
    let scaled = x(EncodingOptions { scaling: Scaling::MinMax, ..Default::default() });
    assert_eq!((scaled[0], scaled[50], scaled[100]), (0.0, 0.5, 1.0));
    let log = |transform| EncodingOptions { transforms: BTreeMap::from([("x".to_owned(), transform)]), ..plain() };
    assert_eq!(x(log(Transform::Log))[1], 2.0 * std::f32::consts::LN_2, "ln 4");
    assert_eq!(x(log(Transform::SignedLog))[1], 1.609_438, "ln 5");
    let options = EncodingOptions { scaling: Scaling::Standard, ..log(Transform::Log) };
    let standard = x(options);
    let mean = standard.iter().sum::<f32>() / 101.0;
    assert!(mean.abs() < 0.05, "{mean}");

    let negative = Bed::new(vec![("x", floats((0..101).map(|i| Some(f64::from(i) - 50.0)))), y(101)]);
    let error = negative.fit(&Roles { options: log(Transform::Log), ..roles("y") }).unwrap_err();
    assert_eq!(error.code(), "no_transform");
    negative.fit(&Roles { options: log(Transform::SignedLog), ..roles("y") }).unwrap();
}

#[test]
fn a_target_of_numbers_as_text_is_a_number() {
    let target = |text: ArrayRef, roles: &Roles| {
        let bed = Bed::new(vec![("x", ints((0..300).map(Some))), ("y", text)]);
        let fitted = bed.fit(roles);
        fitted.map(|(encoding, _)| (bed.rows(&encoding, Apply::TARGET, None), encoding.target))
    };
    let numbers = || owned(300, |i| if i == 5 { "NA".into() } else { format!("{}.25", i % 77) });
    let (batch, found) = target(numbers(), &roles("y")).unwrap();
    let Target::Regression { reading, mean, deviation, .. } = found else { panic!("a number") };
    assert_eq!((reading, batch.rows), (Some(Reading::Number), 299));
    assert_eq!(batch.targets[0], ((0.25 - mean) * (1.0 / deviation)) as f32);
    assert!(!batch.ids.contains(&5), "a target that is no number is none");
    let (_, few) = target(owned(300, |i| (i % 4).to_string()), &roles("y")).unwrap();
    assert!(matches!(few, Target::Classes { .. }), "few whole numbers as text are names of classes");
    let regression = Roles { task: TaskChoice::Regression, ..roles("y") };
    let (_, asked) = target(owned(300, |i| (i % 4).to_string()), &regression).unwrap();
    assert!(matches!(asked, Target::Regression { .. }));
    assert_eq!(target(owned(300, |i| format!("n{i}")), &regression).unwrap_err().code(), "target_not_numeric");
}

#[test]
fn other_storage_gives_the_same_inputs() {
    let numbers = Bed::new(vec![("x", ints((0..300).map(|i| Some(i % 9)))), y(300)]);
    let (encoding, _) = numbers.fit(&roles("y")).unwrap();
    let expected = input(&numbers.rows(&encoding, Apply::FEATURES, None), 0);
    let text = Bed::new(vec![("x", owned(300, |i| format!("{} ", i % 9)))]);
    assert_eq!(input(&text.rows(&encoding, Apply::FEATURES, None), 0), expected);
    let bad = Bed::new(vec![("x", owned(300, |i| format!("{}!", i % 9)))]);
    assert_eq!(encoding.check(&bad.frame, Apply::FEATURES).unwrap_err().code(), "kind_mismatch");
    let error = EncodedFrame::new(300, bad.shards.clone(), Arc::new(encoding.clone()), Apply::FEATURES).unwrap_err();
    assert!(error.code() == "kind_mismatch" && error.to_string().contains("\"0!\""), "{error}");

    let absent = Bed::new(vec![("other", ints((0..300).map(Some)))]);
    let impute = Apply { with_target: false, impute_absent: true };
    let filled = input(&absent.rows(&encoding, impute, None), 0);
    assert!(filled.iter().all(|x| *x == encoding.numeric[0].missing_input()));
    assert_eq!(codes(&encoding.check(&absent.frame, impute).unwrap()), ["column_absent"]);
}

#[test]
fn both_sides_of_a_split_make_up_the_rows() {
    let rows = 3000;
    let class = |i: usize| if i.is_multiple_of(10) { "rare" } else { "common" }.to_owned();
    let when = |i: usize| format!("2018-{:02}-{:02} {:02}:30", i / 250 + 1, i % 28 + 1, i % 24);
    let bed = Bed::new(vec![
        ("x", ints((0..rows).map(|i| Some(i as i64)))),
        ("t", owned(rows, when)),
        ("y", owned(rows, class)),
    ]);
    let (encoding, _) = bed.fit(&roles("y")).unwrap();
    let check = |split: Split| {
        let side = |training| bed.rows(&encoding, Apply::TARGET, Some(Side { split: split.clone(), training }));
        let (train, rest) = (side(true), side(false));
        let mut ids: Vec<u64> = train.ids.iter().chain(&rest.ids).copied().collect();
        ids.sort_unstable();
        assert!(ids.into_iter().eq(0..rows as u64));
        (train, rest)
    };
    let (train, _) = check(Split::random(0.8, 1, &encoding));
    let rare = train.targets.iter().filter(|class| **class == 1.0).count();
    assert!((2395..=2405).contains(&train.rows) && (237..=243).contains(&rare), "{} {rare}", train.rows);
    let (split, notes) = Split::chronological(0.75, "t", &bed.frame, &roles("y")).unwrap();
    let (train, rest) = check(split);
    assert!((2240..2260).contains(&train.rows), "{}", train.rows);
    assert!(train.ids.iter().all(|id| *id < 2250) && rest.ids.iter().all(|id| *id >= 2000), "only September is cut");
    assert!(notes[0].message.contains("before 2018-09-"), "{}", notes[0].message);
    assert!(Split::chronological(0.75, "x", &bed.frame, &roles("y")).is_err());
    drop(bed.folder);
}

/// The error of reading `columns` with an encoding, in both places that look: statistics and rows.
fn refused(encoding: &Encoding, columns: Vec<(&str, ArrayRef)>) -> String {
    let other = Bed::new(columns);
    let error = encoding.check(&other.frame, Apply::FEATURES).unwrap_err();
    assert_eq!(error.code(), "kind_mismatch", "{error}");
    let rows = EncodedFrame::new(other.frame.rows, other.shards, Arc::new(encoding.clone()), Apply::FEATURES);
    assert_eq!(rows.unwrap_err().code(), "kind_mismatch");
    error.to_string()
}

fn taken(encoding: &Encoding, columns: Vec<(&str, ArrayRef)>) -> Batch {
    let other = Bed::new(columns);
    encoding.check(&other.frame, Apply::FEATURES).unwrap();
    other.rows(encoding, Apply::FEATURES, None)
}

fn times(values: impl IntoIterator<Item = i64>, zone: Option<&str>) -> ArrayRef {
    let array = TimestampMicrosecondArray::from_iter_values(values);
    Arc::new(array.with_timezone_opt(zone))
}

#[test]
fn levels_of_other_storage_are_the_same_levels() {
    let levels = |array: ArrayRef| {
        let bed = Bed::new(vec![("k", array), ("x", ints((0..300).map(Some))), y(300)]);
        let types = BTreeMap::from([("k".to_owned(), Meaning::Categorical)]);
        bed.fit(&Roles { types, ..roles("y") }).unwrap().0
    };
    let x = || ("x", ints((0..300).map(Some)));
    let flags = || Arc::new((0..300).map(|i| Some(i % 3 == 0)).collect::<arrow_array::BooleanArray>()) as ArrayRef;
    let encoding = levels(ints((0..300).map(|i| Some(i64::from(i % 3 == 0)))));
    let expected = taken(&encoding, vec![("k", ints((0..300).map(|i| Some(i64::from(i % 3 == 0))))), x()]).indices;
    assert_eq!(taken(&encoding, vec![("k", flags()), x()]).indices, expected);
    assert_eq!(
        taken(&encoding, vec![("k", floats((0..300).map(|i| Some(f64::from(i % 3 == 0))))), x()]).indices,
        expected
    );
    assert_eq!(taken(&encoding, vec![("k", owned(300, |i| i32::from(i % 3 == 0).to_string())), x()]).indices, expected);
    let decimals = levels(owned(300, |i| format!("{}.0", i32::from(i % 3 == 0))));
    assert_eq!(
        taken(&decimals, vec![("k", ints((0..300).map(|i| Some(i64::from(i % 3 == 0))))), x()]).indices,
        expected
    );
    let colours = levels(owned(300, |i| ["red", "green"][i % 2].to_owned()));
    refused(&colours, vec![("k", ints((0..300).map(Some))), x()]);
    refused(&colours, vec![("k", flags()), x()]);
    let nothing = taken(&colours, vec![("k", Arc::new(arrow_array::NullArray::new(300))), x()]);
    assert!(nothing.indices.iter().all(|input| *input == 1 + 2), "a column without values is missing in every row");
}

#[test]
fn text_of_another_form_is_refused_at_scoring() {
    let dates = Bed::new(vec![("t", owned(300, |i| format!("{:02}/{:02}/2017", i % 28 + 1, i % 12 + 1))), y(300)]);
    let (encoding, _) = dates.fit(&roles("y")).unwrap();
    let iso = owned(300, |i| format!("2017-{:02}-{:02}", i % 12 + 1, i % 28 + 1));
    assert!(refused(&encoding, vec![("t", iso)]).contains("\"2017-01-01\""));
    let one = owned(300, |i| if i == 7 { "soon".into() } else { format!("{:02}/{:02}/2017", i % 28 + 1, i % 12 + 1) });
    assert!(refused(&encoding, vec![("t", one)]).contains("\"soon\""));
    let missing = taken(&encoding, vec![("t", owned(300, |_| "NA".into()))]);
    assert_eq!(input(&missing, 0)[0], encoding.numeric[0].missing_input());

    let numbers = Bed::new(vec![("n", owned(300, |i| format!("{}.5", i % 40))), y(300)]);
    let (encoding, _) = numbers.fit(&roles("y")).unwrap();
    assert!(refused(&encoding, vec![("n", owned(300, |i| format!("{i} EUR")))]).contains("EUR"));
    // What the user took for missing in training is missing here as well, and counted.
    let mixed = || owned(300, |i| if i % 9 == 0 { "soon".into() } else { format!("{}.5", i % 40) });
    let bed = Bed::new(vec![("n", mixed()), y(300)]);
    let types = BTreeMap::from([("n".to_owned(), Meaning::Numeric)]);
    let (encoding, notes) = bed.fit(&Roles { types, ..roles("y") }).unwrap();
    assert!(codes(&notes).contains(&"unread_texts"));
    let other = Bed::new(vec![("n", mixed())]);
    let notes = encoding.check(&other.frame, Apply::FEATURES).unwrap();
    assert!(notes[0].message.contains("34 missing values"), "{notes:?}");
}

#[test]
fn times_mean_what_they_meant_in_training() {
    let micros = |i: i64| 1_500_000_000_000_000 + i * 3_600_000_000;
    let london = Bed::new(vec![("t", times((0..400).map(micros), Some("Europe/London"))), y(400)]);
    let (encoding, _) = london.fit(&Roles { options: plain(), ..roles("y") }).unwrap();
    let expected = london.rows(&encoding, Apply::FEATURES, None);
    assert_eq!(
        taken(&encoding, vec![("t", times((0..400).map(micros), Some("UTC")))]).dense,
        expected.dense,
        "the same instants"
    );
    let nanos = arrow_array::TimestampNanosecondArray::from_iter_values((0..400).map(|i| micros(i) * 1000));
    let nanos: ArrayRef = Arc::new(nanos.with_timezone("Asia/Tokyo"));
    assert_eq!(taken(&encoding, vec![("t", nanos)]).dense, expected.dense);
    refused(&encoding, vec![("t", times((0..400).map(micros), None))]);
    refused(&encoding, vec![("t", owned(400, |_| "2017-07-14 02:40".into()))]);
    refused(&encoding, vec![("t", ints((0..400).map(Some)))]);

    let spans = |unit: i64| arrow_array::DurationMicrosecondArray::from_iter_values((0..400).map(|i| i % 50 * unit));
    let bed = Bed::new(vec![("d", Arc::new(spans(1)) as ArrayRef), y(400)]);
    let (encoding, _) = bed.fit(&roles("y")).unwrap();
    let expected = bed.rows(&encoding, Apply::FEATURES, None);
    let nanos = arrow_array::DurationNanosecondArray::from_iter_values((0..400).map(|i| i % 50 * 1000));
    assert_eq!(taken(&encoding, vec![("d", Arc::new(nanos))]).dense, expected.dense);
    refused(&encoding, vec![("d", ints((0..400).map(Some)))]);
}

#[test]
fn a_part_that_hardly_ever_differs_is_none() {
    let micros =
        |i: i64| 1_514_764_800_000_000 + i % 360 * 86_400_000_000 + if i == 70_000 { 31_536_000_000_000 } else { 0 };
    let bed = Bed::new(vec![("t", times((0..150_000).map(micros), None)), y(150_000)]);
    let (encoding, _) = bed.fit(&roles("y")).unwrap();
    assert!(encoding.numeric.iter().all(|input| input.scale.is_finite()), "{:?}", encoding.numeric);
}

#[test]
fn what_is_said_of_a_column_must_have_an_effect() {
    let columns = || vec![("c", owned(300, |i| ["a", "b"][i % 2].into())), ("x", ints((0..300).map(Some))), y(300)];
    let bed = Bed::new(columns());
    let log = |column: &str| EncodingOptions {
        transforms: BTreeMap::from([(column.to_owned(), Transform::SignedLog)]),
        ..plain()
    };
    for column in ["c", "y"] {
        let error = bed.fit(&Roles { options: log(column), ..roles("y") }).unwrap_err();
        assert_eq!(error.code(), "no_transform", "{error}");
    }
    let flag = Bed::new(vec![("x", ints((0..300).map(Some))), ("y", ints((0..300).map(|i| Some(i % 2))))]);
    let typed = |meaning| flag.fit(&Roles { types: BTreeMap::from([("y".to_owned(), meaning)]), ..roles("y") });
    assert!(matches!(typed(Meaning::Numeric).unwrap().0.target, Target::Regression { .. }));
    assert_eq!(typed(Meaning::Time).unwrap_err().code(), "type_mismatch");
}

#[test]
fn a_split_by_time_takes_the_type_that_was_said_and_leaves_no_side_empty() {
    let when = |i: usize| format!("{}/{}/2018", i / 25 % 12 + 1, i % 12 + 1);
    let bed = Bed::new(vec![("t", owned(300, when)), ("x", ints((0..300).map(Some))), y(300)]);
    let error = Split::chronological(0.8, "t", &bed.frame, &roles("y")).unwrap_err();
    assert!(error.to_string().contains("day_first"), "{error}");
    let types = BTreeMap::from([("t".to_owned(), Meaning::MonthFirst)]);
    Split::chronological(0.8, "t", &bed.frame, &Roles { types, ..roles("y") }).unwrap();
    let same = Bed::new(vec![("t", times((0..300).map(|i| if i < 200 { 0 } else { i }), None)), y(300)]);
    let error = Split::chronological(0.5, "t", &same.frame, &roles("y")).unwrap_err();
    assert!(error.to_string().contains("earliest time"), "{error}");
}
