//! Against scikit-learn 1.9.1, on rows that tests/peers/metrics_golden.py makes by the same recurrence: it prints these numbers.

use super::*;
use crate::metric::math;

const ROWS: usize = 300;

/// The recurrence of the script.
struct Draws(u64);

impl Draws {
    fn next(&mut self) -> f64 {
        self.0 = self.0.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (self.0 >> 40) as f64 / (1u64 << 24) as f64
    }

    fn weight(&mut self, weighted: bool) -> f32 {
        let weight = (self.next() * 8.0).floor() / 4.0;
        if weighted { weight as f32 } else { 1.0 }
    }
}

/// The total of rows with logits on a grid of `step`, in three blocks.
fn binomial(step: f64, weighted: bool) -> (Scoring, Partial) {
    let scoring = Scoring::new(Family::Binomial, weighted);
    let (mut sums, mut draws) = (scoring.accumulator(), Draws(1));
    for block in 0..3 {
        for _ in 0..ROWS / 3 {
            let score = draws.next();
            let z = ((score * 256.0).floor() - 128.0) * step;
            let class = usize::from(draws.next() < 0.15 + 0.6 * score);
            let logloss = z.max(0.0) + math::ln_1p(math::exp(-z.abs())) - z * class as f64;
            sums.add_binomial(z as f32, class, draws.weight(weighted), logloss);
        }
        sums.end_block(block);
    }
    (scoring, sums.into_partial())
}

struct Golden {
    /// Logloss, AUC, average precision.
    scalars: [f64; 3],
    /// Accuracy, F1, MCC, mean per-class error at ½.
    half: [f64; 4],
    /// (value, threshold) of F1, F2, F0.5, accuracy, MCC, K-S.
    best: [[f64; 2]; 6],
    /// At z = −½, as the next.
    confusion: Counts,
    /// Accuracy, precision, recall, specificity, F1, MCC.
    at: [f64; 6],
    /// Data so far, threshold, response rate, lift, lift so far, captured so far.
    gains: &'static [[f64; 6]],
}

