//! From what the engine tells to what the training report shows.

use std::{collections::BTreeMap, sync::atomic::Ordering};

use domain::{Profile, Timestamp, TrainingSettings, date};
use engine::{Outcome, Part, Trained};
use model::{DatePart, FeatureKind, Task, TextLength};
use report::{Configuration, Contribution, Curve, Effect, ExplainedRows, HardRow, Judged, LeaderboardRow, Places, Segment, TrainingReport};
use table::{Frame, Values};

use crate::{Options, card::versions};

/// The hardest rows that are shown, and the features whose values are shown with them.
const HARDEST: usize = 10;
const SHOWN_FEATURES: usize = 6;
/// The features whose values are looked at for weak parts, the fewest rows of such a part, and how many are shown.
const SEGMENT_FEATURES: usize = 12;
const SEGMENT_ROWS: usize = 20;
const SEGMENTS: usize = 10;
/// How much worse than the mean a part must be.
const WEAK: f64 = 1.2;
/// Parts that numbers are cut into.
const QUARTERS: usize = 4;
/// The least probability that a loss assumes.
const LEAST: f64 = 1e-7;

pub(crate) fn of(trained: &Trained, frame: &Frame, profile: &Profile, options: &Options, created_at: Timestamp) -> TrainingReport {
    let leaderboard = trained.leaderboard.iter().map(|entry| LeaderboardRow {
        name: entry.name.clone(),
        family: entry.family,
        parameters: entry
            .rounds
            .map(|rounds| ("rounds".to_owned(), rounds.round().to_string()))
            .into_iter()
            .chain(entry.parameters.iter().cloned())
            .collect(),
        score: entry.validation_score,
        fit_seconds: entry.fit_seconds,
        predict_seconds: entry.predict_seconds,
        bytes: entry.bytes as u64,
        trees: entry.trees,
        weight: entry.weight,
    });
    let losses = losses(&trained.outcome);
    let is_whole = frame.rows as u64 >= profile.rows;
    TrainingReport {
        job: options.job.clone(),
        target: options.target.clone(),
        problem_type: trained.problem_type,
        metric: trained.metric,
        metrics: trained.metrics.clone(),
        validation: trained.validation,
        calibration: trained.calibration,
        baselines: trained.baselines.iter().map(|baseline| (baseline.name.clone(), baseline.metrics.clone())).collect(),
        leaderboard: leaderboard.collect(),
        history: trained.history.clone(),
        converged: trained.converged,
        interrupted: options.stop.load(Ordering::Relaxed),
        importances: trained.importances.clone(),
        permutation: trained.explained.permutation.iter().map(|one| (one.feature.clone(), one.mean, one.deviation)).collect(),
        contributions: trained.explained.shap.iter().map(|one| contribution(one, trained)).collect(),
        effects: trained.explained.effects.iter().map(|effect| shown(effect, trained)).collect(),
        explained_rows: explained_rows(trained.explained.rows),
        judged: judged(trained),
        hardest: hardest(trained, frame, is_whole, &losses),
        segments: segments(trained, frame, &losses),
        preprocessing: trained.preprocessing.clone(),
        findings: Vec::new(),
        configuration: Configuration {
            time_budget: options.time_budget.as_secs_f64(),
            rows: profile.rows,
            columns: profile.columns.len() as u64,
            train_rows: trained.train_rows as u64,
            sampled_rows: (!is_whole).then_some(frame.rows as u64),
            judged_rows: trained.judged_rows.len() as u64,
            dropped_rows: trained.dropped_rows as u64,
            settings: asked(&options.settings),
            seed: options.seed,
            versions: versions(),
            data_fingerprint: profile.fingerprint.clone(),
        },
        created_at,
    }
}

/// What a person decided, in words.
fn asked(settings: &TrainingSettings) -> Vec<(String, String)> {
    let listed = |items: Vec<String>| (!items.is_empty()).then(|| items.join(", "));
    [
        ("metric", settings.metric.map(|metric| metric.to_string())),
        ("estimator_list", listed(settings.estimators.iter().map(ToString::to_string).collect())),
        ("time_column", settings.time_column.clone()),
        ("group_column", settings.group_column.clone()),
        ("weight_column", settings.weight_column.clone()),
        ("balance_classes", settings.balance_classes.then(|| "yes".to_owned())),
        ("monotone", listed(settings.monotone.iter().map(|(name, way)| format!("{name}: {way}")).collect())),
        ("max_model_mb", settings.max_model_mb.map(|megabytes| megabytes.to_string())),
        ("max_trees", settings.max_trees.map(|trees| trees.to_string())),
        ("candidates", settings.candidates.map(|candidates| candidates.to_string())),
    ]
    .into_iter()
    .filter_map(|(name, value)| Some((name.to_owned(), value?)))
    .collect()
}

fn explained_rows(rows: engine::ExplainedRows) -> ExplainedRows {
    ExplainedRows {
        permutation: rows.permutation as u64,
        repeats: rows.repeats as u64,
        contributions: rows.shap as u64,
        effects: rows.effects as u64,
    }
}

