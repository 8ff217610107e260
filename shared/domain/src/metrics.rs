//! How good a model is on rows that it never saw.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Hold-out metrics of a finished job. Those of the other problem type are `None`. Precision, recall and F1 are averaged over the
/// classes weighted by support, 0 where a class is never predicted.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
pub struct Metrics {
    /// Share of rows with the right label.
    pub accuracy: Option<f64>,
    /// Weighted F1.
    pub f1_score: Option<f64>,
    /// Weighted precision.
    pub precision: Option<f64>,
    /// Weighted recall.
    pub recall: Option<f64>,
    /// Mean negative log-likelihood of the true label, in nats.
    #[serde(default)]
    pub log_loss: Option<f64>,
    /// Area under the ROC curve (binary only).
    #[serde(default)]
    pub roc_auc: Option<f64>,
    /// Coefficient of determination.
    pub r2_score: Option<f64>,
    /// Root of the mean squared error, in the target's unit.
    pub rmse: Option<f64>,
    /// Mean absolute error, in the target's unit.
    pub mae: Option<f64>,
    /// Seconds that training took.
    pub training_time: f64,
    /// The name of the chosen model.
    pub best_estimator: String,
}

impl Metrics {
    /// The one figure that a list shows: accuracy or R².
    pub fn primary(&self) -> Option<f64> {
        self.accuracy.or(self.r2_score)
    }
}
