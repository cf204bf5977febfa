//! Penalties touch weights alone, padding stays zero, dead units' moments become zero.

use aquifer_model::params::{Activation, AveragingMode};

use super::*;

fn params(optimizer: Optimizer, l1: f64, l2: f64) -> DeepLearning {
    DeepLearning {
        hidden: vec![5],
        activation: Activation::Rectifier,
        optimizer,
        learning_rate: 0.01,
        mini_batch_size: 32,
        epochs: 1.0,
        l1,
        l2,
        input_dropout_ratio: 0.0,
        hidden_dropout_ratios: Vec::new(),
        seed: 5,
        ranks: 1,
        averaging_mode: AveragingMode::Average,
        averaging_interval: 32,
        outer_rate: 1.0,
        outer_momentum: 0.0,
    }
}

const ADAM: Optimizer = Optimizer::Adam { beta1: 0.9, beta2: 0.999, epsilon: 1e-8 };
const SGD: Optimizer = Optimizer::Sgd { momentum: 0.9 };

#[test]
fn penalties_are_on_weights_alone() {
    let layout = Layout::new(&[3, 5, 1]).unwrap();
    for optimizer in [ADAM, SGD] {
        let mut w = vec![0.0; layout.len()];
        let (weight, bias) = (layout.at(0, Some(1), 2), layout.at(0, None, 2));
        (w[weight], w[bias]) = (0.5, 0.5);
        let mut moments = vec![vec![0.0; layout.len()]; moment_names(optimizer).len()];
        let g = vec![0.0; layout.len()];
        step(Isa::detect(), &params(optimizer, 0.1, 0.1), &layout, (1, 1.0), &mut w, &mut moments, &g);
        assert!(w[weight] < 0.5);
        assert_eq!(w[bias], 0.5);
        assert_eq!(w.iter().filter(|w| w.to_bits() != 0).count(), 2, "all else stays exactly zero");
    }
}

#[test]
fn a_step_of_sgd_is_the_formula() {
    let layout = Layout::new(&[1, 1]).unwrap();
    let (mut w, mut u, mut g) = (vec![0.0; layout.len()], vec![vec![0.0; layout.len()]], vec![0.0; layout.len()]);
    (w[0], u[0][0], g[0]) = (1.0, 0.5, 8.0);
    step(Isa::detect(), &params(SGD, 0.0, 0.0), &layout, (1, 0.25), &mut w, &mut u, &g);
    assert_eq!(u[0][0], 0.9f32.mul_add(0.5, 2.0));
    assert_eq!(w[0], (-0.01f32).mul_add(u[0][0], 1.0));
}

#[test]
fn moments_of_a_dead_unit_become_zero() {
    let layout = Layout::new(&[1, 1]).unwrap();
    let (mut w, mut moments) = (vec![0.0; layout.len()], vec![vec![0.0; layout.len()]; 2]);
    (moments[0][0], moments[1][0]) = (1e-37, 1e-37);
    let g = vec![0.0; layout.len()];
    for t in 1..60 {
        step(Isa::detect(), &params(ADAM, 0.0, 0.0), &layout, (t, 1.0), &mut w, &mut moments, &g);
    }
    assert_eq!(moments[0][0], 0.0);
    assert!(flush(f32::NAN).is_nan());
    assert_eq!(flush(-1e-39), 0.0);
}
