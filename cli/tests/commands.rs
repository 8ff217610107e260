//! The commands as a person runs them.

#![allow(clippy::unwrap_used)]

use std::{
    fmt::Write as _,
    fs,
    io::{BufRead, BufReader},
    path::Path,
    process::{Child, Command, Output, Stdio},
    time::{Duration, Instant},
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

    assert_eq!((&trained["validation"]["kind"], &trained["judged_rows"]), (&"folds".into(), &120.into()));

    let told = run(&["inspect", "made/model/model.onnx"]);
    assert!(told.contains("target      label") && told.contains("one of 2 texts"), "{told}");
    assert!(told.contains("judged      measured on 120 rows, each by models that had not learned from it"), "{told}");
    assert!(told.contains("beware      Few rows") && told.contains("majority"), "{told}");
    let manifest: serde_json::Value = serde_json::from_str(&run(&["inspect", "made/model/model.onnx", "--json"])).unwrap();
    let stored: serde_json::Value = serde_json::from_slice(&fs::read(folder.path().join("made/model/manifest.json")).unwrap()).unwrap();
    assert_eq!(manifest, stored);
    let card = &manifest["card"];
    assert_eq!((&card["training_rows"], &card["seed"], &card["time_budget"]), (&120.into(), &42.into(), &3.0.into()));
    assert_eq!(card["baselines"][0]["name"], "majority");
    assert!(card["versions"]["rustc"].is_string() && card["versions"]["tract-onnx"].is_string(), "{card}");

    run(&["predict", "--model", "made/model/model.onnx", "--data", "data.csv", "--out", "predictions.csv"]);
    let mut predictions = csv::Reader::from_path(folder.path().join("predictions.csv")).unwrap();
    assert_eq!(predictions.headers().unwrap(), vec!["prediction", "probability_go", "probability_stop, now"]);
    let labels: Vec<String> = predictions.records().map(|record| record.unwrap()[0].to_owned()).collect();
    assert_eq!(labels.len(), 120);
    assert_eq!(labels[..2], ["stop, now", "go"]);

    let told = run(&["predict", "--model", "made/model/model.onnx", "--data", "data.csv", "--out", "again.csv", "--json"]);
    let told: serde_json::Value = serde_json::from_str(&told).unwrap();
    let expected = serde_json::json!({ "rows": 120, "target": "label", "labels": ["go", "stop, now"], "out": "again.csv" });
    for (name, value) in expected.as_object().unwrap() {
        assert_eq!(&told[name], value);
    }
    assert_eq!((&told["judged_rows"], &told["unknown_targets"]), (&120.into(), &0.into()));
    assert!(told["metrics"]["accuracy"].as_f64().unwrap() > 0.9, "{told}");

    let keep = ["--keep", "label", "--keep", "size"];
    let told = run(&[&["predict", "--model", "made/model/model.onnx", "--data", "data.csv", "--out", "kept.csv"][..], &keep].concat());
    assert!(told.contains("on 120 rows whose target is known: ") && told.contains("accuracy "), "{told}");
    let mut kept = csv::Reader::from_path(folder.path().join("kept.csv")).unwrap();
    assert_eq!(kept.headers().unwrap(), vec!["label", "size", "prediction", "probability_go", "probability_stop, now"]);
    assert_eq!(&kept.records().next().unwrap().unwrap()[0], "stop, now");
}

