//! `[stopping]`.

use aquifer_frame::Target;

use super::*;
use crate::metric::MetricName;
use crate::params::{ScoreInterval, Stopping};

fn refused(sets: &[&str], expected: &str) {
    let message = message(spec(sets).check());
    assert!(message.starts_with(expected), "{message}");
}

#[test]
fn scores_while_training_if_it_is_asked_to() {
    let stopping = |sets: &[&str]| fit(sets).stopping;
    assert_eq!(stopping(&[]), None);
    assert_eq!(stopping(&["stopping_rounds=0"]), None);
    assert_eq!(stopping(&["stop_at=100"]), None);
    assert_eq!(fit(&["stop_at=100"]).stop_at, Some(100));
    let default = Stopping {
        rounds: 3,
        metric: None,
        tolerance: 0.001,
        score_interval: ScoreInterval::Epochs(1.0),
        overwrite_with_best_model: true,
    };
    assert_eq!(stopping(&["stopping_rounds=3"]), Some(default.clone()));
    assert_eq!(stopping(&["stopping_rounds=3", "stopping_metric=auto"]), Some(default.clone()));
    let half = Stopping { rounds: 0, score_interval: ScoreInterval::Epochs(0.5), ..default };
    assert_eq!(stopping(&["score_interval=0.5"]), Some(half.clone()));
    assert_eq!(stopping(&["score_interval='0.5 epochs'", "stopping_rounds=0"]), Some(half.clone()));
    let text = r#"
        target = "y"
        [stopping]
        stopping_rounds = 5
        stopping_metric = "pr_auc"
        stopping_tolerance = 0
        score_interval = "50000 rows"
        overwrite_with_best_model = false
        stop_at = 1_000_000
    "#;
    let fit = Spec::parse(text).unwrap().resolve(ROWS, "hash").unwrap();
    let expected = Stopping {
        rounds: 5,
        metric: Some(MetricName::PrAuc),
        tolerance: 0.0,
        score_interval: ScoreInterval::Rows(50_000),
        overwrite_with_best_model: false,
    };
    assert_eq!((fit.stopping, fit.stop_at, fit.validation), (Some(expected), Some(1_000_000), None));
    assert_eq!(stopping(&["score_interval=2"]).unwrap().score_interval, ScoreInterval::Epochs(2.0));
    assert_eq!(stopping(&["score_interval=9 rows"]).unwrap().score_interval, ScoreInterval::Rows(9));
}

