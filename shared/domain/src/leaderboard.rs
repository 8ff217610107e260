//! All models that a training tried, as a file and as an answer.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Family, Metric};

/// All models that a training tried, best first.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Leaderboard {
    /// The metric of the scores.
    pub metric: Metric,
    /// Whether more of it is better.
    pub greater_is_better: bool,
    /// Whether the search ended before its time because more of it no longer helped.
    pub stopped_early: bool,
    /// Whether the search was ended from outside before its time, as when its machine is taken away.
    #[serde(default)]
    pub interrupted: bool,
    /// The models.
    pub models: Vec<RankedModel>,
}

/// A model that was tried.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RankedModel {
    /// Unique name.
    pub name: String,
    /// Its family.
    pub family: Family,
    /// Measured on rows that its models did not learn from.
    pub score: f64,
    /// Seconds that fitting it took.
    pub fit_seconds: f64,
    /// Seconds that predicting a thousand rows took all its models, on the machine of the training.
    #[serde(default)]
    pub predict_seconds: f64,
    /// Bytes that it takes of a model file, about.
    #[serde(default)]
    pub bytes: u64,
    /// Its trees, over all folds.
    pub trees: u64,
    /// Their nodes.
    pub nodes: u64,
    /// Boosting rounds, the mean over the folds; none for other models.
    pub rounds: Option<f64>,
    /// Its share of the final model; 0 when it is not part of it.
    pub weight: f64,
    /// Its parameters by name.
    pub parameters: BTreeMap<String, String>,
}