fn judged(trained: &Trained) -> Judged {
    match &trained.outcome {
        Outcome::Numbers(pairs) => Judged::Numbers(pairs.clone()),
        Outcome::Labels { labels, actual, chosen, probabilities } => Judged::Labels {
            labels: labels.clone(),
            actual: actual.clone(),
            chosen: chosen.clone(),
            probabilities: probabilities.clone(),
            threshold: f64::from(trained.pipeline.threshold.unwrap_or(0.5)),
        },
    }
}

/// By judged row the log loss or the absolute error.
fn losses(outcome: &Outcome) -> Vec<f64> {
    match outcome {
        Outcome::Numbers(pairs) => pairs.iter().map(|(actual, predicted)| (actual - predicted).abs()).collect(),
        Outcome::Labels { labels, actual, probabilities, .. } => {
            let of = |(row, &label): (usize, &u32)| probabilities.get(row * labels.len() + label as usize).copied().unwrap_or(0.0);
            actual.iter().enumerate().map(of).map(|p| -f64::from(p).max(LEAST).ln()).collect()
        }
    }
}

fn shown(effect: &engine::Effect, trained: &Trained) -> Effect {
    let feature = trained.pipeline.features.iter().find(|feature| feature.name == effect.feature);
    let (part, places) = match feature.map(|feature| &feature.kind) {
        Some(FeatureKind::Categorical { categories }) => {
            let name = |code: f32| (code as usize).checked_sub(1).and_then(|place| categories.get(place)).cloned();
            let name = |&code: &f32| name(code).unwrap_or_else(|| "(missing or rare)".to_owned());
            (None, Places::Categories(effect.places.iter().map(name).collect()))
        }
        kind => {
            let origin = if let Some(FeatureKind::Date { origin, .. }) = kind { *origin } else { 0 };
            let part = effect.part.as_ref().map(|part| part_name(part, origin));
            let places = if let Some(Part::Word(_)) = effect.part {
                Places::Categories(effect.places.iter().map(|&has| if has > 0.5 { "yes" } else { "no" }.to_owned()).collect())
            } else {
                Places::Numbers(effect.places.iter().map(|&value| f64::from(value)).collect())
            };
            (part, places)
        }
    };
    let label = |position: usize| match &trained.pipeline.task {
        Task::Classification { labels } => labels.get(position).map(ToString::to_string),
        Task::Regression => None,
    };
    let curve = |curve: &engine::Curve| Curve { label: curve.label.and_then(label), means: curve.means.clone() };
    let feature = part.map_or_else(|| effect.feature.clone(), |part| format!("{}: {part}", effect.feature));
    Effect { feature, places, curves: effect.curves.iter().map(curve).collect() }
}

/// A date's or a text's number in words.
fn part_name(part: &Part, origin: i64) -> String {
    let part = match part {
        Part::Date(part) => *part,
        Part::Since(other) => return format!("days since {other}"),
        Part::Length(TextLength::Characters) => return "number of characters".to_owned(),
        Part::Length(TextLength::Words) => return "number of words".to_owned(),
        Part::Length(TextLength::Digits) => return "number of digits".to_owned(),
        Part::Word(word) => return format!("has the word \"{word}\""),
    };
    match part {
        DatePart::Elapsed => {
            let (year, month, day) = date::civil(origin);
            format!("days since {year:04}-{month:02}-{day:02}")
        }
        DatePart::Weekday => "weekday, Monday is 0".to_owned(),
        DatePart::Day => "day of the month".to_owned(),
        part => format!("{part:?}").to_lowercase(),
    }
}

/// Values of categories have no order, and missing ones none either.
fn contribution(contribution: &engine::Contribution, trained: &Trained) -> Contribution {
    let feature = trained.pipeline.features.iter().find(|feature| feature.name == contribution.feature);
    let ordered = feature.is_some_and(|feature| !matches!(feature.kind, FeatureKind::Categorical { .. }));
    let point = |&(value, adds): &(f32, f64)| (Some(f64::from(value)).filter(|value| ordered && !value.is_nan()), adds);
    Contribution { feature: contribution.feature.clone(), mean: contribution.mean, points: contribution.points.iter().map(point).collect() }
}

/// `is_whole`: the frame's rows are the table's, not a sample of them.
fn hardest(trained: &Trained, frame: &Frame, is_whole: bool, losses: &[f64]) -> Vec<HardRow> {
    let mut order: Vec<usize> = (0..losses.len()).collect();
    order.sort_by(|&a, &b| losses[b].total_cmp(&losses[a]).then(a.cmp(&b)));
    order.truncate(HARDEST);
    let features: Vec<&String> = trained.importances.iter().take(SHOWN_FEATURES).map(|(name, _)| name).collect();
    let row = |position: usize| {
        let row = *trained.judged_rows.get(position)?;
        let (actual, predicted, figure) = match &trained.outcome {
            Outcome::Numbers(pairs) => {
                let (actual, predicted) = *pairs.get(position)?;
                (rounded(actual), rounded(predicted), predicted - actual)
            }
            Outcome::Labels { labels, actual, chosen, .. } => {
                let name = |label: u32| labels.get(label as usize).cloned();
                (name(*actual.get(position)?)?, name(*chosen.get(position)?)?, (-losses[position]).exp())
            }
        };
        let cells = features.iter().map(|name| ((*name).clone(), cell(frame, name, row))).collect();
        Some(HardRow { row: is_whole.then_some(row as u64 + 1), actual, predicted, figure, cells })
    };
    let wrong = |row: &HardRow| matches!(trained.outcome, Outcome::Numbers(_)) || row.figure < 0.5;
    order.into_iter().filter_map(row).filter(wrong).collect()
}

