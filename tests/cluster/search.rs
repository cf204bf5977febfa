//! Searches: one leaderboard and one best model, whoever finds them, whatever ran beside a candidate, and whatever was found
//! before.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use aquifer_harness::{Aquifer, Cluster, data};
use aquifer_model::{Model, fit_hash};
use serde_json::Value;

use crate::{aquifer, bytes, options};

/// What a search has found: its result as programs get it, and the best model's file.
pub(crate) struct Found {
    pub(crate) result: Value,
    pub(crate) model: Vec<u8>,
}

/// `grid` on a search file.
pub(crate) fn grid_arguments(file: &Path, more: &[OsString], out: &Path) -> Vec<OsString> {
    let mut arguments: Vec<OsString> = vec!["grid".into(), file.into(), "--out".into(), out.into()];
    arguments.extend(options(&["--output", "json"]));
    arguments.extend(more.iter().cloned());
    arguments
}

fn grid(aquifer: &Aquifer, file: &Path, more: &[OsString]) -> Found {
    let out = aquifer.file("best.safetensors");
    let result = aquifer.run(grid_arguments(file, more, &out)).ok().json();
    Found { result, model: bytes(&out) }
}

/// The same in a folder where nothing was found before.
pub(crate) fn found_alone(text: &str) -> Found {
    let aquifer = aquifer();
    let file = write(&aquifer, "search.toml", text);
    grid(&aquifer, &file, &[])
}

pub(crate) fn write(aquifer: &Aquifer, name: &str, text: &str) -> PathBuf {
    let path = aquifer.file(name);
    std::fs::write(&path, text).expect("a search file");
    path
}

pub(crate) fn entries(result: &Value) -> &[Value] {
    result["leaderboard"].as_array().unwrap_or_else(|| panic!("no leaderboard: {result}"))
}

/// The same places, values and hashes; and beyond that the same metrics, curves and folds.
#[track_caller]
pub(crate) fn same(found: &Value, expected: &Value) {
    assert_eq!(lines(found), lines(expected));
    assert!(timeless(&found["leaderboard"]) == timeless(&expected["leaderboard"]), "metrics, curves or folds differ");
}

fn lines(result: &Value) -> Vec<String> {
    let line = |entry: &Value| {
        let Value::Object(entry) = entry else { panic!("an entry is {entry}") };
        let model = &entry["model"];
        let of_entry =
            ["place", "candidate", "params", "value", "deviation", "stop_at"].map(|key| entry[key].to_string());
        format!("{} {} {}", of_entry.join(" "), model["blake3"], model["fit_blake3"])
    };
    entries(result).iter().map(line).collect()
}

/// Without what may differ: how long it took, and which files of models are left.
fn timeless(value: &Value) -> Value {
    match value {
        Value::Object(map) => {
            let kept = map.iter().filter(|(name, _)| !matches!(&name[..], "seconds" | "kept"));
            kept.map(|(name, value)| (name.clone(), timeless(value))).collect::<serde_json::Map<_, _>>().into()
        }
        Value::Array(items) => items.iter().map(timeless).collect(),
        other => other.clone(),
    }
}

/// A search on a small table: `more` begins among the keys of `[params]`.
fn small(more: &str) -> String {
    format!("data = [\"tests/data/wisconsin/wisconsin.parquet\"]\ntarget = \"class\"\n[params]\n{more}")
}

/// The hash of what is learned by `train` alone with these settings, in a folder of its own.
fn fit_alone(source: &str, target: &str, settings: &[String]) -> Value {
    let mut arguments = options(&["train", source, "--target", target, "--output", "json"]);
    arguments.extend(settings.iter().flat_map(|setting| ["--set".into(), setting.into()]));
    aquifer().run(arguments).ok().json()["model"]["fit_blake3"].take()
}

/// The parameters of an entry as `--set` has them.
fn settings(entry: &Value, more: &[&str]) -> Vec<String> {
    let params = entry["params"].as_object().expect("parameters").iter();
    let given = params.map(|(name, value)| format!("{name}={value}"));
    given.chain(more.iter().map(|setting| (*setting).to_owned())).collect()
}

