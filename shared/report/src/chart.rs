//! Pictures as inline SVG. Colours come from the style sheet, so that they follow dark mode and print.

use domain::HistogramBin;
use maud::{Markup, html};

/// The drawing's own units; the page scales it.
const HISTOGRAM_HEIGHT: f64 = 100.0;
const BIN_WIDTH: f64 = 20.0;
const SCATTER_SIZE: f64 = 320.0;
const SCATTER_MARGIN: f64 = 8.0;

/// A horizontal bar filled to `share` (0 to 1).
pub(crate) fn bar(share: f64) -> Markup {
    let width = format!("{:.1}%", share.clamp(0.0, 1.0) * 100.0);
    html! { svg.bar aria-hidden="true" { rect.track width="100%" height="100%" rx="2" {} rect.fill width=(width) height="100%" rx="2" {} } }
}

/// The bins of a histogram as one outline of bars; nothing when there is no bin.
pub(crate) fn histogram(bins: &[HistogramBin], description: &str) -> Markup {
    let tallest = bins.iter().map(|bin| bin.count).max().unwrap_or(0).max(1);
    let outline = bins
        .iter()
        .enumerate()
        .filter(|(_, bin)| bin.count > 0)
        .map(|(position, bin)| {
            let height = (bin.count as f64 / tallest as f64 * HISTOGRAM_HEIGHT).max(1.0);
            format!("M{} {HISTOGRAM_HEIGHT}v-{height:.1}h{}v{height:.1}z", position as f64 * BIN_WIDTH + 1.0, BIN_WIDTH - 2.0)
        })
        .collect::<Vec<_>>()
        .concat();
    let view = format!("0 0 {} {HISTOGRAM_HEIGHT}", bins.len() as f64 * BIN_WIDTH);
    html! {
        @if !bins.is_empty() {
            svg.histogram viewBox=(view) preserveAspectRatio="none" role="img" aria-label=(description) { path d=(outline) {} }
        }
    }
}

/// Points of (x, y) on equal axes from `low` to `high`, with the diagonal on which x = y. Points outside are left out.
pub(crate) fn scatter(points: impl Iterator<Item = (f64, f64)>, low: f64, high: f64, description: &str) -> Markup {
    let span = if high > low { high - low } else { 1.0 };
    let inner = SCATTER_SIZE - 2.0 * SCATTER_MARGIN;
    let place = |value: f64| SCATTER_MARGIN + (value - low) / span * inner;
    // A round cap on a line of no length is a dot: a tenth of the bytes of a circle element.
    let dots = points
        .map(|(x, y)| (place(x), SCATTER_SIZE - place(y)))
        .filter(|point| [point.0, point.1].iter().all(|at| (0.0..=SCATTER_SIZE).contains(at)))
        .map(|(x, y)| format!("M{x:.1} {y:.1}h0"))
        .collect::<Vec<_>>()
        .concat();
    let view = format!("0 0 {SCATTER_SIZE} {SCATTER_SIZE}");
    let (start, end) = (SCATTER_MARGIN, SCATTER_SIZE - SCATTER_MARGIN);
    html! {
        svg.scatter viewBox=(view) role="img" aria-label=(description) {
            rect.frame width=(SCATTER_SIZE) height=(SCATTER_SIZE) rx="4" {}
            line.diagonal x1=(start) y1=(end) x2=(end) y2=(start) {}
            path.dots d=(dots) {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bin_of_few_rows_is_still_seen_beside_a_tall_one() {
        let bin = |count| HistogramBin { low: 0.0, high: 1.0, count };
        let drawn = histogram(&[bin(1_000_000), bin(0), bin(1)], "h").into_string();
        assert!(drawn.contains("M1 100v-100.0h18v100.0z"), "{drawn}");
        assert!(!drawn.contains("M21 "), "an empty bin has no bar: {drawn}");
        assert!(drawn.contains("M41 100v-1.0h18v1.0z"), "{drawn}");
    }

    #[test]
    fn a_point_that_is_no_number_is_left_out() {
        let drawn = scatter([(0.0, 0.0), (f64::NAN, 1.0)].into_iter(), 0.0, 1.0, "s").into_string();
        assert!(drawn.contains("M8.0 312.0h0\""), "{drawn}");
        assert!(!drawn.contains("NaN"), "{drawn}");
    }

    #[test]
    fn a_bar_never_leaves_its_track() {
        assert!(bar(7.0).into_string().contains("width=\"100.0%\""));
        assert!(bar(-1.0).into_string().contains("width=\"0.0%\""));
    }
}
