//! From TOML to a [`Spec`]: every key is read in one place, by name and type.

use std::collections::BTreeMap;

use aquifer_frame::{Meaning, MissingValues, Mixing, Scaling, SchemaMode, TaskChoice, TimeFeatures};
use toml::Value;

use super::fit::Algorithm;
use super::folds::FoldAssignment;
use super::keys::{self, AVERAGING, SEARCHED, Table};
use super::raw::{Device, RawInitialWeights, RawLoss, RawOptimizer};
use super::search::{RawSearch, Strategy};
use super::stopping::{RawStopping, StoppingMetric};
use super::{Spec, SpecError};
use crate::metric::MetricName;
use crate::params::{Activation, AveragingMode, LearningRateSchedule, ScoreInterval};

/// A spec is read whole; nobody writes one this long.
const SPEC_BYTES_MAX: usize = 1 << 20;

impl Spec {
    /// Reads TOML. Names and types are checked here, ranges by [`Spec::check`]: `--set` may still change them.
    pub fn parse(text: &str) -> Result<Spec, SpecError> {
        if text.len() > SPEC_BYTES_MAX {
            return Err(SpecError::TooLarge { bytes: text.len(), limit: SPEC_BYTES_MAX });
        }
        let table = toml::from_str(text).map_err(|source| syntax(text, source))?;
        Spec::from_table(&table)
    }

    pub(super) fn from_table(top: &toml::Table) -> Result<Spec, SpecError> {
        let mut spec = Spec::default();
        for (name, value) in top {
            match Table::ALL.into_iter().find(|table| table.name() == Some(name)) {
                Some(table) => {
                    if table == Table::Search {
                        spec.search.get_or_insert_default(); // there, if empty
                    }
                    for (name, value) in sub_table(name, value)? {
                        spec.assign_in(table, name, value)?;
                    }
                }
                None => spec.assign_in(Table::Top, name, value)?,
            }
        }
        Ok(spec)
    }

    /// Reads one key that stands in `table`.
    fn assign_in(&mut self, table: Table, name: &str, value: &Value) -> Result<(), SpecError> {
        if table == Table::Params && name == AVERAGING {
            for (inner, value) in sub_table(name, value)? {
                self.assign_in(table, &format!("{AVERAGING}.{inner}"), value)?;
            }
            return Ok(());
        }
        if table == Table::Search && name == SEARCHED {
            return self.assign_dimensions(value);
        }
        let belongs = match keys::find(name) {
            Some(key) if key.table == table => return self.assign(key.name, value),
            Some(key) => Some(key.table),
            None if name == AVERAGING => Some(Table::Params),
            None => None,
        };
        match belongs {
            Some(other) => Err(SpecError::Misplaced { key: name.into(), place: table.place(), belongs: other.place() }),
            None => Err(unknown(Some(table), name)),
        }
    }