fn golden(weighted: bool) -> Golden {
    if weighted {
        return Golden {
            scalars: [0.6582682304959877, 0.6912704496587828, 0.6507326460716137],
            half: [0.6473988439306358, 0.6242299794661191, 0.2928015346144192, 0.3531793960923624],
            best: [
                [0.6821086261980831, 0.25683199138751883],
                [0.8108108108108109, 0.12252321251815919],
                [0.627931214174049, 0.6297746074044134],
                [0.6589595375722543, 0.6297746074044134],
                [0.3216058524801693, 0.43398146480389854],
                [0.3223931943535572, 0.43398146480389854],
            ],
            confusion: Counts::Weights(vec![74.25, 66.5, 29.75, 89.0]),
            at: [
                0.6290944123314065,
                0.572347266881029,
                0.7494736842105263,
                0.5275310834813499,
                0.6490428441203282,
                0.28160890805742134,
            ],
            gains: &[
                [
                    0.022157996146435453,
                    0.8740772351648677,
                    0.9130434782608695,
                    1.9952402745995421,
                    1.9952402745995421,
                    0.04421052631578947,
                ],
                [
                    0.03371868978805395,
                    0.8670357598021706,
                    1.0,
                    2.185263157894737,
                    2.060390977443609,
                    0.06947368421052631,
                ],
                [
                    0.04238921001926782,
                    0.8633916099737806,
                    1.0,
                    2.185263157894737,
                    2.085933014354067,
                    0.08842105263157894,
                ],
                [
                    0.0626204238921002,
                    0.849971175657575,
                    0.6666666666666666,
                    1.4568421052631577,
                    1.882688259109312,
                    0.11789473684210526,
                ],
                [
                    0.10982658959537572,
                    0.8267117940706734,
                    0.5306122448979592,
                    1.1595273899033298,
                    1.5718559556786704,
                    0.1726315789473684,
                ],
                [
                    0.16377649325626203,
                    0.8056321889812553,
                    0.5535714285714286,
                    1.2096992481203008,
                    1.4525572755417957,
                    0.23789473684210527,
                ],
                [
                    0.20616570327552985,
                    0.7772998611746911,
                    0.45454545454545453,
                    0.9933014354066986,
                    1.3581308411214954,
                    0.28,
                ],
                [
                    0.3063583815028902,
                    0.6926419831347361,
                    0.7211538461538461,
                    1.575910931174089,
                    1.4293545183714,
                    0.4378947368421053,
                ],
                [
                    0.40847784200385356,
                    0.5851011542032312,
                    0.4528301886792453,
                    0.9895531281032771,
                    1.3194041708043693,
                    0.5389473684210526,
                ],
                [
                    0.5019267822736031,
                    0.4649015713733885,
                    0.6288659793814433,
                    1.3742376559956593,
                    1.3296130922315386,
                    0.6673684210526316,
                ],
                [
                    0.6021194605009634,
                    0.37022539259558657,
                    0.375,
                    0.8194736842105264,
                    1.244725894736842,
                    0.7494736842105263,
                ],
                [
                    0.7032755298651252,
                    0.29098086621490676,
                    0.4,
                    0.8741052631578948,
                    1.1914174477289112,
                    0.8378947368421052,
                ],
                [
                    0.8005780346820809,
                    0.22000709974589316,
                    0.31683168316831684,
                    0.6923606044815008,
                    1.1307619228576857,
                    0.9052631578947369,
                ],
                [
                    0.9046242774566474,
                    0.15817435274843167,
                    0.18518518518518517,
                    0.4046783625730994,
                    1.0472507146460401,
                    0.9473684210526315,
                ],
                [1.0, 0.11920292202211755, 0.25252525252525254, 0.5518341307814992, 1.0, 1.0],
            ],
        };
    }
    Golden {
        scalars: [0.6595731200121827, 0.6892986425339366, 0.6025019394877139],
        half: [0.65, 0.6236559139784946, 0.3018125672601412, 0.34773755656108607],
        best: [
            [0.6572237960339944, 0.2782567937024021],
            [0.7926829268292683, 0.11920292202211755],
            [0.6183745583038869, 0.6297746074044134],
            [0.67, 0.6297746074044134],
            [0.31841581808650965, 0.6297746074044134],
            [0.31447963800904977, 0.5078118642792044],
        ],
        confusion: Counts::Rows(vec![86, 84, 29, 101]),
        at: [
            0.6233333333333333,
            0.5459459459459459,
            0.7769230769230769,
            0.5058823529411764,
            0.6412698412698413,
            0.288236579994764,
        ],
        gains: &[
            [
                0.016666666666666666,
                0.8740772351648677,
                0.8,
                1.8461538461538463,
                1.8461538461538463,
                0.03076923076923077,
            ],
            [
                0.023333333333333334,
                0.870597268408361,
                0.5,
                1.1538461538461537,
                1.6483516483516483,
                0.038461538461538464,
            ],
            [0.03, 0.8670357598021706, 1.0, 2.3076923076923075, 1.794871794871795, 0.05384615384615385],
            [0.04, 0.8633916099737806, 1.0, 2.3076923076923075, 1.9230769230769231, 0.07692307692307693],
            [
                0.05333333333333334,
                0.8558511469672594,
                0.25,
                0.5769230769230769,
                1.5865384615384615,
                0.08461538461538462,
            ],
            [0.1, 0.8289388083214156, 0.5714285714285714, 1.3186813186813187, 1.4615384615384615, 0.14615384615384616],
            [
                0.15333333333333332,
                0.8031737963569016,
                0.5625,
                1.2980769230769231,
                1.4046822742474916,
                0.2153846153846154,
            ],
            [
                0.20666666666666667,
                0.7662936430859597,
                0.5625,
                1.2980769230769231,
                1.3771712158808933,
                0.2846153846153846,
            ],
            [
                0.30333333333333334,
                0.6926419831347361,
                0.6896551724137931,
                1.5915119363395227,
                1.4454775993237532,
                0.43846153846153846,
            ],
            [
                0.4066666666666667,
                0.5926665999540697,
                0.5161290322580645,
                1.1910669975186103,
                1.3808322824716266,
                0.5615384615384615,
            ],
            [0.5, 0.4843800842769844, 0.5357142857142857, 1.236263736263736, 1.3538461538461537, 0.676923076923077],
            [0.6066666666666667, 0.3886180267058489, 0.375, 0.8653846153846153, 1.267962806424345, 0.7692307692307693],
            [
                0.7066666666666667,
                0.2974699426047947,
                0.36666666666666664,
                0.846153846153846,
                1.2082728592162555,
                0.8538461538461538,
            ],
            [
                0.8066666666666666,
                0.2254166158350767,
                0.26666666666666666,
                0.6153846153846153,
                1.1347743165924984,
                0.9153846153846154,
            ],
            [
                0.9,
                0.16238003666671086,
                0.17857142857142858,
                0.41208791208791207,
                1.0598290598290598,
                0.9538461538461539,
            ],
            [1.0, 0.11920292202211755, 0.2, 0.46153846153846156, 1.0, 1.0],
        ],
    }
}

