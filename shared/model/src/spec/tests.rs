//! Specs in, fits and errors out.

use aquifer_frame::TaskChoice;

use super::*;
use crate::params::{AveragingMode, Optimizer};

const ROWS: u64 = 32_561;

/// A spec with a target and these assignments.
fn spec(sets: &[&str]) -> Spec {
    let mut spec = Spec::parse("target = \"y\"").unwrap();
    for set in sets {
        spec.set(set).unwrap();
    }
    spec
}

fn fit(sets: &[&str]) -> FitSpec {
    spec(sets).resolve(ROWS, "hash").unwrap()
}

fn message(result: Result<impl Sized, SpecError>) -> String {
    let error = result.err().expect("an error");
    let hint = error.hint().map(|hint| format!(" | {hint}")).unwrap_or_default();
    format!("{error}{hint}")
}

/// Without the hint.
fn first(result: Result<impl Sized, SpecError>) -> String {
    result.err().expect("an error").to_string()
}

#[test]
fn reads_every_key_in_its_table() {
    let text = r#"
        version = 1
        data = ["a.parquet", "b/*.parquet"]
        valid = "v.parquet"
        test = ["t.parquet"]
        target = "y"
        features = ["a", "b"]
        ignored_columns = ["id"]
        weights_column = "w"
        task = "classification"
        algorithm = "deeplearning"
        device = "cpu"
        [encoding]
        standardize = false
        missing_values_handling = "mean_imputation"
        [params]
        hidden = [64, 32]
        activation = "tanh"
        optimizer = "sgd"
        learning_rate = 0.5
        momentum = 0
        mini_batch_size = 16
        epochs = 2.5
        l1 = 1e-5
        l2 = 1e-4
        input_dropout_ratio = 0.1
        hidden_dropout_ratios = [0.5, 0.25]
        seed = 7
        ranks = 4
        averaging = { mode = "average", interval = 1000, outer_rate = 0.8, outer_momentum = 0.5 }
    "#;
    let spec = Spec::parse(text).unwrap();
    assert_eq!((spec.data.len(), &spec.valid[..]), (2, &["v.parquet".to_owned()][..]));
    let fit = spec.resolve(ROWS, "hash").unwrap();
    assert_eq!((fit.task, fit.encoding.standardize), (TaskChoice::Classification, false));
    let p = &fit.params;
    assert_eq!((&p.hidden[..], p.optimizer), (&[64, 32][..], Optimizer::Sgd { momentum: 0.0 }));
    assert_eq!((p.epochs, p.mini_batch_size, p.ranks, p.seed), (2.5, 16, 4, 7));
    assert_eq!(p.averaging_interval, 1024, "rounded up to a multiple of 16 · 4");
    // What was resolved is taken back, and resolves to the same.
    let resolved = spec.resolved_toml(&fit);
    assert_eq!(Spec::parse(&resolved).unwrap().resolve(ROWS, "hash").unwrap(), fit);
    assert_eq!(Spec::parse(&spec.to_toml()).unwrap(), spec);
    // What TOML has no number for is refused, not changed.
    let mut huge = spec;
    huge.params.seed = Some(u64::MAX);
    assert_eq!(huge.check().unwrap_err().code(), "out_of_range");
    assert_eq!(Spec::parse(&huge.to_toml()).unwrap_err().code(), "wrong_type");
}

#[test]
fn defaults_are_functions_of_data_and_spec() {
    let ranks = |rows| spec(&[]).resolve(rows, "hash").unwrap().params.ranks;
    let expected = [
        (1, 1),
        (16_383, 1),
        (32_768, 2),
        (131_072, 8),
        (1_048_576, 8),
        (1_179_648, 9),
        (11_000_000, 83),
        (1 << 30, 256),
    ];
    for (rows, expected) in expected {
        assert_eq!(ranks(rows), expected, "{rows} rows");
    }
    let p = fit(&["ranks=8", "mini_batch_size=64"]).params;
    assert_eq!(p.averaging_interval, 32 * 64 * 8);
    assert_eq!(fit(&["optimizer=sgd"]).params.learning_rate, 0.01);
    assert_eq!(fit(&[]).params.learning_rate, 0.001);
    assert_eq!(fit(&["hidden_dropout_ratios=[0, 0.0]"]), fit(&[]));
    assert_eq!(fit(&["features=['b', 'a', 'b']"]), fit(&["features=['a', 'b']"]), "the frame's order rules");
}

