//! What becomes of columns, and what is refused.

use super::*;
use crate::{Apply, Encoding, EncodingOptions, Note, Scaling, Target};

type Fitted = Result<(Encoding, Vec<crate::Note>), crate::Error>;

fn fit(columns: Vec<(&str, ArrayRef)>, roles: &Roles) -> Fitted {
    let folder = tempfile::tempdir().unwrap();
    let file = write(folder.path(), "data", columns);
    let (_, frame, _) = import(&[file], 1024, folder.path());
    Encoding::fit(&frame, roles)
}

fn x() -> (&'static str, ArrayRef) {
    ("x", floats((0..6).map(|i| Some(f64::from(i)))))
}

fn note<'a>(fitted: &'a Fitted, code: &str) -> Vec<&'a str> {
    let (_, notes) = fitted.as_ref().unwrap();
    notes.iter().filter(|note| note.code == code).map(|note| note.column.as_deref().unwrap()).collect()
}

fn features(encoding: &Encoding) -> Vec<&str> {
    let numeric = encoding.numeric.iter().map(|numeric| numeric.column.as_str());
    numeric.chain(encoding.categorical.iter().map(|categorical| categorical.column.as_str())).collect()
}

#[test]
fn columns_without_information_are_dropped_with_a_note() {
    let columns = vec![
        x(),
        ("constant", floats([Some(3.0); 6])),
        ("gaps", floats([Some(3.0), None, Some(3.0), None, None, Some(f64::NAN)])),
        ("empty", floats([None; 6])),
        ("nan", floats([Some(f64::NAN); 6])),
        ("one text", texts([Some("a"), Some(" a"), Some("a "), Some("a"), Some("a"), Some("a")])),
        ("text or not", texts([Some("a"), None, Some("a"), None, None, None])),
        ("no text", texts([None; 6])),
        ("y", floats((0..6).map(|i| Some(f64::from(i * i))))),
    ];
    let fitted = fit(columns, &roles("y"));
    assert_eq!(note(&fitted, "dropped"), ["constant", "gaps", "empty", "nan", "one text", "no text"]);
    let (encoding, _) = fitted.unwrap();
    assert_eq!(features(&encoding), ["x", "text or not"]);
    assert_eq!(encoding.inputs(), 1 + 2);
}

#[test]
fn numbers_that_f64_cannot_tell_apart_are_dropped() {
    let large = ints((0..6).map(|i| Some((1 << 60) + i % 2)));
    let small = floats((0..6).map(|i| Some(f64::from(i) * 1e-170)));
    let y = || ("y", floats((0..6).map(|i| Some(f64::from(i * i)))));
    let fitted = fit(vec![x(), ("large", large), ("small", small), y()], &roles("y"));
    assert_eq!(note(&fitted, "dropped"), ["large", "small"]);
    let (encoding, notes) = fitted.unwrap();
    assert_eq!(features(&encoding), ["x"]);
    let said = |note: &Note| note.message.contains("1152921504606846976 to 1152921504606846977");
    assert!(notes.iter().any(said), "{notes:?}");
    // What overflows stays an error: dropping it would hide that the numbers are none.
    let huge = floats([1e300, -1e300, 1e300, 0.0, 1.0, 2.0].map(Some));
    assert_eq!(fit(vec![x(), ("huge", huge), y()], &roles("y")).unwrap_err().code(), "values_out_of_range");
}

#[test]
fn a_feature_of_very_many_levels_has_a_note() {
    let columns = |levels: usize, rows: usize| {
        let names: Vec<String> = (0..rows).map(|i| format!("n{}", i % levels)).collect();
        let name = texts(names.iter().map(|name| Some(name.as_str())));
        vec![("name", name), ("y", floats((0..rows).map(|i| Some(i as f64))))]
    };
    let noted = |levels, rows| !note(&fit(columns(levels, rows), &roles("y")), "many_levels").is_empty();
    assert!(!noted(1000, 2000) && noted(1001, 2002), "very many");
    assert!(!noted(50, 60) && !noted(60, 120) && noted(61, 120), "more than every second row has one of its own");
    let fitted = fit(columns(1001, 2002), &roles("y"));
    assert_eq!(note(&fitted, "many_levels"), ["name"]);
    let message = &fitted.unwrap().1[0].message;
    assert!(message.contains("1001 different texts and makes 1002 inputs") && message.contains("ignored_columns"));
}