/// The search file of the documents, as it is typed.
#[test]
fn a_search_is_the_same_alone_with_workers_and_through_a_cluster() {
    let file = data("adult/search.toml");
    let quick = options(&["--set", "epochs=2"]);
    let alone = grid(&aquifer(), &file, &quick);
    assert_eq!(entries(&alone.result).len(), 4);
    let folds = |entry: &Value| entry["cross_validation"]["folds"].as_array().map_or(0, Vec::len);
    assert!(entries(&alone.result).iter().all(|entry| folds(entry) == 5 && entry["stop_at"].is_u64()));

    let apart = grid(&aquifer(), &file, &[quick.clone(), options(&["--workers", "3"])].concat());
    assert_eq!(apart.result["workers"], 3, "workers that had trials");
    same(&apart.result, &alone.result);
    assert!(apart.model == alone.model, "the best model's bytes");

    let aquifer = aquifer();
    let cluster = Cluster::up(&aquifer, 2);
    let joined = grid(&aquifer, &file, &[quick, cluster.options()].concat());
    assert_eq!(joined.result["workers"], 2, "workers that had trials");
    same(&joined.result, &alone.result);
    assert!(joined.model == alone.model, "the best model's bytes");
}

#[test]
fn a_candidate_is_what_a_training_of_its_own_is() {
    const ADULT: &str = "tests/data/adult/train.parquet";
    let params = "epochs = 0.3\n[search.params]\nhidden = [[8], [4, 4]]\nranks = [1, 4]\n";
    let text = format!("data = [\"{ADULT}\"]\ntarget = \"income\"\n[params]\n{params}");
    let found = found_alone(&text);
    assert_eq!(entries(&found.result).len(), 4);
    for entry in entries(&found.result) {
        let alone = fit_alone(ADULT, "income", &settings(entry, &["epochs=0.3"]));
        assert_eq!(entry["model"]["fit_blake3"], alone, "{}", entry["params"]);
    }
}

#[test]
fn a_candidate_of_another_cohort_is_what_a_training_of_its_own_is() {
    let dropout = "input_dropout_ratio = [0.0, 0.2]\nhidden = [[8], [4, 4]]\n";
    let found = found_alone(&small(&format!(
        "epochs = 2\n[search.params]\nactivation = [\"tanh\", \"swish\"]\nseed = [1, 2]\n{dropout}"
    )));
    assert_eq!(entries(&found.result).len(), 16);
    let source = "tests/data/wisconsin/wisconsin.parquet";
    for entry in entries(&found.result).iter().step_by(3) {
        let alone = fit_alone(source, "class", &settings(entry, &["epochs=2"]));
        assert_eq!(entry["model"]["fit_blake3"], alone, "{}", entry["params"]);
    }
}

/// After folds that stopped early: as long as they were good for, and no longer.
#[test]
fn the_final_fit_of_a_candidate_is_a_training_that_ends_where_its_folds_say() {
    let folds = "[cross_validation]\nnfolds = 3\n[stopping]\nstopping_rounds = 2\n";
    let search =
        |rates: &str| small(&format!("hidden = [8]\nepochs = 20\n[search.params]\nlearning_rate = {rates}\n{folds}"));
    let found = found_alone(&search("[0.0001, 0.01, 0.1]"));
    let all = entries(&found.result);
    assert_eq!(all.len(), 3);
    let stopped = |entry: &&Value| entry["stop_at"].as_u64().is_some_and(|rows| rows < 20 * 699);
    assert!(all.iter().any(|entry| stopped(&entry)), "no candidate stopped early: {:?}", lines(&found.result));
    for entry in all {
        let stop = entry["stop_at"].as_u64().map(|rows| format!("stop_at={rows}"));
        let more: Vec<&str> = ["hidden=[8]", "epochs=20"].into_iter().chain(stop.as_deref()).collect();
        let alone = fit_alone("tests/data/wisconsin/wisconsin.parquet", "class", &settings(entry, &more));
        assert_eq!(entry["model"]["fit_blake3"], alone, "{}", entry["params"]);
    }

    // Nothing of it comes from what ran beside it.
    let one = found_alone(&search("[0.01]"));
    let [one] = entries(&one.result) else { panic!("one candidate: {}", one.result) };
    let beside = all.iter().find(|entry| entry["params"] == one["params"]).expect("the same candidate");
    let but_for_its_place = |entry: &Value| {
        let Value::Object(mut entry) = timeless(entry) else { panic!("an entry is {entry}") };
        entry.retain(|name, _| !matches!(&name[..], "place" | "candidate"));
        entry
    };
    assert!(but_for_its_place(one) == but_for_its_place(beside), "{one}\n{beside}");
}

const TWO_VALUES: &str = "[0.0, 1e-3]";
const THREE_VALUES: &str = "[0.0, 1e-3, 1e-2]";

fn of_penalties(values: &str) -> String {
    small(&format!("hidden = [8]\nepochs = 3\n[search.params]\nl2 = {values}\n[cross_validation]\nnfolds = 3\n"))
}