#[test]
fn set_needs_no_table_and_no_quotes() {
    let p = fit(&["hidden=[64,64]", "averaging.mode=gradient", "epochs=2.5", " params.seed = 3"]).params;
    assert_eq!((&p.hidden[..], p.averaging_mode, p.epochs, p.seed), (&[64, 64][..], AveragingMode::Gradient, 2.5, 3));
    assert_eq!(fit(&["averaging={mode=\"gradient\"}"]), fit(&["params.averaging.mode=gradient"]));
    assert_eq!(fit(&["ignored_columns=id"]).ignored_columns, ["id"]);
    assert_eq!(fit(&["target=native.country"]).target, "native.country");
    assert_eq!(fit(&["hidden=[]"]).params.hidden, [0usize; 0]);
    assert_eq!(fit(&["target=a = b"]).target, "a = b");
}

#[test]
fn names_the_key_that_was_meant() {
    let set = |text: &str| message(Spec::default().set(text));
    assert_eq!(set("epoch=3"), "unknown key `epoch`: did you mean `epochs`?");
    assert_eq!(set("mode=gradient"), "unknown key `mode`: did you mean `averaging.mode`?");
    assert_eq!(set("lr=0.1"), "unknown key `lr`: did you mean `learning_rate`?");
    assert_eq!(set("averaging.intervall=1"), "unknown key `averaging.intervall`: did you mean `averaging.interval`?");
    assert!(set("qqq=1").starts_with("unknown key `qqq` | keys of a spec: version, data, "));
    assert_eq!(
        set("activation=relu"),
        "`activation` is \"relu\": did you mean \"rectifier\"? | supported: \"rectifier\", \"tanh\", \"linear\""
    );
    assert_eq!(
        first(Spec::default().set("missing_values_handling=skip")),
        "`missing_values_handling` is \"skip\": supported: \"mean_imputation\""
    );
    assert_eq!(first(Spec::default().set("device=cuda")), "`device` is \"cuda\": supported: \"auto\", \"cpu\"");
    assert_eq!(first(Spec::default().set("epochs")), "`epochs` is not an assignment: key=value is expected");

    let parse = |text: &str| message(Spec::parse(text));
    assert_eq!(parse("[params]\nepoch = 3"), "unknown key `epoch`: did you mean `epochs`?");
    assert_eq!(first(Spec::parse("epochs = 3")), "key `epochs` belongs in [params], not in the top level");
    assert_eq!(
        first(Spec::parse("averaging.mode = 'average'")),
        "key `averaging` belongs in [params], not in the top level"
    );
    assert_eq!(parse("[parms]\nepochs = 3"), "unknown key `parms`: did you mean `params`?");
    assert_eq!(parse("[params.averagin]\nmode = 'average'"), "unknown key `averagin`: did you mean `averaging`?");
    assert_eq!(parse("[params]\ntargt = 3"), "unknown key `targt`: did you mean `target` in the top level?");
    assert!(parse("[encoding]\nqqq = 3").ends_with(" | keys of [encoding]: standardize, missing_values_handling"));
}

#[test]
fn keys_of_later_parts_are_refused_by_name() {
    for text in
        ["split = 0.2", "[search]\nstrategy = 'grid'", "[cross_validation]\nnfolds = 5", "[stopping]", "types = {}"]
    {
        let message = first(Spec::parse(text));
        assert!(message.ends_with("is not supported yet"), "{message}");
    }
    assert_eq!(first(Spec::default().set("nfolds=5")), "`nfolds` is not supported yet");
    assert_eq!(first(Spec::default().set("search_stopping_rounds=5")), "`search_stopping_rounds` is not supported yet");
    assert_eq!(
        first(Spec::parse("[encoding]\nmax_categorical_levels = 5")),
        "`max_categorical_levels` is not supported yet"
    );
}

