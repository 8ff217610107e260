//! The training report for both problem types, hostile names and the widest tables.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;

use domain::{FeatureType, Metrics, PreprocessingInfo, ProblemType};
use report::{Configuration, Holdout, LeaderboardRow, TrainingReport, training_report};

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
    let parameters = vec![("learning_rate".to_owned(), 0.05), ("num_leaves".to_owned(), 31.0)];
    LeaderboardRow { name: name.to_owned(), parameters, score, fit_seconds: 12.34, weight }
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
            training_time: 125.0,
            best_estimator: "boost".to_owned(),
            ..Metrics::default()
        },
        validation_metric: "log_loss".to_owned(),
        leaderboard: vec![candidate("boost", 0.4103, 1.0), candidate("linear", 0.4512, 0.0)],
        importances: vec![("sex".to_owned(), 0.61), ("age".to_owned(), 0.39)],
        holdout: Holdout::Confusion { labels: vec!["no".to_owned(), "yes".to_owned()], counts: vec![vec![98, 12], vec![16, 53]] },
        preprocessing: preprocessing(&["sex", "age"], &[("name", "text with mostly distinct values")]),
        configuration: Configuration {
            time_budget: 120.0,
            rows: 891,
            columns: 11,
            train_rows: 712,
            holdout_rows: 179,
            dropped_rows: 0,
            seed: 42,
            version: "0.1.0".to_owned(),
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
        validation_metric: "rmse".to_owned(),
        holdout: Holdout::Pairs(vec![(10.0, 12.0), (80.0, 75.5), (40.25, 40.25)]),
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
fn the_verdict_follows_accuracy_or_r2() {
    let with_accuracy = |accuracy| {
        let report = classification();
        training_report(&TrainingReport { metrics: Metrics { accuracy: Some(accuracy), ..report.metrics.clone() }, ..report })
    };
    assert!(with_accuracy(0.9).contains("Excellent "));
    assert!(with_accuracy(0.7).contains("Good "));
    assert!(with_accuracy(0.69).contains("Low "));
    let with_r2 = |r2| {
        let report = regression();
        training_report(&TrainingReport { metrics: Metrics { r2_score: Some(r2), ..report.metrics.clone() }, ..report })
    };
    assert!(with_r2(0.8).contains("Excellent "));
    assert!(with_r2(0.5).contains("Good "));
    assert!(with_r2(-1.0).contains("Low "));
}

#[test]
fn only_the_fifteen_most_important_features_are_drawn() {
    let importances = (0..40).map(|position| (format!("feature {position}"), 0.025)).collect();
    let html = training_report(&TrainingReport { importances, ..classification() });
    assert!(html.contains("feature 14<") && !html.contains("feature 15<"));
    assert!(html.contains("The first 15 of 40 features are listed."));
}

#[test]
fn labels_beyond_the_twenty_largest_are_counted_together() {
    let labels: Vec<String> = (0..30).map(|label| format!("L{label}")).collect();
    let counts = (0..30).map(|actual| (0..30).map(|predicted| if actual == predicted { 100 - actual } else { 0 }).collect()).collect();
    let html = training_report(&TrainingReport { holdout: Holdout::Confusion { labels, counts }, ..classification() });
    assert!(html.contains(">L19<") && !html.contains(">L20<"));
    assert!(html.contains("10 others"));
    assert!(html.contains(">755</td>"), "the rows of labels 20 to 29: 80 + 79 + … + 71");
}

#[test]
fn a_model_without_a_measured_hold_out_has_no_picture_of_it() {
    for holdout in [Holdout::Pairs(vec![]), Holdout::Confusion { labels: vec![], counts: vec![] }] {
        let html = training_report(&TrainingReport { holdout, ..classification() });
        assert!(!html.contains("Confusion Matrix") && !html.contains("Predicted and Actual"));
    }
}

#[test]
fn predictions_that_are_all_equal_are_drawn() {
    let html = training_report(&TrainingReport { holdout: Holdout::Pairs(vec![(5.0, 5.0), (5.0, f64::NAN)]), ..regression() });
    assert!(html.contains("Predicted and Actual Values") && !html.contains("NaN"));
}

#[test]
fn names_and_labels_from_the_table_are_text_and_never_markup() {
    let hostile = "\"><script>alert('x')</script>".to_owned();
    let report = TrainingReport {
        job: hostile.clone(),
        target: hostile.clone(),
        leaderboard: vec![candidate(&hostile, 0.5, 1.0)],
        importances: vec![(hostile.clone(), 1.0)],
        holdout: Holdout::Confusion { labels: vec![hostile.clone(), hostile.clone()], counts: vec![vec![1, 2], vec![3, 4]] },
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
    let many_labels = Holdout::Confusion { labels: names[..1_000].to_vec(), counts: vec![vec![7; 1_000]; 1_000] };
    let many_rows = Holdout::Pairs((0..1_000_000).map(|row| (f64::from(row), f64::from(row))).collect());
    for holdout in [many_labels, many_rows] {
        let html = training_report(&TrainingReport { holdout, ..large.clone() });
        assert!(html.len() < 2_000_000, "{} bytes", html.len());
    }
}
