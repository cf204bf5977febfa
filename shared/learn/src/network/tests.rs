//! Gradients against finite differences of an f64 reference that shares no code with the network, and one hash for all
//! instruction sets and row blocks.

use aquifer_model::params::{AveragingMode, Loss, Optimizer};

use super::*;
use crate::crew::{Alone, Crew, Threads};
use crate::synthetic::Synthetic;
use aquifer_frame::{Philox, unit};

fn params(hidden: &[usize], activation: Activation) -> DeepLearning {
    DeepLearning {
        hidden: hidden.to_vec(),
        activation,
        optimizer: Optimizer::Sgd { momentum: 0.0, nesterov: false },
        learning_rate: 0.01,
        mini_batch_size: 32,
        epochs: 1.0,
        l1: 0.0,
        l2: 0.0,
        input_dropout_ratio: 0.0,
        hidden_dropout_ratios: Vec::new(),
        seed: 5,
        ranks: 1,
        averaging_mode: AveragingMode::Average,
        averaging_interval: 32,
        outer_rate: 1.0,
        outer_momentum: 0.0,
        ..DeepLearning::default()
    }
}

fn data(numeric: usize, slots: &[usize], classes: Option<usize>, weighted: bool) -> Synthetic {
    Synthetic { rows: 1024, numeric, slots: slots.to_vec(), classes, weighted, left_out: None }
}

/// Weights in ±0.5, biases too.
fn weights(network: &Network) -> Vec<f32> {
    let stream = Philox::new(11, "test weights");
    let mut weights = vec![0.0; network.len()];
    for (l, layer) in network.layout.layers().iter().enumerate() {
        for unit_ in 0..layer.outputs {
            for input in (0..layer.inputs).map(Some).chain([None]) {
                let word = stream.draw(unit_ as u32, l as u64, input.map_or(0, |i| i as u64 + 1))[0];
                weights[network.layout.at(l, input, unit_)] = unit(word) - 0.5;
            }
        }
    }
    weights
}

fn gradient(network: &Network, weights: &[f32], batch: &Batch, epoch: u64) -> (f64, Vec<f32>) {
    gradient_by(&Alone, network, weights, batch, epoch)
}

fn gradient_by(crew: &dyn Crew, network: &Network, weights: &[f32], batch: &Batch, epoch: u64) -> (f64, Vec<f32>) {
    let (mut gradient, mut transposed) = (vec![f32::NAN; network.len()], vec![0.0; network.layout.transposed_len()]);
    // What was in the gradient before must not matter: it is NaN here, and stays so only between layers.
    network.transpose(crew, weights, &mut transposed);
    let mut buffers = Buffers::of(network, network.row_block());
    let to = (&mut gradient[..], false);
    let loss = network.gradient(crew, (weights, &transposed), (batch, epoch), &mut buffers, to);
    (loss, gradient)
}

/// The loss by the textbook, in f64.
#[allow(clippy::disallowed_methods)] // std's functions are what we compare with
fn reference(network: &Network, params: &DeepLearning, weights: &[f64], batch: &Batch, epoch: u64) -> f64 {
    let masked = |purpose: &str, ratio: f64, row: u64, i: usize| {
        let word = Philox::new(params.seed, purpose).draw(i as u32 / 4, epoch, row)[i % 4];
        if ratio > 0.0 && f64::from(unit(word)) < ratio { 0.0 } else { 1.0 / (1.0 - ratio) }
    };
    let layers = network.layout.layers();
    let mut loss = 0.0;
    for r in 0..batch.rows {
        let id = batch.ids[r];
        let mut x = vec![0.0; layers[0].inputs];
        for (x, value) in x.iter_mut().zip(&batch.dense[r * batch.stride..][..batch.width]) {
            *x = f64::from(*value);
        }
        for c in 0..batch.categorical {
            x[batch.indices[r * batch.categorical + c] as usize] = 1.0;
        }
        for (i, x) in x.iter_mut().enumerate() {
            *x *= masked("dropout of inputs", params.input_dropout_ratio, id, i);
        }
        for (l, layer) in layers.iter().enumerate() {
            let at = |input, unit| weights[network.layout.at(l, input, unit)];
            let sum = |j| (0..layer.inputs).fold(at(None, j), |sum, i| sum + x[i] * at(Some(i), j));
            let mut y: Vec<f64> = (0..layer.outputs).map(sum).collect();
            if l + 1 < layers.len() {
                let ratio = params.hidden_dropout_ratios.get(l).copied().unwrap_or(0.0);
                for (j, y) in y.iter_mut().enumerate() {
                    *y = match params.activation {
                        Activation::Rectifier => y.max(0.0),
                        Activation::Tanh => y.tanh(),
                        Activation::Linear => *y,
                        Activation::LeakyRectifier => y.max(0.01 * *y),
                        Activation::Sigmoid => 1.0 / (1.0 + (-*y).exp()),
                        Activation::Swish => *y / (1.0 + (-*y).exp()),
                        Activation::Elu => y.max(0.0) + y.min(0.0).exp_m1(),
                    } * masked(&format!("dropout of hidden layer {l}"), ratio, id, j);
                }
            }
            x = y;
        }
        let (y, w) = (f64::from(batch.targets[r]), f64::from(batch.weights[r]));
        loss += w * match network.objective {
            Objective::Quadratic => 0.5 * (x[0] - y) * (x[0] - y),
            Objective::Absolute => (x[0] - y).abs(),
            Objective::Huber { delta } => {
                let (size, delta) = ((x[0] - y).abs(), f64::from(delta));
                if size > delta { delta * (size - 0.5 * delta) } else { 0.5 * size * size }
            }
            Objective::Bernoulli => x[0].max(0.0) - x[0] * y + (-x[0].abs()).exp().ln_1p(),
            Objective::Multinomial { .. } => x.iter().map(|z| z.exp()).sum::<f64>().ln() - x[y as usize],
        };
    }
    loss
}

