//! The training report for both problem types, hostile names and the widest tables.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;

use domain::{
    CalibrationOutcome, Family, FeatureType, Finding, FindingKind, Interval, Metric, Metrics, PreprocessingInfo, ProblemType, Severity,
    Validation,
};
use report::{
    Configuration, Contribution, Curve, Effect, ExplainedRows, HardRow, Judged, LeaderboardRow, Places, Segment, TrainingReport,
    training_report,
};

fn preprocessing(features: &[&str], dropped: &[(&str, &str)]) -> PreprocessingInfo {
    let names = |columns: &[(&str, &str)]| columns.iter().map(|(name, _)| (*name).to_owned()).collect::<Vec<_>>();
    PreprocessingInfo {
        feature_columns: features.iter().map(|&name| name.to_owned()).collect(),
        feature_count: features.len(),
        dropped_columns: Some(names(dropped)).filter(|columns| !columns.is_empty()),
        dropped_count: Some(dropped.len()).filter(|&count| count > 0),
        dropped_reasons: dropped.iter().map(|(name, reason)| ((*name).to_owned(), (*reason).to_owned())).collect(),
        feature_types: BTreeMap::from([("sex".to_owned(), FeatureType::Categorical)]),
        categorical_mappings: BTreeMap::from([("sex".to_owned(), BTreeMap::from([("f".to_owned(), 0), ("m".to_owned(), 1)]))]),
        ..PreprocessingInfo::default()
    }
}

fn candidate(name: &str, score: f64, weight: f64) -> LeaderboardRow {
    let parameters = [("learning_rate", "0.05"), ("num_leaves", "31")].map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
    LeaderboardRow {
        name: name.to_owned(),
        family: Family::GradientBoosting,
        parameters,
        score,
        fit_seconds: 12.34,
        predict_seconds: 0.0123,
        bytes: 345_678,
        trees: 300,
        weight,
    }
}

/// Rows of the labels `no` and `yes` by counts of `[actual][chosen]`, with probabilities that say so more or less.
fn judged(counts: [[usize; 2]; 2]) -> Judged {
    let (mut actual, mut chosen, mut probabilities) = (Vec::new(), Vec::new(), Vec::new());
    for (label, row) in (0..).zip(counts) {
        for (choice, rows) in (0..).zip(row) {
            for position in 0..rows {
                let second = if choice == 1 { 0.55 + 0.4 * position as f32 / rows as f32 } else { 0.45 * position as f32 / rows as f32 };
                actual.push(label);
                chosen.push(choice);
                probabilities.extend([1.0 - second, second]);
            }
        }
    }
    Judged::Labels { labels: vec!["no".to_owned(), "yes".to_owned()], actual, chosen, probabilities, threshold: 0.5 }
}

