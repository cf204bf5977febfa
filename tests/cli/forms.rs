//! The forms of results: JSON as promised, CSV, tables; and readers that go away.

use std::process::{Command, Stdio};

use aquifer_harness::Finished;
use serde_json::Value;

use crate::bed::{bed, read_refusal, train};
use crate::tables::{regression, write};

#[track_caller]
fn check(finished: &Finished, schema: &str, keys: &[&str]) -> Value {
    let value: Value = serde_json::from_str(&finished.stdout).unwrap();
    assert_eq!(value["schema"], format!("aquifer.v1/{schema}"));
    assert_eq!(value.as_object().unwrap().len(), 2);
    assert_eq!(finished.stderr, "", "a program hears nothing else");
    let data = value["data"].clone();
    for key in keys {
        let found = key.split('.').fold(&data, |data, key| &data[key]);
        assert!(!found.is_null(), "{schema} has no {key}: {data}");
    }
    data
}

#[test]
fn json() {
    let aquifer = bed();
    let path = write(&aquifer, "data", regression(3000));
    let file = path.to_str().unwrap();
    let model = aquifer.file("model.safetensors");
    let model = model.to_str().unwrap();
    let run = |words: &[&str]| aquifer.run(words.iter().copied().chain(["--output", "json"])).ok();

    let more = ["--out", model, "--test", file, "--valid", file, "--output", "json"];
    let trained = aquifer.run(train(&path, "y", &more)).ok();
    let keys = "model.path model.blake3 model.fit_blake3 metrics.train.rmse metrics.validation.rmse metrics.test.mae rows \
                features inputs parameters seconds.import seconds.train seconds.score seconds.total samples \
                samples_per_second bytes_read ranks workers device numeric_class notes";
    let data = check(&trained, "TrainResult", &keys.split_whitespace().collect::<Vec<_>>());
    assert_eq!((&data["rows"], &data["features"], &data["samples"]), (&3000.into(), &2.into(), &600.into()));
    assert_eq!((&data["device"], &data["numeric_class"]), (&"cpu".into(), &"exact".into()));

    let data =
        check(&run(&["evaluate", model, file]), "EvaluateResult", &["model.path", "rows", "metrics.rmse", "notes"]);
    assert_eq!(data["levels"], serde_json::json!([]));
    let out = aquifer.file("p.parquet");
    let predicted = run(&["predict", model, file, "--out", out.to_str().unwrap()]);
    check(&predicted, "PredictResult", &["path", "rows", "model"]);
    check(&run(&["model", "show", model]), "ModelResult", &["spec_toml", "target", "features", "metrics.train.rmse"]);
    let keys = ["version", "protocol_version", "cores", "instructions", "memory_bytes", "self_test", "dir", "healthy"];
    let data = check(&run(&["doctor"]), "DoctorResult", &keys);
    assert_eq!(
        (&data["healthy"], data["instructions"].as_array().unwrap().last().unwrap()),
        (&true.into(), &"portable".into())
    );

    let keys = ["name", "rows", "columns", "shards", "bytes"];
    let imported = check(&run(&["frame", "import", "f", file]), "FrameResult", &keys);
    assert_eq!(check(&run(&["frame", "show", "f"]), "FrameResult", &keys), imported);
    let columns = imported["columns"].as_array().unwrap();
    let names: Vec<&Value> = columns.iter().map(|column| &column["name"]).collect();
    assert_eq!(names, ["x", "colour", "y"]);
    assert_eq!(
        (&columns[0]["type"], &columns[0]["missing"], &columns[0]["min"]),
        (&"float64".into(), &0.into(), &0.0.into())
    );
    assert_eq!(
        columns[1]["levels"],
        serde_json::json!([
            { "value": "blue", "rows": 1000 }, { "value": "green", "rows": 1000 }, { "value": "red", "rows": 1000 }
        ])
    );
    let list = check(&run(&["frame", "ls"]), "FrameList", &["frames"]);
    assert_eq!((&list["frames"][0]["name"], &list["frames"][0]["columns"]), (&"f".into(), &3.into()));
}

/// Without a target the columns are listed, of files and of frames.
#[test]
fn columns_without_a_target() {
    let aquifer = bed();
    let path = write(&aquifer, "data", regression(100));
    let file = path.to_str().unwrap();
    aquifer.run(["frame", "import", "f", file]).ok();
    for data in [file, "f"] {
        let finished = aquifer.run(["train", data]).code(2).says(&["no target was given", "--target"]);
        let words: Vec<&str> = finished.stdout.split_whitespace().filter(|word| !word.contains('─')).collect();
        assert_eq!(words, ["column", "type", "x", "float64", "colour", "text", "y", "float64"]);
        let finished = aquifer.run(["train", data, "--output", "json"]).code(2);
        assert_eq!(read_refusal(&finished.stderr).code, "no_target");
        let columns = serde_json::json!([{ "name": "x", "type": "float64" }, { "name": "colour", "type": "text" },
            { "name": "y", "type": "float64" }]);
        assert_eq!(finished.json()["columns"], columns);
    }
    assert!(!aquifer.dir().join("jobs").exists());
}