/// Every parameter's derivative, or a sample of them in larger nets.
fn check(params: &DeepLearning, data: &Synthetic, rows: usize) {
    let network = Network::new(params, &data.encoding(), Isa::detect()).unwrap();
    let mut batch = Batch::default();
    data.batch(0..rows as u64, &mut batch);
    let weights = weights(&network);
    let mut exact: Vec<f64> = weights.iter().map(|w| f64::from(*w)).collect();
    let (loss, gradient) = gradient(&network, &weights, &batch, 3);
    let expected = reference(&network, params, &exact, &batch, 3);
    assert!((loss - expected).abs() < 2e-6 * expected.abs(), "loss {loss}, not {expected}");

    let mut places = Vec::new();
    for (l, layer) in network.layout.layers().iter().enumerate() {
        for unit in 0..layer.outputs {
            places.extend((0..layer.inputs).map(Some).chain([None]).map(|i| network.layout.at(l, i, unit)));
        }
    }
    places.sort_unstable();
    let is_padding = |at: &usize| places.binary_search(at).is_err();
    assert!((0..network.len()).filter(is_padding).all(|at| gradient[at] == 0.0 || gradient[at].is_nan()));
    for at in places.iter().copied().step_by(places.len() / 300 + 1) {
        const STEP: f64 = 1e-6;
        let (w, mut side) = (exact[at], |x| {
            exact[at] = x;
            reference(&network, params, &exact, &batch, 3)
        });
        let difference = (side(w + STEP) - side(w - STEP)) / (2.0 * STEP);
        side(w);
        let got = f64::from(gradient[at]);
        assert!(
            (got - difference).abs() < 1e-5 * (1.0 + difference.abs()),
            "{params:?} place {at}: {got}, not {difference}"
        );
    }
}

#[test]
fn gradients_are_those_of_the_formulas() {
    use Activation::{Elu, LeakyRectifier, Linear, Rectifier, Sigmoid, Swish, Tanh};
    for activation in [Rectifier, Tanh, Linear, LeakyRectifier, Sigmoid, Swish, Elu] {
        check(&params(&[13, 37], activation), &data(5, &[], Some(2), false), 71);
        check(&params(&[20], activation), &data(4, &[3, 5], Some(4), true), 33);
        check(&params(&[9, 3, 8], activation), &data(0, &[6], None, true), 40);
        let dropout = DeepLearning {
            input_dropout_ratio: 0.25,
            hidden_dropout_ratios: vec![0.3, 0.0],
            ..params(&[17, 10], activation)
        };
        check(&dropout, &data(6, &[4, 3], Some(2), true), 50);
        check(&dropout, &data(6, &[], Some(3), false), 50);
        for loss in [Loss::Quadratic, Loss::Absolute, Loss::Huber { delta: 0.7 }] {
            check(&DeepLearning { loss, ..params(&[12, 5], activation) }, &data(5, &[3], None, true), 45);
        }
    }
    check(&params(&[], Rectifier), &data(28, &[12], Some(2), false), 64);
    check(&params(&[], Rectifier), &data(3, &[], Some(40), true), 5);
    check(&params(&[50, 37, 20], Rectifier), &data(28, &[], None, false), 97);
    check(&params(&[1], Tanh), &data(1, &[], None, false), 1);
}

