//! Many clients and many events on one job: no lost update, no illegal state, nothing that comes back.

use std::{sync::Arc, time::Duration};

use reqwest::Method;
use serde_json::{Value, json};
use system_tests::{Functions, Stack, flowers};
use tokio::task::JoinSet;

const CLIENTS: usize = 16;

async fn stack() -> (tempfile::TempDir, Arc<Stack>) {
    let (folder, stack) = Stack::fresh().await;
    (folder, Arc::new(stack))
}

async fn job(stack: &Stack, dataset_id: &str) -> String {
    let request = json!({ "dataset_id": dataset_id, "target_column": "kind", "config": { "time_budget": 60 } });
    stack.post("/train", request).await["job_id"].as_str().unwrap().to_owned()
}

/// What holds of a job in whatever state it is seen.
fn check(job: &Value) {
    assert_eq!(job["deployed"].as_bool().unwrap(), job["deployed_at"].is_string(), "{job}");
    let completed = job["status"] == "completed";
    assert_eq!(completed, job["metrics"].is_object() && job["onnx_model_download_url"].is_string(), "{job}");
    assert_eq!(matches!(job["status"].as_str(), Some("failed" | "cancelled")), job["error_message"].is_string(), "{job}");
    assert_eq!(matches!(job["status"].as_str(), Some("pending" | "running")), job["completed_at"].is_null(), "{job}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sixteen_clients_change_one_job() {
    let (_folder, stack) = stack().await;
    let dataset_id = stack.dataset(&flowers().csv).await;
    let path = format!("/jobs/{}", stack.train(&dataset_id, "kind").await["job_id"].as_str().unwrap());

    let mut clients = JoinSet::new();
    for client in 0..CLIENTS {
        let (stack, path) = (Arc::clone(&stack), path.clone());
        clients.spawn(async move {
            for round in 0..6 {
                let (method, at, body, allowed): (_, _, _, &[u16]) = match client % 4 {
                    0 => (Method::POST, "/deploy", json!({ "deploy": (client + round) % 2 == 0 }), &[200]),
                    1 => (Method::PATCH, "", json!({ "tags": [format!("client {client}"), format!("round {round}")] }), &[200]),
                    2 => (Method::PATCH, "", json!({ "notes": format!("client {client} round {round}") }), &[200]),
                    _ => (Method::POST, "/cancel", Value::Null, &[409]),
                };
                let (status, answer) = stack.call(method, &format!("{path}{at}"), body).await;
                assert!(allowed.contains(&status.as_u16()), "{at}: {status} {answer}");
                check(&stack.get(&path).await);
            }
        });
    }
    while let Some(done) = clients.join_next().await {
        done.unwrap();
    }
    let job = stack.get(&path).await;
    let (tags, notes) = (job["tags"].as_array().unwrap(), job["notes"].as_str().unwrap());
    assert_eq!((tags[1].as_str().unwrap(), notes.ends_with("round 5")), ("round 5", true), "each field has a last writer: {job}");

    // One of them deletes it while the others go on.
    let mut clients = JoinSet::new();
    for client in 0..CLIENTS {
        let (stack, path) = (Arc::clone(&stack), path.clone());
        clients.spawn(async move {
            for round in 0..4 {
                let (method, at, body) = match (client, round) {
                    (7, 1) => (Method::DELETE, "", Value::Null),
                    (client, _) if client % 2 == 0 => (Method::PATCH, "", json!({ "tags": ["late"] })),
                    _ => (Method::POST, "/deploy", json!({ "deploy": true })),
                };
                let (status, answer) = stack.call(method, &format!("{path}{at}"), body).await;
                assert!(matches!(status.as_u16(), 200 | 404), "{at}: {status} {answer}");
            }
        });
    }
    while let Some(done) = clients.join_next().await {
        done.unwrap();
    }
    assert_eq!(stack.call(Method::GET, &path, Value::Null).await.0.as_u16(), 404);
    assert_eq!(stack.get("/jobs").await["jobs"], json!([]), "nothing brought it back");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_job_is_cancelled_or_completed_and_never_both() {
    let (folder, stack) = stack().await;
    let dataset_id = stack.dataset(&flowers().csv).await;
    let mut seen = Vec::new();
    for delay in [0, 100, 300, 600, 900] {
        let job_id = job(&stack, &dataset_id).await;
        let path = format!("/jobs/{job_id}");
        tokio::time::sleep(Duration::from_millis(delay)).await;
        let cancel = format!("{path}/cancel");
        let ask = || stack.call(Method::POST, &cancel, Value::Null);
        let (one, two) = tokio::join!(ask(), ask());
        assert_eq!(one.0, two.0, "{} {}", one.1, two.1);
        let job = stack.wait_for(&path, Duration::from_secs(60), |job| !job["completed_at"].is_null()).await;
        check(&job);
        assert_eq!(job["status"] == "cancelled", one.0.as_u16() == 200, "{job}");
        seen.push((job_id, job["status"].as_str().unwrap().to_owned()));
    }
    // Give the last trainers time to end, then look again: nothing has changed, and a cancelled job has left no files.
    let last = stack.train(&dataset_id, "kind").await;
    assert_eq!(last["status"], "completed");
    tokio::time::sleep(Duration::from_secs(1)).await;
    for (job_id, status) in seen {
        assert_eq!(stack.get(&format!("/jobs/{job_id}")).await["status"], status);
        assert_eq!(files(folder.path(), &job_id) > 0, status == "completed", "{status}");
    }
}

/// How many objects storage has below the folders of a job.
fn files(folder: &std::path::Path, job_id: &str) -> usize {
    fn below(folder: &std::path::Path) -> usize {
        let Ok(entries) = std::fs::read_dir(folder) else { return 0 };
        entries.flatten().map(|entry| if entry.path().is_dir() { below(&entry.path()) } else { 1 }).sum()
    }
    let buckets = std::fs::read_dir(folder.join("data/s3")).unwrap().flatten();
    buckets.map(|bucket| ["models", "reports"].map(|kind| below(&bucket.path().join(kind).join(job_id))).iter().sum::<usize>()).sum()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deleted_job_leaves_nothing_even_while_it_runs() {
    let (folder, stack) = stack().await;
    let dataset_id = stack.dataset(&flowers().csv).await;
    let mut deleted = Vec::new();
    for delay in [0, 200, 500, 800] {
        let job_id = job(&stack, &dataset_id).await;
        tokio::time::sleep(Duration::from_millis(delay)).await;
        let (status, answer) = stack.call(Method::DELETE, &format!("/jobs/{job_id}?delete_data=false"), Value::Null).await;
        assert_eq!((status.as_u16(), &answer["deleted_resources"]), (200, &json!([])));
        deleted.push(job_id);
    }
    stack.train(&dataset_id, "kind").await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    for job_id in deleted {
        assert_eq!(stack.call(Method::GET, &format!("/jobs/{job_id}"), Value::Null).await.0.as_u16(), 404);
        assert_eq!(files(folder.path(), &job_id), 0);
    }
    assert_eq!(stack.get("/jobs").await["jobs"].as_array().unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn events_that_come_twice_late_or_out_of_order_change_nothing() {
    let (folder, stack) = stack().await;
    let functions = Functions::of(&stack, folder.path());
    let dataset_id = stack.dataset(&flowers().csv).await;
    let completed = stack.train(&dataset_id, "kind").await["job_id"].as_str().unwrap().to_owned();
    let cancelled = job(&stack, &dataset_id).await;
    stack.post(&format!("/jobs/{cancelled}/cancel"), Value::Null).await;
    let deleted = job(&stack, &dataset_id).await;
    stack.call(Method::DELETE, &format!("/jobs/{deleted}?delete_data=false"), Value::Null).await;
    let before = [stack.get(&format!("/jobs/{completed}")).await, stack.get(&format!("/jobs/{cancelled}")).await];
    for status in ["FAILED", "RUNNING", "SUCCEEDED", "SUBMITTED", "FAILED"] {
        for job_id in [&completed, &cancelled, &deleted] {
            for batch_job_id in ["another", ""] {
                functions.batch_event(batch_job_id, job_id, status).await;
            }
        }
    }
    functions.sweep().await;
    let after = [stack.get(&format!("/jobs/{completed}")).await, stack.get(&format!("/jobs/{cancelled}")).await];
    assert_eq!(before, after);
    assert_eq!(stack.call(Method::GET, &format!("/jobs/{deleted}"), Value::Null).await.0.as_u16(), 404);
    let model = after[0]["onnx_model_download_url"].as_str().unwrap();
    assert!(!stack.download(model).await.is_empty(), "a completed job keeps its model");
    functions.stop().await;
}
