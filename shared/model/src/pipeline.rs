//! A fitted model as plain data: everything that turns raw feature values into a prediction.
//!
//! A row is its *inputs*: those of each feature in feature order, then the looked-up ones. A numeric feature has one, the number itself,
//! `NaN` when missing. A date has one number for each of its parts, a text one for each of its lengths and of the words that count. A
//! categorical feature has one, its *code*: 0 when the text is missing or not among the categories, else 1 + its position in the sorted
//! list of categories. A looked-up input is a number that a table gives for a feature's code. All arithmetic is in `f32`, as in the ONNX
//! graph.
//!
//! ```text
//! prediction = Σ weightₘ · linkₘ(scoresₘ(row))        m over the members, weights sum to 1
//! ```
//!
//! Of labels these are probabilities, which a [`Calibration`] may correct.

use std::{fmt, ops::Deref};

use serde::{Deserialize, Serialize};

use crate::{DatePart, TextLength};

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
    /// A day or a moment, as text in any order that [`domain::date::Order`] knows; whoever calls the graph splits it into its parts.
    Date {
        /// The numbers that it becomes, all `NaN` when missing.
        parts: Vec<DatePart>,
        /// The day, counted from 1970, that elapsed days are counted from.
        origin: i64,
        /// Other date features; the days from each of them to this one are further numbers after the parts.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        since: Vec<String>,
    },
    /// A text that seldom repeats; whoever calls the graph reads its lengths and looks for the words, see [`domain::words`].
    Text {
        /// The counts that it becomes, `NaN` when missing.
        lengths: Vec<TextLength>,
        /// Words in small letters, distinct; after the lengths comes a number for each, 1 when the text has it, else 0, `NaN` when missing.
        words: Vec<String>,
    },
}

impl FeatureKind {
    /// How many numbers it takes of a batch's row.
    pub fn numbers(&self) -> usize {
        match self {
            Self::Numeric => 1,
            Self::Categorical { .. } => 0,
            Self::Date { parts, since, .. } => parts.len() + since.len(),
            Self::Text { lengths, words } => lengths.len() + words.len(),
        }
    }
}

/// A fitted model.
#[derive(Debug, Clone, PartialEq)]
pub struct Pipeline {
    /// What it predicts.
    pub task: Task,
    /// What it is given, in order.
    pub features: Vec<Feature>,
    /// The looked-up inputs, whose positions follow those of the features' inputs.
    pub lookups: Vec<Lookup>,
    /// Corrects the probabilities of labels; they are taken as they are when `None`.
    pub calibration: Option<Calibration>,
    /// The second of two labels is chosen when its probability is above this; above a half when `None`.
    pub threshold: Option<f32>,
    /// The ensemble, at least one member.
    pub members: Vec<Member>,
}

/// Makes probabilities that say too much, or too little, come true as often as they say:
///
/// ```text
/// calibrated[k] ∝ exp(slope · ln(p[k] + floor) + shift[k])      shift[k]: `shift` for the second of two labels, else 0
/// ```
///
/// Of two labels that is a line in the log-odds (Platt, 1999, "Probabilistic outputs for support vector machines"), of more a temperature of
/// 1 / slope (Guo et al., 2017, "On calibration of modern neural networks"): the order of rows stays, or that of each row's labels.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Calibration {
    /// Above 0; below 1 where the probabilities say too much.
    pub slope: f32,
    /// What the log-odds of the second of two labels are raised by; unused with more labels.
    pub shift: f32,
    /// Above 0, so that no probability is infinitely far from the others, and rounding errors of it stay small.
    pub floor: f32,
}