/// Sets of keys that score, and the canonical form of each.
const FORMS: [(&[&str], &str); 7] = [
    (&["stopping_rounds=3"], r#"{"stopping_rounds":3}"#),
    (&["stopping_rounds=3", "score_interval=1", "stopping_tolerance=0.001"], r#"{"stopping_rounds":3}"#),
    (&["score_interval=1"], r#"{"score_interval":1.0}"#),
    (
        &["score_interval=0.25", "stopping_metric=rmse", "overwrite_with_best_model=true"],
        r#"{"score_interval":0.25,"stopping_metric":"rmse"}"#,
    ),
    (
        &["score_interval=700 rows", "overwrite_with_best_model=false"],
        r#"{"overwrite_with_best_model":false,"score_interval":"700 rows"}"#,
    ),
    (
        &["stopping_rounds=1", "stopping_metric=auc", "stopping_tolerance=0", "stop_at=7"],
        r#"{"stop_at":7,"stopping_metric":"auc","stopping_rounds":1,"stopping_tolerance":0.0}"#,
    ),
    (&["stop_at=7"], r#"{"stop_at":7}"#),
];

#[test]
fn what_was_resolved_is_taken_back() {
    for (sets, _) in FORMS {
        let (spec, fit) = (spec(sets), fit(sets));
        assert_eq!(Spec::parse(&spec.to_toml()).unwrap(), spec, "{sets:?}");
        let resolved = Spec::parse(&spec.resolved_toml(&fit)).unwrap();
        assert_eq!(resolved.resolve(ROWS, "hash").unwrap(), fit, "{sets:?}");
        let wire: FitSpec = serde_json::from_str(&serde_json::to_string(&fit).unwrap()).unwrap();
        assert_eq!(wire, fit, "nothing is lost on the wire");
    }
    let text = spec(&["stopping_rounds=3"]).resolved_toml(&fit(&["stopping_rounds=3"]));
    let table = text.split("[stopping]\n").nth(1).unwrap();
    assert_eq!(
        table,
        "stopping_rounds = 3\nstopping_metric = \"auto\"\nstopping_tolerance = 0.001\nscore_interval = 1.0\n\
         overwrite_with_best_model = true\n"
    );
}

#[test]
fn the_canonical_form_has_stopping_where_it_decides() {
    for (sets, expected) in FORMS {
        for validation in [None, Some("other".to_owned())] {
            let fit = FitSpec { validation: validation.clone(), ..fit(sets) };
            let json = fit.canonical_json().unwrap();
            let after = validation.map(|hash| format!(r#","validation":"{hash}""#)).unwrap_or_default();
            let spec = format!(r#"{{"params":{{"ranks":1}},"stopping":{expected},"target":"y"}}"#);
            assert_eq!(json, format!(r#"{{"data":"hash","rows":32561,"spec":{spec}{after}}}"#));
            assert_eq!(FitSpec::from_canonical(&serde_json::from_str(&json).unwrap()).unwrap(), fit);
        }
    }
    let plain = serde_json::to_string(&fit(&[])).unwrap();
    assert!(!plain.contains("stop") && !plain.contains("validation"), "{plain}");
}

#[test]
fn a_metric_is_of_the_target_that_was_found() {
    let number = Target::Regression { column: "y".into(), reading: None, mean: 0.0, deviation: 1.0 };
    let classes = |levels: &[&str]| {
        let levels = levels.iter().map(|level| (*level).to_owned()).collect();
        Target::Classes { column: "y".into(), levels }
    };
    let (two, three) = (classes(&["a", "b"]), classes(&["a", "b", "c"]));
    for metric in MetricName::ALL {
        let fit = fit(&["stopping_rounds=2", &format!("stopping_metric={}", metric.name())]);
        for target in [&number, &two, &three] {
            assert_eq!(fit.check_target(target).is_ok(), metric.is_for(target), "{metric:?} {target:?}");
        }
    }
    assert!(fit(&["stopping_rounds=2"]).check_target(&number).is_ok());
    let check = |metric: &str, target, expected: &str| {
        let fit = fit(&["stopping_rounds=2", &format!("stopping_metric={metric}")]);
        let error = fit.check_target(target).unwrap_err();
        assert_eq!(error.code(), "metric_of_another_target");
        assert_eq!(message(Err::<(), _>(error)), expected);
    };
    let hint = "leave out `stopping_metric`: \"auto\" is the target's own; or give the `task` that it is for";
    let is = "which is not reported of the target `y`: it is for";
    check("rmse", &two, &format!("`stopping_metric` is \"rmse\", {is} numbers, and the target has classes | {hint}"));
    check(
        "auc",
        &three,
        &format!("`stopping_metric` is \"auc\", {is} two classes, and the target has another number of them | {hint}"),
    );
    check(
        "logloss",
        &number,
        &format!("`stopping_metric` is \"logloss\", {is} classes, and the target is a number | {hint}"),
    );
    refused(
        &["task=regression", "stopping_rounds=2", "stopping_metric=auc"],
        "`stopping_metric` is \"auc\", but `task` is \"regression\", which has others",
    );
    refused(
        &["task=classification", "stopping_rounds=2", "stopping_metric=r2"],
        "`stopping_metric` is \"r2\", but `task` is \"classification\", which has others",
    );
}

#[test]
fn stopping_without_effect_or_out_of_range_is_an_error() {
    refused(&["stopping_rounds=1001"], "`stopping_rounds` is 1001: must be 0 to 1000");
    refused(
        &["stopping_rounds=2", "stopping_tolerance=-0.1"],
        "`stopping_tolerance` is -0.1: must be a finite number, at least 0",
    );
    refused(&["score_interval=0"], "`score_interval` is 0.0 epochs: must be above 0; a number of epochs");
    refused(&["score_interval=nan"], "`score_interval` is NaN epochs: must be above 0");
    refused(&["score_interval=0 rows"], "`score_interval` is 0 rows: must be above 0");
    refused(&["stop_at=0"], "`stop_at` is 0: must be 1 to 2^48");
    let never = "`stopping_tolerance` does not apply: `stopping_rounds` is not above 0";
    refused(&["stopping_tolerance=0.1"], never);
    refused(&["stopping_tolerance=0.1", "score_interval=1"], never);
    refused(&["stopping_tolerance=0.1", "stopping_rounds=0"], never);
    let nothing = "does not apply: neither `stopping_rounds` nor `score_interval` is given";
    refused(&["stopping_metric=auc"], &format!("`stopping_metric` {nothing}"));
    refused(&["overwrite_with_best_model=true"], &format!("`overwrite_with_best_model` {nothing}"));
    assert_eq!(
        first(Spec::default().set("score_interval=5 minutes")),
        "`score_interval` is \"5 minutes\": a number of epochs, or a text such as \"50000 rows\", is expected"
    );
}

#[test]
fn what_others_call_stopping_is_known() {
    for (theirs, ours) in [
        ("early_stopping_rounds", "stopping_rounds"),
        ("patience", "stopping_rounds"),
        ("n_iter_no_change", "stopping_rounds"),
        ("tol", "stopping_tolerance"),
        ("min_delta", "stopping_tolerance"),
        ("eval_metric", "stopping_metric"),
        ("monitor", "stopping_metric"),
    ] {
        assert_eq!(
            first(Spec::default().set(&format!("{theirs}=1"))),
            format!("unknown key `{theirs}`: did you mean `{ours}`?")
        );
    }
    for (theirs, ours) in [
        ("AUCPR", "pr_auc"),
        ("deviance", "mean_residual_deviance"),
        ("roc_auc", "auc"),
        ("log_loss", "logloss"),
        ("mean_squared_error", "mse"),
    ] {
        for key in ["stopping_metric", "sort_by"] {
            assert_eq!(
                first(Spec::default().set(&format!("{key}={theirs}"))),
                format!("`{key}` is \"{theirs}\": did you mean \"{ours}\"?")
            );
        }
    }
}
