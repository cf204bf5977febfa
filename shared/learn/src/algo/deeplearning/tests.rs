//! Whole trials: PyTorch's losses, the two modes, the tree, the ends.

mod ends_early;

use aquifer_frame::{Batch, Fold, Node, whole_nodes};
use aquifer_model::Values;
use aquifer_model::params::{Activation, InitialWeights, LearningRateSchedule, Loss, Optimizer};

use super::*;
use crate::crew::Threads;
use crate::network::Buffers;
use crate::optimizer::{Step, is_mean_square, step};
use crate::self_test::train;
use crate::synthetic::Synthetic;

const ADAM: Optimizer = Optimizer::Adam { beta1: 0.9, beta2: 0.999, epsilon: 1e-8 };
const SGD: Optimizer = Optimizer::Sgd { momentum: 0.9, nesterov: false };

const NESTEROV: Optimizer = Optimizer::Sgd { momentum: 0.9, nesterov: true };
const RMSPROP: Optimizer = Optimizer::Rmsprop { rho: 0.99, epsilon: 1e-8 };
const ADADELTA: Optimizer = Optimizer::Adadelta { rho: 0.99, epsilon: 1e-8 };

fn params() -> DeepLearning {
    DeepLearning {
        hidden: vec![20, 10],
        activation: Activation::Rectifier,
        optimizer: ADAM,
        learning_rate: 0.005,
        mini_batch_size: 32,
        epochs: 2.0,
        l1: 0.0,
        l2: 0.0,
        input_dropout_ratio: 0.0,
        hidden_dropout_ratios: Vec::new(),
        seed: 1,
        ranks: 1,
        averaging_mode: AveragingMode::Average,
        averaging_interval: 1536,
        outer_rate: 0.7,
        outer_momentum: 0.9,
        ..DeepLearning::default()
    }
}

fn data() -> Synthetic {
    Synthetic { rows: 5000, numeric: 6, slots: vec![4, 3], classes: Some(2), weighted: false, left_out: None }
}

fn trial(params: &DeepLearning, data: &Synthetic) -> Trial {
    Trial::new(params.clone(), data.encoding(), data.part_rows(), Isa::detect()).unwrap()
}

/// Losses of ten steps from fixed weights over fixed batches; tests/golden/torch_losses.py printed them with torch
/// 2.15.0: (activation, classes (0 is a regression), optimizer, losses). The tolerance is 1e-5 of a loss: f32 sums in
/// another order.
#[rustfmt::skip]
const TORCH: [(Activation, usize, Optimizer, [f64; 10]); 12] = [
    (Activation::Rectifier, 0, ADAM, [0.5456227, 0.4340986, 0.3622842, 0.3990911, 0.5314447, 0.4763402, 0.369513, 0.3813669, 0.4862026, 0.5297885]),
    (Activation::Rectifier, 0, SGD, [0.5456227, 0.4325709, 0.3613888, 0.3990885, 0.5324454, 0.4758443, 0.3685547, 0.3798477, 0.4861637, 0.5290872]),
    (Activation::Rectifier, 2, ADAM, [0.6926649, 0.6871814, 0.6964142, 0.6996953, 0.6873412, 0.6899869, 0.7009153, 0.6952515, 0.6889258, 0.6951743]),
    (Activation::Rectifier, 2, SGD, [0.6926649, 0.6869289, 0.6952941, 0.6995386, 0.6889172, 0.6890285, 0.6998299, 0.694658, 0.6890383, 0.6951104]),
    (Activation::Rectifier, 4, ADAM, [1.402221, 1.38241, 1.387703, 1.398308, 1.383857, 1.377616, 1.390586, 1.385893, 1.382136, 1.382915]),
    (Activation::Rectifier, 4, SGD, [1.402221, 1.382109, 1.387783, 1.401908, 1.385898, 1.375938, 1.393612, 1.384916, 1.377292, 1.380471]),
    (Activation::Tanh, 0, ADAM, [0.526868, 0.4457997, 0.371565, 0.4189943, 0.5166498, 0.4622692, 0.374459, 0.3916803, 0.4927068, 0.5316581]),
    (Activation::Tanh, 0, SGD, [0.526868, 0.4431788, 0.370033, 0.4131212, 0.5167235, 0.4665638, 0.3748185, 0.3916413, 0.4880595, 0.5280129]),
    (Activation::Tanh, 2, ADAM, [0.6874472, 0.6790622, 0.7112831, 0.7083691, 0.6747268, 0.6882873, 0.7044657, 0.693288, 0.6916876, 0.701556]),
    (Activation::Tanh, 2, SGD, [0.6874472, 0.6792782, 0.7070053, 0.7058555, 0.6771835, 0.6881901, 0.7030489, 0.692867, 0.6912014, 0.7009591]),
    (Activation::Tanh, 4, ADAM, [1.419798, 1.376004, 1.388253, 1.412934, 1.382041, 1.385836, 1.387597, 1.370507, 1.384278, 1.385566]),
    (Activation::Tanh, 4, SGD, [1.419798, 1.376222, 1.385506, 1.416448, 1.3844, 1.385725, 1.391406, 1.367296, 1.377285, 1.386388]),
];

