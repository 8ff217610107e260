//! A training on plain files, as the container and the command line run it.

#![allow(clippy::unwrap_used)]

use std::{
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
    process::Command,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use domain::{Phase, ProblemType, Profile, Progress};
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

/// A table as a file, read; its typed form and its profile.
fn read(folder: &Path, csv: &str) -> (PathBuf, Profile) {
    let (path, parquet) = (folder.join("data.csv"), folder.join("data.parquet"));
    fs::write(&path, csv).unwrap();
    let profile = table::ingest(&path, &parquet).unwrap();
    (parquet, profile)
}

fn options(target: &str) -> Options {
    Options {
        job: "a job".to_owned(),
        target: target.to_owned(),
        problem_type: None,
        settings: domain::TrainingSettings::default(),
        time_budget: Duration::from_secs(5),
        seed: 7,
        threads: 2,
        memory: None,
        stop: Arc::default(),
    }
}

fn trained(target: &str, folder: &Path, heard: &mut Vec<Progress>) -> Result<Outcome, TrainingError> {
    let clock = Clock::start();
    let (parquet, profile) = read(folder, &table());
    run(&parquet, &profile, &options(target), folder, clock, &mut |progress| heard.push(progress))
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
fn a_training_that_is_told_to_stop_gives_the_best_model_so_far_and_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let (parquet, profile) = read(folder.path(), &table());
    let options = Options { time_budget: Duration::from_mins(10), ..options("price") };
    let stop = Arc::clone(&options.stop);
    let (clock, mut stopped_at) = (Clock::start(), None);
    let outcome = run(&parquet, &profile, &options, folder.path(), clock, &mut |progress| {
        if progress.candidates_tried > 0 && stopped_at.is_none() {
            stopped_at = Some(progress.elapsed_seconds);
            stop.store(true, Ordering::Relaxed);
        }
    })
    .unwrap();
    assert!(clock.elapsed().as_secs_f64() - stopped_at.unwrap() < 20.0, "{:?}", clock.elapsed());
    assert!(outcome.leaderboard.interrupted && !outcome.leaderboard.stopped_early);
    assert!(fs::read_to_string(&outcome.artefacts.training_report).unwrap().contains("told to stop"));
    let predictor = Predictor::load(&fs::read(&outcome.artefacts.model).unwrap()).unwrap();
    let row = Batch { rows: 1, numbers: vec![3.0], texts: vec![vec!["red".to_owned()], vec!["stop".to_owned()]] };
    assert!(matches!(predictor.predict(&row).unwrap(), Predictions::Numbers(numbers) if numbers[0].is_finite()));
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
    let (parquet, profile) = read(folder.path(), &csv);
    let options = Options { time_budget: Duration::from_secs(3), ..options("survived") };
    let outcome = run(&parquet, &profile, &options, folder.path(), Clock::start(), &mut |_| {}).unwrap();
    assert_eq!(outcome.preprocessing.feature_columns, ["size"]);
    assert_eq!(outcome.preprocessing.dropped_columns.unwrap(), ["order_id", "alive"]);
    let report = fs::read_to_string(&outcome.artefacts.eda_report).unwrap();
    assert!(report.contains("Target leakage") && report.contains("it is the target in other words"));
    assert_eq!(report.matches("EXCLUDED").count(), 2);
}

#[test]
fn of_a_column_of_texts_both_reports_say_what_is_learned() {
    let folder = tempfile::tempdir().unwrap();
    let mut csv = "name,size,paid\n".to_owned();
    for row in 0..300 {
        let title = ["Mr.", "Mrs.", "Miss"][row * 7 % 3];
        writeln!(csv, "\"Person{row}, {title}\",{},{}", (row * 37) % 101, (row * 37) % 101 + if title == "Mrs." { 500 } else { 0 })
            .unwrap();
    }
    let (parquet, profile) = read(folder.path(), &csv);
    let options = Options { time_budget: Duration::from_secs(6), ..options("paid") };
    let outcome = run(&parquet, &profile, &options, folder.path(), Clock::start(), &mut |_| {}).unwrap();
    assert_eq!(outcome.preprocessing.feature_columns, ["name", "size"]);
    assert_eq!(outcome.preprocessing.text_words["name"], ["miss", "mr", "mrs"]);
    assert!(outcome.largest_difference < 1e-4, "{}", outcome.largest_difference);
    let report = fs::read_to_string(&outcome.artefacts.eda_report).unwrap();
    assert!(report.contains("300 distinct texts in 300 rows; 3 words are in many of them"));
    assert!(report.contains("kept; its length and the most frequent words are learned from"));
    assert!(!report.contains("EXCLUDED"));
    let report = fs::read_to_string(&outcome.artefacts.training_report).unwrap();
    assert!(report.contains("text: its length and 3 frequent words"));
    assert!(report.contains("name: has the word &quot;mrs&quot;"), "it is the word that is moved");
    assert!(report.contains("def text_numbers(feature, text):"), "callers are told how to read it");
}

#[test]
fn of_a_column_that_groups_the_rows_the_report_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let mut csv = "customer_id,size,price\n".to_owned();
    for row in 0..300 {
        writeln!(csv, "{},{},{}", 5_000 - row, (row * 37) % 101, (row * 37) % 101 * 3 + row % 7).unwrap();
    }
    let (parquet, profile) = read(folder.path(), &csv);
    let settings = domain::TrainingSettings { group_column: Some("customer_id".to_owned()), ..domain::TrainingSettings::default() };
    let options = Options { time_budget: Duration::from_secs(3), settings, ..options("price") };
    let outcome = run(&parquet, &profile, &options, folder.path(), Clock::start(), &mut |_| {}).unwrap();
    assert_eq!(outcome.preprocessing.dropped_reasons["customer_id"], "the group of the rows");
    let report = fs::read_to_string(&outcome.artefacts.eda_report).unwrap();
    assert!(report.contains("no feature: it holds the group of the rows"));
}
