//! `aquifer verify`: models of every kind are found equal, and what is not is told apart.

use std::path::{Path, PathBuf};

use aquifer_harness::{Aquifer, data};
use serde_json::Value;

use crate::bed::{bed, refused, train};
use crate::search::{WISCONSIN, grid, search_file};
use crate::tables::{regression, texts, write};

/// `verify MODEL …` must say that it is equal.
#[track_caller]
fn equal(aquifer: &Aquifer, model: &Path, more: &[&str]) -> Value {
    let words = ["verify", model.to_str().unwrap(), "--output", "json"];
    let finished = aquifer.run(words.iter().chain(more)).ok();
    assert!(finished.stdout.contains("\"aquifer.v1/VerifyResult\""), "{}", finished.stdout);
    let result = finished.json();
    assert_eq!((&result["equal"], &result["difference"]), (&true.into(), &Value::Null));
    assert_eq!(result["model"]["blake3"], result["model"]["again_blake3"]);
    result
}

fn trained(aquifer: &Aquifer, data: &Path, target: &str, more: &[&str]) -> PathBuf {
    let model = aquifer.file("model.safetensors");
    aquifer.run(train(data, target, &[&["--out", model.to_str().unwrap()], more].concat())).ok();
    model
}

/// As the README has it: trained with test data, verified without, or with.
#[test]
fn the_model_of_the_readme() {
    let aquifer = bed();
    let (adult, test) = ("tests/data/adult/train.parquet", "tests/data/adult/test.parquet");
    let model = trained(&aquifer, Path::new(adult), "income", &["--test", test]);
    let words = ["verify", model.to_str().unwrap(), "--data", adult];
    let told = aquifer.run(words).ok().says(&["score of test data was not made again: give it with --test"]);
    let hash = aquifer_hash(&model);
    assert_eq!(told.stdout, format!("equal    {hash} in the file, {hash} trained again\n"));
    assert_eq!(equal(&aquifer, &model, &["--data", adult])["not_scored"], serde_json::json!(["test"]));
    let whole = equal(&aquifer, &model, &["--data", adult, "--test", test, "--workers", "2"]);
    assert_eq!(whole["not_scored"], serde_json::json!([]));
    let csv = aquifer.run(words.iter().chain(&["--output", "csv"])).ok().stdout;
    assert!(csv.starts_with(&format!("equal,blake3,again_blake3,seconds\ntrue,{hash},{hash},")), "{csv}");
}

fn aquifer_hash(model: &Path) -> String {
    aquifer_model::model_hash(&std::fs::read(model).unwrap())
}

#[test]
fn models_of_every_kind() {
    let aquifer = bed();
    let days: Vec<String> = (0..3000).map(|i| format!("20{:02}-{:02}-01", i * 7 % 20, i * 5 % 12 + 1)).collect();
    let with_day = |rows: usize| {
        let day = ("day", texts(days[..rows].iter().map(|day| Some(day.as_str()))));
        regression(rows).into_iter().chain([day]).collect()
    };
    let (path, valid) = (write(&aquifer, "data", with_day(3000)), write(&aquifer, "valid", with_day(700)));
    let (file, valid) = (path.to_str().unwrap(), valid.to_str().unwrap());
    let stops = ["--set", "stopping_rounds=1", "--set", "score_interval=0.2", "--set", "epochs=2"];
    let cases: [(&[&str], &[&str]); 6] = [
        (&["--split", "0.7", "--seed", "5"], &[]),
        (&["--split", "0.7", "--split-by", "day"], &[]),
        (&["--valid", valid], &["--valid", valid]),
        (&[&stops[..], &["--valid", valid]].concat(), &["--valid", valid]),
        (&["--set", "stop_at=500", "--set", "ranks=2", "--type", "colour=categorical"], &[]),
        (&["--ignore", "colour", "--set", "nfolds=3"], &["--ignore", "colour"]),
    ];
    for (made, verified) in cases {
        let model = trained(&aquifer, &path, "y", made);
        let result = equal(&aquifer, &model, &[&["--data", file], verified].concat());
        assert_eq!(result["not_scored"], serde_json::json!([]), "{made:?}");
    }
    // A score that is not made again is taken as it is, but for stopping the data is needed.
    let model = trained(&aquifer, &path, "y", &["--valid", valid]);
    assert_eq!(equal(&aquifer, &model, &["--data", file])["not_scored"], serde_json::json!(["validation"]));
    let model = trained(&aquifer, &path, "y", &[&stops[..], &["--valid", valid]].concat());
    let words = ["verify", model.to_str().unwrap(), "--data", file];
    refused_keeping(&aquifer, &words, 2, "no_validation", &["training stopped by validation data"]);
    let other = [&words[..], &["--valid", file]].concat();
    refused_keeping(&aquifer, &other, 3, "other_data", &["--valid", "from a frame of hash"]);
}

/// Rows that were scattered at import are known by the frame's name.
#[test]
fn a_frame_by_its_name() {
    let aquifer = bed();
    aquifer.run(["frame", "import", "scattered", WISCONSIN, "--shuffle=3"]).ok();
    let model = trained(&aquifer, Path::new("scattered"), "class", &[]);
    equal(&aquifer, &model, &["--data", "scattered"]);
    let words = ["verify", model.to_str().unwrap(), "--data", WISCONSIN];
    refused_keeping(&aquifer, &words, 3, "other_data", &["made from other data", "for a frame, its name"]);
}