#[test]
fn works_like_pytorch() {
    for (activation, classes, optimizer, expected) in TORCH {
        let learning_rate = if optimizer == ADAM { 0.01 } else { 0.05 };
        let params = DeepLearning { hidden: vec![5, 3], activation, optimizer, learning_rate, ..params() };
        let data = Synthetic { numeric: 4, slots: vec![3], classes: (classes > 0).then_some(classes), ..data() };
        let network = Network::new(&params, &data.encoding(), Isa::detect()).unwrap();
        let layout = network.layout();
        let mut weights = vec![0.0; network.len()];
        for (l, layer) in layout.layers().iter().enumerate() {
            for o in 0..layer.outputs {
                weights[layout.at(l, None, o)] = ((o * 3 + l) % 5) as f32 / 16.0 - 2.0 / 16.0;
                for i in 0..layer.inputs {
                    let sixteenths = ((o * 5 + i * 3 + o * i + l) % 11) as f32 - 5.0;
                    weights[layout.at(l, Some(i), o)] = sixteenths / 16.0;
                }
            }
        }
        let mut moments = vec![vec![0.0; network.len()]; moment_names(optimizer).len()];
        let (mut gradient, mut transposed) = (vec![0.0; network.len()], vec![0.0; layout.transposed_len()]);
        let mut buffers = Buffers::of(&network, network.row_block());
        for (t, expected) in (1..).zip(expected) {
            let batch = torch_batch(t as usize - 1, classes);
            network.transpose(&Alone, &weights, &mut transposed);
            let at = StepAt { number: t, rate: learning_rate, scale: 1.0 / 8.0 };
            let to = (&mut gradient[..], false);
            let loss = network.gradient(&Alone, (&weights, &transposed), (&batch, 0), &mut buffers, to);
            let of = Step {
                isa: Isa::detect(),
                params: &params,
                layout,
                at,
                gradient: &gradient,
                lazy: None,
                diverged: None,
            };
            step(&Alone, of, &mut weights, &mut moments);
            let loss = loss / 8.0;
            let close = (loss - expected).abs() < 1e-5 * expected;
            assert!(close, "{activation:?} {classes} {optimizer:?}, step {t}: {loss}, not {expected}");
        }
    }
}

/// The script's `batch`.
fn torch_batch(step: usize, classes: usize) -> Batch {
    let mut batch = Batch { rows: 8, width: 4, stride: 16, categorical: 1, ..Batch::default() };
    for i in step * 8..step * 8 + 8 {
        let dense = (0..16).map(|j| if j < 4 { ((i * 7 + j * 13 + i * j) % 17) as f32 / 8.0 - 1.0 } else { 0.0 });
        batch.dense.extend(dense);
        batch.indices.push((4 + i * 5 % 3) as u32);
        batch.targets.push(match classes {
            0 => ((i * 11) % 13) as f32 / 4.0 - 1.5,
            _ => ((i * 3 + i / 4) % classes) as f32,
        });
        batch.weights.push(1.0);
        batch.ids.push(i as u64);
    }
    batch
}

/// A whole trial by several threads, ranks in turn.
fn train_by(crew: &dyn Crew, trial: &Trial, data: &Synthetic) -> State {
    let (mut state, mut workspace) = (trial.initial_state(), Workspace::default());
    let (mut prepared, ranks) = (Prepared::default(), trial.params().ranks);
    while trial.round(&state.record) != RoundKind::Done {
        trial.prepare(&state, &mut prepared, crew).unwrap();
        let mut sum = Fold::default();
        for rank in 0..ranks {
            let context = Context { state: &state, prepared: &prepared, crew, spare: &mut vec![vec![1.0; 3]; 2] };
            let partial = trial.map(context, rank, &mut data.rank(rank, ranks), &mut workspace).unwrap();
            let node = Node { lo: u64::from(rank), n: 1 };
            sum.push(node, (partial.weight > 0.0).then_some(partial), Partial::add);
        }
        trial.update(&mut state, sum.finish(Partial::add).as_mut(), crew).unwrap();
    }
    state
}