#[test]
fn outputs_follow_from_the_target() {
    let classes = |n: usize| Target::Classes { column: "y".into(), levels: (0..n).map(|i| i.to_string()).collect() };
    assert_eq!((classes(2).outputs(), classes(3).outputs(), classes(1024).outputs()), (1, 3, 1024));
    assert_eq!(Target::Regression { column: "y".into(), reading: None, mean: 0.0, deviation: 1.0 }.outputs(), 1);
}

#[test]
fn numbers_are_standardised_by_the_sample_deviation() {
    let values = [Some(1.0), Some(2.0), None, Some(4.0), Some(f64::NAN), Some(f64::INFINITY)];
    let columns = || vec![("x", floats(values)), ("y", floats((0..6).map(|i| Some(f64::from(i)))))];
    let fitted = fit(columns(), &roles("y"));
    assert_eq!((note(&fitted, "imputed"), note(&fitted, "infinite_as_missing")), (vec!["x"], vec!["x"]));
    let (encoding, _) = fitted.unwrap();
    let mean = 7.0f64 / 3.0;
    let deviation = ([1.0, 2.0, 4.0].iter().map(|x| (x - mean) * (x - mean)).sum::<f64>() / 2.0).sqrt();
    let x = &encoding.numeric[0];
    assert!((x.fill - mean).abs() < 1e-15 && x.shift == x.fill && (x.scale - 1.0 / deviation).abs() < 1e-15);
    let Target::Regression { mean, deviation, .. } = encoding.target else { panic!("a number") };
    assert_eq!((mean, deviation), (2.5, 3.5f64.sqrt()));
    let options = EncodingOptions { scaling: Scaling::None, ..Default::default() };
    let (plain, _) = fit(columns(), &Roles { options, ..roles("y") }).unwrap();
    assert_eq!((plain.numeric[0].shift, plain.numeric[0].scale), (0.0, 1.0));
}

#[test]
fn the_target_says_the_task() {
    let task = |y: ArrayRef, task| fit(vec![x(), ("y", y)], &Roles { task, ..roles("y") }).unwrap().0.target;
    let classes = |levels: &[&str]| Target::Classes {
        column: "y".into(),
        levels: levels.iter().map(|&level| level.to_owned()).collect(),
    };
    let two = || ints([Some(1), Some(0), None, Some(1), Some(0), Some(0)]);
    let three = || floats((0..6).map(|i| Some(f64::from(i % 3) * 10.0)));
    assert_eq!(task(two(), TaskChoice::Auto), classes(&["0", "1"]));
    assert!(matches!(task(two(), TaskChoice::Regression), Target::Regression { .. }));
    assert!(matches!(task(three(), TaskChoice::Auto), Target::Regression { .. }));
    assert_eq!(task(three(), TaskChoice::Classification), classes(&["0", "10", "20"]));
    let text = texts([Some("b"), Some("a "), Some(" a"), Some("b"), None, Some("B")]);
    assert_eq!(task(text, TaskChoice::Auto), classes(&["B", "a", "b"]));
    let flags = Arc::new(arrow_array::BooleanArray::from(vec![true, false, true, true, false, true]));
    assert_eq!(task(flags, TaskChoice::Auto), classes(&["false", "true"]));
    let fitted = fit(vec![x(), ("y", two())], &roles("y"));
    assert_eq!(note(&fitted, "rows_without_target"), ["y"]);
    assert_eq!(note(&fitted, "two_values_as_classes"), ["y"]);
}

