//! The training report: which model was chosen, how good it is on rows that it never saw, what it looks at, and how it came about.

mod charts;
mod provenance;

use domain::{Metrics, PreprocessingInfo, ProblemType, Timestamp};
use maud::{Markup, html};

use crate::{
    chart::bar,
    format::{count, counted, format_time, label, number, percent, share},
    page::{Tone, card, first_of, note, page, problem_badge, table, tiles},
};

/// The most candidates listed on the leaderboard.
const MAX_CANDIDATES: usize = 50;
/// The most hyperparameters named for each.
const MAX_PARAMETERS: usize = 20;

/// What the training report tells.
#[derive(Debug, Clone, PartialEq)]
pub struct TrainingReport {
    /// The job's identifier, or what else names this training.
    pub job: String,
    /// The column that is predicted.
    pub target: String,
    /// Classification or regression.
    pub problem_type: ProblemType,
    /// Measured on the hold-out.
    pub metrics: Metrics,
    /// The metric of the leaderboard's scores.
    pub validation_metric: String,
    /// The candidates, best first.
    pub leaderboard: Vec<LeaderboardRow>,
    /// Share of each feature, descending.
    pub importances: Vec<(String, f64)>,
    /// The hold-out's rows against their predictions.
    pub holdout: Holdout,
    /// The model's inputs and the columns that it does not use.
    pub preprocessing: PreprocessingInfo,
    /// How the model came about.
    pub configuration: Configuration,
    /// When the training ended.
    pub created_at: Timestamp,
}

/// A model that was tried.
#[derive(Debug, Clone, PartialEq)]
pub struct LeaderboardRow {
    /// Its name.
    pub name: String,
    /// Its hyperparameters by name.
    pub parameters: Vec<(String, f64)>,
    /// Its score in validation.
    pub score: f64,
    /// Seconds that fitting it took.
    pub fit_seconds: f64,
    /// Its share of the final model; 0 when it is not part of it.
    pub weight: f64,
}

/// Predictions for the hold-out.
#[derive(Debug, Clone, PartialEq)]
pub enum Holdout {
    /// `counts[actual][predicted]`, both in the order of `labels`.
    Confusion {
        /// The class labels.
        labels: Vec<String>,
        /// Rows for each pair of labels.
        counts: Vec<Vec<u64>>,
    },
    /// (actual, predicted) for each row.
    Pairs(Vec<(f64, f64)>),
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
    /// Rows that the model learned from.
    pub train_rows: u64,
    /// Rows that it was measured on.
    pub holdout_rows: u64,
    /// Rows left out because the target is missing.
    pub dropped_rows: u64,
    /// Seed of every random choice.
    pub seed: u64,
    /// Version of this product.
    pub version: String,
    /// What identifies the data: `blake3:` and its BLAKE3 hash in hex.
    pub data_fingerprint: String,
}

/// The training report as an HTML document.
pub fn training_report(report: &TrainingReport) -> String {
    let title = format!("Training Report - {}", label(&report.job));
    let lead = html! {
        p {
            "A model of " bdi { (label(&report.target)) } ", measured on " (counted(report.configuration.holdout_rows, "row", "rows"))
            " that it never saw"
        }
    };
    let sections = html! {
        (summary(report))
        (metrics(&report.metrics, &report.holdout))
        (leaderboard(&report.leaderboard, &report.validation_metric))
        (charts::importances(&report.importances))
        (charts::holdout(&report.holdout))
        (provenance::preprocessing(&report.preprocessing))
        (provenance::configuration(&report.configuration, &report.metrics.best_estimator))
    };
    let footer = html! { p { "Generated " (moment(report.created_at)) " by AutoML " (label(&report.configuration.version)) } };
    page(&title, &lead, &sections, &footer)
}

fn summary(report: &TrainingReport) -> Markup {
    let figures = [
        ("Best model", html! { (label(&report.metrics.best_estimator)) }),
        ("Training time", html! { (format_time(report.metrics.training_time)) }),
        ("Models tried", html! { (count(report.leaderboard.len() as u64)) }),
        ("Features used", html! { (count(report.preprocessing.feature_count as u64)) }),
        ("Target", html! { bdi { (label(&report.target)) } }),
        ("Problem type", problem_badge(report.problem_type)),
    ];
    card("Training Summary", &html! { (tiles(&figures)) (note(Tone::Good, &html! { "✓ Training completed." })) })
}

