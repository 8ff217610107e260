//! How far the probabilities of a model of labels can be relied on: ranking (ROC, precision and recall), calibration, and what a threshold
//! means and costs. More than two labels are ranked one against the rest, and the calibration is that of the most probable label.

use domain::CalibrationOutcome;
use maud::{Markup, html};

use super::{labels::Rows, verdict::sentence};
use crate::{
    chart::{COLOURS, Line, lines},
    format::{count, counted, cut, percent},
    page::{card, table},
};

/// The most points of a curve.
const MAX_POINTS: usize = 200;
/// Parts that the probabilities are cut into for the calibration.
const CALIBRATION_BINS: usize = 10;
const UNIT: (f64, f64) = (0.0, 1.0);

/// All cards about probabilities; nothing for a single label.
pub(crate) fn cards(rows: &Rows<'_>, calibrated: Option<CalibrationOutcome>) -> Markup {
    match rows.labels.len() {
        0 | 1 => html! {},
        2 => {
            let ranking = Ranking::of(rows, 1);
            html! {
                (card("Ranking", &curves_of_two(&ranking)))
                (card("Calibration", &calibration(rows, calibrated)))
                (card("Thresholds", &thresholds(rows, &ranking)))
            }
        }
        _ => html! {
            (card("Ranking", &curves_of_many(rows)))
            (card("Calibration", &calibration(rows, calibrated)))
        },
    }
}

/// Rows by descending probability of a label.
struct Ranking {
    /// Probability, hits so far, others so far; one for each probability.
    steps: Vec<(f32, u64, u64)>,
    hits: u64,
    others: u64,
}

impl Ranking {
    fn of(rows: &Rows<'_>, label: usize) -> Self {
        let judged = rows.actual.iter().enumerate();
        let mut pairs: Vec<(f32, bool)> = judged.map(|(row, &actual)| (rows.probability(row, label), actual as usize == label)).collect();
        pairs.sort_unstable_by(|a, b| b.0.total_cmp(&a.0));
        let (mut hits, mut others) = (0, 0);
        let mut steps: Vec<(f32, u64, u64)> = Vec::new();
        for (probability, hit) in pairs {
            if hit {
                hits += 1;
            } else {
                others += 1;
            }
            match steps.last_mut() {
                Some(last) if last.0.total_cmp(&probability).is_eq() => *last = (probability, hits, others),
                _ => steps.push((probability, hits, others)),
            }
        }
        Self { steps, hits, others }
    }

    /// Whether there is something to rank.
    fn is_known(&self) -> bool {
        self.hits > 0 && self.others > 0
    }

    fn shown(&self) -> impl Iterator<Item = &(f32, u64, u64)> {
        let every = self.steps.len().div_ceil(MAX_POINTS).max(1);
        self.steps.iter().step_by(every).chain(self.steps.last())
    }

    /// (share of the others, share of the hits) that rank above.
    fn roc(&self) -> Vec<(f64, f64)> {
        let step = |step: &(f32, u64, u64)| (step.2 as f64 / self.others as f64, step.1 as f64 / self.hits as f64);
        std::iter::once((0.0, 0.0)).chain(self.shown().map(step)).collect()
    }

    /// (recall, precision).
    fn precision(&self) -> Vec<(f64, f64)> {
        self.shown().map(|step| (step.1 as f64 / self.hits as f64, step.1 as f64 / (step.1 + step.2) as f64)).collect()
    }

    /// The area under the ROC curve, ties counting half.
    fn area(&self) -> f64 {
        let mut before = (0, 0);
        let mut area = 0.0;
        for &(_, hits, others) in &self.steps {
            area += (others - before.1) as f64 * (hits + before.0) as f64 / 2.0;
            before = (hits, others);
        }
        area / (self.hits as f64 * self.others as f64)
    }

    /// Hits and others above a threshold.
    fn above(&self, threshold: f64) -> (u64, u64) {
        self.steps.iter().rev().find(|step| f64::from(step.0) > threshold).map_or((0, 0), |step| (step.1, step.2))
    }
}

fn curves_of_two(ranking: &Ranking) -> Markup {
    if !ranking.is_known() {
        return html! { p.soft { "Only one label is among the judged rows." } };
    }
    let share = ranking.hits as f64 / (ranking.hits + ranking.others) as f64;
    let chance = Line::dashed(vec![(0.0, share), (1.0, share)]);
    html! {
        (pictures(vec![Line::plain(ranking.roc())], &[Line::plain(ranking.precision()), chance]))
        p.soft { "Dashed: what guessing reaches." }
    }
}