fn classification() -> TrainingReport {
    TrainingReport {
        job: "3f0c9a52-6f43-4c36-9b5c-3f3f0f1f2a11".to_owned(),
        target: "survived".to_owned(),
        problem_type: ProblemType::Classification,
        metrics: Metrics {
            accuracy: Some(0.843_575),
            f1_score: Some(0.841),
            precision: Some(0.843),
            recall: Some(0.8436),
            log_loss: Some(0.4021),
            roc_auc: Some(0.8812),
            intervals: BTreeMap::from([("accuracy".to_owned(), Interval { low: 0.79, high: 0.89 })]),
            training_time: 125.0,
            best_estimator: "boost".to_owned(),
            ..Metrics::default()
        },
        metric: Metric::LogLoss,
        validation: Validation::HoldOut,
        calibration: Some(CalibrationOutcome::Calibrated { slope: 0.8125, shift: Some(-0.034), before: 0.4210, after: 0.4021 }),
        baselines: vec![
            ("majority".to_owned(), Metrics { accuracy: Some(0.6145), log_loss: Some(0.667), ..Metrics::default() }),
            ("linear".to_owned(), Metrics { accuracy: Some(0.81), log_loss: Some(0.45), roc_auc: Some(0.86), ..Metrics::default() }),
        ],
        leaderboard: vec![candidate("boost", 0.4103, 1.0), candidate("linear", 0.4512, 0.0)],
        importances: vec![("sex".to_owned(), 0.61), ("age".to_owned(), 0.39)],
        history: vec![(1.0, 0.5), (4.5, 0.43), (20.0, 0.4103)],
        converged: true,
        interrupted: false,
        permutation: vec![("sex".to_owned(), 0.21, 0.012), ("age".to_owned(), 0.04, 0.003)],
        contributions: vec![
            Contribution { feature: "sex".to_owned(), mean: 0.172, points: vec![(None, 0.25), (None, -0.094)] },
            Contribution { feature: "age".to_owned(), mean: 0.031, points: vec![(Some(2.0), 0.05), (Some(70.0), -0.012)] },
        ],
        explained_rows: ExplainedRows { permutation: 400, repeats: 3, contributions: 300, effects: 300 },
        effects: vec![
            Effect {
                feature: "age".to_owned(),
                places: Places::Numbers(vec![1.0, 30.0, 80.0]),
                curves: vec![Curve { label: Some("yes".to_owned()), means: vec![0.6, 0.4, 0.2] }],
            },
            Effect {
                feature: "sex".to_owned(),
                places: Places::Categories(vec!["m".to_owned(), "f".to_owned()]),
                curves: vec![Curve { label: Some("yes".to_owned()), means: vec![0.2, 0.7] }],
            },
        ],
        judged: judged([[98, 12], [16, 53]]),
        hardest: vec![HardRow {
            row: Some(298),
            actual: "no".to_owned(),
            predicted: "yes".to_owned(),
            figure: 0.021,
            cells: vec![("sex".to_owned(), "f".to_owned()), ("age".to_owned(), "2".to_owned())],
        }],
        segments: vec![Segment { feature: "age".to_owned(), values: "missing".to_owned(), rows: 35, loss: 0.62, overall: 0.4021 }],
        preprocessing: preprocessing(&["sex", "age"], &[("name", "text with mostly distinct values")]),
        findings: Vec::new(),
        configuration: Configuration {
            time_budget: 120.0,
            rows: 891,
            columns: 11,
            train_rows: 712,
            sampled_rows: None,
            judged_rows: 179,
            settings: vec![("metric".to_owned(), "log_loss".to_owned())],
            dropped_rows: 0,
            seed: 42,
            versions: [("automl", "0.1.0"), ("rustc", "1.94.1")].map(|(name, version)| (name.to_owned(), version.to_owned())).into(),
            data_fingerprint: format!("blake3:{}", "0f".repeat(32)),
        },
        created_at: "2026-01-31T12:00:00.5Z".parse().unwrap(),
    }
}

fn regression() -> TrainingReport {
    TrainingReport {
        problem_type: ProblemType::Regression,
        metrics: Metrics {
            r2_score: Some(0.9312),
            rmse: Some(4.3128),
            mae: Some(2.9077),
            training_time: 45.5,
            best_estimator: "boost".to_owned(),
            ..Metrics::default()
        },
        metric: Metric::Rmse,
        validation: Validation::Folds { folds: 5, deals: 3 },
        calibration: None,
        baselines: vec![("mean".to_owned(), Metrics { r2_score: Some(-0.001), rmse: Some(16.4), ..Metrics::default() })],
        judged: Judged::Numbers(vec![(10.0, 12.0), (80.0, 75.5), (40.25, 40.25)]),
        hardest: Vec::new(),
        segments: Vec::new(),
        preprocessing: preprocessing(&["age"], &[]),
        ..classification()
    }
}

/// The report without its style sheet, one element a line.
fn body(html: &str) -> String {
    html.split_once("<body>").unwrap().1.replace("><", ">\n<")
}

#[test]
fn a_classification_model() {
    insta::assert_snapshot!(body(&training_report(&classification())));
}

