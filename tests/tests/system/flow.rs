//! The main job over HTTP for each kind of target: upload by presigned URL, ingest, train, look at the results, deploy, predict. The
//! service's answers are compared with those of ONNX Runtime on the downloaded model.

use std::{collections::BTreeMap, process::Stdio};

use reqwest::{Method, StatusCode};
use serde_json::{Map, Value, json};
use system_tests::{Stack, Table, churn, flowers, houses};
use tokio::{io::AsyncWriteExt as _, process::Command};

/// The largest difference between the service's figures and ONNX Runtime's, relative to the figure where that is above 1.
const TOLERANCE: f64 = 1e-5;

#[tokio::test]
async fn a_binary_target_with_text_labels_goes_all_the_way() {
    let job = run(churn(), &["contract", "tenure", "charges", "city"]).await;
    assert_eq!(job["problem_type"], "classification");
    assert_eq!(job["preprocessing_info"]["target_mapping"], json!({ "0": "no", "1": "yes" }));
    assert_eq!(job["preprocessing_info"]["dropped_columns"], json!(["customerID"]));
    assert!(job["metrics"]["accuracy"].as_f64().unwrap() > 0.7, "{}", job["metrics"]);
    assert_eq!(job["metrics"]["rmse"], Value::Null);
}

#[tokio::test]
async fn a_multiclass_target_with_numeric_labels_goes_all_the_way() {
    let job = run(flowers(), &["petal_length", "petal_width", "sepal_length"]).await;
    assert_eq!(job["problem_type"], "classification");
    assert_eq!(job["preprocessing_info"]["target_mapping"], json!({ "1": "1", "2": "2", "3": "3" }));
    assert!(job["metrics"]["accuracy"].as_f64().unwrap() > 0.7, "{}", job["metrics"]);
}

#[tokio::test]
async fn a_regression_target_goes_all_the_way() {
    let job = run(houses(), &["area", "rooms", "district", "address"]).await;
    assert_eq!(job["problem_type"], "regression");
    assert_eq!(job["preprocessing_info"]["target_mapping"], Value::Null);
    assert!(job["metrics"]["r2_score"].as_f64().unwrap() > 0.8, "{}", job["metrics"]);
    assert_eq!(job["metrics"]["accuracy"], Value::Null);
    assert_eq!(job["preprocessing_info"]["feature_types"]["address"], "categorical", "any text may be sent");
}

#[tokio::test]
async fn a_target_of_many_text_labels_goes_all_the_way() {
    let churn = churn();
    let job = run(Table { target: "city", ..churn }, &["contract", "tenure", "charges", "churn"]).await;
    assert_eq!(job["problem_type"], "classification");
    assert_eq!(
        job["preprocessing_info"]["target_mapping"],
        json!({ "0": "New York, NY", "1": "Oslo", "2": "São Paulo", "3": "東京" }),
        "labels are coded in the order of their code points"
    );
}

/// The whole job on one table; the finished job.
async fn run(table: Table, features: &[&str]) -> Value {
    let (_folder, stack) = Stack::fresh().await;

    let dataset_id = stack.upload(table.filename, table.csv.into_bytes()).await;
    let dataset = stack.post(&format!("/datasets/{dataset_id}/confirm"), Value::Null).await;
    assert_eq!(dataset["filename"], table.filename);

    let job = stack.train(&dataset_id, table.target).await;
    assert_eq!(job["status"], "completed", "{}", job["error_message"]);
    assert_eq!(job["preprocessing_info"]["feature_columns"], json!(features));
    let job_id = job["job_id"].as_str().unwrap();
    for report in ["eda_report_download_url", "training_report_download_url"] {
        let html = String::from_utf8(stack.download(job[report].as_str().unwrap()).await).unwrap();
        assert!(html.contains("</html>") && html.contains(table.target), "{report}");
    }

    let rows = rows(&job);
    let predict = format!("/predict/{job_id}");
    let (status, refused) = stack.call(Method::POST, &predict, json!({ "features": rows[0] })).await;
    assert_eq!(status, StatusCode::BAD_REQUEST, "a model that is not deployed answers nothing: {refused}");
    stack.post(&format!("/jobs/{job_id}/deploy"), json!({ "deploy": true })).await;

    let info = stack.get(&format!("{predict}/info")).await;
    stack.post(&predict, info["example_request"].clone()).await;

    let mut answers = Vec::new();
    for row in &rows {
        answers.push(stack.post(&predict, json!({ "features": row })).await);
    }
    let model = stack.download(job["onnx_model_download_url"].as_str().unwrap()).await;
    assert_same_as_onnx_runtime(&model, &rows, &answers).await;
    assert!(stack.stop().await.success());
    job
}