#[test]
fn type_errors_name_key_value_and_what_is_expected() {
    let set = |text: &str| first(Spec::default().set(text));
    assert_eq!(set("epochs=many"), "`epochs` is \"many\": a number is expected");
    assert_eq!(set("seed=-1"), "`seed` is -1: a whole number, 0 or above, is expected");
    assert_eq!(set("hidden=64"), "`hidden` is 64: a list of whole numbers such as [200, 200] is expected");
    assert_eq!(set("standardize=yes"), "`standardize` is \"yes\": true or false is expected");
    assert_eq!(set("target=3"), "`target` is 3: a text (in quotes if it looks like a number) is expected");
    assert_eq!(set("averaging=gradient"), "`averaging` is \"gradient\": a table is expected");
    assert_eq!(first(Spec::parse("params = 3")), "`params` is 3: a table is expected");
}

#[test]
fn bad_toml_is_located() {
    let error = Spec::parse("target = \"y\"\n[params]\nepochs = = 3").unwrap_err();
    assert!(matches!(error, SpecError::Syntax { line: 3, column: 10, .. }), "{error:?}");
    assert!(message(Spec::parse("a = 1\na = 2")).contains("line 2"));
    assert_eq!(Spec::parse(&" ".repeat((1 << 20) + 1)).unwrap_err().code(), "spec_too_large");
    assert_eq!(Spec::parse(&format!("a = {}", "[".repeat(100_000))).unwrap_err().code(), "spec_syntax");
    assert_eq!(first(spec(&["version=2"]).check()), "version 2 of the spec is not known: this binary reads version 1");
}

#[test]
fn values_out_of_range_are_named_with_the_range() {
    let check = |sets: &[&str], expected: &str| {
        let message = message(spec(sets).resolve(ROWS, "hash"));
        assert!(message.starts_with(expected), "{message}");
    };
    check(&["learning_rate=0"], "`learning_rate` is 0.0: must be a finite number above 0 | docs/");
    check(&["learning_rate=1e-46"], "`learning_rate` is 1e-46: must be");
    check(&["learning_rate=1e39"], "`learning_rate` is 1e39: must be");
    check(&["optimizer=sgd", "momentum=0.99999999999"], "`momentum` is 0.99999999999: must be at least 0, below 1");
    check(&["epsilon=1e-39"], "`epsilon` is 1e-39: must be a finite number, at least 1.2e-38");
    check(&["averaging.outer_rate=1e-50"], "`averaging.outer_rate` is 1e-50: must be");
    check(&["learning_rate=nan"], "`learning_rate` is NaN: must be");
    check(&["l2=inf"], "`l2` is inf: must be a finite number, at least 0");
    check(&["epochs=0"], "`epochs` is 0.0: must be");
    check(&["epochs=1e-6"], "`epochs` is 1e-6 with 32561 rows and `ranks` 1: must be");
    check(&["epochs=1e15"], "`epochs` is 1000000000000000.0 with 32561 rows and `ranks` 1: must be");
    check(&["epochs=5e-4", "ranks=32"], "`epochs` is 0.0005 with 32561 rows and `ranks` 32: must be above 0; with");
    check(&["mini_batch_size=0"], "`mini_batch_size` is 0: must be 1 to 1048576");
    check(&["mini_batch_size=1048577"], "`mini_batch_size` is 1048577: must be 1 to 1048576");
    check(&["hidden=[0]"], "`hidden` is [0]: must be at most 64 layers of 1 to 65536 units");
    check(&[&format!("hidden=[{}]", "8,".repeat(65))], "`hidden` is [8, 8");
    check(&["input_dropout_ratio=1"], "`input_dropout_ratio` is 1.0: must be at least 0, below 1");
    check(
        &["hidden_dropout_ratios=[0.5]"],
        "`hidden_dropout_ratios` is [0.5]: must be one value a hidden layer, each at least 0, below 1; or [] (`hidden` has 2 layers)",
    );
    check(&["averaging.outer_momentum=1"], "`averaging.outer_momentum` is 1.0: must be");
    check(&["averaging.interval=0"], "`averaging.interval` is 0: must be");
    check(&["ranks=0"], "`ranks` is 0: must be 1 to the blocks");
    check(
        &["ranks=33"],
        "`ranks` is 33, but the 32561 rows make 32 blocks of 1024 rows, and each rank needs one: at most 32",
    );
    assert_eq!(fit(&["ranks=32"]).params.ranks, 32);
    assert_eq!(
        message(Spec::default().check()),
        "`target` is not given | give `--set target=…`, or the key in the spec"
    );
}

