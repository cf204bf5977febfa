//! `aquifer evaluate`: every metric in every form, and confusion matrices at a chosen threshold.

use std::collections::BTreeMap;

use aquifer_harness::data;
use arrow_array::cast::AsArray;
use arrow_array::types::Float32Type;
use serde_json::json;

use crate::bed::{bed, refused, train};
use crate::tables::{read, regression, texts, with_target, write};

const TEST: &str = "tests/data/adult/test.parquet";

/// The confusion matrix is the one that the predictions make, row by row.
#[test]
fn a_chosen_threshold() {
    let aquifer = bed();
    let (model, out) = (aquifer.file("model.safetensors"), aquifer.file("predictions.parquet"));
    let (model, out) = (model.to_str().unwrap(), out.to_str().unwrap());
    aquifer.run(train(&data("adult/train.parquet"), "income", &["--out", model])).ok();
    aquifer.run(["predict", model, TEST, "--out", out]).ok();
    let (predicted, truth) = (read(out.as_ref()), read(&data("adult/test.parquet")));
    let p = predicted.column_by_name("p_>50K").expect("a column a class").as_primitive::<Float32Type>();
    let actual = truth.column_by_name("income").expect("the target").as_string::<i32>();
    for asked in ["0.3", "0.5", "0.75", "0.999", "0", "1"] {
        let evaluated = aquifer.run(["evaluate", model, TEST, "--threshold", asked, "--output", "json"]).ok().json();
        let (at, asked) = (&evaluated["at_threshold"], asked.parse::<f64>().unwrap());
        let used = at["threshold"].as_f64().unwrap();
        assert!((used - asked).abs() <= 1.0 / 16_384.0, "{used} for {asked}");
        let mut confusion = [0_u64; 4];
        for row in 0..predicted.num_rows() {
            let class = usize::from(actual.value(row).trim() == ">50K");
            confusion[2 * class + usize::from(f64::from(p.value(row)) >= used)] += 1;
        }
        assert_eq!(at["confusion"], json!(confusion), "{asked}");
        let right = confusion[0] + confusion[3];
        assert_eq!(at["accuracy"], json!(right as f64 / 16_281.0));
        let same = [&at["confusion"], &at["accuracy"], &at["f1"], &at["mcc"]];
        let metrics = &evaluated["metrics"];
        if asked == 0.5 {
            assert_eq!(same, [&metrics["confusion"], &metrics["accuracy"], &metrics["f1"], &metrics["mcc"]]);
        }
        // The best is at least as good as any.
        let f1 = at["f1"].as_f64().unwrap();
        assert!(metrics["best"]["f1"]["value"].as_f64().unwrap() >= f1, "{metrics}");
    }
    let shown = aquifer.run(["evaluate", model, TEST, "--threshold", "0.3"]).ok().stdout;
    for text in [
        "pr auc",
        "from a probability of 0.30003 (the nearest to 0.3",
        "actual \\ predicted",
        "Kolmogorov",
        "cum. lift",
    ] {
        assert!(shown.contains(text), "`{text}` is not shown:\n{shown}");
    }
    aquifer.run(["evaluate", model, TEST, "--threshold", "1.1"]).code(2).says(&["--threshold", "from 0 to 1"]);
}

#[test]
fn csv_is_flat_and_says_what_json_says() {
    let aquifer = bed();
    let model = aquifer.file("model.safetensors");
    let model = model.to_str().unwrap();
    let path = write(&aquifer, "data", with_target(3000, texts((0..3000).map(|i| Some(["a", "b"][i * 7 % 1013 % 2])))));
    aquifer.run(train(&path, "y", &["--out", model, "--set", "weights_column=x"])).ok();
    let file = path.to_str().unwrap();
    let json = aquifer.run(["evaluate", model, file, "--output", "json"]).ok().json();
    let csv = aquifer.run(["evaluate", model, file, "--output", "csv"]).ok().stdout;
    let mut lines = csv.lines();
    assert_eq!(lines.next(), Some("metric,value"));
    let values: BTreeMap<&str, &str> = lines.map(|line| line.split_once(',').expect("two cells")).collect();
    for (name, value) in [
        ("rows", &json["metrics"]["rows"]),
        ("pr_auc", &json["metrics"]["pr_auc"]),
        ("best.f0_5.threshold", &json["metrics"]["best"]["f0_5"]["threshold"]),
        ("gains_lift.2.lift", &json["metrics"]["gains_lift"][1]["lift"]),
        ("confusion.a.b", &json["metrics"]["confusion"][1]),
        ("at_threshold.confusion.b.a", &json["at_threshold"]["confusion"][2]),
        ("at_threshold.threshold", &json!(0.5)),
    ] {
        assert_eq!(values.get(name).copied(), Some(value.to_string().as_str()), "{name}");
    }
    assert!(json["at_threshold"]["confusion"][0].is_f64(), "sums of weights: {}", json["at_threshold"]);
}

#[test]
fn several_classes_and_numbers_have_no_threshold() {
    let aquifer = bed();
    let path = write(&aquifer, "data", regression(3000));
    let model = aquifer.file("model.safetensors");
    let (file, out) = (path.to_str().unwrap(), model.to_str().unwrap());
    for (target, said, shown, json) in [
        ("colour", "3 classes", &["mean per-class error", "hit ratio", "total"][..], "hit_ratios"),
        ("y", "predicts a number", &["rmse", "mse", "mae", "r2", "mean residual deviance"], "r2"),
    ] {
        aquifer.run(train(&path, target, &["--out", out])).ok();
        refused(&bed(), ["evaluate", out, file, "--threshold", "0.5"], 2, "no_threshold", &[said]);
        let text = aquifer.run(["evaluate", out, file]).ok().stdout;
        shown.iter().for_each(|shown| assert!(text.contains(shown), "{shown}:\n{text}"));
        assert!(!text.contains("lift") && !text.contains("auc"), "{text}");
        let found = aquifer.run(["evaluate", out, file, "--output", "json"]).ok().json();
        assert!(!found["metrics"][json].is_null() && found["at_threshold"].is_null(), "{found}");
    }
}