#[test]
fn a_regression_model() {
    insta::assert_snapshot!(body(&training_report(&regression())));
}

#[test]
fn the_verdict_follows_the_error_that_the_model_takes_away() {
    let with_accuracy = |accuracy| {
        let report = classification();
        training_report(&TrainingReport { metrics: Metrics { accuracy: Some(accuracy), ..report.metrics.clone() }, ..report })
    };
    assert!(with_accuracy(0.95).contains("Very good: "));
    assert!(with_accuracy(0.8).contains("Good: "));
    assert!(with_accuracy(0.65).contains("Modest: "));
    assert!(with_accuracy(0.6).contains("its probabilities tell the rows apart (39.7% less log loss)"));
    let report = classification();
    let useless = Metrics { accuracy: Some(0.6), log_loss: Some(0.7), ..report.metrics.clone() };
    let useless = training_report(&TrainingReport { metrics: useless, ..report });
    assert!(useless.contains("No better than an answer that ignores the features"));
    let with_r2 = |r2| {
        let report = regression();
        training_report(&TrainingReport { metrics: Metrics { r2_score: Some(r2), ..report.metrics.clone() }, ..report })
    };
    assert!(with_r2(0.8).contains("Very good: "));
    assert!(with_r2(-1.0).contains("No better than"));
}

#[test]
fn an_explanation_says_how_many_rows_it_looked_at_and_a_missing_baseline_is_named() {
    let base = classification();
    let whole = training_report(&base);
    assert!(!whole.contains("A linear model to compare with is missing") && !whole.contains("A dash: no time was left"));
    let cut = training_report(&TrainingReport {
        baselines: base.baselines[..1].to_vec(),
        permutation: base.permutation[..1].to_vec(),
        explained_rows: ExplainedRows { permutation: 100, repeats: 1, contributions: 20, effects: 21 },
        ..base
    });
    for words in [
        "A linear model to compare with is missing",
        "A dash: no time was left to shuffle it",
        "on 100 judged rows",
        "SHAP values of 20 judged rows",
        "for 21 judged rows",
    ] {
        assert!(cut.contains(words), "{words}");
    }
    assert!(!cut.contains('±'), "a single repeat has no deviation");
}

#[test]
fn a_reader_is_warned() {
    let base = classification();
    let warned = |report: TrainingReport, words: &str| {
        let html = training_report(&report);
        assert!(html.contains("Beware") && html.contains(words), "{words}");
    };
    warned(base.clone(), "Only 179 rows were judged");
    warned(TrainingReport { interrupted: true, ..base.clone() }, "The search was told to stop before its time");
    let as_good = vec![("linear".to_owned(), Metrics { accuracy: Some(0.9), ..Metrics::default() })];
    warned(TrainingReport { baselines: as_good.clone(), ..base.clone() }, "A plain linear model does as well");
    let linear = vec![LeaderboardRow { family: Family::Linear, ..candidate("linear", 0.4, 1.0) }];
    let told = training_report(&TrainingReport { baselines: as_good, leaderboard: linear, ..base.clone() });
    assert!(!told.contains("A plain linear model does as well"), "it is one");
    let finding = |kind, severity, column: &str, reason: &str| Finding {
        kind,
        severity,
        column: Some(column.to_owned()),
        reason: reason.to_owned(),
        action: "kept".to_owned(),
    };
    let leak = finding(FindingKind::Leakage, Severity::Serious, "alive", "it alone explains 99.0 % of the target");
    let note = finding(FindingKind::Skewed, Severity::Note, "fare", "its skewness is 9.0");
    let found = TrainingReport { findings: vec![leak, note], ..base.clone() };
    assert!(!training_report(&found).contains("its skewness is 9.0"), "a note is for the data report");
    warned(found, "Target leakage in 'alive': it alone explains 99.0 % of the target; kept.");
    let perfect = Metrics { roc_auc: Some(0.9999), ..base.metrics.clone() };
    warned(TrainingReport { metrics: perfect, ..base.clone() }, "Check that 'sex' (61.0% of what the model looks at)");
}