/// The labels with the most rows, each against all others.
fn curves_of_many(rows: &Rows<'_>) -> Markup {
    let mut by_size: Vec<(usize, u64)> = rows.counts().iter().map(|row| row.iter().sum()).enumerate().collect();
    by_size.sort_by_key(|&(_, size)| std::cmp::Reverse(size));
    by_size.truncate(COLOURS.len());
    by_size.sort_unstable();
    let rankings: Vec<(usize, Ranking, &'static str)> = by_size
        .into_iter()
        .map(|(label, _)| (label, Ranking::of(rows, label)))
        .filter(|(_, ranking)| ranking.is_known())
        .zip(COLOURS)
        .map(|((label, ranking), colour)| (label, ranking, colour))
        .collect();
    if rankings.is_empty() {
        return html! { p.soft { "Only one label is among the judged rows." } };
    }
    let roc = rankings.iter().map(|(_, ranking, colour)| Line::coloured(ranking.roc(), colour)).collect();
    let precision: Vec<Line> = rankings.iter().map(|(_, ranking, colour)| Line::coloured(ranking.precision(), colour)).collect();
    html! {
        (pictures(roc, &precision))
        p.legend {
            @for (label, ranking, colour) in &rankings {
                span { span class={ "dot " (colour) } {} bdi { (rows.labels.get(*label).map_or_else(String::new, |name| cut(name, 40))) } (format!(" {:.4}", ranking.area())) }
            }
        }
        p.soft {
            "Each label against all others, with the area under its ROC curve. Dashed: what guessing reaches."
            @if rankings.len() < rows.labels.len() { " Shown: the " (rankings.len()) " labels with the most rows." }
        }
    }
}

fn pictures(mut roc: Vec<Line>, precision: &[Line]) -> Markup {
    roc.push(Line::dashed(vec![(0.0, 0.0), (1.0, 1.0)]));
    html! {
        div.grid {
            figure.small {
                h3 { "ROC" }
                (lines(&roc, UNIT, UNIT, "ROC curve"))
                (unit_axes("false alarms → · found ↑"))
            }
            figure.small {
                h3 { "Precision and recall" }
                (lines(precision, UNIT, UNIT, "Precision-recall curve"))
                (unit_axes("recall → · precision ↑"))
            }
        }
    }
}

/// Under a picture whose axes both go from nothing to all.
fn unit_axes(axes: &str) -> Markup {
    html! { figcaption { span { "0%" } span { (axes) } span { "100%" } } }
}

/// By row the probability that is looked at, and whether it came true: that of the second of two labels, or of the most probable one.
fn said(rows: &Rows<'_>) -> impl Iterator<Item = (f64, bool)> {
    rows.actual.iter().enumerate().map(|(row, &actual)| {
        let probability = |label: usize| rows.probability(row, label);
        let label = match rows.labels.len() {
            2 => 1,
            labels => (1..labels).fold(0, |best, label| if probability(label) > probability(best) { label } else { best }),
        };
        (f64::from(probability(label)), actual as usize == label)
    })
}

/// `probabilities calibrated: slope 0.812, shift -0.034; …`, or why they are not.
pub fn how_calibrated(outcome: CalibrationOutcome) -> String {
    match outcome {
        CalibrationOutcome::Calibrated { slope, shift, before, after } => {
            let shift = shift.map_or_else(String::new, |shift| format!(", shift {shift:.3}"));
            format!(
                "probabilities calibrated: slope {slope:.3}{shift}; the log loss of rows that this was not fitted on falls from {before:.4} \
                 to {after:.4}"
            )
        }
        CalibrationOutcome::NoGain { before, after } => format!(
            "probabilities not calibrated: the log loss of rows that this was not fitted on would go from {before:.4} to {after:.4}, no clear gain"
        ),
        CalibrationOutcome::Averaged { before, after } => format!(
            "probabilities not calibrated: those of single folds' models are too sure (log loss {before:.4}, calibrated {after:.4}), but the \
             model is the mean of several, which is less sure"
        ),
        CalibrationOutcome::EarlyStopped { before, after } => format!(
            "probabilities not calibrated: those of validation's rows are not sure enough (log loss {before:.4}, calibrated {after:.4}), but \
             boosting was stopped by the same rows, which flatters it"
        ),
        CalibrationOutcome::FewRows { rows, needed } => {
            format!("probabilities not calibrated: validation judged {}, at least {needed} are needed", counted(rows, "row", "rows"))
        }
        CalibrationOutcome::ManyLabels => "probabilities not calibrated: there are too many labels for so many rows".to_owned(),
    }
}

fn calibration(rows: &Rows<'_>, calibrated: Option<CalibrationOutcome>) -> Markup {
    let mut bins = [(0_u64, 0.0_f64, 0_u64); CALIBRATION_BINS];
    for (probability, hit) in said(rows) {
        let bin = ((probability * CALIBRATION_BINS as f64) as usize).min(CALIBRATION_BINS - 1);
        bins[bin].0 += 1;
        bins[bin].1 += probability;
        bins[bin].2 += u64::from(hit);
    }
    let filled: Vec<(u64, f64, f64)> =
        bins.iter().filter(|(rows, ..)| *rows > 0).map(|&(rows, sum, hits)| (rows, sum / rows as f64, hits as f64 / rows as f64)).collect();
    let total: u64 = filled.iter().map(|(rows, ..)| rows).sum();
    let error: f64 = filled.iter().map(|(rows, said, was)| *rows as f64 / total.max(1) as f64 * (said - was).abs()).sum();
    let points = filled.iter().map(|(_, said, was)| (*said, *was)).collect();
    html! {
        figure.small.square {
            (lines(&[Line::dotted(points), Line::dashed(vec![(0.0, 0.0), (1.0, 1.0)])], UNIT, UNIT, "Calibration"))
            (unit_axes("said → · was ↑"))
        }
        p.soft {
            @if rows.labels.len() > 2 { "Of the most probable label. " }
            "On the dashed line a probability is as often right as it says. It is off by " (percent(error)) " on average: "
            @if error < 0.03 { "take the probabilities at their word." } @else if error < 0.08 { "take them as a guide." } @else { "use them to rank, not as chances." }
        }
        @if let Some(outcome) = calibrated { p.soft { (sentence(&how_calibrated(outcome))) "." } }
    }
}

/// What the choice of a threshold means, and what it costs where the two mistakes cost differently.
fn thresholds(rows: &Rows<'_>, ranking: &Ranking) -> Markup {
    let (hits, others) = (ranking.hits, ranking.others);
    let ratio = |part: u64, whole: u64| if whole == 0 { "–".to_owned() } else { percent(part as f64 / whole as f64) };
    let mut tried: Vec<f64> = (1..10).map(|tenth| f64::from(tenth) / 10.0).collect();
    if tried.iter().all(|threshold| (threshold - rows.threshold).abs() > 1e-6) {
        tried.push(rows.threshold);
        tried.sort_unstable_by(f64::total_cmp);
    }
    let head = html! {
        th { "Above" } th.n { "Predicted" } th.n { "Precision" } th.n { "Recall" } th.n { "False alarms" } th.n { "Missed" }
        th.n { "Cost 1:1" } th.n { "Cost 1:5" } th.n { "Cost 5:1" }
    };
    let body = html! {
        @for threshold in tried {
            @let (found, alarms) = ranking.above(threshold);
            @let missed = hits - found;
            tr {
                th scope="row" {
                    (format!("{threshold:.2}"))
                    @if (threshold - rows.threshold).abs() < 1e-6 { " " span.mark.kept { "USED" } }
                }
                td.n { (count(found + alarms)) }
                td.n { (ratio(found, found + alarms)) }
                td.n { (ratio(found, hits)) }
                td.n { (count(alarms)) }
                td.n { (count(missed)) }
                td.n { (count(alarms + missed)) }
                td.n { (count(alarms + 5 * missed)) }
                td.n { (count(5 * alarms + missed)) }
            }
        }
    };
    html! {
        p {
            "What follows if " bdi { (rows.labels.get(1).map_or_else(String::new, |name| cut(name, 60))) }
            " is predicted above a given probability, on " (count(hits + others)) " rows. Cost 1:5: a missed one costs five times a false alarm."
        }
        (table("thresholds", &head, &body))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ranking_counts_ties_half_and_knows_what_is_above() {
        let (labels, actual) = (["a", "b", "c"].map(ToOwned::to_owned), [2, 0, 2, 1]);
        let probabilities = [0.1, 0.2, 0.7, 0.8, 0.1, 0.1, 0.3, 0.6, 0.1, 0.05, 0.9, 0.05];
        let rows = Rows { labels: &labels, actual: &actual, chosen: &actual, probabilities: &probabilities, threshold: 0.5 };
        // Of the third label, by descending probability: a hit, a hit with another, another.
        let ranking = Ranking::of(&rows, 2);
        assert_eq!((ranking.steps.len(), ranking.hits, ranking.others), (3, 2, 2));
        assert!((ranking.area() - 0.875).abs() < 1e-12, "{}", ranking.area());
        assert_eq!((ranking.above(0.5), ranking.above(0.07), ranking.above(0.9)), ((1, 0), (2, 1), (0, 0)));
        let said: Vec<(f64, bool)> = said(&rows).collect();
        assert_eq!(said.iter().map(|(_, hit)| *hit).collect::<Vec<_>>(), [true, true, false, true]);
    }
}
