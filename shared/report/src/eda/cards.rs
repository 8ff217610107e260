//! The columns one by one, each with its picture, its figures and what was found in it: numbers, categories and texts, dates, and those
//! without any value. Where a table has so many columns that the page would get too large, the later ones are told in a few words.

use std::collections::HashMap;

use domain::{ColumnKind, ColumnProfile, Finding, NumericStats, Profile, Role, Severity, is_read_as_text};
use maud::{Markup, html};

use super::{
    chapter::Chapter,
    columns::{anchor, role},
    reading::bad_cells,
};
use crate::{
    chart::{bar, histogram, outline, quartiles},
    format::{count, counted, cut, duration, label, number, percent, share},
    page::first_of,
};

/// The most values listed for a categorical column, and for one of whole numbers.
const MAX_VALUES: usize = 5;
const MAX_GRADES: usize = 10;
/// The most texts that are shown of a column in which they seldom repeat.
const MAX_TEXTS: usize = 3;
/// Share of the rows from which a column's most frequent number is told.
const SEEN_SHARE: f64 = 0.01;
const MAX_VALUE_CHARS: usize = 30;
const MAX_TEXT_CHARS: usize = 100;
const MAX_REASON_CHARS: usize = 160;

/// What the cards are made of.
pub(crate) struct Cards<'a> {
    profile: &'a Profile,
    target: Option<&'a str>,
    found: HashMap<&'a str, Vec<&'a Finding>>,
}

/// The chapter that a column belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Numbers,
    Categories,
    Dates,
    Empty,
}

impl Kind {
    const ALL: [Self; 4] = [Self::Numbers, Self::Categories, Self::Dates, Self::Empty];

    fn of(column: &ColumnProfile) -> Self {
        match column.kind {
            _ if column.unique == 0 => Self::Empty,
            ColumnKind::Integer | ColumnKind::Float => Self::Numbers,
            ColumnKind::Boolean | ColumnKind::Text => Self::Categories,
            ColumnKind::Date => Self::Dates,
        }
    }

    fn heading(self) -> &'static str {
        match self {
            Self::Numbers => "Numeric Features Summary",
            Self::Categories => "Categorical Features Summary",
            Self::Dates => "Dates",
            Self::Empty => "Columns Without Values",
        }
    }
}

impl<'a> Cards<'a> {
    pub(crate) fn new(profile: &'a Profile, target: Option<&'a str>, found: &'a [Finding]) -> Self {
        let mut of: HashMap<&str, Vec<&Finding>> = HashMap::new();
        for finding in found {
            if let Some(column) = &finding.column {
                of.entry(column).or_default().push(finding);
            }
        }
        Self { profile, target, found: of }
    }

    /// The chapters about the columns in at most about so many bytes: every column in a few words first, then the first ones in full.
    pub(crate) fn chapters(&self, room: usize) -> Vec<Chapter> {
        let columns: Vec<(usize, Kind, &ColumnProfile)> =
            self.profile.columns.iter().enumerate().map(|(at, column)| (at, Kind::of(column), column)).collect();
        let mut cards: Vec<Option<Markup>> = Vec::with_capacity(columns.len());
        let mut left = room;
        for (at, kind, column) in &columns {
            let card = self.in_few_words(*at, *kind, column);
            let fits = card.0.len() <= left;
            left = if fits { left - card.0.len() } else { 0 };
            cards.push(fits.then_some(card));
        }
        for ((at, kind, column), card) in columns.iter().zip(&mut cards) {
            let Some(short) = card else { break };
            let full = self.in_full(*at, *kind, column);
            let Some(rest) = (left + short.0.len()).checked_sub(full.0.len()) else { break };
            (left, *short) = (rest, full);
        }
        Kind::ALL
            .into_iter()
            .filter_map(|kind| {
                let of_kind = || columns.iter().zip(&cards).filter(|((_, of, _), _)| *of == kind).map(|(_, card)| card);
                let (all, shown) = (of_kind().count(), of_kind().flatten().count());
                let content = html! {
                    div.grid { @for card in of_kind().flatten() { (card) } }
                    (first_of(shown, all, "columns of this kind"))
                };
                (all > 0).then(|| Chapter::new(kind.heading(), content))
            })
            .collect()
    }