#[test]
fn threads_change_no_bit_of_a_trial() {
    let plain = DeepLearning { epochs: 1.3, ..params() };
    let large = DeepLearning { hidden: vec![260, 70], mini_batch_size: 500, averaging_interval: 1000, ..plain.clone() };
    let lazy = DeepLearning { lazy_adam: true, hidden_dropout_ratios: vec![0.1, 0.0], ..plain.clone() };
    let blocks =
        DeepLearning { hidden: Vec::new(), shuffle: Mixing::Blocks, ranks: 2, averaging_interval: 64, ..plain.clone() };
    let gradient = DeepLearning { averaging_mode: AveragingMode::Gradient, ranks: 2, ..lazy.clone() };
    for params in [plain, large, lazy, blocks, gradient] {
        for data in [data(), Synthetic { left_out: Some(3), weighted: true, slots: vec![40, 3], ..data() }] {
            let trial = Trial::new(params.clone(), data.encoding(), data.part_rows(), Isa::detect()).unwrap();
            let expected = train(&trial, &data).unwrap();
            for threads in [2, 5] {
                assert!(train_by(&Threads(threads), &trial, &data) == expected, "{params:?} by {threads} threads");
            }
        }
    }
}

/// What is counted before training is what it takes, in the large.
#[test]
fn memory_grows_with_the_net_the_threads_and_the_ranks() {
    let memory = |hidden: Vec<usize>, threads, ranks| {
        let params = DeepLearning { hidden, ..params() };
        let trial = Trial::new(params, data().encoding(), data().part_rows(), Isa::detect()).unwrap();
        trial.memory(threads, ranks)
    };
    let small = memory(vec![10], 1, 1);
    assert!(memory(vec![500, 500], 1, 1).total() > small.total() + 4 * 250_000 * 7);
    let (two, eight) = (memory(vec![10], 2, 8), memory(vec![10], 8, 8));
    assert_eq!(two.windows, 8 * small.windows);
    assert_eq!(eight.workspaces, 4 * two.workspaces);
    assert_eq!(eight.state, small.state);
}

#[test]
fn both_modes_give_one_rank_the_same_bits() {
    let filtered = Synthetic { left_out: Some(3), weighted: true, ..data() };
    let plain = DeepLearning { l2: 1e-4, hidden_dropout_ratios: vec![0.1, 0.0], ..params() };
    let annealed = DeepLearning { rate_annealing: 1e-4, warmup: 700, ..plain.clone() };
    let limited = DeepLearning {
        learning_rate_schedule: LearningRateSchedule::Cosine,
        max_w2: Some(1.5),
        gradient_clip_norm: Some(0.1),
        ..plain.clone()
    };
    let lazy = DeepLearning { lazy_adam: true, ..plain.clone() };
    let linear =
        DeepLearning { hidden: Vec::new(), hidden_dropout_ratios: Vec::new(), shuffle: Mixing::Blocks, ..lazy.clone() };
    for (params, optimizer, data) in [
        (&plain, ADAM, data()),
        (&plain, SGD, filtered.clone()),
        (&annealed, NESTEROV, filtered.clone()),
        (&plain, RMSPROP, filtered.clone()),
        (&limited, RMSPROP, data()),
        (&plain, ADADELTA, data()),
        (&limited, ADADELTA, filtered.clone()),
        (&lazy, ADAM, filtered.clone()),
        (&linear, ADAM, filtered),
    ] {
        for epochs in [2.0, 0.37] {
            let params = DeepLearning { optimizer, epochs, ..params.clone() };
            let average = train(&trial(&params, &data), &data).unwrap();
            let params = DeepLearning { averaging_mode: AveragingMode::Gradient, ..params };
            let gradient = train(&trial(&params, &data), &data).unwrap();
            assert!(average.vectors == gradient.vectors);
            assert_eq!(average.record.position, gradient.record.position);
            assert_eq!(average.record.samples, gradient.record.samples);
            assert_eq!(average.record.scores, gradient.record.scores);
            assert!(gradient.record.round > average.record.round);
        }
    }
}