    /// Reads one known key, wherever it stood.
    pub(super) fn assign(&mut self, key: &'static str, value: &Value) -> Result<(), SpecError> {
        let params = &mut self.params;
        match key {
            "version" => self.version = Some(whole(key, value)?),
            "data" => self.data = texts(key, value)?,
            "frame" => self.frame = Some(text(key, value)?),
            "valid" => self.valid = texts(key, value)?,
            "test" => self.test = texts(key, value)?,
            "schema" => {
                let choices = [("strict", SchemaMode::Strict), ("union", SchemaMode::Union)];
                self.schema = Some(choice(key, value, &choices)?);
            }
            "partitions" => self.partitions = Some(boolean(key, value)?),
            "rename" => self.rename = Some(boolean(key, value)?),
            "split" => self.split = Some(number(key, value)?),
            "split_by" => self.split_by = Some(text(key, value)?),
            "types" => self.types = types(key, value)?,
            "target" => self.target = Some(text(key, value)?),
            "features" => self.features = Some(texts(key, value)?),
            "ignored_columns" => self.ignored_columns = texts(key, value)?,
            "weights_column" => self.weights_column = Some(text(key, value)?),
            "task" => {
                let choices = [
                    ("auto", TaskChoice::Auto),
                    ("classification", TaskChoice::Classification),
                    ("regression", TaskChoice::Regression),
                ];
                self.task = Some(choice(key, value, &choices)?);
            }
            "algorithm" => self.algorithm = Some(choice(key, value, &[("deeplearning", Algorithm::DeepLearning)])?),
            "device" => self.device = Some(choice(key, value, &[("auto", Device::Auto), ("cpu", Device::Cpu)])?),
            "standardize" => self.encoding.standardize = Some(boolean(key, value)?),
            "scaling" => {
                let choices = [("standard", Scaling::Standard), ("min_max", Scaling::MinMax), ("none", Scaling::None)];
                self.encoding.scaling = Some(choice(key, value, &choices)?);
            }
            "missing_values_handling" => {
                let choices = [
                    ("mean_imputation", MissingValues::MeanImputation),
                    ("median_imputation", MissingValues::MedianImputation),
                    ("mode_imputation", MissingValues::ModeImputation),
                    ("constant", MissingValues::Constant),
                    ("skip", MissingValues::Skip),
                ];
                self.encoding.missing_values_handling = Some(choice(key, value, &choices)?);
            }
            "missing_value" => self.encoding.missing_value = Some(number(key, value)?),
            "missing_indicators" => self.encoding.missing_indicators = Some(boolean(key, value)?),
            "max_categorical_levels" => self.encoding.max_categorical_levels = Some(whole(key, value)?),
            "time_features" => {
                let choices = [("parts", TimeFeatures::Parts), ("number", TimeFeatures::Number)];
                self.encoding.time_features = Some(choice(key, value, &choices)?);
            }
            "log" => self.encoding.log = texts(key, value)?,
            "signed_log" => self.encoding.signed_log = texts(key, value)?,
            "hidden" => params.hidden = Some(wholes(key, value)?),
            "activation" => {
                let choices = [
                    ("rectifier", Activation::Rectifier),
                    ("tanh", Activation::Tanh),
                    ("linear", Activation::Linear),
                    ("leaky_rectifier", Activation::LeakyRectifier),
                    ("sigmoid", Activation::Sigmoid),
                    ("swish", Activation::Swish),
                    ("elu", Activation::Elu),
                ];
                params.activation = Some(choice(key, value, &choices)?);
            }
            "loss" => {
                let choices = [
                    ("auto", RawLoss::Auto),
                    ("cross_entropy", RawLoss::CrossEntropy),
                    ("quadratic", RawLoss::Quadratic),
                    ("absolute", RawLoss::Absolute),
                    ("huber", RawLoss::Huber),
                ];
                params.loss = Some(choice(key, value, &choices)?);
            }
            "huber_delta" => params.huber_delta = Some(number(key, value)?),
            "optimizer" => {
                let choices = [
                    ("adam", RawOptimizer::Adam),
                    ("sgd", RawOptimizer::Sgd),
                    ("rmsprop", RawOptimizer::Rmsprop),
                    ("adadelta", RawOptimizer::Adadelta),
                ];
                params.optimizer = Some(choice(key, value, &choices)?);
            }
            "learning_rate" => params.learning_rate = Some(number(key, value)?),
            "learning_rate_schedule" => {
                let choices = [("constant", LearningRateSchedule::Constant), ("cosine", LearningRateSchedule::Cosine)];
                params.learning_rate_schedule = Some(choice(key, value, &choices)?);
            }
            "rate_annealing" => params.rate_annealing = Some(number(key, value)?),
            "warmup" => params.warmup = Some(whole(key, value)?),
            "momentum" => params.momentum = Some(number(key, value)?),
            "nesterov" => params.nesterov = Some(boolean(key, value)?),
            "beta1" => params.beta1 = Some(number(key, value)?),
            "beta2" => params.beta2 = Some(number(key, value)?),
            "rho" => params.rho = Some(number(key, value)?),
            "epsilon" => params.epsilon = Some(number(key, value)?),
            "lazy_adam" => params.lazy_adam = Some(boolean(key, value)?),
            "shuffle" => {
                params.shuffle = Some(choice(key, value, &[("rows", Mixing::Rows), ("blocks", Mixing::Blocks)])?);
            }
            "mini_batch_size" => params.mini_batch_size = Some(whole(key, value)?),
            "epochs" => params.epochs = Some(number(key, value)?),
            "l1" => params.l1 = Some(number(key, value)?),
            "l2" => params.l2 = Some(number(key, value)?),
            "max_w2" => params.max_w2 = Some(number(key, value)?),
            "gradient_clip_norm" => params.gradient_clip_norm = Some(number(key, value)?),
            "input_dropout_ratio" => params.input_dropout_ratio = Some(number(key, value)?),
            "hidden_dropout_ratios" => params.hidden_dropout_ratios = Some(numbers(key, value)?),
            "initial_weight_distribution" => {
                let choices = [
                    ("uniform_adaptive", RawInitialWeights::UniformAdaptive),
                    ("uniform", RawInitialWeights::Uniform),
                    ("normal", RawInitialWeights::Normal),
                ];
                params.initial_weight_distribution = Some(choice(key, value, &choices)?);
            }
            "initial_weight_scale" => params.initial_weight_scale = Some(number(key, value)?),
            "seed" => params.seed = Some(whole(key, value)?),
            "ranks" => params.ranks = Some(whole(key, value)?),
            "averaging.mode" => {
                let choices = [("average", AveragingMode::Average), ("gradient", AveragingMode::Gradient)];
                params.averaging.mode = Some(choice(key, value, &choices)?);
            }
            "averaging.interval" => params.averaging.interval = Some(whole(key, value)?),
            "averaging.outer_rate" => params.averaging.outer_rate = Some(number(key, value)?),
            "averaging.outer_momentum" => params.averaging.outer_momentum = Some(number(key, value)?),
            "nfolds" => self.cross_validation.nfolds = Some(whole(key, value)?),
            "fold_assignment" => {
                let choices = [
                    ("auto", FoldAssignment::Auto),
                    ("random", FoldAssignment::Random),
                    ("modulo", FoldAssignment::Modulo),
                    ("stratified", FoldAssignment::Stratified),
                    ("time", FoldAssignment::Time),
                ];
                self.cross_validation.fold_assignment = Some(choice(key, value, &choices)?);
            }
            "fold_column" => self.cross_validation.fold_column = Some(text(key, value)?),
            "keep_cross_validation_predictions" => {
                self.cross_validation.keep_cross_validation_predictions = Some(boolean(key, value)?);
            }
            _ if self.stopping.assign(key, value)? => {}
            _ if keys::find(key).is_some_and(|key| key.table == Table::Search) => {
                self.search.get_or_insert_default().assign(key, value)?;
            }
            _ => return Err(unknown(None, key)),
        }
        Ok(())
    }
}