/// The best model of a search with folds ends where its folds were best; others are made with their own parameters.
#[test]
fn models_of_candidates() {
    let aquifer = bed();
    let more = "epochs = 3\n[search.params]\nl2 = [0.0, 0.1]\nstandardize = [true, false]\n[cross_validation]\nnfolds = 3\n\
                [stopping]\nstopping_rounds = 1\nscore_interval = 0.3\n";
    let (file, best) = (search_file(&aquifer, more), aquifer.file("best.safetensors"));
    let result = aquifer.run(grid(&file, &["--out", best.to_str().unwrap(), "--output", "json"])).ok().json();
    equal(&aquifer, &best, &["--data", WISCONSIN]);
    let third = aquifer.file("third.safetensors");
    let job = result["job"].as_str().unwrap();
    aquifer.run(["model", "export", job, "--place", "3", "--out", third.to_str().unwrap()]).ok();
    equal(&aquifer, &third, &["--data", WISCONSIN]);
}

/// A model that somebody altered, and sealed again: the first value that is not what data and spec make is named.
#[test]
fn an_altered_model_is_found() {
    let aquifer = bed();
    let model = trained(&aquifer, Path::new(WISCONSIN), "class", &[]);
    let mut read = aquifer_model::Model::from_bytes(&std::fs::read(&model).unwrap()).unwrap();
    let forged = aquifer.file("forged.safetensors");
    let verify = |change: &mut dyn FnMut(&mut aquifer_model::Model), texts: &[&str]| {
        let mut other = read.clone();
        change(&mut other);
        std::fs::write(&forged, other.to_bytes().unwrap()).unwrap();
        let words = ["verify", forged.to_str().unwrap(), "--data", WISCONSIN];
        let finished = aquifer.run(words).code(1).says(texts);
        assert!(finished.stdout.starts_with("differs  "), "{}", finished.stdout);
        let json = aquifer.run(words.iter().chain(&["--output", "json"])).code(1);
        assert!(json.stderr.contains("\"not_equal\""), "{}", json.stderr);
        json.json()
    };
    let found = verify(&mut |model| model.tensors[0].values[3] += 1.0, &["is not what its data and spec make"]);
    let tensor = &found["difference"];
    assert_eq!((&tensor["of"], &tensor["at"], &tensor["count"]), (&"tensor".into(), &3.into(), &1.into()));
    assert_eq!(found["equal"], false);
    let found = verify(&mut |model| model.scores[0].metrics.logloss = Some(0.25), &["its scores `train` differs"]);
    assert_eq!(found["difference"]["of"], "scores");
    let found = verify(&mut |model| model.encoding.numeric[0].shift += 1.0, &["its encoding differs"]);
    assert_eq!(found["difference"]["of"], "encoding");
    // Another seed in the spec: the weights are not those of it.
    let found = verify(&mut |model| model.spec.params.seed += 1, &["tensor"]);
    assert_eq!(found["difference"]["of"], "tensor");
    read.spec.data = "0".repeat(64);
    std::fs::write(&forged, read.to_bytes().unwrap()).unwrap();
    let words = ["verify", forged.to_str().unwrap(), "--data", WISCONSIN];
    refused_keeping(&aquifer, &words, 3, "other_data", &["from a frame of hash 0000000000000000"]);
}

#[test]
fn what_cannot_be_verified() {
    let aquifer = bed();
    let model = trained(&aquifer, Path::new(WISCONSIN), "class", &["--split", "0.8"]);
    let model = model.to_str().unwrap();
    let adult = data("adult/train.parquet");
    let verify = |more: &[&'static str]| [&["verify", model, "--data", WISCONSIN][..], more].concat();
    let other = ["verify", model, "--data", adult.to_str().unwrap()];
    refused_keeping(&aquifer, &other, 3, "unknown_column", &["\"class\""]);
    refused_keeping(&aquifer, &verify(&["--test", WISCONSIN]), 2, "nothing_to_score", &["part of its training data"]);
    refused_keeping(&aquifer, &verify(&["--valid", WISCONSIN]), 2, "nothing_to_score", &["no score of validation"]);
    let twice = ["verify", model, "--data", WISCONSIN, WISCONSIN];
    refused_keeping(&aquifer, &twice, 3, "other_data", &["from 699 rows, and --data has 1,398"]);
    refused_keeping(&aquifer, &["verify", WISCONSIN, "--data", WISCONSIN], 3, "not_safetensors", &[]);
    refused_keeping(&aquifer, &["verify", "no.safetensors", "--data", WISCONSIN], 2, "no_model", &[]);
    aquifer.run(["verify", model]).code(2).says(&["--data"]);
}

/// A refusal that leaves nothing; the journal of the training before it goes first.
#[track_caller]
fn refused_keeping(aquifer: &Aquifer, words: &[&str], exit: i32, code: &str, texts: &[&str]) {
    let jobs = aquifer.dir().join("jobs");
    if jobs.exists() {
        std::fs::remove_dir_all(&jobs).unwrap();
    }
    refused(aquifer, words, exit, code, texts);
}
