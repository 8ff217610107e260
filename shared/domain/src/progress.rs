//! How far a running job is, for whoever waits for it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The steps of a job in their order: those of a training, and that of a prediction once its table is there.
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
    /// Predicting rows.
    Predicting,
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
    /// How many rows have been predicted …
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rows_done: Option<u64>,
    /// … and how many there are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rows: Option<u64>,
}

impl Progress {
    /// The news that a step begins, and nothing more.
    pub fn entering(phase: Phase, elapsed_seconds: f64) -> Self {
        Self {
            phase,
            elapsed_seconds,
            best_score: None,
            best_metric: None,
            best_estimator: None,
            candidates_tried: 0,
            rows_done: None,
            rows: None,
        }
    }
}