impl RawStopping {
    /// Reads a key if it is one of this table.
    fn assign(&mut self, key: &'static str, value: &Value) -> Result<bool, SpecError> {
        match key {
            "stopping_rounds" => self.stopping_rounds = Some(whole(key, value)?),
            "stopping_metric" => {
                self.stopping_metric = Some(metric(key, value)?.map_or(StoppingMetric::Auto, StoppingMetric::Named));
            }
            "stopping_tolerance" => self.stopping_tolerance = Some(number(key, value)?),
            "score_interval" => self.score_interval = Some(interval(key, value)?),
            "overwrite_with_best_model" => self.overwrite_with_best_model = Some(boolean(key, value)?),
            "stop_at" => self.stop_at = Some(whole(key, value)?),
            _ => return Ok(false),
        }
        Ok(true)
    }
}

impl RawSearch {
    /// Reads a key of this table.
    fn assign(&mut self, key: &'static str, value: &Value) -> Result<(), SpecError> {
        match key {
            "strategy" => {
                let strategies = [Strategy::Cartesian, Strategy::Random, Strategy::Sequential, Strategy::Halving];
                self.strategy = Some(choice(key, value, &strategies.map(|strategy| (strategy.name(), strategy)))?);
            }
            "sort_by" => self.sort_by = metric(key, value)?,
            "parallelism" => self.parallelism = Some(whole(key, value)?),
            "max_models" => self.max_models = Some(whole(key, value)?),
            "max_runtime_secs" => self.max_runtime_secs = Some(number(key, value)?),
            "keep_models" => self.keep_models = Some(whole(key, value)?),
            "search_seed" => self.search_seed = Some(whole(key, value)?),
            "search_stopping_rounds" => self.search_stopping_rounds = Some(whole(key, value)?),
            "search_stopping_tolerance" => self.search_stopping_tolerance = Some(number(key, value)?),
            "halving_factor" => self.halving_factor = Some(whole(key, value)?),
            "halving_min_epochs" => self.halving_min_epochs = Some(number(key, value)?),
            _ => return Err(unknown(None, key)),
        }
        Ok(())
    }
}

/// The error for a name that is no key: reserved, misspelt or neither. `table` is none for `--set`, which needs none.
pub(super) fn unknown(table: Option<Table>, name: &str) -> SpecError {
    if keys::is_reserved(name) {
        return SpecError::Unsupported { key: name.into() };
    }
    // A name of this table first; one of another table is named with it.
    let here = || keys::names(table);
    let suggestion = keys::suggest(name, here()).map(|key| format!("`{key}`")).or_else(|| {
        let key = keys::find(keys::suggest(name, keys::names(None))?)?;
        Some(format!("`{}` in {}", key.name, key.table.place()))
    });
    let place = table.map_or_else(|| "a spec".into(), Table::place);
    SpecError::UnknownKey { key: name.into(), place, suggestion, valid: here().collect() }
}

pub(super) fn sub_table<'a>(key: &str, value: &'a Value) -> Result<&'a toml::Table, SpecError> {
    value.as_table().ok_or_else(|| wrong_type(key, value, "a table"))
}

fn wrong_type(key: &str, value: &Value, expected: &'static str) -> SpecError {
    SpecError::WrongType { key: key.into(), value: show(value), expected }
}

