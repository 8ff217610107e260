//! How far a running job is, for whoever waits for it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The steps of a training job in their order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// Fetching the table.
    Loading,
    /// Writing the data report.
    Exploring,
    /// Choosing and preparing features, splitting.
    Preparing,
    /// Fitting and comparing models.
    Training,
    /// Measuring the chosen model on the hold-out.
    Evaluating,
    /// Writing and checking the model file.
    Exporting,
    /// Writing the training report.
    Reporting,
}

/// A running job's latest news.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Progress {
    /// The current step.
    pub phase: Phase,
    /// Seconds since the job started.
    pub elapsed_seconds: f64,
    /// Validation score of the best model so far, in the metric's own direction.
    pub best_score: Option<f64>,
    /// The metric of `best_score`.
    pub best_metric: Option<String>,
    /// The model that has it.
    pub best_estimator: Option<String>,
    /// How many candidate models have been fitted.
    pub candidates_tried: u32,
}
