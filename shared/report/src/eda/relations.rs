//! The target against the features that tell most of it.

use domain::{TargetGroup, TargetRelation, TargetRelations};
use maud::{Markup, html};

use super::chapter::Chapter;
use crate::{
    chart::{bar, means, shares},
    format::{count, counted, cut, label, number, percent},
    page::{first_of, table},
};

/// The most features that are ranked, and that are drawn.
const MAX_RANKED: usize = 30;
const MAX_DRAWN: usize = 12;
/// The score below which a feature tells nothing.
const LEAST_SCORE: f64 = 0.001;
const MAX_GROUP_CHARS: usize = 22;
const MAX_CLASS_CHARS: usize = 24;

/// The card about them; nothing where there is no feature.
pub(crate) fn features(relations: &TargetRelations) -> Option<Chapter> {
    let telling = relations.features.iter().filter(|relation| relation.score >= LEAST_SCORE).count();
    let silent = relations.features.len() - telling;
    let ranked = html! {
        @for relation in relations.features.iter().take(telling.min(MAX_RANKED)) {
            tr {
                th scope="row" { bdi { (label(&relation.column)) } @if relation.tells_nearly_all() { " " span.mark.bad { "LEAK?" } } }
                td.n { (percent(relation.score)) }
                td.wide { (bar(relation.score)) }
            }
        }
    };
    let drawn = || relations.features.iter().filter(|relation| relation.score >= LEAST_SCORE && relation.groups.len() > 1).take(MAX_DRAWN);
    let content = html! {
        p.soft {
            "How much each feature alone tells of the target, from 0 % (nothing) to 100 % (all), measured in rows that were set aside; of two numbers "
            "also the square of their correlation, or of that of their ranks. "
            "Features that tell little alone may tell much together."
        }
        @if telling > 0 { (table("relations", &html! { th { "Feature" } th.n { "Explains" } th.wide { "" } }, &ranked)) }
        (first_of(MAX_RANKED, telling, "features that tell something"))
        @if silent > 0 { p.soft { (counted(silent as u64, "feature tells", "features tell")) " nothing alone." } }
        @if !relations.classes.is_empty() && drawn().next().is_some() {
            p.legend {
                @for (at, class) in relations.classes.iter().enumerate() {
                    span { i class={ "dot c" (at % 8) } {} bdi { (cut(class, MAX_CLASS_CHARS)) } }
                }
                span { "shares of the classes, and rows looked at" }
            }
        } @else if drawn().next().is_some() {
            p.soft { "The mean of the target by the feature's value:" }
        }
        div.grid { @for relation in drawn() { (picture(relation)) } }
    };
    (!relations.features.is_empty()).then(|| Chapter::new("Features Against the Target", content))
}

fn picture(relation: &TargetRelation) -> Markup {
    let known: Vec<f64> = relation.groups.iter().filter_map(|group| group.mean).collect();
    let (low, high) = known.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), mean| (low.min(*mean), high.max(*mean)));
    html! {
        figure.small {
            h3 { bdi { (label(&relation.column)) } }
            table.groups {
                tbody {
                    @for group in &relation.groups {
                        tr {
                            th scope="row" { bdi { (cut(&group.label, MAX_GROUP_CHARS)) } }
                            td.picture { (picture_of(group, low, high)) }
                            td.n.soft { @if let Some(mean) = group.mean { (number(mean)) } @else { (count(group.rows)) } }
                        }
                    }
                }
            }
        }
    }
}

fn picture_of(group: &TargetGroup, low: f64, high: f64) -> Markup {
    match group.mean {
        Some(mean) => means(if high > low { (mean - low) / (high - low) } else { 0.5 }),
        None => shares(&group.shares),
    }
}
