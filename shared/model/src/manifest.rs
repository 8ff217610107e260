//! What a model file says of itself: stored in the file's `metadata_props` under `manifest`, and as `manifest.json` beside it.

use std::collections::BTreeMap;

use domain::{Metrics, NumericRange, ProblemType, Timestamp};
use serde::{Deserialize, Serialize};

use crate::{Feature, FeatureKind, Label};

/// The version of the file's format that this code writes, and the newest that it reads.
pub const FORMAT_VERSION: u32 = 1;

/// A model's description.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    /// Version of the file's format.
    pub format_version: u32,
    /// Classification or regression.
    pub problem_type: ProblemType,
    /// The column that it predicts.
    pub target: String,
    /// Its inputs in order.
    pub features: Vec<Feature>,
    /// The labels in the order of the probabilities; empty for regression.
    pub labels: Vec<Label>,
    /// Range of each numeric feature in the training data.
    pub numeric_stats: BTreeMap<String, NumericRange>,
    /// Measured on the hold-out.
    pub metrics: Metrics,
    /// Share of each feature, descending, summing to 1.
    pub importances: Vec<(String, f64)>,
    /// What identifies the uploaded file: `blake3:` and its BLAKE3 hash in hex.
    pub data_fingerprint: String,
    /// When the model was trained.
    pub created_at: Timestamp,
    /// The program that trained it.
    pub product_version: String,
}

impl Manifest {
    /// Number of numeric features: the width of a batch's `numbers`.
    pub fn numeric_features(&self) -> usize {
        self.features.iter().filter(|feature| feature.kind == FeatureKind::Numeric).count()
    }
}
