//! The first screen: how good the model is in plain words, against what one gets without effort, and what to beware of; and all metrics.

use domain::{Family, Finding, FindingKind, Metric, Metrics, ProblemType, Severity, Validation};
use maud::{Markup, html};

use super::{Judged, TrainingReport, figure};
use crate::{
    format::{count, counted, cut, label, percent},
    page::{Tone, card, note, table},
};

/// From these on a model is called good, and very good: the share of the baseline's error that it takes away.
const GOOD: f64 = 0.3;
const VERY_GOOD: f64 = 0.7;
/// Up to this it is called no better than a guess.
const LITTLE: f64 = 0.02;
const ADVICE: &str = "More rows, more telling features or a larger time budget may help.";
/// Fewer judged rows than this say little.
const FEW_ROWS: u64 = 200;
/// The most findings of the table that are repeated here.
const FINDINGS: usize = 8;
const MAX_REASON_CHARS: usize = 240;
/// Better than this is too good to be true in most tables.
const TOO_GOOD: f64 = 0.999;

/// `measured on 1,234 rows that the search never saw`.
pub fn how_judged(validation: Validation, judged_rows: u64) -> String {
    let rows = counted(judged_rows, "row", "rows");
    match validation {
        Validation::HoldOut => format!("measured on {rows} that the search never saw"),
        Validation::Folds { folds, deals } => {
            let again = if deals > 1 { format!(", dealt {deals} times") } else { String::new() };
            format!("measured on {rows}, each by models that had not learned from it ({folds} folds{again})")
        }
    }
}

/// The metric that the first screen speaks of.
fn main_metric(report: &TrainingReport) -> Metric {
    match report.problem_type {
        ProblemType::Classification => Metric::Accuracy,
        ProblemType::Regression => Metric::R2,
    }
}

/// How good, compared with what, and what to beware of.
pub(crate) fn first_screen(report: &TrainingReport) -> Markup {
    let content = html! {
        p.headline { (headline(report)) }
        (comparison(report))
        @let (tone, verdict) = verdict(report);
        (note(tone, &html! { (verdict) }))
        @let warnings = beware(report);
        @if !warnings.is_empty() {
            h3 { "Beware" }
            ul.beware { @for warning in &warnings { li { (warning) } } }
        }
    };
    card("How good is it?", &content)
}

fn headline(report: &TrainingReport) -> Markup {
    let metric = main_metric(report);
    let Some(value) = report.metrics.get(metric) else { return html! { "The model could not be measured: there were too few rows." } };
    let range = report.metrics.intervals.get(metric.name()).map_or_else(String::new, |interval| {
        format!(" ({} to {} with 95% confidence)", percent(interval.low.max(0.0)), percent(interval.high.max(0.0)))
    });
    match report.problem_type {
        ProblemType::Classification => html! { "It gives the right label in " strong { (percent(value)) } " of the rows" (range) "." },
        ProblemType::Regression => {
            let off = report.metrics.mae.map(|mae| format!(", and is off by {} on average", figure(Metric::Mae, mae))).unwrap_or_default();
            html! { "It explains " strong { (percent(value.max(0.0))) } " of the target's variation" (range) (off) "." }
        }
    }
}

fn interval(metrics: &Metrics, metric: Metric) -> Option<String> {
    let interval = metrics.intervals.get(metric.name())?;
    Some(format!("{} to {}", figure(metric, interval.low), figure(metric, interval.high)))
}

/// The share of the error of the baseline that knows nothing that the model takes away.
fn gain(report: &TrainingReport, metric: Metric) -> Option<f64> {
    let (_, baseline) = report.baselines.first()?;
    let error = |metrics: &Metrics| metrics.get(metric).map(|value| if metric.greater_is_better() { 1.0 - value } else { value });
    let (mine, without) = (error(&report.metrics)?, error(baseline)?);
    (without > 0.0).then(|| 1.0 - mine / without)
}

/// How good the model is, by what it takes away of the error that one has without effort.
fn verdict(report: &TrainingReport) -> (Tone, String) {
    let metric = main_metric(report);
    let Some(gain) = gain(report, metric) else {
        return (Tone::Bad, format!("How much better this is than a guess could not be measured. {ADVICE}"));
    };
    let error = if metric == Metric::R2 { "squared error" } else { "error" };
    let less = format!("it makes {} less {error} than an answer that ignores the features.", percent(gain.max(0.0)));
    if gain >= VERY_GOOD {
        (Tone::Good, format!("Very good: {less}"))
    } else if gain >= GOOD {
        (Tone::Good, format!("Good: {less}"))
    } else if gain > LITTLE {
        (Tone::Fair, format!("Modest: {less} {ADVICE}"))
    } else if let Some(share) = better_probabilities(report) {
        let threshold = if labels(report) == 2 { ", or choose another threshold below" } else { "" };
        let text = format!(
            "Its labels are hardly better than always the most frequent one, but its probabilities tell the rows apart ({} less log loss): \
             rank rows by them{threshold}.",
            percent(share)
        );
        (Tone::Fair, text)
    } else {
        (Tone::Bad, format!("No better than an answer that ignores the features: do not rely on it. {ADVICE}"))
    }
}

/// How much less log loss there is, where that is worth a word: of a rare label the most probable answer is nearly always the other.
fn better_probabilities(report: &TrainingReport) -> Option<f64> {
    gain(report, Metric::LogLoss).filter(|share| *share > LITTLE)
}

fn labels(report: &TrainingReport) -> usize {
    match &report.judged {
        Judged::Labels { labels, .. } => labels.len(),
        Judged::Numbers(_) => 0,
    }
}

