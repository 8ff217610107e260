//! Which columns go together: the strongest pairs, and all of them against each other.

use std::collections::{BTreeMap, BTreeSet};

use domain::{Association, ColumnType, Measure, Profile};
use maud::{Markup, html};

use super::chapter::Chapter;
use crate::{
    chart::{bar, heatmap},
    format::{cut, label},
    page::table,
};

/// The most pairs that are listed.
const MAX_PAIRS: usize = 15;
/// The most columns of the heatmap.
const MAX_COLUMNS: usize = 30;
const MAX_NAME_CHARS: usize = 16;
const STRONG: f64 = 0.5;
const MODERATE: f64 = 0.3;
/// The strength from which a pair is listed.
const LEAST: f64 = 0.1;

/// The card about them; nothing where no pair was compared.
pub(crate) fn correlations(profile: &Profile, target: Option<&str>) -> Option<Chapter> {
    let pairs: Vec<&Association> = profile.associations.iter().filter(|pair| pair.measure != Measure::Missing).collect();
    let with_target: Vec<&Association> =
        pairs.iter().copied().filter(|pair| target.is_some_and(|target| pair.one == target || pair.other == target)).collect();
    let others: Vec<&Association> =
        pairs.iter().copied().filter(|pair| !with_target.iter().any(|other| std::ptr::eq(*other, *pair))).collect();
    let numeric = profile.columns.iter().filter(|column| column.column_type() == ColumnType::Numeric).count();
    let heading = if numeric > 1 { "Correlation Analysis" } else { "Associations" };
    let content = html! {
        @if !with_target.is_empty() { h3 { "With the target" } (listed(&with_target)) }
        @if !others.is_empty() { h3 { @if with_target.is_empty() { "The strongest pairs" } @else { "Between features" } } (listed(&others)) }
        (matrix(profile, &pairs))
        p.soft {
            "r: Pearson's correlation, with Spearman's rank correlation ρ. V: Cramér's V of two categories, corrected for bias. "
            "η: the correlation ratio of a number in the groups of a category."
        }
    };
    (!pairs.is_empty()).then(|| Chapter::new(heading, content))
}

fn listed(pairs: &[&Association]) -> Markup {
    let rows = html! {
        @for pair in pairs.iter().filter(|pair| pair.value.abs() >= LEAST || pair.spearman.is_some_and(|rho| rho.abs() >= LEAST)).take(MAX_PAIRS) {
            tr {
                th scope="row" { bdi { (label(&pair.one)) } " · " bdi { (label(&pair.other)) } }
                td.n { (symbol(pair.measure)) " = " (format!("{:.3}", pair.value)) }
                td.n.soft { @if let Some(rho) = pair.spearman { "ρ = " (format!("{rho:.3}")) } }
                td { (strength(pair.value.abs())) }
                td.picture { (bar(pair.value.abs())) }
            }
        }
    };
    let head = html! { th { "Columns" } th.n { "Strength" } th.n { "" } th { "" } th { "" } };
    html! {
        @if pairs.iter().all(|pair| pair.value.abs() < LEAST && pair.spearman.is_none_or(|rho| rho.abs() < LEAST)) {
            p.soft { "None of note." }
        } @else {
            (table("pairs", &head, &rows))
        }
    }
}

fn symbol(measure: Measure) -> &'static str {
    match measure {
        Measure::CramersV => "V",
        Measure::CorrelationRatio => "η",
        Measure::Pearson | Measure::Missing => "r",
    }
}

fn strength(value: f64) -> Markup {
    html! {
        @if value > STRONG { span.mark.bad { "STRONG" } }
        @else if value > MODERATE { span.mark.fair { "MODERATE" } }
    }
}

/// The columns of the strongest pairs against each other, in the order of the table.
fn matrix(profile: &Profile, pairs: &[&Association]) -> Markup {
    let mut chosen = BTreeSet::new();
    for pair in pairs {
        for name in [&pair.one, &pair.other] {
            if chosen.len() < MAX_COLUMNS {
                chosen.insert(name.as_str());
            }
        }
    }
    let names: Vec<&str> = profile.columns.iter().map(|column| column.name.as_str()).filter(|name| chosen.contains(name)).collect();
    let places: BTreeMap<&str, usize> = names.iter().enumerate().map(|(place, name)| (*name, place)).collect();
    let mut cells = vec![0.0; names.len() * names.len()];
    for pair in pairs {
        if let (Some(one), Some(other)) = (places.get(pair.one.as_str()), places.get(pair.other.as_str())) {
            for place in [one * names.len() + other, other * names.len() + one] {
                if let Some(cell) = cells.get_mut(place) {
                    *cell = pair.value;
                }
            }
        }
    }
    cells.iter_mut().step_by(names.len() + 1).for_each(|cell| *cell = 1.0);
    let labels: Vec<String> = names.iter().map(|name| cut(name, MAX_NAME_CHARS)).collect();
    html! {
        @if names.len() > 2 {
            h3 { "All against each other" }
            div.scroll { (heatmap(&labels, &cells)) }
            p.legend {
                span { i.dot.plus {} "go together" } span { i.dot.minus {} "go against each other" }
            }
        }
    }
}