#[test]
fn learns_in_every_mode() {
    let check = |params: DeepLearning, best: f64| {
        let state = train(&trial(&params, &data()), &data()).unwrap();
        assert_eq!(state.record.position, 5000 * params.epochs as u64);
        let metrics = &state.record.scores[0].metrics;
        assert_eq!(metrics.rows, 5000);
        assert!(metrics.auc.unwrap() > best, "{params:?}: {:?}", metrics.auc);
    };
    let params = DeepLearning { epochs: 10.0, ..params() };
    check(params.clone(), 0.96);
    check(DeepLearning { optimizer: SGD, learning_rate: 0.05, ..params.clone() }, 0.96);
    check(DeepLearning { activation: Activation::Tanh, ranks: 4, ..params.clone() }, 0.94);
    check(DeepLearning { averaging_mode: AveragingMode::Gradient, ranks: 3, ..params.clone() }, 0.94);
    check(DeepLearning { hidden: Vec::new(), ..params }, 0.85);
}

#[test]
fn learns_with_every_choice() {
    let check = |params: DeepLearning, best: f64| {
        let params = DeepLearning { epochs: 6.0, ..params };
        let state = train(&trial(&params, &data()), &data()).unwrap();
        let auc = state.record.scores[0].metrics.auc.unwrap();
        assert!(auc > best, "{params:?}: {auc}");
        for vector in state.vectors.iter().filter(|vector| is_mean_square(&vector.name)) {
            assert!(vector.values.iter().all(|x| *x >= 0.0), "{params:?}: {} is a mean of squares", vector.name);
        }
    };
    for activation in [Activation::LeakyRectifier, Activation::Sigmoid, Activation::Swish, Activation::Elu] {
        check(DeepLearning { activation, ..params() }, 0.94);
    }
    for (optimizer, learning_rate) in [(NESTEROV, 0.05), (RMSPROP, 0.005), (ADADELTA, 1.0)] {
        check(DeepLearning { optimizer, learning_rate, ..params() }, 0.94);
        check(DeepLearning { optimizer, learning_rate, ranks: 3, outer_momentum: 0.77, ..params() }, 0.9);
    }
    let cosine = LearningRateSchedule::Cosine;
    check(DeepLearning { learning_rate_schedule: cosine, warmup: 2000, ..params() }, 0.94);
    check(DeepLearning { rate_annealing: 1e-4, ranks: 3, outer_momentum: 0.77, ..params() }, 0.9);
    check(DeepLearning { gradient_clip_norm: Some(0.05), ..params() }, 0.94);
    check(DeepLearning { max_w2: Some(4.0), ..params() }, 0.94);
    check(DeepLearning { initial_weights: InitialWeights::Uniform { scale: 0.3 }, ..params() }, 0.94);
    check(DeepLearning { initial_weights: InitialWeights::Normal { scale: 0.3 }, ..params() }, 0.94);
}

#[test]
fn learns_every_loss_of_a_regression() {
    let data = Synthetic { classes: None, ..data() };
    let scored = |loss| {
        let params = DeepLearning { epochs: 6.0, loss, ..params() };
        let state = train(&trial(&params, &data), &data).unwrap();
        let metrics = &state.record.scores[0].metrics;
        (metrics.rmse.unwrap(), metrics.mae.unwrap(), state.record.loss.unwrap())
    };
    let auto = scored(Loss::Auto);
    assert_eq!(auto, scored(Loss::Quadratic));
    for loss in [Loss::Absolute, Loss::Huber { delta: 0.1 }] {
        let (rmse, mae, _) = scored(loss);
        assert!(rmse < 1.1 && mae < 0.9, "{loss:?}: {rmse}, {mae}"); // the target's deviation is 3.3, the noise's 0.87
        assert_ne!(rmse, auto.0, "{loss:?} is another loss");
    }
    assert_eq!(scored(Loss::Huber { delta: 1e6 }), auto, "all errors lie below");
}

