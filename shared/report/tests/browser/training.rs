//! Training reports as unkind as can be.

use std::collections::BTreeMap;

use domain::{Family, Finding, FindingKind, Interval, Metric, Metrics, PreprocessingInfo, ProblemType, Severity, Validation};
use report::{
    Configuration, Contribution, Curve, Effect, ExplainedRows, HardRow, Judged, LeaderboardRow, Places, Segment, TrainingReport,
    training_report,
};

use crate::{HOSTILE, LONG};

const ROWS: u32 = 240;

/// A name for a position: one breaks out of markup where it can, one has no place to break, the others are short.
fn name(position: usize) -> String {
    match position {
        0 => HOSTILE.to_owned(),
        1 => LONG.to_owned(),
        other => format!("name {other}"),
    }
}

fn names(count: usize) -> Vec<String> {
    (0..count).map(name).collect()
}

/// The report of a model of so many labels.
pub(crate) fn of_labels(count: usize) -> String {
    let actual: Vec<u32> = (0..ROWS).map(|row| row % count as u32).collect();
    // Every fifth row is taken for the next label.
    let chosen: Vec<u32> = actual.iter().zip(0..ROWS).map(|(label, row)| (label + u32::from(row % 5 == 0)) % count as u32).collect();
    let probability = |row: u32, label: u32| {
        let sure = 0.5 + 0.4 * (row % 11) as f32 / 11.0;
        if chosen.get(row as usize) == Some(&label) { sure } else { (1.0 - sure) / (count - 1) as f32 }
    };
    let probabilities = (0..ROWS).flat_map(|row| (0..count as u32).map(move |label| (row, label)));
    let probabilities = probabilities.map(|(row, label)| probability(row, label)).collect();
    training_report(&TrainingReport {
        problem_type: ProblemType::Classification,
        metric: Metric::LogLoss,
        metrics: Metrics {
            accuracy: Some(0.8),
            log_loss: Some(0.654_321),
            roc_auc: Some(0.9999),
            intervals: BTreeMap::from([("accuracy".to_owned(), Interval { low: 0.7, high: 0.9 })]),
            training_time: 3_599.0,
            best_estimator: LONG.to_owned(),
            ..Metrics::default()
        },
        judged: Judged::Labels { labels: names(count), actual, chosen, probabilities, threshold: 0.37 },
        ..base()
    })
}

/// The report of a model of numbers.
pub(crate) fn of_numbers() -> String {
    training_report(&base())
}

fn base() -> TrainingReport {
    let numbers = |row: u32| (f64::from(row) * 1e6, f64::from(row) * 1e6 + f64::from(row % 13) * 1e5);
    TrainingReport {
        job: HOSTILE.to_owned(),
        target: LONG.to_owned(),
        problem_type: ProblemType::Regression,
        metric: Metric::Rmse,
        metrics: Metrics {
            r2_score: Some(0.9312),
            rmse: Some(123_456_789.123),
            mae: Some(1.234e-12),
            intervals: BTreeMap::from([("rmse".to_owned(), Interval { low: 100_000_000.123, high: 987_654_321.123 })]),
            training_time: 45.5,
            best_estimator: HOSTILE.to_owned(),
            ..Metrics::default()
        },
        validation: Validation::Folds { folds: 5, deals: 3 },
        calibration: None,
        baselines: vec![
            ("mean".to_owned(), Metrics { accuracy: Some(0.1), r2_score: Some(0.0), ..Metrics::default() }),
            ("linear".to_owned(), Metrics { accuracy: Some(0.8), rmse: Some(1e300), ..Metrics::default() }),
        ],
        leaderboard: names(60).into_iter().map(candidate).collect(),
        history: vec![(1.0, 123_456_789.5), (20.0, 123_456.5), (3_599.0, 1e-9)],
        converged: false,
        interrupted: true,
        importances: names(30).into_iter().map(|name| (name, 1.0 / 30.0)).collect(),
        permutation: names(30).into_iter().map(|name| (name, 123_456.789, 0.001)).collect(),
        findings: (0..3)
            .map(|place| Finding {
                kind: FindingKind::Leakage,
                severity: Severity::Serious,
                column: Some(name(place)),
                reason: LONG.to_owned(),
                action: HOSTILE.to_owned(),
            })
            .collect(),
        contributions: (0..3)
            .map(|place| Contribution { feature: name(place), mean: 123_456.7, points: vec![(Some(1e300), -1e9), (None, 1e9)] })
            .collect(),
        explained_rows: ExplainedRows { permutation: 400, repeats: 3, contributions: 300, effects: 300 },
        effects: vec![
            Effect {
                feature: name(0),
                places: Places::Numbers(vec![-1e300, 0.0]),
                curves: names(3).into_iter().map(|label| Curve { label: Some(label), means: vec![1e-300, 1e300] }).collect(),
            },
            Effect {
                feature: name(1),
                places: Places::Categories(names(20)),
                curves: vec![Curve { label: None, means: vec![123_456_789.5; 20] }],
            },
        ],
        judged: Judged::Numbers((0..ROWS).map(numbers).collect()),
        hardest: names(10).into_iter().map(hard_row).collect(),
        segments: names(10).into_iter().map(segment).collect(),
        preprocessing: PreprocessingInfo {
            feature_columns: names(30),
            feature_count: 30,
            dropped_columns: Some(names(3)),
            dropped_reasons: names(3).into_iter().map(|name| (name, "it is the target in other words".to_owned())).collect(),
            ..PreprocessingInfo::default()
        },
        configuration: Configuration {
            time_budget: 3_600.0,
            rows: 1_000_000_000,
            columns: 33,
            train_rows: 999_999_999,
            sampled_rows: None,
            judged_rows: ROWS.into(),
            dropped_rows: 1,
            settings: names(3).into_iter().map(|name| (name.clone(), name)).collect(),
            seed: u64::MAX,
            versions: names(3).into_iter().map(|name| (name.clone(), name)).collect(),
            data_fingerprint: format!("blake3:{}", "0f".repeat(32)),
        },
        created_at: "2026-01-31T12:00:00.5Z".parse().unwrap(),
    }
}

fn candidate(name: String) -> LeaderboardRow {
    let parameters = names(8).into_iter().map(|name| (name.clone(), name)).collect();
    LeaderboardRow {
        name,
        family: Family::GradientBoosting,
        parameters,
        score: 123_456.789,
        fit_seconds: 3_599.0,
        predict_seconds: 123.456,
        bytes: 123_456_789,
        trees: 12_345,
        weight: 0.1,
    }
}

fn hard_row(name: String) -> HardRow {
    let cells = names(6).into_iter().map(|name| (name.clone(), name)).collect();
    HardRow { row: Some(123_456_789), actual: name.clone(), predicted: name, figure: -123_456_789.5, cells }
}

fn segment(name: String) -> Segment {
    Segment { feature: name.clone(), values: name, rows: 123_456, loss: 123_456.789, overall: 0.001 }
}
