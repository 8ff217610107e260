//! Where a model of labels is right and wrong: the confusion matrix and each label.

use domain::CalibrationOutcome;
use maud::{Markup, html};

use super::probabilities;
use crate::{
    chart::bar,
    format::{count, cut, percent},
    page::{card, first_of, table},
};

/// The most labels of a confusion matrix, the rest counted together.
const MAX_LABELS: usize = 20;
const MAX_LABEL_CHARS: usize = 24;
/// The most labels of the table of labels.
const MAX_LISTED: usize = 100;

/// The judged rows.
pub(crate) struct Rows<'a> {
    pub(crate) labels: &'a [String],
    pub(crate) actual: &'a [u32],
    pub(crate) chosen: &'a [u32],
    pub(crate) probabilities: &'a [f32],
    pub(crate) threshold: f64,
}

/// All cards about labels.
pub(crate) fn cards(rows: &Rows<'_>, calibrated: Option<CalibrationOutcome>) -> Markup {
    html! {
        (card("Confusion Matrix", &confusion(&Confusion::largest(rows.labels, &rows.counts()))))
        (card("Each Label", &each_label(rows)))
        (probabilities::cards(rows, calibrated))
    }
}

impl Rows<'_> {
    /// `counts[actual][chosen]`.
    pub(crate) fn counts(&self) -> Vec<Vec<u64>> {
        let mut counts = vec![vec![0; self.labels.len()]; self.labels.len()];
        for (&actual, &chosen) in self.actual.iter().zip(self.chosen) {
            if let Some(cell) = counts.get_mut(actual as usize).and_then(|row: &mut Vec<u64>| row.get_mut(chosen as usize)) {
                *cell += 1;
            }
        }
        counts
    }

    /// The probability of a label.
    pub(crate) fn probability(&self, row: usize, label: usize) -> f32 {
        self.probabilities.get(row * self.labels.len() + label).copied().unwrap_or(0.0)
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

fn each_label(rows: &Rows<'_>) -> Markup {
    let counts = rows.counts();
    let ratio = |part: u64, whole: u64| if whole == 0 { 0.0 } else { part as f64 / whole as f64 };
    let figures = |label: usize| {
        let hits = counts[label][label];
        let actual: u64 = counts[label].iter().sum();
        let chosen: u64 = counts.iter().map(|row| row[label]).sum();
        (actual, ratio(hits, chosen), ratio(hits, actual), ratio(2 * hits, actual + chosen))
    };
    let head = html! { th { "Label" } th.n { "Rows" } th.n { "Precision" } th.n { "Recall" } th.n { "F1" } th { "" } };
    let body = html! {
        @for (position, name) in rows.labels.iter().enumerate().take(MAX_LISTED) {
            @let (actual, precision, recall, f1) = figures(position);
            tr {
                th scope="row" { bdi { (cut(name, 60)) } }
                td.n { (count(actual)) }
                td.n { (percent(precision)) }
                td.n { (percent(recall)) }
                td.n { (percent(f1)) }
                td.picture { (bar(f1)) }
            }
        }
    };
    html! {
        (table("labels", &head, &body))
        (first_of(MAX_LISTED, rows.labels.len(), "labels"))
        p.soft { "Precision: how many of those predicted are right. Recall: how many of those that are, are found." }
    }
}