/// Every worker finds a step's rate by itself.
#[test]
fn rates_are_equal_for_all_ranks_and_follow_the_position() {
    let params = DeepLearning {
        ranks: 3,
        averaging_interval: 3 * 64,
        learning_rate_schedule: LearningRateSchedule::Cosine,
        warmup: 1000,
        ..params()
    };
    let trial = trial(&params, &data());
    assert_eq!(trial.last_position(), 10_000);
    let rate = |epoch, offset| trial.step_at(epoch, offset, 1.0).rate;
    assert!((rate(0, 0) - 0.005 * 0.096).abs() < 1e-12, "three ranks pass 96 of 1000 rows in the first step");
    let rates: Vec<f64> =
        [(0, 0), (0, 160), (0, 320), (0, 640), (1, 0), (1, 640), (1, 1600)].map(|(e, o)| rate(e, o)).into();
    assert!(rates[..3].is_sorted() && rates[2..].iter().rev().is_sorted(), "{rates:?}");
    assert!((rate(1, 0) - 0.0025).abs() < 1e-12, "the cosine's middle");
    assert!(rates[6] > 0.0 && rates[6] < 0.005 * 0.05, "{rates:?}");
}

/// The largest sum of squares of a unit's incoming weights.
fn heaviest(trial: &Trial, weights: &[f32]) -> f64 {
    let layout = trial.network().layout();
    let mut most = 0.0f64;
    for (l, layer) in layout.layers().iter().enumerate() {
        for unit in 0..layer.outputs {
            let of = |input| f64::from(weights[layout.at(l, Some(input), unit)]);
            most = most.max((0..layer.inputs).map(|input| of(input) * of(input)).sum());
        }
    }
    most
}

#[test]
fn the_cap_holds_after_every_round() {
    for (ranks, averaging_mode) in
        [(1, AveragingMode::Average), (4, AveragingMode::Average), (4, AveragingMode::Gradient)]
    {
        let limited = DeepLearning { ranks, averaging_mode, max_w2: Some(1.5), ..params() };
        let free = DeepLearning { max_w2: None, ..limited.clone() };
        let weights = |params: &DeepLearning| {
            let trial = trial(params, &data());
            let state = train(&trial, &data()).unwrap();
            heaviest(&trial, &state.vectors[0].values)
        };
        assert!(weights(&free) > 2.0, "{ranks} {averaging_mode:?}: the cap has something to do");
        let capped = weights(&limited);
        assert!(capped < 1.5 * (1.0 + 1e-6) && capped > 1.4, "{ranks} {averaging_mode:?}: {capped}");
    }
}

#[test]
fn first_weights_are_of_their_distribution() {
    let weights = |initial_weights| {
        let params = DeepLearning { hidden: vec![200, 100], initial_weights, ..params() };
        let trial = trial(&params, &data());
        let state = trial.initial_state();
        let layout = trial.network().layout();
        let layer = &layout.layers()[1];
        let units = (0..layer.outputs).flat_map(|unit| (0..layer.inputs).map(move |input| (input, unit)));
        let weights: Vec<f64> =
            units.map(|(input, unit)| f64::from(state.vectors[0].values[layout.at(1, Some(input), unit)])).collect();
        assert!((0..layer.outputs).all(|unit| state.vectors[0].values[layout.at(1, None, unit)] == 0.0));
        let n = weights.len() as f64;
        let (mean, square) = weights.iter().fold((0.0, 0.0), |(m, s), w| (m + w / n, s + w * w / n));
        let largest = weights.iter().fold(0.0f64, |most, w| most.max(w.abs()));
        assert!(mean.abs() < 4.0 * (square / n).sqrt(), "{initial_weights:?}: mean {mean}");
        (square.sqrt(), largest)
    };
    let near = |got: f64, want: f64| assert!((got / want - 1.0).abs() < 0.02, "{got}, not {want}");
    let (deviation, largest) = weights(InitialWeights::UniformAdaptive);
    near(deviation, (6.0f64 / 300.0 / 3.0).sqrt());
    assert!(largest <= (6.0f64 / 300.0).sqrt() * (1.0 + 1e-7));
    let (deviation, largest) = weights(InitialWeights::Uniform { scale: 0.25 });
    near(deviation, 0.25 / 3f64.sqrt());
    assert!(largest <= 0.25 && largest > 0.249);
    let (deviation, largest) = weights(InitialWeights::Normal { scale: 0.25 });
    near(deviation, 0.25);
    assert!(largest > 0.9 && largest < 0.25 * 5.8);
}

