//! What the model looks at, and how its predictions move.

use maud::{Markup, html};

use super::{Curve, Effect, Places, TrainingReport};
use crate::{
    chart::{Line, bar, lines, means},
    format::{label, number},
    page::{card, first_of, table},
};

const MAX_FEATURES: usize = 15;
/// The most categories of an effect.
const MAX_PLACES: usize = 10;

/// The card about the features' shares; nothing when there is none.
pub(crate) fn importances(report: &TrainingReport) -> Markup {
    let largest = report.importances.first().map_or(0.0, |(_, importance)| *importance);
    let permuted = |name: &str| report.permutation.iter().find(|(known, ..)| known == name);
    let rows = html! {
        @for (name, importance) in report.importances.iter().take(MAX_FEATURES) {
            tr {
                th scope="row" { bdi { (label(name)) } }
                td.n { (format!("{importance:.4}")) }
                td.n { @match permuted(name) { Some((_, mean, deviation)) => { (cost(*mean, *deviation)) }, None => { "–" } } }
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
            (report.metric.title()) " gets worse on judged rows if the feature's values are swapped between them."
        }
    };
    html! { @if !report.importances.is_empty() { (card("Feature Importance", &content)) } }
}

fn cost(mean: f64, deviation: f64) -> String {
    format!("{} ± {}", significant(mean), significant(deviation))
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

/// The card about how predictions move with the features that matter most; nothing when there is none.
pub(crate) fn effects(report: &TrainingReport) -> Markup {
    let content = html! {
        div.grid { @for effect in &report.effects { (one_effect(effect)) } }
        p.soft {
            "The mean prediction with the feature set to each value while all else stays as it is in the judged rows. Where features go \
             together in the table, such combinations may never occur."
            @if report.effects.iter().any(|effect| effect.curves.len() > 1) {
                " Of more than two labels, the probabilities of the most frequent ones, in the order of the legend."
            }
        }
    };
    html! { @if !report.effects.is_empty() { (card("How Predictions Move", &content)) } }
}

fn one_effect(effect: &Effect) -> Markup {
    let range = |values: &mut dyn Iterator<Item = f64>| {
        values
            .filter(|value| value.is_finite())
            .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| (low.min(value), high.max(value)))
    };
    let (low, high) = range(&mut effect.curves.iter().flat_map(|curve| curve.means.iter().copied()));
    let content = match &effect.places {
        Places::Numbers(places) => {
            let across = range(&mut places.iter().copied());
            let points = |curve: &Curve| places.iter().copied().zip(curve.means.iter().copied()).collect();
            let curves: Vec<Line> = match effect.curves.as_slice() {
                [only] => vec![Line::plain(points(only))],
                several => several.iter().enumerate().map(|(place, curve)| Line::coloured(points(curve), place)).collect(),
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
