//! Files that can be read, and cannot be learned from.

use std::path::Path;

use aquifer_harness::Aquifer;

use crate::bed::{bed, files, refused, train};
use crate::tables::{Columns, floats, ints, regression, texts, with_target, write};

const ROWS: usize = 3000;

#[track_caller]
fn check(aquifer: &Aquifer, columns: Columns, more: &[&str], exit: i32, code: &str, said: &[&str]) {
    let path = write(aquifer, "data", columns);
    let out = aquifer.file("out.safetensors");
    let more: Vec<&str> = more.iter().copied().chain(["--out", out.to_str().unwrap()]).collect();
    refused(aquifer, train(&path, "y", &more), exit, code, said);
}

#[test]
fn targets() {
    let aquifer = bed();
    let check = |target, code, said: &[&str]| check(&aquifer, with_target(ROWS, target), &[], 3, code, said);
    check(floats((0..ROWS).map(|_| None)), "target_all_null", &["\"y\"", "all 3000 rows are null"]);
    check(floats((0..ROWS).map(|_| Some(4.5))), "target_constant", &["\"y\" is constant", "4.5"]);
    check(texts((0..ROWS).map(|_| Some("yes"))), "target_constant", &["\"y\" is constant", "yes"]);
    let awkward = |value: f64| floats((0..ROWS).map(move |i| Some(if i == 1500 { value } else { i as f64 })));
    check(awkward(f64::NAN), "target_not_finite", &["\"y\" has 1 NaN and 0 infinite", "left out"]);
    check(awkward(f64::INFINITY), "target_not_finite", &["\"y\" has 0 NaN and 1 infinite"]);
}

#[test]
fn a_target_that_is_no_column() {
    let aquifer = bed();
    let path = write(&aquifer, "data", regression(ROWS));
    refused(&aquifer, train(&path, "colr", &[]), 3, "unknown_column", &["\"colr\"", "did you mean `colour`?"]);
    refused(&aquifer, train(&path, "zzzzz", &[]), 3, "unknown_column", &["the columns are x, colour, y"]);
    for (setting, role) in [
        ("weights_column=z", "weights column"),
        ("features=[\"z\"]", "feature"),
        ("ignored_columns=[\"z\"]", "ignored"),
    ] {
        refused(&aquifer, train(&path, "y", &["--set", setting]), 3, "unknown_column", &[role, "\"z\""]);
    }
    // Nothing was begun for any of them.
    assert!(files(&aquifer.dir()).is_empty());
}

#[test]
fn weights() {
    let aquifer = bed();
    let with = |weights| {
        let mut columns = regression(ROWS);
        columns.push(("w", weights));
        columns
    };
    let set = ["--set", "weights_column=w"];
    let check = |weights, said: &[&str]| check(&aquifer, with(weights), &set, 3, "bad_weights", said);
    check(ints((0..ROWS as i64).map(|i| i - 7)), &["\"w\" has negative values, down to -7", "at least 0"]);
    check(ints((0..ROWS as i64).map(|_| 0)), &["\"w\" is 0 in every row"]);
    check(floats((0..ROWS).map(|i| (i > 5).then_some(1.0))), &["\"w\" has 6 null"]);
    check(texts((0..ROWS).map(|_| Some("1"))), &["\"w\" is text"]);
}

#[test]
fn features() {
    let aquifer = bed();
    let columns =
        |rows| vec![("k", floats((0..rows).map(|_| Some(1.0)))), ("y", ints((0..rows as i64).map(|i| i % 9)))];
    check(&aquifer, columns(ROWS), &[], 3, "no_features", &["no feature is left", "constant columns"]);
}

