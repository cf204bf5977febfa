//! The proof that a machine computes as all others do: small trainings that touch every kernel, as one hash.

use aquifer_frame::Fold;
use aquifer_frame::Node;
use aquifer_model::params::{
    Activation, AveragingMode, DeepLearning, InitialWeights, LearningRateSchedule, Loss, Optimizer,
};
use aquifer_model::{Partial, State};

use crate::synthetic::Synthetic;
use crate::{Error, Isa, RoundKind, Trial, Workspace};

/// The BLAKE3 of the states that some fixed trainings end in: equal on every processor, whatever the instruction set.
pub fn self_test(isa: Isa) -> Result<String, Error> {
    let mut hasher = blake3::Hasher::new();
    for (params, data) in cases() {
        let state = train(&Trial::new(params, data.encoding(), data.part_rows(), isa)?, &data)?;
        for vector in &state.vectors {
            hasher.update(vector.name.as_bytes());
            for value in &vector.values {
                hasher.update(&value.to_bits().to_le_bytes());
            }
        }
        // The check is over every bit of the record too: position, loss, metrics.
        hasher.update(&state.check().to_le_bytes());
    }
    Ok(hasher.finalize().to_hex().to_string())
}

/// All rounds of a trial, all ranks here.
pub(crate) fn train(trial: &Trial, data: &Synthetic) -> Result<State, Error> {
    let (mut state, mut workspace, ranks) = (trial.initial_state(), Workspace::default(), trial.params().ranks);
    while trial.round(&state.record) != RoundKind::Done {
        let mut sum = Fold::default();
        for rank in 0..ranks {
            let partial = trial.map_alone(&state, rank, &mut data.rank(rank, ranks), &mut workspace)?;
            let node = Node { lo: u64::from(rank), n: 1 };
            sum.push(node, (partial.weight > 0.0).then_some(partial), Partial::add);
        }
        trial.update_alone(&mut state, sum.finish(Partial::add))?;
    }
    Ok(state)
}

/// Every activation, with dropout and without, every objective, optimizer and mode, every panel width, row weights,
/// one-hot inputs; every schedule, limit and distribution of first weights.
fn cases() -> Vec<(DeepLearning, Synthetic)> {
    let adam = Optimizer::Adam { beta1: 0.9, beta2: 0.999, epsilon: 1e-8 };
    let params = DeepLearning {
        hidden: vec![56, 40],
        activation: Activation::Rectifier,
        optimizer: adam,
        learning_rate: 0.003,
        mini_batch_size: 50,
        epochs: 0.5,
        l1: 0.0,
        l2: 0.0,
        input_dropout_ratio: 0.0,
        hidden_dropout_ratios: Vec::new(),
        seed: 3,
        ranks: 1,
        averaging_mode: AveragingMode::Average,
        averaging_interval: 200,
        outer_rate: 0.7,
        outer_momentum: 0.9,
        ..DeepLearning::default()
    };
    let data =
        Synthetic { rows: 2100, numeric: 7, slots: vec![3, 11], classes: Some(2), weighted: false, left_out: None };
    let dense = Synthetic { slots: Vec::new(), numeric: 19, ..data.clone() };
    let classes = Synthetic { classes: Some(5), weighted: true, left_out: Some(3), ..data.clone() };
    let values = Synthetic { classes: None, numeric: 0, ..data.clone() };
    let averaged = DeepLearning { ranks: 3, averaging_interval: 600, ..params.clone() };
    let tanh = DeepLearning { activation: Activation::Tanh, l1: 1e-5, l2: 1e-4, ..averaged.clone() };
    let dropped = DeepLearning {
        input_dropout_ratio: 0.1,
        hidden_dropout_ratios: vec![0.2, 0.5],
        averaging_mode: AveragingMode::Gradient,
        ranks: 2,
        ..params.clone()
    };
    let linear = DeepLearning {
        hidden: vec![13],
        activation: Activation::Linear,
        optimizer: Optimizer::Sgd { momentum: 0.9, nesterov: false },
        ..params.clone()
    };
    let momentum = DeepLearning {
        optimizer: Optimizer::Sgd { momentum: 0.9, nesterov: false },
        learning_rate: 0.01,
        l2: 1e-4,
        ..averaged.clone()
    };
    let dropped_tanh = DeepLearning {
        hidden: vec![24, 16],
        activation: Activation::Tanh,
        hidden_dropout_ratios: vec![0.3, 0.2],
        ..params.clone()
    };
    let dropped_linear =
        DeepLearning { activation: Activation::Linear, input_dropout_ratio: 0.2, ..dropped_tanh.clone() };
    let weighted = Synthetic { weighted: true, ..data.clone() };
    let weighted_values = Synthetic { classes: None, ..weighted.clone() };
    let leaky = DeepLearning {
        activation: Activation::LeakyRectifier,
        loss: Loss::Huber { delta: 0.5 },
        optimizer: Optimizer::Rmsprop { rho: 0.9, epsilon: 1e-8 },
        learning_rate_schedule: LearningRateSchedule::Cosine,
        warmup: 300,
        max_w2: Some(2.0),
        initial_weights: InitialWeights::Normal { scale: 0.2 },
        ..averaged.clone()
    };
    let sigmoid = DeepLearning {
        activation: Activation::Sigmoid,
        loss: Loss::Absolute,
        optimizer: Optimizer::Adadelta { rho: 0.99, epsilon: 1e-8 },
        learning_rate: 1.0,
        rate_annealing: 1e-3,
        hidden_dropout_ratios: vec![0.2, 0.0],
        ..averaged.clone()
    };
    let swish = DeepLearning {
        activation: Activation::Swish,
        optimizer: Optimizer::Sgd { momentum: 0.9, nesterov: true },
        gradient_clip_norm: Some(0.2),
        initial_weights: InitialWeights::Uniform { scale: 0.3 },
        ..params.clone()
    };
    let elu = DeepLearning { activation: Activation::Elu, ..params.clone() };
    let none = DeepLearning { hidden: Vec::new(), ..params.clone() };
    vec![
        (params, dense.clone()),
        (tanh, classes.clone()),
        (dropped, data.clone()),
        (linear, values.clone()),
        (none, classes.clone()),
        (averaged, data),
        (momentum, weighted),
        (dropped_tanh, weighted_values.clone()),
        (dropped_linear, classes.clone()),
        (leaky, weighted_values),
        (sigmoid, values),
        (swish, classes),
        (elu, dense),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_instruction_set_gives_the_golden_hash() {
        for isa in Isa::available() {
            assert_eq!(
                self_test(isa).unwrap(),
                "1b7e301edc3b781889814f8a7f1b340f68b9d3cb1dc21f2a83e5ab839f36f31b",
                "{}",
                isa.name()
            );
        }
    }
}