    fn in_few_words(&self, at: usize, kind: Kind, column: &ColumnProfile) -> Markup {
        html! {
            figure.small id=(anchor(at)) {
                (self.heading(column))
                @if let Some(found) = self.found.get(column.name.as_str()) {
                    p { @for finding in found { span class=(mark(finding.severity)) { (finding.kind.title()) } " " } }
                }
                @match kind {
                    Kind::Numbers => { @if let Some(stats) = &column.numeric { (outline(&stats.histogram)) (ends(&number(stats.min), &number(stats.max))) } }
                    Kind::Dates => { @if let Some(dates) = &column.dates { (outline(&dates.timeline)) (ends(&dates.min, &dates.max)) } }
                    Kind::Categories => { @if let Some(top) = column.top_values.first() {
                        p.soft { "most: " bdi { (cut(&top.value, MAX_VALUE_CHARS)) } " (" (percent(share(top.count, self.profile.rows))) ")" }
                    } }
                    Kind::Empty => {}
                }
            }
        }
    }

    fn in_full(&self, at: usize, kind: Kind, column: &ColumnProfile) -> Markup {
        let rows = self.profile.rows;
        html! {
            figure.small id=(anchor(at)) {
                (self.heading(column))
                (self.findings(column))
                @match kind {
                    Kind::Numbers if column.role == Role::Identifier => { @if let Some(stats) = &column.numeric { (extremes(column, stats)) } }
                    Kind::Numbers => { @if let Some(stats) = &column.numeric { (of_numbers(column, stats, rows)) } }
                    Kind::Categories if column.role == Role::Identifier => (texts(column)),
                    Kind::Categories if column.role == Role::FreeText => { (texts(column)) (lengths(column, rows)) }
                    Kind::Categories => { (frequent_values(column, rows)) (lengths(column, rows)) }
                    Kind::Dates => (of_dates(column)),
                    Kind::Empty => {}
                }
                @if let Some(text) = &column.written_as { p.soft { "written as " (cut(text, MAX_REASON_CHARS)) } }
                @if column.bad.count > 0 { p.soft { "left empty: " (bad_cells(&column.bad)) } }
            }
        }
    }

    fn heading(&self, column: &ColumnProfile) -> Markup {
        let rows = self.profile.rows;
        let present = rows - column.missing.min(rows);
        html! {
            h3 { bdi { (label(&column.name)) } @if self.target == Some(column.name.as_str()) { " " span.mark.kept { "TARGET" } } }
            p.soft {
                (role(column.role)) ", " @if !column.unique_exact { "≈ " } (counted(column.unique, "value", "values"))
                @if column.unique > 1 && present > 0 { " (" (percent(share(column.unique, present).min(1.0))) ")" }
                @if column.missing > 0 { ", " (percent(share(column.missing, rows))) " missing" }
            }
        }
    }

    fn findings(&self, column: &ColumnProfile) -> Markup {
        html! {
            @for finding in self.found.get(column.name.as_str()).into_iter().flatten() {
                p.finding {
                    span class=(mark(finding.severity)) { (finding.kind.title()) } " "
                    bdi { (cut(&finding.reason, MAX_REASON_CHARS)) }
                }
            }
        }
    }
}

fn mark(severity: Severity) -> &'static str {
    match severity {
        Severity::Serious => "mark bad",
        Severity::Warning => "mark fair",
        Severity::Note => "mark kept",
    }
}

fn ends(low: &str, high: &str) -> Markup {
    html! { figcaption { span { (low) } span { (high) } } }
}

