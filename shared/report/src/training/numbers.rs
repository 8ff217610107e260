//! Where a model of numbers is right and wrong: predictions beside actual values, errors, and errors by range.

use domain::HistogramBin;
use maud::{Markup, html};

use crate::{
    chart::{histogram, scatter},
    format::{count, counted, number},
    page::{card, table},
};

/// The most points of a picture.
const MAX_POINTS: usize = 2_000;
const BINS: usize = 30;
/// Parts of equal size that the rows are cut into by their actual value.
const RANGES: usize = 5;

/// All cards about numbers.
pub(crate) fn cards(pairs: &[(f64, f64)]) -> Markup {
    html! {
        (card("Predicted and Actual Values", &predicted_and_actual(pairs)))
        (card("Errors", &errors(pairs)))
    }
}

fn predicted_and_actual(pairs: &[(f64, f64)]) -> Markup {
    let values = || pairs.iter().flat_map(|(actual, predicted)| [*actual, *predicted]).filter(|value| value.is_finite());
    let (low, high) = (values().fold(f64::INFINITY, f64::min), values().fold(f64::NEG_INFINITY, f64::max));
    let every = pairs.len().div_ceil(MAX_POINTS);
    html! {
        figure.square {
            (scatter(pairs.iter().step_by(every).copied(), low, high, "Predicted against actual values"))
            figcaption {
                span { (number(low)) }
                span { "actual → · predicted ↑" }
                span { (number(high)) }
            }
        }
        p.soft {
            "On the dashed line the prediction is exact. "
            @if every > 1 {
                "Shown: " (counted(pairs.len().div_ceil(every) as u64, "row", "rows")) " of " (count(pairs.len() as u64)) "."
            }
        }
    }
}

fn errors(pairs: &[(f64, f64)]) -> Markup {
    let mut errors: Vec<f64> = pairs.iter().map(|(actual, predicted)| predicted - actual).filter(|error| error.is_finite()).collect();
    errors.sort_unstable_by(f64::total_cmp);
    let quantile = |share: f64| errors.get(((errors.len().max(1) - 1) as f64 * share).round() as usize).copied().unwrap_or(0.0);
    // The outermost hundredths would squeeze all else together.
    let (low, high) = (quantile(0.01), quantile(0.99));
    let bins = binned(&errors, low, high);
    let mut by_actual: Vec<(f64, f64)> = pairs.iter().copied().filter(|pair| pair.0.is_finite() && pair.1.is_finite()).collect();
    by_actual.sort_unstable_by(|a, b| a.0.total_cmp(&b.0));
    let ranges = by_actual.chunks(by_actual.len().div_ceil(RANGES).max(1));
    let head = html! { th { "Actual value" } th.n { "Rows" } th.n { "Mean error" } th.n { "Mean absolute error" } th.n { "RMSE" } };
    let body = html! {
        @for range in ranges {
            @let rows = range.len() as f64;
            @let mean = range.iter().map(|(actual, predicted)| predicted - actual).sum::<f64>() / rows;
            @let absolute = range.iter().map(|(actual, predicted)| (predicted - actual).abs()).sum::<f64>() / rows;
            @let squared = range.iter().map(|(actual, predicted)| (predicted - actual).powi(2)).sum::<f64>() / rows;
            tr {
                th scope="row" {
                    (number(range.first().map_or(0.0, |pair| pair.0))) " to " (number(range.last().map_or(0.0, |pair| pair.0)))
                }
                td.n { (count(range.len() as u64)) }
                td.n { (number(mean)) }
                td.n { (number(absolute)) }
                td.n { (number(squared.sqrt())) }
            }
        }
    };
    html! {
        figure {
            (histogram(&bins, "Errors"))
            figcaption { span { (number(low)) } span { "predicted less actual, the middle 98 in 100 rows" } span { (number(high)) } }
        }
        p {
            "Half of the predictions are between " (number(quantile(0.25))) " and " (number(quantile(0.75)))
            " off, 90 in 100 between " (number(quantile(0.05))) " and " (number(quantile(0.95))) "."
        }
        h3 { "By range" }
        (table("ranges", &head, &body))
    }
}

fn binned(errors: &[f64], low: f64, high: f64) -> Vec<HistogramBin> {
    if high <= low {
        return Vec::new();
    }
    let width = (high - low) / BINS as f64;
    let mut bins: Vec<HistogramBin> =
        (0..BINS).map(|bin| HistogramBin { low: low + bin as f64 * width, high: low + (bin + 1) as f64 * width, count: 0 }).collect();
    for error in errors.iter().filter(|error| (low..=high).contains(*error)) {
        if let Some(bin) = bins.get_mut((((error - low) / width) as usize).min(BINS - 1)) {
            bin.count += 1;
        }
    }
    bins
}
