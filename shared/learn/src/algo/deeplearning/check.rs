//! Parameters that cannot be trained: those that no spec resolves to. They may come over the wire.

use aquifer_frame::block_count;
use aquifer_model::params::{DeepLearning, Optimizer, range};

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
    let optimizer = match p.optimizer {
        Optimizer::Adam { beta1, beta2, epsilon } => {
            [("beta1", range::share(beta1)), ("beta2", range::share(beta2)), ("epsilon", range::epsilon(epsilon))]
                .into()
        }
        Optimizer::Sgd { momentum } => vec![("momentum", range::share(momentum))],
    };
    let checks = [
        ("hidden", layers),
        ("mini_batch_size", range::MINI_BATCH.contains(&(p.mini_batch_size as u64))),
        ("epochs", range::epochs(p.epochs, rows, p.ranks)),
        ("learning_rate", range::above_zero(p.learning_rate)),
        ("l1", range::not_negative(p.l1)),
        ("l2", range::not_negative(p.l2)),
        ("input_dropout_ratio", range::share(p.input_dropout_ratio)),
        ("hidden_dropout_ratios", range::dropout_ratios(&p.hidden_dropout_ratios, p.hidden.len())),
        ("averaging.interval", interval),
        ("averaging.outer_rate", range::above_zero(p.outer_rate)),
        ("averaging.outer_momentum", range::share(p.outer_momentum)),
    ];
    match checks.into_iter().chain(optimizer).find(|(_, right)| !right) {
        Some((key, _)) => Err(Error::Params { key }),
        None => Ok(()),
    }
}
