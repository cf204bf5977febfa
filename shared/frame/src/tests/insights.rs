//! What frames are said to be: each warning where it belongs, and none where it does not.

use super::*;
use crate::{Note, Philox, TakenFor, View, below, insights, source_notes, unit};

const ROWS: usize = 3000;

fn frame(columns: Vec<(&str, ArrayRef)>) -> Frame {
    let folder = tempfile::tempdir().unwrap();
    let file = write(folder.path(), "data", columns);
    import(&[file], 1024, folder.path()).1
}

/// Numbers in [0, 1) without any order, the same in every run.
fn noise(column: u32) -> impl Iterator<Item = f64> {
    let random = Philox::new(7, "insights");
    (0..ROWS as u64).map(move |row| f64::from(unit(random.draw(column, 0, row)[0])))
}

fn number(values: impl Iterator<Item = f64>) -> ArrayRef {
    floats(values.map(Some))
}

fn class(values: impl Iterator<Item = bool>) -> ArrayRef {
    texts(values.map(|value| Some(if value { "yes" } else { "no" })))
}

/// `code:column` of each note, in order.
fn said(notes: &[Note]) -> Vec<String> {
    notes.iter().map(|note| format!("{}:{}", note.code, note.column.as_deref().unwrap_or_default())).collect()
}

#[track_caller]
fn check(columns: Vec<(&str, ArrayRef)>, target: Option<&str>, expected: &[&str]) {
    let notes = insights(&frame(columns), target).unwrap();
    assert_eq!(said(&notes), expected, "{notes:#?}");
}

#[test]
fn columns_are_what_training_takes_them_for() {
    let words = |distinct: usize| (0..ROWS).map(|i| format!("word {}", i % distinct)).collect::<Vec<_>>();
    let text = |words: &[String]| texts(words.iter().map(|word| Some(word.as_str())).collect::<Vec<_>>());
    let (few, all, days, digits) = (words(9), words(ROWS), "2018-01-3", "1");
    let day = |i: usize| format!("{days}{}", i % 2);
    let frame = frame(vec![
        ("number", number(noise(0))),
        ("flag", Arc::new((0..ROWS).map(|i| Some(i % 5 < 2)).collect::<arrow_array::BooleanArray>())),
        ("few", text(&few)),
        ("all", text(&all)),
        ("digits", text(&(0..ROWS).map(|i| format!("{digits}{}", i % 7)).collect::<Vec<_>>())),
        ("day", text(&(0..ROWS).map(day).collect::<Vec<_>>())),
        ("one", texts((0..ROWS).map(|_| Some("a")))),
        ("one or none", texts((0..ROWS).map(|i| (i % 3 > 0).then_some("a")))),
        ("four", ints((0..ROWS).map(|_| Some(4)))),
        ("nothing", floats((0..ROWS).map(|_| None))),
        ("no text", texts((0..ROWS).map(|_| None))),
    ]);
    let found: Vec<&str> = frame.columns.iter().map(|column| View::of(column).taken_for.name()).collect();
    let expected = "numeric numeric categorical identifier numeric time constant categorical constant empty empty";
    assert_eq!(found, expected.split(' ').collect::<Vec<_>>());
    let day = View::of(&frame.columns[5]);
    assert_eq!((day.taken_for, day.time.unwrap().to_string()), (TakenFor::Time, "timestamp[us]".to_owned()));
}

#[test]
fn columns_that_tell_nothing_are_said() {
    let gaps = |every: usize| floats((0..ROWS).map(|i| i.is_multiple_of(every).then_some(i as f64)));
    let columns = vec![
        ("four", ints((0..ROWS).map(|_| Some(4)))),
        ("four or none", ints((0..ROWS).map(|i| (i % 2 > 0).then_some(4)))),
        ("nothing", floats((0..ROWS).map(|_| None))),
        ("rare", gaps(25)),
        ("infinite", floats((0..ROWS).map(|i| Some(if i % 100 == 0 { f64::INFINITY } else { (i % 7) as f64 })))),
        ("not so rare", gaps(15)),
    ];
    let expected =
        "constant:four constant:four,or,none nearly_all_missing:nothing nearly_all_missing:rare infinite:infinite";
    let expected: Vec<String> = expected.split(' ').map(|said| said.replace(',', " ")).collect();
    check(columns, None, &expected.iter().map(String::as_str).collect::<Vec<_>>());
}