fn metrics(metrics: &Metrics, holdout: &Holdout) -> Markup {
    let plain = |value: f64| format!("{value:.4}");
    let known: Vec<(&str, Markup)> = [
        ("Accuracy", metrics.accuracy.map(percent)),
        ("F1 score", metrics.f1_score.map(plain)),
        ("Precision", metrics.precision.map(plain)),
        ("Recall", metrics.recall.map(plain)),
        ("ROC AUC", metrics.roc_auc.map(plain)),
        ("Log loss", metrics.log_loss.map(plain)),
        ("R²", metrics.r2_score.map(plain)),
        ("RMSE", metrics.rmse.map(number)),
        ("MAE", metrics.mae.map(number)),
    ]
    .into_iter()
    .filter_map(|(name, value)| Some((name, html! { (value?) })))
    .collect();
    card("Model Performance Metrics", &html! { (tiles(&known)) (verdict(metrics, holdout)) })
}

fn verdict(metrics: &Metrics, holdout: &Holdout) -> Markup {
    let (measured, excellent, good, name) = match (metrics.accuracy, metrics.r2_score) {
        (Some(accuracy), _) => (accuracy, 0.9, 0.7, "accuracy"),
        (None, Some(r2)) => (r2, 0.8, 0.5, "R²"),
        (None, None) => return html! {},
    };
    let (tone, verdict) = if measured >= excellent {
        (Tone::Good, "Excellent")
    } else if measured >= good {
        (Tone::Good, "Good")
    } else {
        (Tone::Fair, "Low")
    };
    let advice = if tone == Tone::Fair { " More rows, more telling features or a larger time budget may help." } else { "" };
    note(tone, &html! { (verdict) " " (name) " on the hold-out. " (baseline(holdout)) (advice) })
}

/// What a model without any feature would reach.
fn baseline(holdout: &Holdout) -> Markup {
    let Holdout::Confusion { counts, .. } = holdout else {
        return html! { "Always answering with the mean would score about 0." };
    };
    let of_class = |row: &Vec<u64>| row.iter().sum::<u64>();
    let (largest, all) = (counts.iter().map(of_class).max().unwrap_or(0), counts.iter().map(of_class).sum());
    html! { @if all > 0 { "Always answering with the most frequent class would reach " (percent(share(largest, all))) "." } }
}

fn leaderboard(candidates: &[LeaderboardRow], metric: &str) -> Markup {
    let rows = html! {
        @for candidate in candidates.iter().take(MAX_CANDIDATES) {
            tr {
                th scope="row" {
                    (label(&candidate.name)) @if candidate.weight > 0.0 { " " span.mark.kept { "CHOSEN" } }
                    @if !candidate.parameters.is_empty() { div.parameters { (parameters(&candidate.parameters)) } }
                }
                td.n { (number(candidate.score)) }
                td.n { (format_time(candidate.fit_seconds)) }
                td.n { @if candidate.weight > 0.0 { (percent(candidate.weight)) } @else { "–" } }
                td.picture { (bar(candidate.weight)) }
            }
        }
    };
    let head = html! { th { "Model" } th.n { "Validation " (label(metric)) } th.n { "Fit time" } th.n { "Weight" } th { "" } };
    let content = html! {
        (table("leaderboard", &head, &rows))
        (first_of(MAX_CANDIDATES, candidates.len(), "models"))
    };
    html! { @if !candidates.is_empty() { (card("Leaderboard", &content)) } }
}

/// `learning_rate 0.05 · num_leaves 31`.
fn parameters(parameters: &[(String, f64)]) -> String {
    parameters
        .iter()
        .take(MAX_PARAMETERS)
        .map(|(name, value)| format!("{} {}", label(name), number(*value)))
        .collect::<Vec<_>>()
        .join(" · ")
}

/// `2026-01-31 12:00:00 UTC`.
fn moment(at: Timestamp) -> String {
    let stored = at.to_string();
    let (date, time) = stored.split_once('T').unwrap_or((&stored, ""));
    format!("{date} {} UTC", time.split('.').next().unwrap_or(time))
}
