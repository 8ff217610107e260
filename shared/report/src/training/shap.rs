//! What the features add to single predictions: SHAP values in a bar for each feature and a dot for each row.

use maud::{Markup, html};

use super::{Contribution, TrainingReport, features::significant};
use crate::{
    chart::{bar, swarm},
    format::{counted, label},
    page::{card, first_of, table},
};

const MAX_FEATURES: usize = 15;

/// The card about the features' contributions; nothing when there is none.
pub(crate) fn contributions(report: &TrainingReport) -> Markup {
    let all = &report.contributions;
    let largest = all.first().map_or(0.0, |contribution| contribution.mean);
    let scattered = all.iter().any(|contribution| !contribution.points.is_empty());
    let points = || all.iter().flat_map(|contribution| &contribution.points).map(|point| point.1).filter(|value| value.is_finite());
    let range = points().fold((0.0, 0.0), |(low, high), value| (f64::min(low, value), f64::max(high, value)));
    let rows = html! {
        @for contribution in all.iter().take(MAX_FEATURES) {
            tr {
                th scope="row" { bdi { (label(&contribution.feature)) } }
                td.n { (significant(contribution.mean)) }
                td.picture { (bar(if largest > 0.0 { contribution.mean / largest } else { 0.0 })) }
                @if scattered {
                    td.wide { @if !contribution.points.is_empty() { (swarm(&shaded(contribution), range, "What it adds, by row")) } }
                }
            }
        }
    };
    let head = html! {
        th { "Feature" } th.n { "Mean" } th.picture { "" }
        @if scattered { th.wide { (significant(range.0)) " to " (significant(range.1)) ", by row" } }
    };
    let content = html! {
        (table("contributions", &head, &rows))
        (first_of(MAX_FEATURES, all.len(), "features"))
        @if scattered {
            p.legend {
                span { span.dot.low {} "low value" } span { span.dot.high {} "high value" } span { span.dot.unordered {} "category or missing" }
            }
        }
        p.soft {
            "SHAP values of " (counted(report.explained_rows.contributions, "judged row", "judged rows"))
            ": how far the feature moved the prediction away from what is predicted when nothing is known. \
             Together they give the prediction. Mean: of their absolute values"
            @if scattered { ". Coloured by the feature's value; of a date or a text, by what the model uses most of it." } @else { ", over the rows and labels." }
        }
    };
    html! { @if !all.is_empty() { (card("What Moves the Predictions", &content)) } }
}

/// The points with the share of known values that are lower in place of the value.
fn shaded(contribution: &Contribution) -> Vec<(Option<f64>, f64)> {
    let mut known: Vec<f64> = contribution.points.iter().filter_map(|point| point.0).collect();
    known.sort_unstable_by(f64::total_cmp);
    let last = known.len().saturating_sub(1).max(1) as f64;
    let rank = |value: f64| {
        let (below, up_to) = (known.partition_point(|&other| other < value), known.partition_point(|&other| other <= value));
        ((below + up_to) as f64 - 1.0) / 2.0 / last
    };
    contribution.points.iter().map(|&(value, adds)| (value.map(rank), adds)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shade_is_the_rank_and_equal_values_share_one() {
        let points = [Some(5.0), Some(1.0), None, Some(5.0), Some(900.0)].map(|value| (value, 0.1)).to_vec();
        let shades: Vec<_> = shaded(&Contribution { feature: String::new(), mean: 0.1, points }).iter().map(|point| point.0).collect();
        assert_eq!(shades, [Some(0.5), Some(0.0), None, Some(0.5), Some(1.0)]);
    }
}
