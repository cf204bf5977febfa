//! Settings that are refused before anything starts.

use crate::bed::{bed, files, read_refusal, refused, train};
use crate::tables::{regression, write};

#[test]
fn values_out_of_range() {
    let aquifer = bed();
    let path = write(&aquifer, "data", regression(2000));
    let out = aquifer.file("out.safetensors");
    let check = |settings: &[&str], code: &str, said: &[&str]| {
        let mut more = vec!["--out", out.to_str().unwrap()];
        more.extend(settings.iter().flat_map(|setting| ["--set", setting]));
        refused(&aquifer, train(&path, "y", &more), 2, code, said);
        assert!(files(&aquifer.dir()).is_empty(), "{settings:?} was refused late");
    };
    for setting in [
        "hidden=[0]",
        "hidden=[65537]",
        "learning_rate=0",
        "learning_rate=-0.1",
        "learning_rate=nan",
        "beta1=1",
        "beta2=-0.1",
        "epsilon=0",
        "mini_batch_size=0",
        "mini_batch_size=1048577",
        "epochs=0",
        "epochs=-1",
        "epochs=inf",
        "epochs=1e-9",
        "l1=-1",
        "l2=-1e-9",
        "input_dropout_ratio=1",
        "hidden_dropout_ratios=[1]",
        "hidden_dropout_ratios=[0.1, 0.1]",
        "ranks=0",
        "averaging.interval=0",
        "averaging.outer_rate=0",
        "averaging.outer_momentum=1",
    ] {
        let (key, _) = setting.split_once('=').unwrap();
        check(&[setting], "out_of_range", &[&format!("`{key}` is "), "docs/defaults.md"]);
    }
    check(&["optimizer=sgd", "momentum=1"], "out_of_range", &["`momentum` is 1", "at least 0, below 1"]);
    check(&["seed=-1"], "wrong_type", &["`seed` is -1"]);
}

#[test]
fn values_of_another_kind() {
    let aquifer = bed();
    let path = write(&aquifer, "data", regression(2000));
    let check = |setting: &str, code: &str, said: &[&str]| {
        refused(&aquifer, train(&path, "y", &["--set", setting]), 2, code, said);
        assert!(files(&aquifer.dir()).is_empty(), "{setting} was refused late");
    };
    check("epochs=many", "wrong_type", &["`epochs` is \"many\"", "number"]);
    check("standardize=perhaps", "wrong_type", &["`standardize`", "true or false"]);
    check("hidden=5.5", "wrong_type", &["`hidden`"]);
    check("optimizer=adm", "not_a_choice", &["did you mean \"adam\"?", "\"sgd\""]);
    check("activation=relu", "not_a_choice", &["\"rectifier\", \"tanh\", \"linear\""]);
    check("task=clasification", "not_a_choice", &["did you mean \"classification\"?"]);
    check("algorithm=gbm", "not_a_choice", &["deeplearning"]);
    check("device=cuda", "not_a_choice", &["\"cpu\""]);
    check("missing_values_handling=median", "not_a_choice", &["mean_imputation"]);
    check("momentum=0.5", "not_applicable", &["`momentum`", "adam"]);
    check("epochs", "not_an_assignment", &["`epochs`", "key=value"]);
    check("epoch=1", "unknown_key", &["unknown key `epoch`: did you mean `epochs`?"]);
    check("qqqqq=1", "unknown_key", &["unknown key `qqqqq`", "learning_rate"]);
    check("ignored_columns=[\"y\"]", "contradiction", &["column `y`"]);
}

#[test]
fn spec_files() {
    let aquifer = bed();
    let path = write(&aquifer, "data", regression(2000));
    let spec = aquifer.file("spec.toml");
    let check = |text: &str, code: &str, said: &[&str]| {
        std::fs::write(&spec, text).unwrap();
        refused(&aquifer, train(&path, "y", &["--spec", spec.to_str().unwrap()]), 2, code, said);
        assert!(files(&aquifer.dir()).is_empty());
    };
    check("target = = 1", "spec_syntax", &["spec.toml", "line 1, column 10"]);
    check("[params]\nepoch = 1", "unknown_key", &["spec.toml", "unknown key `epoch`", "did you mean", "epochs"]);
    check("epochs = 1", "misplaced_key", &["`epochs`", "[params]"]);
    check("[paramz]\nepochs = 1", "unknown_key", &["`paramz`", "params"]);
    check("version = 2", "spec_version", &["version 2"]);
    check("[params]\nlearning_rate = -1.0", "out_of_range", &["`learning_rate` is -1"]);
    let none = aquifer.file("none.toml");
    refused(&aquifer, train(&path, "y", &["--spec", none.to_str().unwrap()]), 2, "no_spec", &["none.toml"]);
}

#[test]
fn options() {
    let aquifer = bed();
    let check = |words: &[&str], said: &[&str]| {
        let refusal = refused(&aquifer, words, 2, "usage", said);
        assert!(!refusal.text.contains('\u{1b}'));
    };
    check(&["train", "x.parquet", "--targt", "y"], &["'--targt'", "'--target'"]);
    check(&["trian"], &["'trian'", "'train'"]);
    check(&["predict", "m.safetensors", "x.parquet"], &["--out <FILE>"]);
    check(&["train", "x.parquet", "--workers", "0"], &["--workers <N>", "1..=1024"]);
    check(&["train", "x.parquet", "--seed", "-1"], &["-1"]);
    check(&["train", "x.parquet", "--workers", "2", "--cluster", "http://127.0.0.1:1"], &["cannot be used with"]);
    check(&["evaluate"], &["<MODEL>", "<DATA>..."]);

    // `--output=json` is understood as well, and without it the words are for people.
    let finished = aquifer.run(["train", "--output=json", "--zzz"]).code(2);
    assert_eq!(read_refusal(&finished.stderr).code, "usage");
    aquifer.run(["train", "--zzz"]).code(2).says(&["error: unexpected argument '--zzz'", "Usage: aquifer train"]);
    aquifer.run(["train"]).code(2).says(&["error: no data was given", "help: aquifer train FILE --target COLUMN"]);
    aquifer.run(["train", "--output", "yaml"]).code(2).says(&["table, json, csv"]);
}

#[test]
fn an_unknown_form_of_the_log_is_refused() {
    let aquifer = bed();
    let mut command = aquifer.command(["doctor"]);
    command.env("AQUIFER_LOG_FORMAT", "xml");
    let finished = aquifer_harness::Running::start(command).finish().code(2);
    finished.says(&["AQUIFER_LOG_FORMAT", "xml", "text or json"]);
}
