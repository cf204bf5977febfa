//! Specs in, fits and errors out.

use aquifer_frame::{Meaning, Scaling, TaskChoice, Transform};

mod folds;
mod search;
mod stopping;

use super::*;
use crate::params::{Activation, AveragingMode, InitialWeights, LearningRateSchedule, Loss, Optimizer};

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
    assert_eq!((fit.task, fit.encoding.scaling), (TaskChoice::Classification, Scaling::None));
    let p = &fit.params;
    assert_eq!((&p.hidden[..], p.optimizer), (&[64, 32][..], Optimizer::Sgd { momentum: 0.0, nesterov: false }));
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
fn reads_the_choices_of_training() {
    let p = fit(&[
        "activation=swish",
        "loss=huber",
        "huber_delta=0.5",
        "optimizer=rmsprop",
        "rho=0.9",
        "epsilon=1e-6",
        "rate_annealing=1e-6",
        "warmup=1000",
        "max_w2=10",
        "gradient_clip_norm=1",
        "initial_weight_distribution=normal",
        "initial_weight_scale=0.05",
    ])
    .params;
    assert_eq!((p.activation, p.loss), (Activation::Swish, Loss::Huber { delta: 0.5 }));
    assert_eq!((p.optimizer, p.learning_rate), (Optimizer::Rmsprop { rho: 0.9, epsilon: 1e-6 }, 0.001));
    assert_eq!((p.learning_rate_schedule, p.rate_annealing, p.warmup), (LearningRateSchedule::Constant, 1e-6, 1000));
    assert_eq!((p.max_w2, p.gradient_clip_norm), (Some(10.0), Some(1.0)));
    assert_eq!(p.initial_weights, InitialWeights::Normal { scale: 0.05 });
    let p = fit(&["optimizer=adadelta", "learning_rate_schedule=cosine", "initial_weight_distribution=uniform"]).params;
    assert_eq!((p.optimizer, p.learning_rate), (Optimizer::Adadelta { rho: 0.99, epsilon: 1e-8 }, 1.0));
    assert_eq!(p.learning_rate_schedule, LearningRateSchedule::Cosine);
    assert_eq!(p.initial_weights, InitialWeights::Uniform { scale: 1.0 });
    assert_eq!(
        fit(&["optimizer=sgd", "nesterov=true"]).params.optimizer,
        Optimizer::Sgd { momentum: 0.9, nesterov: true }
    );
    // What was resolved is taken back, with the same fit.
    for sets in [
        &["optimizer=sgd", "nesterov=true", "activation=leaky_rectifier", "loss=absolute"][..],
        &["optimizer=sgd", "momentum=0", "learning_rate_schedule=cosine", "warmup=7"],
        &["optimizer=adadelta", "loss=huber", "initial_weight_distribution=uniform", "max_w2=3"],
        &["optimizer=rmsprop", "loss=cross_entropy", "rate_annealing=1e-6", "gradient_clip_norm=0.5"],
    ] {
        let (spec, fit) = (spec(sets), fit(sets));
        assert_eq!(Spec::parse(&spec.resolved_toml(&fit)).unwrap().resolve(ROWS, "hash").unwrap(), fit);
    }
}

