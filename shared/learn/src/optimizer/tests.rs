//! Steps are the formulas', penalties touch weights alone, padding stays zero, dead units' moments become zero, limits
//! hold.

use aquifer_model::params::{Activation, AveragingMode};

use super::*;
use crate::crew::{Alone, Threads};

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
        ..DeepLearning::default()
    }
}

const ADAM: Optimizer = Optimizer::Adam { beta1: 0.9, beta2: 0.999, epsilon: 1e-8 };
const SGD: Optimizer = Optimizer::Sgd { momentum: 0.9, nesterov: false };

const NESTEROV: Optimizer = Optimizer::Sgd { momentum: 0.9, nesterov: true };
const RMSPROP: Optimizer = Optimizer::Rmsprop { rho: 0.9, epsilon: 1e-3 };
const ADADELTA: Optimizer = Optimizer::Adadelta { rho: 0.9, epsilon: 1e-3 };

fn step_alone(
    isa: Isa,
    params: &DeepLearning,
    layout: &Layout,
    at: StepAt,
    weights: &mut [f32],
    moments: &mut [Vec<f32>],
    gradient: &[f32],
) {
    step(&Alone, Step { isa, params, layout, at, gradient, lazy: None, diverged: None }, weights, moments);
}

/// Every optimizer, with penalties and without, in the pieces of several threads.
#[test]
fn threads_change_no_bit() {
    let layout = Layout::new(&[70, 300, 90, 2]).unwrap();
    let values = |from: f32| (0..layout.len()).map(|i| ((i * 7919) % 1013) as f32 * from - 0.3).collect::<Vec<f32>>();
    for optimizer in [ADAM, SGD, NESTEROV, RMSPROP, ADADELTA] {
        for l2 in [0.0, 0.01] {
            let params = params(optimizer, 0.0, l2);
            let bits = |crew: &dyn Crew| {
                let (mut w, g) = (values(1e-3), values(-2e-3));
                let squares: Vec<f32> = values(1e-3).iter().map(|x| x.abs()).collect();
                let mut moments = vec![squares; moment_names(optimizer).len()];
                let of = Step {
                    isa: Isa::detect(),
                    params: &params,
                    layout: &layout,
                    at: at(3, 0.5),
                    gradient: &g,
                    lazy: None,
                    diverged: None,
                };
                step(crew, of, &mut w, &mut moments);
                w.iter().chain(moments.iter().flatten()).map(|x| x.to_bits()).collect::<Vec<_>>()
            };
            assert!(bits(&Threads(3)) == bits(&Alone), "{optimizer:?}");
        }
    }
}

/// An input without a gradient keeps its weights and moments, whatever momentum they have; all others step as ever.
#[test]
fn lazy_adam_leaves_inputs_without_a_gradient_alone() {
    let layout = Layout::new(&[6, 40, 1]).unwrap();
    let params = params(ADAM, 0.0, 0.1);
    let values = |scale: f32| (0..layout.len()).map(|i| ((i * 31) % 17) as f32 * scale + 0.01).collect::<Vec<f32>>();
    let mut g = values(0.1);
    // Inputs 2 to 5 are one-hot; 3 was touched and has no gradient, 5 was not touched.
    for panel in layout.layers()[0].panels() {
        [3, 5].into_iter().for_each(|input| g[panel.rows(input..input + 1)].fill(0.0));
    }
    let run = |lazy| {
        let (mut w, mut moments) = (values(0.5), vec![values(0.2), values(0.3)]);
        let of = Step {
            isa: Isa::detect(),
            params: &params,
            layout: &layout,
            at: at(4, 1.0),
            gradient: &g,
            lazy,
            diverged: None,
        };
        step(&Alone, of, &mut w, &mut moments);
        (w, moments)
    };
    let (eager, lazy) = (run(None), run(Some(Lazy { first: 2, touched: &[2, 3, 4] })));
    for unit in 0..40 {
        for input in (0..6).map(Some).chain([None]) {
            let at = layout.at(0, input, unit);
            let left_alone = matches!(input, Some(3 | 5));
            assert_eq!(lazy.0[at], if left_alone { values(0.5)[at] } else { eager.0[at] }, "{input:?}");
            assert_eq!(lazy.1[0][at], if left_alone { values(0.2)[at] } else { eager.1[0][at] }, "{input:?}");
        }
    }
    let rest = layout.layers()[0].range().end..;
    assert_eq!(lazy.0[rest.clone()], eager.0[rest]);
}