#[test]
fn the_sum_is_the_same_whoever_computes_which_ranks() {
    let data = Synthetic { rows: 7 * 1024 - 100, ..data() };
    for averaging_mode in [AveragingMode::Average, AveragingMode::Gradient] {
        let params = DeepLearning { ranks: 7, averaging_interval: 7 * 64, averaging_mode, ..params() };
        let trial = trial(&params, &data);
        let state = trial.initial_state();
        let mut sums = Vec::new();
        for cuts in [&[0, 7][..], &[0, 3, 7], &[0, 1, 2, 3, 4, 5, 6, 7]] {
            let mut whole = Fold::default();
            for pair in cuts.windows(2) {
                // A worker of its own: its own memory, only whole nodes added up.
                let mut workspace = Workspace::default();
                for node in whole_nodes(pair[0]..pair[1], 7) {
                    let mut part = Fold::default();
                    for rank in node.lo..node.lo + node.n {
                        let rank = rank as u32;
                        let partial = trial.map_alone(&state, rank, &mut data.rank(rank, 7), &mut workspace).unwrap();
                        part.push(Node { lo: u64::from(rank), n: 1 }, Some(partial), Partial::add);
                    }
                    whole.push(node, part.finish(Partial::add), Partial::add);
                }
            }
            sums.push(whole.finish(Partial::add).unwrap());
        }
        assert!(sums[0] == sums[1] && sums[0] == sums[2]);
        let specs = trial.vectors(&trial.round(&state.record));
        assert!(specs.iter().zip(&sums[0].vectors).all(|(s, v)| (s.value_type, s.len) == (v.value_type(), v.len())));
    }
}

#[test]
fn a_round_of_no_weight_moves_the_position_alone() {
    let data = Synthetic { left_out: Some(1), ..data() }; // nothing passes the filter
    let trial = trial(&DeepLearning { ranks: 2, averaging_interval: 1024, ..params() }, &data);
    let start = trial.initial_state();
    let end = train(&trial, &data).unwrap();
    assert!(start.vectors == end.vectors);
    assert_eq!(end.record.position, 10_000);
    assert_eq!((end.record.samples, end.record.loss), (0, None));
    assert_eq!(end.record.scores[0].metrics.rows, 0);
}

#[test]
fn every_part_is_scored_once() {
    let rows = PartRows { train: 1000, validation: Some(10), holdout: None, test: Some(0) };
    let trial = Trial::new(params(), data().encoding(), rows, Isa::detect()).unwrap();
    let mut state = trial.initial_state();
    state.record.position = trial.last_position();
    let mut parts = Vec::new();
    while let RoundKind::Score { part } = trial.round(&state.record) {
        parts.push(part);
        trial.update_alone(&mut state, None).unwrap();
    }
    assert_eq!(parts, [Part::Train, Part::Validation, Part::Test]);
    assert_eq!(trial.round(&state.record), RoundKind::Done);
}

#[test]
fn divergence_is_an_error_that_says_where() {
    let data = Synthetic { classes: None, ..data() };
    let params = DeepLearning { optimizer: SGD, learning_rate: 1e6, ..params() };
    let error = train(&trial(&params, &data), &data).unwrap_err();
    assert!(matches!(error, Error::Diverged { round: 0, position: 0, last_loss: None }), "{error}");
    assert!(error.hint().unwrap().contains("learning_rate"));
}

#[test]
fn a_foreign_sum_or_state_is_an_error() {
    let trial = trial(&params(), &data());
    let mut state = trial.initial_state();
    let total = Partial { weight: 1.0, vectors: vec![Values::F32(vec![0.0; 3])] };
    assert!(matches!(trial.update_alone(&mut state, Some(total)), Err(Error::Total { round: 0 })));
    state.vectors.pop();
    let data = data();
    let partial = trial.map_alone(&state, 0, &mut data.rank(0, 1), &mut Workspace::default());
    assert!(matches!(partial, Err(Error::State { .. })));
}

