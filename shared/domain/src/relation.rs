//! How the target goes with each feature alone, from a sample of the rows.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The target against all features.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
pub struct TargetRelations {
    /// Rows that were looked at.
    pub rows: u64,
    /// The classes whose shares the groups give, the most frequent first; none of a numeric target.
    pub classes: Vec<String>,
    /// One for each feature, the most telling first.
    pub features: Vec<TargetRelation>,
}

/// The target against one feature.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
pub struct TargetRelation {
    /// The feature's column.
    pub column: String,
    /// From 0, it tells nothing, to 1, it tells all: the share of the target's variance (of classes: of the indicators of all of them) that
    /// groups of this feature explain in rows in which they were not made. Of two numbers it is the square of their
    /// correlation, or of that of their ranks, where that is more.
    pub score: f64,
    /// Whether it is the target in other words: each of its values stands for one class, or a numeric target grows with it, in
    /// proportion or on another scale.
    pub is_copy: bool,
    /// Groups of rows by the feature's value, in its order or the most frequent first.
    pub groups: Vec<TargetGroup>,
}

/// Rows that are alike in one feature.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
pub struct TargetGroup {
    /// Their value or its range.
    pub label: String,
    /// How many were looked at.
    pub rows: u64,
    /// The mean of a numeric target.
    pub mean: Option<f64>,
    /// The share of each class in [`TargetRelations::classes`].
    pub shares: Vec<f64>,
}

/// The score from which a feature tells almost all.
const NEARLY_ALL: f64 = 0.95;

impl TargetRelations {
    /// The relation of that column.
    pub fn of(&self, column: &str) -> Option<&TargetRelation> {
        self.features.iter().find(|relation| relation.column == column)
    }
}

impl TargetRelation {
    /// Whether it alone tells the target almost perfectly.
    pub fn tells_nearly_all(&self) -> bool {
        self.is_copy || self.score >= NEARLY_ALL
    }
}
