//! Predicting whole tables: a dataset, an upload, or a file that a program put into the bucket; as CSV and Parquet, beside the answers for
//! single rows.

use std::{collections::HashMap, path::PathBuf, time::Duration};

use local::template::Template;
use nix::sys::signal::{Signal, kill};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use system_tests::{Functions, Stack, churn, flowers, houses, trainer_of};
use table::Values;

const PATIENCE: Duration = Duration::from_secs(90);

fn id(answer: &Value) -> String {
    answer["job_id"].as_str().unwrap_or_else(|| panic!("{answer} names no job")).to_owned()
}

async fn trained(stack: &Stack, csv: &str, target: &str) -> (String, String) {
    let dataset_id = stack.dataset(csv).await;
    let job = stack.train(&dataset_id, target).await;
    assert_eq!(job["status"], "completed", "{}", job["error_message"]);
    (dataset_id, id(&job))
}

async fn predicted(stack: &Stack, model: &str, request: Value) -> Value {
    let submitted = stack.post(&format!("/predict/{model}/batch"), request).await;
    assert_eq!((&submitted["model_job_id"], &submitted["status"]), (&json!(model), &json!("pending")));
    stack.wait_for(&format!("/jobs/{}", id(&submitted)), PATIENCE, |job| !job["completed_at"].is_null()).await
}

async fn completed(stack: &Stack, model: &str, request: Value) -> Value {
    let job = predicted(stack, model, request).await;
    assert_eq!((&job["status"], &job["progress"]["percent"]), (&json!("completed"), &json!(100)), "{}", job["error_message"]);
    job
}

/// The rows of the CSV by the names of its columns.
async fn csv_of(stack: &Stack, job: &Value) -> (Vec<String>, Vec<HashMap<String, String>>) {
    let text = String::from_utf8(stack.download(job["csv_download_url"].as_str().unwrap()).await).unwrap();
    let mut lines = text.lines().map(|line| line.split(',').map(str::to_owned).collect::<Vec<_>>());
    let names = lines.next().unwrap();
    let rows = lines.map(|cells| {
        assert_eq!(cells.len(), names.len(), "{cells:?}");
        names.iter().cloned().zip(cells).collect()
    });
    let rows = rows.collect();
    (names, rows)
}

fn without_column(csv: &str, name: &str) -> String {
    let place = csv.lines().next().unwrap().split(',').position(|column| column == name).unwrap();
    let cut = |line: &str| {
        let cells = line.split(',').enumerate().filter(|(at, _)| *at != place).map(|(_, cell)| cell);
        cells.collect::<Vec<_>>().join(",") + "\n"
    };
    csv.lines().map(cut).collect()
}

/// Where the local storage keeps the objects of the datasets bucket.
fn bucket(folder: &tempfile::TempDir) -> PathBuf {
    folder.path().join("data").join("s3").join(&Template::read().unwrap().environment["S3_BUCKET_DATASETS"])
}

/// Puts a file where programs of the default user put theirs; the object's key.
fn put_input(folder: &tempfile::TempDir, name: &str, content: impl AsRef<[u8]>) -> String {
    let key = format!("inputs/default/{name}");
    let path = bucket(folder).join(&key);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, content).unwrap();
    key
}

fn has_results(folder: &tempfile::TempDir, job: &Value) -> bool {
    bucket(folder).join("predictions").join(id(job)).read_dir().is_ok_and(|mut files| files.next().is_some())
}

