//! The columns one by one, each with its picture and its figures: numbers, categories and texts, dates.

use domain::{ColumnKind, ColumnProfile, NumericStats, Profile};
use maud::{Markup, html};

use super::columns::role;
use crate::{
    chart::{bar, histogram, quartiles},
    format::{count, counted, cut, duration, label, number, percent, share},
    page::{card, first_of},
};

/// The most columns of a kind that are shown.
const MAX_NUMERIC: usize = 200;
const MAX_CATEGORICAL: usize = 150;
const MAX_DATES: usize = 50;
/// The most values listed for a categorical column.
const MAX_VALUES: usize = 5;
/// Share of the rows from which a column's most frequent number is told.
const SEEN_SHARE: f64 = 0.01;
const MAX_VALUE_CHARS: usize = 30;

/// The card about the numeric columns that have a value; nothing when there is none.
pub(crate) fn numeric(profile: &Profile) -> Markup {
    let columns: Vec<(&ColumnProfile, &NumericStats)> =
        profile.columns.iter().filter_map(|column| Some((column, column.numeric.as_ref()?))).collect();
    let content = html! {
        div.grid { @for (column, stats) in columns.iter().take(MAX_NUMERIC) { (of_numbers(column, stats, profile.rows)) } }
        (first_of(MAX_NUMERIC, columns.len(), "numeric columns"))
    };
    html! { @if !columns.is_empty() { (card("Numeric Features Summary", &content)) } }
}

fn of_numbers(column: &ColumnProfile, stats: &NumericStats, rows: u64) -> Markup {
    let approximate = if stats.quantiles_exact { "" } else { "≈ " };
    html! {
        figure.small {
            (heading(column, rows))
            (histogram(&stats.histogram, "Histogram"))
            (quartiles(stats))
            figcaption { span { (number(stats.min)) } span { (number(stats.max)) } }
            dl.figures {
                (figure("mean", &number(stats.mean)))
                (figure("std", &number(stats.std)))
                (figure("median", &format!("{approximate}{}", number(stats.median))))
                (figure("quartiles", &format!("{approximate}{} – {}", number(stats.q25), number(stats.q75))))
                (figure("5 % – 95 %", &format!("{approximate}{} – {}", number(stats.q05), number(stats.q95))))
                (figure("skewness", &number(stats.skewness)))
                (figure("kurtosis", &number(stats.kurtosis)))
                @if stats.zeros > 0 { (figure("zeros", &percent(share(stats.zeros, rows)))) }
                @if stats.negatives > 0 { (figure("negative", &percent(share(stats.negatives, rows)))) }
                @if stats.infinite > 0 { (figure("infinite", &count(stats.infinite))) }
                @if stats.outliers > 0 { (figure("outliers", &format!("{approximate}{}", count(stats.outliers)))) }
                @if let Some(top) = column.top_values.first().filter(|top| share(top.count, rows) >= SEEN_SHARE) {
                    (figure("most frequent", &format!("{} ({})", cut(&top.value, MAX_VALUE_CHARS), percent(share(top.count, rows)))))
                }
            }
            (extremes(column, stats))
        }
    }
}

/// Both ends of a column, where they are not all that it has.
fn extremes(column: &ColumnProfile, stats: &NumericStats) -> Markup {
    let list = |values: &[f64]| values.iter().map(|value| number(*value)).collect::<Vec<_>>().join(", ");
    html! {
        @if column.unique > (stats.smallest.len() + stats.largest.len()) as u64 && !stats.smallest.is_empty() {
            p.ends.soft { "smallest: " (list(&stats.smallest)) br; "largest: " (list(&stats.largest)) }
        }
    }
}

/// The card about the categories and texts; nothing when there is none.
pub(crate) fn categorical(profile: &Profile) -> Markup {
    let columns: Vec<&ColumnProfile> =
        profile.columns.iter().filter(|column| matches!(column.kind, ColumnKind::Boolean | ColumnKind::Text)).collect();
    let content = html! {
        div.grid {
            @for column in columns.iter().take(MAX_CATEGORICAL) {
                figure.small { (heading(column, profile.rows)) (frequent_values(column, profile.rows)) (lengths(column)) }
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
    html! { table.groups { tbody { (lines) } } }
}

fn lengths(column: &ColumnProfile) -> Markup {
    html! {
        @if let Some(text) = &column.text {
            dl.figures {
                (figure("characters", &format!("{} – {}", count(text.min_characters), count(text.max_characters))))
                (figure("on average", &number(text.mean_characters)))
            }
        }
    }
}

/// The card about the dates; nothing when there is none.
pub(crate) fn dates(profile: &Profile) -> Markup {
    let columns: Vec<&ColumnProfile> = profile.columns.iter().filter(|column| column.dates.is_some()).collect();
    let content = html! {
        div.grid {
            @for column in columns.iter().take(MAX_DATES) {
                @if let Some(dates) = &column.dates {
                    figure.small {
                        (heading(column, profile.rows))
                        (histogram(&dates.timeline, "Rows over time"))
                        figcaption { span { (dates.min) } span { (dates.max) } }
                        @if let Some(gap) = dates.largest_gap_seconds { dl.figures { (figure("longest gap", &duration(gap))) } }
                    }
                }
            }
        }
        (first_of(MAX_DATES, columns.len(), "date columns"))
    };
    html! { @if !columns.is_empty() { (card("Dates", &content)) } }
}

fn heading(column: &ColumnProfile, rows: u64) -> Markup {
    html! {
        h3 { bdi { (label(&column.name)) } }
        p.soft {
            (role(column.role)) ", " @if !column.unique_exact { "≈ " } (counted(column.unique, "value", "values"))
            @if column.missing > 0 { ", " (percent(share(column.missing, rows))) " missing" }
        }
    }
}

fn figure(name: &str, value: &str) -> Markup {
    html! { div { dt { (name) } dd { (value) } } }
}