#[test]
fn bits_depend_on_neither_instructions_nor_row_blocks_nor_threads() {
    use Activation::{Elu, LeakyRectifier, Rectifier, Sigmoid, Swish, Tanh};
    for activation in [Rectifier, Tanh, LeakyRectifier, Sigmoid, Swish, Elu] {
        let params = DeepLearning {
            hidden_dropout_ratios: vec![0.0, 0.4],
            input_dropout_ratio: 0.1,
            ..params(&[100, 45], activation)
        };
        for data in [data(29, &[], Some(2), false), data(3, &[30, 5], Some(3), true)] {
            let mut batch = Batch::default();
            data.batch(0..203, &mut batch);
            let bits = |crew: &dyn Crew, isa, row_block| {
                let network = Network::new(&params, &data.encoding(), isa).unwrap().with_row_block(row_block);
                let (loss, gradient) = gradient_by(crew, &network, &weights(&network), &batch, 1);
                let (mut out, mut buffers) = (Vec::new(), Buffers::of(&network, 1));
                network.predict_into(crew, &weights(&network), &batch, &mut buffers, &mut out);
                let floats: Vec<u32> = gradient.iter().chain(&out).map(|x| x.to_bits()).collect();
                (loss.to_bits(), floats)
            };
            let expected = bits(&Alone, Isa::PORTABLE, 32);
            for isa in Isa::available() {
                for row_block in [1, 7, 16, 32, 64, 256] {
                    assert!(bits(&Alone, isa, row_block) == expected, "{} in blocks of {row_block}", isa.name());
                }
                for threads in [2, 3, 16] {
                    assert!(bits(&Threads(threads), isa, 32) == expected, "{} by {threads} threads", isa.name());
                }
            }
        }
    }
}

/// The same sums as from rows, in another order; rows that are left out weigh nothing.
#[test]
fn columns_give_the_gradient_of_rows() {
    for (numeric, slots, classes) in
        [(5, vec![], Some(2)), (28, vec![3, 5], Some(2)), (0, vec![6], None), (6, vec![2], Some(4)), (1, vec![], None)]
    {
        let params = params(&[], Activation::Rectifier);
        let all = data(numeric, &slots, classes, true);
        let some = Synthetic { left_out: Some(3), ..all.clone() };
        for rows in [1, 17, 64, 200, 1000] {
            let (mut whole, mut batch) = (Batch::default(), Batch::default());
            all.batch(0..rows, &mut whole);
            some.batch(0..rows, &mut batch);
            let columns = aquifer_frame::Columns::of(&whole, |id| id % 3 != 0);
            assert_eq!(columns.with_target, batch.rows);
            let bits = |isa| {
                let network = Network::new(&params, &all.encoding(), isa).unwrap();
                let (mut buffers, mut g) = (LinearBuffers::default(), vec![f32::NAN; network.len()]);
                let loss = network.columns_gradient(&weights(&network), &columns, &mut buffers, &mut g);
                let (by_rows, expected) = gradient(&network, &weights(&network), &batch, 0);
                assert!((loss - by_rows).abs() <= 1e-6 * by_rows.abs(), "{loss}, not {by_rows}");
                // What lies between layers is never written.
                for (got, want) in g.iter().zip(&expected).filter(|(_, want)| !want.is_nan()) {
                    assert!((got - want).abs() < 1e-4 * (1.0 + want.abs()), "{got}, not {want}, {rows} rows");
                }
                g.iter().map(|g| g.to_bits()).collect::<Vec<_>>()
            };
            for isa in Isa::available() {
                assert_eq!(bits(isa), bits(Isa::PORTABLE), "{}", isa.name());
            }
        }
    }
}

#[test]
fn tensors_go_out_and_come_back() {
    let network =
        Network::new(&params(&[50, 3], Activation::Tanh), &data(7, &[5], Some(3), false).encoding(), Isa::detect());
    let network = network.unwrap();
    let weights = weights(&network);
    let mut tensors = network.tensors(&weights);
    let names: Vec<_> = tensors.iter().map(|t| (&*t.name, &*t.shape)).collect();
    assert_eq!(names[0], ("layers.0.weight", &[50, 12][..]));
    assert_eq!(names[5], ("layers.2.bias", &[3][..]));
    assert_eq!(tensors[0].values[12 * 33 + 4], weights[network.layout.at(0, Some(4), 33)]);
    assert_eq!(network.parameters(), tensors.iter().map(|t| t.values.len()).sum::<usize>());
    assert_eq!(network.weights_from_tensors(&tensors).unwrap(), weights);
    tensors[2].values[0] = f32::NAN;
    assert!(network.weights_from_tensors(&tensors).unwrap_err().to_string().contains("layers.1.weight"));
    tensors.remove(2);
    assert!(network.weights_from_tensors(&tensors).unwrap_err().to_string().contains("is missing"));
}
