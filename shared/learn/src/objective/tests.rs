//! Derivatives against finite differences of the losses themselves, and values that are known.

use super::*;

fn loss(objective: Objective, outputs: &[f32], target: f32, weight: f32) -> (f64, Vec<f32>) {
    let mut gradient = vec![0.0; outputs.len()];
    let outcome = Outcome { outputs, row: outputs.len(), targets: &[target], weights: &[weight] };
    let mut losses = [0.0];
    objective.loss(Isa::detect(), outcome, &mut gradient, &mut losses);
    (f64::from(weight) * losses[0], gradient)
}

fn check(objective: Objective, outputs: &[f32], target: f32) {
    let (_, gradient) = loss(objective, outputs, target, 1.5);
    for i in 0..outputs.len() {
        const STEP: f32 = 0.01;
        let side = |by: f32| {
            let mut outputs = outputs.to_vec();
            outputs[i] += by;
            loss(objective, &outputs, target, 1.5).0
        };
        let difference = (side(STEP) - side(-STEP)) / f64::from(2.0 * STEP);
        assert!(
            (f64::from(gradient[i]) - difference).abs() < 2e-4,
            "{objective:?} {outputs:?}: {}, {difference}",
            gradient[i]
        );
    }
}

#[test]
fn derivatives_are_those_of_the_losses() {
    for z in [-3.0, -0.2, 0.0, 0.7, 4.0] {
        check(Objective::Quadratic, &[z], 0.4);
        check(Objective::Absolute, &[z], 0.4);
        check(Objective::Huber { delta: 0.5 }, &[z], 0.4);
        check(Objective::Huber { delta: 100.0 }, &[z], 0.4);
        check(Objective::Bernoulli, &[z], 0.0);
        check(Objective::Bernoulli, &[z], 1.0);
        check(Objective::Multinomial { classes: 3 }, &[z, 0.3, -1.0], 0.0);
        check(Objective::Multinomial { classes: 3 }, &[z, 0.3, -1.0], 2.0);
    }
}

#[test]
fn losses_have_known_values_and_stay_finite() {
    let near = |got: f64, want: f64| assert!((got - want).abs() < 1e-6 * want.max(1e-3), "{got}, not {want}");
    near(loss(Objective::Quadratic, &[3.0], 1.0, 2.0).0, 4.0);
    near(loss(Objective::Absolute, &[3.0], 1.0, 2.0).0, 4.0);
    near(loss(Objective::Huber { delta: 1.5 }, &[3.0], 1.0, 2.0).0, 2.0 * 1.5 * (2.0 - 0.75));
    near(loss(Objective::Huber { delta: 2.0 }, &[3.0], 1.0, 2.0).0, 4.0);
    assert_eq!(loss(Objective::Absolute, &[1.0], 1.0, 2.0), (0.0, vec![0.0]), "no side where there is no error");
    assert_eq!(loss(Objective::Huber { delta: 1.5 }, &[-1e30], 1.0, 2.0).1, [-3.0]);
    near(loss(Objective::Bernoulli, &[0.0], 1.0, 1.0).0, std::f64::consts::LN_2);
    near(loss(Objective::Bernoulli, &[100.0], 0.0, 1.0).0, 100.0);
    near(loss(Objective::Bernoulli, &[-100.0], 0.0, 1.0).0, 0.0);
    near(loss(Objective::Multinomial { classes: 4 }, &[9.0; 4], 2.0, 1.0).0, 4f64.log2() * std::f64::consts::LN_2);
    near(loss(Objective::Multinomial { classes: 3 }, &[0.0, 1e30, 0.0], 1.0, 1.0).0, 0.0);
}

#[test]
fn probabilities_add_up_to_one() {
    for (objective, outputs) in [
        (Objective::Bernoulli, vec![-20.0, 0.3, 5.0]),
        (Objective::Multinomial { classes: 3 }, vec![0.0, 1.0, 2.0, 80.0, -80.0, 0.0]),
    ] {
        let mut p = Vec::new();
        objective.probabilities(&outputs, &mut p);
        let classes = objective.outputs().max(2);
        assert_eq!(p.len(), outputs.len() / objective.outputs() * classes);
        p.chunks(classes).for_each(|p| assert!((p.iter().sum::<f32>() - 1.0).abs() < 1e-6));
    }
}