#[test]
fn bad_targets_are_refused() {
    let check = |y: ArrayRef, task, code: &str| {
        let error = fit(vec![x(), ("y", y)], &Roles { task, ..roles("y") }).unwrap_err();
        assert_eq!(error.code(), code, "{error}");
        error.to_string()
    };
    let auto = TaskChoice::Auto;
    check(floats([None; 6]), auto, "target_all_null");
    check(texts([None; 6]), auto, "target_all_null");
    assert!(check(ints([Some(7); 6]), auto, "target_constant").contains("every value is 7"));
    check(texts([Some("a"), Some("a "), None, None, None, None]), auto, "target_constant");
    let nan = floats([Some(f64::NAN), Some(1.0), Some(f64::INFINITY), Some(f64::NAN), Some(0.0), None]);
    assert!(check(nan, auto, "target_not_finite").contains("2 NaN and 1 infinite"));
    check(texts([Some("a"), Some("b"), None, None, None, None]), TaskChoice::Regression, "target_not_numeric");
    check(floats([1e200, -1e300, 1e300, 1.0, 2.0, 3.0].map(Some)), auto, "values_out_of_range");
    let many = vec![("x", floats((0..1100).map(|i| Some(f64::from(i))))), ("y", ints((0..1100).map(Some)))];
    let error = fit(many, &Roles { task: TaskChoice::Classification, ..roles("y") }).unwrap_err();
    assert_eq!(error.code(), "too_many_classes");
    let classes = |count: usize| {
        let names: Vec<String> = (0..count).map(|i| format!("c{i}")).collect();
        let y = texts(names.iter().map(|name| Some(name.as_str())));
        fit(vec![("x", floats((0..count).map(|i| Some(i as f64)))), ("y", y)], &roles("y"))
    };
    assert!(classes(1024).is_ok());
    let error = classes(1025).unwrap_err();
    assert_eq!(error.code(), "too_many_classes");
    assert_eq!(error.to_string(), "the target \"y\" has 1025 classes: at most 1024 classes are learned");
}

#[test]
fn names_must_be_known_and_of_one_role() {
    let check = |change: &dyn Fn(&mut Roles), code: &str| {
        let mut roles = roles("income");
        change(&mut roles);
        let columns = vec![x(), ("income", floats((0..6).map(|i| Some(f64::from(i))))), ("w", ints([Some(1); 6]))];
        let error = fit(columns, &roles).unwrap_err();
        assert_eq!(error.code(), code, "{error}");
        error.hint().unwrap_or_default()
    };
    let close = check(&|roles| roles.target = "incmoe".into(), "unknown_column");
    assert_eq!(close, "did you mean income?");
    let all = check(&|roles| roles.target = "zzzzzz".into(), "unknown_column");
    assert_eq!(all, "the columns are x, income, w");
    check(&|roles| roles.features = Some(vec!["X2".into()]), "unknown_column");
    check(&|roles| roles.ignored_columns = vec!["nothing".into()], "unknown_column");
    check(&|roles| roles.weights_column = Some("ww".into()), "unknown_column");
    check(&|roles| roles.weights_column = Some("income".into()), "role_conflict");
    check(&|roles| roles.ignored_columns = vec!["income".into()], "role_conflict");
    check(&|roles| roles.ignored_columns = vec!["x".into(), "w".into()], "no_features");
    check(&|roles| roles.features = Some(vec!["income".into()]), "no_features");
}

