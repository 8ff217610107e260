//! Where a model of labels is right and wrong: the confusion matrix, each label, the curves, calibration and thresholds.

use maud::{Markup, html};

use crate::{
    chart::{Line, bar, lines},
    format::{count, cut, percent},
    page::{card, first_of, table},
};

/// The most labels of a confusion matrix, the rest counted together.
const MAX_LABELS: usize = 20;
const MAX_LABEL_CHARS: usize = 24;
/// The most labels of the table of labels.
const MAX_LISTED: usize = 100;
/// The most points of a curve.
const MAX_POINTS: usize = 200;
/// Parts that the probabilities are cut into for the calibration.
const CALIBRATION_BINS: usize = 10;

/// The judged rows.
pub(crate) struct Rows<'a> {
    pub(crate) labels: &'a [String],
    pub(crate) actual: &'a [u32],
    pub(crate) chosen: &'a [u32],
    pub(crate) probabilities: &'a [f32],
    pub(crate) threshold: f64,
}

/// All cards about labels.
pub(crate) fn cards(rows: &Rows<'_>) -> Markup {
    html! {
        (card("Confusion Matrix", &confusion(&Confusion::largest(rows.labels, &rows.counts()))))
        (card("Each Label", &each_label(rows)))
        @if rows.labels.len() == 2 {
            @let ranked = ranked(rows);
            (card("Ranking", &curves(&ranked)))
            (card("Calibration", &calibration(rows)))
            (card("Thresholds", &thresholds(rows, &ranked)))
        }
    }
}

