//! Table `[search]`: what of it is read, refused and written again.

use aquifer_frame::Target;
use toml::Value;

use super::*;
use crate::metric::MetricName;

/// A spec with these lines in `[search]`, `[search.params]` after them.
fn search(lines: &str) -> Result<Spec, SpecError> {
    Spec::parse(&format!("target = \"y\"\n[search]\n{lines}"))
}

fn refused(lines: &str, expected: &str) {
    let result = search(lines).and_then(|spec| spec.check());
    let message = message(result);
    assert!(message.starts_with(expected), "{message}");
}

fn range(min: f64, max: f64, log: bool, integer: bool) -> Dimension {
    Dimension::Range { min, max, log, integer }
}

#[test]
fn reads_a_search_and_writes_it_back() {
    let spec = search(
        r#"
        strategy = "halving"
        sort_by = "mcc"
        parallelism = 4
        max_models = 20
        max_runtime_secs = 60
        keep_models = 3
        search_seed = 7
        search_stopping_rounds = 5
        search_stopping_tolerance = 0.01
        halving_factor = 4
        halving_min_epochs = 0.5
        [search.params]
        hidden = [[64], [200, 200], []]
        activation = ["tanh", "rectifier"]
        standardize = [true, false]
        averaging.outer_rate = [0.5, 0.7]
        l2 = { min = 1e-6, max = 0.1, scale = "log" }
        input_dropout_ratio = { min = 0, max = 0.5, scale = "linear" }
        mini_batch_size = { min = 16, max = 256, scale = "log" }
        warmup = { min = 0, max = 5 }
        [cross_validation]
        nfolds = 5
        [stopping]
        score_interval = "900 rows"
        "#,
    )
    .unwrap();
    spec.check().unwrap();
    let search = spec.search.as_ref().unwrap();
    let expected = Search {
        strategy: Strategy::Halving,
        sort_by: Some(MetricName::Mcc),
        parallelism: 4,
        max_models: 20,
        max_runtime_secs: 60.0,
        keep_models: 3,
        search_seed: 7,
        search_stopping_rounds: 5,
        search_stopping_tolerance: 0.01,
        halving_factor: 4,
        halving_min_epochs: 0.5,
    };
    assert_eq!(search.resolve(), expected);
    assert_eq!(search.params["l2"], range(1e-6, 0.1, true, false));
    assert_eq!(search.params["input_dropout_ratio"], range(0.0, 0.5, false, false));
    assert_eq!(search.params["mini_batch_size"], range(16.0, 256.0, true, true));
    assert_eq!(search.params["warmup"], range(0.0, 5.0, false, true));
    assert_eq!(search.params["averaging.outer_rate"], Dimension::Choices(vec![0.5.into(), 0.7.into()]));
    assert_eq!(search.points(), 3 * 2 * 2 * 2, "ranges count as one");
    let text = spec.to_toml();
    assert_eq!(Spec::parse(&text).unwrap(), spec, "{text}");
    // Of a search, the fit that it starts from; nothing of it decides a bit.
    assert_eq!(spec.resolve(ROWS, "hash").unwrap(), fit(&["score_interval=900 rows"]));
    let resolved = Spec::parse(&spec.resolved_toml(&spec.resolve(ROWS, "hash").unwrap())).unwrap();
    assert_eq!((resolved.check().is_ok(), &resolved.search, resolved.folds()), (true, &None, spec.folds()));
}

#[test]
fn everything_at_once_is_written_and_read_back() {
    let text = r#"
        target = "y"
        [params]
        epochs = 3
        [cross_validation]
        nfolds = 4
        fold_assignment = "time"
        fold_column = "t"
        keep_cross_validation_predictions = true
        [stopping]
        stopping_rounds = 2
        stopping_metric = "auto"
        stopping_tolerance = 0.5
        score_interval = 0.5
        overwrite_with_best_model = true
        stop_at = 99
        [search]
        sort_by = "auto"
        [search.params]
        averaging = { mode = ["gradient", "average"] }
        "averaging.interval" = [1024]
    "#;
    let spec = Spec::parse(text).unwrap();
    spec.check().unwrap();
    assert_eq!(spec.search.as_ref().unwrap().params.len(), 2);
    assert_eq!(Spec::parse(&spec.to_toml()).unwrap(), spec);
}

