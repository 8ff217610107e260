//! A crash between any two writes, a trainer that vanishes, an event that never comes: each job ends with a reason.

use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use reqwest::Method;
use serde_json::{Value, json};
use system_tests::{Functions, Stack, flowers, trainer_of};
use tempfile::TempDir;
use tokio::time::{sleep, timeout};

const JOBS: &str = "automl-local-training-jobs";
const PATIENCE: Duration = Duration::from_secs(60);
/// What a trainer has between SIGTERM and its end, and a job until its end is known.
const GRACE: Duration = Duration::from_secs(30);

/// A job's item as a function that was ended early may have left it.
async fn item(stack: &Stack, job_id: &str, created_at: &str, more: Value) {
    let mut item = json!({
        "job_id": { "S": job_id },
        "dataset_id": { "S": "5f0c9a52-6f43-4c36-9b5c-3f3f0f1f2a11" },
        "user_id": { "S": "default" },
        "status": { "S": "pending" },
        "open": { "S": "yes" },
        "target_column": { "S": "y" },
        "created_at": { "S": created_at },
        "updated_at": { "S": created_at },
        "batch_job_id": { "NULL": true },
    });
    item.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    stack.dynamodb("PutItem", json!({ "TableName": JOBS, "Item": item })).await;
}

#[tokio::test]
async fn the_sweep_ends_what_nobody_told_of() {
    let (folder, stack) = Stack::fresh().await;
    let functions = Functions::of(&stack, folder.path());
    let long_ago = "2026-01-31T12:00:00.000000+00:00";
    let ids = [1, 2, 3, 4].map(|number| format!("00000000-0000-4000-8000-00000000000{number}"));
    let [never_submitted, forgotten, ended_running, finished] = &ids;
    // The function ended between storing and submitting; Batch forgot the job; the trainer's machine vanished while it ran.
    item(&stack, never_submitted, long_ago, json!({})).await;
    item(&stack, forgotten, long_ago, json!({ "batch_job_id": { "S": "gone" } })).await;
    item(&stack, ended_running, long_ago, json!({ "batch_job_id": { "S": "gone too" }, "status": { "S": "running" } })).await;
    item(&stack, finished, long_ago, json!({ "batch_job_id": { "S": "gone" }, "status": { "S": "completed" } })).await;
    // This one runs, and may go on.
    let dataset_id = stack.dataset(&flowers().csv).await;
    let request = json!({ "dataset_id": dataset_id, "target_column": "kind", "config": { "time_budget": 60 } });
    let alive = stack.post("/train", request).await["job_id"].as_str().unwrap().to_owned();

    functions.sweep().await;
    functions.sweep().await;
    for (job_id, reason) in [(never_submitted, "never submitted"), (forgotten, "left no trace"), (ended_running, "left no trace")] {
        let job = stack.get(&format!("/jobs/{job_id}")).await;
        assert_eq!(job["status"], "failed");
        let message = job["error_message"].as_str().unwrap();
        assert!(message.starts_with("Training failed: ") && message.contains(reason) && message.contains("start it again"), "{message}");
        assert!(job["completed_at"].is_string());
    }
    assert_eq!(stack.get(&format!("/jobs/{finished}")).await["status"], "completed");
    let alive = stack.wait_for(&format!("/jobs/{alive}"), PATIENCE, |job| !job["completed_at"].is_null()).await;
    assert_eq!(alive["status"], "completed", "{}", alive["error_message"]);
    functions.stop().await;
}

#[tokio::test]
async fn a_trainer_that_vanishes_fails_its_job() {
    let (folder, stack) = Stack::fresh().await;
    let job_id = submit_long(&stack).await;
    let path = format!("/jobs/{job_id}");
    stack.wait_for(&path, PATIENCE, |job| job["progress"]["phase"] == "training").await;
    kill(trainer_of(&job_id), Signal::SIGKILL).unwrap();
    let job = stack.wait_for(&path, PATIENCE, |job| !job["completed_at"].is_null()).await;
    assert_eq!(job["status"], "failed");
    assert!(job["error_message"].as_str().unwrap().contains("ran out of memory"), "{}", job["error_message"]);
    let told = told_of_end(&folder, &job_id).await;
    assert_eq!((&told["status"], &told["work"], &told["reason"]), (&json!("failed"), &json!("Training"), &job["error_message"]));
    let (status, _) = stack.call(Method::DELETE, &path, Value::Null).await;
    assert_eq!(status.as_u16(), 200);
}

