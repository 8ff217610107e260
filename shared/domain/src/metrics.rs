//! How good a model is on rows that it never saw.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Metric;

/// Metrics of a finished job, measured on rows that its models did not learn from. Those of the other problem type are `None`. Precision,
/// recall and F1 are averaged over the classes weighted by support, 0 where a class is never predicted.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
pub struct Metrics {
    /// Share of rows with the right label.
    pub accuracy: Option<f64>,
    /// Weighted F1.
    pub f1_score: Option<f64>,
    /// F1 of the second of two labels; the weighted one where there are more.
    #[serde(default)]
    pub f1: Option<f64>,
    /// Weighted precision.
    pub precision: Option<f64>,
    /// Weighted recall.
    pub recall: Option<f64>,
    /// Mean negative log-likelihood of the true label, in nats.
    #[serde(default)]
    pub log_loss: Option<f64>,
    /// Area under the ROC curve; with more than two labels the mean over each label against the rest.
    #[serde(default)]
    pub roc_auc: Option<f64>,
    /// Average precision; with more than two labels the mean over each label against the rest.
    #[serde(default)]
    pub pr_auc: Option<f64>,
    /// Matthews' correlation coefficient.
    #[serde(default)]
    pub mcc: Option<f64>,
    /// Mean recall of the labels.
    #[serde(default)]
    pub balanced_accuracy: Option<f64>,
    /// Mean F1 of the labels.
    #[serde(default)]
    pub f1_macro: Option<f64>,
    /// Coefficient of determination.
    pub r2_score: Option<f64>,
    /// Root of the mean squared error, in the target's unit.
    pub rmse: Option<f64>,
    /// Mean absolute error, in the target's unit.
    pub mae: Option<f64>,
    /// Mean absolute error relative to the actual value, as a share, over the rows whose actual value is not 0.
    #[serde(default)]
    pub mape: Option<f64>,
    /// Root of the mean squared error of log(1 + value); none when a value is below 0.
    #[serde(default)]
    pub rmsle: Option<f64>,
    /// Median absolute error, in the target's unit.
    #[serde(default)]
    pub median_ae: Option<f64>,
    /// By the metric's or the field's name, where its value lies on other rows of this kind in 95 of 100 cases (percentile bootstrap).
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub intervals: BTreeMap<String, Interval>,
    /// Seconds that training took.
    pub training_time: f64,
    /// The name of the chosen model.
    pub best_estimator: String,
}

/// A confidence interval.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Interval {
    /// Its lower end.
    pub low: f64,
    /// Its upper end.
    pub high: f64,
}

impl Metrics {
    /// The one figure that a list shows: accuracy or R².
    pub fn primary(&self) -> Option<f64> {
        self.accuracy.or(self.r2_score)
    }

    /// The value of a metric, if it was measured.
    pub fn get(&self, metric: Metric) -> Option<f64> {
        match metric {
            Metric::LogLoss => self.log_loss,
            Metric::RocAuc => self.roc_auc,
            Metric::PrAuc => self.pr_auc,
            Metric::Accuracy => self.accuracy,
            Metric::BalancedAccuracy => self.balanced_accuracy,
            Metric::F1 => self.f1,
            Metric::F1Macro => self.f1_macro,
            Metric::Mcc => self.mcc,
            Metric::R2 => self.r2_score,
            Metric::Rmse => self.rmse,
            Metric::Mae => self.mae,
            Metric::Mape => self.mape,
            Metric::Rmsle => self.rmsle,
            Metric::MedianAe => self.median_ae,
        }
    }
}