#[test]
fn set_takes_keys_of_a_search_and_searched_ones() {
    let mut spec = spec(&["max_models=20", "sort_by=auc", "search.strategy=random"]);
    assert!(spec.search.as_ref().is_some_and(|search| search.max_models == Some(20) && search.params.is_empty()));
    assert_eq!(spec.check().unwrap_err().code(), "nothing_to_search");
    spec.set("search.params.l2 = [0.0, 1e-3]").unwrap();
    spec.set("search.params.averaging.mode = ['gradient']").unwrap();
    spec.set("search.params.epochs = { min = 0.5, max = 4.0 }").unwrap();
    spec.check().unwrap();
    assert_eq!(spec.search.unwrap().params.into_keys().collect::<Vec<_>>(), ["averaging.mode", "epochs", "l2"]);
    let message = first(Spec::default().set("search.params.l2x=[1]"));
    assert_eq!(message, "in [search.params]: unknown key `l2x`: did you mean `l2`?");
    for (theirs, ours) in [
        ("scoring", "sort_by"),
        ("n_iter", "max_models"),
        ("n_trials", "max_models"),
        ("n_jobs", "parallelism"),
        ("search_sed", "search_seed"),
    ] {
        let message = first(Spec::default().set(&format!("{theirs}=1")));
        assert_eq!(message, format!("unknown key `{theirs}`: did you mean `{ours}`?"));
    }
}

#[test]
fn a_candidate_has_the_values_of_its_point() {
    let base =
        search("[search.params]\nl2 = [0.0, 0.1]\naveraging.mode = ['gradient']\n[cross_validation]\nnfolds = 3");
    let base = base.unwrap();
    let point = |values: &[(&str, Value)]| -> Vec<(String, Value)> {
        values.iter().map(|(key, value)| ((*key).to_owned(), value.clone())).collect()
    };
    let candidate = base.candidate(&point(&[("l2", 0.1.into()), ("averaging.mode", "gradient".into())])).unwrap();
    assert_eq!(candidate, spec(&["l2=0.1", "averaging.mode=gradient"]));
    assert_eq!(candidate.resolve(ROWS, "hash").unwrap(), fit(&["l2=0.1", "averaging.mode=gradient"]));
    let refused = |values: &[(&str, Value)]| first(base.candidate(&point(values)));
    assert_eq!(refused(&[("l2", "x".into())]), "`l2` is \"x\": a number is expected");
    assert_eq!(refused(&[("l2x", 1.into())]), "in [search.params]: unknown key `l2x`: did you mean `l2`?");
    assert_eq!(refused(&[("target", "z".into())]), "key `target` belongs in the top level, not in [search.params]");
    let out = base.candidate(&point(&[("l2", (-1.0).into())])).unwrap();
    assert_eq!(first(out.check()), "`l2` is -1.0: must be a finite number, at least 0");
}