impl Rows<'_> {
    /// `counts[actual][chosen]`.
    fn counts(&self) -> Vec<Vec<u64>> {
        let mut counts = vec![vec![0; self.labels.len()]; self.labels.len()];
        for (&actual, &chosen) in self.actual.iter().zip(self.chosen) {
            if let Some(cell) = counts.get_mut(actual as usize).and_then(|row: &mut Vec<u64>| row.get_mut(chosen as usize)) {
                *cell += 1;
            }
        }
        counts
    }

    fn second(&self, row: usize) -> f32 {
        self.probabilities.get(2 * row + 1).copied().unwrap_or(0.0)
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

/// Rows by descending probability of the second label: (probability, hits so far, others so far).
fn ranked(rows: &Rows<'_>) -> Vec<(f32, u64, u64)> {
    let mut pairs: Vec<(f32, bool)> = rows.actual.iter().enumerate().map(|(row, &actual)| (rows.second(row), actual == 1)).collect();
    pairs.sort_unstable_by(|a, b| b.0.total_cmp(&a.0));
    let (mut hits, mut others) = (0, 0);
    let mut steps: Vec<(f32, u64, u64)> = Vec::new();
    for (probability, hit) in pairs {
        if hit {
            hits += 1;
        } else {
            others += 1;
        }
        match steps.last_mut() {
            Some(last) if last.0.total_cmp(&probability).is_eq() => *last = (probability, hits, others),
            _ => steps.push((probability, hits, others)),
        }
    }
    steps
}

fn curves(ranked: &[(f32, u64, u64)]) -> Markup {
    let Some(&(_, hits, others)) = ranked.last() else { return html! {} };
    if hits == 0 || others == 0 {
        return html! { p.soft { "Only one label is among the judged rows." } };
    }
    let every = ranked.len().div_ceil(MAX_POINTS).max(1);
    let shown = || ranked.iter().step_by(every).chain(ranked.last());
    let roc = std::iter::once((0.0, 0.0)).chain(shown().map(|step| (step.2 as f64 / others as f64, step.1 as f64 / hits as f64)));
    let precision = shown().map(|step| (step.1 as f64 / hits as f64, step.1 as f64 / (step.1 + step.2) as f64));
    let share = hits as f64 / (hits + others) as f64;
    let unit = (0.0, 1.0);
    html! {
        div.grid {
            figure.small {
                h3 { "ROC" }
                (lines(&[Line::plain(roc.collect()), Line::dashed(vec![(0.0, 0.0), (1.0, 1.0)])], unit, unit, "ROC curve"))
                figcaption { span { "false alarms →" } span { "found ↑" } }
            }
            figure.small {
                h3 { "Precision and recall" }
                (lines(&[Line::plain(precision.collect()), Line::dashed(vec![(0.0, share), (1.0, share)])], unit, unit, "Precision-recall curve"))
                figcaption { span { "recall →" } span { "precision ↑" } }
            }
        }
        p.soft { "Dashed: what guessing reaches." }
    }
}

fn calibration(rows: &Rows<'_>) -> Markup {
    let mut bins = [(0_u64, 0.0_f64, 0_u64); CALIBRATION_BINS];
    for (row, &actual) in rows.actual.iter().enumerate() {
        let probability = f64::from(rows.second(row));
        let bin = ((probability * CALIBRATION_BINS as f64) as usize).min(CALIBRATION_BINS - 1);
        bins[bin].0 += 1;
        bins[bin].1 += probability;
        bins[bin].2 += u64::from(actual == 1);
    }
    let filled: Vec<(u64, f64, f64)> =
        bins.iter().filter(|(rows, ..)| *rows > 0).map(|&(rows, sum, hits)| (rows, sum / rows as f64, hits as f64 / rows as f64)).collect();
    let total: u64 = filled.iter().map(|(rows, ..)| rows).sum();
    let error: f64 = filled.iter().map(|(rows, said, was)| *rows as f64 / total.max(1) as f64 * (said - was).abs()).sum();
    let points = filled.iter().map(|(_, said, was)| (*said, *was)).collect();
    let unit = (0.0, 1.0);
    html! {
        figure.small.square {
            (lines(&[Line::dotted(points), Line::dashed(vec![(0.0, 0.0), (1.0, 1.0)])], unit, unit, "Calibration"))
            figcaption { span { "said →" } span { "was ↑" } }
        }
        p.soft {
            "On the dashed line a probability is as often right as it says. It is off by " (percent(error)) " on average: "
            @if error < 0.03 { "take the probabilities at their word." } @else if error < 0.08 { "take them as a guide." } @else { "use them to rank, not as chances." }
        }
    }
}

/// What the choice of a threshold means, and what it costs where the two mistakes cost differently.
fn thresholds(rows: &Rows<'_>, ranked: &[(f32, u64, u64)]) -> Markup {
    let Some(&(_, hits, others)) = ranked.last() else { return html! {} };
    let at = |threshold: f64| {
        let (found, alarms) = ranked.iter().rev().find(|step| f64::from(step.0) > threshold).map_or((0, 0), |step| (step.1, step.2));
        (found, alarms, hits - found)
    };
    let ratio = |part: u64, whole: u64| if whole == 0 { "–".to_owned() } else { percent(part as f64 / whole as f64) };
    let mut tried: Vec<f64> = (1..10).map(|tenth| f64::from(tenth) / 10.0).collect();
    if tried.iter().all(|threshold| (threshold - rows.threshold).abs() > 1e-6) {
        tried.push(rows.threshold);
        tried.sort_unstable_by(f64::total_cmp);
    }
    let head = html! {
        th { "Above" } th.n { "Predicted" } th.n { "Precision" } th.n { "Recall" } th.n { "False alarms" } th.n { "Missed" }
        th.n { "Cost 1:1" } th.n { "Cost 1:5" } th.n { "Cost 5:1" }
    };
    let body = html! {
        @for threshold in tried {
            @let (found, alarms, missed) = at(threshold);
            tr {
                th scope="row" {
                    (format!("{threshold:.2}"))
                    @if (threshold - rows.threshold).abs() < 1e-6 { " " span.mark.kept { "USED" } }
                }
                td.n { (count(found + alarms)) }
                td.n { (ratio(found, found + alarms)) }
                td.n { (ratio(found, hits)) }
                td.n { (count(alarms)) }
                td.n { (count(missed)) }
                td.n { (count(alarms + missed)) }
                td.n { (count(alarms + 5 * missed)) }
                td.n { (count(5 * alarms + missed)) }
            }
        }
    };
    html! {
        p {
            "What follows if " bdi { (rows.labels.get(1).map_or_else(String::new, |name| cut(name, 60))) }
            " is predicted above a given probability, on " (count(hits + others)) " rows. Cost 1:5: a missed one costs five times a false alarm."
        }
        (table("thresholds", &head, &body))
    }
}