#[test]
fn a_loss_is_of_the_target_that_was_found() {
    use aquifer_frame::Target;
    let number = Target::Regression { column: "y".into(), reading: None, mean: 0.0, deviation: 1.0 };
    let classes = Target::Classes { column: "y".into(), levels: vec!["a".into(), "b".into()] };
    for (loss, of_number, of_classes) in [
        ("auto", true, true),
        ("cross_entropy", false, true),
        ("quadratic", true, false),
        ("absolute", true, false),
        ("huber", true, false),
    ] {
        let fit = fit(&[&format!("loss={loss}")]);
        assert_eq!(fit.check_target(&number).is_ok(), of_number, "{loss}");
        assert_eq!(fit.check_target(&classes).is_ok(), of_classes, "{loss}");
    }
    assert_eq!(
        first(fit(&["loss=huber"]).check_target(&classes)),
        "`loss` is \"huber\", which is not one of the target `y`: it is for numbers, and the target has classes"
    );
    assert_eq!(
        first(fit(&["loss=cross_entropy"]).check_target(&number)),
        "`loss` is \"cross_entropy\", which is not one of the target `y`: it is for classes, and the target is a number"
    );
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
        "`activation` is \"relu\": did you mean \"rectifier\"? | supported: \"rectifier\", \"tanh\", \"linear\", \
         \"leaky_rectifier\", \"sigmoid\", \"swish\", \"elu\""
    );
    for (key, value, ours) in [
        ("activation", "LeakyReLU", "leaky_rectifier"),
        ("activation", "silu", "swish"),
        ("activation", "ExpRectifier", "elu"),
        ("loss", "mae", "absolute"),
        ("loss", "l1_loss", "absolute"),
        ("loss", "gaussian", "quadratic"),
        ("loss", "crossentropy", "cross_entropy"),
        ("initial_weight_distribution", "gaussian", "normal"),
        ("initial_weight_distribution", "UniformAdaptive", "uniform_adaptive"),
        ("learning_rate_schedule", "CosineAnnealingLR", "cosine"),
        ("optimizer", "RMSProp", "rmsprop"),
    ] {
        let expected = format!("`{key}` is \"{value}\": did you mean \"{ours}\"?");
        assert_eq!(first(Spec::default().set(&format!("{key}={value}"))), expected);
    }
    for (theirs, ours) in [
        ("clipnorm", "gradient_clip_norm"),
        ("max_grad_norm", "gradient_clip_norm"),
        ("max_norm", "max_w2"),
        ("nesterov_accelerated_gradient", "nesterov"),
        ("huber_alpha", "huber_delta"),
        ("warmup_steps", "warmup"),
        ("distribution", "loss"),
        ("alpha", "l2"),
    ] {
        assert_eq!(set(&format!("{theirs}=1")), format!("unknown key `{theirs}`: did you mean `{ours}`?"));
    }
    assert_eq!(
        first(Spec::default().set("missing_values_handling=median")),
        "`missing_values_handling` is \"median\": did you mean \"median_imputation\"?"
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
    assert!(
        parse("[encoding]\nqqq = 3").contains(" | keys of [encoding]: scaling, standardize, missing_values_handling, ")
    );
}

#[test]
fn keys_of_later_parts_are_refused_by_name() {
    assert_eq!(first(Spec::parse("[fit]\nmode = 1")), "`fit` is not supported yet");
    assert_eq!(first(Spec::default().set("fit.mode=1")), "`fit.mode` is not supported yet");
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
    check(&["optimizer=rmsprop", "rho=1"], "`rho` is 1.0: must be at least 0, below 1");
    check(&["loss=huber", "huber_delta=0"], "`huber_delta` is 0.0: must be a finite number above 0");
    check(&["rate_annealing=-1e-6"], "`rate_annealing` is -1e-6: must be a finite number, at least 0");
    check(&["warmup=281474976710657"], "`warmup` is 281474976710657: must be 0 to 2^48");
    check(&["max_w2=0"], "`max_w2` is 0.0: must be a finite number above 0");
    check(&["gradient_clip_norm=inf"], "`gradient_clip_norm` is inf: must be a finite number above 0");
    check(
        &["initial_weight_distribution=normal", "initial_weight_scale=1e7"],
        "`initial_weight_scale` is 10000000.0: must be above 0, at most 1e6",
    );
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
    check(&["rho=0.9"], "`rho` does not apply: `optimizer` is \"adam\"");
    check(&["optimizer=sgd", "rho=0.9"], "`rho` does not apply: `optimizer` is \"sgd\"");
    check(&["optimizer=sgd", "epsilon=1e-6"], "`epsilon` does not apply: `optimizer` is \"sgd\"");
    check(&["optimizer=rmsprop", "beta2=0.5"], "`beta2` does not apply: `optimizer` is \"rmsprop\", which has `rho`");
    check(&["optimizer=adadelta", "momentum=0.5"], "`momentum` does not apply: `optimizer` is \"adadelta\"");
    check(&["nesterov=false"], "`nesterov` does not apply: `optimizer` is \"adam\"");
    check(&["optimizer=sgd", "momentum=0", "nesterov=true"], "`nesterov` does not apply: `momentum` is 0");
    check(&["huber_delta=2"], "`huber_delta` does not apply: `loss` is not \"huber\"");
    check(&["loss=absolute", "huber_delta=2"], "`huber_delta` does not apply: `loss` is not \"huber\"");
    check(
        &["learning_rate_schedule=cosine", "rate_annealing=1e-6"],
        "`rate_annealing` does not apply: `learning_rate_schedule` is \"cosine\"",
    );
    check(
        &["initial_weight_scale=0.1"],
        "`initial_weight_scale` does not apply: `initial_weight_distribution` is \"uniform_adaptive\"",
    );
    check(
        &["loss=huber", "task=classification"],
        "`loss` is \"huber\", but `task` is \"classification\", which has others",
    );
    check(
        &["loss=cross_entropy", "task=regression"],
        "`loss` is \"cross_entropy\", but `task` is \"regression\", which has others",
    );
    check(&["averaging={mode=\"gradient\", interval=64}"], "`averaging.interval` does not apply");
    check(&["data=a.parquet", "frame=a"], "`data` and `frame` are both given");
    check(&["ignored_columns=y"], "column `y` is both `target` and in `ignored_columns`");
    check(&["weights_column=y"], "column `y` is both `target` and `weights_column`");
    check(&["features=[\"a\"]", "ignored_columns=a"], "column `a` is both in `features` and `ignored_columns`");
    check(&["features=[]"], "`features` is an empty list");
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
        r#"{"encoding":{"scaling":"none"},"params":{"hidden":[64,64],"optimizer":"sgd","ranks":1},"target":"y"}"#,
    );
    check(
        &["ranks=1", "optimizer=sgd", "nesterov=false", "loss=auto", "warmup=0", "rate_annealing=0", "activation=elu"],
        r#"{"params":{"activation":"elu","optimizer":"sgd","ranks":1},"target":"y"}"#,
    );
    check(
        &["ranks=1", "optimizer=adadelta", "rho=0.99", "loss=huber", "huber_delta=1", "max_w2=10"],
        r#"{"params":{"loss":"huber","max_w2":10.0,"optimizer":"adadelta","ranks":1},"target":"y"}"#,
    );
    check(
        &["ranks=1", "initial_weight_distribution=normal", "initial_weight_scale=1", "learning_rate_schedule=cosine"],
        r#"{"params":{"initial_weight_distribution":"normal","learning_rate_schedule":"cosine","ranks":1},"target":"y"}"#,
    );
    check(
        &["ranks=4", "averaging.interval=5000", "l2=1e-4", "weights_column=w", "epochs=0.1"],
        r#"{"params":{"averaging":{"interval":5120},"epochs":0.1,"l2":0.0001,"ranks":4},"target":"y","weights_column":"w"}"#,
    );
}

