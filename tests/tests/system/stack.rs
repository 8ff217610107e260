//! The local stack itself: it keeps its data, says when a port is taken, and goes without leaving anything behind.

use std::{net::TcpListener, process::Stdio, time::Duration};

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use system_tests::{Stack, flowers, houses, stack_command};

#[tokio::test]
async fn data_survives_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let stack = Stack::start(&data).await;
    let table = flowers();
    let dataset_id = stack.upload(table.filename, table.csv.into_bytes()).await;
    let path = format!("/datasets/{dataset_id}");
    let before = stack.post(&format!("{path}/confirm"), Value::Null).await;
    let job = stack.train(&dataset_id, table.target).await;
    let job_id = job["job_id"].as_str().unwrap();
    stack.post(&format!("/jobs/{job_id}/deploy"), json!({ "deploy": true })).await;
    assert!(stack.stop().await.success());

    let stack = Stack::start(&data).await;
    assert_eq!(stack.get(&path).await, before);
    let info = stack.get(&format!("/predict/{job_id}/info")).await;
    stack.post(&format!("/predict/{job_id}"), info["example_request"].clone()).await;
    let jobs = stack.get("/jobs").await;
    assert_eq!(jobs["jobs"][0]["job_id"], job_id);
    assert!(stack.stop().await.success());
}

#[tokio::test]
async fn the_storage_event_alone_makes_a_dataset_ready() {
    let (_folder, stack) = Stack::fresh().await;
    let table = houses();
    let dataset_id = stack.upload(table.filename, table.csv.into_bytes()).await;
    let dataset = stack.wait_for(&format!("/datasets/{dataset_id}"), Duration::from_secs(30), |answer| answer["row_count"].is_u64()).await;
    assert_eq!(dataset["row_count"], 500);
    assert_eq!(dataset["column_types"]["district"], "categorical");
    assert_eq!(dataset["column_types"]["price"], "numeric");
}

#[tokio::test]
async fn a_job_that_runs_when_the_stack_stops_starts_again_with_it() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let stack = Stack::start(&data).await;
    let table = houses();
    let dataset_id = stack.upload(table.filename, table.csv.into_bytes()).await;
    stack.post(&format!("/datasets/{dataset_id}/confirm"), Value::Null).await;
    let request = json!({ "dataset_id": dataset_id, "target_column": table.target, "config": { "time_budget": 60 } });
    let job = stack.post("/train", request).await;
    let path = format!("/jobs/{}", job["job_id"].as_str().unwrap());
    stack.wait_for(&path, Duration::from_secs(30), |job| job["status"] == "running").await;
    assert!(stack.stop().await.success());

    let stack = Stack::start(&data).await;
    let job = stack.wait_for(&path, Duration::from_secs(120), |job| !job["completed_at"].is_null()).await;
    assert_eq!((&job["status"], &job["error_message"]), (&json!("completed"), &Value::Null));
}

#[tokio::test]
async fn a_taken_port_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let taken = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = taken.local_addr().unwrap().port();
    let output = stack_command(&["up", "--port", &port.to_string()], &folder.path().join("data"))
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .output()
        .await
        .unwrap();
    assert!(!output.status.success());
    let message = String::from_utf8_lossy(&output.stderr);
    assert!(message.contains(&port.to_string()), "{message}");
}

#[tokio::test]
async fn plain_mistakes_get_plain_answers() {
    let (_folder, stack) = Stack::fresh().await;
    let nowhere = "00000000-0000-4000-8000-000000000000";
    let cases = [
        (Method::GET, format!("/datasets/{nowhere}"), Value::Null, StatusCode::NOT_FOUND, format!("Dataset {nowhere} not found")),
        (
            Method::POST,
            format!("/datasets/{nowhere}/confirm"),
            Value::Null,
            StatusCode::NOT_FOUND,
            format!("No files found for dataset {nowhere}"),
        ),
        (Method::GET, format!("/jobs/{nowhere}"), Value::Null, StatusCode::NOT_FOUND, "Job not found".to_owned()),
        (
            Method::POST,
            "/train".to_owned(),
            json!({ "dataset_id": nowhere, "target_column": "y" }),
            StatusCode::NOT_FOUND,
            "Dataset not found".to_owned(),
        ),
        (Method::POST, format!("/predict/{nowhere}"), json!({ "features": {} }), StatusCode::NOT_FOUND, "Job not found".to_owned()),
        (Method::GET, "/nothing/here".to_owned(), Value::Null, StatusCode::NOT_FOUND, "Not Found".to_owned()),
    ];
    for (method, path, body, status, detail) in cases {
        let (got, answer) = stack.call(method.clone(), &path, body).await;
        assert_eq!((got, &answer["detail"]), (status, &json!(detail)), "{method} {path}");
    }
    let (status, answer) = stack.call(Method::POST, "/train", json!({ "target_column": "y" })).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{answer}");
    assert_eq!(answer["detail"][0]["loc"], json!(["body", "dataset_id"]));
}

#[tokio::test]
async fn a_file_that_is_no_table_says_where_it_broke() {
    let (_folder, stack) = Stack::fresh().await;
    let dataset_id = stack.upload("broken.csv", b"a,b\n1,2\n3,4,5\n".to_vec()).await;
    let (status, answer) = stack.call(Method::POST, &format!("/datasets/{dataset_id}/confirm"), Value::Null).await;
    assert_eq!(status, StatusCode::BAD_REQUEST, "{answer}");
    assert!(answer["detail"].as_str().unwrap().contains("line 3"), "{answer}");
}
