//! The rate of a step, as a function of the rows that all ranks together have passed: equal for all ranks, and for both
//! averaging modes of one rank.
//!
//! ```text
//! rate = learning_rate · min(1, after / warmup) · decay
//! decay = 1 / (1 + rate_annealing · before), or with the cosine cos²(π/2 · before / last) = ½ (1 + cos(π · before / last))
//! ```
//!
//! `before` and `after` a step, whose position is [`crate::round::Schedule::positions`]: so neither the first step of a
//! warm-up nor the last of a cosine has the rate 0, which would waste it. (H2O: `rate_annealing`; the cosine: Loshchilov
//! and Hutter 2017, without restarts.)

use std::ops::Range;

use aquifer_model::params::{DeepLearning, LearningRateSchedule};

use crate::math::cos_quarter;

/// Whether all steps have the same rate.
pub(crate) fn is_constant(params: &DeepLearning) -> bool {
    let constant = params.learning_rate_schedule == LearningRateSchedule::Constant;
    constant && params.rate_annealing == 0.0 && params.warmup == 0
}

/// The rate of the step that takes all ranks from the first position to the second.
pub(crate) fn rate(params: &DeepLearning, step: Range<u64>, last: u64) -> f64 {
    let warm = if step.end < params.warmup { step.end as f64 / params.warmup as f64 } else { 1.0 };
    let decay = match params.learning_rate_schedule {
        LearningRateSchedule::Constant => 1.0 / (1.0 + params.rate_annealing * step.start as f64),
        LearningRateSchedule::Cosine => {
            let cos = cos_quarter(step.start as f64 / last as f64);
            cos * cos
        }
    };
    params.learning_rate * warm * decay
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(params: DeepLearning, step: Range<u64>, expected: f64) {
        let params = DeepLearning { learning_rate: 0.5, ..params };
        let got = rate(&params, step.clone(), 1000);
        assert!((got - expected).abs() < 1e-15, "{params:?} at {step:?}: {got}, not {expected}");
        assert!(!is_constant(&params) || got == 0.5);
    }

    #[test]
    fn rates_follow_the_position() {
        let plain = DeepLearning::default();
        assert!(is_constant(&plain));
        check(plain.clone(), 0..10, 0.5);
        check(plain.clone(), 990..1000, 0.5);
        let annealed = DeepLearning { rate_annealing: 0.01, ..plain.clone() };
        check(annealed.clone(), 0..10, 0.5);
        check(annealed.clone(), 100..110, 0.25);
        check(annealed.clone(), 900..910, 0.05);
        let cosine = DeepLearning { learning_rate_schedule: LearningRateSchedule::Cosine, ..plain.clone() };
        check(cosine.clone(), 0..10, 0.5);
        check(cosine.clone(), 250..260, 0.5 * (0.5 + 0.125f64.sqrt())); // cos²(π/8) = ½ + √⅛
        check(cosine.clone(), 500..510, 0.25);
        check(cosine.clone(), 1000..1000, 0.0);
        let warm = |params: &DeepLearning| DeepLearning { warmup: 200, ..params.clone() };
        check(warm(&plain), 0..10, 0.025);
        check(warm(&plain), 190..200, 0.5);
        check(warm(&plain), 500..510, 0.5);
        check(warm(&annealed), 100..110, 0.25 * 110.0 / 200.0);
        check(warm(&cosine), 500..510, 0.25);
        for changed in [&annealed, &cosine, &warm(&plain)] {
            assert!(!is_constant(changed));
        }
    }
}
