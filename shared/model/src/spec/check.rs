//! Ranges and contradictions that can be seen without the data.

use super::keys;
use super::raw::{RawOptimizer, SPEC_VERSION};
use super::{Spec, SpecError};
use crate::params::AveragingMode;

const LAYERS_MAX: usize = 64;
const UNITS_MAX: u64 = 65_536;
const MINI_BATCH_MAX: u64 = 1 << 20;
const INTERVAL_MAX: u64 = 1 << 40;

impl Spec {
    /// Everything that needs no data; [`Spec::resolve`] checks it again, with the rest.
    pub fn check(&self) -> Result<(), SpecError> {
        if let Some(version) = self.version.filter(|version| *version != SPEC_VERSION) {
            return Err(SpecError::Version { version });
        }
        self.check_columns()?;
        self.check_params()?;
        self.check_applicable()
    }

    fn check_columns(&self) -> Result<(), SpecError> {
        let contradiction = |reason| Err(SpecError::Contradiction { reason });
        if !self.data.is_empty() && self.frame.is_some() {
            return contradiction("`data` and `frame` are both given: one of them is the training data".into());
        }
        let Some(target) = &self.target else { return Err(SpecError::Missing { key: "target" }) };
        if self.weights_column.as_ref() == Some(target) {
            return contradiction(format!("column `{target}` is both `target` and `weights_column`"));
        }
        let features = self.features.as_deref().unwrap_or_default();
        if self.features.is_some() && features.is_empty() {
            return Err(SpecError::Missing { key: "features" });
        }
        for (key, columns) in [("features", features), ("ignored_columns", &self.ignored_columns[..])] {
            if columns.contains(target) {
                return contradiction(format!("column `{target}` is both `target` and in `{key}`"));
            }
        }
        match features.iter().find(|column| self.ignored_columns.contains(column)) {
            Some(column) => contradiction(format!("column `{column}` is both in `features` and `ignored_columns`")),
            None => Ok(()),
        }
    }

    fn check_params(&self) -> Result<(), SpecError> {
        let p = &self.params;
        let above_zero = |x: f64| x.is_finite() && x > 0.0;
        let not_negative = |x: f64| x.is_finite() && x >= 0.0;
        let share = |x: f64| (0.0..1.0).contains(&x);

        in_range("hidden", &p.hidden, |hidden| {
            hidden.len() <= LAYERS_MAX && hidden.iter().all(|units| (1..=UNITS_MAX).contains(units))
        })?;
        in_range("learning_rate", &p.learning_rate, |x| above_zero(*x))?;
        in_range("momentum", &p.momentum, |x| share(*x))?;
        in_range("beta1", &p.beta1, |x| share(*x))?;
        in_range("beta2", &p.beta2, |x| share(*x))?;
        in_range("epsilon", &p.epsilon, |x| above_zero(*x))?;
        in_range("mini_batch_size", &p.mini_batch_size, |n| (1..=MINI_BATCH_MAX).contains(n))?;
        in_range("epochs", &p.epochs, |x| above_zero(*x))?;
        in_range("l1", &p.l1, |x| not_negative(*x))?;
        in_range("l2", &p.l2, |x| not_negative(*x))?;
        in_range("input_dropout_ratio", &p.input_dropout_ratio, |x| share(*x))?;
        let layers = p.hidden.as_ref().map_or(super::resolve::HIDDEN.len(), Vec::len);
        in_range("hidden_dropout_ratios", &p.hidden_dropout_ratios, |ratios| {
            (ratios.is_empty() || ratios.len() == layers) && ratios.iter().all(|x| share(*x))
        })
        .map_err(|error| with_layers(error, layers))?;
        in_range("seed", &p.seed, |seed| i64::try_from(*seed).is_ok())?; // TOML has no larger whole number
        in_range("ranks", &p.ranks, |ranks| *ranks >= 1)?;
        in_range("averaging.interval", &p.averaging.interval, |rows| (1..=INTERVAL_MAX).contains(rows))?;
        in_range("averaging.outer_rate", &p.averaging.outer_rate, |x| above_zero(*x))?;
        in_range("averaging.outer_momentum", &p.averaging.outer_momentum, |x| share(*x))
    }

    /// A setting without effect is a mistake that nobody would notice.
    fn check_applicable(&self) -> Result<(), SpecError> {
        let p = &self.params;
        let adam = p.optimizer.unwrap_or(RawOptimizer::Adam) == RawOptimizer::Adam;
        let average = p.averaging.mode.unwrap_or(AveragingMode::Average) == AveragingMode::Average;
        let sgd_only = "`optimizer` is \"adam\", which has `beta1`, `beta2` and `epsilon`";
        let adam_only = "`optimizer` is \"sgd\", which has `momentum`";
        let average_only = "`averaging.mode` is \"gradient\", where every step is a round";
        for (key, given, applies, because) in [
            ("momentum", p.momentum.is_some(), !adam, sgd_only),
            ("beta1", p.beta1.is_some(), adam, adam_only),
            ("beta2", p.beta2.is_some(), adam, adam_only),
            ("epsilon", p.epsilon.is_some(), adam, adam_only),
            ("averaging.interval", p.averaging.interval.is_some(), average, average_only),
            ("averaging.outer_rate", p.averaging.outer_rate.is_some(), average, average_only),
            ("averaging.outer_momentum", p.averaging.outer_momentum.is_some(), average, average_only),
        ] {
            if given && !applies {
                return Err(SpecError::NotApplicable { key, because });
            }
        }
        Ok(())
    }
}

fn in_range<T: std::fmt::Debug>(
    key: &'static str,
    value: &Option<T>,
    allowed: impl Fn(&T) -> bool,
) -> Result<(), SpecError> {
    match value {
        Some(value) if !allowed(value) => Err(out_of_range(key, format!("{value:?}"))),
        _ => Ok(()),
    }
}

pub(super) fn out_of_range(key: &'static str, value: String) -> SpecError {
    let range = keys::find(key).map_or("", |key| key.range).into();
    SpecError::OutOfRange { key, value, range }
}

fn with_layers(error: SpecError, layers: usize) -> SpecError {
    match error {
        SpecError::OutOfRange { key, value, range } => {
            SpecError::OutOfRange { key, value, range: format!("{range} (`hidden` has {layers} layers)") }
        }
        other => other,
    }
}