/// The labels of Adult's test data end in a full stop as they were published.
#[test]
fn classes_that_training_did_not_see() {
    let aquifer = bed();
    let classes = |levels: [&'static str; 2]| with_target(ROWS, texts((0..ROWS).map(move |i| Some(levels[i % 2]))));
    let test = write(&aquifer, "test", classes(["<=50K.", ">50K."]));
    let said = ["test data", "\"y\"", "<=50K., >50K.; in training: <=50K, >50K", "full stop"];
    let more = ["--test", test.to_str().unwrap()];
    check(&aquifer, classes(["<=50K", ">50K"]), &more, 3, "unseen_classes", &said);

    // And for a model that is there already.
    let model = aquifer.file("model.safetensors");
    aquifer.run(train(&aquifer.file("data.parquet"), "y", &["--out", model.to_str().unwrap()])).ok();
    std::fs::remove_dir_all(aquifer.dir()).unwrap();
    refused(&aquifer, ["evaluate".as_ref(), model.as_os_str(), test.as_os_str()], 3, "unseen_classes", &said[1..]);
}

#[test]
fn other_columns_than_the_model_has() {
    let aquifer = bed();
    let path = write(&aquifer, "data", regression(ROWS));
    let model = aquifer.file("model.safetensors");
    aquifer.run(train(&path, "y", &["--out", model.to_str().unwrap()])).ok();
    std::fs::remove_dir_all(aquifer.dir()).unwrap();
    let predictions = aquifer.file("p.parquet");
    let check = |columns: Columns, code: &str, said: &[&str]| {
        let other = write(&aquifer, "other", columns);
        let words =
            ["predict".as_ref(), model.as_os_str(), other.as_os_str(), "--out".as_ref(), predictions.as_os_str()];
        refused(&aquifer, words, 3, code, said);
        let words = ["evaluate".as_ref(), model.as_os_str(), other.as_os_str()];
        refused(&aquifer, words, 3, code, said);
        assert!(!predictions.exists());
    };
    let mut columns = regression(10);
    columns.remove(0);
    check(columns, "missing_column", &["\"x\", a feature of the model"]);
    let mut columns = regression(10);
    columns[1].1 = ints(0..10);
    check(columns, "kind_mismatch", &["\"colour\" is int64 here, and categorical in the model"]);

    let mut columns = regression(10);
    columns.remove(2);
    let path = write(&aquifer, "other", columns);
    let words = ["evaluate".as_ref(), model.as_os_str(), path.as_os_str()];
    refused(&aquifer, words, 3, "target_missing", &["\"y\" is missing"]);
}

#[test]
fn more_ranks_than_blocks() {
    let aquifer = bed();
    let path = write(&aquifer, "data", regression(ROWS));
    let said = ["`ranks` is 4", "3000 rows", "from 1 to 3"];
    refused(&aquifer, train(&path, "y", &["--set", "ranks=4"]), 2, "too_many_ranks", &said);
    assert!(files(&aquifer.dir()).is_empty());
    // Of a frame it is the cluster that knows.
    aquifer.run(["frame".as_ref(), "import".as_ref(), "f".as_ref(), path.as_os_str()]).ok();
    refused(&aquifer, train(Path::new("f"), "y", &["--set", "ranks=4"]), 2, "too_many_ranks", &said);
}

#[test]
fn a_loss_that_diverges() {
    let aquifer = bed();
    let more = ["--set", "optimizer=sgd", "--set", "learning_rate=1e6", "--set", "epochs=20"];
    let said = ["diverged in round", "last good loss", "lower learning_rate"];
    check(&aquifer, regression(ROWS), &more, 1, "diverged", &said);
    // Slowly: a linear model whose steps are somewhat too long, so that there is a good loss to name.
    let slowly = ["--set", "hidden=[]", "--set", "optimizer=sgd", "--set", "learning_rate=3", "--set", "epochs=60"];
    let path = write(&aquifer, "data", regression(ROWS));
    let refusal = refused(&aquifer, train(&path, "y", &slowly), 1, "diverged", &said);
    assert!(!refusal.text.contains("none"), "{}", refusal.text);
}

#[test]
fn a_target_that_is_not_in_the_test_data() {
    let aquifer = bed();
    let mut columns = regression(10);
    columns.remove(2);
    let test = write(&aquifer, "test", columns);
    let more = ["--test", test.to_str().unwrap()];
    check(&aquifer, regression(ROWS), &more, 3, "target_missing", &["test data", "\"y\" is missing"]);
}
