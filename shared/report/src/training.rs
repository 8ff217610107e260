//! The training report: how good the model is and what to beware of, where it is right and wrong, how it came about, what it looks at, and
//! how it is used.

mod features;
mod labels;
mod numbers;
mod probabilities;
mod provenance;
mod search;
mod shap;
mod verdict;
mod weak;

use std::collections::BTreeMap;

use domain::{CalibrationOutcome, Family, Finding, Metric, Metrics, PreprocessingInfo, ProblemType, Timestamp, Validation};
use maud::{Markup, html};

pub use probabilities::how_calibrated;
pub use verdict::{beware, how_judged};

use crate::{
    format::{count, format_time, label},
    page::{card, name, page, problem_badge, tiles},
};

/// What the training report tells.
#[derive(Debug, Clone, PartialEq)]
pub struct TrainingReport {
    /// The job's identifier, or what else names this training.
    pub job: String,
    /// The column that is predicted.
    pub target: String,
    /// Classification or regression.
    pub problem_type: ProblemType,
    /// What was optimised.
    pub metric: Metric,
    /// Measured on rows that the measured models did not learn from, with intervals.
    pub metrics: Metrics,
    /// How the model was judged.
    pub validation: Validation,
    /// Whether the probabilities are calibrated, and why; `None` for regression.
    pub calibration: Option<CalibrationOutcome>,
    /// What one gets without effort, measured on the same rows; the one that knows nothing first.
    pub baselines: Vec<(String, Metrics)>,
    /// The candidates, best first.
    pub leaderboard: Vec<LeaderboardRow>,
    /// The best validation score so far, by seconds.
    pub history: Vec<(f64, f64)>,
    /// Whether the search ended because more of it no longer helped.
    pub converged: bool,
    /// Whether the search was told to stop before that.
    pub interrupted: bool,
    /// Share of each feature in what the model does, descending.
    pub importances: Vec<(String, f64)>,
    /// By how much the metric gets worse when a feature's values are swapped between rows: the mean and the deviation, the largest first.
    pub permutation: Vec<(String, f64, f64)>,
    /// What the features add to predictions, the one that adds most first.
    pub contributions: Vec<Contribution>,
    /// How the mean prediction moves with a feature.
    pub effects: Vec<Effect>,
    /// How many of the judged rows the three looked at.
    pub explained_rows: ExplainedRows,
    /// The judged rows against their predictions.
    pub judged: Judged,
    /// The rows that the model got most wrong, the worst first.
    pub hardest: Vec<HardRow>,
    /// Parts of the table where the model is weakest, the worst first.
    pub segments: Vec<Segment>,
    /// The model's inputs and the columns that it does not use.
    pub preprocessing: PreprocessingInfo,
    /// What was found in the table before training, the most severe first.
    pub findings: Vec<Finding>,
    /// How the model came about.
    pub configuration: Configuration,
    /// When the training ended.
    pub created_at: Timestamp,
}

/// How many of the judged rows each part of the explanation looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ExplainedRows {
    /// Rows whose values were swapped.
    pub permutation: u64,
    /// How often each feature's were.
    pub repeats: u64,
    /// Rows with SHAP values.
    pub contributions: u64,
    /// Rows that the effects are the mean of.
    pub effects: u64,
}

/// A model that was tried.
#[derive(Debug, Clone, PartialEq)]
pub struct LeaderboardRow {
    /// Its name.
    pub name: String,
    /// Its family.
    pub family: Family,
    /// Its hyperparameters by name.
    pub parameters: Vec<(String, String)>,
    /// Its score in validation.
    pub score: f64,
    /// Seconds that fitting it took.
    pub fit_seconds: f64,
    /// Seconds that predicting a thousand rows took.
    pub predict_seconds: f64,
    /// Bytes that it takes of a model file, about.
    pub bytes: u64,
    /// Its trees, over all folds.
    pub trees: usize,
    /// Its share of the final model; 0 when it is not part of it.
    pub weight: f64,
}

/// The judged rows against their predictions.
#[derive(Debug, Clone, PartialEq)]
pub enum Judged {
    /// Labels.
    Labels {
        /// The labels.
        labels: Vec<String>,
        /// By row, the position of the actual label.
        actual: Vec<u32>,
        /// By row, the position of the chosen label.
        chosen: Vec<u32>,
        /// Row-major `rows × labels`.
        probabilities: Vec<f32>,
        /// The second of two labels is chosen above this probability.
        threshold: f64,
    },
    /// (actual, predicted) for each row.
    Numbers(Vec<(f64, f64)>),
}

/// How the mean prediction moves with a feature when all else stays.
#[derive(Debug, Clone, PartialEq)]
pub struct Effect {
    /// The feature, or which part of it.
    pub feature: String,
    /// Where it was looked at.
    pub places: Places,
    /// The mean predictions there, at least one curve.
    pub curves: Vec<Curve>,
}

/// Where an effect was looked at.
#[derive(Debug, Clone, PartialEq)]
pub enum Places {
    /// Numbers, ascending.
    Numbers(Vec<f64>),
    /// Categories, the most frequent first.
    Categories(Vec<String>),
}