#[tokio::test]
async fn a_dataset_is_predicted_as_its_rows_are() {
    let (folder, stack) = Stack::fresh().await;
    // Without the city in quotes, so that lines can be cut at commas.
    let table = churn().csv.replace("\"New York, NY\"", "New York");
    let (dataset_id, model) = trained(&stack, &table, "churn").await;
    let batch = format!("/predict/{model}/batch");
    assert_eq!(stack.get(&batch).await, json!({ "predictions": [], "next_token": null }));

    let with_target = completed(&stack, &model, json!({ "dataset_id": dataset_id, "keep": ["customerID", "charges", "churn"] })).await;
    let told = &with_target["prediction"];
    assert_eq!((&told["model_job_id"], &told["predicted_dataset_id"]), (&json!(model), &json!(dataset_id)));
    assert_eq!((&told["rows"], &told["judged_rows"], &told["unknown_targets"]), (&json!(400), &json!(400), &json!(0)));
    assert_eq!((&with_target["progress"]["phase"], &with_target["progress"]["rows_done"]), (&json!("predicting"), &json!(400)));
    let metrics = &with_target["metrics"];
    assert!(metrics["accuracy"].as_f64().unwrap() > 0.8 && metrics["roc_auc"].is_number() && metrics["log_loss"].is_number(), "{metrics}");

    let (names, rows) = csv_of(&stack, &with_target).await;
    assert_eq!(names, ["customerID", "charges", "churn", "prediction", "probability_no", "probability_yes"]);
    assert_eq!((rows.len(), rows[0]["customerID"].as_str(), rows[399]["customerID"].as_str()), (400, "C-00000", "C-00399"));
    let right = rows.iter().filter(|row| row["churn"] == row["prediction"]).count();
    assert!((right as f64 / 400.0 - metrics["accuracy"].as_f64().unwrap()).abs() < 1e-9, "the metrics are those of the file");
    beside_single_rows(&stack, &model, &table, &rows).await;
    beside_parquet(&stack, &folder, &with_target, &rows).await;

    // The same rows as an upload that was never confirmed, without the target.
    let upload = stack.request_upload("new.csv").await;
    stack.put(&upload, without_column(&table, "churn").into_bytes()).await;
    let key = format!("datasets/{}/new.csv", upload.dataset_id);
    let without_target = completed(&stack, &model, json!({ "object_key": key, "keep": ["customerID"] })).await;
    assert_eq!((&without_target["metrics"], &without_target["prediction"]["judged_rows"]), (&Value::Null, &json!(0)));
    assert_eq!((&without_target["prediction"]["object_key"], &without_target["dataset_name"]), (&json!(key), &json!("new.csv")));
    let (names, again) = csv_of(&stack, &without_target).await;
    assert_eq!(names, ["customerID", "prediction", "probability_no", "probability_yes"]);
    for (one, other) in rows.iter().zip(&again) {
        assert!(["customerID", "prediction", "probability_no"].iter().all(|name| one[*name] == other[*name]), "{one:?} {other:?}");
    }

    lists(&stack, &model, &with_target, &without_target).await;
    deletion(&stack, &folder, &model, &dataset_id, &with_target).await;
}

async fn beside_single_rows(stack: &Stack, model: &str, table: &str, rows: &[HashMap<String, String>]) {
    stack.post(&format!("/jobs/{model}/deploy"), json!({ "deploy": true })).await;
    let request = stack.request(Method::POST, &format!("/predict/{model}")).header("content-type", "text/csv").body(table.to_owned());
    let answer = request.send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::OK);
    let text = answer.text().await.unwrap();
    let mut compared = 0;
    for (line, row) in text.lines().skip(1).zip(rows) {
        let cells: Vec<&str> = line.split(',').collect();
        assert_eq!(cells[..3], [&row["prediction"], &row["probability_no"], &row["probability_yes"]].map(String::as_str));
        compared += 1;
    }
    assert_eq!(compared, 400);
}

async fn beside_parquet(stack: &Stack, folder: &tempfile::TempDir, job: &Value, rows: &[HashMap<String, String>]) {
    let path = folder.path().join("predictions.parquet");
    std::fs::write(&path, stack.download(job["parquet_download_url"].as_str().unwrap()).await).unwrap();
    let frame = table::read_table(&path).unwrap();
    let names: Vec<&str> = frame.columns.iter().map(|column| column.name.as_str()).collect();
    assert_eq!((frame.rows, names.join(",")), (400, "customerID,charges,churn,prediction,probability_no,probability_yes".to_owned()));
    for (at, row) in rows.iter().enumerate() {
        for column in &frame.columns {
            let written = &row[&column.name];
            match &column.values {
                Values::Texts(texts) => assert_eq!(texts.get(at).unwrap_or_default(), written),
                Values::Numbers(numbers) if written.is_empty() => assert!(numbers[at].is_nan()),
                Values::Numbers(numbers) => assert_eq!(numbers[at] as f32, written.parse::<f32>().unwrap()),
                Values::Booleans(_) => panic!("{} holds booleans", column.name),
            }
        }
    }
}

