//! Every key of a spec, once: where it stands, its default, range, unit and meaning. Reading, `--set`, messages and
//! docs/defaults.md all look here.

use crate::nearest::nearest;

/// Where a key stands in the TOML.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Table {
    Top,
    Encoding,
    Params,
    CrossValidation,
    Stopping,
    Search,
}

/// What an absent key means.
#[derive(Clone, Copy, Debug)]
pub(super) enum WhenAbsent {
    /// This TOML value.
    Value(&'static str),
    /// A function of the data and other keys, in words.
    Rule(&'static str),
    /// Nothing: the key is optional, or must be given.
    Absent(&'static str),
}

/// The only key that holds keys of its own.
pub(super) const AVERAGING: &str = "averaging";
/// The table in `[search]` of keys that are searched.
pub(super) const SEARCHED: &str = "params";

pub(super) struct Key {
    pub(super) table: Table,
    pub(super) name: &'static str,
    pub(super) default: WhenAbsent,
    pub(super) range: &'static str,
    pub(super) unit: &'static str,
    pub(super) meaning: &'static str,
}

impl Table {
    pub(super) const ALL: [Table; 6] =
        [Table::Top, Table::Encoding, Table::Params, Table::CrossValidation, Table::Stopping, Table::Search];

    /// Its name in brackets; the top level has none.
    pub(super) fn name(self) -> Option<&'static str> {
        match self {
            Table::Top => None,
            Table::Encoding => Some("encoding"),
            Table::Params => Some("params"),
            Table::CrossValidation => Some("cross_validation"),
            Table::Stopping => Some("stopping"),
            Table::Search => Some("search"),
        }
    }

    /// For messages.
    pub(super) fn place(self) -> String {
        self.name().map_or_else(|| "the top level".into(), |name| format!("[{name}]"))
    }
}

const fn key(
    table: Table,
    name: &'static str,
    default: WhenAbsent,
    range: &'static str,
    unit: &'static str,
    meaning: &'static str,
) -> Key {
    Key { table, name, default, range, unit, meaning }
}

use self::Table::{CrossValidation, Encoding, Params, Search, Stopping, Top};
use self::WhenAbsent::{Absent, Rule, Value};

const ABOVE_ZERO: &str = "a finite number above 0";
const NOT_NEGATIVE: &str = "a finite number, at least 0";
const SHARE: &str = "at least 0, below 1";
const COLUMN: &str = "a column";
const COLUMNS: &str = "a list of columns";
const METRIC: &str = "\"auto\"; of classes \"logloss\", \"accuracy\", \"mean_per_class_error\"; of two classes also \"auc\", \
                      \"pr_auc\", \"gini\", \"f1\", \"mcc\"; of numbers \"mean_residual_deviance\", \"mse\", \"rmse\", \"mae\", \
                      \"rmsle\", \"r2\"";
const PATHS: &str = "a path, glob or folder, or a list of them";

pub(super) const KEYS: &[Key] = &[
    key(Top, "version", Value("1"), "1", "–", "the version of this format"),
    key(Top, "data", Absent("–"), PATHS, "–", "the training data, read in the order given"),
    key(Top, "frame", Absent("–"), "a frame's name", "–", "an imported frame, in place of `data`"),
    key(Top, "valid", Absent("none"), PATHS, "–", "validation data: scored, never learned from"),
    key(Top, "test", Absent("none"), PATHS, "–", "test data: scored once, at the end"),
    key(
        Top,
        "schema",
        Value("\"strict\""),
        "\"strict\" or \"union\"",
        "–",
        "union: a column that some of the files lack is missing in their rows",
    ),
    key(Top, "partitions", Value("true"), "true or false", "–", "folders named `key=value` make columns"),
    key(Top, "rename", Value("false"), "true or false", "–", "columns of one name become NAME, NAME.1, NAME.2, …"),
    key(
        Top,
        "split",
        Absent("all rows"),
        "above 0, below 1",
        "share",
        "of the rows, those that are trained on; the others are the test data. Stratified for classes",
    ),
    key(Top, "split_by", Absent("random"), COLUMN, "–", "with `split`: the earlier rows by this column's times"),
    key(Top, "target", Absent("must be given"), COLUMN, "–", "what is learned"),
    key(Top, "features", Absent("all other columns"), COLUMNS, "–", "the columns to learn from"),
    key(Top, "ignored_columns", Absent("none"), COLUMNS, "–", "columns to leave out"),
    key(Top, "weights_column", Absent("none"), COLUMN, "–", "a weight of each row's loss"),
    key(
        Top,
        "types",
        Absent("what columns look like"),
        "a table of columns, each \"numeric\", \"categorical\", \"time\", \"day_first\", \"month_first\" or \"text\"",
        "–",
        "what columns mean; text is left out",
    ),
    key(
        Top,
        "task",
        Value("\"auto\""),
        "\"auto\", \"classification\" or \"regression\"",
        "–",
        "what the target is read as; auto: by its type",
    ),
    key(Top, "algorithm", Value("\"deeplearning\""), "\"deeplearning\"", "–", "what is trained"),
    key(Top, "device", Value("\"auto\""), "\"auto\" or \"cpu\"", "–", "where it is computed; changes no bit"),
    key(
        Encoding,
        "scaling",
        Value("\"standard\""),
        "\"standard\", \"min_max\" or \"none\"",
        "–",
        "numeric inputs get mean 0 and deviation 1, or the range 0 to 1",
    ),
    key(
        Encoding,
        "standardize",
        Value("true"),
        "true or false",
        "–",
        "H2O's word for `scaling`: true is standard, false is none",
    ),
    key(
        Encoding,
        "missing_values_handling",
        Value("\"mean_imputation\""),
        "\"mean_imputation\", \"median_imputation\", \"mode_imputation\", \"constant\" or \"skip\"",
        "–",
        "what stands in for a missing number; skip: rows with a missing feature are neither trained on nor scored",
    ),
    key(Encoding, "missing_value", Value("0.0"), "a finite number", "the column's", "with constant: what stands in"),
    key(
        Encoding,
        "missing_indicators",
        Value("false"),
        "true or false",
        "–",
        "each numeric column with gaps gets a further input: 1 where it is missing",
    ),
    key(
        Encoding,
        "max_categorical_levels",
        Value("65536"),
        "1 to 65536",
        "levels",
        "the most frequent levels of a column have inputs of their own, the others share one",
    ),
    key(
        Encoding,
        "time_features",
        Value("\"parts\""),
        "\"parts\" or \"number\"",
        "–",
        "times become year, month, day, weekday, hour and minute where they vary; or seconds",
    ),
    key(Encoding, "log", Absent("none"), COLUMNS, "–", "columns of numbers above 0 of which the logarithm is taken"),
    key(Encoding, "signed_log", Absent("none"), COLUMNS, "–", "columns that become sign(x) · ln(1 + |x|)"),
    key(
        Params,
        "hidden",
        Value("[200, 200]"),
        "at most 64 layers of 1 to 65536 units",
        "units",
        "the size of each hidden layer; [] is a linear model",
    ),
    key(
        Params,
        "activation",
        Value("\"rectifier\""),
        "\"rectifier\", \"tanh\", \"linear\", \"leaky_rectifier\" (slope 0.01), \"sigmoid\", \"swish\" or \"elu\"",
        "–",
        "the function of hidden units",
    ),
    key(
        Params,
        "loss",
        Value("\"auto\""),
        "\"auto\", \"cross_entropy\"; of a regression \"quadratic\", \"absolute\" or \"huber\"",
        "–",
        "what is minimised; auto: cross_entropy for classes, quadratic for numbers",
    ),
    key(
        Params,
        "huber_delta",
        Value("1.0"),
        ABOVE_ZERO,
        "deviations of the target",
        "loss huber only: the error beyond which it is absolute; fixed, where H2O's huber_alpha is a quantile of the \
         errors, taken anew at each scoring",
    ),
    key(
        Params,
        "optimizer",
        Value("\"adam\""),
        "\"adam\", \"sgd\", \"rmsprop\" or \"adadelta\"",
        "–",
        "how a gradient becomes a step",
    ),
    key(
        Params,
        "learning_rate",
        Rule("0.001 with adam and rmsprop, 0.01 with sgd, 1 with adadelta"),
        ABOVE_ZERO,
        "a step",
        "the size of the optimizer's step",
    ),
    key(
        Params,
        "learning_rate_schedule",
        Value("\"constant\""),
        "\"constant\" or \"cosine\"",
        "–",
        "how the rate falls with the position; cosine: to 0 at the last one",
    ),
    key(
        Params,
        "rate_annealing",
        Value("0.0"),
        NOT_NEGATIVE,
        "a row",
        "schedule constant only: the rate is divided by 1 + rate_annealing · rows passed by all ranks",
    ),
    key(
        Params,
        "warmup",
        Value("0"),
        "0 to 2^48",
        "rows",
        "the rate rises from 0 while all ranks together pass so many; a factor beside the schedule",
    ),
    key(Params, "momentum", Value("0.9"), SHARE, "–", "sgd only: share of the last step that is kept"),
    key(Params, "nesterov", Value("false"), "true or false", "–", "sgd only: the step looks ahead along the momentum"),
    key(Params, "beta1", Value("0.9"), SHARE, "–", "adam only: decay of the first moment"),
    key(Params, "beta2", Value("0.999"), SHARE, "–", "adam only: decay of the second moment"),
    key(Params, "rho", Value("0.99"), SHARE, "–", "rmsprop and adadelta only: decay of the mean squares"),
    key(
        Params,
        "epsilon",
        Value("1e-8"),
        "a finite number, at least 1.2e-38",
        "–",
        "adam and rmsprop: added to the root of the mean square; adadelta: under both roots",
    ),
    key(
        Params,
        "lazy_adam",
        Value("false"),
        "true or false",
        "–",
        "adam only: a level whose weights have no gradient in a step keeps them and their moments; faster with many \
         levels and small batches, and another algorithm",
    ),
    key(Params, "mini_batch_size", Value("32"), "1 to 1048576", "rows", "rows of one rank that make one step"),
    key(
        Params,
        "shuffle",
        Value("\"rows\""),
        "\"rows\" or \"blocks\"",
        "–",
        "blocks: the blocks of 1,024 rows are shuffled and their rows are not, and a net without hidden layers is trained \
         straight from columns, many times faster; for data whose rows are in no order",
    ),
    key(
        Params,
        "epochs",
        Value("10.0"),
        "above 0; with the data at hand 1 row of a rank to 2^48 rows of all",
        "passes",
        "passes over the rows; fractions allowed",
    ),
    key(Params, "l1", Value("0.0"), NOT_NEGATIVE, "–", "penalty on the sum of absolute weights"),
    key(Params, "l2", Value("0.0"), NOT_NEGATIVE, "–", "penalty on half the sum of squared weights"),
    key(
        Params,
        "max_w2",
        Absent("no limit"),
        ABOVE_ZERO,
        "–",
        "the weights into a unit, hidden or output, are scaled down to this sum of squares after a step that took them \
         beyond it, and after the outer step of a round",
    ),
    key(
        Params,
        "gradient_clip_norm",
        Absent("no limit"),
        ABOVE_ZERO,
        "–",
        "a step's mean gradient over all weights and biases, before penalties, is scaled down to this norm",
    ),
    key(Params, "input_dropout_ratio", Value("0.0"), SHARE, "share", "inputs dropped for each row in training"),
    key(
        Params,
        "hidden_dropout_ratios",
        Value("[]"),
        "one value a hidden layer, each at least 0, below 1; or []",
        "share",
        "outputs of each hidden layer dropped for each row in training",
    ),
    key(
        Params,
        "initial_weight_distribution",
        Value("\"uniform_adaptive\""),
        "\"uniform_adaptive\", \"uniform\" or \"normal\"",
        "–",
        "of the first weights; adaptive: within √(6 / (inputs + outputs)) of a layer; biases begin at zero",
    ),
    key(
        Params,
        "initial_weight_scale",
        Value("1.0"),
        "above 0, at most 1e6",
        "–",
        "uniform: the largest first weight; normal: their deviation",
    ),
    key(Params, "seed", Value("1"), "0 to 9223372036854775807", "–", "first weights, order of rows and dropout"),
    key(
        Params,
        "ranks",
        Rule("min(256, clamp(rows div 16384, 1, 8) + max(0, rows − 1048576) div 131072), at most the blocks"),
        "1 to the blocks of the data (1024 rows each)",
        "–",
        "logical trainers; never depends on workers or threads",
    ),
    key(
        Params,
        "averaging.mode",
        Value("\"average\""),
        "\"average\" or \"gradient\"",
        "–",
        "what a round is: local steps and a mean of the ranks, or one summed gradient",
    ),
    key(
        Params,
        "averaging.interval",
        Rule("32 · mini_batch_size · ranks"),
        "1 to 2^40, rounded up to a multiple of mini_batch_size · ranks",
        "rows",
        "mode average only: rows that all ranks together pass in a round",
    ),
    key(
        Params,
        "averaging.outer_rate",
        Value("0.7"),
        ABOVE_ZERO,
        "a round",
        "mode average only: rate of the outer Nesterov step",
    ),
    key(
        Params,
        "averaging.outer_momentum",
        Rule("1 − outer_rate / ranks, within 0 to 0.9"),
        SHARE,
        "–",
        "mode average only: momentum of the outer Nesterov step",
    ),
    key(
        CrossValidation,
        "nfolds",
        Value("0"),
        "0, or 2 to 1000",
        "folds",
        "a model for each fold, which it does not learn from; 0: none",
    ),
    key(
        CrossValidation,
        "fold_assignment",
        Value("\"auto\""),
        "\"auto\", \"random\", \"modulo\", \"stratified\" or \"time\"",
        "–",
        "how rows come to their folds; auto: random, or as `fold_column` says; modulo: by the row's number; stratified: \
         each fold has its share of every class; time: by the times of `fold_column`",
    ),
    key(
        CrossValidation,
        "fold_column",
        Absent("none"),
        COLUMN,
        "–",
        "each of its values is a fold, and it is no feature; with fold_assignment time: the column of times",
    ),
    key(
        CrossValidation,
        "keep_cross_validation_predictions",
        Value("false"),
        "true or false",
        "–",
        "keep what each row is predicted by the model that did not learn from it",
    ),
    key(
        Stopping,
        "stopping_rounds",
        Value("0"),
        "0 to 1000",
        "scorings",
        "training ends once the moving average over so many scorings no longer gets better; 0: never",
    ),
    key(
        Stopping,
        "stopping_metric",
        Value("\"auto\""),
        METRIC,
        "–",
        "what is to get better; auto: logloss for classes, mean_residual_deviance for numbers",
    ),
    key(
        Stopping,
        "stopping_tolerance",
        Value("0.001"),
        NOT_NEGATIVE,
        "share",
        "the average must get better by this share of itself",
    ),
    key(
        Stopping,
        "score_interval",
        Rule("with `stopping_rounds`: 1.0; else nothing is scored while training"),
        "above 0; a number of epochs, or a text such as \"50000 rows\"",
        "epochs or rows",
        "the stopping metric is found each time that all ranks together have passed so much",
    ),
    key(
        Stopping,
        "overwrite_with_best_model",
        Value("true"),
        "true or false",
        "–",
        "the model is the state that scored best, not the last one",
    ),
    key(
        Stopping,
        "stop_at",
        Absent("the end of `epochs`"),
        "1 to 2^48",
        "rows",
        "training ends before the first round that would pass more rows than this; the schedule stays that of `epochs`",
    ),
    key(
        Search,
        "strategy",
        Value("\"cartesian\""),
        "\"cartesian\", \"random\", \"sequential\" or \"halving\"",
        "–",
        "every combination of the lists; points drawn from lists and ranges; the first value of each list, then the \
         second, and so on; or many models for a short time and the best of them for longer",
    ),
    key(
        Search,
        "sort_by",
        Value("\"auto\""),
        METRIC,
        "–",
        "what models are compared by; auto: auc for two classes, logloss for more, mean_residual_deviance for numbers",
    ),
    key(Search, "parallelism", Value("0"), "0 to 65536", "models", "trained at once; 0: as many as fit"),
    key(
        Search,
        "max_models",
        Value("0"),
        "0 to 1000000",
        "models",
        "the most that are trained; 0: no limit, of at most 100,000 combinations",
    ),
    key(
        Search,
        "max_runtime_secs",
        Value("0.0"),
        NOT_NEGATIVE,
        "seconds",
        "the time after which the search ends with what it has; 0: no limit",
    ),
    key(Search, "keep_models", Value("10"), "0 to 1000000", "models", "the best so many are kept"),
    key(Search, "search_seed", Value("1"), "0 to 9223372036854775807", "–", "the points that are drawn"),
    key(
        Search,
        "search_stopping_rounds",
        Value("0"),
        "0 to 1000",
        "models",
        "the search ends once the moving average over so many models no longer gets better; 0: never",
    ),
    key(
        Search,
        "search_stopping_tolerance",
        Value("0.001"),
        NOT_NEGATIVE,
        "share",
        "the average must get better by this share of itself",
    ),
    key(
        Search,
        "halving_factor",
        Value("3"),
        "2 to 1000",
        "–",
        "halving only: one of so many models goes on, for so many times as long",
    ),
    key(
        Search,
        "halving_min_epochs",
        Value("1.0"),
        ABOVE_ZERO,
        "passes",
        "halving only: the shortest time that a model is trained",
    ),
];

/// Keys and tables that have a meaning already, and no effect yet.
const RESERVED: &[&str] = &["fit"];

/// What other tools call the same thing.
const OTHER_NAMES: &[(&str, &str)] = &[
    ("lr", "learning_rate"),
    ("rate", "learning_rate"),
    ("eta", "learning_rate"),
    ("learning_rate_init", "learning_rate"),
    ("batch_size", "mini_batch_size"),
    ("max_iter", "epochs"),
    ("hidden_layer_sizes", "hidden"),
    ("layers", "hidden"),
    ("solver", "optimizer"),
    ("weight_decay", "l2"),
    ("alpha", "l2"),
    ("dropout", "hidden_dropout_ratios"),
    ("random_state", "seed"),
    ("response_column", "target"),
    ("y", "target"),
    ("x", "features"),
    ("sample_weight", "weights_column"),
    ("training_frame", "data"),
    ("train", "data"),
    ("validation", "valid"),
    ("validation_frame", "valid"),
    ("lr_schedule", "learning_rate_schedule"),
    ("lr_scheduler", "learning_rate_schedule"),
    ("lr_scheduler_type", "learning_rate_schedule"),
    ("schedule", "learning_rate_schedule"),
    ("cosineannealinglr", "cosine"),
    ("decay", "rate_annealing"),
    ("rate_decay", "rate_annealing"),
    ("warmup_steps", "warmup"),
    ("num_warmup_steps", "warmup"),
    ("nesterov_accelerated_gradient", "nesterov"),
    ("nesterovs_momentum", "nesterov"),
    ("sparse_adam", "lazy_adam"),
    ("sparseadam", "lazy_adam"),
    ("lazyadam", "lazy_adam"),
    ("shuffle_training_data", "shuffle"),
    ("max_norm", "max_w2"),
    ("kernel_constraint", "max_w2"),
    ("clipnorm", "gradient_clip_norm"),
    ("global_clipnorm", "gradient_clip_norm"),
    ("clip_grad_norm", "gradient_clip_norm"),
    ("max_grad_norm", "gradient_clip_norm"),
    ("gradient_clip_val", "gradient_clip_norm"),
    ("init", "initial_weight_distribution"),
    ("initializer", "initial_weight_distribution"),
    ("kernel_initializer", "initial_weight_distribution"),
    ("glorot_uniform", "uniform_adaptive"),
    ("xavier_uniform", "uniform_adaptive"),
    ("uniformadaptive", "uniform_adaptive"),
    ("gaussian", "normal"),
    ("gaussian", "quadratic"),
    ("distribution", "loss"),
    ("objective", "loss"),
    ("criterion", "loss"),
    ("huber_alpha", "huber_delta"),
    ("crossentropy", "cross_entropy"),
    ("logloss", "cross_entropy"),
    ("log_loss", "cross_entropy"),
    ("bernoulli", "cross_entropy"),
    ("binary_crossentropy", "cross_entropy"),
    ("categorical_crossentropy", "cross_entropy"),
    ("mse", "quadratic"),
    ("mse_loss", "quadratic"),
    ("squared_error", "quadratic"),
    ("mae", "absolute"),
    ("l1_loss", "absolute"),
    ("laplace", "absolute"),
    ("absolute_error", "absolute"),
    ("smooth_l1", "huber"),
    ("relu", "rectifier"),
    ("identity", "linear"),
    ("rectifierwithdropout", "rectifier"),
    ("tanhwithdropout", "tanh"),
    ("lrelu", "leaky_rectifier"),
    ("leaky_relu", "leaky_rectifier"),
    ("leakyrelu", "leaky_rectifier"),
    ("logistic", "sigmoid"),
    ("silu", "swish"),
    ("exprectifier", "elu"),
    ("exprectifierwithdropout", "elu"),
    ("binary", "classification"),
    ("multinomial", "classification"),
    ("mean", "mean_imputation"),
    ("meanimputation", "mean_imputation"),
    ("median", "median_imputation"),
    ("mode", "mode_imputation"),
    ("most_frequent", "mode_imputation"),
    ("fill_value", "missing_value"),
    ("drop", "skip"),
    ("minmax", "min_max"),
    ("normalize", "scaling"),
    ("test_size", "split"),
    ("train_size", "split"),
    ("column_types", "types"),
    ("col_types", "types"),
    ("max_categorical_features", "max_categorical_levels"),
    ("max_categories", "max_categorical_levels"),
    ("cat", "categorical"),
    ("enum", "categorical"),
    ("factor", "categorical"),
    ("real", "numeric"),
    ("number", "numeric"),
    ("datetime", "time"),
    ("date", "time"),
    ("string", "text"),
    ("folds", "nfolds"),
    ("cv", "nfolds"),
    ("n_splits", "nfolds"),
    ("n_folds", "nfolds"),
    ("kfold", "nfolds"),
    ("groups", "fold_column"),
    ("stratifiedkfold", "stratified"),
    ("timeseriessplit", "time"),
    ("early_stopping_rounds", "stopping_rounds"),
    ("patience", "stopping_rounds"),
    ("n_iter_no_change", "stopping_rounds"),
    ("tol", "stopping_tolerance"),
    ("min_delta", "stopping_tolerance"),
    ("eval_metric", "stopping_metric"),
    ("monitor", "stopping_metric"),
    ("restore_best_weights", "overwrite_with_best_model"),
    ("scoring", "sort_by"),
    ("n_iter", "max_models"),
    ("n_trials", "max_models"),
    ("n_jobs", "parallelism"),
    ("timeout", "max_runtime_secs"),
    ("grid", "cartesian"),
    ("random_discrete", "random"),
    ("randomdiscrete", "random"),
    ("successive_halving", "halving"),
    ("hyperband", "halving"),
    ("log_loss", "logloss"),
    ("cross_entropy", "logloss"),
    ("roc_auc", "auc"),
    ("aucpr", "pr_auc"),
    ("average_precision", "pr_auc"),
    ("deviance", "mean_residual_deviance"),
    ("mean_squared_error", "mse"),
    ("root_mean_squared_error", "rmse"),
    ("mean_absolute_error", "mae"),
    ("matthews_corrcoef", "mcc"),
];

pub(super) fn find(name: &str) -> Option<&'static Key> {
    KEYS.iter().find(|key| key.name == name)
}

pub(super) fn is_reserved(name: &str) -> bool {
    let first = name.split('.').next().unwrap_or(name);
    RESERVED.contains(&first)
}

/// All names that may stand in a table; in all tables if none is given.
pub(super) fn names(table: Option<Table>) -> impl Iterator<Item = &'static str> + Clone {
    let keys = KEYS.iter().filter(move |key| table.is_none_or(|table| key.table == table)).map(|key| key.name);
    let tables = Table::ALL.iter().filter_map(|table| table.name()).filter(move |_| table == Some(Table::Top));
    let nested = std::iter::once(AVERAGING).filter(move |_| table == Some(Table::Params));
    let searched = std::iter::once(SEARCHED).filter(move |_| table == Some(Table::Search));
    keys.chain(nested).chain(searched).chain(tables)
}

/// The candidate that a name probably means: what other tools call it, or the nearest in spelling.
pub(super) fn suggest(name: &str, mut candidates: impl Iterator<Item = &'static str> + Clone) -> Option<&'static str> {
    let lower = name.to_lowercase();
    let near = nearest(name, candidates.clone());
    candidates.find(|candidate| OTHER_NAMES.contains(&(lower.as_str(), *candidate))).or(near)
}