/// Mean predictions at some places.
#[derive(Debug, Clone, PartialEq)]
pub struct Curve {
    /// The label whose probability it is; `None` where there is one prediction only.
    pub label: Option<String>,
    /// One for each place.
    pub means: Vec<f64>,
}

/// What a feature adds to predictions: its SHAP values.
#[derive(Debug, Clone, PartialEq)]
pub struct Contribution {
    /// The feature.
    pub feature: String,
    /// The mean of their absolute values.
    pub mean: f64,
    /// For some rows the feature's value, where values have an order and it is not missing, and what it adds there.
    pub points: Vec<(Option<f64>, f64)>,
}

/// A row that the model got wrong.
#[derive(Debug, Clone, PartialEq)]
pub struct HardRow {
    /// Its number in the table, from 1.
    pub row: Option<u64>,
    /// What it is.
    pub actual: String,
    /// What was predicted.
    pub predicted: String,
    /// The probability of the actual label, or the error.
    pub figure: f64,
    /// Its values of the features that matter most.
    pub cells: Vec<(String, String)>,
}

/// Rows of one kind.
#[derive(Debug, Clone, PartialEq)]
pub struct Segment {
    /// The feature.
    pub feature: String,
    /// Its values there.
    pub values: String,
    /// How many of the judged rows.
    pub rows: u64,
    /// The mean loss of those rows: the log loss, or the absolute error.
    pub loss: f64,
    /// That of all judged rows.
    pub overall: f64,
}

/// How a model came about.
#[derive(Debug, Clone, PartialEq)]
pub struct Configuration {
    /// Seconds that the job was allowed.
    pub time_budget: f64,
    /// Rows of the table.
    pub rows: u64,
    /// Columns of the table.
    pub columns: u64,
    /// Rows that the model learned from in the end.
    pub train_rows: u64,
    /// Rows that were read where memory did not do for all of them.
    pub sampled_rows: Option<u64>,
    /// Rows that it was judged on.
    pub judged_rows: u64,
    /// Rows left out because the target is missing, or counts nothing.
    pub dropped_rows: u64,
    /// What a person decided, by name.
    pub settings: Vec<(String, String)>,
    /// Seed of every random choice.
    pub seed: u64,
    /// Versions of this product (`automl`), of the compiler and of the libraries that compute, by name.
    pub versions: BTreeMap<String, String>,
    /// What identifies the data: `blake3:` and its BLAKE3 hash in hex.
    pub data_fingerprint: String,
}

/// The training report as an HTML document.
pub fn training_report(report: &TrainingReport) -> String {
    let title = format!("Training Report - {}", label(&report.job));
    let lead = html! { p { "A model of " bdi { (label(&report.target)) } ", " (how_judged(report.validation, report.configuration.judged_rows)) } };
    let sections = html! {
        (verdict::first_screen(report))
        (summary(report))
        (verdict::metrics(report))
        (judged(report))
        (search::learning_curve(report))
        (search::leaderboard(report))
        (features::importances(report))
        (shap::contributions(report))
        (features::effects(report))
        (weak::segments(report))
        (weak::hardest(report))
        (provenance::preprocessing(&report.preprocessing))
        (provenance::configuration(&report.configuration, &report.metrics.best_estimator))
        (provenance::usage(report))
    };
    let footer = html! { p { "Generated " (moment(report.created_at)) " by AutoML " (label(report.configuration.versions.get("automl").map_or("", String::as_str))) } };
    page(&title, &lead, &sections, &footer)
}

fn judged(report: &TrainingReport) -> Markup {
    match &report.judged {
        Judged::Labels { actual, .. } if actual.is_empty() => html! {},
        Judged::Numbers(pairs) if pairs.is_empty() => html! {},
        Judged::Labels { labels, actual, chosen, probabilities, threshold } => {
            labels::cards(&labels::Rows { labels, actual, chosen, probabilities, threshold: *threshold }, report.calibration)
        }
        Judged::Numbers(pairs) => numbers::cards(pairs),
    }
}

fn summary(report: &TrainingReport) -> Markup {
    let ended = if report.converged { " (stopped early)" } else { "" };
    let figures = [
        ("Best model", name(&report.metrics.best_estimator)),
        ("Training time", html! { (format_time(report.metrics.training_time)) (ended) }),
        ("Models tried", html! { (count(report.leaderboard.len() as u64)) }),
        ("Features used", html! { (count(report.preprocessing.feature_count as u64)) }),
        ("Target", name(&report.target)),
        ("Problem type", problem_badge(report.problem_type)),
    ];
    card("Training Summary", &tiles(&figures))
}

/// `2026-01-31 12:00:00 UTC`.
fn moment(at: Timestamp) -> String {
    let stored = at.to_string();
    let (date, time) = stored.split_once('T').unwrap_or((&stored, ""));
    format!("{date} {} UTC", time.split('.').next().unwrap_or(time))
}

/// A metric's value as people read it.
fn figure(metric: Metric, value: f64) -> String {
    match metric {
        Metric::Accuracy | Metric::BalancedAccuracy | Metric::Mape => crate::format::percent(value),
        Metric::Rmse | Metric::Mae | Metric::MedianAe => crate::format::number(value),
        _ => format!("{value:.4}"),
    }
}
