//! What a finished job tells its clients about the model's inputs: which fields a form needs, their types, ranges and choices.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How a feature is entered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum FeatureType {
    /// A number; missing is allowed.
    Numeric,
    /// One of a list of texts; others are treated as unknown.
    Categorical,
}

/// The range of a numeric feature in the training data.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct NumericRange {
    /// Smallest finite value.
    pub min: f64,
    /// Largest finite value.
    pub max: f64,
    /// Whether every value is a whole number.
    pub is_integer: bool,
}

/// The inputs of a model in the training order, and how its outputs are coded.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct PreprocessingInfo {
    /// Names of the features in the order of the table.
    pub feature_columns: Vec<String>,
    /// Their number.
    pub feature_count: usize,
    /// Columns that the model does not use; `None` when it uses all.
    pub dropped_columns: Option<Vec<String>>,
    /// Their number; `None` when the model uses all.
    pub dropped_count: Option<usize>,
    /// Why each dropped column is not used.
    #[serde(default)]
    pub dropped_reasons: BTreeMap<String, String>,
    /// Type of each feature.
    pub feature_types: BTreeMap<String, FeatureType>,
    /// Category → code of each categorical feature; codes are positions in the sorted list of categories.
    pub categorical_mappings: BTreeMap<String, BTreeMap<String, u32>>,
    /// Range of each numeric feature.
    pub numeric_stats: BTreeMap<String, NumericRange>,
    /// Numeric features in order.
    pub numeric_columns: Vec<String>,
    /// Categorical features in order.
    pub categorical_columns: Vec<String>,
    /// Features that hold dates, in order; their type is categorical for older clients, but any date may be sent.
    #[serde(default)]
    pub date_columns: Vec<String>,
    /// Features that hold texts, and the words whose presence is learned; their type is categorical for older clients, but any text may be
    /// sent.
    #[serde(default)]
    pub text_words: BTreeMap<String, Vec<String>>,
    /// What a prediction's code means (`{"0": "no", "1": "yes"}`), the identity for numeric labels; `None` for regression.
    pub target_mapping: Option<BTreeMap<String, String>>,
}
