//! The commands of the README, as typed, one after another; and what their results promise.

use std::path::Path;

use aquifer_harness::{Aquifer, data};
use arrow_array::cast::AsArray;
use arrow_array::types::{Float32Type, Float64Type};

use crate::bed::{bed, files, train};
use crate::tables::{read, regression, write, write_to};

const TRAIN: &str = "tests/data/adult/train.parquet";
const TEST: &str = "tests/data/adult/test.parquet";

/// As typed, with a training that is over soon.
fn adult<'a>(out: &'a Path, more: &[&'a str]) -> Vec<&'a str> {
    let mut words = vec!["train", TRAIN, "--target", "income", "--test", TEST, "--seed", "1", "--set", "ranks=8"];
    words.extend(["--set", "epochs=0.2", "--out", out.to_str().unwrap()]);
    words.extend(more);
    words
}

#[test]
fn train_evaluate_predict() {
    let aquifer = bed();
    let (a, b) = (aquifer.file("a.safetensors"), aquifer.file("b.safetensors"));
    let trained = aquifer.run(adult(&a, &["--output", "json"])).ok().json();
    aquifer.run(adult(&b, &["--workers", "3"])).ok();
    assert_eq!(std::fs::read(&a).unwrap(), std::fs::read(&b).unwrap());

    let a = a.to_str().unwrap();
    let evaluated = aquifer.run(["evaluate", a, TEST, "--output", "json"]).ok().json();
    assert_eq!(evaluated["metrics"], trained["metrics"]["test"]);
    assert_eq!(evaluated["model"]["blake3"], trained["model"]["blake3"]);
    let shown = aquifer.run(["model", "show", a, "--output", "json"]).ok().json();
    // The file keeps some of them.
    let kept = shown["metrics"]["test"].as_object().unwrap();
    assert!(kept.len() == 6 && kept.iter().all(|(name, value)| trained["metrics"]["test"][name] == *value), "{kept:?}");

    let out = aquifer.file("predictions.parquet");
    aquifer.run(["predict", a, TEST, "--out", out.to_str().unwrap()]).ok();
    let (predicted, truth) = (read(&out), read(&data("adult/test.parquet")));
    assert_eq!(predicted.num_rows(), 16_281);
    let names: Vec<&str> = predicted.schema_ref().fields().iter().map(|field| field.name().as_str()).collect();
    assert_eq!(names, ["predict", "p_<=50K", "p_>50K"]);
    let classes = predicted.column(0).as_string::<i32>();
    let [first, second] = [1, 2].map(|at| predicted.column(at).as_primitive::<Float32Type>());
    let actual = truth.column_by_name("income").expect("the target").as_string::<i32>();
    let mut confusion = [0_u64; 4];
    for row in 0..predicted.num_rows() {
        let class = |text: &str| usize::from(text.trim() == ">50K");
        assert!((first.value(row) + second.value(row) - 1.0).abs() < 1e-6);
        assert_eq!(class(classes.value(row)) == 1, second.value(row) >= 0.5, "row {row}");
        confusion[2 * class(actual.value(row)) + class(classes.value(row))] += 1;
    }
    assert_eq!(evaluated["metrics"]["confusion"], serde_json::json!(confusion));
}

#[test]
fn import_show_train_doctor() {
    let aquifer = bed();
    aquifer.run(["frame", "import", "adult", TRAIN]).ok();
    let shown = aquifer.run(["frame", "show", "adult"]).ok();
    assert!(shown.stdout.contains("frame adult: 32,561 rows, 1 shard") && shown.stdout.contains("native-country"));
    let trained = aquifer.run(["train", "adult", "--target", "income", "--set", "epochs=0.1"]).ok();
    trained.says(&["32,561 rows; classification of `income` (<=50K, >50K)", "6 numeric and 8 categorical"]);
    let doctor = aquifer.run(["doctor"]).ok();
    assert!(doctor.stdout.contains("portable") && doctor.stdout.contains("healthy"), "{}", doctor.stdout);
    assert!(!doctor.stdout.contains("Isa"), "{}", doctor.stdout);
}

/// Twice in one folder is trained twice, gives the same bytes, and keeps two journals and no copy of the model.
#[test]
fn the_same_thing_twice() {
    let aquifer = bed();
    let path = write(&aquifer, "data", regression(3000));
    let out = |name: &str| aquifer.file(name);
    for name in ["1.safetensors", "2.safetensors"] {
        aquifer.run(train(&path, "y", &["--out", out(name).to_str().unwrap()])).ok();
    }
    assert_eq!(std::fs::read(out("1.safetensors")).unwrap(), std::fs::read(out("2.safetensors")).unwrap());
    let kept = files(&aquifer.dir().join("jobs"));
    let journals = kept.iter().filter(|path| path.ends_with("journal.sqlite")).count();
    assert_eq!(journals, 2, "{kept:?}");
    let journal = |path: &Path| path.file_name().unwrap().to_string_lossy().starts_with("journal.sqlite");
    assert!(kept.iter().all(|path| journal(path)), "{kept:?}");

    // Without --out the model lies in the data folder, under its hash.
    let trained = aquifer.run(train(&path, "y", &["--output", "json"])).ok().json();
    let (path, hash) = (trained["model"]["path"].as_str().unwrap(), trained["model"]["blake3"].as_str().unwrap());
    assert_eq!(
        path,
        aquifer.dir().canonicalize().unwrap().join(format!("models/{}.safetensors", &hash[..16])).to_str().unwrap()
    );
    assert_eq!(blake3::hash(&std::fs::read(path).unwrap()).to_hex().as_str(), hash);
}

/// The spec that a model carries trains it again: the same file.
#[test]
fn a_model_gives_its_spec_back() {
    let aquifer = bed();
    let path = write(&aquifer, "data", regression(3000));
    let (first, again) = (aquifer.file("first.safetensors"), aquifer.file("again.safetensors"));
    for settings in [
        &["optimizer=sgd", "ranks=2", "l2=1e-4", "hidden_dropout_ratios=[0.1]"][..],
        &["averaging.mode=gradient", "ranks=3", "activation=tanh"],
        &["features=[\"x\"]", "standardize=false", "seed=7"],
    ] {
        let mut more = vec!["--out", first.to_str().unwrap()];
        more.extend(settings.iter().flat_map(|setting| ["--set", setting]));
        aquifer.run(train(&path, "y", &more)).ok();
        let spec = aquifer.run(["model", "show", first.to_str().unwrap(), "--spec"]).ok().stdout;
        assert!(
            spec.contains("target = \"y\"") && spec.contains("[params]") && spec.contains("learning_rate"),
            "{spec}"
        );
        let file = aquifer.file("spec.toml");
        std::fs::write(&file, &spec).unwrap();
        let words =
            ["train", path.to_str().unwrap(), "--spec", file.to_str().unwrap(), "--out", again.to_str().unwrap()];
        aquifer.run(words).ok();
        assert_eq!(std::fs::read(&first).unwrap(), std::fs::read(&again).unwrap(), "{spec}");
    }
    // A spec may name the data as well; paths begin in the current folder.
    let spec = format!("data = [{path:?}]\ntest = [{path:?}]\ntarget = \"y\"\n[params]\nhidden = [4]\nepochs = 0.2\n");
    let file = aquifer.file("whole.toml");
    std::fs::write(&file, spec).unwrap();
    let trained = aquifer.run(["train", "--spec", file.to_str().unwrap(), "--output", "json"]).ok().json();
    assert_eq!((&trained["rows"], &trained["metrics"]["test"]["rows"]), (&3000.into(), &3000.into()));
}

fn predict(aquifer: &Aquifer, model: &Path, data: &[&Path]) -> Vec<f64> {
    let out = aquifer.file("p.parquet");
    let mut words = vec!["predict".as_ref(), model.as_os_str(), "--out".as_ref(), out.as_os_str()];
    words.extend(data.iter().map(|path| path.as_os_str()));
    aquifer.run(words).ok();
    let predicted = read(&out);
    predicted.column_by_name("predict").unwrap().as_primitive::<Float64Type>().values().to_vec()
}

#[test]
fn predictions_follow_the_rows() {
    let aquifer = bed();
    let rows = 5000;
    let path = write(&aquifer, "data", regression(rows));
    let model = aquifer.file("model.safetensors");
    aquifer.run(train(&path, "y", &["--out", model.to_str().unwrap()])).ok();
    let expected = predict(&aquifer, &model, &[&path]);
    assert_eq!(expected.len(), rows);
    assert!(expected.iter().any(|y| *y != expected[0]));

    // The rows the other way round, without the target, the columns in another order, one more than is known.
    let backwards = arrow_array::UInt64Array::from_iter_values((0..rows as u64).rev());
    let taken = |array| arrow_select::take::take(array, &backwards, None).unwrap();
    let known = regression(rows);
    let columns = vec![("extra", taken(&known[2].1)), ("colour", taken(&known[1].1)), ("x", taken(&known[0].1))];
    let other = write(&aquifer, "other", columns);
    let mut found = predict(&aquifer, &model, &[&other]);
    found.reverse();
    assert_eq!(found, expected);

    // Files in the order given; a folder in the order of its names.
    let few = write(&aquifer, "few", regression(10));
    let both = predict(&aquifer, &model, &[&few, &path]);
    assert_eq!((&both[..10], &both[10..]), (&expected[..10], &expected[..]));
    let folder = aquifer.file("folder");
    std::fs::create_dir(&folder).unwrap();
    std::fs::rename(&path, folder.join("2.parquet")).unwrap();
    write_to(&folder.join("1.parquet"), regression(10));
    let all = predict(&aquifer, &model, &[&folder]);
    assert_eq!((&all[..10], &all[10..]), (&expected[..10], &expected[..]));
    let glob = predict(&aquifer, &model, &[&folder.join("*.parquet")]);
    assert_eq!(glob, all);
}

/// `evaluate` is the scoring of `train --test`, for every kind of target and for row weights.
#[test]
fn evaluate_is_what_train_said() {
    let aquifer = bed();
    let model = aquifer.file("model.safetensors");
    let out = model.to_str().unwrap();
    for (target, more) in
        [("y", &["--set", "ranks=3"][..]), ("colour", &["--set", "ranks=2"]), ("y", &["--set", "weights_column=x"])]
    {
        let path = write(&aquifer, "data", regression(4000));
        let test = write(&aquifer, "test", regression(2500));
        let test = test.to_str().unwrap();
        let more: Vec<&str> = more.iter().copied().chain(["--test", test, "--out", out, "--output", "json"]).collect();
        let trained = aquifer.run(train(&path, target, &more)).ok().json();
        let evaluated = aquifer.run(["evaluate", out, test, "--output", "json"]).ok().json();
        assert_eq!(evaluated["metrics"], trained["metrics"]["test"], "{target} {more:?}");
        assert_eq!(evaluated["rows"], 2500);
    }
}