#[test]
fn weights_must_be_weights() {
    let check = |weights: ArrayRef, ok: bool| {
        let columns = vec![x(), ("y", floats((0..6).map(|i| Some(f64::from(i))))), ("w", weights)];
        let fitted = fit(columns, &Roles { weights_column: Some("w".into()), ..roles("y") });
        match fitted {
            Ok((encoding, _)) => assert!(ok && features(&encoding) == ["x"]),
            Err(error) => assert!(!ok && error.code() == "bad_weights", "{error}"),
        }
    };
    check(floats([0.0, 1.0, 2.5, 0.0, 1.0, 1.0].map(Some)), true);
    check(floats([0.0, 1.0, -2.5, 0.0, 1.0, 1.0].map(Some)), false);
    check(floats([0.0, 1.0, f64::NAN, 0.0, 1.0, 1.0].map(Some)), false);
    check(floats([0.0, 1.0, 1e300, 0.0, 1.0, 1.0].map(Some)), false);
    check(floats([Some(1.0), None, Some(1.0), Some(1.0), Some(1.0), Some(1.0)]), false);
    check(floats([Some(0.0); 6]), false);
    check(texts([Some("1"); 6]), false);
}

#[test]
fn other_data_is_checked_against_the_encoding() {
    let folder = tempfile::tempdir().unwrap();
    let frame = |columns: Vec<(&str, ArrayRef)>| {
        let file = write(folder.path(), "data", columns);
        import(&[file], 1024, folder.path()).1
    };
    let columns = |c: [Option<&'static str>; 3], y: [Option<&'static str>; 3]| {
        vec![("x", floats([1.0, 2.0, 3.0].map(Some))), ("c", texts(c)), ("y", texts(y))]
    };
    let train = frame(columns([Some("a"), Some("b"), Some("a")], [Some("no"), Some("yes"), Some("no")]));
    let (encoding, _) = Encoding::fit(&train, &roles("y")).unwrap();
    assert_eq!(encoding.check(&train, Apply::TARGET).unwrap(), []);

    let other = frame(columns([Some("c "), Some("c"), Some(" b")], [Some("yes"), None, Some("no ")]));
    let notes = encoding.check(&other, Apply::TARGET).unwrap();
    assert_eq!(
        notes.iter().map(|note| note.code.as_str()).collect::<Vec<_>>(),
        ["rows_without_target", "unseen_levels"]
    );
    assert!(notes[1].message.contains("2 rows have 2 values not seen"), "{}", notes[1].message);

    let dotted = frame(columns([Some("a"); 3], [Some("yes."), Some("no."), Some("no")]));
    let error = encoding.check(&dotted, Apply::TARGET).unwrap_err();
    assert_eq!(error.code(), "unseen_classes");
    assert!(error.to_string().contains("no., yes.; here: no, no., yes.; in training: no, yes"), "{error}");
    encoding.check(&dotted, Apply::FEATURES).unwrap();

    let refuse = |columns: Vec<(&str, ArrayRef)>, code: &str| {
        let error = encoding.check(&frame(columns), Apply::TARGET).unwrap_err();
        assert_eq!(error.code(), code, "{error}");
    };
    let good = || columns([Some("a"); 3], [Some("yes"), Some("no"), Some("no")]);
    refuse(good().drain(1..).collect(), "missing_column");
    refuse(good().drain(..2).collect(), "target_missing");
    let mut swapped = good();
    swapped[0].1 = texts([Some("1"), Some("1"), Some("one")]);
    refuse(swapped, "kind_mismatch");
    let mut swapped = good();
    swapped[1].1 = ints([Some(1); 3]);
    refuse(swapped, "kind_mismatch");
}

#[test]
fn order_of_listing_changes_nothing() {
    let columns = || vec![x(), ("z", ints((0..6).map(Some))), ("y", floats((0..6).map(|i| Some(f64::from(i)))))];
    let listed = |names: &[&str]| {
        let features = Some(names.iter().map(|&name| name.to_owned()).collect());
        fit(columns(), &Roles { features, ..roles("y") }).unwrap().0
    };
    assert_eq!(listed(&["z", "x"]), listed(&["x", "z", "x"]));
    assert_eq!(features(&listed(&["z"])), ["z"]);
    let json = serde_json::to_string(&listed(&["z", "x"])).unwrap();
    assert_eq!(serde_json::from_str::<Encoding>(&json).unwrap(), listed(&["z", "x"]));
}
