//! Ranges and contradictions that can be seen without the data.

use aquifer_frame::{MissingValues, TaskChoice};

use super::keys;
use super::raw::{RawInitialWeights, RawLoss, RawOptimizer, SPEC_VERSION};
use super::stopping::StoppingMetric;
use super::{Spec, SpecError};
use crate::params::{AveragingMode, LearningRateSchedule, range};

const INTERVAL_MAX: u64 = 1 << 40;
/// Keys whose value decides which others apply.
const DECIDING: [&str; 6] =
    ["optimizer", "momentum", "loss", "learning_rate_schedule", "initial_weight_distribution", "averaging.mode"];

impl Spec {
    /// Everything that needs no data; [`Spec::resolve`] checks it again, with the rest.
    pub fn check(&self) -> Result<(), SpecError> {
        if let Some(version) = self.version.filter(|version| *version != SPEC_VERSION) {
            return Err(SpecError::Version { version });
        }
        self.check_columns()?;
        self.check_encoding()?;
        self.check_params()?;
        self.check_applicable()?;
        self.check_folds()?;
        self.stopping.check()?;
        self.check_search()?;
        self.check_metrics()
    }

    pub(super) fn check_encoding(&self) -> Result<(), SpecError> {
        let e = &self.encoding;
        let contradiction = |reason: &str| Err(SpecError::Contradiction { reason: reason.into() });
        in_range("split", &self.split, |share| *share > 0.0 && *share < 1.0)?;
        in_range("missing_value", &e.missing_value, |x| x.is_finite())?;
        in_range("max_categorical_levels", &e.max_categorical_levels, |n| range::LEVELS.contains(n))?;
        if self.split_by.is_some() && self.split.is_none() {
            return Err(SpecError::MissingFor { key: "split", of: "split_by" });
        }
        if self.split.is_some() && !self.test.is_empty() {
            return contradiction("`split` and `test` are both given: each of them says what the test data is");
        }
        if e.scaling.is_some() && e.standardize.is_some() {
            return contradiction("`scaling` and `standardize` are both given: they say the same thing");
        }
        if let Some(column) = e.log.iter().find(|column| e.signed_log.contains(column)) {
            return contradiction(&format!("column `{column}` is both in `log` and `signed_log`"));
        }
        let handled = self.searches(&["missing_values_handling"]);
        if e.missing_value.is_some() && !handled && e.missing_values_handling != Some(MissingValues::Constant) {
            let because = "`missing_values_handling` is not \"constant\"";
            return Err(SpecError::NotApplicable { key: "missing_value", because });
        }
        Ok(())
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
            return contradiction("`features` is an empty list: leave it out for all columns, or name some".into());
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

    pub(super) fn check_params(&self) -> Result<(), SpecError> {
        let p = &self.params;
        let above_zero = |x: &f64| range::above_zero(*x);
        let not_negative = |x: &f64| range::not_negative(*x);
        let share = |x: &f64| range::share(*x);

        in_range("hidden", &p.hidden, |hidden| {
            hidden.len() <= range::LAYERS_MAX && hidden.iter().all(|units| range::UNITS.contains(units))
        })?;
        in_range("learning_rate", &p.learning_rate, above_zero)?;
        in_range("huber_delta", &p.huber_delta, above_zero)?;
        in_range("rate_annealing", &p.rate_annealing, not_negative)?;
        in_range("warmup", &p.warmup, |rows| range::WARMUP.contains(rows))?;
        in_range("momentum", &p.momentum, share)?;
        in_range("beta1", &p.beta1, share)?;
        in_range("beta2", &p.beta2, share)?;
        in_range("rho", &p.rho, share)?;
        in_range("epsilon", &p.epsilon, |x| range::epsilon(*x))?;
        in_range("mini_batch_size", &p.mini_batch_size, |n| range::MINI_BATCH.contains(n))?;
        in_range("epochs", &p.epochs, |x| x.is_finite() && *x > 0.0)?; // and the rows, once they are known
        in_range("l1", &p.l1, not_negative)?;
        in_range("l2", &p.l2, not_negative)?;
        in_range("max_w2", &p.max_w2, above_zero)?;
        in_range("gradient_clip_norm", &p.gradient_clip_norm, above_zero)?;
        in_range("initial_weight_scale", &p.initial_weight_scale, |x| range::initial_scale(*x))?;
        in_range("input_dropout_ratio", &p.input_dropout_ratio, share)?;
        let layers = p.hidden.as_ref().map_or(super::resolve::HIDDEN.len(), Vec::len);
        let layers_searched = self.searches(&["hidden"]);
        in_range("hidden_dropout_ratios", &p.hidden_dropout_ratios, |ratios| {
            range::dropout_ratios(ratios, if layers_searched { ratios.len() } else { layers })
        })
        .map_err(|error| with_layers(error, layers))?;
        in_range("seed", &p.seed, |seed| i64::try_from(*seed).is_ok())?; // TOML has no larger whole number
        in_range("ranks", &p.ranks, |ranks| *ranks >= 1)?;
        in_range("averaging.interval", &p.averaging.interval, |rows| (1..=INTERVAL_MAX).contains(rows))?;
        in_range("averaging.outer_rate", &p.averaging.outer_rate, above_zero)?;
        in_range("averaging.outer_momentum", &p.averaging.outer_momentum, share)
    }

    /// A setting without effect is a mistake that nobody would notice.
    fn check_applicable(&self) -> Result<(), SpecError> {
        if self.searches(&DECIDING) {
            return Ok(()); // it applies to some candidates: each is checked
        }
        let p = &self.params;
        let optimizer = p.optimizer.unwrap_or(RawOptimizer::Adam);
        let (adam, sgd) = (optimizer == RawOptimizer::Adam, optimizer == RawOptimizer::Sgd);
        let of_optimizer = match optimizer {
            RawOptimizer::Adam => "`optimizer` is \"adam\", which has `beta1`, `beta2` and `epsilon`",
            RawOptimizer::Sgd => "`optimizer` is \"sgd\", which has `momentum` and `nesterov`",
            RawOptimizer::Rmsprop => "`optimizer` is \"rmsprop\", which has `rho` and `epsilon`",
            RawOptimizer::Adadelta => "`optimizer` is \"adadelta\", which has `rho` and `epsilon`",
        };
        let looks_ahead = p.nesterov == Some(true) && p.momentum == Some(0.0);
        let constant = p.learning_rate_schedule != Some(LearningRateSchedule::Cosine);
        let adaptive =
            p.initial_weight_distribution.is_none_or(|weights| weights == RawInitialWeights::UniformAdaptive);
        let average = p.averaging.mode.unwrap_or(AveragingMode::Average) == AveragingMode::Average;
        let huber_only = "`loss` is not \"huber\", which alone has it";
        let constant_only = "`learning_rate_schedule` is \"cosine\", which ends at 0 by itself";
        let scaled_only = "`initial_weight_distribution` is \"uniform_adaptive\", whose scale follows from the layers";
        let average_only = "`averaging.mode` is \"gradient\", where every step is a round";
        for (key, given, applies, because) in [
            ("huber_delta", p.huber_delta.is_some(), p.loss == Some(RawLoss::Huber), huber_only),
            ("rate_annealing", p.rate_annealing.is_some(), constant, constant_only),
            ("momentum", p.momentum.is_some(), sgd, of_optimizer),
            ("nesterov", p.nesterov.is_some(), sgd, of_optimizer),
            ("nesterov", looks_ahead, false, "`momentum` is 0, along which there is nothing to look ahead"),
            ("beta1", p.beta1.is_some(), adam, of_optimizer),
            ("beta2", p.beta2.is_some(), adam, of_optimizer),
            ("lazy_adam", p.lazy_adam.is_some(), adam, of_optimizer),
            ("rho", p.rho.is_some(), !adam && !sgd, of_optimizer),
            ("epsilon", p.epsilon.is_some(), !sgd, of_optimizer),
            ("initial_weight_scale", p.initial_weight_scale.is_some(), !adaptive, scaled_only),
            ("averaging.interval", p.averaging.interval.is_some(), average, average_only),
            ("averaging.outer_rate", p.averaging.outer_rate.is_some(), average, average_only),
            ("averaging.outer_momentum", p.averaging.outer_momentum.is_some(), average, average_only),
        ] {
            if given && !applies {
                return Err(SpecError::NotApplicable { key, because });
            }
        }
        self.check_loss()
    }

    /// A metric of the other task, as far as the task is said.
    fn check_metrics(&self) -> Result<(), SpecError> {
        let stopping = self.stopping.stopping_metric.and_then(StoppingMetric::named);
        let sort_by = self.search.as_ref().and_then(|search| search.sort_by);
        for (key, metric) in [("stopping_metric", stopping), ("sort_by", sort_by)] {
            let Some(metric) = metric else { continue };
            let task = match self.task {
                Some(TaskChoice::Regression) if !metric.is_for_numbers() => "regression",
                Some(TaskChoice::Classification) if metric.is_for_numbers() => "classification",
                _ => continue,
            };
            let reason = format!("`{key}` is \"{}\", but `task` is \"{task}\", which has others", metric.name());
            return Err(SpecError::Contradiction { reason });
        }
        Ok(())
    }

    /// A loss of the other task, as far as the task is said; [`FitSpec::check_target`] knows it in any case.
    fn check_loss(&self) -> Result<(), SpecError> {
        let loss = self.params.resolve_loss();
        let task = match (loss.task(), self.task) {
            (TaskChoice::Classification, Some(TaskChoice::Regression)) => "regression",
            (TaskChoice::Regression, Some(TaskChoice::Classification)) => "classification",
            _ => return Ok(()),
        };
        let reason = format!("`loss` is \"{}\", but `task` is \"{task}\", which has others", loss.name());
        Err(SpecError::Contradiction { reason })
    }
}

pub(super) fn in_range<T: std::fmt::Debug>(
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