#[test]
fn identifiers_are_told_from_measurements() {
    let mut scattered: Vec<i64> = (100..100 + ROWS as i64).collect();
    for at in (1..ROWS).rev() {
        let other = below(Philox::new(1, "scatter").draw(0, 0, at as u64)[0], at as u32 + 1);
        scattered.swap(at, other as usize);
    }
    let mut repeated = scattered.clone();
    repeated[5] = repeated[6];
    let all = |values: &[i64]| ints(values.iter().copied().map(Some));
    let names: Vec<String> = (0..ROWS).map(|i| format!("name {i}")).collect();
    let columns = vec![
        ("row", ints((0..ROWS as i64).map(Some))),
        ("key", all(&scattered)),
        ("as float", number(scattered.iter().map(|&x| x as f64))),
        ("stamp", ints((0..ROWS as i64).map(|i| Some(1_600_000_000 + i * 60 + i % 7)))),
        ("name", texts(names.iter().map(|name| Some(name.as_str())))),
        ("repeated", all(&repeated)),
        ("drawn", ints(noise(0).map(|x| Some((x * ROWS as f64) as i64)))),
        ("wide", ints(noise(1).map(|x| Some((x * 1e12) as i64)))),
        ("year", ints((0..ROWS as i64).map(|i| Some(2000 + i / 4)))),
        ("sorted", number((0..ROWS).map(|i| i as f64 + 0.5 * (i % 2) as f64))),
    ];
    check(
        columns,
        None,
        &["identifier:row", "identifier:key", "identifier:as float", "identifier:stamp", "identifier:name"],
    );
}

#[test]
fn a_feature_that_gives_a_class_away_is_said() {
    let yes = || noise(0).map(|x| x < 0.3);
    let gap = |x: f64| (x < 0.3).then_some("boat 3");
    let other = ["a", "b", "c", "d"];
    let columns = vec![
        ("score", number(noise(0).map(|x| x * x))),
        ("against", number(noise(0).map(|x| -x))),
        (
            "outcome",
            texts(noise(0).map(|x| Some(if x < 0.3 { "paid" } else { ["open", "late"][(x * 1e4) as usize % 2] }))),
        ),
        ("boat", texts(noise(0).map(gap))),
        ("code", ints(noise(0).map(|x| Some([3, 1, 4][usize::from(x < 0.3) + usize::from(x < 0.1)])))),
        ("helps", number(noise(0).zip(noise(1)).map(|(x, e)| x + 0.3 * e))),
        ("noise", number(noise(2))),
        ("letters", texts(noise(3).map(|x| Some(other[(x * 4.0) as usize])))),
        ("y", class(yes())),
    ];
    let leaks = ["score", "against", "outcome", "boat", "code"].map(|name| format!("target_leak:{name}"));
    check(columns, Some("y"), &leaks.iter().map(String::as_str).collect::<Vec<_>>());
}

#[test]
fn rare_classes_and_names_of_rows_give_nothing_away() {
    let names: Vec<String> = (0..ROWS).map(|i| format!("name {}", i / 2)).collect();
    let columns = vec![
        ("name", texts(names.iter().map(|name| Some(name.as_str())))),
        ("noise", number(noise(1))),
        ("letter", texts(noise(2).map(|x| Some(["a", "b"][usize::from(x < 0.5)])))),
        ("y", class(noise(0).map(|x| x < 0.003))),
    ];
    check(columns, Some("y"), &[]);
}

