//! A training on plain files, as the container and the command line run it.

#![allow(clippy::unwrap_used)]

use std::{fmt::Write as _, fs, path::Path, process::Command, time::Duration};

use domain::{Phase, ProblemType, Progress};
use model::{Batch, Manifest, Predictions, Predictor};
use trainer::{Clock, Options, Outcome, TrainingError, run};

/// Rows whose target follows from the features: the colour decides nearly every label, the size the price.
fn table() -> String {
    let mut csv = "size,colour,label,price\n".to_owned();
    for row in 0..200 {
        let (size, colour) = (f64::from(row % 50) / 2.0, ["red", "green"][row as usize % 2]);
        let label = if (colour == "red") == (row != 77) { "stop" } else { "go" };
        writeln!(csv, "{size},{colour},{label},{:.2}", 10.0 + 3.5 * size + f64::from(row % 7) / 5.0).unwrap();
    }
    csv
}

fn trained(target: &str, folder: &Path, heard: &mut Vec<Progress>) -> Result<Outcome, TrainingError> {
    let clock = Clock::start();
    let (csv, parquet) = (folder.join("data.csv"), folder.join("data.parquet"));
    fs::write(&csv, table()).unwrap();
    let profile = table::ingest(&csv, &parquet).unwrap();
    let options = Options {
        job: "a job".to_owned(),
        target: target.to_owned(),
        problem_type: None,
        settings: domain::TrainingSettings::default(),
        time_budget: Duration::from_secs(5),
        seed: 7,
        threads: 2,
        stop: std::sync::Arc::default(),
    };
    run(&parquet, &profile, &options, folder, clock, &mut |progress| heard.push(progress))
}

#[test]
fn a_training_leaves_a_model_that_answers_and_two_reports() {
    let folder = tempfile::tempdir().unwrap();
    let outcome = trained("label", folder.path(), &mut Vec::new()).unwrap();
    assert_eq!(outcome.problem_type, ProblemType::Classification);
    assert!(outcome.metrics.accuracy.unwrap() > 0.9, "{:?}", outcome.metrics);

    let predictor = Predictor::load(&fs::read(&outcome.artefacts.model).unwrap()).unwrap();
    let names: Vec<&str> = predictor.manifest().features.iter().map(|feature| feature.name.as_str()).collect();
    assert_eq!(names, ["size", "colour", "price"]);
    let row = Batch { rows: 1, numbers: vec![3.0, 20.5], texts: vec![vec!["red".to_owned()]] };
    let Predictions::Classes { labels, .. } = predictor.predict(&row).unwrap() else { panic!("a classifier answers with classes") };
    assert_eq!(predictor.manifest().labels[labels[0]].to_string(), "stop");

    let manifest: Manifest = serde_json::from_slice(&fs::read(&outcome.artefacts.manifest).unwrap()).unwrap();
    assert_eq!(&manifest, predictor.manifest());
    assert!(fs::read(&outcome.artefacts.pickle).unwrap().ends_with(b"."), "a pickle ends with its stop mark");
    assert!(fs::read_to_string(&outcome.artefacts.eda_report).unwrap().contains("<title>EDA Report - label</title>"));
    let report = fs::read_to_string(&outcome.artefacts.training_report).unwrap();
    assert!(report.contains("<title>Training Report - a job</title>") && report.contains("Confusion Matrix"));
}

#[test]
fn the_phases_come_in_order_on_the_jobs_own_clock() {
    let folder = tempfile::tempdir().unwrap();
    let mut heard = Vec::new();
    let outcome = trained("price", folder.path(), &mut heard).unwrap();
    assert_eq!(outcome.problem_type, ProblemType::Regression);
    assert!(heard.is_sorted_by(|before, after| before.phase <= after.phase && before.elapsed_seconds <= after.elapsed_seconds));
    let mut phases: Vec<Phase> = heard.iter().map(|progress| progress.phase).collect();
    phases.dedup();
    let expected = [Phase::Exploring, Phase::Preparing, Phase::Training, Phase::Evaluating, Phase::Exporting, Phase::Reporting];
    assert_eq!(phases, expected);
    assert!(heard.last().unwrap().best_score.is_some(), "the best score stays known to the end");
}

#[test]
fn a_target_that_the_table_lacks_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let error = trained("Label", folder.path(), &mut Vec::new()).unwrap_err();
    assert!(error.to_string().contains("'Label'"), "{error}");
}

#[test]
fn the_container_without_its_environment_says_what_is_missing() {
    let output = Command::new(env!("CARGO_BIN_EXE_trainer")).env_clear().output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let log = String::from_utf8(output.stderr).unwrap();
    assert!(log.contains("JOB_ID, DATASET_ID, TARGET_COLUMN, TIME_BUDGET"), "{log}");
}

#[test]
fn what_the_report_says_is_left_out_is_left_out() {
    let folder = tempfile::tempdir().unwrap();
    let mut csv = "order_id,size,alive,survived\n".to_owned();
    for row in 0..300 {
        let survived = (row * 7 + row / 11) % 3 == 0;
        writeln!(csv, "{},{},{},{}", 5_000 - row, (row * 37) % 101, if survived { "yes" } else { "no" }, i32::from(survived)).unwrap();
    }
    let (path, parquet) = (folder.path().join("data.csv"), folder.path().join("data.parquet"));
    fs::write(&path, csv).unwrap();
    let profile = table::ingest(&path, &parquet).unwrap();
    let options = Options {
        job: "a job".to_owned(),
        target: "survived".to_owned(),
        problem_type: None,
        settings: domain::TrainingSettings::default(),
        time_budget: Duration::from_secs(3),
        seed: 7,
        threads: 2,
        stop: std::sync::Arc::default(),
    };
    let outcome = run(&parquet, &profile, &options, folder.path(), Clock::start(), &mut |_| {}).unwrap();
    assert_eq!(outcome.preprocessing.feature_columns, ["size"]);
    assert_eq!(outcome.preprocessing.dropped_columns.unwrap(), ["order_id", "alive"]);
    let report = fs::read_to_string(&outcome.artefacts.eda_report).unwrap();
    assert!(report.contains("Target leakage") && report.contains("it is the target in other words"));
    assert_eq!(report.matches("EXCLUDED").count(), 2);
}