#[test]
fn what_columns_mean_and_become_is_part_of_the_fit() {
    let text = r#"
        target = "y"
        split = 0.8
        split_by = "when"
        types = { zip = "categorical", "a b" = "numeric" }
        [encoding]
        scaling = "min_max"
        missing_values_handling = "constant"
        missing_value = -1
        missing_indicators = true
        max_categorical_levels = 100
        time_features = "number"
        log = ["a"]
        signed_log = ["b", "c"]
    "#;
    let spec = Spec::parse(text).unwrap();
    let fit = spec.resolve(ROWS, "hash").unwrap();
    assert_eq!(fit.types["zip"], Meaning::Categorical);
    assert_eq!(fit.split, Some(SplitChoice { share: 0.8, by: Some("when".into()) }));
    let options = &fit.encoding;
    assert_eq!((options.scaling, options.missing_value), (Scaling::MinMax, -1.0));
    assert_eq!(options.transforms["a"], Transform::Log);
    assert_eq!(options.transforms["c"], Transform::SignedLog);
    let back = Spec::parse(&spec.resolved_toml(&fit)).unwrap();
    assert_eq!(back.resolve(ROWS, "hash").unwrap(), fit);
    let canonical = fit.canonical().unwrap();
    assert_eq!(FitSpec::from_canonical(&canonical).unwrap(), fit);
    assert!(fit.canonical_json().unwrap().contains(r#""types":{"a b":"numeric","zip":"categorical"}"#));

    let refused = |more: &str| {
        let mut spec = Spec::parse("target = \"y\"").unwrap();
        more.split_whitespace().for_each(|set| spec.set(set).unwrap());
        spec.check().unwrap_err().code()
    };
    assert_eq!(refused("split_by=t"), "missing_key");
    assert_eq!(refused("split=1.0"), "out_of_range");
    assert_eq!(refused("split=0.5 test=x.parquet"), "contradiction");
    assert_eq!(refused("scaling=none standardize=true"), "contradiction");
    assert_eq!(refused("log=a signed_log=a"), "contradiction");
    assert_eq!(refused("missing_value=3"), "not_applicable");
    assert_eq!(refused("max_categorical_levels=0"), "out_of_range");
    let error = Spec::parse("types = { a = \"numerc\" }").unwrap_err();
    assert!(error.to_string().contains("did you mean \"numeric\"?"), "{error}");
}
