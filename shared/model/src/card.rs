//! The model card (Mitchell et al., 2019, "Model Cards for Model Reporting"): what a model is for, how it was judged and against what, how
//! it came about, and what to beware of. Part of the manifest, so that it goes wherever the model goes.

use std::collections::BTreeMap;

use domain::{CalibrationOutcome, Metrics, TrainingSettings, Validation};
use serde::{Deserialize, Serialize};

/// What someone should know before relying on a model. The metrics with their intervals are in the manifest itself.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ModelCard {
    /// What it is for, and what it is not for.
    pub intended_use: String,
    /// What to know before relying on the figures, in sentences; the training report begins with the same.
    pub beware: Vec<String>,
    /// How it was judged.
    pub validation: Validation,
    /// Rows that it was judged on.
    pub judged_rows: u64,
    /// Whether its probabilities are calibrated, and why; absent for regression, and in models of before calibration.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub calibration: Option<CalibrationOutcome>,
    /// What one gets without effort, measured on the same rows; the one that knows nothing first.
    pub baselines: Vec<Baseline>,
    /// Rows that it learned from in the end.
    pub training_rows: u64,
    /// Rows left out because the target is missing, or counts nothing.
    pub dropped_rows: u64,
    /// Columns left out, by name, and why.
    pub dropped_columns: BTreeMap<String, String>,
    /// What was decided about the training.
    pub settings: TrainingSettings,
    /// Seed of every random choice.
    pub seed: u64,
    /// Seconds that the job was allowed.
    pub time_budget: f64,
    /// Versions of this product, of the compiler and of the libraries that compute, by name.
    pub versions: BTreeMap<String, String>,
}

/// What one gets without effort.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Baseline {
    /// `majority`, `mean` or `linear`.
    pub name: String,
    /// Measured on the rows that the model was judged on.
    pub metrics: Metrics,
}