/// A number with about four digits.
fn rounded(value: f64) -> String {
    if value == 0.0 || !value.is_finite() {
        return value.to_string();
    }
    let scale = 10_f64.powi(3 - value.abs().log10().floor() as i32);
    if scale <= 1.0 { format!("{value:.0}") } else { ((value * scale).round() / scale).to_string() }
}

fn cell(frame: &Frame, name: &str, row: usize) -> String {
    let missing = || "–".to_owned();
    match frame.column(name).map(|column| &column.values) {
        Some(Values::Numbers(values)) => values.get(row).filter(|value| !value.is_nan()).map_or_else(missing, |value| rounded(*value)),
        Some(Values::Booleans(values)) => values.get(row).copied().flatten().map_or_else(missing, |value| value.to_string()),
        Some(Values::Texts(texts)) => texts.get(row).map_or_else(missing, ToOwned::to_owned),
        None => missing(),
    }
}

/// The parts of the judged rows, by the features that matter most, where the mean loss is largest.
fn segments(trained: &Trained, frame: &Frame, losses: &[f64]) -> Vec<Segment> {
    let overall = losses.iter().sum::<f64>() / losses.len().max(1) as f64;
    let fewest = SEGMENT_ROWS.max(losses.len() / 100);
    let mut segments: Vec<Segment> = Vec::new();
    for (feature, _) in trained.importances.iter().take(SEGMENT_FEATURES) {
        let mut parts: BTreeMap<String, (usize, f64)> = BTreeMap::new();
        let part_of = parts_of(frame, feature, &trained.judged_rows);
        for (part, loss) in part_of.into_iter().zip(losses) {
            let sums = parts.entry(part).or_default();
            sums.0 += 1;
            sums.1 += loss;
        }
        let large = parts.into_iter().filter(|(_, (rows, _))| *rows >= fewest);
        segments.extend(large.map(|(values, (rows, sum))| Segment {
            feature: feature.clone(),
            values,
            rows: rows as u64,
            loss: sum / rows as f64,
            overall,
        }));
    }
    segments.retain(|segment| segment.loss > WEAK * overall);
    segments.sort_by(|a, b| b.loss.total_cmp(&a.loss));
    segments.truncate(SEGMENTS);
    segments
}

/// For each of the rows the part of the feature's values that it is in.
fn parts_of(frame: &Frame, feature: &str, rows: &[usize]) -> Vec<String> {
    let missing = || "missing".to_owned();
    match frame.column(feature).map(|column| &column.values) {
        Some(Values::Numbers(values)) => {
            let mut sorted: Vec<f64> = rows.iter().filter_map(|&row| values.get(row).copied()).filter(|value| !value.is_nan()).collect();
            sorted.sort_unstable_by(f64::total_cmp);
            let cut = |part: usize| sorted.get((sorted.len() * part / QUARTERS).min(sorted.len().saturating_sub(1))).copied();
            let mut cuts: Vec<f64> = (0..=QUARTERS).filter_map(cut).collect();
            cuts.dedup();
            let name = |value: f64| {
                let part = cuts.partition_point(|cut| *cut <= value).clamp(1, cuts.len().max(2) - 1);
                let (low, high) = (cuts.get(part - 1), cuts.get(part));
                low.zip(high).map_or_else(|| rounded(value), |(low, high)| format!("{} to {}", rounded(*low), rounded(*high)))
            };
            rows.iter().map(|&row| values.get(row).filter(|value| !value.is_nan()).map_or_else(missing, |value| name(*value))).collect()
        }
        Some(_) => rows.iter().map(|&row| Some(cell(frame, feature, row)).filter(|text| text != "–").unwrap_or_else(missing)).collect(),
        None => vec![missing(); rows.len()],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_cut_into_quarters_and_missing_ones_are_a_part() {
        let values = (0..8).map(f64::from).chain([f64::NAN]).collect();
        let frame = Frame { rows: 9, columns: vec![table::Column { name: "x".to_owned(), values: Values::Numbers(values) }] };
        let parts = parts_of(&frame, "x", &(0..9).collect::<Vec<_>>());
        assert_eq!(parts[..2], ["0 to 2", "0 to 2"]);
        assert_eq!(parts[7..], ["6 to 7", "missing"]);
    }

    #[test]
    fn figures_have_four_digits() {
        assert_eq!([rounded(0.0), rounded(12.345_6), rounded(123_456.7), rounded(-0.001_234_5)], ["0", "12.35", "123457", "-0.001235"]);
    }
}
