//! Against scikit-learn 1.9.1. The numbers come from:
//!
//! ```python
//! import numpy as np
//! from sklearn.metrics import roc_auc_score, log_loss, accuracy_score, mean_absolute_error, mean_squared_error
//! from sklearn.metrics import confusion_matrix
//! z = np.array([-2.5, -1, -1, 0, 0.5, 0.5, 0.5, 3, -40, 20, -0.25, 1.5]); y = np.array([0, 0, 1, 1, 0, 1, 1, 1, 0, 1, 1, 0])
//! w = np.array([1, 2, 0.5, 1, 3, 1.5, 1, 0.25, 2, 1, 0.75, 1]); p = 1 / (1 + np.exp(-z)); hat = (z >= 0).astype(int)
//! for sw in (None, w):
//!     print(roc_auc_score(y, z, sample_weight=sw), accuracy_score(y, hat, sample_weight=sw), log_loss(y, p, sample_weight=sw))
//! print(confusion_matrix(y, hat).ravel(), np.logaddexp(0, z) - y * z)
//! Z = np.array([[1, 2, 2], [0.5, 0.25, -1], [3, 3, 3], [-1, 0, 2], [0, 0, 1]], float); Y = np.array([1, 0, 2, 2, 1])
//! W = np.array([1, 2, 0.5, 1, 4]); P = np.exp(Z) / np.exp(Z).sum(1, keepdims=True)
//! for sw in (None, W):
//!     print(accuracy_score(Y, Z.argmax(1), sample_weight=sw), log_loss(Y, P, sample_weight=sw, labels=[0, 1, 2]))
//! print(confusion_matrix(Y, Z.argmax(1)).ravel(), -np.log(P[np.arange(5), Y]))
//! a = np.array([1, -2, 3.5, 0]); f = np.array([1.5, -2, 1, 0.25]); v = np.array([1, 2, 0.5, 4])
//! for sw in (None, v):
//!     print(mean_squared_error(a, f, sample_weight=sw) ** 0.5, mean_absolute_error(a, f, sample_weight=sw))
//! ```

mod golden;

use super::*;
use crate::partial::{Partial, Values};

const Z: [f32; 12] = [-2.5, -1.0, -1.0, 0.0, 0.5, 0.5, 0.5, 3.0, -40.0, 20.0, -0.25, 1.5];
const Y: [usize; 12] = [0, 0, 1, 1, 0, 1, 1, 1, 0, 1, 1, 0];
const W: [f32; 12] = [1.0, 2.0, 0.5, 1.0, 3.0, 1.5, 1.0, 0.25, 2.0, 1.0, 0.75, 1.0];
const LOSS: [f64; 12] = [
    0.07888973429254963,
    0.31326168751822286,
    1.3132616875182228,
    std::f64::consts::LN_2,
    0.9740769841801067,
    0.4740769841801067,
    0.4740769841801067,
    0.048587351573742055,
    4.248354255291589e-18,
    2.061153026033935e-09,
    0.8259394198788436,
    1.7014132779827524,
];

fn close(found: Option<f64>, expected: f64) {
    assert!(found.is_some_and(|found| (found - expected).abs() < 1e-12), "{found:?} is not {expected}");
}

/// Partials of these rows, split among ranks at `cut`, and their sum as metrics.
fn binomial(weighted: bool, cut: usize) -> Metrics {
    let scoring = Scoring::new(Family::Binomial, weighted);
    let rank = |rows: std::ops::Range<usize>| {
        let mut sums = scoring.accumulator();
        for i in rows {
            sums.add_binomial(Z[i], Y[i], if weighted { W[i] } else { 1.0 }, LOSS[i]);
        }
        sums.end_block(0);
        sums.into_partial()
    };
    Metrics::from_partial(&Partial::add(rank(0..cut), rank(cut..Z.len())), &scoring)
}

