//! The commands as a person runs them.

#![allow(clippy::unwrap_used)]

use std::{
    fmt::Write as _,
    fs,
    path::Path,
    process::{Command, Output},
};

fn automl(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_automl")).args(arguments).current_dir(folder).output().unwrap()
}

fn stdout(output: &Output) -> String {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout.clone()).unwrap()
}

/// The error of a command that failed: one line, nothing on standard output.
fn refused(output: &Output) -> String {
    assert_eq!((output.status.code(), output.stdout.len()), (Some(1), 0));
    let error = String::from_utf8(output.stderr.clone()).unwrap();
    assert_eq!(error.trim_end().lines().filter(|line| line.starts_with("automl: ")).count(), 1, "{error}");
    error
}

/// A folder with `data.csv`, whose labels and prices follow from the features.
fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let mut csv = "size,colour,price,label\n".to_owned();
    for row in 0..120 {
        let (size, colour) = (f64::from(row % 40) / 2.0, ["red", "green"][row as usize % 2]);
        writeln!(csv, "{size},{colour},{:.2},{}", 10.0 + 3.5 * size, if colour == "red" { "stop, now" } else { "go" }).unwrap();
    }
    fs::write(folder.path().join("data.csv"), csv.replace("stop, now", "\"stop, now\"")).unwrap();
    folder
}

#[test]
fn a_trained_classifier_is_inspected_and_predicts_every_row_in_order() {
    let folder = folder();
    let run = |arguments: &[&str]| stdout(&automl(folder.path(), arguments));
    let trained = run(&["train", "--data", "data.csv", "--target", "label", "--budget", "3", "--out", "made/model", "--json"]);
    let trained: serde_json::Value = serde_json::from_str(&trained).unwrap();
    assert_eq!(trained["problem_type"], "classification");
    assert_eq!(trained["model"], "made/model/model.onnx");
    for file in ["model.pkl", "manifest.json", "eda_report.html", "training_report.html"] {
        assert!(folder.path().join("made/model").join(file).exists(), "{file}");
    }

    let told = run(&["inspect", "made/model/model.onnx"]);
    assert!(told.contains("target      label") && told.contains("one of 2 texts"), "{told}");

    run(&["predict", "--model", "made/model/model.onnx", "--data", "data.csv", "--out", "predictions.csv"]);
    let mut predictions = csv::Reader::from_path(folder.path().join("predictions.csv")).unwrap();
    assert_eq!(predictions.headers().unwrap(), vec!["prediction", "probability_go", "probability_stop, now"]);
    let labels: Vec<String> = predictions.records().map(|record| record.unwrap()[0].to_owned()).collect();
    assert_eq!(labels.len(), 120);
    assert_eq!(labels[..2], ["stop, now", "go"]);
}

#[test]
fn a_trained_regression_predicts_numbers() {
    let folder = folder();
    let text = stdout(&automl(folder.path(), &["train", "--data", "data.csv", "--target", "price", "--budget", "3"]));
    assert!(text.contains("R² ") && text.contains("model/model.onnx"), "{text}");
    // Rows to predict need not have the target, nor the columns in order.
    fs::write(folder.path().join("new.csv"), "colour,label,size\nred,,4\n,go,9.5\n").unwrap();
    stdout(&automl(folder.path(), &["predict", "--model", "model/model.onnx", "--data", "new.csv", "--out", "predictions.csv"]));
    let predictions = fs::read_to_string(folder.path().join("predictions.csv")).unwrap();
    let (header, numbers) = predictions.split_once('\n').unwrap();
    assert_eq!(header, "prediction");
    let numbers: Vec<f64> = numbers.lines().map(|number| number.parse().unwrap()).collect();
    assert!((numbers[0] - 24.0).abs() < 5.0 && (numbers[1] - 43.25).abs() < 5.0, "{numbers:?}");
}

#[test]
fn a_profile_is_shown_as_a_table_as_json_and_as_a_report() {
    let folder = folder();
    let text = stdout(&automl(folder.path(), &["profile", "data.csv", "--target", "label", "--out", "report.html"]));
    assert!(text.starts_with("120 rows, 4 columns\n") && text.contains("target, classification"), "{text}");
    assert!(text.contains("Target leakage 'colour'") && text.contains("data quality "), "{text}");
    assert!(fs::read_to_string(folder.path().join("report.html")).unwrap().contains("EDA Report - label"));
    stdout(&automl(folder.path(), &["profile", "data.csv", "--out", "plain.html"]));
    assert!(fs::read_to_string(folder.path().join("plain.html")).unwrap().contains("<h1>Data Report</h1>"));
    let json = stdout(&automl(folder.path(), &["profile", "data.csv", "--target", "price", "--json"]));
    let profile: domain::Profile = serde_json::from_str(&json).unwrap();
    assert_eq!(profile.rows, 120);
}

#[test]
fn what_cannot_be_done_is_one_line_and_a_failure() {
    let folder = folder();
    fs::write(folder.path().join("few.csv"), "size,label\n1,a\n").unwrap();
    let failed = |arguments: &[&str]| refused(&automl(folder.path(), arguments));
    assert!(failed(&["train", "--data", "none.csv", "--target", "label"]).contains("none.csv"));
    assert!(failed(&["train", "--data", "data.csv", "--target", "Label"]).contains("'Label'"));
    assert!(!folder.path().join("model").exists(), "a refused target leaves no folder");
    assert!(failed(&["train", "--data", "few.csv", "--target", "label"]).contains("at least 10"));
    assert!(failed(&["profile", "data.csv", "--target", "Label"]).contains("'Label'"));
    assert!(failed(&["inspect", "data.csv"]).contains("data.csv"));
    assert!(failed(&["predict", "--model", "none.onnx", "--data", "data.csv", "--out", "p.csv"]).contains("none.onnx"));
}

#[test]
fn rows_without_the_models_columns_are_refused_by_name() {
    let folder = folder();
    stdout(&automl(folder.path(), &["train", "--data", "data.csv", "--target", "label", "--budget", "2"]));
    fs::write(folder.path().join("new.csv"), "price\n1\n").unwrap();
    let error = refused(&automl(folder.path(), &["predict", "--model", "model/model.onnx", "--data", "new.csv", "--out", "p.csv"]));
    assert!(error.contains("lacks columns that the model needs: size, colour"), "{error}");
    assert!(!folder.path().join("p.csv").exists());
}
