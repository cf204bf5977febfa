//! Search files that are refused before anything starts; and candidates that fail while the rest of their search goes on.

use std::path::Path;

use aquifer_harness::Aquifer;
use serde_json::Value;

use crate::bed::{bed, files, read_refusal, refused, train};
use crate::search::{WISCONSIN, grid, search_file, search_of};
use crate::tables::{floats, regression, texts, write};

/// Runs a search that must be refused, and must have begun nothing.
#[track_caller]
fn refuse(more: &str, exit: i32, code: &str, said: &[&str]) {
    let aquifer = bed();
    let file = search_file(&aquifer, more);
    refused(&aquifer, grid(&file, &[]), exit, code, said);
    let known = |path: &std::path::PathBuf| !path.starts_with(aquifer.dir().join("models"));
    assert!(files(&aquifer.dir()).iter().all(known), "a model was left");
    // Of these the data had to be read first.
    if exit == 2 && !matches!(code, "too_many_folds" | "metric_of_another_target") {
        assert!(files(&aquifer.dir()).is_empty(), "it was refused late");
    }
}

#[test]
fn what_is_searched_is_checked_first() {
    refuse("[search]\n", 2, "nothing_to_search", &["[search.params] is empty", "l2 = [0.0, 1e-4]"]);
    refuse("[search.params]\n", 2, "nothing_to_search", &["[search.params] is empty"]);
    refuse(
        "[search.params]\nl2 = []\n",
        2,
        "wrong_type",
        &["search.toml", "[search.params]", "`l2` is []", "a list of values"],
    );
    let unknown = "[search.params]\nlearning_rat = [0.1]\n";
    refuse(unknown, 2, "unknown_key", &["[search.params]", "`learning_rat`", "did you mean `learning_rate`?"]);
    refuse("[search.params]\nnfolds = [2, 3]\n", 2, "misplaced_key", &["`nfolds`", "[cross_validation]"]);
    refuse(
        "[search.params]\nl2 = [0.1, \"much\"]\n",
        2,
        "wrong_type",
        &["[search.params]", "`l2` is \"much\"", "number"],
    );
    refuse("[search.params]\nl2 = [0.1, -1.0]\n", 2, "out_of_range", &["[search.params]", "`l2` is -1", "at least 0"]);
    let both = "epochs = 1\n[search.params]\nepochs = [1, 2]\n";
    refuse(both, 2, "contradiction", &["`epochs` is both fixed and searched"]);
    let range = "[search.params]\nl2 = { min = 0.0, max = 0.1 }\n";
    refuse(range, 2, "range_not_drawn", &["`l2`", "cartesian", "random"]);
    let endless = format!("[search]\nstrategy = \"random\"\n{range}");
    refuse(&endless, 2, "endless_search", &["max_models"]);
    refuse(
        "[search]\nstrategy = \"best\"\n[search.params]\nl2 = [0.0]\n",
        2,
        "not_a_choice",
        &["\"best\"", "\"halving\""],
    );
    let of_numbers = "[search]\nsort_by = \"rmse\"\n[search.params]\nl2 = [0.0]\n";
    refuse(of_numbers, 2, "metric_of_another_target", &["`sort_by` is \"rmse\"", "`class`"]);
    let too_long = "[search.params]\nepochs = [1, 1e-9]\n";
    refuse(too_long, 2, "out_of_range", &["candidate 2", "epochs = 0.000000001"]);
}

#[test]
fn a_search_without_an_end_is_counted() {
    let values: Vec<String> = (0..401).map(|i| format!("{i}e-5")).collect();
    let values = values.join(", ");
    let lists = format!("[search.params]\nl1 = [{values}]\nl2 = [{values}]\n");
    refuse(&lists, 2, "too_many_points", &["160,801 points", "100,000", "max_models"]);
    // With a limit it is as good as any.
    let aquifer = bed();
    let file = search_file(&aquifer, &format!("epochs = 0.2\n[search]\nmax_models = 3\n{lists}"));
    let result = aquifer.run(grid(&file, &["--output", "json"])).ok().json();
    assert_eq!(result["leaderboard"].as_array().map(Vec::len), Some(3), "{result}");
}