#[test]
fn binomial_metrics_are_those_of_scikit_learn() {
    let metrics = binomial(false, 5);
    close(metrics.auc, 0.7285714285714285);
    close(metrics.accuracy, 0.6666666666666666);
    close(metrics.logloss, 0.574727607827146);
    assert_eq!((metrics.rows, metrics.confusion), (12, Some(vec![3, 2, 2, 5])));
    // Ties: one pair at −1, two at 0.5; of 35 pairs.
    close(metrics.auc_resolution, 0.5 * 3.0 / 35.0);

    let weighted = binomial(true, 7);
    close(weighted.auc, 0.7083333333333333);
    close(weighted.accuracy, 0.65);
    close(weighted.logloss, 0.5663752819656742);
    assert_eq!(weighted.confusion, Some(vec![3, 2, 2, 5]), "counts of rows, with weights too");
}

#[test]
fn multinomial_metrics_are_those_of_scikit_learn() {
    let scores = [[1.0, 2.0, 2.0], [0.5, 0.25, -1.0], [3.0, 3.0, 3.0], [-1.0, 0.0, 2.0], [0.0, 0.0, 1.0f32]];
    let classes = [1, 0, 2, 2, 1];
    let losses = [0.8619948040582511, 0.6941121864019142, 1.0986122886681098, 0.16984601955628567, 1.551444713932051];
    for (weights, accuracy, logloss) in
        [([1.0f32; 5], 0.6, 0.8752020025233224), ([1.0, 2.0, 0.5, 1.0, 4.0], 0.47058823529411764, 1.0794294348800735)]
    {
        let scoring = Scoring::new(Family::Multinomial { classes: 3 }, weights[1] != 1.0);
        let mut sums = scoring.accumulator();
        for i in 0..5 {
            sums.add_multinomial(&scores[i], classes[i], weights[i], losses[i]);
        }
        sums.end_block(0);
        let metrics = scoring.metrics(&sums.into_partial());
        close(metrics.accuracy, accuracy);
        close(metrics.logloss, logloss);
        assert_eq!(metrics.confusion, Some(vec![1, 0, 0, 0, 1, 1, 1, 0, 1]));
        assert_eq!((metrics.auc, metrics.rmse), (None, None));
    }
}

#[test]
fn regression_metrics_are_those_of_scikit_learn() {
    let rows = [(1.5, 1.0), (-2.0, -2.0), (1.0, 3.5), (0.25, 0.0)];
    for (weights, rmse, mae) in
        [([1.0f32; 4], 1.2808688457449497, 0.8125), ([1.0, 2.0, 0.5, 4.0], 0.695221787153807, 0.36666666666666664)]
    {
        let scoring = Scoring::new(Family::Regression, weights[1] != 1.0);
        let mut sums = scoring.accumulator();
        for ((prediction, actual), weight) in rows.into_iter().zip(weights) {
            sums.add_regression(prediction, actual, weight, 0.0);
        }
        sums.end_block(0);
        let metrics = scoring.metrics(&sums.into_partial());
        close(metrics.rmse, rmse);
        close(metrics.mae, mae);
        assert_eq!((metrics.rows, metrics.logloss, metrics.confusion), (4, None, None));
    }
}

#[test]
fn the_true_area_lies_within_the_resolution() {
    // Logits closer together than a bin is wide, from a fixed recurrence.
    let mut x = 1u64;
    let rows: Vec<(f32, usize)> = (0..400)
        .map(|_| {
            x = x.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            let noise = (x >> 40) as f32 / (1u64 << 24) as f32;
            let class = usize::from(x >> 33 & 1 == 1);
            ((noise + 0.2 * class as f32) / 100.0, class)
        })
        .collect();
    let scoring = Scoring::new(Family::Binomial, false);
    let mut sums = scoring.accumulator();
    rows.iter().for_each(|(z, class)| sums.add_binomial(*z, *class, 1.0, 0.0));
    sums.end_block(0);
    let metrics = scoring.metrics(&sums.into_partial());
    let of = |class| rows.iter().filter(move |row| row.1 == class).map(|row| row.0);
    let pairs: Vec<f64> = of(1)
        .flat_map(|p| {
            of(0).map(move |n| {
                if p > n {
                    1.0
                } else if p == n {
                    0.5
                } else {
                    0.0
                }
            })
        })
        .collect();
    let exact = pairs.iter().sum::<f64>() / pairs.len() as f64;
    let (auc, resolution) = (metrics.auc.unwrap(), metrics.auc_resolution.unwrap());
    assert!(resolution > 0.0 && resolution < 0.05, "{resolution}");
    assert!((auc - exact).abs() <= resolution, "{auc} ± {resolution} misses {exact}");
}

