//! The table at a glance, with a score of how ready it is.

use domain::{ColumnKind, ColumnProfile, ColumnType, Finding, Profile, Severity, quality_score};
use maud::html;

use super::{EdaTarget, chapter::Chapter};
use crate::{
    chart::gauge,
    format::{bytes, count, counted, label, percent, share},
    page::{problem_badge, tiles},
};

const GOOD: u32 = 80;
const FAIR: u32 = 50;

/// The first card.
pub(crate) fn overview(profile: &Profile, target: Option<&EdaTarget<'_>>, found: &[Finding]) -> Chapter {
    let of_type = |wanted| profile.columns.iter().filter(|column| column.column_type() == wanted).count() as u64;
    let cells = profile.rows * profile.columns.len() as u64;
    let missing = profile.columns.iter().map(|column| column.missing).sum();
    let mut figures = vec![
        ("Rows", html! { (count(profile.rows)) }),
        ("Columns", html! { (count(profile.columns.len() as u64)) }),
        ("Numeric", html! { (count(of_type(ColumnType::Numeric))) }),
        ("Categorical", html! { (count(of_type(ColumnType::Categorical))) }),
    ];
    let dates = of_type(ColumnType::Datetime);
    if dates > 0 {
        figures.push(("Dates", html! { (count(dates)) }));
    }
    figures.push(("Missing cells", html! { (percent(share(missing, cells))) }));
    figures.push((
        "Duplicate rows",
        html! { @if !profile.duplicate_rows_exact && profile.duplicate_rows > 0 { "≈ " } (count(profile.duplicate_rows)) },
    ));
    figures.push(("File size", html! { (bytes(profile.bytes)) }));
    figures.push(("In pandas' memory", html! { "≈ " (bytes(pandas_bytes(profile))) }));
    if let Some(target) = target {
        figures.push(("Target", html! { bdi { (label(target.name)) } }));
        figures.push(("Problem type", problem_badge(target.problem.problem_type)));
    }
    let score = quality_score(profile, found);
    let of = |severity| found.iter().filter(|finding| finding.severity == severity).count() as u64;
    let verdict = match score {
        GOOD.. => "ready to learn from",
        FAIR..GOOD => "usable, with weaknesses",
        _ => "look at the notes first",
    };
    let tone = match score {
        GOOD.. => "good",
        FAIR..GOOD => "fair",
        _ => "bad",
    };
    let content = html! {
        div.quality {
            (gauge(score, tone))
            p {
                strong { "Data quality: " (verdict) } br;
                span.soft {
                    (counted(of(Severity::Serious), "serious finding", "serious findings")) ", "
                    (counted(of(Severity::Warning), "warning", "warnings")) ", "
                    (counted(of(Severity::Note), "note", "notes"))
                }
            }
        }
        (tiles(&figures))
    };
    Chapter::new("Dataset Overview", content)
}

/// About what pandas needs for the table: 8 bytes for a number or a moment, 1 for a boolean, and of a text the pointer to an object.
fn pandas_bytes(profile: &Profile) -> u64 {
    /// Of a text of ASCII characters, beside them, and of what stands for a missing one.
    const TEXT_BYTES: f64 = 8.0 + 49.0;
    const MISSING_BYTES: f64 = 8.0 + 24.0;
    let of_column = |column: &ColumnProfile| {
        let rows = profile.rows as f64;
        let missing = column.missing.min(profile.rows) as f64;
        match (column.kind, &column.text) {
            (ColumnKind::Text, Some(text)) => missing * MISSING_BYTES + (rows - missing) * (TEXT_BYTES + text.mean_characters),
            (ColumnKind::Boolean, _) if column.missing == 0 => rows,
            _ => rows * 8.0,
        }
    };
    profile.columns.iter().map(of_column).sum::<f64>() as u64
}
