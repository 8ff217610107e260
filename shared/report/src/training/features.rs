//! What the model looks at, and how its predictions move.

use maud::{Markup, html};

use super::{Curve, Effect, Places, TrainingReport};
use crate::{
    chart::{COLOURS, Line, bar, lines, means},
    format::{counted, label, number},
    page::{self, card, first_of, table},
};

const MAX_FEATURES: usize = 15;
/// The most categories of an effect.
const MAX_PLACES: usize = 10;

/// The card about the features' shares; nothing when there is none.
pub(crate) fn importances(report: &TrainingReport) -> Markup {
    let explained = report.explained_rows;
    let largest = report.importances.first().map_or(0.0, |(_, importance)| *importance);
    let permuted = |name: &str| report.permutation.iter().find(|(known, ..)| known == name);
    let rows = html! {
        @for (name, importance) in report.importances.iter().take(MAX_FEATURES) {
            tr {
                th scope="row" { (page::name(name)) }
                td.n { (format!("{importance:.4}")) }
                td.n { @match permuted(name) { Some((_, mean, deviation)) => { (cost(*mean, *deviation, explained.repeats)) }, None => { "–" } } }
                td.wide { (bar(if largest > 0.0 { importance / largest } else { 0.0 })) }
            }
        }
    };
    let head = html! { th { "Feature" } th.n { "Importance" } th.n { "When shuffled" } th.wide { "" } };
    let content = html! {
        (table("importances", &head, &rows))
        (first_of(MAX_FEATURES, report.importances.len(), "features"))
        p.soft {
            "Importance: the feature's share in what the trees gain and the coefficients move. When shuffled: by how much the "
            (report.metric.title()) " gets worse on "
            (counted(explained.permutation, "judged row", "judged rows")) " if the feature's values are swapped between them"
            @if explained.repeats > 1 { ", " (explained.repeats) " times" } "."
        }
        @if report.importances.iter().take(MAX_FEATURES).any(|(name, share)| *share > 0.0 && permuted(name).is_none()) {
            p.soft { "A dash: no time was left to shuffle it. A larger budget does." }
        }
    };
    html! { @if !report.importances.is_empty() { (card("Feature Importance", &content)) } }
}

/// A single repeat has no deviation.
fn cost(mean: f64, deviation: f64, repeats: u64) -> String {
    if repeats > 1 { format!("{} ± {}", significant(mean), significant(deviation)) } else { significant(mean) }
}

/// Four digits after the point, or two of larger numbers.
pub(super) fn significant(value: f64) -> String {
    if value.abs() < 1e-9 {
        "0".to_owned()
    } else if value.abs() < 1.0 {
        format!("{value:.4}")
    } else {
        number((value * 100.0).round() / 100.0)
    }
}

/// The card about how predictions move with the features that matter most; nothing when there is none. All are on one scale, so that what
/// moves little looks flat.
pub(crate) fn effects(report: &TrainingReport) -> Markup {
    let scale = range(&mut report.effects.iter().flat_map(|effect| &effect.curves).flat_map(|curve| curve.means.iter().copied()));
    let content = html! {
        div.grid { @for effect in &report.effects { (one_effect(effect, scale)) } }
        p.soft {
            "The mean prediction for " (counted(report.explained_rows.effects, "judged row", "judged rows"))
            " with the feature set to each value while all else stays as it is, for the "
            (counted(report.effects.len() as u64, "feature that matters", "features that matter")) " most; all on one scale from "
            (number(scale.0)) " to " (number(scale.1)) ". Where features go together in the table, such combinations may never occur."
            @if report.effects.iter().any(|effect| effect.curves.len() > 1) {
                " Of more than two labels, the probabilities of the most frequent ones, in the order of the legend."
            }
        }
    };
    html! { @if !report.effects.is_empty() { (card("How Predictions Move", &content)) } }
}

/// The smallest and the largest.
fn range(values: &mut dyn Iterator<Item = f64>) -> (f64, f64) {
    values
        .filter(|value| value.is_finite())
        .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| (low.min(value), high.max(value)))
}

fn one_effect(effect: &Effect, (low, high): (f64, f64)) -> Markup {
    let content = match &effect.places {
        Places::Numbers(places) => {
            let across = range(&mut places.iter().copied());
            let points = |curve: &Curve| places.iter().copied().zip(curve.means.iter().copied()).collect();
            let curves: Vec<Line> = match effect.curves.as_slice() {
                [only] => vec![Line::plain(points(only))],
                several => several.iter().zip(COLOURS).map(|(curve, colour)| Line::coloured(points(curve), colour)).collect(),
            };
            html! {
                (lines(&curves, across, (low, high), "Mean prediction by value"))
                figcaption { span { (number(across.0)) } span { (number(low)) " to " (number(high)) } span { (number(across.1)) } }
            }
        }
        Places::Categories(places) => {
            // Several are probabilities side by side, with little room.
            let figure = |mean: f64| if effect.curves.len() > 1 { format!("{mean:.3}") } else { number(mean) };
            let share = |value: f64| if high > low { (value - low) / (high - low) } else { 0.5 };
            html! {
                table.groups {
                    tbody {
                        @for (place, name) in places.iter().enumerate().take(MAX_PLACES) {
                            tr {
                                th scope="row" { bdi { (label(name)) } }
                                @for mean in effect.curves.iter().filter_map(|curve| curve.means.get(place)) { td.n { (figure(*mean)) } }
                                @if let [only] = effect.curves.as_slice() {
                                    td.picture { @if let Some(mean) = only.means.get(place) { (means(share(*mean))) } }
                                }
                            }
                        }
                    }
                }
                (first_of(MAX_PLACES, places.len(), "categories"))
            }
        }
    };
    html! {
        figure.small {
            h3 { bdi { (label(&effect.feature)) } }
            (content)
            @if effect.curves.len() > 1 {
                p.legend {
                    @for (place, name) in effect.curves.iter().enumerate().filter_map(|(place, curve)| Some((place, curve.label.as_ref()?))) {
                        span { span.dot.(format!("c{place}")) {} bdi { (label(name)) } }
                    }
                }
            }
        }
    }
}