#[test]
fn files_that_are_no_searches() {
    let aquifer = bed();
    let plain = search_file(&aquifer, "epochs = 1\n");
    refused(
        &aquifer,
        grid(&plain, &[]),
        2,
        "no_search",
        &["search.toml has no table [search]", "aquifer train --spec"],
    );
    let none = aquifer.file("none.toml");
    refused(&aquifer, grid(&none, &[]), 2, "no_spec", &["none.toml", "[search]"]);
    let file = search_file(&aquifer, "[search.params]\nl2 = [0.0]\n");
    let spec = ["--spec", file.to_str().unwrap()];
    let words = train(Path::new(WISCONSIN), "class", &spec);
    refused(&aquifer, words, 2, "is_search", &["[search]", "aquifer grid"]);
    std::fs::write(&file, "data = [\"x.parquet\"]\n[search.params]\nl2 = [0.0]\n").unwrap();
    refused(&aquifer, grid(&file, &[]), 2, "no_target", &["target"]);
    std::fs::write(&file, "target = \"y\"\n[search.params]\nl2 = [0.0]\n").unwrap();
    refused(&aquifer, grid(&file, &[]), 2, "no_data", &["data"]);
    std::fs::write(&file, "data = [\"no/such.parquet\"]\ntarget = \"y\"\n[search.params]\nl2 = [0.0]\n").unwrap();
    refused(&aquifer, grid(&file, &[]), 3, "no_such_file", &["no/such.parquet"]);
    let file = search_of(&aquifer, Path::new(WISCONSIN), "clas", "[search.params]\nl2 = [0.0]\n");
    refused(&aquifer, grid(&file, &[]), 3, "unknown_column", &["\"clas\"", "`class`"]);
    let file = search_file(&aquifer, "[search.params]\nl2 = [0.0]\n");
    let nowhere = aquifer.file("no/folder/best.safetensors");
    for option in ["--out", "--plot"] {
        let words = grid(&file, &[option, nowhere.to_str().unwrap()]);
        refused(&aquifer, words, 2, "no_such_folder", &["no/folder"]);
    }
}

#[test]
fn folds_that_cannot_be() {
    let with = |folds: &str| format!("[search.params]\nl2 = [0.0, 0.1]\n[cross_validation]\n{folds}\n");
    refuse(&with("nfolds = 700"), 2, "too_many_folds", &["`nfolds` is 700", "699 rows"]);
    refuse(&with("nfolds = 1"), 2, "out_of_range", &["`nfolds` is 1"]);
    refuse(&with("fold_column = \"mitosis\""), 3, "unknown_column", &["the fold column", "\"mitosis\"", "`mitoses`"]);
    refuse(&with("fold_column = \"class\""), 2, "contradiction", &["`class`", "`fold_column`"]);
    refuse(&with("nfolds = 2\nfold_assignment = \"time\""), 2, "missing_key", &["fold_column"]);
    let no_times = "nfolds = 2\nfold_assignment = \"time\"\nfold_column = \"mitoses\"";
    refuse(&with(no_times), 3, "bad_folds", &["\"mitoses\"", "no dates or times"]);

    let aquifer = bed();
    let mut columns = regression(2000);
    columns.push(("gaps", floats((0..2000).map(|i| (i % 100 != 7).then_some((i % 3) as f64)))));
    columns.push(("one", texts((0..2000).map(|_| Some("same")))));
    let path = write(&aquifer, "data", columns);
    for (column, said) in [("gaps", "has 20 missing values"), ("one", "has one value, same")] {
        let file = search_of(&aquifer, &path, "y", &with(&format!("fold_column = \"{column}\"")));
        refused(&aquifer, grid(&file, &[]), 3, "bad_folds", &[&format!("{column:?}"), said]);
        let setting = format!("fold_column={column}");
        refused(&aquifer, train(&path, "y", &["--set", &setting]), 3, "bad_folds", &[said]);
    }
    let words = train(Path::new(WISCONSIN), "class", &["--set", "fold_column=mitosis"]);
    refused(&aquifer, words, 3, "unknown_column", &["the fold column", "`mitoses`"]);
}

/// Runs a search of which `failed` of two candidates fail, each for this reason, while the rest goes on.
#[track_caller]
fn fails(aquifer: &Aquifer, more: &str, options: &[&str], failed: usize, reason: &str) -> Value {
    let file = search_file(aquifer, more);
    let exit = if failed == 2 { 1 } else { 5 };
    let json = aquifer.run(grid(&file, &[options, &["--output", "json"]].concat())).code(exit);
    let refusal = read_refusal(&json.stderr);
    assert_eq!(refusal.code, "candidates_failed");
    assert!(refusal.text.contains(&format!("{failed} of 2 candidates failed")), "{}", refusal.text);
    let result = json.json();
    assert_eq!(result["failed"], failed);
    let all = result["leaderboard"].as_array().unwrap();
    let of_status = |status: &str| all.iter().filter(|entry| entry["status"] == status).collect::<Vec<&Value>>();
    let (done, gone) = (of_status("done"), of_status("failed"));
    assert_eq!((done.len(), gone.len()), (2 - failed, failed));
    assert!(done.iter().all(|entry| entry["place"] == 1 && entry["model"]["kept"] == true), "{result}");
    for entry in gone {
        let said = entry["reason"]["message"].as_str().unwrap();
        assert!(entry["place"].is_null() && entry["model"].is_null() && said.contains(reason), "{entry}");
    }
    assert_eq!(result["best"].is_string(), failed < 2);

    // People are told each reason once, and on which candidates it fell.
    let table = aquifer.run(grid(&file, options)).code(exit).stdout;
    let lines: Vec<&str> = table.lines().filter(|line| line.starts_with("failed ")).collect();
    assert!(lines.len() == 1 && lines[0].contains(reason), "{table}");
    result
}

