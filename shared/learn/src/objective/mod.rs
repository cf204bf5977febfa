//! What training minimises: a loss of a network's outputs and the target, one file a formula.

mod absolute;
mod bernoulli;
mod huber;
mod multinomial;
mod quadratic;

use aquifer_frame::Target;
use aquifer_model::params::Loss;

use crate::{Error, Isa};

/// The closed set of objectives.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Objective {
    Quadratic,
    Absolute,
    Huber { delta: f32 },
    Bernoulli,
    Multinomial { classes: usize },
}

/// Outputs of some rows and what they should have been.
#[derive(Clone, Copy)]
pub(crate) struct Outcome<'a> {
    /// Row r's outputs begin at `r · row`.
    pub(crate) outputs: &'a [f32],
    pub(crate) row: usize,
    /// (rows): a value, or a class number.
    pub(crate) targets: &'a [f32],
    /// (rows)
    pub(crate) weights: &'a [f32],
}

impl Objective {
    /// The loss that was asked for, or the target's own; one of another task is an error.
    pub(crate) fn of(target: &Target, loss: Loss) -> Result<Self, Error> {
        if !loss.is_for(target) {
            return Err(Error::Params { key: "loss" });
        }
        match target {
            Target::Regression { .. } => Ok(match loss {
                Loss::Absolute => Objective::Absolute,
                Loss::Huber { delta } => Objective::Huber { delta: delta as f32 },
                Loss::Auto | Loss::Quadratic | Loss::CrossEntropy => Objective::Quadratic,
            }),
            Target::Classes { levels, .. } => match levels.len() {
                levels @ (0 | 1) => Err(Error::Classes { levels }),
                2 => Ok(Objective::Bernoulli),
                classes => Ok(Objective::Multinomial { classes }),
            },
        }
    }

    /// Units of the output layer.
    pub(crate) fn outputs(self) -> usize {
        match self {
            Objective::Quadratic | Objective::Absolute | Objective::Huber { .. } | Objective::Bernoulli => 1,
            Objective::Multinomial { classes } => classes,
        }
    }

    /// The rows' losses, before weights, go to `losses` (rows); the derivatives of the weighted losses by the outputs
    /// go to `gradient`, which has the outputs' strides. Neither is divided by anything.
    pub(crate) fn loss(self, isa: Isa, outcome: Outcome<'_>, gradient: &mut [f32], losses: &mut [f64]) {
        match self {
            Objective::Quadratic => quadratic::loss(outcome, gradient, losses),
            Objective::Absolute => absolute::loss(outcome, gradient, losses),
            Objective::Huber { delta } => huber::loss(delta, outcome, gradient, losses),
            Objective::Bernoulli => isa.run(bernoulli::Loss { outcome, gradient, losses }),
            Objective::Multinomial { classes } => isa.run(multinomial::Loss { classes, outcome, gradient, losses }),
        }
    }

    /// Outputs of a row become probabilities of the classes; a regression's stay what they are.
    pub(crate) fn probabilities(self, outputs: &[f32], probabilities: &mut Vec<f32>) {
        match self {
            Objective::Quadratic | Objective::Absolute | Objective::Huber { .. } => {
                probabilities.extend_from_slice(outputs);
            }
            Objective::Bernoulli => outputs.iter().for_each(|z| probabilities.extend(bernoulli::probabilities(*z))),
            Objective::Multinomial { classes } => {
                outputs.chunks_exact(classes).for_each(|z| multinomial::softmax(z, probabilities));
            }
        }
    }
}

#[cfg(test)]
mod tests;
