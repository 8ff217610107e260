//! How the model was found: the best score over time, and all that was tried.

use maud::{Markup, html};

use super::{LeaderboardRow, TrainingReport};
use crate::{
    chart::{Line, bar, lines},
    format::{bytes, count, cut, format_time, label, number, percent},
    page::{card, table},
};

/// The best candidates, which are listed beside the chosen ones.
const BEST_CANDIDATES: usize = 20;
/// The most candidates listed.
const MAX_CANDIDATES: usize = 60;
/// The most hyperparameters named for each.
const MAX_PARAMETERS: usize = 20;
/// A training that ended within this share of its time, and not because it no longer got better, had nothing left to try.
const NOTHING_LEFT: f64 = 0.5;
/// The most points of the curve.
const MAX_POINTS: usize = 300;

/// The best score against seconds; nothing when there is no course to show.
pub(crate) fn learning_curve(report: &TrainingReport) -> Markup {
    let history: Vec<(f64, f64)> = report.history.iter().copied().filter(|(_, score)| score.is_finite()).collect();
    let (Some(first), Some(last)) = (history.first(), history.last()) else { return html! {} };
    if history.len() < 2 {
        return html! {};
    }
    let scores = || history.iter().map(|(_, score)| *score);
    let (low, high) = (scores().fold(f64::INFINITY, f64::min), scores().fold(f64::NEG_INFINITY, f64::max));
    let every = history.len().div_ceil(MAX_POINTS).max(1);
    let steps: Vec<(f64, f64)> = history.iter().step_by(every).chain([last]).copied().collect();
    // The best score stays what it is until a better one comes.
    let stairs = steps.windows(2).flat_map(|pair| [pair[0], (pair[1].0, pair[0].1)]).chain([*last]).collect();
    let content = html! {
        figure.course {
            (lines(&[Line::plain(stairs)], (first.0, last.0), (low, high), "Best score over time"))
            figcaption {
                span { (format_time(first.0)) ": " (number(first.1)) }
                span { "best validation " (report.metric.title()) }
                span { (format_time(last.0)) ": " (number(last.1)) }
            }
        }
        p.soft {
            @if report.interrupted { "The search was told to stop before its time: a longer one may do better." }
            @else if report.converged { "The search stopped early: more of it no longer helped." }
            @else if report.metrics.training_time < NOTHING_LEFT * report.configuration.time_budget {
                "The search ended when there was nothing left to try."
            }
            @else { "The search used its time. Where the curve still moves at the end, a larger budget may help." }
        }
    };
    card("Course of the Search", &content)
}

/// All candidates.
pub(crate) fn leaderboard(report: &TrainingReport) -> Markup {
    let candidates = &report.leaderboard;
    let listed: Vec<&LeaderboardRow> = candidates
        .iter()
        .enumerate()
        .filter(|(place, candidate)| *place < BEST_CANDIDATES || candidate.weight > 0.0)
        .map(|(_, candidate)| candidate)
        .take(MAX_CANDIDATES)
        .collect();
    let score = format!("Validation {}", report.metric.title());
    let rows = html! {
        @for candidate in &listed {
            tr {
                th scope="row" {
                    (label(&candidate.name)) @if candidate.weight > 0.0 { " " span.mark.kept { "CHOSEN" } }
                    @if !candidate.parameters.is_empty() { div.parameters { (parameters(candidate)) } }
                }
                td.n data-name=(score) { (number(candidate.score)) }
                td.n data-name="Fit time" { (format_time(candidate.fit_seconds)) }
                td.n data-name="1,000 predictions" { (format!("{:.1} ms", candidate.predict_seconds * 1e3)) }
                td.n data-name="Size" { (bytes(candidate.bytes)) }
                td.n data-name="Trees" { (count(candidate.trees as u64)) }
                td.n data-name="Weight" { @if candidate.weight > 0.0 { (percent(candidate.weight)) } @else { "–" } }
                td.picture { @if candidate.weight > 0.0 { (bar(candidate.weight)) } }
            }
        }
    };
    let head = html! { th { "Model" } th.n { (score) } th.n { "Fit time" } th.n { "1,000 predictions" } th.n { "Size" } th.n { "Trees" } th.n { "Weight" } th { "" } };
    let content = html! {
        (table("leaderboard stacked", &head, &rows))
        @if candidates.len() > listed.len() {
            p.soft {
                "The best and the chosen of " (count(candidates.len() as u64)) " models are listed; " code { "leaderboard.json" } " has all."
            }
        }
    };
    html! { @if !candidates.is_empty() { (card("Leaderboard", &content)) } }
}

/// `learning_rate 0.05 · num_leaves 31`.
fn parameters(candidate: &LeaderboardRow) -> Markup {
    html! {
        @for (name, value) in candidate.parameters.iter().take(MAX_PARAMETERS) { span { (label(name)) " " (cut(value, 30)) } " " }
    }
}
