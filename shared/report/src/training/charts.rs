//! What the model looks at, and where it is right and wrong on the hold-out.

use maud::{Markup, html};

use super::Holdout;
use crate::{
    chart::{bar, scatter},
    format::{count, counted, cut, label, number},
    page::{card, first_of, table},
};

const MAX_FEATURES: usize = 15;
/// The most labels of a confusion matrix, the rest counted together.
const MAX_LABELS: usize = 20;
const MAX_LABEL_CHARS: usize = 24;
/// The most points of a picture.
const MAX_POINTS: usize = 2_000;

/// The card about the features' shares; nothing when there is none.
pub(crate) fn importances(importances: &[(String, f64)]) -> Markup {
    let largest = importances.first().map_or(0.0, |(_, importance)| *importance);
    let rows = html! {
        @for (name, importance) in importances.iter().take(MAX_FEATURES) {
            tr {
                th scope="row" { bdi { (label(name)) } }
                td.n { (format!("{importance:.4}")) }
                td.wide { (bar(if largest > 0.0 { importance / largest } else { 0.0 })) }
            }
        }
    };
    let head = html! { th { "Feature" } th.n { "Importance" } th.wide { "" } };
    let content = html! {
        (table("importances", &head, &rows))
        (first_of(MAX_FEATURES, importances.len(), "features"))
    };
    html! { @if !importances.is_empty() { (card("Feature Importance", &content)) } }
}

/// The card about the hold-out's predictions; nothing when there is none.
pub(crate) fn holdout(holdout: &Holdout) -> Markup {
    match holdout {
        Holdout::Confusion { counts, .. } if counts.is_empty() => html! {},
        Holdout::Confusion { labels, counts } => card("Confusion Matrix", &confusion(&Confusion::largest(labels, counts))),
        Holdout::Pairs(pairs) if pairs.is_empty() => html! {},
        Holdout::Pairs(pairs) => card("Predicted and Actual Values", &predicted_and_actual(pairs)),
    }
}

/// A confusion matrix of a readable number of labels.
struct Confusion {
    labels: Vec<String>,
    counts: Vec<Vec<u64>>,
}

impl Confusion {
    /// The labels with the most rows in their order, the others together as the last.
    fn largest(labels: &[String], counts: &[Vec<u64>]) -> Self {
        let mut by_size: Vec<usize> = (0..labels.len()).collect();
        by_size.sort_by_key(|&label| std::cmp::Reverse(counts.get(label).map_or(0, |row| row.iter().sum::<u64>())));
        let mut shown: Vec<usize> = by_size.into_iter().take(MAX_LABELS).collect();
        shown.sort_unstable();
        let mut names: Vec<String> =
            shown.iter().filter_map(|&position| labels.get(position).map(|name| cut(name, MAX_LABEL_CHARS))).collect();
        if labels.len() > MAX_LABELS {
            names.push(format!("{} others", labels.len() - MAX_LABELS));
        }
        let place = |label: usize| shown.binary_search(&label).unwrap_or(shown.len());
        let mut merged = vec![vec![0; names.len()]; names.len()];
        for (actual, row) in counts.iter().enumerate() {
            for (predicted, rows) in row.iter().enumerate() {
                if let Some(cell) = merged.get_mut(place(actual)).and_then(|row| row.get_mut(place(predicted))) {
                    *cell += rows;
                }
            }
        }
        Self { labels: names, counts: merged }
    }
}

fn confusion(matrix: &Confusion) -> Markup {
    let head = html! { th { "Actual ↓ · Predicted →" } @for name in &matrix.labels { th.n { bdi { (name) } } } };
    let rows = html! {
        @for (actual, (name, row)) in matrix.labels.iter().zip(&matrix.counts).enumerate() {
            tr {
                th scope="row" { bdi { (name) } }
                @for (predicted, rows) in row.iter().enumerate() {
                    td.n.right[actual == predicted].wrong[actual != predicted && *rows > 0] { (count(*rows)) }
                }
            }
        }
    };
    table("confusion", &head, &rows)
}

fn predicted_and_actual(pairs: &[(f64, f64)]) -> Markup {
    let values = || pairs.iter().flat_map(|(actual, predicted)| [*actual, *predicted]).filter(|value| value.is_finite());
    let (low, high) = (values().fold(f64::INFINITY, f64::min), values().fold(f64::NEG_INFINITY, f64::max));
    let every = pairs.len().div_ceil(MAX_POINTS);
    html! {
        figure.square {
            (scatter(pairs.iter().step_by(every).copied(), low, high, "Predicted against actual values"))
            figcaption {
                span { (number(low)) }
                span { "actual → · predicted ↑" }
                span { (number(high)) }
            }
        }
        p.soft {
            "On the dashed line the prediction is exact. "
            @if every > 1 {
                "Shown: " (counted(pairs.len().div_ceil(every) as u64, "row", "rows")) " of " (count(pairs.len() as u64)) "."
            }
        }
    }
}
