//! What a training came to, as text and as JSON.

use std::fmt::Write as _;

use anyhow::Result;
use domain::{Metric, Metrics};
use model::Baseline;
use report::{format_time, how_judged};
use serde_json::json;
use trainer::Outcome;

/// A finished training.
pub(crate) struct Finished<'a> {
    pub(crate) outcome: &'a Outcome,
    pub(crate) seconds: f64,
    /// Whether a signal ended the search.
    pub(crate) interrupted: bool,
}

pub(crate) fn as_json(finished: &Finished<'_>) -> Result<String> {
    let Finished { outcome, seconds, interrupted } = finished;
    let result = json!({
        "problem_type": outcome.problem_type,
        "metrics": outcome.metrics,
        "validation": outcome.card.validation,
        "judged_rows": outcome.card.judged_rows,
        "baselines": outcome.card.baselines,
        "beware": outcome.card.beware,
        "seconds": seconds,
        "model": outcome.artefacts.model,
        "model_sha256": outcome.model_sha256,
        "manifest": outcome.artefacts.manifest,
        "pickle": outcome.artefacts.pickle,
        "leaderboard": outcome.artefacts.leaderboard,
        "models_tried": outcome.leaderboard.models.len(),
        "stopped_early": outcome.leaderboard.stopped_early,
        "interrupted": interrupted,
        "eda_report": outcome.artefacts.eda_report,
        "training_report": outcome.artefacts.training_report,
    });
    Ok(serde_json::to_string_pretty(&result)?)
}

pub(crate) fn as_text(finished: &Finished<'_>) -> Result<String> {
    let Finished { outcome, seconds, interrupted } = finished;
    let (metrics, card) = (&outcome.metrics, &outcome.card);
    let tried = outcome.leaderboard.models.len();
    let models = if tried == 1 { "the only model tried".to_owned() } else { format!("the best of {tried} models") };
    let mut text = format!("{}, {models}, in {}\n", metrics.best_estimator, format_time(*seconds));
    if *interrupted {
        writeln!(text, "interrupted: this is the best that was found until then")?;
    } else if outcome.leaderboard.stopped_early {
        writeln!(text, "stopped early, before its time was up: searching on no longer made it better")?;
    }
    writeln!(text, "\n{}", figures(metrics, &card.baselines)?)?;
    writeln!(text, "{}", how_judged(card.validation, card.judged_rows))?;
    for warning in &card.beware {
        writeln!(text, "beware: {warning}")?;
    }
    writeln!(text)?;
    for path in [&outcome.artefacts.model, &outcome.artefacts.training_report, &outcome.artefacts.eda_report] {
        writeln!(text, "{}", path.display())?;
    }
    Ok(text)
}

/// A table of the known metrics: the value, where it lies on other rows in 95 of 100 cases, and what the baselines reach.
pub(crate) fn figures(metrics: &Metrics, baselines: &[Baseline]) -> Result<String, std::fmt::Error> {
    let heads = baselines.iter().map(|baseline| format!(" {:>12}", baseline.name)).collect::<String>();
    let mut text = format!("{:<20} {:>12}  {:<26}{heads}\n", "metric", "value", "95 % interval");
    for (name, value, metric) in named(metrics) {
        let interval = metric.and_then(|metric| interval(metrics, metric)).unwrap_or_default();
        let others = baselines.iter().map(|baseline| {
            let same = named(&baseline.metrics).find(|(other, ..)| *other == name);
            format!(" {:>12}", same.map_or_else(|| "–".to_owned(), |(_, value, _)| number(value)))
        });
        let line = format!("{name:<20} {:>12}  {interval:<26}{}", number(value), others.collect::<String>());
        writeln!(text, "{}", line.trim_end())?;
    }
    Ok(text)
}

/// The metrics that are known, in the order of a report.
fn named(metrics: &Metrics) -> impl Iterator<Item = (&'static str, f64, Option<Metric>)> {
    let averages = [("weighted precision", metrics.precision), ("weighted recall", metrics.recall)];
    let measured = Metric::ALL.into_iter().map(|metric| match metric {
        // The stored F1 is the weighted one, and so has no interval.
        Metric::F1 => ("weighted F1", metrics.get(metric), None),
        _ => (metric.title(), metrics.get(metric), Some(metric)),
    });
    let averages = averages.into_iter().map(|(name, value)| (name, value, None));
    measured.chain(averages).filter_map(|(name, value, metric)| Some((name, value?, metric)))
}

fn interval(metrics: &Metrics, metric: Metric) -> Option<String> {
    let interval = metrics.intervals.get(metric.name())?;
    Some(format!("{} to {}", number(interval.low), number(interval.high)))
}

/// Four decimals, fewer of large numbers; small ones by their power of ten.
fn number(value: f64) -> String {
    match value.abs() {
        0.0 => "0".to_owned(),
        1e-3..1e3 => format!("{value:.4}"),
        1e3..1e5 => format!("{value:.2}"),
        1e5..1e12 => format!("{value:.0}"),
        _ => format!("{value:.3e}"),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use domain::Interval;

    use super::*;

    #[test]
    fn each_metric_has_its_interval_and_what_is_reached_without_effort() {
        let metrics = Metrics {
            r2_score: Some(0.9312),
            rmse: Some(48_123.456),
            intervals: BTreeMap::from([("rmse".to_owned(), Interval { low: 46_000.0, high: 50_321.9 })]),
            ..Metrics::default()
        };
        let mean = Baseline { name: "mean".to_owned(), metrics: Metrics { rmse: Some(115_000.0), ..Metrics::default() } };
        let table = figures(&metrics, &[mean]).unwrap();
        assert_eq!(
            table,
            "metric                      value  95 % interval                      mean\n\
             R²                         0.9312                                        –\n\
             RMSE                     48123.46  46000.00 to 50321.90             115000\n"
        );
    }
}