fn of_numbers(column: &ColumnProfile, stats: &NumericStats, rows: u64) -> Markup {
    let approximate = if stats.quantiles_exact { "" } else { "≈ " };
    let spread = stats.std / stats.mean.abs();
    html! {
        @if let Some(grades) = grades(column) {
            table.groups { tbody { @for (value, rows_of) in grades { (bar_of(&value, rows_of, rows)) } } }
        } @else {
            (histogram(&stats.histogram, "Histogram"))
            (quartiles(stats))
            (ends(&number(stats.min), &number(stats.max)))
        }
        dl.figures {
            (figure("mean", &number(stats.mean)))
            (figure("std", &number(stats.std)))
            @if stats.mean != 0.0 && spread.is_finite() { (figure("std / mean", &number(spread))) }
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

/// All values of a column of few whole numbers in their order, with their rows.
fn grades(column: &ColumnProfile) -> Option<Vec<(String, u64)>> {
    let is_listed = column.kind == ColumnKind::Integer && column.top_values.len() as u64 == column.unique;
    if !is_listed || column.top_values.len() > MAX_GRADES {
        return None;
    }
    let value = |text: &str| text.parse::<f64>().ok().map(|value| (value, text.to_owned()));
    let mut grades = column.top_values.iter().map(|top| Some((value(&top.value)?, top.count))).collect::<Option<Vec<_>>>()?;
    grades.sort_by(|((one, _), _), ((other, _), _)| one.total_cmp(other));
    Some(grades.into_iter().map(|((_, text), rows)| (text, rows)).collect())
}

fn bar_of(value: &str, rows_of: u64, rows: u64) -> Markup {
    // Blanks at an end would not be seen.
    let is_padded = value.trim().len() < value.len();
    let quote = if is_padded { "'" } else { "" };
    html! {
        tr {
            th scope="row" { bdi { (quote) (cut(value, MAX_VALUE_CHARS)) (quote) } }
            td.n { (count(rows_of)) }
            td.picture { (bar(share(rows_of, rows))) }
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

fn frequent_values(column: &ColumnProfile, rows: u64) -> Markup {
    let values = column.top_values.iter().take(MAX_VALUES);
    let others = column.unique.saturating_sub(values.len() as u64);
    let lines = html! {
        @for top in values { (bar_of(&top.value, top.count, rows)) }
        @if others > 0 { tr { td.soft colspan="3" { "... and " (counted(others, "more value", "more values")) } } }
    };
    html! { table.groups { tbody { (lines) } } }
}

/// The beginnings of some texts.
fn texts(column: &ColumnProfile) -> Markup {
    html! { ul.texts { @for text in column.samples.iter().take(MAX_TEXTS) { li { bdi { (cut(text, MAX_TEXT_CHARS)) } } } } }
}

fn lengths(column: &ColumnProfile, rows: u64) -> Markup {
    html! {
        @if let Some(text) = &column.text {
            dl.figures {
                (figure("characters", &format!("{} – {}", count(text.min_characters), count(text.max_characters))))
                (figure("on average", &number(text.mean_characters)))
                @if is_read_as_text(column, rows) { (figure("frequent words", &count(text.common_words))) }
            }
        }
    }
}

fn of_dates(column: &ColumnProfile) -> Markup {
    html! {
        @if let Some(dates) = &column.dates {
            (histogram(&dates.timeline, "Rows over time"))
            (ends(&dates.min, &dates.max))
            dl.figures {
                @if let Some(step) = dates.usual_step_seconds { (figure("usual step", &duration(step))) }
                @if let Some(gap) = dates.largest_gap_seconds { (figure("longest step", &duration(gap))) }
                @if let Some(gaps) = dates.gaps { (figure("steps over twice the usual one", &count(gaps))) }
            }
        }
    }
}

fn figure(name: &str, value: &str) -> Markup {
    html! { div { dt { (name) } dd { (value) } } }
}