/// A step at the rate of `params`.
fn at(number: u64, scale: f32) -> StepAt {
    StepAt { number, rate: 0.01, scale }
}

/// A weight that begins at 1 and gets the gradients 0.5, −1.25, 0.75, 2: the formulas at the heads of the modules,
/// computed in f64 by Python. (PyTorch documents the same ones for SGD, RMSprop and Adadelta.)
#[test]
fn steps_are_those_of_the_formulas() {
    let layout = Layout::new(&[1, 1]).unwrap();
    for (optimizer, rate, expected) in [
        (SGD, 0.1, [0.95, 1.03, 1.027, 0.8243]),
        (NESTEROV, 0.1, [0.905, 1.102, 1.0243, 0.64187]),
        (
            Optimizer::Adam { beta1: 0.9, beta2: 0.999, epsilon: 1e-3 },
            0.1,
            [0.900_199_600_8, 0.944_374_731_7, 0.943_132_037_1, 0.896_499_063_1],
        ),
        (RMSPROP, 0.1, [0.685_759_664_4, 0.980_718_211_8, 0.820_107_200_2, 0.561_251_007_9]),
        (ADADELTA, 1.0, [0.901_941_932_4, 1.032_521_124_6, 0.936_565_227_3, 0.768_049_114_7]),
    ] {
        let (mut w, mut g) = (vec![0.0; layout.len()], vec![0.0; layout.len()]);
        let mut moments = vec![vec![0.0; layout.len()]; moment_names(optimizer).len()];
        w[0] = 1.0;
        for ((number, gradient), expected) in (1..).zip([0.5, -1.25, 0.75, 2.0]).zip(expected) {
            g[0] = 4.0 * gradient;
            let at = StepAt { number, rate, scale: 0.25 };
            step_alone(Isa::detect(), &params(optimizer, 0.0, 0.0), &layout, at, &mut w, &mut moments, &g);
            let got = f64::from(w[0]);
            assert!((got - expected).abs() < 3e-6, "{optimizer:?}, step {number}: {got}, not {expected}");
        }
        assert!(w[1..].iter().chain(moments.iter().flat_map(|moment| &moment[1..])).all(|x| x.to_bits() == 0));
    }
}

#[test]
fn a_long_gradient_is_scaled_to_the_limit_and_a_short_one_kept() {
    let layout = Layout::new(&[3, 5, 1]).unwrap();
    let optimizer = Optimizer::Sgd { momentum: 0.0, nesterov: false };
    let stepped = |limit, factor: f32| {
        let params = DeepLearning { gradient_clip_norm: limit, ..params(optimizer, 0.0, 0.0) };
        let (mut w, mut u) = (vec![0.0; layout.len()], vec![vec![0.0; layout.len()]]);
        let g: Vec<f32> = (0..layout.len()).map(|i| factor * (i as f32 - 20.0)).collect();
        let at = StepAt { number: 1, rate: 1.0, scale: 0.5 };
        let mut bits = Vec::new();
        for isa in Isa::available() {
            w.fill(0.0);
            u[0].fill(0.0);
            step_alone(isa, &params, &layout, at, &mut w, &mut u, &g);
            bits.push(w.iter().map(|w| w.to_bits()).collect::<Vec<_>>());
        }
        assert!(bits.iter().all(|of_isa| *of_isa == bits[0]));
        w
    };
    let norm = |w: &[f32]| w.iter().map(|w| f64::from(*w) * f64::from(*w)).sum::<f64>().sqrt();
    let free = stepped(None, 1.0);
    assert!(norm(&free) > 3.0);
    let clipped = stepped(Some(3.0), 1.0);
    assert!((norm(&clipped) - 3.0).abs() < 1e-5, "{}", norm(&clipped));
    let ratio = f64::from(clipped[0]) / f64::from(free[0]);
    assert!(clipped.iter().zip(&free).all(|(c, f)| (f64::from(*c) - ratio * f64::from(*f)).abs() < 1e-5));
    assert_eq!(stepped(Some(1e6), 1.0), free, "what is short enough keeps its bits");
    assert!((norm(&stepped(Some(3.0), 1e30)) - 3.0).abs() < 1e-5, "squares beyond f32 have a norm");
    assert!(stepped(Some(3.0), f32::NAN)[0].is_nan(), "no number is made of what is none");
}