#[test]
fn what_there_was_no_time_for_is_said() {
    let said =
        |permutation| training_report(&TrainingReport { permutation, ..classification() }).contains("no time was left to shuffle it");
    assert!(said(Vec::new()) && !said(classification().permutation));
}

#[test]
fn only_the_fifteen_most_important_features_are_drawn() {
    let importances = (0..40).map(|position| (format!("feature {position}"), 0.025)).collect();
    let html = training_report(&TrainingReport { importances, ..classification() });
    assert!(html.contains("feature 14<") && !html.contains("feature 15<"));
    assert!(html.contains("The first 15 of 40 features are listed."));
}

/// One row for each of so many labels, all right.
fn many_labels(count: usize, rows: impl Fn(u32) -> usize) -> Judged {
    let actual: Vec<u32> = (0..count as u32).flat_map(|label| vec![label; rows(label)]).collect();
    let mut probabilities = vec![0.0; actual.len() * count];
    actual.iter().enumerate().for_each(|(row, &label)| probabilities[row * count + label as usize] = 1.0);
    let labels = (0..count).map(|label| format!("L{label}")).collect();
    Judged::Labels { labels, chosen: actual.clone(), actual, probabilities, threshold: 0.5 }
}

#[test]
fn labels_beyond_the_twenty_largest_are_counted_together() {
    let html = training_report(&TrainingReport { judged: many_labels(30, |label| 100 - label as usize), ..classification() });
    let matrix = html.split("Confusion Matrix").nth(1).unwrap().split("Each Label").next().unwrap();
    assert!(matrix.contains(">L19<") && !matrix.contains(">L20<"));
    assert!(matrix.contains("10 others"));
    assert!(matrix.contains(">755</td>"), "the rows of labels 20 to 29: 80 + 79 + … + 71");
}

#[test]
fn more_than_two_labels_are_ranked_one_against_the_rest_and_calibrated_by_the_most_probable() {
    let html = training_report(&TrainingReport { judged: many_labels(30, |label| 100 - label as usize), ..classification() });
    let ranking = html.split("<h2>Ranking</h2>").nth(1).unwrap().split("</section>").next().unwrap();
    assert!(ranking.contains("<bdi>L7</bdi> 1.0000") && !ranking.contains("L8"), "{ranking}");
    assert!(ranking.contains("Shown: the 8 labels with the most rows."));
    assert!(html.contains("Of the most probable label.") && !html.contains("<h2>Thresholds</h2>"));
}

#[test]
fn it_is_said_whether_probabilities_are_calibrated_and_why() {
    let said = |outcome| training_report(&TrainingReport { calibration: Some(outcome), ..classification() });
    let calibrated = said(CalibrationOutcome::Calibrated { slope: 1.5, shift: None, before: 0.5, after: 0.25 });
    assert!(
        calibrated.contains("Probabilities calibrated: slope 1.500; the log loss of rows that this was not fitted on falls from 0.5000")
    );
    let left_alone = said(CalibrationOutcome::NoGain { before: 0.5, after: 0.5001 });
    assert!(left_alone.contains("Probabilities not calibrated: the log loss of rows that this was not fitted on would go from 0.5000"));
    let averaged = said(CalibrationOutcome::Averaged { before: 0.5, after: 0.25 });
    assert!(averaged.contains("too sure (log loss 0.5000, calibrated 0.2500), but the model is the mean of several"));
    let stopped = said(CalibrationOutcome::EarlyStopped { before: 0.5, after: 0.25 });
    assert!(stopped.contains("not sure enough (log loss 0.5000, calibrated 0.2500), but boosting was stopped by the same rows"));
    let few = said(CalibrationOutcome::FewRows { rows: 120, needed: 200 });
    assert!(few.contains("Probabilities not calibrated: validation judged 120 rows, at least 200 are needed."));
}