#[test]
fn csv() {
    let aquifer = bed();
    let path = write(&aquifer, "data", regression(3000));
    let model = aquifer.file("model.safetensors");
    let trained = aquifer.run(train(&path, "y", &["--out", model.to_str().unwrap(), "--output", "csv"])).ok();
    let lines: Vec<&str> = trained.stdout.lines().collect();
    assert_eq!(lines[0], "data,rows,logloss,auc,accuracy,f1,rmse,mae,r2");
    assert!(lines[1].starts_with("train,3000,-,-,-,") && lines.len() == 2, "{}", trained.stdout);
    aquifer.run(["frame", "import", "a,b", path.to_str().unwrap(), "--output", "csv"]).ok();
    let listed = aquifer.run(["frame", "ls", "--output", "csv"]).ok();
    assert!(listed.stdout.starts_with("frame,rows,columns,shards,size\n\"a,b\",3000,3,1,"), "{}", listed.stdout);
}

#[test]
fn notes_say_what_was_decided() {
    let aquifer = bed();
    let mut columns = regression(3000);
    columns.push(("k", crate::tables::ints((0..3000).map(|_| 4))));
    columns.push(("gap", crate::tables::floats((0..3000).map(|i| (i % 10 > 0).then_some(f64::from(i))))));
    columns[2].1 = crate::tables::floats((0..3000).map(|i| (i > 4).then_some(f64::from(i))));
    let path = write(&aquifer, "data", columns);
    let notes = [
        "k is dropped: every value is 4",
        "gap: 300 missing values become the mean",
        "5 rows",
        "1 rank keeps at most 1 of 2 threads busy",
    ];
    let trained = aquifer.run(train(&path, "y", &["--threads", "2"])).ok().says(&notes);
    assert!(!trained.stdout.contains("note"));
    assert!(!trained.stdout.contains("auc"), "an empty column: {}", trained.stdout);
    let trained = aquifer.run(train(&path, "y", &["--threads", "2", "--output", "json"])).ok();
    assert_eq!(trained.stderr, "");
    let said = trained.json()["notes"].to_string();
    notes.iter().for_each(|note| assert!(said.contains(note), "{note}: {said}"));
}

/// Neither a closed pipe nor a full disk behind standard output makes a panic; only the second is a failure.
#[test]
fn readers_that_go_away() {
    let aquifer = bed();
    let path = write(&aquifer, "data", regression(3000));
    aquifer.run(["frame", "import", "f", path.to_str().unwrap()]).ok();
    let model = aquifer.file("m.safetensors");
    aquifer.run(train(&path, "y", &["--out", model.to_str().unwrap()])).ok();
    let jobs = std::fs::read_dir(aquifer.dir().join("jobs")).unwrap().count();
    let commands: [&[&str]; 6] = [
        &["frame", "show", "f"],
        &["frame", "ls", "--output", "json"],
        &["evaluate", model.to_str().unwrap(), path.to_str().unwrap()],
        &["doctor"],
        &["--help"],
        &["train", path.to_str().unwrap(), "--target", "y", "--set", "epochs=0.1"],
    ];
    for words in commands {
        let mut command = aquifer.command(words);
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        drop((child.stdout.take(), child.stderr.take()));
        assert_eq!(child.wait().unwrap().code(), Some(0), "{words:?}");
    }
    // Only the training's journal is new.
    assert_eq!(std::fs::read_dir(aquifer.dir().join("jobs")).unwrap().count(), jobs + 1);

    let full = std::fs::File::options().write(true).open("/dev/full").unwrap();
    let output = aquifer.command(["frame", "show", "f"]).stdout(full).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("cannot write to standard output"));
}

#[test]
fn no_colour_outside_a_terminal() {
    let aquifer = bed();
    let path = write(&aquifer, "data", regression(3000));
    let plain = |command: &mut Command| {
        let output = command.stdin(Stdio::null()).output().unwrap();
        assert!(![output.stdout, output.stderr].concat().contains(&0x1b), "{command:?}");
    };
    plain(aquifer.command(train(&path, "y", &[])).env("AQUIFER_LOG", "debug"));
    plain(aquifer.command(["train", "--zzz"]).env("NO_COLOR", "1"));
    plain(aquifer.command(["--help"]).env("CLICOLOR", "1"));
    // Names are data: what they hold never reaches a terminal as it is.
    plain(&mut aquifer.command(["train", "x\u{1b}[31m.parquet", "--target", "y"]));
    plain(&mut aquifer.command(["frame", "import", "red\u{1b}[31m", path.to_str().unwrap()]));
    plain(&mut aquifer.command(["frame", "ls"]));
}