#[test]
fn a_candidate_that_diverges_is_recorded_and_the_rest_goes_on() {
    let diverges = "epochs = 1\noptimizer = \"sgd\"\n[search.params]\nlearning_rate = ";
    let aquifer = bed();
    fails(&aquifer, &format!("{diverges}[0.001, 1e30]\n"), &[], 1, "training diverged");
    let folds = "[cross_validation]\nnfolds = 3\n";
    let found = fails(&aquifer, &format!("{diverges}[0.001, 1e30]\n{folds}"), &[], 1, "training diverged");
    fails(&bed(), &format!("{diverges}[1e29, 1e30]\n{folds}"), &[], 2, "training diverged");

    // What did not diverge is what it is without the other.
    let alone = bed();
    let file = search_file(&alone, &format!("{diverges}[0.001]\n{folds}"));
    let one = alone.run(grid(&file, &["--output", "json"])).ok().json();
    assert_eq!(one["leaderboard"][0]["model"], found["leaderboard"][0]["model"]);
    assert_eq!(one["leaderboard"][0]["value"], found["leaderboard"][0]["value"]);

    let job = found["job"].as_str().unwrap();
    let export = ["model", "export", job, "--candidate", "2", "--out", "x.safetensors"];
    let said = aquifer.run(export).code(1).stderr;
    assert!(said.contains("training diverged"), "{said}");
}

#[test]
fn a_candidate_that_does_not_fit_is_recorded_and_the_rest_goes_on() {
    // `hidden` is searched, so it is not fixed.
    let aquifer = bed();
    let path = aquifer.file("search.toml");
    let text = "target = \"class\"\n[params]\nepochs = 1\n[search.params]\nhidden = [[8], [4096, 4096]]\n";
    std::fs::write(&path, format!("data = [\"{WISCONSIN}\"]\n{text}")).unwrap();
    let json = aquifer.run(grid(&path, &["--memory", "100MiB", "--output", "json"])).code(5);
    let result = json.json();
    let all = result["leaderboard"].as_array().unwrap();
    assert_eq!((&all[0]["params"]["hidden"], &all[0]["status"]), (&serde_json::json!([8]), &"done".into()));
    let reason = &all[1]["reason"];
    assert_eq!((&all[1]["status"], &reason["code"]), (&"failed".into(), &"memory_too_small".into()));
    assert!(reason["message"].as_str().unwrap().contains("and may take 100"), "{reason}");
    // With room for it, the same search trains what it lacks.
    let whole = aquifer.run(grid(&path, &["--memory", "3GiB", "--output", "json"])).ok().json();
    assert_eq!((whole["failed"].as_u64(), whole["leaderboard"].as_array().map(Vec::len)), (Some(0), Some(2)));
}

/// The folds of a table in order of its classes hold out one class each.
#[test]
fn a_fold_of_one_class_has_no_auc() {
    let aquifer = bed();
    let folds = "[cross_validation]\nnfolds = 300\nfold_assignment = \"modulo\"\n";
    let search = format!("epochs = 0.1\n[search]\nsort_by = \"auc\"\n[search.params]\nl2 = [0.0, 0.1]\n{folds}");
    fails(
        &aquifer,
        &search,
        &[],
        2,
        "has no auc: of some metrics there is none where all held-out rows are of one class",
    );
    let by_loss = search.replace("\"auc\"", "\"logloss\"").replace("= 300", "= 20");
    let file = search_file(&aquifer, &by_loss);
    aquifer.run(grid(&file, &[])).ok();
}

/// Parameters that do not apply to all: a candidate that cannot be is recorded, if others can.
#[test]
fn combinations_that_cannot_be_are_recorded() {
    let more = "epochs = 1\nmomentum = 0.5\n[search.params]\noptimizer = [\"sgd\", \"adam\"]\n";
    fails(&bed(), more, &[], 1, "`momentum`");
}
