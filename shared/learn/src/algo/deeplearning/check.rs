//! Parameters that cannot be trained: those that no spec resolves to. They may come over the wire.

use aquifer_frame::block_count;
use aquifer_model::params::{DeepLearning, InitialWeights, LearningRateSchedule, Loss, Optimizer, range};

use crate::Error;

pub(super) fn check(params: &DeepLearning, rows: u64) -> Result<(), Error> {
    let p = params;
    let blocks = block_count(rows);
    if p.ranks == 0 || u64::from(p.ranks) > blocks.max(1) {
        return Err(Error::Ranks { ranks: p.ranks, blocks });
    }
    let layers =
        p.hidden.len() <= range::LAYERS_MAX && p.hidden.iter().all(|units| range::UNITS.contains(&(*units as u64)));
    let step = (p.mini_batch_size as u64).checked_mul(u64::from(p.ranks)).filter(|step| *step > 0);
    let interval = step.is_some_and(|step| p.averaging_interval > 0 && p.averaging_interval.is_multiple_of(step));
    let mut choices = match p.optimizer {
        Optimizer::Adam { beta1, beta2, epsilon } => {
            vec![("beta1", range::share(beta1)), ("beta2", range::share(beta2)), ("epsilon", range::epsilon(epsilon))]
        }
        Optimizer::Sgd { momentum, .. } => vec![("momentum", range::share(momentum))],
        Optimizer::Rmsprop { rho, epsilon } | Optimizer::Adadelta { rho, epsilon } => {
            vec![("rho", range::share(rho)), ("epsilon", range::epsilon(epsilon))]
        }
    };
    if let Loss::Huber { delta } = p.loss {
        choices.push(("huber_delta", range::above_zero(delta)));
    }
    if let InitialWeights::Uniform { scale } | InitialWeights::Normal { scale } = p.initial_weights {
        choices.push(("initial_weight_scale", range::initial_scale(scale)));
    }
    let anneals = p.learning_rate_schedule == LearningRateSchedule::Constant;
    let annealing = range::not_negative(p.rate_annealing) && (anneals || p.rate_annealing == 0.0);
    let checks = [
        ("hidden", layers),
        ("mini_batch_size", range::MINI_BATCH.contains(&(p.mini_batch_size as u64))),
        ("lazy_adam", !p.lazy_adam || matches!(p.optimizer, Optimizer::Adam { .. })),
        ("epochs", range::epochs(p.epochs, rows, p.ranks)),
        ("learning_rate", range::above_zero(p.learning_rate)),
        ("rate_annealing", annealing),
        ("warmup", range::WARMUP.contains(&p.warmup)),
        ("max_w2", p.max_w2.is_none_or(range::above_zero)),
        ("gradient_clip_norm", p.gradient_clip_norm.is_none_or(range::above_zero)),
        ("l1", range::not_negative(p.l1)),
        ("l2", range::not_negative(p.l2)),
        ("input_dropout_ratio", range::share(p.input_dropout_ratio)),
        ("hidden_dropout_ratios", range::dropout_ratios(&p.hidden_dropout_ratios, p.hidden.len())),
        ("averaging.interval", interval),
        ("averaging.outer_rate", range::above_zero(p.outer_rate)),
        ("averaging.outer_momentum", range::share(p.outer_momentum)),
    ];
    match checks.into_iter().chain(choices).find(|(_, right)| !right) {
        Some((key, _)) => Err(Error::Params { key }),
        None => Ok(()),
    }
}