#[test]
fn searched_values_are_checked_as_those_of_the_key() {
    let check = |line: &str, expected: &str| refused(&format!("[search.params]\n{line}"), expected);
    let list =
        "a list of values such as [0.1, 0.2], or a range such as { min = 0.0001, max = 0.1, scale = \"log\" }, is";
    check("l2 = []", &format!("in [search.params]: `l2` is []: {list} expected"));
    check("l2 = 0.1", &format!("in [search.params]: `l2` is 0.1: {list} expected"));
    check("l2 = { min = 1 }", &format!("in [search.params]: `l2` is {{ min = 1 }}: {list} expected"));
    check("l2 = { min = 1, max = 2, step = 1 }", "in [search.params]: `l2` is {");
    check("averaging = [1]", "in [search.params]: `averaging` is [1]: a table is expected");
    check(
        "hidden = [[64], \"x\"]",
        "in [search.params]: `hidden` is \"x\": a list of whole numbers such as [200, 200] is expected | docs/",
    );
    check("hidden = [200, 200]", "in [search.params]: `hidden` is 200: a list of whole numbers");
    check("activation = ['relu']", "in [search.params]: `activation` is \"relu\": did you mean \"rectifier\"?");
    check("epochs = [1, -2.0]", "in [search.params]: `epochs` is -2.0: must be above 0");
    check("max_categorical_levels = [0]", "in [search.params]: `max_categorical_levels` is 0: must be 1 to 65536");
    check("actvation = ['tanh']", "in [search.params]: unknown key `actvation`: did you mean `activation`?");
    check("lr = [0.1]", "in [search.params]: unknown key `lr`: did you mean `learning_rate`?");
    check("qqq = [1]", "in [search.params]: unknown key `qqq` | keys of [search.params]: hidden, activation, loss, ");
    check(
        "target = ['a', 'b']",
        "key `target` belongs in the top level, not in [search.params] | move it to the top level",
    );
    check("nfolds = [2, 3]", "key `nfolds` belongs in [cross_validation], not in [search.params]");
}

#[test]
fn ranges_are_of_numbers_and_drawn_from() {
    let random = |line: &str| format!("strategy = 'random'\nmax_models = 5\n[search.params]\n{line}");
    let check = |line: &str, expected: &str| refused(&random(line), expected);
    let two = "a range of two numbers, `min` below `max`, whole ones up to 2^53, is expected";
    check("l2 = { min = 2, max = 1 }", &format!("in [search.params]: `l2` is {{ max = 1, min = 2 }}: {two}"));
    check("l2 = { min = 1, max = 1.0 }", "in [search.params]: `l2` is {");
    check("l2 = { min = 0.0, max = inf }", "in [search.params]: `l2` is {");
    check("l2 = { min = 0, max = 'x' }", "in [search.params]: `l2` is {");
    check("seed = { min = 0, max = 9007199254740993 }", "in [search.params]: `seed` is {");
    check(
        "l2 = { min = 0.0, max = 0.1, scale = 'log' }",
        "in [search.params]: `l2` is { max = 0.1, min = 0.0, scale = \"log\" }: a range of numbers above 0, as `scale`",
    );
    check(
        "l2 = { min = 1, max = 2, scale = 'linar' }",
        "in [search.params]: `l2.scale` is \"linar\": did you mean \"lin",
    );
    check("hidden = { min = 8, max = 64 }", "in [search.params]: `hidden` is 8: a list of whole numbers");
    check("activation = { min = 8, max = 64 }", "in [search.params]: `activation` is 8: supported: ");
    check("mini_batch_size = { min = 0.5, max = 64 }", "in [search.params]: `mini_batch_size` is 0.5: a whole number");
    check("l2 = { min = 0.0, max = 1e39 }", "in [search.params]: `l2` is 1e39: must be a finite number, at least 0");

    let line = "[search.params]\nl1 = [0.0]\nl2 = { min = 0.0, max = 0.1 }";
    for strategy in ["cartesian", "sequential"] {
        refused(
            &format!("strategy = '{strategy}'\nmax_models = 5\n{line}"),
            &format!(
                "`l2` is a range, but `strategy` is \"{strategy}\", which takes lists of values | give a list of \
                 values; or `strategy` \"random\""
            ),
        );
    }
    let endless =
        "the search has no end: `l2` is a range, from which any number of values can be drawn | give `max_models`";
    refused(&format!("strategy = 'random'\n{line}"), &format!("{endless}, or `max_runtime_secs`"));
    refused(&format!("strategy = 'halving'\n{line}"), &format!("{endless}: how many models begin"));
    refused(&format!("strategy = 'halving'\nmax_runtime_secs = 9\n{line}"), endless);
    for limit in ["strategy = 'random'\nmax_models = 5", "strategy = 'random'\nmax_runtime_secs = 0.5"] {
        assert!(search(&format!("{limit}\n{line}")).unwrap().check().is_ok(), "{limit}");
    }
    assert!(search(&format!("strategy = 'halving'\nmax_models = 5\n{line}")).unwrap().check().is_ok());
}