/// A value in a message: as TOML, cut where it gets long.
pub(super) fn show(value: &Value) -> String {
    const SHOWN_CHARS_MAX: usize = 80;
    let shown = value.to_string();
    match shown.char_indices().nth(SHOWN_CHARS_MAX) {
        Some((end, _)) => format!("{}…", &shown[..end]),
        None => shown,
    }
}

fn text(key: &str, value: &Value) -> Result<String, SpecError> {
    let text = value.as_str().filter(|text| !text.is_empty());
    text.map(str::to_owned).ok_or_else(|| wrong_type(key, value, "a text (in quotes if it looks like a number)"))
}

/// A list of texts, or one text.
fn texts(key: &str, value: &Value) -> Result<Vec<String>, SpecError> {
    if value.is_str() {
        return Ok(vec![text(key, value)?]);
    }
    list(key, value, "a list of texts such as [\"a\", \"b\"]", |item| text(key, item).ok())
}

/// A type for each of some columns.
fn types(key: &str, value: &Value) -> Result<BTreeMap<String, Meaning>, SpecError> {
    let choices = Meaning::ALL.map(|meaning| (meaning.name(), meaning));
    let columns = value.as_table().ok_or_else(|| wrong_type(key, value, "a table such as { age = \"numeric\" }"))?;
    let mut types = BTreeMap::new();
    for (column, value) in columns {
        types.insert(column.clone(), choice(&format!("{key}.{column}"), value, &choices)?);
    }
    Ok(types)
}

fn boolean(key: &str, value: &Value) -> Result<bool, SpecError> {
    value.as_bool().ok_or_else(|| wrong_type(key, value, "true or false"))
}

fn as_whole(value: &Value) -> Option<u64> {
    value.as_integer().and_then(|integer| u64::try_from(integer).ok())
}

fn whole(key: &str, value: &Value) -> Result<u64, SpecError> {
    as_whole(value).ok_or_else(|| wrong_type(key, value, "a whole number, 0 or above,"))
}

fn wholes(key: &str, value: &Value) -> Result<Vec<u64>, SpecError> {
    list(key, value, "a list of whole numbers such as [200, 200]", as_whole)
}

/// Integers are numbers too; a negative zero is zero.
fn as_number(value: &Value) -> Option<f64> {
    let number = value.as_float().or_else(|| value.as_integer().map(|integer| integer as f64));
    number.map(|number| number + 0.0)
}

fn number(key: &str, value: &Value) -> Result<f64, SpecError> {
    as_number(value).ok_or_else(|| wrong_type(key, value, "a number"))
}

fn numbers(key: &str, value: &Value) -> Result<Vec<f64>, SpecError> {
    list(key, value, "a list of numbers such as [0.5, 0.2]", as_number)
}

fn list<T>(
    key: &str,
    value: &Value,
    expected: &'static str,
    read: impl Fn(&Value) -> Option<T>,
) -> Result<Vec<T>, SpecError> {
    let items = value.as_array().and_then(|items| items.iter().map(read).collect());
    items.ok_or_else(|| wrong_type(key, value, expected))
}

pub(super) fn choice<T: Copy>(key: &str, value: &Value, choices: &[(&'static str, T)]) -> Result<T, SpecError> {
    if let Some((_, choice)) = choices.iter().find(|(name, _)| value.as_str() == Some(name)) {
        return Ok(*choice);
    }
    let names: Vec<_> = choices.iter().map(|(name, _)| *name).collect();
    let suggestion = value.as_str().and_then(|text| keys::suggest(text, names.iter().copied()));
    Err(SpecError::NotAChoice { key: key.into(), value: show(value), choices: names, suggestion })
}

/// A metric's name; none is "auto".
fn metric(key: &str, value: &Value) -> Result<Option<MetricName>, SpecError> {
    let metrics = MetricName::ALL.into_iter().map(|metric| (metric.name(), Some(metric)));
    choice(key, value, &std::iter::once(("auto", None)).chain(metrics).collect::<Vec<_>>())
}

/// A number is epochs.
fn interval(key: &str, value: &Value) -> Result<ScoreInterval, SpecError> {
    let interval = match value {
        Value::String(text) => ScoreInterval::parse(text),
        number => as_number(number).map(ScoreInterval::Epochs),
    };
    interval.ok_or_else(|| wrong_type(key, value, "a number of epochs, or a text such as \"50000 rows\","))
}

fn syntax(text: &str, source: toml::de::Error) -> SpecError {
    let at = source.span().map_or(0, |span| span.start).min(text.len());
    let before = text.get(..at).unwrap_or(text);
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().map_or(0, |line| line.chars().count()) + 1;
    SpecError::Syntax { line, column, source: Box::new(source) }
}