#[test]
fn settings_without_effect_and_contradictions_are_errors() {
    let check = |sets: &[&str], expected: &str| {
        let message = message(spec(sets).check());
        assert!(message.starts_with(expected), "{message}");
    };
    check(&["momentum=0.5"], "`momentum` does not apply: `optimizer` is \"adam\"");
    check(&["optimizer=sgd", "beta1=0.5"], "`beta1` does not apply: `optimizer` is \"sgd\"");
    check(&["averaging={mode=\"gradient\", interval=64}"], "`averaging.interval` does not apply");
    check(&["data=a.parquet", "frame=a"], "`data` and `frame` are both given");
    check(&["ignored_columns=y"], "column `y` is both `target` and in `ignored_columns`");
    check(&["weights_column=y"], "column `y` is both `target` and `weights_column`");
    check(&["features=[\"a\"]", "ignored_columns=a"], "column `a` is both in `features` and `ignored_columns`");
    check(&["features=[]"], "`features` is not given");
}

#[test]
fn the_canonical_form_holds_only_what_decides() {
    let check = |sets: &[&str], expected: &str| {
        let fit = fit(sets);
        let json = fit.canonical_json().unwrap();
        assert_eq!(json, format!(r#"{{"data":"hash","rows":32561,"spec":{expected}}}"#));
        let back = FitSpec::from_canonical(&serde_json::from_str(&json).unwrap());
        assert_eq!(back.unwrap(), fit.normalised());
        let wire: FitSpec = serde_json::from_str(&serde_json::to_string(&fit).unwrap()).unwrap();
        assert_eq!(wire, fit, "nothing is lost on the wire");
    };
    check(&["ranks=1"], r#"{"params":{"ranks":1},"target":"y"}"#);
    check(&["ranks=1", "averaging.mode=gradient"], r#"{"params":{"ranks":1},"target":"y"}"#);
    check(&["ranks=1", "averaging.interval=7", "device=cpu", "data=x"], r#"{"params":{"ranks":1},"target":"y"}"#);
    check(&[], r#"{"params":{"ranks":1},"target":"y"}"#);
    check(
        &["ranks=2", "averaging.mode=gradient"],
        r#"{"params":{"averaging":{"mode":"gradient"},"ranks":2},"target":"y"}"#,
    );
    check(
        &["optimizer=sgd", "momentum=0.9", "learning_rate=0.01", "epochs=10", "hidden=[64, 64]", "standardize=false"],
        r#"{"encoding":{"standardize":false},"params":{"hidden":[64,64],"optimizer":"sgd","ranks":1},"target":"y"}"#,
    );
    check(
        &["ranks=4", "averaging.interval=5000", "l2=1e-4", "weights_column=w", "epochs=0.1"],
        r#"{"params":{"averaging":{"interval":5120},"epochs":0.1,"l2":0.0001,"ranks":4},"target":"y","weights_column":"w"}"#,
    );
}