fn bests(metrics: &Metrics) -> [Best; 6] {
    let BestThresholds { f1, f2, f0_5, accuracy, mcc, ks } = metrics.best.unwrap();
    [f1, f2, f0_5, accuracy, mcc, ks]
}

/// Logits on the edges of bins: no two that differ share a bin, so all is exact.
#[test]
fn two_classes() {
    for weighted in [false, true] {
        let (scoring, total) = binomial(1.0 / 64.0, weighted);
        let (metrics, golden) = (scoring.metrics(&total), golden(weighted));
        let all = |found: &[Option<f64>], expected: &[f64]| {
            assert_eq!(found.len(), expected.len());
            found.iter().zip(expected).for_each(|(found, expected)| close(*found, *expected));
        };
        all(&[metrics.logloss, metrics.auc, metrics.pr_auc], &golden.scalars);
        close(metrics.gini, 2.0 * golden.scalars[1] - 1.0);
        all(&[metrics.accuracy, metrics.f1, metrics.mcc, metrics.mean_per_class_error], &golden.half);
        for (found, expected) in bests(&metrics).iter().zip(&golden.best) {
            all(&[Some(found.value), Some(found.threshold)], expected);
        }
        // Asked for as a user would: the edge is found.
        let at = scoring.at_threshold(&total, 0.37754).unwrap();
        assert_eq!(at.confusion, golden.confusion);
        all(&[at.accuracy, at.precision, at.recall, at.specificity, at.f1, at.mcc], &golden.at);
        close(Some(at.threshold), 0.3775406687981454);
        let gains = metrics.gains_lift.unwrap();
        assert_eq!(gains.len(), golden.gains.len());
        for (g, expected) in gains.iter().zip(golden.gains) {
            let found = [
                g.cumulative_data_fraction,
                g.lower_threshold,
                g.response_rate,
                g.lift,
                g.cumulative_lift,
                g.cumulative_capture_rate,
            ];
            all(&found.map(Some), expected);
        }
        let captured: f64 = gains.iter().map(|group| group.capture_rate).sum();
        close(Some(captured), 1.0);
        close(
            gains.last().map(|group| group.cumulative_response_rate * group.cumulative_lift),
            gains[0].response_rate / gains[0].lift,
        );
    }
}

/// Logits eight to a bin: scikit-learn, which sees them apart, lies within what is said of the resolution.
#[test]
fn resolutions_hold_scikit_learn_s_numbers() {
    for weighted in [false, true] {
        let (scoring, total) = binomial(1.0 / 16_384.0, weighted);
        let (metrics, golden) = (scoring.metrics(&total), golden(weighted));
        let within = |found: Option<f64>, resolution: Option<f64>, expected: f64| {
            let (found, resolution) = (found.unwrap(), resolution.unwrap());
            assert!((found - expected).abs() <= resolution, "{found} ± {resolution} misses {expected}");
            assert!(found != expected && resolution < 0.15, "{resolution}");
        };
        within(metrics.auc, metrics.auc_resolution, golden.scalars[1]);
        within(metrics.pr_auc, metrics.pr_auc_resolution, golden.scalars[2]);
        for (found, [expected, _]) in bests(&metrics).iter().zip(&golden.best) {
            let Best { value, resolution, .. } = *found;
            assert!(value <= expected + 1e-12, "{value} is more than the best, {expected}");
            assert!(expected <= &(value + resolution), "{value} + {resolution} misses {expected}");
            assert!(resolution < 0.1, "{resolution}");
        }
    }
}