#[test]
fn what_cannot_be_trained_is_refused() {
    let check = |params: DeepLearning, expected: &str| {
        let error = Trial::new(params, data().encoding(), data().part_rows(), Isa::detect()).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    };
    check(DeepLearning { ranks: 6, ..params() }, "6 ranks");
    check(DeepLearning { hidden: vec![3, 0], ..params() }, "hidden");
    check(DeepLearning { hidden: vec![1 << 40], ..params() }, "hidden");
    check(DeepLearning { hidden: vec![1 << 16, 1 << 16], ..params() }, "too large");
    check(DeepLearning { epochs: 0.0, ..params() }, "epochs");
    check(DeepLearning { epochs: 9e-4, ranks: 5, ..params() }, "epochs"); // of 5000 rows, but no rank has 1112
    check(DeepLearning { learning_rate: 1e-46, ..params() }, "learning_rate");
    check(DeepLearning { input_dropout_ratio: 0.999_999_999, ..params() }, "input_dropout_ratio");
    check(DeepLearning { outer_rate: 0.0, ..params() }, "averaging.outer_rate");
    check(DeepLearning { averaging_interval: 33, ..params() }, "averaging.interval");
    check(DeepLearning { learning_rate: f64::NAN, ..params() }, "learning_rate");
    check(DeepLearning { hidden_dropout_ratios: vec![0.5], ..params() }, "hidden_dropout_ratios");
    check(DeepLearning { optimizer: Optimizer::Adam { beta1: 0.9, beta2: 1.0, epsilon: 1e-8 }, ..params() }, "beta2");
    check(
        DeepLearning { optimizer: Optimizer::Adam { beta1: 0.9, beta2: 0.9, epsilon: 1e-40 }, ..params() },
        "epsilon",
    );
    check(DeepLearning { optimizer: Optimizer::Rmsprop { rho: 1.0, epsilon: 1e-8 }, ..params() }, "rho");
    check(DeepLearning { optimizer: Optimizer::Adadelta { rho: 0.9, epsilon: 0.0 }, ..params() }, "epsilon");
    check(DeepLearning { loss: Loss::Huber { delta: 0.0 }, ..params() }, "huber_delta");
    check(DeepLearning { loss: Loss::Absolute, ..params() }, "loss"); // the target has classes
    check(DeepLearning { rate_annealing: f64::INFINITY, ..params() }, "rate_annealing");
    let learning_rate_schedule = LearningRateSchedule::Cosine;
    check(DeepLearning { rate_annealing: 0.1, learning_rate_schedule, ..params() }, "rate_annealing");
    check(DeepLearning { warmup: (1 << 48) + 1, ..params() }, "warmup");
    check(DeepLearning { max_w2: Some(0.0), ..params() }, "max_w2");
    check(DeepLearning { gradient_clip_norm: Some(-1.0), ..params() }, "gradient_clip_norm");
    let initial_weights = InitialWeights::Normal { scale: 1e7 };
    check(DeepLearning { initial_weights, ..params() }, "initial_weight_scale");
    let numbers = Synthetic { classes: None, ..data() };
    let params = DeepLearning { loss: Loss::CrossEntropy, ..params() };
    assert!(Trial::new(params, numbers.encoding(), numbers.part_rows(), Isa::detect()).is_err());
}

#[test]
fn the_count_of_parameters_needs_no_network() {
    for (hidden, classes) in [(vec![], None), (vec![7], Some(2)), (vec![20, 10], Some(5))] {
        let (params, data) = (DeepLearning { hidden, ..params() }, Synthetic { classes, ..data() });
        let encoding = data.encoding();
        let network = Network::new(&params, &encoding, Isa::detect()).unwrap();
        assert_eq!(encoding.target.outputs(), network.outputs());
        assert_eq!(params.parameter_count(encoding.inputs(), network.outputs()), network.parameters() as u64);
    }
}

#[test]
fn scores_are_sums_over_blocks() {
    // One rank's partial is the tree over its blocks, whichever blocks other ranks have.
    let data = Synthetic { weighted: true, ..data() };
    let trial = trial(&DeepLearning { epochs: 0.1, ..params() }, &data);
    let state = train(&trial, &data).unwrap();
    let (mut sum, mut workspace) = (Fold::<f64>::default(), Workspace::default());
    for block in 0..5 {
        let mut batch = Batch::default();
        data.rank(0, 1).block(block, &mut batch).unwrap();
        let weight = batch.weights.iter().fold(0.0, |sum, weight| sum + f64::from(*weight));
        sum.push(Node { lo: block, n: 1 }, Some(weight), |a, b| a + b);
    }
    let expected = sum.finish(|a, b| a + b).unwrap();
    let mut before = state.clone();
    before.record.scores.clear();
    let partial = trial.map_alone(&before, 0, &mut data.rank(0, 1), &mut workspace).unwrap();
    let Values::F64(sums) = &partial.vectors[1] else { panic!("sums are f64") };
    assert_eq!(sums[0].to_bits(), expected.to_bits());
}
