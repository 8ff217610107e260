//! The data report: what the table holds and what training will leave out, from its profile alone.

mod columns;
mod reading;
mod target;

use domain::{ColumnProfile, ColumnType, Exclusion, ProblemType, Profile};
use maud::{Markup, html};

use crate::{
    format::{bytes, count, counted, cut, label, percent, share},
    page::{Tone, card, note, page, problem_badge, tiles},
};

/// Where in the overview the figure after the counts of types stands.
const FIRST_AFTER_TYPES: usize = 4;
/// The most excluded or incomplete columns that the preprocessing notes name one by one.
const MAX_NOTED_COLUMNS: usize = 50;

/// The data report as an HTML document. `target` is a column of the table, `exclusions` the columns that training leaves out.
pub fn eda_report(profile: &Profile, target: &str, problem_type: ProblemType, exclusions: &[(String, Exclusion)]) -> String {
    let target_column = profile.column(target);
    let title = format!("EDA Report - {}", label(target));
    let lead = html! {
        p {
            (counted(profile.rows, "row", "rows")) " and " (counted(profile.columns.len() as u64, "column", "columns"))
            ", examined before training"
        }
    };
    let sections = html! {
        (overview(profile, target, problem_type))
        (reading::reading(profile))
        @if let Some(column) = target_column { (target::analysis(column, profile.rows, problem_type)) }
        (preprocessing_notes(profile, target_column, problem_type, exclusions))
        (columns::details(profile, target, exclusions))
        (columns::categorical_summary(profile))
        (columns::numeric_summary(profile))
    };
    let footer = html! {
        p { "Data fingerprint (SHA-256): " (cut(&profile.sha256, 64)) }
    };
    page(&title, &lead, &sections, &footer)
}

fn overview(profile: &Profile, target: &str, problem_type: ProblemType) -> Markup {
    let of_type = |wanted| profile.columns.iter().filter(|column| column.column_type() == wanted).count() as u64;
    let cells = profile.rows * profile.columns.len() as u64;
    let missing = profile.columns.iter().map(|column| column.missing).sum();
    let mut figures = vec![
        ("Rows", html! { (count(profile.rows)) }),
        ("Columns", html! { (count(profile.columns.len() as u64)) }),
        ("Numeric", html! { (count(of_type(ColumnType::Numeric))) }),
        ("Categorical", html! { (count(of_type(ColumnType::Categorical))) }),
        ("Missing cells", html! { (percent(share(missing, cells))) }),
        ("File size", html! { (bytes(profile.bytes)) }),
        ("Target", html! { bdi { (label(target)) } }),
        ("Problem type", problem_badge(problem_type)),
    ];
    let dates = of_type(ColumnType::Datetime);
    if dates > 0 {
        figures.insert(FIRST_AFTER_TYPES, ("Dates", html! { (count(dates)) }));
    }
    card("Dataset Overview", &tiles(&figures))
}

/// What training will do about the table's weaknesses; nothing when it has none.
fn preprocessing_notes(
    profile: &Profile,
    target: Option<&ColumnProfile>,
    problem_type: ProblemType,
    exclusions: &[(String, Exclusion)],
) -> Markup {
    let mut incomplete: Vec<&ColumnProfile> = profile.columns.iter().filter(|column| column.missing > 0).collect();
    incomplete.sort_by_key(|column| std::cmp::Reverse(column.missing));
    let imbalance =
        target.filter(|_| problem_type == ProblemType::Classification).and_then(|column| target::imbalance(column, profile.rows));
    let imbalance = imbalance.filter(target::Imbalance::is_severe);
    if exclusions.is_empty() && incomplete.is_empty() && imbalance.is_none() {
        return html! {};
    }
    let content = html! {
        @if !exclusions.is_empty() {
            h3 { "Excluded from training: " (counted(exclusions.len() as u64, "column", "columns")) }
            ul {
                @for (name, reason) in exclusions.iter().take(MAX_NOTED_COLUMNS) {
                    li { strong { bdi { (label(name)) } } " – " (excluded_because(reason)) }
                }
                (unlisted(exclusions.len()))
            }
        }
        @if !incomplete.is_empty() {
            h3 { "Missing values: " (counted(incomplete.len() as u64, "column", "columns")) }
            ul {
                @for column in incomplete.iter().take(MAX_NOTED_COLUMNS) {
                    li {
                        strong { bdi { (label(&column.name)) } } " – " (counted(column.missing, "row", "rows"))
                        " (" (percent(share(column.missing, profile.rows))) ")"
                        @if target.is_some_and(|target| target.name == column.name) { ", left out because the target is unknown there" }
                    }
                }
                (unlisted(incomplete.len()))
            }
        }
        @if let Some(imbalance) = imbalance {
            (note(Tone::Bad, &html! {
                "Class imbalance: " (imbalance) ". Accuracy alone will look better than the model is; compare F1, precision and recall."
            }))
        }
    };
    card("Preprocessing Notes", &content)
}

fn excluded_because(reason: &Exclusion) -> String {
    match reason {
        Exclusion::Duplicate { of } => format!("duplicate of '{}'", label(of)),
        other => other.to_string(),
    }
}

fn unlisted(total: usize) -> Markup {
    html! { @if total > MAX_NOTED_COLUMNS { li.soft { "... and " (count((total - MAX_NOTED_COLUMNS) as u64)) " more columns" } } }
}