#[test]
fn partials_have_the_vectors_that_are_announced() {
    for family in [Family::Binomial, Family::Multinomial { classes: 4 }, Family::Regression] {
        for weighted in [false, true] {
            let scoring = Scoring::new(family, weighted);
            let partial = scoring.accumulator().into_partial();
            let shape: Vec<_> = partial.vectors.iter().map(|values| (values.value_type(), values.len())).collect();
            let announced: Vec<_> = scoring.vectors().iter().map(|spec| (spec.value_type, spec.len)).collect();
            assert_eq!(shape, announced, "{scoring:?}");
        }
    }
}

/// What is left of metrics that are all absent, but for what is taken out.
fn nothing_but(metrics: &Metrics, take: impl Fn(&mut Metrics)) {
    let mut left = metrics.clone();
    take(&mut left);
    left.rows = 0;
    left.confusion = None;
    assert_eq!(left, Metrics::default(), "{metrics:?}");
}

#[test]
fn what_has_no_value_is_absent() {
    for family in [Family::Binomial, Family::Multinomial { classes: 4 }, Family::Regression] {
        for weighted in [false, true] {
            let scoring = Scoring::new(family, weighted);
            let empty = scoring.metrics(&scoring.accumulator().into_partial());
            assert_eq!(empty.rows, 0);
            nothing_but(&empty, |_| ());
            let strange = Partial { weight: 1.0, vectors: vec![Values::F32(vec![1.0])] };
            assert_eq!(scoring.metrics(&strange), Metrics::default());
            assert_eq!(scoring.at_threshold(&strange, 0.5), None);
        }
        // Rows that weigh nothing are there, and say nothing.
        let scoring = Scoring::new(family, true);
        let mut sums = scoring.accumulator();
        match family {
            Family::Binomial => [(1.0, 1), (-1.0, 0)].iter().for_each(|(z, y)| sums.add_binomial(*z, *y, 0.0, 0.5)),
            Family::Multinomial { .. } => sums.add_multinomial(&[1.0, 0.0, 0.0, 0.0], 1, 0.0, 0.5),
            Family::Regression => sums.add_regression(1.0, 2.0, 0.0, 1.0),
        }
        sums.end_block(0);
        let metrics = scoring.metrics(&sums.into_partial());
        assert!(metrics.rows > 0);
        nothing_but(&metrics, |_| ());
    }
}

#[test]
fn one_class_has_no_curve() {
    for (weighted, class) in [(false, 1), (true, 0)] {
        let scoring = Scoring::new(Family::Binomial, weighted);
        let mut sums = scoring.accumulator();
        sums.add_binomial(1.0, class, 1.0, f64::INFINITY);
        sums.end_block(0);
        let total = sums.into_partial();
        let metrics = scoring.metrics(&total);
        assert_eq!((metrics.accuracy, metrics.mean_per_class_error), (Some(class as f64), Some(1.0 - class as f64)));
        nothing_but(&metrics, |left| (left.accuracy, left.mean_per_class_error) = (None, None));
        // Nobody is predicted to be of class 1, and nobody of class 0.
        for (threshold, recall) in [(1.0, 0.0), (0.0, 1.0)] {
            let at = scoring.at_threshold(&total, threshold).unwrap();
            assert_eq!(
                (at.threshold, at.recall.is_some(), at.specificity.is_some()),
                (threshold, class == 1, class == 0)
            );
            assert_eq!(at.recall.or(at.specificity.map(|s| 1.0 - s)), Some(recall));
            assert_eq!((at.precision.is_some(), at.f1, at.mcc), (threshold == 0.0, None, None));
        }
    }
    let scoring = Scoring::new(Family::Multinomial { classes: 3 }, false);
    let mut sums = scoring.accumulator();
    sums.add_multinomial(&[0.0, 1.0, 2.0], 1, 1.0, 1.0);
    sums.end_block(0);
    let metrics = scoring.metrics(&sums.into_partial());
    assert_eq!((metrics.hit_ratios, metrics.mean_per_class_error), (Some(vec![0.0, 1.0, 1.0]), Some(1.0)));
}

