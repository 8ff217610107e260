//! Every column on a line of its own.

use std::collections::{BTreeMap, BTreeSet};

use domain::{Finding, Profile, Role, Severity};
use maud::html;

use super::{EdaTarget, chapter::Chapter};
use crate::{
    format::{count, cut, label, percent, share},
    page::{first_of, table},
};

/// The most columns listed.
const MAX_DETAILS: usize = 1_500;
const MAX_SAMPLES: usize = 3;
const MAX_SAMPLE_CHARS: usize = 20;
/// The share of missing values that stands out.
const ALARMING_SHARE: f64 = 0.05;

/// The card that lists the columns in the order of the table.
pub(crate) fn details(profile: &Profile, target: Option<&EdaTarget<'_>>, found: &[Finding]) -> Chapter {
    let left_out: BTreeSet<&str> = target.iter().flat_map(|target| target.left_out).map(|(name, _)| name.as_str()).collect();
    let mut findings: BTreeMap<&str, Vec<&Finding>> = BTreeMap::new();
    for finding in found.iter().filter(|finding| finding.severity > Severity::Note) {
        if let Some(column) = &finding.column {
            findings.entry(column).or_default().push(finding);
        }
    }
    let rows = html! {
        @for (at, column) in profile.columns.iter().enumerate().take(MAX_DETAILS) {
            @let missing = share(column.missing, profile.rows);
            tr {
                th scope="row" {
                    a href={ "#" (anchor(at)) } { bdi { (label(&column.name)) } }
                    @if target.is_some_and(|target| target.name == column.name) { " " span.mark.kept { "TARGET" } }
                    @if left_out.contains(column.name.as_str()) { " " span.mark { "EXCLUDED" } }
                    @for finding in findings.get(column.name.as_str()).into_iter().flatten() { " " span.mark.fair { (finding.kind.title()) } }
                }
                td { (role(column.role)) }
                td.n.alarm[missing > ALARMING_SHARE] { (percent(missing)) }
                td.n { @if !column.unique_exact { "≈ " } (count(column.unique)) }
                td.sample {
                    @for sample in column.samples.iter().take(MAX_SAMPLES) { span { bdi { (cut(sample, MAX_SAMPLE_CHARS)) } } }
                }
            }
        }
    };
    let head = html! { th { "Column" } th { "Type" } th.n { "Missing" } th.n { "Unique" } th { "Samples" } };
    let content = html! { (table("columns", &head, &rows)) (first_of(MAX_DETAILS, profile.columns.len(), "columns")) };
    Chapter::new("Column Details", content)
}

/// What a link to a column's card names.
pub(crate) fn anchor(position: usize) -> String {
    format!("c{position}")
}

/// A role's name for a reader.
pub(crate) fn role(role: Role) -> &'static str {
    match role {
        Role::Numeric => "number",
        Role::Integer => "integer",
        Role::Ordinal => "ordinal",
        Role::Boolean => "boolean",
        Role::Categorical => "category",
        Role::Datetime => "date",
        Role::FreeText => "text",
        Role::Identifier => "identifier",
        Role::Constant => "constant",
    }
}
