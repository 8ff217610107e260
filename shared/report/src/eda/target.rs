//! The target's values: how often each label occurs, or how the numbers are spread.

use std::fmt;

use domain::{ColumnProfile, NumericStats, ProblemGuess, ProblemType};
use maud::{Markup, html};

use super::chapter::Chapter;
use crate::{
    chart::{bar, histogram},
    format::{count, counted, label, number, percent, share},
    page::{Tone, note, table, tiles},
};

/// Largest class to smallest class beyond which a note warns, and beyond which it mentions it.
const SEVERE_RATIO: f64 = 3.0;
const SLIGHT_RATIO: f64 = 1.5;
/// Skewness beyond which a note mentions it.
const SKEWED: f64 = 1.0;

/// How much larger the largest class is than the smallest.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Imbalance {
    ratio: f64,
    /// False when the smallest class is not listed and the ratio is a lower bound.
    exact: bool,
}

impl Imbalance {
    fn is_severe(&self) -> bool {
        self.ratio > SEVERE_RATIO
    }
}

impl fmt::Display for Imbalance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bound = if self.exact { "" } else { "at least " };
        write!(f, "the largest class has {bound}{:.1} times the rows of the smallest", self.ratio)
    }
}

/// The imbalance of a column of at least two labels. Only the most frequent are listed; the smallest of the others has at most their mean.
fn imbalance(column: &ColumnProfile, rows: u64) -> Option<Imbalance> {
    let (largest, smallest_listed) = (column.top_values.first()?.count, column.top_values.last()?.count);
    let unlisted = column.unique.saturating_sub(column.top_values.len() as u64);
    if column.unique < 2 {
        return None;
    }
    let smallest = if unlisted == 0 { smallest_listed as f64 } else { unlisted_rows(column, rows) as f64 / unlisted as f64 };
    (smallest > 0.0).then(|| Imbalance { ratio: largest as f64 / smallest, exact: unlisted == 0 })
}

/// The card about the target.
pub(crate) fn analysis(column: &ColumnProfile, rows: u64, problem: &ProblemGuess) -> Chapter {
    let content = match (&column.numeric, problem.problem_type) {
        _ if column.unique == 0 => note(Tone::Bad, &html! { "The target has no value in any row, so there is nothing to learn." }),
        (Some(stats), ProblemType::Regression) => numbers(stats),
        _ => classes(column, rows),
    };
    let missing = html! {
        @if column.missing > 0 && column.unique > 0 {
            p.soft { (counted(column.missing, "row", "rows")) " without a target value, left out of training" }
        }
    };
    let why = html! {
        p.soft {
            "Learned as " (problem.problem_type) ", because " (problem.reason)
            @if problem.confidence < 1.0 { " (" (format!("{:.0} %", problem.confidence * 100.0)) " sure)" } "."
        }
    };
    Chapter::new("Target Variable Analysis", html! { (why) (content) (missing) })
}

fn classes(column: &ColumnProfile, rows: u64) -> Markup {
    let known = rows - column.missing.min(rows);
    let unlisted = column.unique.saturating_sub(column.top_values.len() as u64);
    let class_rows = html! {
        @for class in &column.top_values {
            tr {
                th scope="row" { bdi { (label(&class.value)) } }
                td.n { (count(class.count)) }
                td.n { (percent(share(class.count, known))) }
                td.wide { (bar(share(class.count, known))) }
            }
        }
        @if unlisted > 0 {
            tr.soft {
                th scope="row" { "... and " (counted(unlisted, "more class", "more classes")) }
                td.n { (count(unlisted_rows(column, rows))) }
                td.n { (percent(share(unlisted_rows(column, rows), known))) }
                td.wide { (bar(share(unlisted_rows(column, rows), known))) }
            }
        }
    };
    let head = html! { th { "Class" } th.n { "Count" } th.n { "Share" } th.wide { "" } };
    html! { (table("classes", &head, &class_rows)) (balance_note(imbalance(column, rows))) }
}

fn balance_note(imbalance: Option<Imbalance>) -> Markup {
    match imbalance {
        None => note(Tone::Bad, &html! { "The target has a single class, so there is nothing to tell apart." }),
        Some(imbalance) if imbalance.is_severe() => note(Tone::Bad, &html! { "Imbalanced classes: " (imbalance) "." }),
        Some(imbalance) if imbalance.ratio > SLIGHT_RATIO => note(Tone::Fair, &html! { "Slightly imbalanced classes: " (imbalance) "." }),
        Some(_) => note(Tone::Good, &html! { "Balanced classes." }),
    }
}

fn numbers(stats: &NumericStats) -> Markup {
    let figures = [
        ("Mean", stats.mean),
        ("Standard deviation", stats.std),
        ("Minimum", stats.min),
        ("Lower quartile", stats.q25),
        ("Median", stats.median),
        ("Upper quartile", stats.q75),
        ("Maximum", stats.max),
        ("Skewness", stats.skewness),
    ];
    let tallest = stats.histogram.iter().map(|bin| bin.count).max().unwrap_or(0);
    let direction = if stats.skewness > 0.0 {
        "right: a few values are much larger than the rest"
    } else {
        "left: a few values are much smaller than the rest"
    };
    html! {
        (tiles(&figures.map(|(name, value)| (name, html! { (number(value)) }))))
        figure {
            (histogram(&stats.histogram, "Histogram of the target"))
            figcaption {
                span { (number(stats.min)) }
                span { "highest bar: " (counted(tallest, "row", "rows")) }
                span { (number(stats.max)) }
            }
        }
        @if !stats.log_histogram.is_empty() {
            figure {
                (histogram(&stats.log_histogram, "Histogram of the target on a logarithmic scale"))
                figcaption { span { (number(stats.min)) } span { @if stats.min > 0.0 { "the same on a logarithmic scale" } @else { "the same on the scale of log(1 + x)" } } span { (number(stats.max)) } }
            }
        }
        @if stats.skewness.abs() > SKEWED {
            (note(Tone::Fair, &html! { "Skewed to the " (direction) "." }))
        }
    }
}

fn unlisted_rows(column: &ColumnProfile, rows: u64) -> u64 {
    let listed: u64 = column.top_values.iter().map(|top| top.count).sum();
    rows.saturating_sub(column.missing).saturating_sub(listed)
}