#[tokio::test]
async fn a_trainer_that_is_told_to_stop_keeps_the_best_model_so_far() {
    let (folder, stack) = Stack::fresh().await;
    let job_id = submit_long(&stack).await;
    let path = format!("/jobs/{job_id}");
    stack.wait_for(&path, PATIENCE, |job| job["progress"]["candidates_tried"].as_u64() > Some(0)).await;
    let (status, refused) = stack.call(Method::GET, &format!("{path}/leaderboard"), Value::Null).await;
    assert_eq!((status.as_u16(), &refused["code"]), (409, &json!("job_not_completed")), "{refused}");

    kill(trainer_of(&job_id), Signal::SIGTERM).unwrap();
    let job = stack.wait_for(&path, GRACE, |job| !job["completed_at"].is_null()).await;
    assert_eq!((&job["status"], &job["error_message"]), (&json!("completed"), &Value::Null));
    let told = told_of_end(&folder, &job_id).await;
    assert_eq!((&told["status"], &told["reason"], &told["user_id"]), (&json!("completed"), &json!(""), &json!("default")));
    let leaderboard = stack.get(&format!("{path}/leaderboard")).await;
    assert_eq!((&leaderboard["interrupted"], &leaderboard["stopped_early"]), (&json!(true), &json!(false)));
    stack.post(&format!("{path}/deploy"), json!({ "deploy": true })).await;
    let answer = stack.post(&format!("/predict/{job_id}"), json!({ "features": { "a": 500, "b": 100 } })).await;
    assert!(answer["prediction"].is_number(), "{answer}");
}

#[tokio::test]
async fn a_trainer_whose_machine_is_taken_away_at_once_starts_again() {
    let (_folder, stack) = Stack::fresh().await;
    let job_id = submit_long(&stack).await;
    let path = format!("/jobs/{job_id}");
    stack.wait_for(&path, PATIENCE, |job| job["status"] == "running").await;
    kill(trainer_of(&job_id), Signal::SIGTERM).unwrap();
    let has_model = |job: &Value| job["progress"]["candidates_tried"].as_u64() > Some(0);
    let job = stack.wait_for(&path, PATIENCE, |job| has_model(job) || !job["completed_at"].is_null()).await;
    if job["completed_at"].is_null() {
        kill(trainer_of(&job_id), Signal::SIGTERM).unwrap();
    }
    let job = stack.wait_for(&path, GRACE, |job| !job["completed_at"].is_null()).await;
    assert_eq!((&job["status"], job["onnx_model_download_url"].is_string()), (&json!("completed"), true), "{}", job["error_message"]);
}

#[tokio::test]
async fn a_job_that_batch_refuses_is_failed_and_leaves_its_key_free() {
    let (folder, stack) = Stack::fresh().await;
    let dataset_id = stack.dataset(&flowers().csv).await;
    let request = json!({ "dataset_id": dataset_id, "target_column": "kind", "config": { "time_budget": 60 } });
    let key = [("idempotency-key", "k-1")];
    let train = async |functions: &Functions| functions.request_with("default", "POST", "/train", "/train", &request, &key).await;

    let broken = Functions::with(&stack, folder.path(), &[("BATCH_JOB_QUEUE", "none")]);
    let (status, answer) = train(&broken).await;
    assert_eq!((status, &answer["code"]), (503, &json!("training_unavailable")), "{answer}");
    let jobs = stack.get("/jobs").await["jobs"].clone();
    let [job] = jobs.as_array().unwrap().as_slice() else { panic!("{jobs}") };
    let job_id = job["job_id"].as_str().unwrap();
    assert!(answer["detail"].as_str().unwrap().contains(job_id), "{answer}");
    let job = stack.get(&format!("/jobs/{job_id}")).await;
    assert_eq!(job["status"], "failed");
    assert!(job["error_message"].as_str().unwrap().contains("could not be submitted"), "{job}");
    broken.stop().await;

    let mended = Functions::of(&stack, folder.path());
    let (status, answer) = train(&mended).await;
    assert_eq!((status, &answer["status"]), (200, &json!("pending")), "{answer}");
    mended.stop().await;
}

/// What those who subscribe to the events of jobs are told of the end of this one.
async fn told_of_end(folder: &TempDir, job_id: &str) -> Value {
    let file = folder.path().join("data/events.jsonl");
    let told = timeout(PATIENCE, async {
        loop {
            let events = std::fs::read_to_string(&file).unwrap_or_default();
            let mut events = events.lines().map(|event| serde_json::from_str::<Value>(event).unwrap());
            if let Some(event) = events.find(|event| event["detail"]["job_id"] == job_id) {
                break event;
            }
            sleep(Duration::from_millis(50)).await;
        }
    });
    let event = told.await.unwrap();
    assert_eq!((&event["source"], &event["detail-type"]), (&json!("automl"), &json!("Job Finished")));
    event["detail"].clone()
}

/// A job with enough rows to be found at work.
async fn submit_long(stack: &Stack) -> String {
    let rows: String = (0..20_000).map(|row| format!("{},{},{}\n", row * 7_919 % 1_000, row * 104_729 % 997, row % 7)).collect();
    let dataset_id = stack.dataset(&format!("a,b,y\n{rows}")).await;
    let request = json!({ "dataset_id": dataset_id, "target_column": "y", "config": { "time_budget": 60 } });
    stack.post("/train", request).await["job_id"].as_str().unwrap().to_owned()
}
