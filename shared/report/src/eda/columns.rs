//! Every column on a line of its own, then the categorical ones with their frequent values and the numeric ones with their spread.

use std::collections::BTreeMap;

use domain::{ColumnKind, ColumnProfile, Exclusion, NumericStats, Profile};
use maud::{Markup, html};

use crate::{
    chart::{bar, histogram},
    format::{count, cut, label, number, percent, share},
    page::{card, first_of, table},
};

/// The most columns listed in the details, and in the summaries.
const MAX_DETAILS: usize = 1_000;
const MAX_CATEGORICAL: usize = 10;
const MAX_NUMERIC: usize = 200;
/// The most values listed for a categorical column.
const MAX_VALUES: usize = 5;
const MAX_VALUE_CHARS: usize = 30;
const MAX_SAMPLES: usize = 3;
const MAX_SAMPLE_CHARS: usize = 20;
/// The share of missing values that stands out.
const ALARMING_SHARE: f64 = 0.05;

/// The card that lists the columns in the order of the table.
pub(crate) fn details(profile: &Profile, target: &str, exclusions: &[(String, Exclusion)]) -> Markup {
    let excluded: BTreeMap<&str, &Exclusion> = exclusions.iter().map(|(name, reason)| (name.as_str(), reason)).collect();
    let rows = html! {
        @for column in profile.columns.iter().take(MAX_DETAILS) {
            @let missing = share(column.missing, profile.rows);
            tr {
                th scope="row" {
                    bdi { (label(&column.name)) }
                    @if column.name == target { " " span.mark.kept { "TARGET" } }
                    @if excluded.contains_key(column.name.as_str()) { " " span.mark { "EXCLUDED" } }
                }
                td { (kind(column.kind)) }
                td.n.alarm[missing > ALARMING_SHARE] { (percent(missing)) }
                td.n { @if !column.unique_exact { "≈ " } (count(column.unique)) }
                td.sample {
                    @for sample in column.samples.iter().take(MAX_SAMPLES) { span { bdi { (cut(sample, MAX_SAMPLE_CHARS)) } } }
                }
            }
        }
    };
    let head = html! { th { "Column" } th { "Type" } th.n { "Missing" } th.n { "Unique" } th { "Samples" } };
    card("Column Details", &html! { (table("columns", &head, &rows)) (first_of(MAX_DETAILS, profile.columns.len(), "columns")) })
}

/// The card about the first categorical columns; nothing when there is none.
pub(crate) fn categorical_summary(profile: &Profile) -> Markup {
    let columns: Vec<&ColumnProfile> =
        profile.columns.iter().filter(|column| matches!(column.kind, ColumnKind::Boolean | ColumnKind::Text)).collect();
    let content = html! {
        div.pair {
            @for column in columns.iter().take(MAX_CATEGORICAL) {
                div { h3 { bdi { (label(&column.name)) } } (frequent_values(column, profile.rows)) }
            }
        }
        (first_of(MAX_CATEGORICAL, columns.len(), "categorical columns"))
    };
    html! { @if !columns.is_empty() { (card("Categorical Features Summary", &content)) } }
}

fn frequent_values(column: &ColumnProfile, rows: u64) -> Markup {
    let values = column.top_values.iter().take(MAX_VALUES);
    let others = column.unique.saturating_sub(values.len() as u64);
    let lines = html! {
        @for top in values {
            tr {
                th scope="row" { bdi { (cut(&top.value, MAX_VALUE_CHARS)) } }
                td.n { (count(top.count)) }
                td.picture { (bar(share(top.count, rows))) }
            }
        }
        @if others > 0 { tr { td.soft colspan="3" { "... and " (count(others)) " more values" } } }
        @if column.unique == 0 { tr { td.soft colspan="3" { "no values" } } }
    };
    html! { table { tbody { (lines) } } }
}

/// The card about the numeric columns that have a value; nothing when there is none.
pub(crate) fn numeric_summary(profile: &Profile) -> Markup {
    let columns: Vec<(&str, &NumericStats)> =
        profile.columns.iter().filter_map(|column| Some((column.name.as_str(), column.numeric.as_ref()?))).collect();
    let rows = html! {
        @for (name, stats) in columns.iter().take(MAX_NUMERIC) {
            tr {
                th scope="row" { bdi { (label(name)) } }
                @for figure in [stats.mean, stats.std, stats.min, stats.median, stats.max] { td.n { (number(figure)) } }
                td.picture { (histogram(&stats.histogram, "Histogram")) }
            }
        }
    };
    let head = html! {
        th { "Column" } th.n { "Mean" } th.n { "Std" } th.n { "Min" } th.n { "Median" } th.n { "Max" } th { "Distribution" }
    };
    let content = html! { (table("numbers", &head, &rows)) (first_of(MAX_NUMERIC, columns.len(), "numeric columns")) };
    html! { @if !columns.is_empty() { (card("Numeric Features Summary", &content)) } }
}

fn kind(kind: ColumnKind) -> &'static str {
    match kind {
        ColumnKind::Integer => "integer",
        ColumnKind::Float => "float",
        ColumnKind::Boolean => "boolean",
        ColumnKind::Date => "date",
        ColumnKind::Text => "text",
    }
}