#[test]
fn equal_predictions_are_one_group() {
    for weighted in [false, true] {
        let scoring = Scoring::new(Family::Binomial, weighted);
        let mut sums = scoring.accumulator();
        (0..10).for_each(|row| sums.add_binomial(-0.25, usize::from(row < 3), 1.0, 0.5));
        sums.end_block(0);
        let metrics = scoring.metrics(&sums.into_partial());
        close(metrics.auc, 0.5);
        close(metrics.auc_resolution, 0.5);
        close(metrics.pr_auc, 0.3);
        close(metrics.pr_auc_resolution, 0.7);
        assert_eq!((metrics.gini, metrics.f1, metrics.mcc), (Some(0.0), Some(0.0), Some(0.0)));
        let best = metrics.best.unwrap();
        // All or nobody: nobody is more often right.
        assert_eq!((best.accuracy.value, best.f1.value, best.mcc.value, best.ks.value), (0.7, 6.0 / 13.0, 0.0, 0.0));
        assert!(best.accuracy.threshold > best.f1.threshold);
        assert_eq!((best.accuracy.resolution, best.ks.resolution), (1.0 - 0.7, 1.0));
        let gains = metrics.gains_lift.unwrap();
        assert_eq!((gains.len(), gains[0].lift, gains[0].cumulative_capture_rate), (1, 1.0, 1.0));
    }
}

#[test]
fn a_constant_target_has_no_r2() {
    for (actual, center) in [(0.1, 0.1), (0.1, 7.3), (1e9, 0.3)] {
        let scoring = Scoring { center, ..Scoring::new(Family::Regression, true) };
        let mut sums = scoring.accumulator();
        for row in 0..1000 {
            sums.add_regression(0.2, actual, 0.1 + (row % 7) as f32, 0.0);
        }
        sums.end_block(0);
        let metrics = scoring.metrics(&sums.into_partial());
        assert!(metrics.r2.is_none() && metrics.rmse.is_some(), "{metrics:?}");
    }
}

#[test]
fn logarithms_that_are_not_there() {
    for (prediction, actual, there) in [
        (-1.0, 0.0, false),
        (0.0, -1.0, false),
        (-2.0, -3.0, false),
        (f64::MAX, -0.999999, false), // beyond f64
        (-0.999999, 1e9, true),
        (f64::MAX, 0.0, true),
        (1e-9, 0.0, true),
    ] {
        let scoring = Scoring::new(Family::Regression, false);
        let mut sums = scoring.accumulator();
        [(prediction, actual), (0.0, 0.0)].iter().for_each(|(p, a)| sums.add_regression(*p, *a, 1.0, 0.0));
        sums.end_block(0);
        let rmsle = scoring.metrics(&sums.into_partial()).rmsle;
        assert_eq!(rmsle.is_some_and(|rmsle| rmsle > 0.0), there, "{prediction}, {actual}: {rmsle:?}");
    }
}

#[test]
fn a_model_file_keeps_few() {
    let sklearn = binomial(false, 5);
    let kept = sklearn.kept();
    assert_eq!((kept.auc, kept.logloss, &kept.confusion), (sklearn.auc, sklearn.logloss, &sklearn.confusion));
    let text = serde_json::to_string(&kept).unwrap();
    let names = ["rows", "logloss", "auc", "auc_resolution", "accuracy", "confusion"];
    let at: Vec<usize> = names.iter().map(|name| text.find(&format!("\"{name}\":")).unwrap()).collect();
    assert!(at.is_sorted() && text.matches(':').count() == names.len(), "{text}");
}
