//! Parameters that cannot be trained.

use aquifer_frame::block_count;
use aquifer_model::params::{DeepLearning, Optimizer};

use crate::Error;

pub(super) fn check(params: &DeepLearning, rows: u64) -> Result<(), Error> {
    let refuse = |key, reason: &str| Err(Error::Params { key, reason: reason.into() });
    let ratio = |ratio: f64| (0.0..1.0).contains(&ratio);
    let not_negative = |x: f64| x.is_finite() && x >= 0.0;
    if params.hidden.contains(&0) {
        return refuse("hidden", "has a layer of no units");
    }
    if params.mini_batch_size == 0 {
        return refuse("mini_batch_size", "is zero");
    }
    if !not_negative(params.epochs) || params.epochs > 1e9 {
        return refuse("epochs", "is not between 0 and 1e9");
    }
    if !not_negative(params.learning_rate) {
        return refuse("learning_rate", "is negative or not finite");
    }
    if !not_negative(params.l1) || !not_negative(params.l2) {
        return refuse("l1 and l2", "must be finite and not negative");
    }
    if !ratio(params.input_dropout_ratio) {
        return refuse("input_dropout_ratio", "is not in [0, 1)");
    }
    let ratios = &params.hidden_dropout_ratios;
    if !ratios.iter().all(|r| ratio(*r)) || !(ratios.is_empty() || ratios.len() == params.hidden.len()) {
        return refuse("hidden_dropout_ratios", "must be empty or one value in [0, 1) for each hidden layer");
    }
    match params.optimizer {
        Optimizer::Adam { beta1, beta2, epsilon } => {
            // As an f32: a zero would make 0 / 0 of a weight that never had a gradient.
            if !ratio(beta1) || !ratio(beta2) || (epsilon as f32) < f32::MIN_POSITIVE || !(epsilon as f32).is_finite() {
                return refuse("adam", "needs betas in [0, 1) and an epsilon of at least 1.2e-38");
            }
        }
        Optimizer::Sgd { momentum } => {
            if !ratio(momentum) {
                return refuse("momentum", "is not in [0, 1)");
            }
        }
    }
    let blocks = block_count(rows);
    if params.ranks == 0 || u64::from(params.ranks) > blocks.max(1) {
        return Err(Error::Ranks { ranks: params.ranks, blocks });
    }
    let step = (params.mini_batch_size as u64).checked_mul(u64::from(params.ranks));
    if step.is_none_or(|step| params.averaging_interval == 0 || !params.averaging_interval.is_multiple_of(step)) {
        return refuse("averaging.interval", "is not a multiple of mini_batch_size · ranks");
    }
    if !not_negative(params.outer_rate) || !ratio(params.outer_momentum) {
        return refuse("averaging", "needs an outer_rate that is not negative and an outer_momentum in [0, 1)");
    }
    Ok(())
}