#[test]
fn one_of_many_classes_is_given_away_by_a_range_or_a_name() {
    let of = |x: f64| (x * 5.0) as usize;
    let columns = vec![
        ("range", number(noise(0))),
        ("word", texts(noise(0).map(|x| Some(["v", "w", "x", "y", "z"][of(x)])))),
        ("half", texts(noise(0).map(|x| Some(["v", "w", "x", "x", "x"][of(x)])))),
        ("y", texts(noise(0).map(|x| Some(["a", "b", "c", "d", "e"][of(x)])))),
    ];
    check(columns, Some("y"), &["target_leak:range", "target_leak:word"]);
}

#[test]
fn a_feature_that_gives_a_number_away_is_said() {
    let code = |x: f64| ["f", "b", "e", "a", "d", "c"][(x * 6.0) as usize];
    let columns = vec![
        ("cubed", number(noise(0).map(|x| x * x * x))),
        ("down", number(noise(0).map(|x| 5.0 - x))),
        ("rounded", texts(noise(0).map(|x| Some(["0", "0.5"][usize::from(x > 0.5)])))),
        ("helps", number(noise(0).zip(noise(1)).map(|(x, e)| x + 0.2 * e))),
        ("y", number(noise(0))),
    ];
    check(columns, Some("y"), &["text_as_numbers:rounded", "target_leak:cubed", "target_leak:down"]);
    let coded = vec![
        ("code", texts(noise(0).map(|x| Some(code(x))))),
        ("y", number(noise(0).map(|x| (x * 6.0).floor() / 10.0))),
    ];
    check(coded, Some("y"), &["target_leak:code"]);
}

#[test]
fn rows_in_the_order_of_the_target_are_said() {
    let sorted = |i: usize| i as f64 + 300.0 * (i % 5) as f64;
    check(vec![("x", number(noise(1))), ("y", number((0..ROWS).map(sorted)))], Some("y"), &["sorted_target:y"]);
    let drifts = noise(0).zip(0..).map(|(x, i)| x + f64::from(i) / ROWS as f64);
    check(vec![("x", number(noise(1))), ("y", number(drifts))], Some("y"), &[]);
    let third = |i: usize| Some(["a", "b", "c"][i * 3 / ROWS]);
    check(vec![("x", number(noise(1))), ("y", texts((0..ROWS).map(third)))], Some("y"), &["sorted_target:y"]);
    check(vec![("x", number(noise(1))), ("y", class(noise(2).map(|x| x < 0.2)))], Some("y"), &[]);
}

#[test]
fn a_target_that_cannot_be_learned_is_refused() {
    let frame = frame(vec![("x", number(noise(1))), ("y", floats((0..ROWS).map(|_| Some(1.0))))]);
    let code = |target| insights(&frame, Some(target)).unwrap_err().code();
    assert_eq!((code("y"), code("z")), ("target_constant", "unknown_column"));
}

#[test]
fn what_is_not_in_the_frame_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let nested = arrow_array::ListArray::from_iter_primitive::<arrow_array::types::Int64Type, _, _>([Some([Some(1)])]);
    let a = write(
        folder.path(),
        "a",
        vec![("x", floats([Some(1.0)])), ("tags", Arc::new(nested)), ("z", floats([Some(2.0)]))],
    );
    let b = write(folder.path(), "b", vec![("x", floats([Some(1.0)]))]);
    let options = SourceOptions { schema: crate::SchemaMode::Union, ..SourceOptions::default() };
    let plan = plan_with_shard_rows(survey(&[a.into(), b.into()], &options).unwrap(), 1024);
    let notes = source_notes(&plan);
    assert_eq!(said(&notes), ["left_out:tags", "absent:z"], "{notes:#?}");
    assert!(
        notes[0].message.starts_with("tags is left out: it is ") && notes[1].message.contains("z is not in 1 file")
    );
}
