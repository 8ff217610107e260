//! Where the model is weakest: parts of the table, and single rows.

use domain::ProblemType;
use maud::{Markup, html};

use super::TrainingReport;
use crate::{
    format::{count, cut, label, number, percent},
    page::{card, name, table},
};

/// The most cells shown of a row.
const MAX_CELLS: usize = 6;

/// The parts of the table with the largest mean loss; nothing when none stands out.
pub(crate) fn segments(report: &TrainingReport) -> Markup {
    let what = match report.problem_type {
        ProblemType::Classification => "Log loss",
        ProblemType::Regression => "Mean absolute error",
    };
    let head = html! { th { "Feature" } th { "Values" } th.n { "Rows" } th.n { (what) } th.n { "Times the mean" } };
    let rows = html! {
        @for segment in &report.segments {
            tr {
                th scope="row" { (name(&segment.feature)) }
                td data-name="Values" { bdi { (label(&segment.values)) } }
                td.n data-name="Rows" { (count(segment.rows)) }
                td.n data-name=(what) { (number(segment.loss)) }
                td.n data-name="Times the mean" { @if segment.overall > 0.0 { (format!("{:.2}", segment.loss / segment.overall)) } @else { "–" } }
            }
        }
    };
    let content = html! {
        (table("segments stacked", &head, &rows))
        p.soft { "Parts of the judged rows where the model errs most. More rows of that kind, or features that tell them apart, would help." }
    };
    html! { @if !report.segments.is_empty() { (card("Where It Is Weakest", &content)) } }
}

/// The rows that the model got most wrong; nothing when there is none.
pub(crate) fn hardest(report: &TrainingReport) -> Markup {
    let labels = report.problem_type == ProblemType::Classification;
    let figure = if labels { "Probability of actual" } else { "Error" };
    let head = html! { th { "Row" } th { "Actual" } th { "Predicted" } th.n { (figure) } th { "Values" } };
    let rows = html! {
        @for row in &report.hardest {
            tr {
                th scope="row" data-name="Row" { @if let Some(row) = row.row { (count(row)) } @else { "–" } }
                td data-name="Actual" { bdi { (cut(&row.actual, 40)) } }
                td data-name="Predicted" { bdi { (cut(&row.predicted, 40)) } }
                td.n data-name=(figure) { @if labels { (percent(row.figure)) } @else { (number(row.figure)) } }
                td.sample { @for (name, value) in row.cells.iter().take(MAX_CELLS) { span { (cut(name, 30)) " " bdi { (cut(value, 30)) } } } }
            }
        }
    };
    let content = html! {
        (table("hardest stacked", &head, &rows))
        p.soft { "Look at these first: some may be mistakes in the table." }
    };
    html! { @if !report.hardest.is_empty() { (card("Hardest Rows", &content)) } }
}
