//! What a model is judged by.

use std::{fmt, str::FromStr};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::ProblemType;

/// A figure of merit or of error.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Metric {
    /// Mean negative log-likelihood of the true label, in nats.
    LogLoss,
    /// Area under the ROC curve; with more than two labels the mean over each label against the rest.
    RocAuc,
    /// Average precision; with more than two labels the mean over each label against the rest.
    PrAuc,
    /// Share of rows with the right label.
    Accuracy,
    /// Mean recall of the labels.
    BalancedAccuracy,
    /// F1 of the second label; with more than two labels the mean weighted by their rows.
    F1,
    /// Mean F1 of the labels.
    F1Macro,
    /// Matthews' correlation coefficient (Gorodkin's for more than two labels).
    Mcc,
    /// Coefficient of determination.
    R2,
    /// Root of the mean squared error.
    Rmse,
    /// Mean absolute error.
    Mae,
    /// Mean absolute error relative to the actual value, as a share, over the rows whose actual value is not 0.
    Mape,
    /// Root of the mean squared error of log(1 + value).
    Rmsle,
    /// Median absolute error.
    MedianAe,
}

impl Metric {
    /// All of them, those of labels first.
    pub const ALL: [Self; 14] = [
        Self::LogLoss,
        Self::RocAuc,
        Self::PrAuc,
        Self::Accuracy,
        Self::BalancedAccuracy,
        Self::F1,
        Self::F1Macro,
        Self::Mcc,
        Self::R2,
        Self::Rmse,
        Self::Mae,
        Self::Mape,
        Self::Rmsle,
        Self::MedianAe,
    ];

    /// What it judges.
    pub fn problem_type(self) -> ProblemType {
        match self {
            Self::LogLoss | Self::RocAuc | Self::PrAuc | Self::Accuracy | Self::BalancedAccuracy | Self::F1 | Self::F1Macro | Self::Mcc => {
                ProblemType::Classification
            }
            Self::R2 | Self::Rmse | Self::Mae | Self::Mape | Self::Rmsle | Self::MedianAe => ProblemType::Regression,
        }
    }

    /// What is optimised where nothing else is asked for: the proper score of the problem.
    pub fn default_of(problem_type: ProblemType) -> Self {
        match problem_type {
            ProblemType::Classification => Self::LogLoss,
            ProblemType::Regression => Self::Rmse,
        }
    }

    /// Whether more is better.
    pub fn greater_is_better(self) -> bool {
        !matches!(self, Self::LogLoss | Self::Rmse | Self::Mae | Self::Mape | Self::Rmsle | Self::MedianAe)
    }

    /// Whether it looks at the chosen labels and not at the probabilities.
    pub fn judges_labels(self) -> bool {
        matches!(self, Self::Accuracy | Self::BalancedAccuracy | Self::F1 | Self::F1Macro | Self::Mcc)
    }

    /// Its name as in requests and files.
    pub fn name(self) -> &'static str {
        match self {
            Self::LogLoss => "log_loss",
            Self::RocAuc => "roc_auc",
            Self::PrAuc => "pr_auc",
            Self::Accuracy => "accuracy",
            Self::BalancedAccuracy => "balanced_accuracy",
            Self::F1 => "f1",
            Self::F1Macro => "f1_macro",
            Self::Mcc => "mcc",
            Self::R2 => "r2",
            Self::Rmse => "rmse",
            Self::Mae => "mae",
            Self::Mape => "mape",
            Self::Rmsle => "rmsle",
            Self::MedianAe => "median_ae",
        }
    }

    /// Its name for people.
    pub fn title(self) -> &'static str {
        match self {
            Self::LogLoss => "log loss",
            Self::RocAuc => "ROC AUC",
            Self::PrAuc => "PR AUC",
            Self::Accuracy => "accuracy",
            Self::BalancedAccuracy => "balanced accuracy",
            Self::F1 => "F1",
            Self::F1Macro => "macro F1",
            Self::Mcc => "MCC",
            Self::R2 => "R²",
            Self::Rmse => "RMSE",
            Self::Mae => "MAE",
            Self::Mape => "MAPE",
            Self::Rmsle => "RMSLE",
            Self::MedianAe => "median error",
        }
    }
}

impl fmt::Display for Metric {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// No metric that can be optimised.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("'{0}' is no metric that can be optimised; use one of {names}", names = optimisable())]
pub struct UnknownMetric(String);

fn optimisable() -> String {
    let names = Metric::ALL.iter().filter(|metric| **metric != Metric::MedianAe).map(|metric| metric.name());
    std::iter::once("auto").chain(names).collect::<Vec<_>>().join(", ")
}

/// The metric that a request asks to be optimised; `None` is `auto`. Names that other systems use are understood too.
pub fn asked_metric(text: &str) -> Result<Option<Metric>, UnknownMetric> {
    let name = text.trim().to_ascii_lowercase().replace(['-', ' '], "_");
    let metric = match name.as_str() {
        "auto" | "" => return Ok(None),
        "logloss" | "log_likelihood" | "cross_entropy" | "binary_logloss" | "multi_logloss" => Metric::LogLoss,
        "auc" | "roc" | "roc_auc_ovr" | "roc_auc_ovo" | "roc_auc_weighted" => Metric::RocAuc,
        "ap" | "average_precision" => Metric::PrAuc,
        "micro_f1" | "f1_micro" => Metric::Accuracy,
        "macro_f1" => Metric::F1Macro,
        "f1_weighted" => Metric::F1,
        "mse" | "mean_squared_error" | "root_mean_squared_error" => Metric::Rmse,
        "mean_absolute_error" => Metric::Mae,
        "r2_score" => Metric::R2,
        other => other.parse().ok().filter(|metric| *metric != Metric::MedianAe).ok_or_else(|| UnknownMetric(text.to_owned()))?,
    };
    Ok(Some(metric))
}

impl FromStr for Metric {
    type Err = UnknownMetric;

    fn from_str(text: &str) -> Result<Self, UnknownMetric> {
        Self::ALL.into_iter().find(|metric| metric.name() == text).ok_or_else(|| UnknownMetric(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_the_files() {
        for metric in Metric::ALL {
            assert_eq!(serde_json::to_value(metric).unwrap(), metric.name());
            assert_eq!(metric.name().parse(), Ok(metric));
        }
    }

    #[test]
    fn what_is_asked_may_be_said_in_other_words() {
        assert_eq!(asked_metric("auto"), Ok(None));
        assert_eq!(asked_metric("MSE"), Ok(Some(Metric::Rmse)));
        assert_eq!(asked_metric("macro-F1"), Ok(Some(Metric::F1Macro)));
        let error = asked_metric("speed").unwrap_err().to_string();
        assert!(error.starts_with("'speed' is no metric that can be optimised; use one of auto, log_loss, roc_auc"), "{error}");
        assert!(asked_metric("median_ae").is_err());
    }
}