#[test]
fn twelve_classes() {
    const CLASSES: usize = 12;
    for (weighted, [accuracy, error], hits) in [
        (
            false,
            [0.3433333333333333, 0.6605045278593851],
            [
                0.3433333333333333,
                0.43333333333333335,
                0.5266666666666666,
                0.61,
                0.6833333333333333,
                0.74,
                0.8333333333333334,
                0.9,
                0.9466666666666667,
                0.99,
            ],
        ),
        (
            true,
            [0.3572093023255814, 0.651654483062718],
            [
                0.3572093023255814,
                0.4493023255813953,
                0.5209302325581395,
                0.5888372093023255,
                0.6716279069767442,
                0.7386046511627907,
                0.827906976744186,
                0.8911627906976745,
                0.9413953488372093,
                0.9888372093023255,
            ],
        ),
    ] {
        let scoring = Scoring::new(Family::Multinomial { classes: CLASSES }, weighted);
        let (mut sums, mut draws) = (scoring.accumulator(), Draws(1));
        for block in 0..3 {
            for _ in 0..ROWS / 3 {
                let own = (draws.next() * CLASSES as f64) as usize;
                let scores: [f64; CLASSES] = std::array::from_fn(|_| draws.next());
                let raised = |at: usize| scores[at] + if at == own { 0.25 } else { 0.0 };
                let scores = std::array::from_fn::<f32, CLASSES, _>(|at| {
                    (((raised(at) * 1024.0).floor() * 16.0 + at as f64) / 4096.0) as f32
                });
                sums.add_multinomial(&scores, own, draws.weight(weighted), 0.0);
            }
            sums.end_block(block);
        }
        let metrics = scoring.metrics(&sums.into_partial());
        close(metrics.accuracy, accuracy);
        close(metrics.mean_per_class_error, error);
        let found = metrics.hit_ratios.unwrap();
        assert_eq!(found.len(), hits.len());
        found.iter().zip(hits).for_each(|(found, expected)| close(Some(*found), expected));
    }
}

#[test]
fn numbers() {
    for (weighted, expected) in [
        (false, [40.079036458333334, 6.330800617483805, 5.361666666666666, 0.9528749793667376, 0.2137203109889756]),
        (true, [39.387678377890175, 6.275960355028557, 5.31231936416185, 0.9565519050615229, 0.21693442602825286]),
    ] {
        let score = |center: f64, raised: f64| {
            let scoring = Scoring { center, ..Scoring::new(Family::Regression, weighted) };
            let (mut sums, mut draws) = (scoring.accumulator(), Draws(1));
            for block in 0..3 {
                for _ in 0..ROWS / 3 {
                    let value = draws.next() * 100.0;
                    let actual = (value * 16.0).floor() / 16.0 + raised;
                    let prediction = ((value + draws.next() * 20.0 - 8.0) * 16.0).floor() / 16.0 + raised;
                    sums.add_regression(prediction, actual, draws.weight(weighted), 2.0 * (prediction - actual).abs());
                }
                sums.end_block(block);
            }
            scoring.metrics(&sums.into_partial())
        };
        let metrics = score(50.0, 0.0);
        for (found, expected) in [metrics.mse, metrics.rmse, metrics.mae, metrics.r2].into_iter().zip(expected) {
            close(found, expected);
        }
        close(metrics.mean_residual_deviance, 2.0 * expected[2]);
        assert_eq!(metrics.rmsle, None, "some predictions are −1 or less");
        close(score(0.0, 8.0).rmsle, expected[4]);
        // About its training mean a large target keeps its variance.
        let far = score(1e9 + 40.0, 1e9).r2.unwrap();
        assert!((far - expected[3]).abs() < 1e-11, "{far}");
    }
}