#[test]
fn nothing_is_both_fixed_and_searched() {
    let check = |fixed: &[&str], line: &str, expected: &str| {
        let mut spec = search(&format!("[search.params]\n{line}")).unwrap();
        fixed.iter().for_each(|set| spec.set(set).unwrap());
        assert_eq!(first(spec.check()), expected);
    };
    check(&["l2=0.1"], "l2 = [0.0, 0.1]", "`l2` is both fixed and searched");
    check(&["averaging.mode=average"], "averaging.mode = ['gradient']", "`averaging.mode` is both fixed and searched");
    check(&["scaling=none"], "scaling = ['standard']", "`scaling` is both fixed and searched");
    let mut spec = search("[search.params]\naveraging.mode = ['gradient']").unwrap();
    spec.set("averaging.outer_rate=0.5").unwrap();
    assert!(spec.check().is_ok(), "another key of that table");
}

#[test]
fn what_applies_to_some_candidates_may_stand_beside_the_search() {
    let check = |lines: &str, fixed: &str| {
        let mut spec = search(&format!("[search.params]\n{lines}")).unwrap();
        spec.set(fixed).unwrap();
        spec.check().unwrap();
        spec
    };
    let spec = check("optimizer = ['adam', 'sgd']", "momentum=0.5");
    let adam = spec.candidate(&[("optimizer".into(), "adam".into())]).unwrap();
    assert!(first(adam.check()).starts_with("`momentum` does not apply: `optimizer` is \"adam\""));
    assert!(spec.candidate(&[("optimizer".into(), "sgd".into())]).unwrap().check().is_ok());
    check("hidden = [[8], [9]]", "hidden_dropout_ratios=[0.5]");
    check("hidden_dropout_ratios = [[0.5], [0.1]]", "hidden=[8]");
    check("missing_values_handling = ['constant']", "missing_value=1");
    check("loss = ['huber']", "huber_delta=2");
    assert_eq!(
        first(search("[search.params]\nl2 = [0.0]\n[params]\nmomentum = 0.5").unwrap().check())
            .split(':')
            .next()
            .unwrap(),
        "`momentum` does not apply"
    );
}

#[test]
fn a_search_has_an_end_and_something_to_vary() {
    let nothing = "the search varies nothing: [search.params] is empty | give lists of values in [search.params]";
    refused("", nothing);
    refused("[search.params]", nothing);
    refused("params = 3", "`search.params` is 3: a table is expected");
    refused(
        "strategy = 'sequential'\n[search.params]\nl1 = [0.0, 0.1]\nl2 = [0.0, 0.1, 0.2]",
        "`strategy` is \"sequential\", but `l1` has 2 values and `l2` has 3 | give lists of one length",
    );
    let sequential = search("strategy = 'sequential'\n[search.params]\nl1 = [0.0, 0.1]\nl2 = [0.0, 0.1]").unwrap();
    assert!(sequential.check().is_ok() && sequential.search.unwrap().points() == 2);
    // 127 · 127 · 7 · 11 = 1,241,933
    let list = |count: u64| format!("{:?}", (1..=count).collect::<Vec<_>>());
    let (long, seven, eleven) = (list(127), list(7), list(11));
    let params = format!("[search.params]\nl1 = {long}\nl2 = {long}\nwarmup = {seven}\nseed = {eleven}");
    let many =
        "the search has 1,241,933 points: at most 100,000 without max_models | give `max_models`, or fewer values";
    refused(&params, many);
    refused(&format!("max_runtime_secs = 5\n{params}"), many);
    refused(&format!("strategy = 'halving'\n{params}"), many);
    for limit in ["max_models = 5", "strategy = 'random'\nmax_runtime_secs = 5"] {
        assert!(search(&format!("{limit}\n{params}")).unwrap().check().is_ok(), "{limit}");
    }
    let hundred_thousand = format!("[search.params]\nl1 = {}\nl2 = {}", list(400), list(250));
    assert!(search(&hundred_thousand).unwrap().check().is_ok());
}

