//! A fitted model as plain data: everything that turns raw feature values into a prediction.
//!
//! A row is `features.len()` values in feature order. A numeric feature's value is the number itself, `NaN` when missing. A
//! categorical feature's value is its *code*: 0 when the text is missing or not among the categories, else 1 + its position in the
//! sorted list of categories. All arithmetic is in `f32`, as in the ONNX graph.
//!
//! ```text
//! prediction = Σ weightₘ · linkₘ(scoresₘ(row))        m over the members, weights sum to 1
//! ```

use std::fmt;

use serde::{Deserialize, Serialize};

/// A standardised value is cut off here, so that no input, however large, makes a linear model's output infinite.
pub(crate) const SCALED_LIMIT: f32 = 1e6;

/// What is predicted and how outputs are named.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "type")]
pub enum Task {
    /// One number per row.
    Regression,
    /// One of `labels`, at least two, sorted. With two, a member has one score (of the second label); with more, one per label.
    Classification {
        /// The labels in the order of the probabilities.
        labels: Vec<Label>,
    },
}

/// A class label as it stood in the table.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Label {
    /// A numeric target's value.
    Number(f64),
    /// A text or boolean target's value.
    Text(String),
}

impl fmt::Display for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => number.fmt(f),
            Self::Text(text) => text.fmt(f),
        }
    }
}

/// One input column.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Feature {
    /// The column's name.
    pub name: String,
    /// How its values are read.
    #[serde(flatten)]
    pub kind: FeatureKind,
}

/// How a feature's values are read.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "type")]
pub enum FeatureKind {
    /// A number, `NaN` when missing.
    Numeric,
    /// A text; code 0 when missing or not listed.
    Categorical {
        /// Known texts, sorted by code point, distinct; text *k* has code *k* + 1.
        categories: Vec<String>,
    },
}

/// A fitted model.
#[derive(Debug, Clone, PartialEq)]
pub struct Pipeline {
    /// What it predicts.
    pub task: Task,
    /// Its inputs in order.
    pub features: Vec<Feature>,
    /// The ensemble, at least one member.
    pub members: Vec<Member>,
}

/// One model of the ensemble.
#[derive(Debug, Clone, PartialEq)]
pub struct Member {
    /// Its name on the leaderboard.
    pub name: String,
    /// Its share of the prediction; the members' weights sum to 1.
    pub weight: f32,
    /// Scores → member output (a number, or probabilities).
    pub link: Link,
    /// Row → scores.
    pub model: Fitted,
}

/// From scores to a member's output.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Link {
    /// The score is the number (regression).
    Identity,
    /// One score, the log-odds of the second label.
    Sigmoid,
    /// One score per label.
    Softmax,
}

/// Row → scores.
#[derive(Debug, Clone, PartialEq)]
pub enum Fitted {
    /// A sum of trees.
    Trees(Forest),
    /// An affine function.
    Linear(Linear),
}

/// score[k] = base[k] + Σ leaf values of the trees of output k.
#[derive(Debug, Clone, PartialEq)]
pub struct Forest {
    /// Start value of each score.
    pub base: Vec<f32>,
    /// The trees of all scores.
    pub trees: Vec<Tree>,
}

/// A binary tree; node 0 is the root and children follow their parents.
#[derive(Debug, Clone, PartialEq)]
pub struct Tree {
    /// The score that its leaves add to.
    pub output: u32,
    /// Its nodes.
    pub nodes: Vec<Node>,
}

/// A node of a tree. Children are positions in the same tree, larger than the node's own.
#[derive(Debug, Clone, PartialEq)]
pub enum Node {
    /// Adds `value` to the score.
    Leaf {
        /// What is added.
        value: f32,
    },
    /// A numeric feature: left when `x <= threshold`, or when `x` is missing and `missing_left`.
    Threshold {
        /// Position of the feature.
        feature: u32,
        /// Finite.
        threshold: f32,
        /// Where a missing value goes.
        missing_left: bool,
        /// The child when the test holds.
        left: u32,
        /// The other child.
        right: u32,
    },
    /// A categorical feature: left when its code is in `codes`.
    InSet {
        /// Position of the feature.
        feature: u32,
        /// Codes, sorted, distinct, at least one; 0 stands for missing and unknown.
        codes: Vec<u32>,
        /// The child when the test holds.
        left: u32,
        /// The other child.
        right: u32,
    },
}

/// score[k] = intercepts[k] + Σⱼ numeric[j].coefficients[k] · clip(((x or fill) − mean) / scale) + Σ tables[code][k], where clip cuts off
/// at ±10⁶.
#[derive(Debug, Clone, PartialEq)]
pub struct Linear {
    /// One per score.
    pub intercepts: Vec<f32>,
    /// The numeric features that it uses.
    pub numeric: Vec<Scaled>,
    /// For each categorical feature that it uses: its position and, per code (0 included), one coefficient per score.
    pub categorical: Vec<(u32, Vec<Vec<f32>>)>,
}

/// A standardised numeric feature and its coefficients.
#[derive(Debug, Clone, PartialEq)]
pub struct Scaled {
    /// Position of the feature.
    pub feature: u32,
    /// Stands for a missing value.
    pub fill: f32,
    /// Subtracted.
    pub mean: f32,
    /// Divided by; above 0.
    pub scale: f32,
    /// One per score.
    pub coefficients: Vec<f32>,
}

/// Raw values of some rows.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Batch {
    /// Number of rows.
    pub rows: usize,
    /// Row-major `rows × numeric features`, in feature order.
    pub numbers: Vec<f32>,
    /// Per categorical feature in feature order, one text per row; empty text stands for missing.
    pub texts: Vec<Vec<String>>,
}

/// Predictions for some rows, in their order.
#[derive(Debug, Clone, PartialEq)]
pub enum Predictions {
    /// One number per row.
    Numbers(Vec<f32>),
    /// One label per row.
    Classes {
        /// Position of the most probable label; the first on ties.
        labels: Vec<usize>,
        /// Row-major `rows × labels`; each row sums to 1.
        probabilities: Vec<f32>,
    },
}

/// A numeric feature as a linear model sees it, before it is cut off.
pub(crate) fn scaled(term: &Scaled, value: f32) -> f32 {
    let value = if value.is_nan() { term.fill } else { value };
    (value - term.mean) / term.scale
}