#[test]
fn a_trained_regression_predicts_numbers() {
    let folder = folder();
    let text = stdout(&automl(folder.path(), &["train", "--data", "data.csv", "--target", "price", "--budget", "3"]));
    assert!(text.contains("R² ") && text.contains("model/model.onnx"), "{text}");
    let head = text.lines().find(|line| line.starts_with("metric")).unwrap();
    assert!(["value", "95 % interval", "mean"].iter().all(|column| head.contains(column)), "{head}");
    assert!(text.contains("stopped early, before its time was up") || text.contains("measured on 120 rows"), "{text}");
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
fn texts_are_inspected_and_predicted_by_their_words() {
    let folder = tempfile::tempdir().unwrap();
    let mut csv = "name,stays\n".to_owned();
    for row in 0..200 {
        let title = ["Mr.", "Mrs."][row * 7 / 3 % 2];
        writeln!(csv, "\"{title} Person{row}\",{}", if title == "Mr." { "no" } else { "yes" }).unwrap();
    }
    fs::write(folder.path().join("data.csv"), csv).unwrap();
    let run = |arguments: &[&str]| stdout(&automl(folder.path(), arguments));
    run(&["train", "--data", "data.csv", "--target", "stays", "--budget", "3", "--out", "model"]);
    assert!(run(&["inspect", "model/model.onnx"]).contains("text, its length and the words mr"));

    fs::write(folder.path().join("new.csv"), "name\nMRS. Nobody\n\"Nobody, mr\"\n\n").unwrap();
    run(&["predict", "--model", "model/model.onnx", "--data", "new.csv", "--out", "predictions.csv"]);
    let predictions = fs::read_to_string(folder.path().join("predictions.csv")).unwrap();
    let answers: Vec<&str> = predictions.lines().skip(1).filter_map(|line| line.split(',').next()).collect();
    assert_eq!(answers, ["yes", "no"]);
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

#[test]
fn programs_read_an_error_on_standard_output() {
    let folder = folder();
    let failed = |arguments: &[&str]| {
        let output = automl(folder.path(), arguments);
        assert_eq!(output.status.code(), Some(1));
        let answer: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        let error = answer["error"].as_str().unwrap().to_owned();
        assert!(String::from_utf8(output.stderr).unwrap().contains(&format!("automl: {error}")), "{error}");
        error
    };
    assert!(failed(&["train", "--data", "data.csv", "--target", "Label", "--json"]).contains("'Label'"));
    assert!(failed(&["profile", "none.csv", "--json"]).contains("none.csv"));
    assert!(failed(&["inspect", "data.csv", "--json"]).contains("data.csv"));
    assert!(failed(&["predict", "--model", "none.onnx", "--data", "data.csv", "--out", "p.csv", "--json"]).contains("none.onnx"));
}

#[test]
fn a_command_line_that_is_not_understood_is_told_apart_from_a_failure() {
    let folder = folder();
    let told = |arguments: &[&str]| {
        let output = automl(folder.path(), arguments);
        assert_eq!((output.status.code(), output.stdout.len()), (Some(2), 0));
        String::from_utf8(output.stderr).unwrap()
    };
    assert!(told(&["train", "--data", "data.csv"]).contains("--target <COLUMN>"));
    assert!(told(&["train", "--data", "data.csv", "--target", "label", "--metric", "gini"]).contains("gini"));
    assert!(told(&["train", "--data", "data.csv", "--target", "label", "--budget", "0"]).contains("--budget"));
}

#[test]
fn help_teaches_with_examples_and_exit_codes() {
    let folder = folder();
    for command in ["train", "predict", "profile", "inspect"] {
        let help = stdout(&automl(folder.path(), &[command, "--help"]));
        assert!(help.contains(&format!("Examples:\n  automl {command} ")), "{help}");
        assert!(help.contains("Exit codes:") && help.contains("130  interrupted"), "{help}");
    }
    assert!(stdout(&automl(folder.path(), &["--help"])).contains("First steps:"));
}

/// A training that searches for a minute, once it has begun to.
fn searching(folder: &Path) -> (Child, BufReader<std::process::ChildStderr>) {
    let mut csv = "a,b,c,d,y\n".to_owned();
    for row in 0_u64..20_000 {
        let mixed = (row * 2_654_435_761) % 1_000_003;
        writeln!(csv, "{},{},{},{},{}", mixed % 997, mixed % 89, row % 57, mixed % 7, (mixed % 997) * (row % 57) + mixed % 1_009).unwrap();
    }
    fs::write(folder.join("long.csv"), csv).unwrap();
    let arguments = ["train", "--data", "long.csv", "--target", "y", "--budget", "60", "--out", "made", "--json"];
    let mut command = Command::new(env!("CARGO_BIN_EXE_automl"));
    let command = command.args(arguments).current_dir(folder).stdout(Stdio::piped()).stderr(Stdio::piped()).env("TMPDIR", folder);
    let mut child = command.spawn().unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap());
    let mut line = String::new();
    while !line.contains("training") {
        line.clear();
        assert!(lines.read_line(&mut line).unwrap() > 0, "it ended before it trained");
    }
    (child, lines)
}

fn signal(child: &Child, name: &str) {
    assert!(Command::new("kill").args(["-s", name, &child.id().to_string()]).status().unwrap().success());
}

#[test]
fn a_training_that_is_told_to_stop_ends_with_its_best_model() {
    let folder = tempfile::tempdir().unwrap();
    let (child, _told) = searching(folder.path());
    let asked = Instant::now();
    signal(&child, "TERM");
    let answer: serde_json::Value = serde_json::from_str(&stdout(&child.wait_with_output().unwrap())).unwrap();
    assert!(asked.elapsed() < Duration::from_secs(40), "it took {:?}", asked.elapsed());
    assert_eq!(answer["interrupted"], true);
    for file in ["model.onnx", "model.pkl", "manifest.json", "leaderboard.json", "eda_report.html", "training_report.html"] {
        assert!(folder.path().join("made").join(file).exists(), "{file}");
    }
}

#[test]
fn a_training_that_is_interrupted_twice_gives_up() {
    let folder = tempfile::tempdir().unwrap();
    let (mut child, mut told) = searching(folder.path());
    signal(&child, "INT");
    let mut line = String::new();
    while !line.contains("stopping") {
        line.clear();
        assert!(told.read_line(&mut line).unwrap() > 0, "it ended before it was interrupted again");
    }
    signal(&child, "INT");
    assert_eq!(child.wait().unwrap().code(), Some(130));
    let left: Vec<_> = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert!(left.iter().all(|name| name == "long.csv" || name == "made"), "the temporary folder is removed: {left:?}");
}