#[test]
fn heavy_units_are_scaled_to_the_cap_and_light_ones_kept() {
    let layout = Layout::new(&[70, 45, 3]).unwrap();
    let mut start = vec![0.0; layout.len()];
    for (l, layer) in layout.layers().iter().enumerate() {
        for unit in 0..layer.outputs {
            start[layout.at(l, None, unit)] = 5.0;
            for input in 0..layer.inputs {
                let light = if unit % 2 == 0 { 0.01 } else { 1.0 };
                start[layout.at(l, Some(input), unit)] = light * ((input * 7 + unit * 3) % 11) as f32 - light * 5.0;
            }
        }
    }
    let mut expected = None;
    for isa in Isa::available() {
        let mut w = start.clone();
        cap(isa, &layout, 2.5, &mut w);
        for (l, layer) in layout.layers().iter().enumerate() {
            for unit in 0..layer.outputs {
                let of = |w: &[f32], input| f64::from(w[layout.at(l, Some(input), unit)]);
                let squares = |w: &[f32]| (0..layer.inputs).map(|input| of(w, input) * of(w, input)).sum::<f64>();
                assert_eq!(w[layout.at(l, None, unit)], 5.0, "a bias is no incoming weight");
                if squares(&start) > 2.5 {
                    assert!((squares(&w) - 2.5).abs() < 1e-5, "unit {unit}: {}", squares(&w));
                    let factor = (2.5 / squares(&start)).sqrt();
                    assert!((0..layer.inputs).all(|i| (of(&w, i) - factor * of(&start, i)).abs() < 1e-6));
                } else {
                    assert_eq!(unit % 2, 0);
                    assert!((0..layer.inputs).all(|i| of(&w, i) == of(&start, i)));
                }
            }
        }
        let bits: Vec<u32> = w.iter().map(|w| w.to_bits()).collect();
        assert_eq!(*expected.get_or_insert(bits.clone()), bits, "{}", isa.name());
    }
}

#[test]
fn penalties_are_on_weights_alone() {
    let layout = Layout::new(&[3, 5, 1]).unwrap();
    for optimizer in [ADAM, SGD, NESTEROV, RMSPROP, ADADELTA] {
        let mut w = vec![0.0; layout.len()];
        let (weight, bias) = (layout.at(0, Some(1), 2), layout.at(0, None, 2));
        (w[weight], w[bias]) = (0.5, 0.5);
        let mut moments = vec![vec![0.0; layout.len()]; moment_names(optimizer).len()];
        let g = vec![0.0; layout.len()];
        step_alone(Isa::detect(), &params(optimizer, 0.1, 0.1), &layout, at(1, 1.0), &mut w, &mut moments, &g);
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
    step_alone(Isa::detect(), &params(SGD, 0.0, 0.0), &layout, at(1, 0.25), &mut w, &mut u, &g);
    assert_eq!(u[0][0], 0.9f32.mul_add(0.5, 2.0));
    assert_eq!(w[0], (-0.01f32).mul_add(u[0][0], 1.0));
}

#[test]
fn moments_of_a_dead_unit_become_zero() {
    let layout = Layout::new(&[1, 1]).unwrap();
    for optimizer in [ADAM, SGD, NESTEROV, RMSPROP, ADADELTA] {
        let mut w = vec![0.0; layout.len()];
        let mut moments = vec![vec![0.0; layout.len()]; moment_names(optimizer).len()];
        moments.iter_mut().for_each(|moment| moment[0] = 1e-37);
        let g = vec![0.0; layout.len()];
        for t in 1..60 {
            step_alone(Isa::detect(), &params(optimizer, 0.0, 0.0), &layout, at(t, 1.0), &mut w, &mut moments, &g);
        }
        for (name, moment) in moment_names(optimizer).iter().zip(&moments) {
            let decays_slowly = *name == "v" && optimizer == ADAM; // 0.999⁵⁹: still normal
            assert!(moment[0] == 0.0 || decays_slowly, "{optimizer:?} {name}: {:e}", moment[0]);
        }
    }
    assert!(flush(f32::NAN).is_nan());
    assert_eq!(flush(-1e-39), 0.0);
}