async fn lists(stack: &Stack, model: &str, older: &Value, newer: &Value) {
    let jobs = stack.get("/jobs").await;
    let listed: Vec<String> = jobs["jobs"].as_array().unwrap().iter().map(id).collect();
    assert_eq!(listed, [model], "who lists trainings sees no predictions");
    let first = stack.get(&format!("/predict/{model}/batch?limit=1")).await;
    let token = first["next_token"].as_str().unwrap();
    let second = stack.get(&format!("/predict/{model}/batch?limit=1&next_token={token}")).await;
    assert_eq!((id(&first["predictions"][0]), id(&second["predictions"][0])), (id(newer), id(older)), "newest first");
    assert_eq!((&second["next_token"], &second["predictions"][0]["rows"]), (&Value::Null, &json!(400)));
    assert_eq!(second["predictions"][0]["primary_metric"], older["metrics"]["accuracy"]);
    let (status, refused) = stack.call(Method::GET, &format!("/jobs?next_token={token}"), Value::Null).await;
    assert_eq!((status, &refused["code"]), (StatusCode::BAD_REQUEST, &json!("invalid_token")), "a token of another list");
    let nobody = "00000000-0000-4000-8000-000000000000";
    for id in [nobody, "7"] {
        let (status, refused) = stack.call(Method::GET, &format!("/predict/{id}/batch"), Value::Null).await;
        assert_eq!((status, &refused["code"]), (StatusCode::NOT_FOUND, &json!("job_not_found")));
    }
}