#[test]
fn what_was_found_before_is_not_trained_again() {
    let samples = |found: &Found| found.result["samples"].as_u64().expect("rows trained on");
    let aquifer = aquifer();
    let narrow = write(&aquifer, "narrow.toml", &of_penalties(TWO_VALUES));
    let first = grid(&aquifer, &narrow, &[]);
    let again = grid(&aquifer, &narrow, &[]);
    assert!(samples(&first) > 0 && samples(&again) == 0, "{} and {}", samples(&first), samples(&again));
    assert_eq!(again.result["job"], first.result["job"]);
    same(&again.result, &first.result);
    assert!(again.model == first.model);

    // One value more: a third of the work, and at most the best model once more, whose file is another job's.
    let fresh = found_alone(&of_penalties(THREE_VALUES));
    let wider = grid(&aquifer, &write(&aquifer, "wide.toml", &of_penalties(THREE_VALUES)), &[]);
    let third = samples(&fresh) / 3;
    assert!((third..=third + 3 * 699).contains(&samples(&wider)), "{} of {}", samples(&wider), samples(&fresh));
    same(&wider.result, &fresh.result);
    assert!(wider.model == fresh.model);
}

#[test]
fn two_clients_with_one_search_share_one_job() {
    let aquifer = aquifer();
    let cluster = Cluster::up(&aquifer, 2);
    let file = write(&aquifer, "search.toml", &of_penalties(THREE_VALUES));
    let [one, two] = ["one", "two"].map(|name| {
        let out = aquifer.file(name);
        (aquifer.start(grid_arguments(&file, &cluster.options(), &out)), out)
    });
    let [one, two] = [one, two].map(|(client, out)| Found { result: client.finish().ok().json(), model: bytes(&out) });
    assert_eq!(one.result["job"], two.result["job"]);
    same(&one.result, &two.result);
    let alone = found_alone(&of_penalties(THREE_VALUES));
    same(&one.result, &alone.result);
    assert!(one.model == alone.model && two.model == alone.model);

    let list = [options(&["job", "ls", "--output", "json"]), cluster.options()].concat();
    let jobs = aquifer.run(list).ok().json()["jobs"].take();
    let jobs = jobs.as_array().expect("jobs");
    let brief =
        |job: &Value| ["id", "kind", "status", "place"].map(|key| job[key].as_str().unwrap_or_default().to_owned());
    let id = one.result["job"].as_str().expect("an id");
    assert_eq!(jobs.iter().map(brief).collect::<Vec<_>>(), [[id, "grid", "done", "cluster"].map(str::to_owned)]);
}

#[test]
fn any_candidate_can_be_exported() {
    let aquifer = aquifer();
    let file = write(&aquifer, "search.toml", &of_penalties(THREE_VALUES));
    let found = grid(&aquifer, &file, &options(&["--set", "keep_models=1"]));
    exports(&aquifer, &found, &[]);

    let cluster = Cluster::up(&aquifer, 2);
    let joined = grid(&aquifer, &file, &[options(&["--set", "keep_models=1"]), cluster.options()].concat());
    same(&joined.result, &found.result);
    exports(&aquifer, &joined, &cluster.options());
}

/// The model that was kept is copied; one that was not is trained again, to the same bits.
fn exports(aquifer: &Aquifer, found: &Found, more: &[OsString]) {
    let out = aquifer.file("exported.safetensors");
    let job = found.result["job"].as_str().expect("an id");
    let export = |words: &[&str]| {
        let mut arguments = options(&["model", "export", job, "--output", "json", "--out"]);
        arguments.push(out.clone().into());
        arguments.extend(options(words).into_iter().chain(more.iter().cloned()));
        aquifer.run(arguments).ok().json()["model"]["blake3"].take()
    };
    let all = entries(&found.result);
    let kept: Vec<&Value> = all.iter().map(|entry| &entry["model"]["kept"]).collect();
    assert_eq!(kept, [true, false, false]);
    assert_eq!(export(&[]), all[0]["model"]["blake3"]);
    assert!(bytes(&out) == found.model, "the best model's bytes");

    let last = all.last().expect("an entry");
    let number = last["candidate"].as_u64().expect("a number").to_string();
    for words in [["--place", "3"], ["--candidate", &number]] {
        export(&words);
        let exported = Model::from_bytes(&bytes(&out)).expect("a model");
        assert_eq!(fit_hash(&exported).expect("a hash"), last["model"]["fit_blake3"], "{words:?}");
    }
}
