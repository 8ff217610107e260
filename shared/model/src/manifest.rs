//! What a model file says of itself: stored in the file's `metadata_props` under `manifest`, and as `manifest.json` beside it.

use std::collections::BTreeMap;

use domain::{Metrics, NumericRange, ProblemType, Timestamp};
use serde::{Deserialize, Serialize};

use crate::{Feature, FeatureKind, Label, ModelCard, Reference};

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
    /// The second of two labels is chosen when its probability is above this; above a half when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub threshold: Option<f32>,
    /// Range of each numeric feature in the training data.
    pub numeric_stats: BTreeMap<String, NumericRange>,
    /// Measured on rows that the measured models did not learn from; the card says on which.
    pub metrics: Metrics,
    /// Share of each feature, descending, summing to 1.
    pub importances: Vec<(String, f64)>,
    /// What identifies the uploaded file: `blake3:` and its BLAKE3 hash in hex.
    pub data_fingerprint: String,
    /// When the model was trained.
    pub created_at: Timestamp,
    /// The version of this product that trained it.
    pub product_version: String,
    /// What someone should know before relying on it; models of before cards have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub card: Option<ModelCard>,
    /// What the training rows looked like; models of before drift have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<Reference>,
}

impl Manifest {
    /// The width of a batch's `numbers`.
    pub fn numbers(&self) -> usize {
        self.features.iter().map(|feature| feature.kind.numbers()).sum()
    }

    /// Features whose values are texts of a batch.
    pub(crate) fn categorical(&self) -> impl Iterator<Item = &Feature> {
        self.features.iter().filter(|feature| matches!(feature.kind, FeatureKind::Categorical { .. }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_model_of_before_cards_and_drift_has_none() {
        let stored = r#"{"format_version": 1, "problem_type": "regression", "target": "price", "features": [], "labels": [], "numeric_stats": {},
            "metrics": {"r2_score": 0.9, "training_time": 1.0, "best_estimator": "linear"}, "importances": [], "data_fingerprint": "blake3:00",
            "created_at": "2026-01-31T12:00:00.000000+00:00", "product_version": "0.1.0"}"#;
        let manifest: Manifest = serde_json::from_str(stored).unwrap();
        assert_eq!((manifest.card, manifest.reference, manifest.metrics.r2_score), (None, None, Some(0.9)));
    }
}