/// Inputs around and beyond what the model was trained on: in the middle, at both ends and far outside of each range, every category,
/// and categories that it never saw.
fn rows(job: &Value) -> Vec<Map<String, Value>> {
    let info = &job["preprocessing_info"];
    let columns: Vec<&str> = info["feature_columns"].as_array().unwrap().iter().map(|name| name.as_str().unwrap()).collect();
    let value = |name: &str, variant: usize| -> Value {
        if info["feature_types"][name] == "numeric" {
            let (min, max) = (info["numeric_stats"][name]["min"].as_f64().unwrap(), info["numeric_stats"][name]["max"].as_f64().unwrap());
            let share = [0.5, 0.0, 1.0, -1e6, 1e6, 0.31, 0.77][variant % 7];
            json!(min + share * (max - min))
        } else {
            let known: BTreeMap<String, Value> =
                serde_json::from_value(info["categorical_mappings"][name].clone()).expect("a categorical feature has a mapping");
            let known: Vec<&String> = known.keys().collect();
            known.get(variant % (known.len() + 1)).map_or(json!("never seen"), |text| json!(text))
        }
    };
    let row =
        |variant: usize| columns.iter().enumerate().map(|(at, name)| ((*name).to_owned(), value(name, variant * (at + 1) + at))).collect();
    (0..40).map(row).collect()
}

/// Runs ONNX Runtime on the same rows.
async fn assert_same_as_onnx_runtime(model: &[u8], rows: &[Map<String, Value>], answers: &[Value]) {
    let Ok(python) = std::env::var("AUTOML_PYTHON") else {
        println!("not compared with ONNX Runtime: AUTOML_PYTHON names no Python that has it (`make test` does)");
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("model.onnx");
    std::fs::write(&file, model).unwrap();
    let mut child = Command::new(python)
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/onnx_runtime.py"))
        .arg(&file)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(&serde_json::to_vec(rows).unwrap()).await.unwrap();
    let output = child.wait_with_output().await.unwrap();
    assert!(output.status.success(), "ONNX Runtime refused the model");
    let expected: Vec<Value> = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(expected.len(), answers.len());
    for ((expected, answer), row) in expected.iter().zip(answers).zip(rows) {
        match expected["probabilities"].as_array() {
            None => assert_close(&answer["prediction"], &expected["prediction"], row),
            Some(probabilities) => {
                let keys: Vec<&Value> = expected["keys"].as_array().unwrap().iter().collect();
                let key = &keys[usize::try_from(expected["prediction"].as_u64().unwrap()).unwrap()];
                assert_eq!(&answer["prediction"].to_string(), key.as_str().unwrap(), "{row:?}");
                for (key, probability) in keys.iter().zip(probabilities) {
                    assert_close(&answer["probabilities"][key.as_str().unwrap()], probability, row);
                }
            }
        }
    }
}

fn assert_close(ours: &Value, theirs: &Value, row: &Map<String, Value>) {
    let (ours, theirs) = (ours.as_f64().unwrap(), theirs.as_f64().unwrap());
    let difference = (ours - theirs).abs() / theirs.abs().max(1.0);
    assert!(difference <= TOLERANCE, "ours {ours}, ONNX Runtime's {theirs} for {row:?}");
}