#[test]
fn the_best_and_the_chosen_candidates_are_listed() {
    let all = (0..100).map(|place| candidate(&format!("model {place}"), 0.4, if place == 90 { 1.0 } else { 0.0 })).collect();
    let html = training_report(&TrainingReport { leaderboard: all, ..classification() });
    assert!(html.contains("model 19<") && !html.contains("model 20<") && html.contains("model 90 <"));
    assert!(html.contains("The best and the chosen of 100 models are listed"));
}

#[test]
fn a_model_that_could_not_be_judged_has_no_picture_of_it() {
    let none = Judged::Labels { labels: vec![], actual: vec![], chosen: vec![], probabilities: vec![], threshold: 0.5 };
    for judged in [Judged::Numbers(vec![]), none] {
        let html = training_report(&TrainingReport { judged, ..classification() });
        assert!(!html.contains("Confusion Matrix") && !html.contains("Predicted and Actual"));
    }
}

#[test]
fn predictions_that_are_all_equal_are_drawn() {
    let html = training_report(&TrainingReport { judged: Judged::Numbers(vec![(5.0, 5.0), (5.0, f64::NAN)]), ..regression() });
    assert!(html.contains("Predicted and Actual Values") && !html.contains(">NaN") && !html.contains("NaN "));
}

#[test]
fn names_and_labels_from_the_table_are_text_and_never_markup() {
    let hostile = "\"><script>alert('x')</script>".to_owned();
    let report = TrainingReport {
        job: hostile.clone(),
        target: hostile.clone(),
        leaderboard: vec![candidate(&hostile, 0.5, 1.0)],
        importances: vec![(hostile.clone(), 1.0)],
        judged: Judged::Labels {
            labels: vec![hostile.clone(), hostile.clone()],
            actual: vec![0, 1, 1],
            chosen: vec![0, 1, 0],
            probabilities: vec![0.9, 0.1, 0.2, 0.8, 0.6, 0.4],
            threshold: 0.5,
        },
        hardest: vec![HardRow {
            row: Some(1),
            actual: hostile.clone(),
            predicted: hostile.clone(),
            figure: 0.1,
            cells: vec![(hostile.clone(), hostile.clone())],
        }],
        segments: vec![Segment { feature: hostile.clone(), values: hostile.clone(), rows: 1, loss: 1.0, overall: 0.5 }],
        contributions: vec![Contribution { feature: hostile.clone(), mean: 0.1, points: Vec::new() }],
        effects: vec![Effect {
            feature: hostile.clone(),
            places: Places::Categories(vec![hostile.clone()]),
            curves: vec![0.5, 0.2].into_iter().map(|mean| Curve { label: Some(hostile.clone()), means: vec![mean] }).collect(),
        }],
        preprocessing: preprocessing(&[&hostile], &[(&hostile, &hostile)]),
        ..classification()
    };
    let html = training_report(&report);
    assert!(!html.contains("<script"));
    assert!(html.contains("&lt;script&gt;alert"));
}

#[test]
fn the_largest_report_stays_below_two_megabytes() {
    let names: Vec<String> = (0..4_096).map(|position| format!("{}{position}", "\"".repeat(200))).collect();
    let features: Vec<&str> = names.iter().map(String::as_str).collect();
    let dropped: Vec<(&str, &str)> = features.iter().map(|&name| (name, name)).collect();
    let large = TrainingReport {
        leaderboard: names.iter().map(|name| candidate(name, 0.5, 0.1)).collect(),
        importances: names.iter().map(|name| (name.clone(), 0.1)).collect(),
        preprocessing: preprocessing(&features, &dropped),
        ..classification()
    };
    let many_rows = Judged::Numbers((0..1_000_000).map(|row| (f64::from(row), f64::from(row))).collect());
    for judged in [many_labels(1_000, |_| 3), many_rows] {
        let html = training_report(&TrainingReport { judged, ..large.clone() });
        assert!(html.len() < 2_000_000, "{} bytes", html.len());
    }
}