/// The model and the baselines side by side.
fn comparison(report: &TrainingReport) -> Markup {
    let mut shown = vec![main_metric(report)];
    shown.extend(match report.problem_type {
        ProblemType::Classification => [Metric::LogLoss, Metric::RocAuc],
        ProblemType::Regression => [Metric::Rmse, Metric::Mae],
    });
    if !shown.contains(&report.metric) {
        shown.push(report.metric);
    }
    let head = html! { th { "" } @for metric in &shown { th.n { (metric.title()) } } };
    let row = |name: &str, metrics: &Metrics, strong: bool| {
        html! {
            tr {
                th scope="row" { @if strong { strong { (name) } } @else { (name) } }
                @for &metric in &shown { td.n { (metrics.get(metric).map_or_else(|| "–".to_owned(), |value| figure(metric, value))) } }
            }
        }
    };
    let rows = html! {
        (row("This model", &report.metrics, true))
        @for (name, metrics) in report.baselines.iter().rev() { (row(baseline_name(name), metrics, false)) }
    };
    let has_linear = report.baselines.iter().any(|(name, _)| name == "linear");
    html! {
        (table("comparison", &head, &rows))
        @if !has_linear {
            p.soft { "A linear model to compare with is missing: there was no time for one, or no feature that it could use." }
        }
    }
}

fn baseline_name(name: &str) -> &str {
    match name {
        "majority" => "Always the most frequent label",
        "mean" => "Always the mean",
        "linear" => "A linear model",
        other => other,
    }
}

/// What a reader should know before relying on the figures.
pub fn beware(report: &TrainingReport) -> Vec<String> {
    let mut warnings = Vec::new();
    let rows = report.configuration.judged_rows;
    let is_small = report.findings.iter().any(|finding| finding.kind == FindingKind::FewRows);
    if rows < FEW_ROWS && !is_small {
        warnings.push(format!("Only {} were judged: the figures may be off by the whole interval.", counted(rows, "row", "rows")));
    }
    let too_good = report.metrics.roc_auc.or(report.metrics.r2_score).is_some_and(|value| value > TOO_GOOD);
    if too_good && let Some((feature, share)) = report.importances.first() {
        warnings.push(format!(
            "This is nearly perfect. Check that '{}' ({} of what the model looks at) is known before the target is, and does not follow from it.",
            label(feature),
            percent(*share)
        ));
    }
    let grave: Vec<&Finding> = report.findings.iter().filter(|finding| finding.severity > Severity::Note).collect();
    warnings.extend(grave.iter().take(FINDINGS).map(|finding| told(finding)));
    if grave.len() > FINDINGS {
        warnings.push(format!("{} more warnings are in the data report.", grave.len() - FINDINGS));
    }
    let is_linear = report.leaderboard.iter().all(|model| model.weight == 0.0 || model.family == Family::Linear);
    if !is_linear && let Some((_, linear)) = report.baselines.iter().find(|(name, _)| name == "linear") {
        let metric = main_metric(report);
        if let (Some(mine), Some(theirs)) = (report.metrics.get(metric), linear.get(metric))
            && theirs >= mine
        {
            warnings.push("A plain linear model does as well: consider it if you need to explain every prediction.".to_owned());
        }
    }
    if let Some(sampled) = report.configuration.sampled_rows {
        warnings.push(format!(
            "The table does not fit the memory of the machine: the model learned from a sample of {} of its {} rows.",
            count(sampled),
            count(report.configuration.rows)
        ));
    }
    if report.interrupted {
        warnings.push("The search was told to stop before its time: a longer one may do better.".to_owned());
    }
    if report.configuration.dropped_rows > 0 {
        let dropped = counted(report.configuration.dropped_rows, "row", "rows");
        warnings.push(format!("{dropped} without a usable target were left out."));
    }
    if let Validation::Folds { .. } = report.validation {
        warnings.push(
            "The table is small, so the rows that chose the model also judged it, though never a model that had learned from them: on new \
             rows it may do a little worse."
                .to_owned(),
        );
    }
    warnings
}

/// A finding of the table as a sentence.
fn told(finding: &Finding) -> String {
    let of = finding.column.as_ref().map(|column| format!(" in '{}'", label(column))).unwrap_or_default();
    format!("{}{of}: {}; {}.", finding.kind.title(), cut(&finding.reason, MAX_REASON_CHARS), finding.action)
}

/// All metrics with their intervals.
pub(crate) fn metrics(report: &TrainingReport) -> Markup {
    let known = Metric::ALL.into_iter().filter_map(|metric| Some((metric, report.metrics.get(metric)?)));
    let mut rows: Vec<(String, String, String)> = known
        .map(|(metric, value)| {
            let range = interval(&report.metrics, metric).unwrap_or_else(|| "–".to_owned());
            (sentence(metric.title()), figure(metric, value), range)
        })
        .collect();
    let weighted = [
        ("F1 score, weighted", "f1_score", report.metrics.f1_score),
        ("Precision, weighted", "precision", report.metrics.precision),
        ("Recall, weighted", "recall", report.metrics.recall),
    ];
    for (name, key, value) in weighted {
        if let Some(value) = value {
            let range = report.metrics.intervals.get(key).map(|range| format!("{:.4} to {:.4}", range.low, range.high));
            rows.push((name.to_owned(), format!("{value:.4}"), range.unwrap_or_else(|| "–".to_owned())));
        }
    }
    let head = html! { th { "Metric" } th.n { "Value" } th.n { "95% interval" } };
    let body = html! { @for (name, value, range) in &rows { tr { th scope="row" { (name) } td.n { (value) } td.n { (range) } } } };
    let content = html! {
        (table("metrics", &head, &body))
        p.soft { "The search optimised " (report.metric.title()) ". Intervals are from resampling the judged rows." }
    };
    card("Model Performance Metrics", &content)
}

pub(super) fn sentence(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}
