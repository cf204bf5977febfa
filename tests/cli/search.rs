//! Cross-validation and searches as a person and a program meet them: tables, JSON, CSV, drawings, and the ways to assign folds
//! and to choose points.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use aquifer_harness::Aquifer;
use arrow_array::{ArrayRef, TimestampMillisecondArray};
use serde_json::Value;

use crate::bed::{assert_nothing_left, bed, refused, train};
use crate::tables::{regression, texts, write};

pub(crate) const WISCONSIN: &str = "tests/data/wisconsin/wisconsin.parquet";

/// A search on a small table of two classes; `more` begins among the keys of `[params]`.
pub(crate) fn search_file(aquifer: &Aquifer, more: &str) -> PathBuf {
    search_of(aquifer, Path::new(WISCONSIN), "class", more)
}

pub(crate) fn search_of(aquifer: &Aquifer, data: &Path, target: &str, more: &str) -> PathBuf {
    let text = format!("data = [{data:?}]\ntarget = \"{target}\"\n[params]\nhidden = [8]\n{more}");
    let path = aquifer.file("search.toml");
    std::fs::write(&path, text).unwrap();
    path
}

/// The words of `grid`.
pub(crate) fn grid<'a>(file: &'a Path, more: &[&'a str]) -> Vec<&'a str> {
    ["grid", file.to_str().unwrap()].into_iter().chain(more.iter().copied()).collect()
}

fn entries(result: &Value) -> &[Value] {
    result["leaderboard"].as_array().unwrap_or_else(|| panic!("no leaderboard: {result}"))
}

const FOUR: &str = "epochs = 1\n[search.params]\nl2 = [0.0, 0.1]\nlearning_rate = [0.001, 0.01]\n";

#[test]
fn a_leaderboard_in_all_forms() {
    let aquifer = bed();
    let file = search_file(&aquifer, &format!("{FOUR}[cross_validation]\nnfolds = 3\n"));
    let json = aquifer.run(grid(&file, &["--output", "json"])).ok();
    assert!(json.stdout.contains("\"aquifer.v1/GridResult\""), "{}", json.stdout);
    let result = json.json();
    let all = entries(&result);
    assert_eq!((all.len(), &result["metric"], &result["failed"]), (4, &"auc".into(), &0.into()));
    let places: Vec<u64> = all.iter().map(|entry| entry["place"].as_u64().unwrap()).collect();
    assert_eq!(places, [1, 2, 3, 4]);
    let values: Vec<f64> = all.iter().map(|entry| entry["value"].as_f64().unwrap()).collect();
    assert!(values.is_sorted_by(|a, b| a >= b) && values[0] > values[3], "{values:?}");
    for entry in all {
        let folds: Vec<f64> = entry["cross_validation"]["folds"]
            .as_array()
            .unwrap()
            .iter()
            .map(|fold| fold["metrics"]["auc"].as_f64().unwrap())
            .collect();
        let mean = folds.iter().sum::<f64>() / 3.0;
        assert!((entry["value"].as_f64().unwrap() - mean).abs() < 1e-12, "{entry}");
        assert!((entry["cross_validation"]["mean"]["auc"].as_f64().unwrap() - mean).abs() < 1e-12, "{entry}");
        assert_eq!(entry["metrics"]["cross_validation"]["rows"], 699);
        assert_eq!((&entry["status"], &entry["reason"]), (&"done".into(), &Value::Null));
    }
    assert!(Path::new(result["best"].as_str().unwrap()).exists());

    let csv = aquifer.run(grid(&file, &["--output", "csv"])).ok().stdout;
    let mut lines = csv.lines();
    let head = "place,candidate,l2,learning_rate,auc,deviation,epochs,seconds,status,fit_blake3,reason";
    assert_eq!(lines.next(), Some(head));
    for (line, entry) in lines.by_ref().zip(all) {
        let cells: Vec<&str> = line.split(',').collect();
        assert_eq!((cells[0], cells[8]), (&entry["place"].to_string()[..], "done"), "{line}");
        assert_eq!(
            (cells[4], cells[5]),
            (&entry["value"].to_string()[..], &entry["deviation"].to_string()[..]),
            "{line}"
        );
        assert_eq!(cells[9], entry["model"]["fit_blake3"].as_str().unwrap());
    }
    assert_eq!((csv.lines().count(), lines.next()), (5, None));

    let table = aquifer.run(grid(&file, &[])).ok().says(&["699 rows", "4 candidates", "3 folds, and a final fit"]);
    let words: Vec<&str> = table.stdout.lines().next().unwrap().split_whitespace().collect();
    assert_eq!(words, ["place", "candidate", "l2", "learning_rate", "auc", "epochs", "seconds", "status"]);
    let first = table.stdout.lines().nth(2).unwrap();
    assert!(first.contains(&format!("{:.4} ± ", values[0])) && first.trim_end().ends_with("done"), "{first}");
    for text in [result["job"].as_str().unwrap(), "sorted by auc", all[0]["model"]["blake3"].as_str().unwrap()] {
        assert!(table.stdout.contains(text), "{text}:\n{}", table.stdout);
    }
}

#[test]
fn folds_of_a_training_are_told_in_a_table_and_in_json() {
    let aquifer = bed();
    let words = |more: &[&'static str]| train(Path::new(WISCONSIN), "class", &[&["--set", "nfolds=3"], more].concat());
    let table = aquifer.run(words(&[])).ok().stdout;
    for line in ["held out", "fold 1 ", "fold 2 ", "fold 3 ", "all folds", "mean ", "deviation "] {
        assert!(table.lines().any(|known| known.starts_with(line)), "no line `{line}`:\n{table}");
    }
    let result = aquifer.run(words(&["--output", "json"])).ok().json();
    let cross = &result["cross_validation"];
    let folds = cross["folds"].as_array().unwrap();
    let of_fold = |name: &str| folds.iter().map(|fold| fold["metrics"][name].as_f64().unwrap()).collect::<Vec<f64>>();
    assert_eq!(of_fold("rows").iter().sum::<f64>(), 699.0);
    assert_eq!(result["metrics"]["cross_validation"]["rows"], 699);
    for metric in ["auc", "logloss", "accuracy"] {
        let values = of_fold(metric);
        let mean = values.iter().sum::<f64>() / 3.0;
        let deviation = (values.iter().map(|value| (value - mean) * (value - mean)).sum::<f64>() / 2.0).sqrt();
        assert!((cross["mean"][metric].as_f64().unwrap() - mean).abs() < 1e-12, "{metric}: {cross}");
        assert!((cross["deviation"][metric].as_f64().unwrap() - deviation).abs() < 1e-12, "{metric}: {cross}");
    }
    // The model itself is that of a training without folds.
    let plain = aquifer.run(train(Path::new(WISCONSIN), "class", &["--output", "json"])).ok().json();
    assert_eq!(plain["model"]["fit_blake3"], result["model"]["fit_blake3"]);
    assert_eq!(plain["cross_validation"], Value::Null);
}

/// Rows of each fold's held-out part.
fn held_out(result: &Value) -> Vec<u64> {
    let folds = result["cross_validation"]["folds"].as_array().unwrap_or_else(|| panic!("no folds: {result}"));
    folds.iter().map(|fold| fold["metrics"]["rows"].as_u64().unwrap()).collect()
}

#[test]
fn folds_come_from_a_column_from_times_and_beside_a_split() {
    const ROWS: usize = 4000;
    let aquifer = bed();
    let instant = |i: usize| 1_600_000_000_000 + i as i64 * 3_600_000;
    let mut columns = regression(ROWS);
    let part = |i: usize| Some(["north", "south", "west"][if i % 8 < 2 { 0 } else { 1 + i % 2 }]);
    columns.push(("part", texts((0..ROWS).map(part))));
    columns.push(("when", Arc::new(TimestampMillisecondArray::from_iter_values((0..ROWS).map(instant))) as ArrayRef));
    let path = write(&aquifer, "data", columns);
    let trained = |settings: &[&'static str]| {
        let mut words: Vec<&str> = settings.iter().flat_map(|setting| ["--set", setting]).collect();
        words.extend(["--output", "json"]);
        aquifer.run(train(&path, "y", &words)).ok().json()
    };
    let by_column = trained(&["fold_column=part"]);
    let mut rows = held_out(&by_column);
    rows.sort_unstable();
    assert_eq!(rows, [1000, 1500, 1500]);
    let without = trained(&["ignored_columns=[\"part\"]"]);
    assert_eq!(by_column["features"], without["features"], "a column of folds is no feature");
    assert_eq!(by_column["model"]["fit_blake3"], without["model"]["fit_blake3"]);

    // Four windows: three of them are held out, each after those that it is learned from.
    let by_time = held_out(&trained(&["nfolds=3", "fold_assignment=time", "fold_column=when"]));
    assert!(by_time.len() == 3 && by_time.iter().all(|rows| (900..1100).contains(rows)), "{by_time:?}");

    let modulo = held_out(&trained(&["nfolds=3", "fold_assignment=modulo"]));
    assert_eq!(modulo, [1334, 1333, 1333]);
    let split = trained(&["nfolds=4", "split=0.8"]);
    let of_part = |part: &str| split["metrics"][part]["rows"].as_u64().unwrap();
    assert_eq!(held_out(&split).iter().sum::<u64>(), of_part("train"), "folds are of the rows that are trained on");
    assert_eq!(of_part("train") + of_part("test"), ROWS as u64);
}

#[test]
fn points_are_drawn_and_the_best_of_many_go_on() {
    let range = "epochs = 4\n[search]\nmax_models = 9\n[search.params]\nlearning_rate = { min = 1e-4, max = 0.1, scale = \"log\" }\n";
    let found = |strategy: &str| {
        let aquifer = bed();
        let file = search_file(&aquifer, range);
        aquifer.run(grid(&file, &["--set", strategy, "--output", "json"])).ok().json()
    };
    let rates = |result: &Value| -> Vec<f64> {
        entries(result).iter().map(|entry| entry["params"]["learning_rate"].as_f64().unwrap()).collect()
    };
    let random = found("strategy=random");
    let mut drawn = rates(&random);
    assert!(drawn.len() == 9 && drawn.iter().all(|rate| (1e-4..=0.1).contains(rate)), "{drawn:?}");
    assert_eq!(rates(&found("strategy=random")), drawn, "the same seed draws the same points");
    drawn.sort_by(f64::total_cmp);
    drawn.dedup();
    assert_eq!(drawn.len(), 9, "points differ");

    let halving = found("strategy=halving");
    let of_status = |status: &str| -> Vec<f64> {
        let found = entries(&halving).iter().filter(|entry| entry["status"] == status);
        found.map(|entry| entry["epochs"].as_f64().unwrap()).collect()
    };
    let (done, stopped) = (of_status("done"), of_status("stopped"));
    assert_eq!(done.len() + stopped.len(), 9);
    assert!(
        done.iter().all(|epochs| *epochs == 4.0) && stopped.iter().all(|epochs| *epochs < 4.0),
        "{done:?} {stopped:?}"
    );
    assert!(stopped.len() >= 6 && !done.is_empty());
    let samples = |result: &Value| result["samples"].as_u64().unwrap();
    assert!(samples(&halving) < samples(&random));

    let sequential = {
        let aquifer = bed();
        let file = search_file(&aquifer, &format!("{FOUR}[search]\nstrategy = \"sequential\"\n"));
        aquifer.run(grid(&file, &["--output", "json"])).ok().json()
    };
    assert_eq!(entries(&sequential).len(), 2, "the first values together, then the second");
}

#[test]
fn learning_curves_are_drawn() {
    let aquifer = bed();
    let file = search_file(&aquifer, &format!("{FOUR}[stopping]\nscore_interval = 0.25\n"));
    let plot = aquifer.file("curves.svg");
    aquifer.run(grid(&file, &["--plot", plot.to_str().unwrap()])).ok();
    let drawn = std::fs::read_to_string(&plot).unwrap();
    assert!(drawn.contains("<svg ") && drawn.trim_end().ends_with("</svg>"), "{drawn}");
    for label in ["1: l2=", "4: l2=", "learning_rate="] {
        assert!(drawn.contains(label), "`{label}` is not drawn");
    }
    assert!(!drawn.contains("no scorings"));
}

#[test]
fn jobs_are_listed_and_shown() {
    let aquifer = bed();
    let empty = aquifer.run(["job", "ls", "--output", "json"]).ok().json();
    assert_eq!(empty["jobs"], Value::Array(Vec::new()));
    for verb in ["show", "watch", "cancel", "resume"] {
        refused(&aquifer, ["job", verb, "0123456789ab"], 2, "no_job", &["0123456789ab", "aquifer job ls"]);
        refused(&aquifer, ["job", verb, "../jobs"], 2, "no_job", &[]);
    }
    refused(&aquifer, ["model", "export", "0123456789ab", "--out", "x"], 2, "no_job", &["0123456789ab"]);
    assert_nothing_left(&aquifer);

    let source = aquifer.file("data.parquet");
    std::fs::copy(aquifer_harness::data("wisconsin/wisconsin.parquet"), &source).unwrap();
    let file = search_of(&aquifer, &source, "class", FOUR);
    let result = aquifer.run(grid(&file, &["--output", "json"])).ok().json();
    let id = result["job"].as_str().unwrap();
    aquifer.run(train(Path::new(WISCONSIN), "class", &["--set", "nfolds=2"])).ok();
    let listed = aquifer.run(["job", "ls"]).ok().stdout;
    let words: Vec<Vec<&str>> = listed.lines().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(words[0], ["job", "kind", "status", "created", "place"]);
    assert_eq!(words[2][..3], [id, "grid", "done"]);
    assert_eq!(words[3][1..3], ["cross_validation", "done"]);
    let shown = aquifer.run(["job", "show", id, "--output", "json"]).ok().json();
    assert_eq!(shown["leaderboard"], result["leaderboard"]);
    aquifer.run(["job", "cancel", id]).code(2).says(&["is done: there is nothing to cancel"]);
    assert_eq!(aquifer.run(["job", "show", id, "--output", "json"]).ok().json(), shown, "it is still there");
    let folds = aquifer.run(["job", "show", words[3][0], "--output", "json"]).ok().json();
    assert_eq!(held_out(&folds).iter().sum::<u64>(), 699);

    let export = |words: &[&'static str]| [&["model", "export", id, "--out", "x.safetensors"], words].concat();
    for words in [["--place", "5"], ["--candidate", "5"]] {
        let said = aquifer.run(export(&words)).code(2);
        assert!(said.stderr.contains("no such candidate"), "{}", said.stderr);
    }
    let source = source.to_str().unwrap();
    for words in [&["model", "export", id, "--out", source][..], &["job", "resume", id, "--out", source]] {
        let said = aquifer.run(words).code(2).stderr;
        assert!(said.contains("is one of the inputs"), "{said}");
    }
    aquifer.run(export(&["--place", "0"])).code(2);
    aquifer.run(export(&["--place", "1", "--candidate", "1"])).code(2);
    let of_training = aquifer.run(["model", "export", words[3][0], "--out", "x.safetensors"]).code(2);
    assert!(of_training.stderr.contains("no leaderboard"), "{}", of_training.stderr);
}
