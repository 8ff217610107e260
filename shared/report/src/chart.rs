//! Pictures as inline SVG. Colours come from the style sheet, so that they follow dark mode and print.

use domain::{HistogramBin, NumericStats};
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
    let tallest = bins.iter().map(|bin| bin.count).max().unwrap_or(0).max(1) as f64;
    let outline = bins
        .iter()
        .enumerate()
        .filter(|(_, bin)| bin.count > 0)
        .map(|(position, bin)| {
            let height = (bin.count as f64 / tallest * HISTOGRAM_HEIGHT).max(1.0);
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

/// The bins of a histogram as one outline, in few bytes; nothing when there is no bin.
pub(crate) fn outline(bins: &[HistogramBin]) -> Markup {
    let tallest = bins.iter().map(|bin| bin.count).max().unwrap_or(0).max(1) as f64;
    let height = |bin: &HistogramBin| if bin.count == 0 { 0.0 } else { (bin.count as f64 / tallest * HISTOGRAM_HEIGHT).max(2.0) };
    let steps = bins.iter().map(|bin| format!("V{:.0}h1", HISTOGRAM_HEIGHT - height(bin))).collect::<Vec<_>>().concat();
    html! {
        @if !bins.is_empty() {
            svg.outline viewBox=(format!("0 0 {} {HISTOGRAM_HEIGHT}", bins.len())) preserveAspectRatio="none" aria-hidden="true" {
                path d={ "M0 " (HISTOGRAM_HEIGHT) (steps) "V" (HISTOGRAM_HEIGHT) } {}
            }
        }
    }
}

/// Where the middle half of the values lies between the smallest and the largest, with the median.
pub(crate) fn quartiles(stats: &NumericStats) -> Markup {
    let span = stats.max / 2.0 - stats.min / 2.0;
    let place = |value: f64| if span > 0.0 { ((value / 2.0 - stats.min / 2.0) / span * 100.0).clamp(0.0, 100.0) } else { 50.0 };
    let (low, median, high) = (place(stats.q25), place(stats.median), place(stats.q75));
    html! {
        svg.quartiles viewBox="0 0 100 6" preserveAspectRatio="none" aria-hidden="true" {
            line.line x1="0" x2="100" y1="3" y2="3" {}
            rect.fill x=(format!("{low:.1}")) width=(format!("{:.1}", (high - low).max(0.5))) y="1" height="4" {}
            rect.median x=(format!("{:.1}", (median - 0.4).max(0.0))) width="0.8" y="0" height="6" {}
        }
    }
}

/// Shares of classes side by side; what they leave of 1 is other classes.
pub(crate) fn shares(shares: &[f64]) -> Markup {
    let mut at = 0.0;
    let parts = shares.iter().map(|share| {
        let from = at;
        at += share.clamp(0.0, 1.0) * 100.0;
        (from, at - from)
    });
    let parts: Vec<(f64, f64)> = parts.collect();
    html! {
        svg.bar aria-hidden="true" {
            rect.track width="100%" height="100%" {}
            @for (class, (from, width)) in parts.iter().enumerate().filter(|(_, (_, width))| *width > 0.05) {
                rect class={ "c" (class % 8) } x=(format!("{from:.1}%")) width=(format!("{width:.1}%")) height="100%" {}
            }
        }
    }
}

/// Where a mean lies between the smallest (0) and the largest (1).
pub(crate) fn means(share: f64) -> Markup {
    let at = format!("{:.1}%", 6.0 + share.clamp(0.0, 1.0) * 88.0);
    html! {
        svg.bar aria-hidden="true" {
            line.line x1="0" x2="100%" y1="50%" y2="50%" {}
            circle.fill cx=(at) cy="50%" r="4" {}
        }
    }
}

/// Shares of rows from 0 to 1, drawn side by side as darkness.
pub(crate) fn stripes(shares: &[f64]) -> Markup {
    let drawn = shares.iter().enumerate().filter(|(_, share)| **share > 0.0);
    let view = format!("0 0 {} 10", shares.len().max(1));
    html! {
        svg.stripes viewBox=(view) preserveAspectRatio="none" aria-hidden="true" {
            @for (at, share) in drawn { rect x=(at) width="1.02" height="10" fill-opacity=(format!("{:.2}", 0.15 + 0.85 * share.min(1.0))) {} }
        }
    }
}

/// A score from 0 to 100 as a part of a ring.
pub(crate) fn gauge(score: u32, tone: &str) -> Markup {
    const ROUND: f64 = 100.5;
    let filled = f64::from(score.min(100)) / 100.0 * ROUND;
    html! {
        svg.gauge viewBox="0 0 40 40" role="img" aria-label=(format!("{score} of 100")) {
            circle.ring cx="20" cy="20" r="16" {}
            circle class={ "part " (tone) } cx="20" cy="20" r="16" stroke-dasharray=(format!("{filled:.1} 200")) transform="rotate(-90 20 20)" {}
            text x="20" y="24" { (score) }
        }
    }
}

/// A square of values from −1 to 1, row by row, with the names of its rows; those of the columns are their numbers.
pub(crate) fn heatmap(names: &[String], cells: &[f64]) -> Markup {
    const LABELS: usize = 130;
    const SIDE: usize = 420;
    const HEAD: usize = 18;
    let cell = (SIDE / names.len().max(1)).clamp(18, 42);
    let side = names.len() * cell;
    let view = format!("0 0 {} {}", LABELS + side, side + HEAD);
    let middle = cell / 2 + 4;
    html! {
        svg.heatmap viewBox=(view) style={ "min-width:" (LABELS + side) "px;max-width:" (LABELS + side) "px" } role="img" aria-label="Correlation heatmap" {
            @for (row, (name, values)) in names.iter().zip(cells.chunks(names.len().max(1))).enumerate() {
                text x=(LABELS - 6) y=(HEAD + row * cell + middle) text-anchor="end" { (row + 1) " " (name) }
                text x=(LABELS + row * cell + cell / 2) y="13" text-anchor="middle" { (row + 1) }
                @for (column, value) in values.iter().enumerate().filter(|(_, value)| value.abs() >= 0.03) {
                    rect class=(if *value < 0.0 { "minus" } else { "plus" }) x=(LABELS + column * cell) y=(HEAD + row * cell) width=(cell - 1) height=(cell - 1) fill-opacity=(format!("{:.2}", value.abs())) {
                        title { (name) ", " (names.get(column).map_or("", String::as_str)) ": " (format!("{value:.2}")) }
                    }
                }
            }
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

/// A line of a picture.
pub(crate) struct Line {
    points: Vec<(f64, f64)>,
    class: &'static str,
}

/// The classes of lines in the colours of a legend.
pub(crate) const COLOURS: [&str; 8] = ["c0", "c1", "c2", "c3", "c4", "c5", "c6", "c7"];

impl Line {
    /// Drawn through.
    pub(crate) fn plain(points: Vec<(f64, f64)>) -> Self {
        Self { points, class: "plain" }
    }

    /// One of several, in its colour of the legend.
    pub(crate) fn coloured(points: Vec<(f64, f64)>, class: &'static str) -> Self {
        Self { points, class }
    }

    /// To compare with.
    pub(crate) fn dashed(points: Vec<(f64, f64)>) -> Self {
        Self { points, class: "dashed" }
    }

    /// With its points.
    pub(crate) fn dotted(points: Vec<(f64, f64)>) -> Self {
        Self { points, class: "dotted" }
    }
}

/// Lines between points of (x, y), on axes of these ranges. Points that are no numbers are left out.
pub(crate) fn lines(lines: &[Line], across: (f64, f64), up: (f64, f64), description: &str) -> Markup {
    const WIDTH: f64 = 300.0;
    const HEIGHT: f64 = 180.0;
    const MARGIN: f64 = 6.0;
    let place = |value: f64, (low, high): (f64, f64), size: f64| {
        let share = if high > low { (value - low) / (high - low) } else { 0.5 };
        MARGIN + share.clamp(0.0, 1.0) * (size - 2.0 * MARGIN)
    };
    let at = |&(x, y): &(f64, f64)| (place(x, across, WIDTH), HEIGHT - place(y, up, HEIGHT));
    let path = |line: &Line| {
        let known = line.points.iter().filter(|point| point.0.is_finite() && point.1.is_finite()).map(at);
        known.enumerate().map(|(first, (x, y))| format!("{}{x:.1} {y:.1}", if first == 0 { "M" } else { "L" })).collect::<String>()
    };
    let dots = |line: &Line| {
        let known = line.points.iter().filter(|point| point.0.is_finite() && point.1.is_finite()).map(at);
        known.map(|(x, y)| format!("M{x:.1} {y:.1}h0")).collect::<String>()
    };
    // At a quarter, a half and three quarters of both ranges.
    let quarter = |part: usize, size: f64| place(part as f64 / 4.0, (0.0, 1.0), size);
    let grid = (1..4)
        .map(|part| {
            format!(
                "M{:.1} {MARGIN}V{:.1}M{MARGIN} {:.1}H{:.1}",
                quarter(part, WIDTH),
                HEIGHT - MARGIN,
                quarter(part, HEIGHT),
                WIDTH - MARGIN
            )
        })
        .collect::<String>();
    html! {
        svg.lines viewBox=(format!("0 0 {WIDTH} {HEIGHT}")) role="img" aria-label=(description) {
            rect.frame width=(WIDTH) height=(HEIGHT) rx="4" {}
            path.grid d=(grid) {}
            @for line in lines {
                path class=(line.class) d=(path(line)) {}
                @if line.class == "dotted" { path.dots d=(dots(line)) {} }
            }
        }
    }
}

/// Points of (shade, x) beside each other in a strip from `low` to `high`, those of one place heaped up around the middle; a shade goes
/// from 0 to 1, points without one are grey.
pub(crate) fn swarm(points: &[(Option<f64>, f64)], (low, high): (f64, f64), description: &str) -> Markup {
    const WIDTH: f64 = 400.0;
    const HEIGHT: f64 = 30.0;
    const MARGIN: f64 = 4.0;
    const COLUMNS: f64 = 130.0;
    const SHADES: usize = 5;
    let span = if high > low { high - low } else { 1.0 };
    let share = |value: f64| ((value - low) / span).clamp(0.0, 1.0);
    let place = |value: f64| MARGIN + share(value) * (WIDTH - 2.0 * MARGIN);
    let known = || points.iter().filter(|point| point.1.is_finite());
    let column = |value: f64| (share(value) * COLUMNS) as usize;
    let mut heaps = vec![0_usize; COLUMNS as usize + 1];
    known().for_each(|(_, value)| heaps[column(*value)] += 1);
    let tallest = heaps.iter().copied().max().unwrap_or(1).max(2);
    let step = f64::min(3.0, (HEIGHT - 2.0 * MARGIN) / (tallest - 1) as f64);
    let mut stacked = vec![0_usize; heaps.len()];
    let mut dots = vec![Vec::new(); SHADES + 1];
    for (shade, value) in known() {
        let column = column(*value);
        let y = HEIGHT / 2.0 + (stacked[column] as f64 - (heaps[column] - 1) as f64 / 2.0) * step;
        stacked[column] += 1;
        let shade = shade.map_or(SHADES, |shade| ((shade * SHADES as f64) as usize).min(SHADES - 1));
        dots[shade].push(format!("M{:.1} {y:.1}h0", place(*value)));
    }
    let zero = format!("{:.1}", place(0.0));
    html! {
        svg.swarm viewBox=(format!("0 0 {WIDTH} {HEIGHT}")) role="img" aria-label=(description) {
            line.line x1=(zero) y1="0" x2=(zero) y2=(HEIGHT) {}
            @for (shade, dots) in dots.iter().enumerate().filter(|(_, dots)| !dots.is_empty()) {
                path.(format!("s{shade}")) d=(dots.concat()) {}
            }
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
    fn a_line_goes_from_corner_to_corner_of_its_ranges() {
        let drawn = lines(&[Line::plain(vec![(0.0, 5.0), (f64::NAN, 1.0), (2.0, 7.0)])], (0.0, 2.0), (5.0, 7.0), "l").into_string();
        assert!(drawn.contains("M6.0 174.0L294.0 6.0\""), "{drawn}");
    }

    #[test]
    fn points_of_one_place_are_heaped_up_around_the_middle() {
        let drawn = swarm(&[(Some(0.0), 1.0), (Some(1.0), 1.0), (None, -1.0)], (-1.0, 1.0), "s").into_string();
        assert!(drawn.contains(r#"class="s0" d="M396.0 13.5h0""#), "{drawn}");
        assert!(drawn.contains(r#"class="s4" d="M396.0 16.5h0""#), "{drawn}");
        assert!(drawn.contains(r#"class="s5" d="M4.0 15.0h0""#), "{drawn}");
    }

    #[test]
    fn a_bar_never_leaves_its_track() {
        assert!(bar(7.0).into_string().contains("width=\"100.0%\""));
        assert!(bar(-1.0).into_string().contains("width=\"0.0%\""));
    }
}