/// A number for each code of a categorical feature.
#[derive(Debug, Clone, PartialEq)]
pub struct Lookup {
    /// Position of the feature's input.
    pub input: u32,
    /// By code, 0 included.
    pub values: Vec<f32>,
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
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Link {
    /// The score is the number (regression).
    Identity,
    /// One score, the log-odds of the second label.
    Sigmoid,
    /// One score per label.
    Softmax,
    /// The number is the exponential of the score, which is cut off at 80.
    Exponential,
    /// One score, the probability of the second label, cut off at 0 and 1; or one score per label, which is that label's share once
    /// those below 0 are 0, all are raised a little, and all are divided by their sum.
    Shares,
}

/// The largest score whose exponential is taken.
pub(crate) const EXPONENT_LIMIT: f32 = 80.0;
/// What the scores of [`Link::Shares`] are raised by.
pub const SHARE_FLOOR: f32 = 1e-4;

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
    /// For each node, how many rows reached it as the tree was grown: what attributions weigh its sides by.
    pub covers: Vec<f32>,
}

/// The codes of a set, sorted, distinct, at least one; 0 stands for missing and unknown. A node holds them behind one pointer, so that the
/// many nodes without a set stay small.
#[derive(Debug, Clone, PartialEq)]
pub struct Codes(Vec<u32>);

impl Codes {
    /// Of codes that are sorted and distinct.
    pub fn of(sorted: Vec<u32>) -> Box<Self> {
        Box::new(Self(sorted))
    }
}

impl Deref for Codes {
    type Target = [u32];

    fn deref(&self) -> &[u32] {
        &self.0
    }
}

/// A node of a tree. Children are positions in the same tree, larger than the node's own.
#[derive(Debug, Clone, PartialEq)]
pub enum Node {
    /// Adds `value` to the score.
    Leaf {
        /// What is added.
        value: f32,
    },
    /// A number: left when `x <= threshold`, or when `x` is missing and `missing_left`.
    Threshold {
        /// Position of the input.
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
    /// A code: left when it is in `codes`.
    InSet {
        /// Position of the input.
        feature: u32,
        /// Those that go left.
        codes: Box<Codes>,
        /// The child when the test holds.
        left: u32,
        /// The other child.
        right: u32,
    },
}

/// The intercepts are the mean scores of the rows that were learned from: numbers are 0 at their mean, and each table's mean is 0.
///
/// score[k] = intercepts[k] + Σⱼ numeric[j].coefficients[k] · clip(((x or fill) − mean) / scale) + Σ tables[code][k], where clip cuts off
/// at ±10⁶.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Linear {
    /// One per score.
    pub intercepts: Vec<f32>,
    /// The numbers that it uses.
    pub numeric: Vec<Scaled>,
    /// For each categorical feature that it uses: the position of its input and, per code (0 included), one coefficient per score.
    pub categorical: Vec<(u32, Vec<Vec<f32>>)>,
}

/// A standardised numeric feature and its coefficients.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Scaled {
    /// Position of the input.
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
    /// Row-major `rows × numbers of all features` ([`FeatureKind::numbers`]), in feature order.
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
        /// Position of the chosen label: the most probable one, the first on ties, unless the pipeline has a threshold.
        labels: Vec<usize>,
        /// Row-major `rows × labels`; each row sums to 1.
        probabilities: Vec<f32>,
    },
}

/// For each input, those that are looked up included, the position of the feature that it belongs to.
pub fn feature_of_input(features: &[Feature], lookups: &[Lookup]) -> Vec<usize> {
    let inputs = |(position, feature): (usize, &Feature)| std::iter::repeat_n(position, feature.kind.numbers().max(1));
    let mut of_input: Vec<usize> = features.iter().enumerate().flat_map(inputs).collect();
    for lookup in lookups {
        of_input.push(of_input.get(lookup.input as usize).copied().unwrap_or(features.len()));
    }
    of_input
}

impl Scaled {
    /// A number as a linear model sees it: filled in, standardised and cut off.
    pub fn scaled(&self, value: f32) -> f32 {
        let value = if value.is_nan() { self.fill } else { value };
        ((value - self.mean) / self.scale).clamp(-SCALED_LIMIT, SCALED_LIMIT)
    }
}