async fn deletion(stack: &Stack, folder: &tempfile::TempDir, model: &str, dataset_id: &str, job: &Value) {
    assert!(has_results(folder, job));
    let job_id = id(job);
    let answer = stack.call(Method::DELETE, &format!("/jobs/{job_id}"), Value::Null).await.1;
    let deleted =
        ["csv: predictions/{}/predictions.csv", "parquet: predictions/{}/predictions.parquet"].map(|line| line.replace("{}", &job_id));
    assert_eq!(answer["deleted_resources"], json!(deleted));
    assert_eq!(answer["kept_resources"], json!([format!("dataset {dataset_id}: a prediction only reads it")]));
    assert!(!has_results(folder, job));
    stack.get(&format!("/datasets/{dataset_id}")).await;
    let left = stack.get(&format!("/predict/{model}/batch")).await["predictions"].as_array().unwrap().len();
    assert_eq!(left, 1);

    // A finished prediction has its results: it holds no dataset, and stays when its model goes.
    let answer = stack.call(Method::DELETE, &format!("/jobs/{model}"), Value::Null).await.1;
    assert_eq!(answer["kept_resources"], json!([]), "{answer}");
    let kept = stack.get(&format!("/predict/{model}/batch")).await;
    let kept = stack.get(&format!("/jobs/{}", id(&kept["predictions"][0]))).await;
    assert_eq!(csv_of(stack, &kept).await.1.len(), 400);
    let (status, _) = stack.call(Method::POST, &format!("/predict/{model}/batch"), json!({ "dataset_id": dataset_id })).await;
    assert_eq!(status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn programs_put_files_of_any_kind_under_their_users_name() {
    let (folder, stack) = Stack::fresh().await;
    let (_, model) = trained(&stack, &flowers().csv, "kind").await;
    let lines = r#"{"petal_length": 1.2, "petal_width": 0.8, "sepal_length": 5, "id": "a", "kind": 1}
{"petal_length": 3.6, "petal_width": 2.4, "sepal_length": 5, "id": "b", "kind": 7}
{"petal_length": 2.4, "petal_width": "wide", "sepal_length": 5, "id": "c", "kind": null}
"#;
    let key = put_input(&folder, "today/new.jsonl", lines);
    let job = completed(&stack, &model, json!({ "object_key": key, "keep": ["id"], "dataset_id": null })).await;
    let (names, rows) = csv_of(&stack, &job).await;
    assert_eq!(names, ["id", "prediction", "probability_1", "probability_2", "probability_3"]);
    let answers: Vec<(&str, &str)> = rows.iter().map(|row| (row["id"].as_str(), row["prediction"].as_str())).collect();
    assert_eq!(answers[..2], [("a", "1"), ("b", "3")]);
    let told = &job["prediction"];
    assert_eq!((&told["rows"], &told["judged_rows"], &told["unknown_targets"]), (&json!(3), &json!(1), &json!(1)), "{told}");
    let unread = json!([{ "column": "petal_width", "expected": "number", "cells": 1, "row": 3, "line": null, "text": "wide" }]);
    assert_eq!(told["unread_cells"], unread);

    // What only the file itself tells fails the job with the reason.
    put_input(&folder, "narrow.csv", "petal_length,id\n1,a\n");
    put_input(&folder, "picture.csv", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0");
    for (file, keep, reason) in [
        ("narrow.csv", json!([]), "Prediction failed: the table lacks columns that the model needs: petal_width, sepal_length"),
        ("today/new.jsonl", json!(["id", "name"]), "Prediction failed: the table lacks columns that are to be kept: name; keep only"),
        ("picture.csv", json!([]), "Prediction failed: 'inputs/default/picture.csv' cannot be read as a table: "),
    ] {
        let job = predicted(&stack, &model, json!({ "object_key": format!("inputs/default/{file}"), "keep": keep })).await;
        assert_eq!((&job["status"], &job["csv_download_url"]), (&json!("failed"), &Value::Null));
        assert!(job["error_message"].as_str().unwrap().starts_with(reason), "{}", job["error_message"]);
        assert!(!has_results(&folder, &job));
    }
}

#[tokio::test]
async fn numbers_are_predicted_and_judged() {
    let (_folder, stack) = Stack::fresh().await;
    let table = houses();
    let dataset_id = stack.dataset(&table.csv).await;
    // A few models are enough, and soon found.
    let config = json!({ "time_budget": 60, "candidates": 3 });
    let model = id(&stack.post("/train", json!({ "dataset_id": dataset_id, "target_column": table.target, "config": config })).await);
    stack.wait_for(&format!("/jobs/{model}"), PATIENCE, |job| job["status"] == "completed").await;
    let job = completed(&stack, &model, json!({ "dataset_id": dataset_id })).await;
    let text = String::from_utf8(stack.download(job["csv_download_url"].as_str().unwrap()).await).unwrap();
    let (header, numbers) = text.split_once('\n').unwrap();
    assert_eq!(header, "prediction");
    assert!(numbers.lines().all(|number| number.parse::<f64>().is_ok()));
    assert_eq!(job["prediction"]["rows"], numbers.lines().count());
    assert!(job["metrics"]["r2_score"].as_f64().unwrap() > 0.5 && job["metrics"]["accuracy"].is_null(), "{}", job["metrics"]);
}

#[tokio::test]
async fn what_cannot_be_predicted_is_refused_with_the_reason() {
    let (folder, stack) = Stack::fresh().await;
    let (dataset_id, model) = trained(&stack, &flowers().csv, "kind").await;
    let narrow = stack.dataset("petal_length,name\n1,a\n").await;
    put_input(&folder, "empty.csv", "");
    let nobody = "00000000-0000-4000-8000-000000000000";
    let batch = format!("/predict/{model}/batch");
    for (body, status, code, said) in [
        (json!({}), 422, "invalid_request", "Give either dataset_id or object_key"),
        (json!({ "dataset_id": dataset_id, "object_key": "x" }), 422, "invalid_request", "Give either dataset_id or object_key"),
        (json!({ "dataset_id": 7 }), 422, "invalid_request", "valid string"),
        (json!({ "dataset_id": dataset_id, "keep": "id" }), 422, "invalid_request", "valid list"),
        (json!({ "dataset_id": "7" }), 404, "dataset_not_found", "Dataset not found"),
        (json!({ "dataset_id": nobody }), 404, "dataset_not_found", "Dataset not found"),
        (json!({ "dataset_id": narrow }), 400, "missing_features", "Missing required features: ['petal_width', 'sepal_length']"),
        (json!({ "dataset_id": dataset_id, "keep": ["id", "kind"] }), 400, "invalid_keep", "keep: the dataset has no columns ['id']"),
        (json!({ "dataset_id": dataset_id, "keep": ["prediction"] }), 400, "invalid_keep", "'prediction' of their own"),
        (json!({ "dataset_id": dataset_id, "keep": ["probability_2"] }), 400, "invalid_keep", "'probability_2' of their own"),
        (json!({ "dataset_id": dataset_id, "keep": ["kind", "kind"] }), 400, "invalid_keep", "'kind' is there twice"),
        (json!({ "object_key": "inputs/default/empty.csv" }), 400, "empty_object", "is empty"),
        (json!({ "object_key": "inputs/default/none.csv" }), 404, "object_not_found", "inputs/default/… for files of your programs"),
        (json!({ "object_key": "inputs/someone/a.csv" }), 404, "object_not_found", "datasets/{dataset_id}/{file} of a dataset of yours"),
        (json!({ "object_key": "inputs/default/../../a.csv" }), 404, "object_not_found", "of yours"),
        (json!({ "object_key": format!("tables/{dataset_id}/data.parquet") }), 404, "object_not_found", "of yours"),
        (json!({ "object_key": format!("datasets/{nobody}/table.csv") }), 404, "object_not_found", "of yours"),
        (json!({ "object_key": format!("datasets/{dataset_id}/none.csv") }), 404, "object_not_found", "of yours"),
        (json!({ "object_key": "x".repeat(2_000) }), 404, "object_not_found", "of yours"),
    ] {
        let (got, refused) = stack.call(Method::POST, &batch, body.clone()).await;
        assert_eq!((got.as_u16(), &refused["code"]), (status, &json!(code)), "{body}: {refused}");
        assert!(refused["detail"].to_string().contains(said), "{body}: {refused}");
    }
    assert_eq!(stack.get(&batch).await["predictions"], json!([]), "none of them left a job");

    let waiting = id(&stack.post("/train", json!({ "dataset_id": dataset_id, "target_column": "kind" })).await);
    stack.post(&format!("/jobs/{waiting}/cancel"), Value::Null).await;
    let (status, refused) = stack.call(Method::POST, &format!("/predict/{waiting}/batch"), json!({ "dataset_id": dataset_id })).await;
    assert_eq!((status, &refused["code"]), (StatusCode::BAD_REQUEST, &json!("job_not_completed")), "{refused}");
    let job = completed(&stack, &model, json!({ "dataset_id": dataset_id })).await;
    let (status, refused) = stack.call(Method::POST, &format!("/predict/{}/batch", id(&job)), json!({ "dataset_id": dataset_id })).await;
    assert_eq!((status, &refused["code"]), (StatusCode::BAD_REQUEST, &json!("not_a_training")), "{refused}");
    let (status, refused) = stack.call(Method::POST, &format!("/jobs/{}/deploy", id(&job)), json!({ "deploy": true })).await;
    assert_eq!((status, &refused["code"]), (StatusCode::BAD_REQUEST, &json!("no_model")), "{refused}");
}

#[tokio::test]
async fn the_same_request_predicts_once() {
    let (folder, stack) = Stack::fresh().await;
    let (dataset_id, model) = trained(&stack, &flowers().csv, "kind").await;
    let functions = Functions::of(&stack, folder.path());
    let (route, path) = ("/predict/{job_id}/batch", format!("/predict/{model}/batch"));
    let ask = async |body: Value| functions.request_with("default", "POST", route, &path, &body, &[("idempotency-key", "k")]).await;
    let (one, again) = (ask(json!({ "dataset_id": dataset_id })).await, ask(json!({ "dataset_id": dataset_id })).await);
    assert_eq!((one.0, id(&one.1)), (again.0, id(&again.1)));
    assert_eq!(ask(json!({ "dataset_id": dataset_id, "keep": ["kind"] })).await.0, 409);
    let (status, _) = functions.request("alice", "GET", route, &path, &Value::Null).await;
    assert_eq!(status, 404);
    functions.stop().await;
}

/// Enough rows to be found at work.
fn many_flowers(folder: &tempfile::TempDir, count: u32) -> String {
    let row = |row: u32| format!("{}.{},{}.{},{}.5\n", row % 4, row % 97, row % 3, row % 89, row % 7);
    let rows: String = (0..count).map(row).collect();
    put_input(folder, "many.csv", format!("petal_length,petal_width,sepal_length\n{rows}"))
}

#[tokio::test]
async fn a_prediction_can_be_cancelled_while_it_waits_and_while_it_runs() {
    let (folder, stack) = Stack::fresh().await;
    let (dataset_id, model) = trained(&stack, &flowers().csv, "kind").await;
    let key = many_flowers(&folder, 2_000_000);
    let batch = format!("/predict/{model}/batch");
    let running = id(&stack.post(&batch, json!({ "object_key": key })).await);
    let waiting = id(&stack.post(&batch, json!({ "dataset_id": dataset_id })).await);
    let (status, refused) = stack.call(Method::DELETE, &format!("/datasets/{dataset_id}"), Value::Null).await;
    assert_eq!(status, StatusCode::CONFLICT);
    assert!(refused["detail"].as_str().unwrap().contains(&waiting), "what waits for a dataset holds it: {refused}");
    let at_work = |job: &Value| job["progress"]["phase"] == "predicting" && job["status"] == "running";
    let job = stack.wait_for(&format!("/jobs/{running}"), PATIENCE, at_work).await;
    assert!(job["progress"]["rows_done"].as_u64() <= job["progress"]["rows"].as_u64() && job["progress"]["rows"] == 2_000_000, "{job}");
    for job in [&waiting, &running] {
        stack.post(&format!("/jobs/{job}/cancel"), Value::Null).await;
        let job = stack.get(&format!("/jobs/{job}")).await;
        assert_eq!((&job["status"], &job["error_message"]), (&json!("cancelled"), &json!("Prediction was cancelled")));
    }
    // The queue goes on with what comes next; nothing is left of the cancelled ones.
    completed(&stack, &model, json!({ "dataset_id": dataset_id })).await;
    for job in [&waiting, &running] {
        let job = stack.get(&format!("/jobs/{job}")).await;
        assert_eq!((&job["status"], &job["csv_download_url"]), (&json!("cancelled"), &Value::Null));
        assert!(!has_results(&folder, &job));
    }
}

#[tokio::test]
async fn a_prediction_whose_machine_is_taken_away_starts_again() {
    let (folder, stack) = Stack::fresh().await;
    let (_, model) = trained(&stack, &flowers().csv, "kind").await;
    let key = many_flowers(&folder, 400_000);
    let job_id = id(&stack.post(&format!("/predict/{model}/batch"), json!({ "object_key": key })).await);
    let path = format!("/jobs/{job_id}");
    stack.wait_for(&path, PATIENCE, |job| job["progress"]["phase"] == "predicting").await;
    kill(trainer_of(&job_id), Signal::SIGTERM).unwrap();
    let job = stack.wait_for(&path, PATIENCE, |job| !job["completed_at"].is_null()).await;
    assert_eq!((&job["status"], &job["error_message"]), (&json!("completed"), &Value::Null));
    assert!(has_results(&folder, &job));
}
