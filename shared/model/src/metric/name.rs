//! Metrics by name: what may be asked for, and which way is better.

use aquifer_frame::Target;
use serde::{Deserialize, Serialize};

use super::Metrics;

/// A metric that models are compared by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MetricName {
    Logloss,
    Auc,
    PrAuc,
    Gini,
    Accuracy,
    F1,
    Mcc,
    MeanPerClassError,
    Mse,
    Rmse,
    Mae,
    Rmsle,
    R2,
    MeanResidualDeviance,
}

use MetricName::*;

impl MetricName {
    pub const ALL: [MetricName; 14] = [
        Logloss,
        Auc,
        PrAuc,
        Gini,
        Accuracy,
        F1,
        Mcc,
        MeanPerClassError,
        Mse,
        Rmse,
        Mae,
        Rmsle,
        R2,
        MeanResidualDeviance,
    ];

    /// As in a spec and in [`Metrics`].
    pub fn name(self) -> &'static str {
        match self {
            Logloss => "logloss",
            Auc => "auc",
            PrAuc => "pr_auc",
            Gini => "gini",
            Accuracy => "accuracy",
            F1 => "f1",
            Mcc => "mcc",
            MeanPerClassError => "mean_per_class_error",
            Mse => "mse",
            Rmse => "rmse",
            Mae => "mae",
            Rmsle => "rmsle",
            R2 => "r2",
            MeanResidualDeviance => "mean_residual_deviance",
        }
    }

    /// Its value, if it is among them.
    pub fn of(self, metrics: &Metrics) -> Option<f64> {
        match self {
            Logloss => metrics.logloss,
            Auc => metrics.auc,
            PrAuc => metrics.pr_auc,
            Gini => metrics.gini,
            Accuracy => metrics.accuracy,
            F1 => metrics.f1,
            Mcc => metrics.mcc,
            MeanPerClassError => metrics.mean_per_class_error,
            Mse => metrics.mse,
            Rmse => metrics.rmse,
            Mae => metrics.mae,
            Rmsle => metrics.rmsle,
            R2 => metrics.r2,
            MeanResidualDeviance => metrics.mean_residual_deviance,
        }
    }

    /// Of the others, smaller is.
    pub fn larger_is_better(self) -> bool {
        matches!(self, Auc | PrAuc | Gini | Accuracy | F1 | Mcc | R2)
    }

    /// Whether `a` is strictly better than `b`.
    pub fn better(self, a: f64, b: f64) -> bool {
        if self.larger_is_better() { a > b } else { a < b }
    }

    /// What `auto` is: logloss for classes, mean_residual_deviance for numbers (H2O).
    pub fn auto(target: &Target) -> Self {
        match target {
            Target::Classes { .. } => Logloss,
            Target::Regression { .. } => MeanResidualDeviance,
        }
    }

    /// Whether it is reported of such a target.
    pub fn is_for(self, target: &Target) -> bool {
        match target {
            Target::Classes { levels, .. } => self.is_for_classes() || self.is_for_two_classes() && levels.len() == 2,
            Target::Regression { .. } => self.is_for_numbers(),
        }
    }

    pub(crate) fn is_for_numbers(self) -> bool {
        !self.is_for_classes() && !self.is_for_two_classes()
    }

    /// Of two classes alone.
    pub(crate) fn is_for_two_classes(self) -> bool {
        matches!(self, Auc | PrAuc | Gini | F1 | Mcc)
    }

    /// Of any number of classes.
    fn is_for_classes(self) -> bool {
        matches!(self, Logloss | Accuracy | MeanPerClassError)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn classes(levels: &[&str]) -> Target {
        Target::Classes { column: "y".into(), levels: levels.iter().map(|level| (*level).into()).collect() }
    }

    fn number() -> Target {
        Target::Regression { column: "y".into(), reading: None, mean: 0.0, deviation: 1.0 }
    }

    #[test]
    fn names_are_those_of_the_fields() {
        let order: std::collections::BTreeSet<_> = MetricName::ALL.into_iter().collect();
        assert_eq!(order.into_iter().collect::<Vec<_>>(), MetricName::ALL);
        for name in MetricName::ALL {
            assert_eq!(serde_json::to_value(name).unwrap(), name.name());
            let metrics: Metrics = serde_json::from_value(serde_json::json!({ "rows": 1, name.name(): 0.25 })).unwrap();
            for other in MetricName::ALL {
                assert_eq!(other.of(&metrics), (other == name).then_some(0.25), "{other:?} where {name:?} is");
            }
        }
    }

    #[test]
    fn targets_have_metrics_of_their_own() {
        let of = |target: &Target| {
            let names = MetricName::ALL.into_iter().filter(|name| name.is_for(target)).map(MetricName::name);
            names.collect::<Vec<_>>().join(" ")
        };
        assert_eq!(of(&classes(&["a", "b"])), "logloss auc pr_auc gini accuracy f1 mcc mean_per_class_error");
        assert_eq!(of(&classes(&["a", "b", "c"])), "logloss accuracy mean_per_class_error");
        assert_eq!(of(&number()), "mse rmse mae rmsle r2 mean_residual_deviance");
        for target in [classes(&["a", "b"]), classes(&["a", "b", "c"]), number()] {
            assert!(MetricName::auto(&target).is_for(&target));
        }
    }

    #[test]
    fn better_is_strict() {
        assert!(Auc.better(0.7, 0.6) && !Auc.better(0.6, 0.6) && !Auc.better(0.5, 0.6));
        assert!(Rmse.better(0.5, 0.6) && !Rmse.better(0.6, 0.6) && !Rmse.better(0.7, 0.6));
        assert!(!Auc.better(f64::NAN, 0.5) && !Rmse.better(f64::NAN, 0.5));
        let larger = MetricName::ALL.into_iter().filter(|name| name.larger_is_better()).map(MetricName::name);
        assert_eq!(larger.collect::<Vec<_>>().join(" "), "auc pr_auc gini accuracy f1 mcc r2");
    }
}