#[test]
fn numbers_of_a_search_are_in_range_and_apply() {
    let check = |line: &str, expected: &str| refused(&format!("{line}\n[search.params]\nl2 = [0.0]"), expected);
    check("parallelism = 65537", "`parallelism` is 65537: must be 0 to 65536");
    check("max_models = 1000001", "`max_models` is 1000001: must be 0 to 1000000");
    check("max_runtime_secs = -1", "`max_runtime_secs` is -1.0: must be a finite number, at least 0");
    check("keep_models = 1000001", "`keep_models` is 1000001: must be");
    check("search_stopping_rounds = 1001", "`search_stopping_rounds` is 1001: must be 0 to 1000");
    check(
        "search_stopping_rounds = 3\nsearch_stopping_tolerance = -1",
        "`search_stopping_tolerance` is -1.0: must be a finite number, at least 0",
    );
    check("search_stopping_tolerance = 1", "`search_stopping_tolerance` does not apply: `search_stopping_rounds` is");
    check("strategy = 'halving'\nhalving_factor = 1", "`halving_factor` is 1: must be 2 to 1000");
    check(
        "strategy = 'halving'\nhalving_min_epochs = 0",
        "`halving_min_epochs` is 0.0: must be a finite number above 0",
    );
    check("halving_factor = 2", "`halving_factor` does not apply: `strategy` is not \"halving\"");
    check("strategy = 'random'\nhalving_min_epochs = 2", "`halving_min_epochs` does not apply: `strategy` is not");
    check("strategy = 'grid'", "`strategy` is \"grid\": did you mean \"cartesian\"?");
    check("max_model = 3", "unknown key `max_model`: did you mean `max_models`?");
    check("sort_by = 'accurracy'", "`sort_by` is \"accurracy\": did you mean \"accuracy\"?");
    assert_eq!(
        first(
            Spec::parse("target = 'y'\ntask = 'regression'\n[search]\nsort_by = 'auc'\n[search.params]\nl2 = [0.0]")
                .unwrap()
                .check()
        ),
        "`sort_by` is \"auc\", but `task` is \"regression\", which has others"
    );
}

#[test]
fn models_are_sorted_by_a_metric_of_the_target() {
    let number = Target::Regression { column: "y".into(), reading: None, mean: 0.0, deviation: 1.0 };
    let classes = |levels: &[&str]| {
        let levels = levels.iter().map(|level| (*level).to_owned()).collect();
        Target::Classes { column: "y".into(), levels }
    };
    let (two, three) = (classes(&["a", "b"]), classes(&["a", "b", "c"]));
    let auto = RawSearch::default();
    assert_eq!(auto.sort_metric(&two).unwrap(), MetricName::Auc);
    assert_eq!(auto.sort_metric(&three).unwrap(), MetricName::Logloss);
    assert_eq!(auto.sort_metric(&number).unwrap(), MetricName::MeanResidualDeviance);
    let auc = RawSearch { sort_by: Some(MetricName::Auc), ..RawSearch::default() };
    assert_eq!(auc.sort_metric(&two).unwrap(), MetricName::Auc);
    let message = first(auc.sort_metric(&three));
    assert!(
        message.starts_with("`sort_by` is \"auc\", which is not reported of the target `y`: it is for two"),
        "{message}"
    );
}
